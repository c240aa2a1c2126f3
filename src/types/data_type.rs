//! `DataType`: what the values of a column are.

use std::sync::Arc;

/// A name with its schema, both as bytes in the encoding of the archive, without quotes.
///
/// ```
/// use pgdmp::types::QualifiedName;
///
/// let name = QualifiedName::new(Some(b"shop"), b"orders");
/// assert_eq!(name.schema.as_deref(), Some(&b"shop"[..]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    /// The schema. `None` if the archive does not say, as with types of unknown extensions in
    /// archives before version 1.13.
    pub schema: Option<Vec<u8>>,
    /// The name.
    pub name: Vec<u8>,
}

impl QualifiedName {
    /// A name in a schema.
    pub fn new(schema: Option<&[u8]>, name: &[u8]) -> Self {
        QualifiedName { schema: schema.map(<[u8]>::to_vec), name: name.to_vec() }
    }
}

/// A column's type, with domains resolved to their base type.
///
/// It says what the text of a value means, no more: types whose text is the value itself are all
/// [`Text`](Self::Text), and types that this crate does not take apart are [`Other`](Self::Other).
/// The type as the archive has it is [`Column::spelling`](super::Column::spelling).
///
/// Clones are cheap. A type nests at most [`MAX_DEPTH`](Self::MAX_DEPTH) deep, and has at most
/// [`MAX_ATTRIBUTES`](Self::MAX_ATTRIBUTES) attributes in all that it is made of, so that it can be
/// walked recursively; what would exceed that is `Other`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// `boolean`: `t` or `f`.
    Boolean,
    /// `smallint`: 2 bytes.
    SmallInt,
    /// `integer`: 4 bytes.
    Integer,
    /// `bigint`: 8 bytes.
    BigInt,
    /// `oid`: 4 bytes without sign.
    Oid,
    /// `xid`: 4 bytes without sign.
    Xid,
    /// `cid`: 4 bytes without sign.
    Cid,
    /// `xid8`: 8 bytes without sign.
    Xid8,
    /// `real`: 4 bytes.
    Real,
    /// `double precision`: 8 bytes.
    DoublePrecision,
    /// `numeric`, or `numeric(precision, scale)`.
    Numeric(Option<NumericSize>),
    /// `money`, whose text depends on the server's `lc_monetary`.
    Money,
    /// `text`, `character varying`, `character` (which keeps its blanks), `name`, `xml`, and
    /// `citext`: the text is the value.
    Text,
    /// `"char"`: one byte.
    Char,
    /// `bytea`, in hex or in escape form.
    Bytea,
    /// `date`.
    Date,
    /// `time without time zone`.
    Time,
    /// `time with time zone`.
    TimeTz,
    /// `timestamp without time zone`.
    Timestamp,
    /// `timestamp with time zone`, printed in the time zone of the session that made the archive.
    TimestampTz,
    /// `interval`.
    Interval,
    /// `uuid`.
    Uuid,
    /// `json`.
    Json,
    /// `jsonb`.
    Jsonb,
    /// `bit` and `bit varying`.
    Bit,
    /// An enum.
    Enum(Arc<EnumType>),
    /// An array. Its values may have any number of dimensions.
    Array(Arc<ArrayType>),
    /// A composite type, or the row type of a table.
    Composite(Arc<CompositeType>),
    /// A range of this type.
    Range(Arc<DataType>),
    /// A multirange of this type.
    Multirange(Arc<DataType>),
    /// `int2vector`: numbers with blanks between them.
    Int2Vector,
    /// `oidvector`: numbers with blanks between them.
    OidVector,
    /// `hstore` of the extension of that name.
    Hstore,
    /// `vector` of the extension pgvector, with its number of dimensions if the type has one.
    Vector(Option<u32>),
    /// `halfvec` of the extension pgvector, likewise.
    HalfVec(Option<u32>),
    /// `geometry` of PostGIS, with its SRID if the type has one.
    Geometry(Option<i32>),
    /// `geography` of PostGIS, with its SRID if the type has one.
    Geography(Option<i32>),
    /// Any other type, and one that is not known: its value is text.
    Other,
}

impl DataType {
    /// How deep types nest at most: arrays, composites and domains in one another.
    pub const MAX_DEPTH: usize = 64;

    /// How many attributes a composite type has at most, with those of the composites in it.
    /// PostgreSQL's own limit is 1,600 for one composite.
    pub const MAX_ATTRIBUTES: usize = 10_000;

    /// The elements' type, if it is an array.
    pub fn element(&self) -> Option<&DataType> {
        match self {
            DataType::Array(array) => Some(&array.element),
            _ => None,
        }
    }

    /// An array of this type. It may be an array itself, if it is a domain.
    pub(super) fn array_of(element: DataType, delimiter: u8) -> DataType {
        DataType::Array(Arc::new(ArrayType { element, delimiter }))
    }
}

/// Precision and scale of a `numeric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumericSize {
    /// All digits, 1 to 1000.
    pub precision: u16,
    /// Digits behind the point. Since PostgreSQL 15 it may be negative or above the precision.
    pub scale: i16,
}

/// An enum and its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnumType {
    /// Its name.
    pub name: QualifiedName,
    /// The labels in their order, which is that of comparisons. There may be none.
    pub labels: Vec<Vec<u8>>,
}

/// An array.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArrayType {
    /// The type of its elements.
    pub element: DataType,
    /// What separates elements: a comma, but `;` for `box`, `:` for types of PostGIS, and what
    /// `CREATE TYPE` says for others.
    pub delimiter: u8,
}

/// A composite type and its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompositeType {
    /// Its name, or that of the table whose rows it is of.
    pub name: QualifiedName,
    /// The attributes in the order of the fields of its values.
    pub fields: Vec<Attribute>,
}

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// Its name.
    pub name: Vec<u8>,
    /// Its type.
    pub data_type: DataType,
    /// Its type as the archive has it.
    pub spelling: Vec<u8>,
}
