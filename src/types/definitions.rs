//! `Definitions`: what an archive says of its tables and types.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::column::{Column, Columns, Untyped};
use super::copy_statement::CopyStatement;
use super::cursor::Dialect;
use super::data_type::{DataType, QualifiedName};
use super::keys::Keys;
use super::keys_of::PrimaryKeys;
use super::named::Names;
use super::parts::Parts;
use super::resolve::{Resolver, Types};
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
    primary_keys: PrimaryKeys,
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
            primary_keys: PrimaryKeys::default(),
        }
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
            Desc::TABLE_DATA => {
                let mut columns = self.of_data(entry);
                if let Some(copy) = entry.copy_stmt().filter(|copy| !copy.is_empty()) {
                    let copy =
                        CopyStatement::parse(copy).map_err(|e| e.in_entry(|| entry.name()))?;
                    let schema = copy.schema.as_deref().or(entry.namespace());
                    let into = QualifiedName::new(schema, &copy.table);
                    columns.root = Some(into).filter(|into| *into != columns.table);
                    if let Some(names) = copy.field_names() {
                        bind(&mut columns, &names, copy.with_oids);
                    }
                }
                Ok(columns)
            }
            _ => {
                Err(Error::usage("only tables and their data have columns")
                    .in_entry(|| entry.name()))
            }
        }
    }

    /// The keys of a table, given by its entry `TABLE`, `FOREIGN TABLE` or `TABLE DATA`.
    ///
    /// An archive that has no constraints, because it has data only, is no error: there are then
    /// none.
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
        let mut columns = self.columns(entry)?;
        bind(&mut columns, names, false);
        Ok(columns)
    }

    /// The columns that the data of a table may have.
    fn of_data(&self, data: TocEntry<'_>) -> Columns {
        let Some(table) = self.table_of(data) else {
            return Columns {
                table: QualifiedName::new(data.namespace(), data.tag().unwrap_or_default()),
                root: None,
                columns: Vec::new(),
                untyped: Some(self.missing(Untyped::NoDefinition)),
            };
        };
        let mut columns = self.of_table(table);
        columns.columns.retain(|column| column.generated.is_none());
        columns
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

    pub(super) fn primary_keys(&self) -> &PrimaryKeys {
        &self.primary_keys
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
