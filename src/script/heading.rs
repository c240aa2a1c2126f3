//! The comment above an entry.

use std::io::Write;

use crate::toc::{DataOffset, TocEntry};

/// What of an entry is below its heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Definition,
    Data { seen_at: Option<u64> },
    Statistics,
}

impl Part {
    /// What stands before an entry's name.
    fn prefix(self) -> &'static str {
        match self {
            Part::Definition => "-- Name: ",
            Part::Data { .. } => "-- Data for Name: ",
            Part::Statistics => "-- Statistics for Name: ",
        }
    }
}

/// The comment above an entry in a script. It has the name, kind, schema and owner, and in a
/// [verbose](super::ScriptOptions::verbose) script also ids, dependencies and the position of the
/// data.
///
/// It is a part of [`Step::Heading`](super::Step::Heading).
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    pub(super) entry: TocEntry<'a>,
    pub(super) part: Part,
    pub(super) verbose: bool,
    pub(super) no_owner: bool,
    pub(super) no_tablespaces: bool,
}

impl<'a> Heading<'a> {
    /// The entry below it.
    pub fn entry(&self) -> TocEntry<'a> {
        self.entry
    }

    /// The comment and the empty line after it.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write_to(&mut text);
        text
    }

    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        let entry = &self.entry;
        out.extend_from_slice(b"--\n");
        if self.verbose {
            let catalog_id = entry.catalog_id();
            line(
                out,
                format_args!(
                    "-- TOC entry {} (class {} OID {})\n",
                    entry.dump_id(),
                    catalog_id.table_oid,
                    catalog_id.oid
                ),
            );
            if !entry.dependencies().is_empty() {
                out.extend_from_slice(b"-- Dependencies:");
                for id in entry.dependencies() {
                    line(out, format_args!(" {id}"));
                }
                out.push(b'\n');
            }
        }
        let start = out.len();
        out.extend_from_slice(self.part.prefix().as_bytes());
        out.extend_from_slice(entry.tag().unwrap_or_default());
        out.extend_from_slice(b"; Type: ");
        // pg_restore writes the kind as it is; no honest archive has line ends in it.
        out.extend_from_slice(entry.desc().as_bytes());
        out.extend_from_slice(b"; Schema: ");
        out.extend_from_slice(entry.namespace().unwrap_or(b"-"));
        out.extend_from_slice(b"; Owner: ");
        let owner = if self.no_owner { None } else { entry.owner() };
        out.extend_from_slice(owner.unwrap_or(b"-"));
        let tablespace = entry.tablespace().unwrap_or_default();
        if !tablespace.is_empty() && !self.no_tablespaces {
            out.extend_from_slice(b"; Tablespace: ");
            out.extend_from_slice(tablespace);
        }
        one_line(&mut out[start..]);
        out.push(b'\n');
        if self.verbose {
            self.place_of_data(out);
        }
        out.extend_from_slice(b"--\n\n");
    }

    fn place_of_data(&self, out: &mut Vec<u8>) {
        match (self.entry.data_offset(), self.entry.file_name()) {
            (Some(offset), _) => {
                let position = match (offset, self.part) {
                    (DataOffset::At(position), _) => position,
                    (DataOffset::NotSet, Part::Data { seen_at }) => seen_at.unwrap_or(0),
                    _ => 0,
                };
                line(out, format_args!("-- Data Pos: {position}\n"));
            }
            (None, Some(name)) if !name.is_empty() => {
                out.extend_from_slice(b"-- File: ");
                let start = out.len();
                out.extend_from_slice(name);
                one_line(&mut out[start..]);
                out.push(b'\n');
            }
            _ => {}
        }
    }
}

/// Keeps names in a comment from ending it.
pub(super) fn one_line(comment: &mut [u8]) {
    for byte in comment {
        // Always written, so that many are at once.
        *byte = if matches!(*byte, b'\n' | b'\r') { b' ' } else { *byte };
    }
}

fn line(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}
