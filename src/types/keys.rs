//! Keys and other constraints of a table.

use super::data_type::QualifiedName;

/// What an archive says of a table beside its columns: keys, foreign keys, partitions.
///
/// Names are bytes in the encoding of the archive, without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keys {
    /// The table.
    pub table: QualifiedName,
    /// The primary key.
    pub primary_key: Option<Key>,
    /// Unique constraints, unique indexes without a constraint, and exclusion constraints.
    pub unique: Vec<Key>,
    /// The foreign keys of the table, and of the tables of which it is a partition: their
    /// [`table`](ForeignKey::table) is then that one.
    pub foreign_keys: Vec<ForeignKey>,
    /// The foreign keys of all tables to this one, or to a table of which it is a partition.
    pub referenced_by: Vec<ForeignKey>,
    /// The CHECK constraints, with those that are inherited.
    pub checks: Vec<Check>,
    /// The identity columns.
    pub identity: Vec<Identity>,
    /// How the table itself is partitioned, if it is.
    pub partition_by: Option<PartitionKey>,
    /// The table of which this one is a partition, the table of which that is one, and so on up to
    /// the root. Empty if it is no partition.
    pub partition_of: Vec<QualifiedName>,
    /// The columns that decide into which partition a row goes: those of the partition keys of this
    /// table and of all in `partition_of`.
    pub partition_columns: Vec<Vec<u8>>,
    /// The partitions of the table, direct ones alone.
    pub partitions: Vec<QualifiedName>,
    /// The comment on the table, if it has one.
    pub comment: Option<Vec<u8>>,
    /// The comments on columns: name and comment.
    pub column_comments: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Keys {
    pub(super) fn new(table: QualifiedName) -> Self {
        Keys {
            table,
            primary_key: None,
            unique: Vec::new(),
            foreign_keys: Vec::new(),
            referenced_by: Vec::new(),
            checks: Vec::new(),
            identity: Vec::new(),
            partition_by: None,
            partition_of: Vec::new(),
            partition_columns: Vec::new(),
            partitions: Vec::new(),
            comment: None,
            column_comments: Vec::new(),
        }
    }

    /// The comment on a column.
    pub fn comment_on(&self, column: &[u8]) -> Option<&[u8]> {
        let found = self.column_comments.iter().find(|(name, _)| name == column);
        found.map(|(_, comment)| &comment[..])
    }
}

/// A key of a table: a primary key, or what else keeps two rows from being alike.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// The name of the constraint or index.
    pub name: Vec<u8>,
    /// What makes it one.
    pub kind: KeyKind,
    /// Its columns, in order. Not those that it includes beside them.
    pub columns: Vec<Vec<u8>>,
    /// Columns that its expressions and its predicate name.
    pub mentioned: Vec<Vec<u8>>,
    /// Whether it says just that: no two rows have the same values in `columns`, NULL apart. It says
    /// something else if it has an expression, a predicate (`WHERE`), or other operators than
    /// equality (EXCLUDE, `WITHOUT OVERLAPS`).
    pub is_plain: bool,
    /// Whether two NULL count as equal (`NULLS NOT DISTINCT`, PostgreSQL 15).
    pub nulls_not_distinct: bool,
    /// The constraint as SQL: `PRIMARY KEY (a, b)`; of an index what is behind the table.
    pub definition: Vec<u8>,
}

/// What makes a key one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// PRIMARY KEY: its columns are never NULL.
    PrimaryKey,
    /// UNIQUE.
    Unique,
    /// An index that is unique without a constraint.
    UniqueIndex,
    /// EXCLUDE.
    Exclude,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignKey {
    /// The name of the constraint.
    pub name: Vec<u8>,
    /// The table that has it.
    pub table: QualifiedName,
    /// Its columns.
    pub columns: Vec<Vec<u8>>,
    /// The table that it references, which the archive may not have.
    pub referenced: QualifiedName,
    /// The columns there, in the order of `columns`. Empty if the archive does not say.
    pub referenced_columns: Vec<Vec<u8>>,
    /// The constraint as SQL: `FOREIGN KEY …`.
    pub definition: Vec<u8>,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// The name of the constraint. `None` for one without.
    pub name: Option<Vec<u8>>,
    /// Its expression as SQL.
    pub expression: Vec<u8>,
    /// The columns that it names.
    pub columns: Vec<Vec<u8>>,
}

/// An identity column.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The column.
    pub column: Vec<u8>,
    /// `GENERATED ALWAYS`, not `BY DEFAULT`.
    pub always: bool,
}

/// How a table is partitioned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionKey {
    /// The key as SQL: `RANGE (created_at)`.
    pub definition: Vec<u8>,
    /// The columns of the key, and those that its expressions name.
    pub columns: Vec<Vec<u8>>,
}
