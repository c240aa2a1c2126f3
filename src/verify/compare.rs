//! An archive compared with its manifest.

use std::collections::HashSet;

use super::Level;
use super::code::Code;
use super::entry::{Seen, found_of};
use super::report::{Checksums, Found};
use crate::archive::Archive;
use crate::error::Result;
use crate::finding::Severity;
use crate::manifest::{self, Digest, EntryRecord, Manifest, ObjectsRecord, Pairing};
use crate::toc::{Format, Toc, TocEntry};

/// A manifest, and which of its records is which entry's.
#[derive(Debug)]
pub(super) struct Against<'a> {
    manifest: &'a Manifest,
    pairing: Pairing,
    subset: bool,
    /// Whether format, version and compression are those of the manifest, and so the files.
    same_form: bool,
    /// Whether stored data is comparable: that of gzip is wrapped otherwise in a file.
    same_stored: bool,
    same_version: bool,
    /// Whether all files are those of the manifest.
    pub(super) is_proved: bool,
}

/// `what` differs from the manifest.
fn differs(what: impl Into<String>) -> Found {
    Found::new(Code::Manifest, what)
}

impl<'a> Against<'a> {
    pub(super) fn new(manifest: &'a Manifest, toc: &Toc, format: Format, subset: bool) -> Self {
        let header = toc.header();
        let compression = header.compression.algorithm.name();
        let same_format = manifest.format == format.to_string();
        let same_compression = manifest.compression == compression;
        let same_version = manifest.version == manifest::version(header.version);
        Against {
            manifest,
            pairing: Pairing::new(manifest, toc),
            subset,
            same_form: same_format && same_compression && same_version,
            same_stored: same_compression && (same_format || compression != "gzip"),
            same_version,
            is_proved: false,
        }
    }

    /// Compares what the entries define.
    pub(super) fn definitions(&self, toc: &Toc, tell: &mut impl FnMut(Found)) {
        if !self.same_form {
            let what =
                "the manifest was made of an archive of another format, compression or version";
            tell(Found::new(Code::OtherForm, what));
        }
        for entry in toc.entries() {
            let may_vary = self.may_vary(entry.desc().as_bytes());
            let what = match self.record(entry) {
                Some(record) if record.def == manifest::definition(entry) => continue,
                _ if may_vary => continue,
                Some(_) => "the name or the definition is not that of the manifest",
                None => "the entry is not in the manifest",
            };
            tell(differs(what).in_entry(entry));
        }
        let gone = self.pairing.gone.iter().map(|n| &self.manifest.entries[*n]);
        for record in gone.filter(|record| !self.may_vary(&record.desc)) {
            let found = differs(format!("{} of the manifest is not in the archive", name(record)));
            tell(match self.subset {
                true => found.severity(Severity::Note),
                false => found,
            });
        }
    }

    /// Whether the entries of a kind are others in another archive version.
    fn may_vary(&self, desc: &[u8]) -> bool {
        !self.same_version && desc.starts_with(b"BLOB")
    }

    fn record(&self, entry: TocEntry<'_>) -> Option<&'a EntryRecord> {
        self.pairing.record(self.manifest, entry.index())
    }

    /// Compares the stored bytes of all files, if they should be the same.
    ///
    /// # Errors
    ///
    /// None for files that are missing or cannot be read, which is told; errors of listing them.
    pub(super) fn files(&mut self, archive: &Archive, tell: &mut impl FnMut(Found)) -> Result<()> {
        if !self.same_form {
            return Ok(());
        }
        let mut same = true;
        let mut tell = |found: Found| {
            same = false;
            tell(found);
        };
        if archive.format() == Format::Directory {
            self.members(archive, &mut tell)?;
            self.is_proved = same && !self.manifest.members.is_empty();
            return Ok(());
        }
        let Some(sha256) = self.manifest.sha256 else { return Ok(()) };
        match manifest::file(archive) {
            Err(error) => tell(found_of(&error)),
            Ok(None) => {}
            Ok(Some((size, _))) if Some(size) != self.manifest.size => {
                let expected = self.manifest.size.unwrap_or_default();
                tell(differs(format!("the file has {size} bytes, in the manifest {expected}")));
            }
            Ok(Some((_, digest))) if digest != sha256 => {
                tell(differs("the file's SHA-256 is not that of the manifest"));
            }
            Ok(Some(_)) => {}
        }
        self.is_proved = same;
        Ok(())
    }

    fn members(&self, archive: &Archive, tell: &mut impl FnMut(Found)) -> Result<()> {
        let mut known = HashSet::new();
        for record in &self.manifest.members {
            let mut found = match manifest::member(archive, &record.name) {
                Ok(of) if of == (record.size, record.sha256) => None,
                Ok((size, _)) if size != record.size => {
                    let expected = record.size;
                    Some(differs(format!("the file has {size} bytes, in the manifest {expected}")))
                }
                Ok(_) => Some(differs("the file's SHA-256 is not that of the manifest")),
                Err(error) if error.is_io() => Some(found_of(&error)),
                Err(error) => Some(differs(error.kind().to_string())),
            };
            if let Some(found) = &mut found {
                found.finding.member.get_or_insert_with(|| record.name.clone());
            }
            found.into_iter().for_each(&mut *tell);
            known.insert(&record.name);
        }
        let mut files = archive.walked()?.files.unwrap_or_default();
        files.sort_unstable();
        for file in files.iter().filter(|file| manifest::is_of_archive(file)) {
            if !known.contains(file) {
                let mut found = differs("the file is not in the manifest");
                found.finding.member = Some(file.clone());
                tell(found);
            }
        }
        Ok(())
    }

    /// Compares the data of an entry that was read.
    pub(super) fn data(&self, entry: TocEntry<'_>, seen: &mut Seen) {
        let Some(record) = self.record(entry) else { return };
        let (Some(expected), Some(raw)) = (record.raw, seen.hash) else {
            if self.is_proved {
                seen.state.checksums = Checksums::Manifest;
            }
            return;
        };
        self.same("decompressed data", expected, raw, entry, seen);
        if expected == raw {
            seen.state.checksums = Checksums::Manifest;
        }
    }

    /// Compares the stored data of an entry.
    pub(super) fn stored(&self, archive: &Archive, entry: TocEntry<'_>, seen: &mut Seen) {
        let record = self.record(entry).filter(|_| self.same_stored && !self.is_proved);
        let Some(expected) = record.and_then(|record| record.stored) else { return };
        // That the data is not there is found on other ways.
        if let Ok(stored) = manifest::stored(archive, entry) {
            self.same("stored data", expected, stored, entry, seen);
        }
    }

    fn same(
        &self,
        what: &str,
        expected: (u64, Digest),
        found: (u64, Digest),
        entry: TocEntry<'_>,
        seen: &mut Seen,
    ) {
        let what = match (expected, found) {
            _ if expected == found => return,
            ((expected, _), (len, _)) if expected != len => {
                format!("the {what} has {len} bytes, in the manifest {expected}")
            }
            _ => format!("the {what} is not that of the manifest"),
        };
        seen.add(entry, differs(what));
    }

    /// Compares all large objects.
    pub(super) fn objects(&self, found: ObjectsRecord, tell: &mut impl FnMut(Found)) {
        let Some(expected) = self.manifest.large_objects.filter(|_| !self.subset) else { return };
        if expected.count != found.count {
            let what = format!(
                "there are {} large objects, in the manifest {}",
                found.count, expected.count
            );
            tell(differs(what));
        } else if expected != found {
            tell(differs("a large object is not that of the manifest"));
        }
    }

    /// Whether the checksum of decompressed data is needed at a level.
    pub(super) fn wants_hashes(&self, level: Level) -> bool {
        level >= Level::Data && !self.is_proved
    }
}

/// What a record is about.
fn name(record: &EntryRecord) -> String {
    let text = String::from_utf8_lossy;
    let schema = record.schema.as_deref().filter(|schema| !schema.is_empty());
    let schema = schema.map(|schema| format!("{}.", text(schema))).unwrap_or_default();
    let tag = text(record.tag.as_deref().unwrap_or_default());
    format!("entry {} {} {schema}{tag}", record.id, text(&record.desc))
}

/// What was read of the data: for a manifest that is made.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Place of the entry, length and checksum of its data, rows.
    data: Vec<(usize, (u64, Digest), Option<u64>)>,
    objects: manifest::ObjectsHash,
}

impl Book {
    pub(super) fn take(&mut self, seen: &mut Seen) {
        if let Some(hash) = seen.hash {
            self.data.push((seen.state.index, hash, seen.state.rows));
        }
        self.objects.append(&mut seen.objects);
    }

    /// The large objects that were read.
    pub(super) fn objects(&mut self) -> ObjectsRecord {
        std::mem::take(&mut self.objects).finish()
    }

    /// Writes down all but the large objects.
    pub(super) fn record(self, manifest: &mut Manifest) {
        for (index, raw, rows) in self.data {
            if let Some(record) = manifest.entries.get_mut(index) {
                (record.raw, record.rows) = (Some(raw), rows);
            }
        }
    }
}
