//! A new archive, up to its first byte: its entries, and which data each of them gets.

use super::choice::{Choice, Chosen, Edit};
use super::contents::Contents;
use super::job::{Job, Sources};
use super::note::{Note, VersionNeed};
use super::rewrites::{self, Rewrites};
use super::settle::settle;
use super::target::Target;
use super::version;
use crate::archive::{Archive, ArchiveBuilder, Storage, Ways};
use crate::compress::Algorithm;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::toc::{Compression, CreationTime, EntryFields, Format, Header, Toc};
use crate::version::ArchiveVersion;

/// An archive that is converted.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) toc: &'a Toc,
    pub(super) format: Format,
    pub(super) contents: &'a dyn Contents,
    /// Whether it is copied as it is, without a plan, where nothing changes.
    pub(super) copies: bool,
    /// What is wrong with its table of contents.
    pub(super) damage: Option<&'a Error>,
}

impl<'a> Source<'a> {
    pub(super) fn of(archive: &'a Archive) -> Self {
        let damage = archive.damage();
        Source {
            toc: archive.toc(),
            format: archive.format(),
            contents: archive,
            copies: damage.is_none(),
            damage,
        }
    }
}

/// A new archive, up to its first byte.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) builder: ArchiveBuilder,
    pub(super) jobs: Vec<Job>,
    pub(super) notes: Vec<Note>,
    /// Whether all is as it was, in the same format.
    pub(super) unchanged: bool,
    /// What is done with data that stays in its compression.
    pub(super) ways: Ways,
}

impl Plan {
    pub(super) fn new<'a>(
        source: Source<'a>,
        target: &Target,
        choice: Choice<'_, 'a>,
        edit: Option<&mut Edit<'_, 'a>>,
        rewrites: &Rewrites<'_>,
    ) -> Result<Plan> {
        let Source { toc, format, contents, copies, damage } = source;
        let old = toc.header();
        let new_format = target.format.unwrap_or(format);
        let compression = compression(old, new_format, target);
        let needs = [VersionNeed::Compression(compression.algorithm)];
        let (version, newer) = version::choose(old.version, target, &needs);
        let header = header(old, version, new_format, compression);
        let mut notes = Vec::new();
        let damage = damage.map(|error| Note::Damaged { damage: Finding::from(error) });
        notes.extend(damage);
        let Chosen { mut drafts, changed } = Chosen::new(toc, choice, edit, contents, &mut notes)?;
        if !rewrites.is_empty() {
            rewrites::leave_statistics_out(&mut drafts, &mut notes);
        }
        let unchanged = copies && !changed && rewrites.is_empty() && keeps_all(target, old, format);
        if !unchanged {
            notes.extend(newer);
            settle(&mut drafts, old.version, version, contents, &mut notes)?;
        }
        let mut builder = ArchiveBuilder::with_header(new_format, header, &target.storage);
        if unchanged && builder.is_err() {
            // What is only copied need not be something that could be made: an archive of a
            // compression that this build is without, for example.
            let header = Header {
                version: ArchiveVersion::NEWEST,
                compression: Compression { algorithm: Algorithm::None, level: None },
                ..old.clone()
            };
            builder = ArchiveBuilder::with_header(new_format, header, &Storage::default());
        }
        let mut builder = builder?.with_threads(target.storage.threads);
        let mut jobs = Vec::new();
        if !unchanged {
            drafts.iter().for_each(|draft| draft.announce(&mut builder));
            for draft in drafts {
                jobs.extend(add(&mut builder, &draft.fields(), draft.sources(), 0)?);
            }
        }
        Ok(Plan { builder, jobs, notes, unchanged, ways: target.ways() })
    }
}

/// Whether the target is what the archive is.
fn keeps_all(target: &Target, old: &Header, format: Format) -> bool {
    target.storage.version.is_none_or(|version| version == old.version)
        && target.format.is_none_or(|new| new == format)
        && (format != Format::Directory || target.storage.compression.is_none())
        && target.storage.compression.is_none_or(|(algorithm, level)| {
            algorithm == old.compression.algorithm && level.is_none()
        })
        && !target.storage.long
        && !target.rewrites()
}

/// Adds an entry to a new archive, and says what its data is.
pub(super) fn add(
    builder: &mut ArchiveBuilder,
    fields: &EntryFields<'_>,
    sources: Sources,
    archive: u32,
) -> Result<Option<Job>> {
    let id = builder.entry(fields)?;
    let kind = fields.desc.data_kind();
    Ok(fields.had_dumper.then_some(Job { id, kind, sources, archive }))
}

/// How data becomes compressed.
pub(super) fn compression(old: &Header, format: Format, target: &Target) -> Compression {
    match target.storage.compression {
        Some((algorithm, level)) => Compression { algorithm, level },
        // Nothing in a tar is compressed, whatever its source was.
        None if format == Format::Tar => Compression { algorithm: Algorithm::None, level: None },
        // A level that no compressor has is not kept.
        None => Compression {
            algorithm: old.compression.algorithm,
            level: old.compression.level.filter(|level| (-1..=9).contains(level)),
        },
    }
}

pub(super) fn header(
    old: &Header,
    version: ArchiveVersion,
    format: Format,
    compression: Compression,
) -> Header {
    Header {
        version,
        // In every archive since 1998, but for those that were made up.
        int_size: 4,
        off_size: 8,
        format_code: format.code_in_header(),
        compression,
        created: Some(old.created.unwrap_or_else(|| CreationTime::from_unix_utc(0))),
        ..old.clone()
    }
}
