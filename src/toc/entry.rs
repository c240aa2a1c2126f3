//! One entry: its fields as they lie in memory, how they are read and how they are written.
//!
//! The order of fields in `decode` and `TocEntry::encode` is that of `ReadToc` and `WriteToc` in
//! `pg_backup_archiver.c`, and of `ReadExtraToc` and `WriteExtraToc` in the file of each format.
//! A new field goes into `Record` or `Common`, `EntryFields` and those two functions, with its gate.

use std::fmt;
use std::io::{self, Write};

use super::intern::Shared;
use super::{Desc, Section, Toc};
use crate::error::{EntryName, Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::source::Input;
use crate::version::Gate;
use crate::wire::{Decoder, Dialect, Encoder, LastField};

/// Number of an entry within its archive, greater than 0.
///
/// Dependencies may hold any number, also of entries that the archive does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DumpId(pub i32);

impl fmt::Display for DumpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An object identifier of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Oid(pub u32);

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an object was in the catalogs of the dumped server. Both are 0 if nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CatalogId {
    /// OID of the catalog, for example 1259 for `pg_class`. 0 before archive version 1.8.
    pub table_oid: Oid,
    /// OID of the object.
    pub oid: Oid,
}

/// Where the data of an entry of a custom archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataOffset {
    /// The entry has, or may have, data; it must be searched for. So it is in archives that were
    /// written to a pipe, and since PostgreSQL 16 to redirected output.
    NotSet,
    /// Position of the block, from the start of the file.
    At(u64),
    /// The entry has no data.
    NoData,
}

/// Flags of `WriteOffset`; `K_OFFSET_…` in PostgreSQL.
const POS_NOT_SET: u8 = 1;
const POS_SET: u8 = 2;
const NO_DATA: u8 = 3;

/// All fields of an entry, for making one.
///
/// What the archive version has no field for is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryFields<'a> {
    /// See [`TocEntry::dump_id`].
    pub dump_id: DumpId,
    /// See [`TocEntry::had_dumper`].
    pub had_dumper: bool,
    /// See [`TocEntry::catalog_id`].
    pub catalog_id: CatalogId,
    /// See [`TocEntry::tag`].
    pub tag: Option<&'a [u8]>,
    /// See [`TocEntry::desc`].
    pub desc: Desc<'a>,
    /// See [`TocEntry::section`].
    pub section: Section,
    /// See [`TocEntry::defn`].
    pub defn: Option<&'a [u8]>,
    /// See [`TocEntry::drop_stmt`].
    pub drop_stmt: Option<&'a [u8]>,
    /// See [`TocEntry::copy_stmt`].
    pub copy_stmt: Option<&'a [u8]>,
    /// See [`TocEntry::namespace`].
    pub namespace: Option<&'a [u8]>,
    /// See [`TocEntry::tablespace`].
    pub tablespace: Option<&'a [u8]>,
    /// See [`TocEntry::table_am`].
    pub table_am: Option<&'a [u8]>,
    /// See [`TocEntry::relkind`].
    pub relkind: i32,
    /// See [`TocEntry::owner`].
    pub owner: Option<&'a [u8]>,
    /// See [`TocEntry::with_oids`].
    pub with_oids: Option<&'a [u8]>,
    /// See [`TocEntry::dependencies`].
    pub dependencies: &'a [DumpId],
    /// See [`TocEntry::data_offset`]; only custom archives have it.
    pub data_offset: DataOffset,
    /// See [`TocEntry::file_name`]; only directory and tar archives have it.
    pub file_name: &'a [u8],
}

impl EntryFields<'static> {
    /// An entry of a kind with nothing else.
    pub const fn new(dump_id: DumpId, desc: Desc<'static>, section: Section) -> Self {
        EntryFields {
            dump_id,
            had_dumper: false,
            catalog_id: CatalogId { table_oid: Oid(0), oid: Oid(0) },
            tag: None,
            desc,
            section,
            defn: None,
            drop_stmt: None,
            copy_stmt: None,
            namespace: None,
            tablespace: None,
            table_am: None,
            relkind: 0,
            owner: None,
            with_oids: Some(b"false"),
            dependencies: &[],
            data_offset: DataOffset::NoData,
            file_name: b"",
        }
    }
}

/// Length of a text that may be NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Len(u32);

impl Len {
    const NULL: Len = Len(u32::MAX);

    #[inline]
    fn new(len: Option<usize>) -> Result<Len> {
        match len.map(u32::try_from) {
            None => Ok(Len::NULL),
            Some(Ok(len)) if len != u32::MAX => Ok(Len(len)),
            _ => Err(Error::usage("a text is longer than 4 GiB")),
        }
    }

    fn get(self) -> Option<usize> {
        (self != Len::NULL).then_some(self.0 as usize)
    }
}

/// An entry in memory. Its own texts stand one after the other in `Toc::text`; its dependencies in
/// `Toc::dependencies`, up to those of the next entry.
#[derive(Debug, Clone)]
pub(super) struct Record {
    text: u64,
    /// Of the offset in the file, whatever the flag says of it.
    position: u64,
    dump_id: i32,
    oid: u32,
    tag: Len,
    defn: Len,
    drop_stmt: Len,
    copy_stmt: Len,
    namespace: Shared,
    owner: Shared,
    /// Place in `Toc::commons`.
    common: u32,
    dependencies: u32,
    /// Length of the file name, or before archive version 1.7 the stored length of the data.
    extra: i32,
    offset_flag: u8,
}

/// The fields of an entry of which there are few combinations in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Common {
    had_dumper: i32,
    table_oid: u32,
    section: i32,
    relkind: i32,
    pub(super) desc: Shared,
    tablespace: Shared,
    table_am: Shared,
    with_oids: Shared,
}

/// An entry that is not yet in a [`Toc`].
#[derive(Debug, Clone)]
struct Draft {
    record: Record,
    common: Common,
}

/// A number that is stored as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Odd {
    TableOid,
    Oid,
    Dependency(u32),
}

/// One entry of a [`Toc`].
#[derive(Clone, Copy)]
pub struct TocEntry<'a> {
    pub(super) toc: &'a Toc,
    pub(super) record: &'a Record,
    pub(super) index: usize,
}

impl<'a> TocEntry<'a> {
    fn common(&self) -> &'a Common {
        &self.toc.commons.values()[self.record.common as usize]
    }

    /// Its number.
    pub fn dump_id(&self) -> DumpId {
        DumpId(self.record.dump_id)
    }

    /// Its place in the order of the archive, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The table of contents it belongs to.
    pub fn toc(&self) -> &'a Toc {
        self.toc
    }

    /// Whether it had something that produced data when it was dumped.
    pub fn had_dumper(&self) -> bool {
        self.common().had_dumper != 0
    }

    /// Where the object was in the catalogs.
    pub fn catalog_id(&self) -> CatalogId {
        CatalogId { table_oid: Oid(self.common().table_oid), oid: Oid(self.record.oid) }
    }

    /// The text of the field that begins `before` bytes into this entry's texts.
    fn text(&self, before: &[Len], len: Len) -> Option<&'a [u8]> {
        let before: usize = before.iter().filter_map(|len| len.get()).sum();
        let start = self.record.text as usize + before;
        self.toc.text.get(start..start + len.get()?)
    }

    /// The name of the object, as listed. For a comment or an ACL since PostgreSQL 11, for a
    /// trigger or a default, it holds more than a name.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.text(&[], self.record.tag)
    }

    /// The kind of the object.
    pub fn desc(&self) -> Desc<'a> {
        Desc(self.toc.shared.get(self.common().desc).unwrap_or_default())
    }

    /// The part of a restore it belongs to. Archives before 1.11 do not store it; then it follows
    /// from the kind.
    pub fn section(&self) -> Section {
        if self.toc.dialect.has(Gate::Section) {
            Section::from_code(self.common().section)
        } else {
            Section::derive(self.desc())
        }
    }

    /// The SQL that creates the object.
    pub fn defn(&self) -> Option<&'a [u8]> {
        self.text(&[self.record.tag], self.record.defn)
    }

    /// The SQL that drops the object.
    pub fn drop_stmt(&self) -> Option<&'a [u8]> {
        self.text(&[self.record.tag, self.record.defn], self.record.drop_stmt)
    }

    /// The COPY statement before the data; `None` if the data is INSERT statements.
    pub fn copy_stmt(&self) -> Option<&'a [u8]> {
        let Record { tag, defn, drop_stmt, copy_stmt, .. } = *self.record;
        self.text(&[tag, defn, drop_stmt], copy_stmt)
    }

    /// The schema of the object.
    pub fn namespace(&self) -> Option<&'a [u8]> {
        self.toc.shared.get(self.record.namespace)
    }

    /// The tablespace of the object. `None`: it has none; empty: the default of the database.
    pub fn tablespace(&self) -> Option<&'a [u8]> {
        self.toc.shared.get(self.common().tablespace)
    }

    /// The table access method, for example `heap`.
    pub fn table_am(&self) -> Option<&'a [u8]> {
        self.toc.shared.get(self.common().table_am)
    }

    /// `pg_class.relkind` as a character code, for example 114 for `r`; 0 if there is none.
    pub fn relkind(&self) -> i32 {
        self.common().relkind
    }

    /// The role that owns the object.
    pub fn owner(&self) -> Option<&'a [u8]> {
        self.toc.shared.get(self.record.owner)
    }

    /// The text `true` or `false`, once for WITH OIDS; always `false` since PostgreSQL 12.
    pub fn with_oids(&self) -> Option<&'a [u8]> {
        self.toc.shared.get(self.common().with_oids)
    }

    /// The entries it needs, as stored: with duplicates, and with ids the archive does not have.
    /// Before archive version 1.8 these are OIDs, not dump ids.
    pub fn dependencies(&self) -> &'a [DumpId] {
        let next = self.toc.records.get(self.index + 1);
        let end = next.map_or(self.toc.dependencies.len(), |next| next.dependencies as usize);
        self.toc.dependencies.get(self.record.dependencies as usize..end).unwrap_or_default()
    }

    /// Where its data is. `None` in directory and tar archives, which have
    /// [`file_name`](Self::file_name) instead.
    pub fn data_offset(&self) -> Option<DataOffset> {
        if self.toc.dialect.last_field != LastField::Offset {
            return None;
        }
        Some(match self.record.offset_flag {
            POS_SET => DataOffset::At(self.record.position),
            NO_DATA => DataOffset::NoData,
            _ => DataOffset::NotSet,
        })
    }

    /// The file with its data, as stored, without a compression's suffix; empty if it has none.
    /// `None` in custom archives.
    pub fn file_name(&self) -> Option<&'a [u8]> {
        if self.toc.dialect.last_field != LastField::FileName {
            return None;
        }
        let Record { tag, defn, drop_stmt, copy_stmt, extra, .. } = *self.record;
        self.text(&[tag, defn, drop_stmt, copy_stmt], Len(extra as u32))
    }

    /// Whether data belongs to it: it had a dumper, and the archive does not say that there is
    /// no data all the same.
    pub fn has_data(&self) -> bool {
        self.had_dumper() && self.data_offset() != Some(DataOffset::NoData)
    }

    /// Its kind, schema and tag in a form that can be printed anywhere.
    pub fn name(&self) -> EntryName {
        entry_name(self.dump_id().0, self.desc(), self.namespace(), self.tag())
    }

    /// All its fields.
    pub fn fields(&self) -> EntryFields<'a> {
        EntryFields {
            dump_id: self.dump_id(),
            had_dumper: self.had_dumper(),
            catalog_id: self.catalog_id(),
            tag: self.tag(),
            desc: self.desc(),
            section: self.section(),
            defn: self.defn(),
            drop_stmt: self.drop_stmt(),
            copy_stmt: self.copy_stmt(),
            namespace: self.namespace(),
            tablespace: self.tablespace(),
            table_am: self.table_am(),
            relkind: self.relkind(),
            owner: self.owner(),
            with_oids: self.with_oids(),
            dependencies: self.dependencies(),
            data_offset: self.data_offset().unwrap_or(DataOffset::NoData),
            file_name: self.file_name().unwrap_or_default(),
        }
    }

    fn odd(&self, field: Odd) -> Option<&'a [u8]> {
        self.toc.odd.get(&(self.index as u32, field)).map(|text| &**text)
    }

    /// Writes the entry; the mirror of `decode`.
    pub(super) fn encode<W: Write>(&self, e: &mut Encoder<W>) -> io::Result<()> {
        let dialect = e.dialect;
        let record = self.record;
        let common = self.common();
        e.int(record.dump_id)?;
        e.int(common.had_dumper)?;
        if dialect.has(Gate::TableOid) {
            encode_number(e, self.odd(Odd::TableOid), common.table_oid)?;
        }
        encode_number(e, self.odd(Odd::Oid), record.oid)?;
        e.string(self.tag())?;
        e.string(Some(self.desc().as_bytes()))?;
        if dialect.has(Gate::Section) {
            e.int(common.section)?;
        }
        e.string(self.defn())?;
        e.string(self.drop_stmt())?;
        if dialect.has(Gate::CopyStmt) {
            e.string(self.copy_stmt())?;
        }
        if dialect.has(Gate::Namespace) {
            e.string(self.namespace())?;
        }
        if dialect.has(Gate::Tablespace) {
            e.string(self.tablespace())?;
        }
        if dialect.has(Gate::TableAm) {
            e.string(self.table_am())?;
        }
        if dialect.has(Gate::Relkind) {
            e.int(common.relkind)?;
        }
        e.string(self.owner())?;
        if dialect.has(Gate::WithOids) {
            e.string(self.with_oids())?;
        }
        if dialect.has(Gate::Dependencies) {
            for (n, id) in self.dependencies().iter().enumerate() {
                encode_number(e, self.odd(Odd::Dependency(n as u32)), id.0)?;
            }
            e.string(None)?;
        }
        match dialect.last_field {
            LastField::FileName => e.string(self.file_name()),
            LastField::Offset if dialect.has(Gate::OffsetFlag) => {
                e.byte(record.offset_flag)?;
                e.offset(record.position)
            }
            LastField::Offset => {
                // "Not set" is negative, which the position keeps.
                let position = i32::try_from(record.position as i64).map_err(|_| {
                    let text = format!("{} does not fit an offset before 1.7", record.position);
                    io::Error::new(io::ErrorKind::InvalidInput, text)
                })?;
                e.int(position)?;
                e.int(record.extra)
            }
        }
    }
}

impl fmt::Debug for TocEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TocEntry({})", self.name())
    }
}

/// Writes a number as text, or the text it was read from.
fn encode_number<W: Write>(
    e: &mut Encoder<W>,
    odd: Option<&[u8]>,
    number: impl fmt::Display,
) -> io::Result<()> {
    match odd {
        Some(text) => e.string(Some(text)),
        None => e.string(Some(number.to_string().as_bytes())),
    }
}

fn entry_name(
    dump_id: i32,
    desc: Desc<'_>,
    namespace: Option<&[u8]>,
    tag: Option<&[u8]>,
) -> EntryName {
    // A damaged table of contents may have names of any length.
    const LONGEST: usize = 300;
    let mut name = String::new();
    let mut add = |part: &[u8]| {
        let start = name.len();
        for c in String::from_utf8_lossy(&part[..part.len().min(LONGEST)]).chars() {
            if c.is_control() {
                name.extend(c.escape_default());
            } else {
                name.push(c);
            }
            if name.len() - start > LONGEST {
                break;
            }
        }
        if part.len() > LONGEST {
            name.push_str("...");
        }
    };
    add(desc.as_bytes());
    for (before, part) in [(b' ', namespace), (if namespace.is_some() { b'.' } else { b' ' }, tag)]
    {
        if let Some(part) = part {
            add(&[before]);
            add(part);
        }
    }
    EntryName { dump_id, name }
}

/// The fewest bytes that an entry can have: nine ints, in version 1.0.
pub(super) fn min_len(dialect: &Dialect) -> u64 {
    9 * dialect.int_len() as u64
}

/// Reads an entry and adds it to `toc`.
pub(super) fn decode<I: Input + ?Sized>(
    toc: &mut Toc,
    d: &mut Decoder<'_, I>,
    limits: &Limits,
    scratch: &mut Vec<u8>,
) -> Result<()> {
    let last = toc.last();
    let empty = toc.draft();
    let mut draft = empty.clone();
    if d.at_hand(|d| decode_draft(toc, d, limits, scratch, &last, &mut draft)).is_some() {
        toc.add(draft, &last);
        return Ok(());
    }
    toc.text.truncate(empty.record.text as usize);
    toc.dependencies.truncate(empty.record.dependencies as usize);
    draft = empty;
    match decode_draft(toc, d, limits, scratch, &last, &mut draft) {
        Ok(()) => {
            toc.add(draft, &last);
            Ok(())
        }
        Err(error) => {
            let Draft { record, common } = draft;
            let desc = Desc(toc.shared.get(common.desc).unwrap_or_default());
            let start = record.text as usize;
            let tag = record.tag.get().and_then(|len| toc.text.get(start..start + len));
            Err(error.in_entry(|| {
                let namespace = toc.shared.get(record.namespace);
                match record.dump_id {
                    0 => EntryName {
                        dump_id: 0,
                        name: format!("(number {} of the table of contents)", toc.len() + 1),
                    },
                    id => entry_name(id, desc, namespace, tag),
                }
            }))
        }
    }
}

fn decode_draft<I: Input + ?Sized>(
    toc: &mut Toc,
    d: &mut Decoder<'_, I>,
    limits: &Limits,
    scratch: &mut Vec<u8>,
    last: &Draft,
    draft: &mut Draft,
) -> Result<()> {
    let Draft { record, common } = draft;
    let dialect = d.dialect();
    let at = d.position();
    let dump_id = d.int()?;
    if dump_id <= 0 {
        return Err(Error::malformed(format!(
            "dump id {dump_id} is out of range; the table of contents is damaged"
        ))
        .at(at));
    }
    record.dump_id = dump_id;
    common.had_dumper = d.int()?;
    let index = toc.records.len() as u32;
    if dialect.has(Gate::TableOid) {
        let at = d.position();
        common.table_oid = d
            .string(scratch, |text| text.map(|text| toc.oid(text, index, Odd::TableOid)))?
            .ok_or_else(|| null("catalog OID", at))?;
    }
    let at = d.position();
    record.oid = d
        .string(scratch, |text| text.map(|text| toc.oid(text, index, Odd::Oid)))?
        .ok_or_else(|| null("OID", at))?;
    record.tag = Len::new(d.string_into(&mut toc.text)?)?;
    let at = d.position();
    common.desc = d.string(scratch, |desc| toc.shared.intern(desc, last.common.desc))?;
    if common.desc == Shared::NULL {
        return Err(null("kind", at));
    }
    if dialect.has(Gate::Section) {
        common.section = d.int()?;
    }
    record.defn = Len::new(d.string_into(&mut toc.text)?)?;
    record.drop_stmt = Len::new(d.string_into(&mut toc.text)?)?;
    if dialect.has(Gate::CopyStmt) {
        record.copy_stmt = Len::new(d.string_into(&mut toc.text)?)?;
    }
    if dialect.has(Gate::Namespace) {
        record.namespace =
            d.string(scratch, |text| toc.shared.intern(text, last.record.namespace))?;
    }
    if dialect.has(Gate::Tablespace) {
        common.tablespace =
            d.string(scratch, |text| toc.shared.intern(text, last.common.tablespace))?;
    }
    if dialect.has(Gate::TableAm) {
        common.table_am =
            d.string(scratch, |text| toc.shared.intern(text, last.common.table_am))?;
    }
    if dialect.has(Gate::Relkind) {
        common.relkind = d.int()?;
    }
    record.owner = d.string(scratch, |text| toc.shared.intern(text, last.record.owner))?;
    if dialect.has(Gate::WithOids) {
        common.with_oids =
            d.string(scratch, |text| toc.shared.intern(text, last.common.with_oids))?;
    }
    if dialect.has(Gate::Dependencies) {
        decode_dependencies(toc, d, limits, scratch)?;
    }
    match dialect.last_field {
        LastField::FileName => {
            let at = d.position();
            let len = d.string_into(&mut toc.text)?.ok_or_else(|| null("file name", at))?;
            record.extra = i32::try_from(len)
                .map_err(|_| Error::malformed("a file name is longer than 2 GiB").at(at))?;
        }
        LastField::Offset if dialect.has(Gate::OffsetFlag) => {
            let at = d.position();
            record.offset_flag = d.byte()?;
            if !(POS_NOT_SET..=NO_DATA).contains(&record.offset_flag) {
                return Err(Error::malformed(format!(
                    "unknown data offset flag {}",
                    record.offset_flag
                ))
                .at(at));
            }
            record.position = d.offset()?;
        }
        LastField::Offset => {
            let position = d.int()?;
            record.extra = d.int()?;
            record.position = i64::from(position) as u64;
            record.offset_flag = match position {
                ..0 => POS_NOT_SET,
                0 => NO_DATA,
                1.. => POS_SET,
            };
        }
    }
    Ok(())
}

fn decode_dependencies<I: Input + ?Sized>(
    toc: &mut Toc,
    d: &mut Decoder<'_, I>,
    limits: &Limits,
    scratch: &mut Vec<u8>,
) -> Result<()> {
    let at = d.position();
    let too_many =
        |limit: u64, what, knob| Error::new(ErrorKind::Limit { what, limit, knob }).at(at);
    let index = toc.records.len() as u32;
    let mut count = 0;
    loop {
        let field = Odd::Dependency(count);
        let id = d.string(scratch, |text| text.map(|text| toc.id(text, index, field)))?;
        let Some(id) = id else {
            break;
        };
        if count >= limits.dependencies {
            let limit = u64::from(limits.dependencies);
            return Err(too_many(limit, "dependencies of one entry", "dependencies"));
        }
        toc.dependencies.push(id);
        count += 1;
    }
    // The next entry says where its own begin.
    if u32::try_from(toc.dependencies.len()).is_err() {
        let limit = u64::from(u32::MAX);
        return Err(too_many(limit, "dependencies of all entries", "dependencies"));
    }
    Ok(())
}

/// Flag and position of an offset.
fn stored_offset(offset: DataOffset, dialect: Dialect) -> (u8, u64) {
    match offset {
        DataOffset::NotSet if dialect.has(Gate::OffsetFlag) => (POS_NOT_SET, 0),
        DataOffset::NotSet => (POS_NOT_SET, u64::MAX),
        DataOffset::At(position) => (POS_SET, position),
        DataOffset::NoData => (NO_DATA, 0),
    }
}

pub(super) fn set_data_offset(record: &mut Record, offset: DataOffset, dialect: Dialect) {
    (record.offset_flag, record.position) = stored_offset(offset, dialect);
}

pub(super) fn set_position_alone(record: &mut Record, position: u64) {
    (record.offset_flag, record.position) = (POS_NOT_SET, position);
}

/// Adds an entry to `toc`.
pub(super) fn push(toc: &mut Toc, fields: &EntryFields<'_>) -> Result<()> {
    if fields.dump_id.0 <= 0 {
        return Err(Error::usage(format!("dump id {} is not positive", fields.dump_id)));
    }
    let last = toc.last();
    let mut draft = toc.draft();
    let Draft { record, common } = &mut draft;
    let texts = [fields.tag, fields.defn, fields.drop_stmt, fields.copy_stmt];
    let mut lens = [Len::NULL; 4];
    for (len, text) in lens.iter_mut().zip(texts) {
        *len = Len::new(text.map(<[u8]>::len))?;
    }
    let file_name = match toc.dialect.last_field {
        LastField::FileName => fields.file_name,
        LastField::Offset => b"",
    };
    record.extra = i32::try_from(file_name.len())
        .map_err(|_| Error::usage("a file name is longer than 2 GiB"))?;
    u32::try_from(toc.dependencies.len() + fields.dependencies.len())
        .map_err(|_| Error::usage("all entries together hold at most 2^32 dependencies"))?;
    for text in texts.into_iter().flatten().chain([file_name]) {
        toc.text.extend_from_slice(text);
    }
    toc.dependencies.extend_from_slice(fields.dependencies);
    [record.tag, record.defn, record.drop_stmt, record.copy_stmt] = lens;
    (record.offset_flag, record.position) = stored_offset(fields.data_offset, toc.dialect);
    record.dump_id = fields.dump_id.0;
    record.oid = fields.catalog_id.oid.0;
    let shared = &mut toc.shared;
    record.namespace = shared.intern(fields.namespace, last.record.namespace);
    record.owner = shared.intern(fields.owner, last.record.owner);
    *common = Common {
        had_dumper: i32::from(fields.had_dumper),
        table_oid: fields.catalog_id.table_oid.0,
        section: fields.section.code(),
        relkind: fields.relkind,
        desc: shared.intern(Some(fields.desc.as_bytes()), last.common.desc),
        tablespace: shared.intern(fields.tablespace, last.common.tablespace),
        table_am: shared.intern(fields.table_am, last.common.table_am),
        with_oids: shared.intern(fields.with_oids, last.common.with_oids),
    };
    toc.add(draft, &last);
    Ok(())
}

impl Record {
    const EMPTY: Record = Record {
        text: 0,
        position: 0,
        dump_id: 0,
        oid: 0,
        tag: Len::NULL,
        defn: Len::NULL,
        drop_stmt: Len::NULL,
        copy_stmt: Len::NULL,
        namespace: Shared::NULL,
        owner: Shared::NULL,
        common: 0,
        dependencies: 0,
        extra: 0,
        offset_flag: NO_DATA,
    };
}

impl Common {
    const EMPTY: Common = Common {
        had_dumper: 0,
        table_oid: 0,
        section: 0,
        relkind: 0,
        desc: Shared::NULL,
        tablespace: Shared::NULL,
        table_am: Shared::NULL,
        with_oids: Shared::NULL,
    };
}

impl Toc {
    /// An entry without anything, whose texts and dependencies will follow those that there are.
    fn draft(&self) -> Draft {
        // There are at most 2^32 dependencies: whatever adds some sees to that.
        let dependencies = self.dependencies.len() as u32;
        let record = Record { text: self.text.len() as u64, dependencies, ..Record::EMPTY };
        Draft { record, common: Common::EMPTY }
    }

    /// The last entry: most strings of the next one are the same.
    fn last(&self) -> Draft {
        let record = self.records.last().cloned().unwrap_or(Record::EMPTY);
        let common = self.commons.values().get(record.common as usize).copied();
        Draft { record, common: common.unwrap_or(Common::EMPTY) }
    }

    fn add(&mut self, draft: Draft, last: &Draft) {
        let Draft { mut record, common } = draft;
        record.common = self.commons.intern(common, last.record.common);
        self.records.push(record);
    }

    /// The OID that a text stands for.
    fn oid(&mut self, text: &[u8], index: u32, field: Odd) -> u32 {
        usual_number(text).unwrap_or_else(|| {
            let value = scan(text);
            // The spelling is kept, unless it is the one that is written anyway.
            if !is_number(text) || value > i64::from(u32::MAX) {
                self.odd.insert((index, field), text.into());
            }
            value as u32
        })
    }

    /// The dump id that a text stands for.
    fn id(&mut self, text: &[u8], index: u32, field: Odd) -> DumpId {
        let value = usual_number(text).map_or_else(
            || {
                let value = scan(text);
                if !is_number(text) || value > i64::from(i32::MAX) {
                    self.odd.insert((index, field), text.into());
                }
                value as i32
            },
            |value| value as i32,
        );
        DumpId(value)
    }
}

/// A number below a billion, spelled as pg_dump does: nearly all are.
#[inline]
fn usual_number(text: &[u8]) -> Option<u32> {
    let (first, rest) = text.split_first()?;
    if text.len() > 9 || (*first == b'0' && !rest.is_empty()) {
        return None;
    }
    let mut value = 0;
    for byte in text {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        value = value * 10 + digit;
    }
    Some(value)
}

/// Whether a text is a number without anything that could be left out.
#[inline]
fn is_number(text: &[u8]) -> bool {
    match text {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// What `sscanf("%u")` or `sscanf("%d")` makes of a text, before it is cut to 32 bits: leading
/// blanks and a sign are allowed, the rest is ignored, and what is no number leaves 0.
fn scan(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut value: i64 = 0;
    for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    }
    if negative { -value } else { value }
}

fn null(field: &str, at: u64) -> Error {
    Error::malformed(format!("the {field} is NULL; the table of contents is damaged")).at(at)
}
