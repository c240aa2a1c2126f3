//! Header and table of contents of an archive.
//!
//! A [`Toc`] has a [`Header`] and one [`TocEntry`] for each object of the database. Entries are found by
//! dump id, by name, or one after the other. [`EntryFields`] are all fields of one entry, for making
//! entries. [`Dependents`] answers which entries need a given one.
//!
//! ```
//! use pgdmp::toc::Dependents;
//! use pgdmp::{Archive, Desc};
//!
//! let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
//! let toc = archive.toc();
//! println!("archive version {}, {} entries", toc.header().version, toc.len());
//!
//! let dependents = Dependents::new(toc);
//! if let Some(table) = toc.find(Desc::TABLE, Some(b"public"), b"town") {
//!     for entry in dependents.of(table) {
//!         println!("needs the table: {}", entry.name());
//!     }
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```

mod block_kind;
mod desc;
mod entry;
mod graph;
mod header;
mod index;
mod intern;
mod parts;
mod record;
mod section;
mod special;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;

pub use block_kind::BlockKind;
pub use desc::Desc;
pub use entry::{CatalogId, DataOffset, DumpId, EntryFields, Oid, TocEntry};
pub use graph::Dependents;
pub use header::{Compression, CreationTime, Header, MAGIC};
pub use section::Section;

pub use crate::compression::Algorithm;
pub use crate::version::{ArchiveVersion, Gate};
pub use crate::wire::{Dialect, LastField};

use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::source::Positioned;
use crate::wire::{Decoder, Encoder};

pub(crate) use entry::entry_name;
use index::Index;
use intern::{Distinct, Interner};
pub(crate) use parts::relation_of;
pub(crate) use record::Definition;
use record::{Common, Odd, Record};

/// The format of an archive: custom, directory or tar.
///
/// ```
/// use pgdmp::{Archive, Format};
///
/// assert_eq!(Archive::open("fixtures/pg18/small-dir")?.format(), Format::Directory);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// One file: header, table of contents, blocks of data (`pg_dump -Fc`).
    Custom,
    /// `toc.dat` and a file for each table and large object (`pg_dump -Fd`).
    Directory,
    /// The files of a directory archive, never compressed, in a tar (`pg_dump -Ft`).
    Tar,
}

impl Format {
    /// The word that `pg_restore -l` prints.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Custom => "CUSTOM",
            Format::Directory => "DIRECTORY",
            Format::Tar => "TAR",
        }
    }

    /// The format byte of its header. A directory says tar.
    pub(crate) const fn code_in_header(self) -> u8 {
        match self {
            Format::Custom => 1,
            Format::Directory | Format::Tar => 3,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Custom => "custom",
            Format::Directory => "directory",
            Format::Tar => "tar",
        })
    }
}

/// Header and table of contents of an archive.
///
/// Entries keep the order of the archive, which is the order of a restore. An entry takes 64 bytes
/// of memory beside its own name and SQL: the half million entries of a database with many large
/// objects take some 80 MB.
///
/// A text ends at its first NUL byte, as it does for pg_restore; no pg_dump writes one.
///
/// Reading and writing are lossless: what was read is written back byte for byte, as long as its
/// ints are spelled the way every pg_dump spells them, no text has a NUL byte, and its statements
/// were read ([`has_statements`](Self::has_statements)).
///
/// ```
/// use pgdmp::{Archive, DumpId};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let toc = archive.toc();
/// let entry = toc.entry(DumpId(217)).unwrap();
/// assert_eq!(entry.tag(), Some(&b"town"[..]));
/// assert_eq!(toc.get(entry.index()).unwrap().dump_id(), DumpId(217));
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Clone)]
pub struct Toc {
    header: Header,
    dialect: Dialect,
    statements: Statements,
    records: Vec<Record>,
    /// Tag, definition, drop and COPY statement and file name of one entry after the other.
    text: Vec<u8>,
    shared: Interner,
    commons: Distinct<Common>,
    dependencies: Vec<DumpId>,
    /// Numbers that are stored as text and not spelled as pg_dump does.
    odd: BTreeMap<(u32, Odd), Box<[u8]>>,
    index: Index,
    text_encoding: OnceLock<Encoding>,
}

/// What becomes of the SQL of the entries that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Statements {
    #[default]
    Kept,
    /// Who needs names alone, for a list say, reads them in less time and memory.
    LeftOut,
}

impl Toc {
    /// A table of contents without entries.
    pub fn new(header: Header, format: Format) -> Toc {
        let dialect = header.dialect(format);
        Toc {
            header,
            dialect,
            statements: Statements::Kept,
            records: Vec::new(),
            text: Vec::new(),
            shared: Interner::default(),
            commons: Distinct::default(),
            dependencies: Vec::new(),
            odd: BTreeMap::new(),
            index: Index::default(),
            text_encoding: OnceLock::new(),
        }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The layout on disk.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the table of contents has no entries.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether the SQL of the entries was read; see
    /// [`OpenOptions::statements`](crate::OpenOptions::statements).
    pub fn has_statements(&self) -> bool {
        self.statements == Statements::Kept
    }

    /// # Errors
    ///
    /// The statements were left out.
    pub(crate) fn require_statements(&self) -> Result<()> {
        match self.statements {
            Statements::Kept => Ok(()),
            Statements::LeftOut => Err(Error::usage("the archive was opened without statements")),
        }
    }

    /// The entries in the order of the archive.
    pub fn entries(&self) -> Entries<'_> {
        Entries { toc: self, range: 0..self.records.len() }
    }

    /// The entry at an index in the order of the archive, from 0.
    pub fn get(&self, index: usize) -> Option<TocEntry<'_>> {
        self.records.get(index).map(|record| TocEntry { toc: self, record, index })
    }

    /// The entry at a place that is known to be one.
    pub(crate) fn at(&self, index: usize) -> TocEntry<'_> {
        TocEntry { toc: self, record: &self.records[index], index }
    }

    /// The entry with a dump id. If several have it, the last one is returned, as in pg_restore.
    pub fn entry(&self, id: DumpId) -> Option<TocEntry<'_>> {
        self.get(*self.index.by_id(self, id).last()? as usize)
    }

    /// All entries with a dump id: in a sound archive one at most.
    pub(crate) fn with_id(&self, id: DumpId) -> impl Iterator<Item = TocEntry<'_>> {
        self.index.by_id(self, id).iter().filter_map(|index| self.get(*index as usize))
    }

    /// The entries whose tag is `tag`, grouped by kind.
    pub fn with_tag<'a>(&'a self, tag: &[u8]) -> impl Iterator<Item = TocEntry<'a>> + use<'a> {
        let found = self.index.by_tag(self, tag);
        found.iter().filter_map(|index| self.get(*index as usize))
    }

    /// The entry with a kind, a schema and a tag. If there are several, the first one is returned.
    pub fn find(
        &self,
        desc: Desc<'_>,
        namespace: Option<&[u8]>,
        tag: &[u8],
    ) -> Option<TocEntry<'_>> {
        self.index.by_name(self, desc, namespace, tag)
    }

    /// Whether there is an entry of this kind.
    pub fn has_desc(&self, desc: Desc<'_>) -> bool {
        self.shared
            .find(desc.as_bytes())
            .is_some_and(|shared| self.commons.values().iter().any(|common| common.desc == shared))
    }

    /// What `of` says of each kind of entry: for who would ask it of many entries.
    pub(crate) fn by_kind<T>(&self, of: impl Fn(Desc<'_>) -> T) -> ByKind<T> {
        let desc = |common: &Common| Desc(self.shared.get(common.desc).unwrap_or_default());
        ByKind(self.commons.values().iter().map(|common| of(desc(common))).collect())
    }

    /// Adds an entry at the end.
    ///
    /// # Errors
    ///
    /// A dump id that is not positive, more than 4 GiB of one text, or a text with a NUL byte.
    pub fn push(&mut self, fields: &EntryFields<'_>) -> Result<()> {
        self.index = Index::default();
        self.text_encoding = OnceLock::new();
        if self.records.len() >= i32::MAX as usize {
            return Err(Error::usage("a table of contents holds at most 2^31-1 entries"));
        }
        record::push(self, fields)
    }

    /// Takes the memory that so many more entries need, with so much text of their own.
    pub(crate) fn reserve(&mut self, entries: usize, text: usize, dependencies: usize) {
        self.records.reserve_exact(entries);
        self.text.reserve_exact(text);
        self.dependencies.reserve_exact(dependencies);
    }

    /// Says where the data of the entry at `index` is; for custom archives being written.
    pub(crate) fn set_data_offset(&mut self, index: usize, offset: DataOffset) {
        if let Some(record) = self.records.get_mut(index) {
            record::set_data_offset(record, offset, self.dialect);
        }
    }

    /// Reads a table of contents; the header was read before.
    pub(crate) fn decode<I: Positioned + ?Sized>(
        input: &mut I,
        header: Header,
        format: Format,
        statements: Statements,
        limits: &Limits,
    ) -> Result<Toc> {
        let mut toc = Toc { statements, ..Toc::new(header, format) };
        let mut d = Decoder::new(input, toc.dialect, "the table of contents", limits);
        let count = toc.decode_count(&mut d, limits)?;
        toc.check_count(&d, count)?;
        // Without a known end the count is a mere claim.
        if d.remaining().is_some() {
            toc.records.reserve_exact(count as usize);
        }
        toc.decode_entries(&mut d, count, limits)?;
        Ok(toc)
    }

    /// The same, of a damaged one: the entries before the damage, and what it is.
    pub(crate) fn decode_damaged<I: Positioned + ?Sized>(
        input: &mut I,
        header: Header,
        format: Format,
        statements: Statements,
        limits: &Limits,
    ) -> (Toc, Option<Error>) {
        let mut toc = Toc { statements, ..Toc::new(header, format) };
        let mut d = Decoder::new(input, toc.dialect, "the table of contents", limits);
        let decoded = toc.decode_count(&mut d, limits).and_then(|count| {
            // A claim that cannot be true is what is wrong; there may be entries all the same.
            let claim = toc.check_count(&d, count);
            let entries = toc.decode_entries(&mut d, count, limits);
            claim.and(entries)
        });
        (toc, decoded.err())
    }

    /// Reads one entry, which becomes a table of contents of its own: to see what is left of a damaged
    /// one.
    pub(crate) fn decode_entry<I: Positioned + ?Sized>(
        input: &mut I,
        header: Header,
        format: Format,
        limits: &Limits,
    ) -> Result<Toc> {
        let mut toc = Toc::new(header, format);
        let mut d = Decoder::new(input, toc.dialect, "the table of contents", limits);
        toc.decode_entries(&mut d, 1, limits)?;
        Ok(toc)
    }

    fn decode_count<I: Positioned + ?Sized>(
        &self,
        d: &mut Decoder<'_, I>,
        limits: &Limits,
    ) -> Result<u32> {
        let at = d.position();
        let declared = d.int()?;
        // pg_restore takes a negative count for none, and restores nothing.
        let Ok(count) = u32::try_from(declared) else {
            return Err(Error::malformed(format!(
                "the table of contents is damaged: it says that it has {declared} entries"
            ))
            .at(at));
        };
        if count > limits.entries {
            return Err(Error::new(ErrorKind::Limit {
                what: "entries of the table of contents",
                limit: u64::from(limits.entries),
                knob: "entries",
            })
            .at(at));
        }
        Ok(count)
    }

    /// Checks that there are bytes for so many entries, behind their count.
    fn check_count<I: Positioned + ?Sized>(&self, d: &Decoder<'_, I>, count: u32) -> Result<()> {
        match d.remaining() {
            Some(remaining) if u64::from(count) * record::min_len(&self.dialect) > remaining => {
                Err(Error::truncated(format!(
                    "the table of contents, which should have {count} entries"
                ))
                .at(d.position() - self.dialect.int_len() as u64))
            }
            _ => Ok(()),
        }
    }

    fn decode_entries<I: Positioned + ?Sized>(
        &mut self,
        d: &mut Decoder<'_, I>,
        count: u32,
        limits: &Limits,
    ) -> Result<()> {
        let mut scratch = Vec::new();
        (0..count).try_for_each(|_| record::decode(self, d, limits, &mut scratch))
    }

    /// Writes count and entries; the mirror of `decode`.
    fn encode<W: Write>(&self, output: &mut W, mut after: impl FnMut(&mut W)) -> io::Result<()> {
        let mut e = Encoder::new(Vec::new(), self.dialect);
        e.int(self.records.len() as i32)?;
        output.write_all(e.output_mut())?;
        for entry in self.entries() {
            e.output_mut().clear();
            entry.encode(&mut e)?;
            output.write_all(e.output_mut())?;
            after(output);
        }
        Ok(())
    }

    /// What its first bytes are when it is written: its count and the first dump id.
    pub(crate) fn first_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut e = Encoder::new(&mut bytes, self.dialect);
        let first = self.get(0).map_or(0, |entry| entry.dump_id().0);
        // Both were read, or were checked when they were added.
        let _ = e.int(self.records.len() as i32).and_then(|()| e.int(first));
        bytes
    }

    /// Writes header and table of contents. This is the content of a `toc.dat`, and of a custom
    /// archive up to its first block.
    ///
    /// # Errors
    ///
    /// Errors of `output`, numbers that do not fit the widths of the header, and statements that
    /// were left out when the archive was opened.
    pub fn write_to(&self, mut output: impl Write) -> io::Result<()> {
        self.write_noting(&mut output, |_| {})
    }

    /// The same, and calls `after` behind each entry.
    pub(crate) fn write_noting<W: Write>(
        &self,
        output: &mut W,
        after: impl FnMut(&mut W),
    ) -> io::Result<()> {
        self.require_statements()?;
        self.header.encode(output)?;
        self.encode(output, after)
    }
}

impl fmt::Debug for Toc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toc")
            .field("header", &self.header)
            .field("entries", &self.records.len())
            .finish_non_exhaustive()
    }
}

/// A value for each kind of entry in a [`Toc`].
pub(crate) struct ByKind<T>(Vec<T>);

impl<T> ByKind<T> {
    /// The value for an entry's kind. It is of that table of contents.
    pub(crate) fn of(&self, entry: TocEntry<'_>) -> &T {
        &self.0[entry.record.common as usize]
    }
}

/// The entries of a [`Toc`], in the order of the archive.
///
/// Made by [`Toc::entries`].
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    toc: &'a Toc,
    range: std::ops::Range<usize>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = TocEntry<'a>;

    fn next(&mut self) -> Option<TocEntry<'a>> {
        self.range.next().and_then(|index| self.toc.get(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }

    fn nth(&mut self, n: usize) -> Option<TocEntry<'a>> {
        self.range.nth(n).and_then(|index| self.toc.get(index))
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.range.next_back().and_then(|index| self.toc.get(index))
    }
}

impl ExactSizeIterator for Entries<'_> {}

impl<'a> IntoIterator for &'a Toc {
    type Item = TocEntry<'a>;
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.entries()
    }
}

#[cfg(test)]
mod tests;
