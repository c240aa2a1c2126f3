//! One entry as it lies in memory, how it is read and how it is written.
//!
//! The order of fields in `decode` and `TocEntry::encode` is that of `ReadToc` and `WriteToc` in
//! `pg_backup_archiver.c`, and of `ReadExtraToc` and `WriteExtraToc` in the file of each format.
//! A new field goes into `Record` or `Common`, `EntryFields` and those two functions, with its gate.

use std::io::{self, Write};

use super::entry::{DataOffset, DumpId, EntryFields, TocEntry, entry_name};
use super::intern::Shared;
use super::{Desc, Statements, Toc};
use crate::error::{EntryName, Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::source::Positioned;
use crate::version::Gate;
use crate::wire::{Decoder, Dialect, Encoder, LastField, decimal, has_nul, until_nul};

/// Flags of `WriteOffset`; `K_OFFSET_…` in PostgreSQL.
const POS_NOT_SET: u8 = 1;
pub(super) const POS_SET: u8 = 2;
pub(super) const NO_DATA: u8 = 3;

/// Length of a text that may be NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Len(pub(super) u32);

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

    pub(super) fn get(self) -> Option<usize> {
        (self != Len::NULL).then_some(self.0 as usize)
    }
}

/// An entry in memory. Its own texts stand one after the other in `Toc::text`; its dependencies in
/// `Toc::dependencies`, up to those of the next entry.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) text: u64,
    /// Of the offset in the file, whatever the flag says of it.
    pub(super) position: u64,
    pub(super) dump_id: i32,
    pub(super) oid: u32,
    pub(super) tag: Len,
    pub(super) defn: Len,
    pub(super) drop_stmt: Len,
    pub(super) copy_stmt: Len,
    pub(super) namespace: Shared,
    pub(super) owner: Shared,
    /// Place in `Toc::commons`.
    pub(super) common: u32,
    pub(super) dependencies: u32,
    /// Length of the file name, or before archive version 1.7 the stored length of the data.
    pub(super) extra: i32,
    pub(super) offset_flag: u8,
    pub(super) definition: Definition,
}

/// What the definition of an entry is, as far as the selection of entries asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Definition {
    /// NULL or empty.
    Nothing,
    /// The remark by which `pg_dump --load-via-partition-root` marks the data of a partition.
    ViaPartitionRoot,
    /// Any other.
    Statement,
}

impl Definition {
    /// What follows a NUL byte in it does not count.
    pub(crate) fn of(defn: Option<&[u8]>) -> Definition {
        match defn.unwrap_or_default() {
            [] | [0, ..] => Definition::Nothing,
            defn if defn.starts_with(b"-- load via partition root ") => {
                Definition::ViaPartitionRoot
            }
            _ => Definition::Statement,
        }
    }
}

/// The fields of an entry of which there are few combinations in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Common {
    pub(super) had_dumper: i32,
    pub(super) table_oid: u32,
    pub(super) section: i32,
    pub(super) relkind: i32,
    pub(super) desc: Shared,
    pub(super) tablespace: Shared,
    pub(super) table_am: Shared,
    pub(super) with_oids: Shared,
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

impl<'a> TocEntry<'a> {
    fn odd(&self, field: Odd) -> Option<&'a [u8]> {
        self.toc.odd.get(&(self.index as u32, field)).map(|text| &**text)
    }

    /// Flag and position of its offset, as a custom archive since 1.7 has them at the entry's end.
    pub(crate) fn stored_offset(&self, dialect: Dialect) -> io::Result<(u8, Vec<u8>)> {
        let mut position = Vec::new();
        Encoder::new(&mut position, dialect).offset(self.record.position)?;
        Ok((self.record.offset_flag, position))
    }

    /// Writes the entry; the mirror of `decode`.
    pub(super) fn encode<W: Write>(&self, e: &mut Encoder<W>) -> io::Result<()> {
        let dialect = e.dialect;
        let record = self.record;
        let common = self.common();
        e.int(record.dump_id)?;
        e.int(common.had_dumper)?;
        if dialect.has(Gate::TableOid) {
            encode_number(e, self.odd(Odd::TableOid), common.table_oid.into())?;
        }
        encode_number(e, self.odd(Odd::Oid), record.oid.into())?;
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
                encode_number(e, self.odd(Odd::Dependency(n as u32)), id.0.into())?;
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

/// Writes a number as text, or the text it was read from.
fn encode_number<W: Write>(e: &mut Encoder<W>, odd: Option<&[u8]>, number: i64) -> io::Result<()> {
    match odd {
        Some(text) => e.string(Some(text)),
        None => e.number(number),
    }
}

/// The fewest bytes that an entry can have: nine ints, in version 1.0.
pub(super) fn min_len(dialect: &Dialect) -> u64 {
    9 * dialect.int_len() as u64
}

/// Reads an entry and adds it to `toc`.
pub(super) fn decode<I: Positioned + ?Sized>(
    toc: &mut Toc,
    d: &mut Decoder<'_, I>,
    limits: &Limits,
    scratch: &mut Vec<u8>,
) -> Result<()> {
    let mut draft = toc.draft();
    let decoded = d.at_hand(|d| {
        decode_draft(toc, d, limits, scratch, &mut draft)?;
        // The long way cuts them there.
        match has_nul(&toc.text[draft.record.text as usize..]) {
            false => Ok(()),
            true => Err(nul()),
        }
    });
    if decoded.is_some() {
        toc.add(draft);
        return Ok(());
    }
    toc.text.truncate(draft.record.text as usize);
    toc.dependencies.truncate(draft.record.dependencies as usize);
    draft = toc.draft();
    match decode_draft(toc, d, limits, scratch, &mut draft) {
        Ok(()) => {
            toc.add(draft);
            Ok(())
        }
        Err(error) => {
            let Draft { record, common } = draft;
            let desc = Desc(toc.shared.get(common.desc).unwrap_or_default());
            let start = record.text as usize;
            let tag = record.tag.get().and_then(|len| toc.text.get(start..start + len));
            let error = error.in_entry(|| {
                let namespace = toc.shared.get(record.namespace);
                match record.dump_id {
                    0 => EntryName {
                        dump_id: 0,
                        name: format!("(number {} of the table of contents)", toc.len() + 1),
                    },
                    id => entry_name(id, desc, namespace, tag, toc.text_encoding()),
                }
            });
            // What there is before it may be kept.
            toc.text.truncate(start);
            toc.dependencies.truncate(record.dependencies as usize);
            let next = toc.records.len() as u32;
            toc.odd.retain(|(index, _), _| *index < next);
            Err(error)
        }
    }
}

fn decode_draft<I: Positioned + ?Sized>(
    toc: &mut Toc,
    d: &mut Decoder<'_, I>,
    limits: &Limits,
    scratch: &mut Vec<u8>,
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
    common.desc = d.string(scratch, |desc| toc.shared.intern(desc))?;
    if common.desc == Shared::NULL {
        return Err(null("kind", at));
    }
    if dialect.has(Gate::Section) {
        common.section = d.int()?;
    }
    let start = toc.text.len();
    match toc.statements {
        Statements::Kept => {
            record.defn = Len::new(d.string_into(&mut toc.text)?)?;
            record.definition = Definition::of(toc.text.get(start..));
            record.drop_stmt = Len::new(d.string_into(&mut toc.text)?)?;
            if dialect.has(Gate::CopyStmt) {
                record.copy_stmt = Len::new(d.string_into(&mut toc.text)?)?;
            }
        }
        Statements::LeftOut => {
            // What says how to read the names is not left out with the rest.
            let desc = Desc(toc.shared.get(common.desc).unwrap_or_default());
            if desc.is_special() {
                record.defn = Len::new(d.string_into(&mut toc.text)?)?;
                record.definition = Definition::of(toc.text.get(start..));
            } else {
                record.definition = d.string(scratch, Definition::of)?;
            }
            d.string(scratch, |_| ())?;
            if dialect.has(Gate::CopyStmt) {
                d.string(scratch, |_| ())?;
            }
        }
    }
    if dialect.has(Gate::Namespace) {
        record.namespace = d.string(scratch, |text| toc.shared.intern(text))?;
    }
    if dialect.has(Gate::Tablespace) {
        common.tablespace = d.string(scratch, |text| toc.shared.intern(text))?;
    }
    if dialect.has(Gate::TableAm) {
        common.table_am = d.string(scratch, |text| toc.shared.intern(text))?;
    }
    if dialect.has(Gate::Relkind) {
        common.relkind = d.int()?;
    }
    record.owner = d.string(scratch, |text| toc.shared.intern(text))?;
    if dialect.has(Gate::WithOids) {
        common.with_oids = d.string(scratch, |text| toc.shared.intern(text))?;
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

fn decode_dependencies<I: Positioned + ?Sized>(
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

/// Adds an entry to `toc`.
pub(super) fn push(toc: &mut Toc, fields: &EntryFields<'_>) -> Result<()> {
    if fields.dump_id.0 <= 0 {
        return Err(Error::usage(format!("dump id {} is not positive", fields.dump_id)));
    }
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
    let mut intern = |text: Option<&[u8]>| {
        let shared = toc.shared.intern(text);
        // Cut at a NUL byte, it is not all of the text.
        match toc.shared.get(shared).map(<[u8]>::len) == text.map(<[u8]>::len) {
            true => Ok(shared),
            false => Err(nul()),
        }
    };
    record.namespace = intern(fields.namespace)?;
    record.owner = intern(fields.owner)?;
    *common = Common {
        had_dumper: i32::from(fields.had_dumper),
        table_oid: fields.catalog_id.table_oid.0,
        section: fields.section.code(),
        relkind: fields.relkind,
        desc: intern(Some(fields.desc.as_bytes()))?,
        tablespace: intern(fields.tablespace)?,
        table_am: intern(fields.table_am)?,
        with_oids: intern(fields.with_oids)?,
    };
    let start = toc.text.len();
    for text in texts.into_iter().flatten().chain([file_name]) {
        toc.text.extend_from_slice(text);
    }
    if has_nul(&toc.text[start..]) {
        toc.text.truncate(start);
        return Err(nul());
    }
    toc.dependencies.extend_from_slice(fields.dependencies);
    [record.tag, record.defn, record.drop_stmt, record.copy_stmt] = lens;
    record.definition = Definition::of(fields.defn);
    (record.offset_flag, record.position) = stored_offset(fields.data_offset, toc.dialect);
    record.dump_id = fields.dump_id.0;
    record.oid = fields.catalog_id.oid.0;
    toc.add(draft);
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
        definition: Definition::Nothing,
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

    fn add(&mut self, draft: Draft) {
        let Draft { mut record, common } = draft;
        let Shared(kind) = common.desc;
        record.common = self.commons.intern(common, kind ^ (common.relkind as u32));
        self.records.push(record);
    }

    /// The OID that a text stands for.
    fn oid(&mut self, text: &[u8], index: u32, field: Odd) -> u32 {
        usual_number(text).unwrap_or_else(|| {
            let text = until_nul(text);
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
                let text = until_nul(text);
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

/// A number of at most eight digits, spelled as pg_dump does: nearly all are.
#[inline]
fn usual_number(text: &[u8]) -> Option<u32> {
    match text {
        [digit @ b'0'..=b'9'] => Some(u32::from(digit - b'0')),
        [b'1'..=b'9', ..] => decimal(text),
        _ => None,
    }
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

fn nul() -> Error {
    Error::usage("a text has a NUL byte")
}

fn null(field: &str, at: u64) -> Error {
    Error::malformed(format!("the {field} is NULL; the table of contents is damaged")).at(at)
}
