//! `Definitions`: what an archive says of its tables and types.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::column::{Column, Columns, Untyped};
use super::copy_statement::CopyStatement;
use super::cursor::Dialect;
use super::data_type::{DataType, QualifiedName};
use super::keys::Keys;
use super::keys_of::KnownKeys;
use super::named::Names;
use super::parts::Parts;
use super::recode::Recode;
use super::resolve::{Resolved, Resolver, Types};
use super::tables::{ColumnOf, Parents, columns_of};
use crate::error::{Error, Result};
use crate::toc::{ArchiveVersion, Desc, Toc, TocEntry};

/// What an archive says of its tables and types.
///
/// Definitions are parsed when they are asked for. An archive that does not say enough is no error:
/// types are then unknown, and [`Columns::untyped`] says why.
///
/// ```
/// use pgdmp::types::{DataType, Definitions};
/// use pgdmp::{Archive, Desc};
///
/// let archive = Archive::open("fixtures/pg18/small-dir")?;
/// let definitions = Definitions::new(archive.toc());
/// let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
/// let columns = definitions.columns(town)?;
/// assert_eq!(columns.columns[0].name, b"id");
/// assert_eq!(columns.columns[0].data_type, DataType::Integer);
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub struct Definitions<'t> {
    toc: &'t Toc,
    dialect: Dialect,
    names: OnceLock<Names<'t>>,
    parents: Parents<'t>,
    types: Mutex<Types>,
    parts: OnceLock<Parts>,
    known_keys: KnownKeys,
    other: Option<Box<Definitions<'t>>>,
}

impl fmt::Debug for Definitions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definitions").finish_non_exhaustive()
    }
}

impl<'t> Definitions<'t> {
    /// The definitions of an archive.
    pub fn new(toc: &'t Toc) -> Self {
        let std_strings = toc.std_strings().unwrap_or_default();
        Definitions {
            toc,
            dialect: Dialect { std_strings, encoding: toc.text_encoding() },
            names: OnceLock::new(),
            parents: Parents::default(),
            types: Mutex::default(),
            parts: OnceLock::new(),
            known_keys: KnownKeys::default(),
            other: None,
        }
    }

    /// Takes what the archive does not define from another one, for an archive that has data only,
    /// or some tables without their types.
    ///
    /// The other archive should be a dump of the same database. Tables and types are matched by schema
    /// and name. If a table there does not have the same columns as the data here, the columns stay
    /// unknown ([`Untyped::OtherColumns`]).
    ///
    /// ```
    /// use pgdmp::types::Definitions;
    ///
    /// let data = pgdmp::Archive::open("fixtures/pg18/small-dir")?;
    /// let all = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
    /// let definitions = Definitions::new(data.toc()).with(all.toc());
    /// # let _ = definitions;
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    #[must_use]
    pub fn with(mut self, other: &'t Toc) -> Self {
        self.other = Some(Box::new(Definitions::new(other)));
        self
    }

    /// The columns of a table.
    ///
    /// For an entry `TABLE DATA` these are the columns of its rows, in the order of their fields: the
    /// ones that its COPY statement names. If its rows are INSERT commands, they are all columns of
    /// the table that are stored, in the order of the table; [`columns_named`](Self::columns_named)
    /// takes the names that the commands have.
    ///
    /// For a `TABLE` or `FOREIGN TABLE` these are all its columns, generated ones too.
    ///
    /// The entry may be of another copy of the table of contents: a program that reads a pipe keeps a
    /// clone of it for the definitions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for another kind of entry or one of another archive,
    /// and [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for a COPY statement that `pg_dump`
    /// never writes.
    pub fn columns(&self, entry: TocEntry<'_>) -> Result<Columns> {
        let entry = self.own(entry)?;
        match entry.desc() {
            Desc::TABLE | Desc::FOREIGN_TABLE => Ok(self.of_table(entry)),
            Desc::TABLE_DATA => self.of_rows(entry, None),
            _ => {
                Err(Error::usage("only tables and their data have columns")
                    .in_entry(|| entry.name()))
            }
        }
    }

    /// The columns of an entry's rows, by these names or those of its COPY statement.
    fn of_rows(&self, entry: TocEntry<'_>, names: Option<&[Vec<u8>]>) -> Result<Columns> {
        let is_here = self.table_of(entry).is_some();
        let mut columns = self.of_data(entry);
        let copy = match entry.copy_stmt() {
            Some(copy) if !copy.is_empty() => {
                Some(CopyStatement::parse(copy).map_err(|e| e.in_entry(|| entry.name()))?)
            }
            _ => None,
        };
        if let Some(copy) = &copy {
            let schema = copy.schema.as_deref().or(entry.namespace());
            let into = QualifiedName::new(schema, &copy.table);
            columns.root = Some(into).filter(|into| *into != columns.table);
        }
        let with_oids = copy.as_ref().is_some_and(|copy| copy.with_oids);
        let listed = copy.and_then(|copy| copy.field_names());
        if let Some(names) = names.or(listed.as_deref()) {
            let known = columns.columns.len();
            bind(&mut columns, names, with_oids);
            let same = known + usize::from(with_oids) == columns.columns.len();
            if !is_here && known > 0 && (!same || columns.untyped.is_some()) {
                columns.columns = names.iter().map(|name| Column::unknown(name)).collect();
                columns.untyped = Some(Untyped::OtherColumns);
            }
        }
        Ok(columns)
    }

    /// The keys of a table, given by its entry `TABLE`, `FOREIGN TABLE` or `TABLE DATA`.
    ///
    /// An archive that has no constraints, because it has data only, is no error: there are then
    /// none, or those of the archive of [`with`](Self::with), if it is in the same encoding.
    ///
    /// ```
    /// use pgdmp::types::Definitions;
    /// use pgdmp::{Archive, Desc};
    ///
    /// let archive = Archive::open("fixtures/pg18/small-dir")?;
    /// let definitions = Definitions::new(archive.toc());
    /// let town = archive.toc().find(Desc::TABLE, Some(b"public"), b"town").unwrap();
    /// assert_eq!(definitions.keys(town)?.primary_key.unwrap().columns, [b"id"]);
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for another kind of entry or one of another
    /// archive.
    pub fn keys(&self, entry: TocEntry<'_>) -> Result<Keys> {
        let entry = self.own(entry)?;
        let table = match entry.desc() {
            Desc::TABLE | Desc::FOREIGN_TABLE => Some(entry),
            Desc::TABLE_DATA => self.table_of(entry),
            _ => {
                return Err(
                    Error::usage("only tables and their data have keys").in_entry(|| entry.name())
                );
            }
        };
        if table.is_none()
            && let Some((other, table)) = self.table_of_other(entry)
            && other.dialect.encoding == self.dialect.encoding
        {
            return other.keys(table);
        }
        let texts = table.map(|table| columns_of(self, table).0).unwrap_or_default();
        let columns = texts.iter().map(|column| &column.name[..]).collect();
        let named = table.unwrap_or(entry);
        let schema = named.namespace().unwrap_or_default();
        let name = QualifiedName::new(Some(schema), named.tag().unwrap_or_default());
        Ok(self.keys_of(&name, &columns))
    }

    /// The same entry of the table of contents that the definitions are of.
    fn own(&self, entry: TocEntry<'_>) -> Result<TocEntry<'t>> {
        let is_same = |own: &TocEntry<'_>| {
            own.desc() == entry.desc()
                && own.tag() == entry.tag()
                && own.namespace() == entry.namespace()
        };
        let by_place = self.toc.get(entry.index()).filter(|own| own.dump_id() == entry.dump_id());
        by_place.or_else(|| self.toc.entry(entry.dump_id())).filter(is_same).ok_or_else(|| {
            Error::usage("the entry is of another archive than the definitions")
                .in_entry(|| entry.name())
        })
    }

    /// The columns of a table's data with these names, in this order; see
    /// [`Rows::columns`](crate::rows::Rows::columns).
    ///
    /// # Errors
    ///
    /// As [`columns`](Self::columns).
    pub fn columns_named(&self, entry: TocEntry<'_>, names: &[Vec<u8>]) -> Result<Columns> {
        let entry = self.own(entry)?;
        if entry.desc() != Desc::TABLE_DATA {
            return Err(Error::usage("only the data of tables has rows").in_entry(|| entry.name()));
        }
        self.of_rows(entry, Some(names))
    }

    /// The columns that the data of a table may have.
    fn of_data(&self, data: TocEntry<'_>) -> Columns {
        let mut columns = match self.table_of(data) {
            Some(table) => self.of_table(table),
            None => self.of_other(data).unwrap_or_else(|| Columns {
                table: QualifiedName::new(data.namespace(), data.tag().unwrap_or_default()),
                root: None,
                columns: Vec::new(),
                untyped: Some(self.missing(Untyped::NoDefinition)),
            }),
        };
        columns.columns.retain(|column| column.generated.is_none());
        columns
    }

    /// The columns that another archive says the data of a table may have.
    fn of_other(&self, data: TocEntry<'_>) -> Option<Columns> {
        let (other, table) = self.table_of_other(data)?;
        let recode = Recode { from: other.dialect.encoding, to: self.dialect.encoding };
        recode.columns(other.of_table(table))
    }

    /// The entry of another archive that defines the table of an entry here.
    fn table_of_other(&self, data: TocEntry<'_>) -> Option<(&Definitions<'t>, TocEntry<'t>)> {
        let other = self.other.as_deref()?;
        let recode = Recode { from: self.dialect.encoding, to: other.dialect.encoding };
        let schema = recode.text(data.namespace().unwrap_or_default())?;
        let name = recode.text(data.tag().unwrap_or_default())?;
        let place = other.names().table(&schema, &name)?;
        Some((other, other.toc.get(place as usize)?))
    }

    /// What another archive says a type is that this one does not define.
    pub(super) fn type_of_other(&self, schema: &[u8], name: &[u8]) -> Option<Resolved> {
        let other = self.other.as_deref()?;
        if other.dialect.encoding != self.dialect.encoding {
            return None;
        }
        let named = other.names().get(schema, name)?;
        let mut types = other.types.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Resolver { definitions: other, types: &mut types }.defined(named))
    }

    fn of_table(&self, table: TocEntry<'t>) -> Columns {
        let (texts, untyped) = columns_of(self, table);
        let mut types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        let mut resolver = Resolver { definitions: self, types: &mut types };
        Columns {
            table: QualifiedName::new(table.namespace(), table.tag().unwrap_or_default()),
            root: None,
            columns: texts.into_iter().map(|text| column(text, &mut resolver)).collect(),
            untyped,
        }
    }

    /// The entry that defines the table of an entry with data.
    fn table_of(&self, data: TocEntry<'_>) -> Option<TocEntry<'t>> {
        let needed = || data.dependencies().iter().filter_map(|id| self.toc.entry(*id));
        let is_table =
            |entry: &TocEntry<'_>| matches!(entry.desc(), Desc::TABLE | Desc::FOREIGN_TABLE);
        let is_same = |entry: &TocEntry<'_>| {
            entry.tag() == data.tag() && entry.namespace() == data.namespace()
        };
        needed().filter(is_table).find(is_same).or_else(|| {
            let name = data.tag().unwrap_or_default();
            let place = self.names().table(data.namespace().unwrap_or_default(), name)?;
            self.toc.get(place as usize)
        })
    }

    /// The table of contents that has them.
    pub fn toc(&self) -> &'t Toc {
        self.toc
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn names(&self) -> &Names<'t> {
        self.names.get_or_init(|| Names::new(self.toc, self.dialect))
    }

    pub(super) fn parts(&self) -> &Parts {
        self.parts.get_or_init(|| Parts::new(self.toc, self.dialect))
    }

    pub(super) fn known_keys(&self) -> &KnownKeys {
        &self.known_keys
    }

    pub(super) fn parents(&self) -> &Parents<'t> {
        &self.parents
    }

    /// Whether a name without a schema may be in that of the entry, which was then first in the
    /// search path. In newer archives such a name is always in `pg_catalog`.
    pub(super) fn qualifies_by_entry(&self) -> bool {
        self.toc.header().version < ArchiveVersion::new(1, 13)
    }

    /// The columns of a table as they are spelled, if all are known.
    pub(super) fn texts_of(&self, table: TocEntry<'t>) -> Result<Vec<ColumnOf<'t>>, Untyped> {
        match columns_of(self, table) {
            (texts, None) => Ok(texts),
            (_, Some(untyped)) => Err(untyped),
        }
    }

    /// Why there is no definition.
    pub(super) fn missing(&self, otherwise: Untyped) -> Untyped {
        if self.toc.has_statements() { otherwise } else { Untyped::NoStatements }
    }
}

fn column(text: ColumnOf<'_>, resolver: &mut Resolver<'_, '_>) -> Column {
    let mut column = Column::unknown(&text.name);
    if let Some(spelling) = &text.spelling {
        let found = resolver.resolve(spelling, text.schema);
        column.data_type = found.data_type;
        column.max_length = found.max_length;
        column.domain = found.domain;
        column.spelling = spelling.text.to_vec();
    }
    column.not_null = text.not_null;
    column.default = text.default.map(<[u8]>::to_vec);
    column.generated = text.generated;
    column
}

/// Takes the columns with these names.
fn bind(columns: &mut Columns, names: &[Vec<u8>], with_oids: bool) {
    let mut known: HashMap<Vec<u8>, Column> =
        columns.columns.drain(..).map(|column| (column.name.clone(), column)).collect();
    for (n, name) in names.iter().enumerate() {
        let column = match known.remove(name) {
            Some(column) => column,
            None if with_oids && n == 0 => Column {
                data_type: DataType::Oid,
                spelling: b"oid".to_vec(),
                not_null: true,
                ..Column::unknown(name)
            },
            None => {
                columns.untyped.get_or_insert_with(|| Untyped::NoColumn(name.clone()));
                Column::unknown(name)
            }
        };
        columns.columns.push(column);
    }
}
