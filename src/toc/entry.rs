//! One entry, as users of the crate see it.

use std::fmt::{self, Write};

use super::record::{Common, Definition, Len, NO_DATA, POS_SET, Record};
use super::{Desc, Section, Toc};
use crate::encoding::Encoding;
use crate::error::EntryName;
use crate::sql::quote;
use crate::text::Printable;
use crate::version::Gate;
use crate::wire::LastField;

/// The number of an entry within its archive, greater than 0.
///
/// Dependencies may hold any number, including those of entries that the archive does not have.
///
/// [`Toc::entry`] finds the entry with a dump id; see the example of [`Toc`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DumpId(pub i32);

impl fmt::Display for DumpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An object identifier of PostgreSQL.
///
/// See the example of [`LargeObjects`](crate::read::LargeObjects).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Oid(pub u32);

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identifies an object in the catalogs of the dumped server. Both fields are 0 for entries without
/// a catalog object.
///
/// It is the result of [`TocEntry::catalog_id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CatalogId {
    /// OID of the catalog, for example 1259 for `pg_class`. 0 before archive version 1.8.
    pub table_oid: Oid,
    /// OID of the object.
    pub oid: Oid,
}

/// The position of an entry's data in a custom archive.
///
/// It is the result of [`TocEntry::data_offset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataOffset {
    /// The position is unknown: the entry may have data, which must be searched for. Archives that
    /// were written to a pipe have this, and since PostgreSQL 16 also those written to redirected
    /// output.
    NotSet,
    /// Position of the block, from the start of the file.
    At(u64),
    /// The entry has no data. If its dumper wrote some, this is not believed, and the data is
    /// searched for.
    NoData,
}

/// All fields of an entry, used to make or edit entries.
///
/// Fields that the archive version does not have are ignored.
///
/// ```
/// use pgdmp::{Desc, DumpId};
/// use pgdmp::toc::{EntryFields, Section};
///
/// let table = EntryFields::new(DumpId(7), Desc::TABLE, Section::PreData)
///     .namespace("public")
///     .tag("town")
///     .owner("app")
///     .defn("CREATE TABLE public.town (name text);\n");
/// assert_eq!(table.tag, Some(&b"town"[..]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
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
    /// An entry with a dump id, a kind and a section, and no other fields.
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

impl<'a> EntryFields<'a> {
    /// Sets the dump id.
    pub const fn dump_id(mut self, dump_id: DumpId) -> Self {
        self.dump_id = dump_id;
        self
    }

    /// Sets the kind.
    pub const fn desc(mut self, desc: Desc<'a>) -> Self {
        self.desc = desc;
        self
    }

    /// Sets the section.
    pub const fn section(mut self, section: Section) -> Self {
        self.section = section;
        self
    }

    /// Sets whether the entry has data.
    pub const fn had_dumper(mut self, had_dumper: bool) -> Self {
        self.had_dumper = had_dumper;
        self
    }

    /// Sets the catalog and OID of the object on the dumped server.
    pub const fn catalog_id(mut self, catalog_id: CatalogId) -> Self {
        self.catalog_id = catalog_id;
        self
    }

    /// The schema of the object.
    pub fn namespace(mut self, namespace: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.namespace = Some(namespace.as_ref());
        self
    }

    /// The name of the object.
    pub fn tag(mut self, tag: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.tag = Some(tag.as_ref());
        self
    }

    /// The owner of the object.
    pub fn owner(mut self, owner: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.owner = Some(owner.as_ref());
        self
    }

    /// The SQL that makes the object.
    pub fn defn(mut self, defn: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.defn = Some(defn.as_ref());
        self
    }

    /// The SQL that drops the object.
    pub fn drop_stmt(mut self, drop_stmt: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.drop_stmt = Some(drop_stmt.as_ref());
        self
    }

    /// The `COPY` statement for the rows of a table.
    pub fn copy_stmt(mut self, copy_stmt: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.copy_stmt = Some(copy_stmt.as_ref());
        self
    }

    /// The tablespace.
    pub fn tablespace(mut self, tablespace: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.tablespace = Some(tablespace.as_ref());
        self
    }

    /// The access method of a table.
    pub fn table_am(mut self, table_am: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.table_am = Some(table_am.as_ref());
        self
    }

    /// `relkind` of the relation: `'r' as i32` for a table.
    pub const fn relkind(mut self, relkind: i32) -> Self {
        self.relkind = relkind;
        self
    }

    /// `true` for a table with OIDs.
    pub fn with_oids(mut self, with_oids: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.with_oids = Some(with_oids.as_ref());
        self
    }

    /// The entries that this one needs.
    pub const fn dependencies(mut self, dependencies: &'a [DumpId]) -> Self {
        self.dependencies = dependencies;
        self
    }

    /// Where the data is, in a custom archive.
    pub const fn data_offset(mut self, data_offset: DataOffset) -> Self {
        self.data_offset = data_offset;
        self
    }

    /// The file with the data, in a directory or tar archive.
    pub const fn file_name(mut self, file_name: &'a [u8]) -> Self {
        self.file_name = file_name;
        self
    }
}

/// One entry of a table of contents: an object of the database, or its data.
///
/// ```
/// use pgdmp::{Archive, Desc};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let town = archive.toc().find(Desc::TABLE, Some(b"public"), b"town").unwrap();
/// assert_eq!(town.qualified_name().to_string(), "public.town");
/// assert!(town.defn().unwrap().starts_with(b"CREATE TABLE public.town"));
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct TocEntry<'a> {
    pub(super) toc: &'a Toc,
    pub(super) record: &'a Record,
    pub(super) index: usize,
}

impl<'a> TocEntry<'a> {
    pub(super) fn common(&self) -> &'a Common {
        &self.toc.commons.values()[self.record.common as usize]
    }

    /// The dump id: the number of the entry in its archive.
    pub fn dump_id(&self) -> DumpId {
        DumpId(self.record.dump_id)
    }

    /// The index of the entry in the order of the archive, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The table of contents that the entry belongs to.
    pub fn toc(&self) -> &'a Toc {
        self.toc
    }

    /// Whether pg_dump wrote data for the entry (`hadDumper`).
    pub fn had_dumper(&self) -> bool {
        self.common().had_dumper != 0
    }

    /// The catalog and OID of the object on the dumped server.
    pub fn catalog_id(&self) -> CatalogId {
        CatalogId { table_oid: Oid(self.common().table_oid), oid: Oid(self.record.oid) }
    }

    /// The text of the field that begins `before` bytes into this entry's texts.
    fn text(&self, before: &[Len], len: Len) -> Option<&'a [u8]> {
        let before: usize = before.iter().filter_map(|len| len.get()).sum();
        let start = self.record.text as usize + before;
        self.toc.text.get(start..start + len.get()?)
    }

    /// Bytes of its tag and its three statements.
    pub(crate) fn text_len(&self) -> usize {
        let Record { tag, defn, drop_stmt, copy_stmt, .. } = *self.record;
        [tag, defn, drop_stmt, copy_stmt].iter().filter_map(|len| len.get()).sum()
    }

    /// The name of the object, as `pg_restore -l` shows it. For a trigger or a default, and since
    /// PostgreSQL 11 for a comment or an ACL, it holds more than a name.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.text(&[], self.record.tag)
    }

    /// The kind of the object.
    pub fn desc(&self) -> Desc<'a> {
        Desc(self.toc.shared.get(self.common().desc).unwrap_or_default())
    }

    /// The section of a restore that the entry belongs to. Archives before 1.11 do not store it; it
    /// then follows from the kind.
    pub fn section(&self) -> Section {
        if self.toc.dialect.has(Gate::Section) {
            Section::from_code(self.common().section)
        } else {
            Section::derive(self.desc())
        }
    }

    /// The section in which it is restored: its own, or that of the last entry before it that has
    /// one.
    pub(crate) fn section_with(&self) -> Section {
        match self.section() {
            Section::None => self.toc.index.section(self.toc, self.index),
            own => own,
        }
    }

    /// The SQL that creates the object. All three statements are `None` if they were left out when
    /// the archive was opened ([`Toc::has_statements`]), except for ENCODING and the other entries
    /// that set up the session.
    pub fn defn(&self) -> Option<&'a [u8]> {
        self.text(&[self.record.tag], self.record.defn)
    }

    /// What its definition is, which is known without statements, too.
    pub(crate) fn definition(&self) -> Definition {
        self.record.definition
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

    /// The tablespace of the object. `None` if it has none, and empty for the default tablespace of
    /// the database.
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

    /// The text `true` or `false`, for the old clause WITH OIDS. It is always `false` since
    /// PostgreSQL 12.
    pub fn with_oids(&self) -> Option<&'a [u8]> {
        self.toc.shared.get(self.common().with_oids)
    }

    /// The dump ids of the entries that this one needs, as stored: with duplicates, and with ids
    /// that the archive does not have. Before archive version 1.8 these are OIDs, not dump ids.
    pub fn dependencies(&self) -> &'a [DumpId] {
        let next = self.toc.records.get(self.index + 1);
        let end = next.map_or(self.toc.dependencies.len(), |next| next.dependencies as usize);
        self.toc.dependencies.get(self.record.dependencies as usize..end).unwrap_or_default()
    }

    /// The position of the data in the file. `None` in directory and tar archives, which have a
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

    /// The name of the file with the data, as stored, without the suffix of a compression. Empty if
    /// the entry has no data, and `None` in custom archives.
    pub fn file_name(&self) -> Option<&'a [u8]> {
        if self.toc.dialect.last_field != LastField::FileName {
            return None;
        }
        let Record { tag, defn, drop_stmt, copy_stmt, extra, .. } = *self.record;
        self.text(&[tag, defn, drop_stmt, copy_stmt], Len(extra as u32))
    }

    /// Whether the entry has data, because pg_dump wrote some. A data offset that says otherwise is
    /// ignored, because no pg_dump writes one. pg_restore silently drops the data of such an entry.
    pub fn has_data(&self) -> bool {
        self.had_dumper()
    }

    /// Whether the archive says that there is no data, although the dumper wrote some.
    pub(crate) fn denies_data(&self) -> bool {
        self.had_dumper() && self.data_offset() == Some(DataOffset::NoData)
    }

    /// The kind, schema and tag of the entry, in a form that is safe to print.
    pub fn name(&self) -> EntryName {
        let encoding = self.toc.text_encoding();
        entry_name(self.dump_id().0, self.desc(), self.namespace(), self.tag(), encoding)
    }

    /// The schema and name of the object, such as `public.town`, or the name alone if it has no
    /// schema. It is safe to print. It is not quoted, so it is not SQL.
    ///
    /// ```
    /// use pgdmp::{Archive, Desc};
    ///
    /// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
    /// let town = archive.toc().find(Desc::TABLE, Some(b"public"), b"town").unwrap();
    /// assert_eq!(town.qualified_name().to_string(), "public.town");
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    pub fn qualified_name(&self) -> impl fmt::Display + use<'a> {
        let encoding = self.toc.text_encoding();
        QualifiedName {
            namespace: self.namespace().map(|namespace| Printable::new(namespace, encoding)),
            tag: Printable::new(self.tag().unwrap_or_default(), encoding),
        }
    }

    /// The schema and name of the object as SQL, in quotes and in the encoding of the archive:
    /// `"public"."town"`, or the name alone if it has no schema.
    pub fn sql_name(&self) -> Vec<u8> {
        let name = quote(self.tag().unwrap_or_default());
        match self.namespace().filter(|namespace| !namespace.is_empty()) {
            Some(namespace) => [&quote(namespace)[..], b".", &name].concat(),
            None => name,
        }
    }

    /// All fields of the entry.
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
}

impl fmt::Debug for TocEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TocEntry({})", self.name())
    }
}

struct QualifiedName<'a> {
    namespace: Option<Printable<'a>>,
    tag: Printable<'a>,
}

impl fmt::Display for QualifiedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}.")?;
        }
        self.tag.fmt(f)
    }
}

pub(crate) fn entry_name(
    dump_id: i32,
    desc: Desc<'_>,
    namespace: Option<&[u8]>,
    tag: Option<&[u8]>,
    encoding: Encoding,
) -> EntryName {
    // A damaged table of contents may have names of any length.
    const LONGEST: usize = 300;
    let mut name = String::with_capacity(64);
    let mut add = |part: &[u8]| {
        let start = name.len();
        // Writing to memory does not fail.
        let _ = write!(name, "{}", Printable::new(&part[..part.len().min(LONGEST)], encoding));
        let most = start + LONGEST;
        let is_long = name.len() > most;
        if is_long {
            let end = (start..=most).rfind(|at| name.is_char_boundary(*at));
            name.truncate(end.unwrap_or(start));
        }
        if part.len() > LONGEST || is_long {
            name.push_str("...");
        }
    };
    add(desc.as_bytes());
    for (before, part) in [(b" ", namespace), (if namespace.is_some() { b"." } else { b" " }, tag)]
    {
        if let Some(part) = part {
            add(before);
            add(part);
        }
    }
    EntryName { dump_id, name }
}
