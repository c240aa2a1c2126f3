//! What a restore tells of: what it is about to do, and what is not as it should be.

use std::io::Write;

use crate::error::Error;
use crate::toc::{Oid, TocEntry};

/// A message of a restore, as [`Step::Event`](super::Step::Event): what it is about to do, or a
/// warning.
///
/// See the example of [`Sink`](super::Sink).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An object is dropped.
    Dropping(TocEntry<'a>),
    /// An object is created.
    Creating(TocEntry<'a>),
    /// A definition that counts as data is run.
    Executing(TocEntry<'a>),
    /// The restore connects to another database.
    Connecting(TocEntry<'a>),
    /// A table's triggers are disabled.
    DisablingTriggers(TocEntry<'a>),
    /// A table's triggers are enabled again.
    EnablingTriggers(TocEntry<'a>),
    /// Data is restored.
    ProcessingData(TocEntry<'a>),
    /// A large object is restored.
    LargeObject(Oid),
    /// All large objects of an entry were restored; this is their number.
    LargeObjects(u64),
    /// A table could not be created, so its data is left out; see
    /// [`ScriptOptions::no_data_for_failed_tables`](super::ScriptOptions::no_data_for_failed_tables).
    NoDataForFailedTable(TocEntry<'a>),
    /// Warning: the archive has a warning of pg_dump.
    WarningInArchive(&'a [u8]),
    /// Warning: data is damaged in a way that pg_restore does not notice.
    DamagedData(&'a Error),
    /// Warning: a DROP statement has an unexpected form, so `IF EXISTS` was left out.
    NoPlaceForIfExists(&'a [u8]),
}

impl Event<'_> {
    /// Whether the event is a warning.
    pub fn is_warning(&self) -> bool {
        matches!(
            self,
            Event::WarningInArchive(_) | Event::DamagedData(_) | Event::NoPlaceForIfExists(_)
        )
    }

    /// The message of `pg_restore -v` for the event, in the encoding of the archive.
    pub fn message(&self) -> Vec<u8> {
        let mut text = Vec::new();
        match self {
            Event::Dropping(entry) => plain(&mut text, "dropping", entry),
            Event::Executing(entry) => plain(&mut text, "executing", entry),
            Event::Creating(entry) => {
                text.extend_from_slice(b"creating ");
                text.extend_from_slice(entry.desc().as_bytes());
                text.push(b' ');
                quoted(&mut text, entry);
            }
            Event::Connecting(entry) => {
                text.extend_from_slice(b"connecting to new database \"");
                text.extend_from_slice(entry.tag().unwrap_or_default());
                text.push(b'"');
            }
            Event::DisablingTriggers(entry) => {
                text.extend_from_slice(b"disabling triggers for ");
                text.extend_from_slice(entry.tag().unwrap_or_default());
            }
            Event::EnablingTriggers(entry) => {
                text.extend_from_slice(b"enabling triggers for ");
                text.extend_from_slice(entry.tag().unwrap_or_default());
            }
            Event::ProcessingData(entry) if super::is_large_objects(entry) => {
                text.extend_from_slice(b"processing ");
                text.extend_from_slice(entry.desc().as_bytes());
            }
            Event::ProcessingData(entry) => {
                text.extend_from_slice(b"processing data for table ");
                quoted(&mut text, entry);
            }
            Event::LargeObject(oid) => number(&mut text, "restoring large object with OID ", oid.0),
            Event::LargeObjects(1) => text.extend_from_slice(b"restored 1 large object"),
            Event::LargeObjects(count) => {
                number(&mut text, "restored ", *count);
                text.extend_from_slice(b" large objects");
            }
            Event::NoDataForFailedTable(entry) => {
                text.extend_from_slice(b"table \"");
                text.extend_from_slice(entry.tag().unwrap_or_default());
                text.extend_from_slice(b"\" could not be created, will not restore its data");
            }
            Event::WarningInArchive(what) => {
                text.extend_from_slice(b"warning from original dump file: ");
                text.extend_from_slice(what);
            }
            Event::DamagedData(error) => text.extend_from_slice(error.to_string().as_bytes()),
            Event::NoPlaceForIfExists(statement) => {
                text.extend_from_slice(b"could not find where to insert IF EXISTS in statement \"");
                text.extend_from_slice(statement);
                text.push(b'"');
            }
        }
        text
    }
}

fn plain(text: &mut Vec<u8>, verb: &str, entry: &TocEntry<'_>) {
    text.extend_from_slice(verb.as_bytes());
    text.push(b' ');
    text.extend_from_slice(entry.desc().as_bytes());
    text.push(b' ');
    text.extend_from_slice(entry.tag().unwrap_or_default());
}

fn quoted(text: &mut Vec<u8>, entry: &TocEntry<'_>) {
    text.push(b'"');
    if let Some(namespace) = entry.namespace() {
        text.extend_from_slice(namespace);
        text.push(b'.');
    }
    text.extend_from_slice(entry.tag().unwrap_or_default());
    text.push(b'"');
}

fn number(text: &mut Vec<u8>, before: &str, number: impl std::fmt::Display) {
    // Writing to memory does not fail.
    let _ = write!(text, "{before}{number}");
}
