//! The new archive.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;

use super::contents;
use super::frames::OfDamaged;
use super::objects::Creation;
use super::report::{Report, Saved};
use super::rows::{self, Form};
use super::run::Salvage;
use crate::archive::{ArchiveBuilder, ArchiveWriter, WriteOptions};
use crate::compression::Algorithm;
use crate::error::Result;
use crate::format::names;
use crate::script::may_have_owner;
use crate::sql;
use crate::toc::{BlockKind, Desc, DumpId, EntryFields, Format, Section, TocEntry};
use crate::version::{ArchiveVersion, Gate};

impl Salvage {
    /// Writes a custom or tar archive.
    ///
    /// # Errors
    ///
    /// Errors of the output, and of reading the input again.
    pub fn write_to<W: Write + Seek>(self, output: W) -> Result<(W, Report)> {
        let writer = self.builder()?.start(output)?;
        let output = self.fill(writer)?;
        Ok((output, self.report))
    }

    /// Writes an archive at a path, which must not exist.
    ///
    /// # Errors
    ///
    /// As [`write_to`](Self::write_to).
    pub fn create(self, path: impl AsRef<Path>) -> Result<Report> {
        let writer: ArchiveWriter<File> = self.builder()?.create(path)?;
        self.fill(writer)?;
        Ok(self.report)
    }

    /// The oldest version that has such entries, whatever the header says.
    fn version_of_entries(&self) -> ArchiveVersion {
        let kept = self.archive.entries().filter(|entry| self.is_kept(*entry));
        let groups = kept.filter(|entry| match entry.desc() {
            Desc::BLOBS => entry.had_dumper(),
            desc => desc == Desc::BLOB_METADATA,
        });
        let mut data = 0;
        for entry in groups {
            data += usize::from(entry.had_dumper());
            if data > 1 || entry.desc() == Desc::BLOB_METADATA {
                let (major, minor) = Gate::LargeObjectGroups.since();
                return ArchiveVersion::new(major, minor);
            }
        }
        WriteOptions::OLDEST
    }

    /// Whether the entry is in the new archive.
    fn is_kept(&self, entry: TocEntry<'_>) -> bool {
        self.saved(entry).is_none_or(|saved| saved.is_kept)
    }

    fn builder(&self) -> Result<ArchiveBuilder> {
        let header = self.archive.header();
        let compression = match self.format {
            Format::Tar => Algorithm::None,
            _ if self.compression.is_enabled() => self.compression,
            _ => Algorithm::None,
        };
        // The revision says nothing, and is not written.
        let version = ArchiveVersion::new(header.version.major, header.version.minor);
        let version = version.max(self.version_of_entries());
        let options = WriteOptions::new().version(version).compression(compression, None);
        let options = options.describe_as(header);
        let mut builder = ArchiveBuilder::new(self.format, &options)?;
        let highest = self.archive.entries().map(|entry| entry.dump_id().0).max().unwrap_or(0);
        let mut next = highest;
        let mut id = || {
            next += 1;
            DumpId(next)
        };
        let toc = self.archive.toc();
        // pg_restore does not even list an archive with such entries that it cannot understand.
        let is_senseless = |desc: Desc<'_>| match desc {
            Desc::ENCODING => toc.encoding().is_err(),
            Desc::STDSTRINGS => toc.std_strings().is_err(),
            _ => false,
        };
        if !contents::has_session(toc) || is_senseless(Desc::ENCODING) {
            let session = EntryFields::new(id(), Desc::ENCODING, Section::PreData).tag("ENCODING");
            builder.entry(&session.defn("SET client_encoding = 'SQL_ASCII';\n"))?;
        }
        self.create_objects(version, &mut id, &mut builder)?;
        for entry in self.archive.entries() {
            let saved = self.saved(entry);
            if !self.is_kept(entry) || is_senseless(entry.desc()) {
                continue;
            }
            // pg_restore refuses a table that no entry can be.
            let can_be = |id: &DumpId| id.0 > 0 && id.0 <= highest;
            let needed: Vec<DumpId> =
                entry.dependencies().iter().copied().filter(|id| can_be(id)).collect();
            let mut fields = entry.fields().dependencies(&needed);
            // In a tar the first large object of a group is found by the name of the group.
            let first = saved.and_then(|saved| saved.first_object);
            let is_other = |first: &u32| {
                names::first_of_group(entry.tag().unwrap_or_default()) != Some(*first)
            };
            let tag = first.filter(is_other).map(|first| first.to_string());
            if let Some(tag) = tag.as_deref().filter(|_| version.has(Gate::LargeObjectGroups)) {
                fields = fields.tag(tag);
            }
            // A kind that pg_restore does not know has no owner, or it ends there. One that is newer
            // than this crate is named as it is dropped.
            let desc = [b"DROP ".as_slice(), entry.desc().as_bytes(), b" "].concat();
            let drop_stmt = entry.drop_stmt().unwrap_or_default();
            let is_dropped = !drop_stmt.is_empty();
            if is_dropped && !may_have_owner(entry.desc()) && !drop_stmt.starts_with(&desc) {
                fields.owner = Some(b"");
            }
            builder.entry(&fields)?;
        }
        if self.comments {
            for entry in self.archive.entries() {
                let Some(saved) = self.saved(entry).filter(|saved| !saved.is_whole()) else {
                    continue;
                };
                self.comment(entry, saved, id(), &mut builder)?;
            }
        }
        Ok(builder)
    }

    /// Adds entries that create large objects whose own are lost. A restore ends at one that is not
    /// there. Before archive version 1.12, their data creates them.
    fn create_objects(
        &self,
        version: ArchiveVersion,
        id: &mut impl FnMut() -> DumpId,
        builder: &mut ArchiveBuilder,
    ) -> Result<()> {
        if self.uncreated.is_empty() {
            return Ok(());
        }
        if version.has(Gate::LargeObjectGroups) {
            builder.entry(&Creation::of_group(&self.uncreated).entry(id()))?;
        } else if version.has(Gate::LargeObjectEntries) {
            for oid in &self.uncreated {
                builder.entry(&Creation::of_one(*oid).entry(id()))?;
            }
        }
        Ok(())
    }

    fn saved(&self, entry: TocEntry<'_>) -> Option<&Saved> {
        self.saved.get(&entry.index()).and_then(|at| self.report.entries.get(*at))
    }

    /// Says in the database that rows are lost.
    fn comment(
        &self,
        entry: TocEntry<'_>,
        saved: &Saved,
        id: DumpId,
        builder: &mut ArchiveBuilder,
    ) -> Result<()> {
        let toc = entry.toc();
        let is_table = |entry: &TocEntry<'_>| entry.desc() == Desc::TABLE;
        let mut needed = entry.dependencies().iter().filter_map(|id| toc.entry(*id));
        let Some(table) = needed.find(is_table) else { return Ok(()) };
        let (Some(namespace), Some(tag)) = (table.namespace(), table.tag()) else { return Ok(()) };
        let encoding = toc.text_encoding();
        let mut text = format!("pgdmp salvage: {} rows", saved.rows);
        if saved.left_out > 0 {
            text += &format!(", {} were damaged", saved.left_out);
        }
        if let Some(damage) = &saved.damage {
            text += &format!(", {}", damage.what);
        }
        let mut defn = b"COMMENT ON TABLE ".to_vec();
        if !namespace.is_empty() {
            sql::identifier(namespace, encoding, &mut defn);
            defn.push(b'.');
        }
        sql::identifier(tag, encoding, &mut defn);
        defn.extend_from_slice(b" IS ");
        let text: String = text.chars().filter(char::is_ascii).filter(|c| *c != '\\').collect();
        sql::literal(text.as_bytes(), encoding, true, &mut defn);
        defn.extend_from_slice(b";\n");
        let named = [b"TABLE ".as_slice(), tag].concat();
        let fields = EntryFields::new(id, Desc::COMMENT, Section::PostData);
        let needed = [table.dump_id()];
        let fields = fields.namespace(namespace).tag(&named).defn(&defn).dependencies(&needed);
        let fields = match table.owner() {
            Some(owner) => fields.owner(owner),
            None => fields,
        };
        builder.entry(&fields)?;
        Ok(())
    }

    /// Writes all data.
    fn fill<W: Write>(&self, mut writer: ArchiveWriter<W>) -> Result<W> {
        let of_damaged = match self.trusted {
            true => OfDamaged::Nothing,
            false => OfDamaged::Beginning,
        };
        let mut choice = self.choice.clone();
        for entry in self.archive.entries() {
            let Some(saved) = self.saved(entry).filter(|saved| saved.is_kept) else { continue };
            match entry.data_kind() {
                BlockKind::Data => {
                    let mut data = writer.data(saved.dump_id)?;
                    let mut buffered = io::BufWriter::with_capacity(128 << 10, &mut data);
                    let keep = |row: &[u8]| buffered.write_all(row);
                    let index = entry.index();
                    if self.linked.contains_key(&index) {
                        self.linked_rows_of(entry, keep)?;
                    } else if self.mended.contains(&index) {
                        self.mended_rows_of(entry, of_damaged, keep)?;
                    } else {
                        self.rows_of(entry, keep)?;
                    }
                    if let Form::Copy { .. } = rows::form(entry) {
                        buffered.write_all(b"\\.\n\n\n")?;
                    }
                    buffered.flush()?;
                    drop(buffered);
                    data.finish()?;
                }
                BlockKind::LargeObjects => {
                    let mut objects = writer.large_objects(saved.dump_id)?;
                    self.objects_of(entry, &mut saved.clone(), &mut choice, Some(&mut objects))?;
                    objects.finish()?;
                }
            }
        }
        writer.finish()
    }
}
