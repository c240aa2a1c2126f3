//! What the values of a type become in JSON: `json_categorize_type` in `json.c`.

use super::super::text::Texts;
use super::value;
use crate::types::DataType;

/// How numbers are written that a reader of doubles cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    AsPrinted,
    BigAsStrings,
}

/// What the values of a type become.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Boolean,
    /// An integer of this many bits.
    Integer(u32, Numbers),
    /// `real` and `double precision`.
    Float,
    Numeric(Numbers),
    /// A string.
    Text,
    Bytea,
    Timestamp,
    TimestampTz,
    /// `json` and `jsonb`.
    Json,
    /// Elements, with this between them.
    Array(Box<Shape>, u8),
    Composite(Vec<Attribute>),
    /// Numbers with blanks between them, which become this.
    Numbers(Box<Shape>),
    Hstore,
    /// pgvector's.
    Vector,
}

/// A member of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// The name as JSON, and the colon behind it.
    pub(super) key: Vec<u8>,
    pub(super) shape: Shape,
}

impl Attribute {
    /// The name is in UTF-8.
    pub(super) fn new(name: &[u8], shape: Shape) -> Attribute {
        let mut key = Vec::with_capacity(name.len() + 3);
        value::string(name, &mut key);
        key.push(b':');
        Attribute { key, shape }
    }
}

impl Shape {
    /// Types nest no deeper than [`DataType::MAX_DEPTH`].
    pub(super) fn of(data_type: &DataType, numbers: Numbers, texts: &Texts) -> Shape {
        let of = |data_type: &DataType| Shape::of(data_type, numbers, texts);
        match data_type {
            DataType::Boolean => Shape::Boolean,
            DataType::SmallInt => Shape::Integer(16, numbers),
            DataType::Integer => Shape::Integer(32, numbers),
            DataType::BigInt => Shape::Integer(64, numbers),
            DataType::Real | DataType::DoublePrecision => Shape::Float,
            DataType::Numeric(_) => Shape::Numeric(numbers),
            DataType::Bytea => Shape::Bytea,
            DataType::Timestamp => Shape::Timestamp,
            DataType::TimestampTz => Shape::TimestampTz,
            DataType::Json | DataType::Jsonb => Shape::Json,
            DataType::Array(array) => Shape::Array(Box::new(of(&array.element)), array.delimiter),
            DataType::Composite(composite) => {
                let attributes = composite
                    .fields
                    .iter()
                    .map(|field| Attribute::new(&texts.name(&field.name), of(&field.data_type)));
                Shape::Composite(attributes.collect())
            }
            DataType::Int2Vector => Shape::Numbers(Box::new(Shape::Integer(16, numbers))),
            DataType::OidVector => Shape::Numbers(Box::new(Shape::Text)),
            DataType::Hstore => Shape::Hstore,
            DataType::Vector(_) | DataType::HalfVec(_) => Shape::Vector,
            _ => Shape::Text,
        }
    }
}
