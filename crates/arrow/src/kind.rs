//! What the values of a column become.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_schema::extension::{Json, Uuid};
use arrow_schema::{DataType as ArrowType, Field, Fields, IntervalUnit, TimeUnit};
use pgdmp::types::{DataType, EnumType};

use crate::options::{ArrowOptions, NumericAs, Target};
use crate::texts::Texts;

/// What the values of a column, or of a part of it, become.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Boolean,
    Int16,
    Int32,
    Int64,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Decimal(Decimal),
    /// `numeric` as a floating-point number, if that is exact.
    NumericDouble,
    /// `numeric` as text, until a scan has seen all values.
    NumericText,
    Text,
    Json,
    /// Text as it is in the archive.
    Raw,
    Bytea,
    Uuid,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    /// Months, days and nanoseconds.
    Interval,
    /// The same as a struct, with microseconds.
    IntervalParts,
    Enum(Arc<Labels>),
    /// With so many dimensions, and this between elements.
    List {
        element: Box<Kind>,
        delimiter: u8,
        dimensions: usize,
    },
    Struct(Vec<(String, Kind)>),
    Range(Box<Kind>),
    Multirange(Box<Kind>),
    /// Numbers with blanks between them.
    Numbers(Box<Kind>),
    Map,
    Vector(Option<i32>),
    /// Geometry as ISO WKB, of this SRID; without, as it is.
    Geometry(Option<i32>),
}

/// A decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) precision: u8,
    pub(crate) scale: i8,
    pub(crate) text: DecimalText,
}

/// What the text of a decimal is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecimalText {
    /// It has exactly as many digits behind the point as the type says.
    Typed,
    /// It may have any number of digits.
    Untyped,
    /// It is `money` with this decimal sign.
    Money(u8),
}

/// The labels of an enum.
#[derive(Debug)]
pub(crate) struct Labels {
    pub(crate) keys: HashMap<Vec<u8>, i32>,
    pub(crate) values: ArrayRef,
}

/// Digits that a decimal of 128 and 256 bits has.
pub(crate) const DIGITS_128: u8 = 38;
const DIGITS_256: u8 = 76;

impl Kind {
    /// What values of a type become. `dimensions` of an array.
    pub(crate) fn of(
        data_type: &DataType,
        dimensions: usize,
        options: &ArrowOptions,
        texts: &Texts,
    ) -> Kind {
        let inner = |data_type: &DataType| match Kind::of(data_type, 1, options, texts) {
            // The metadata says the SRID of columns alone, so these say it themselves.
            Kind::Geometry(_) => Kind::Geometry(None),
            kind => kind,
        };
        match data_type {
            DataType::Boolean => Kind::Boolean,
            DataType::SmallInt => Kind::Int16,
            DataType::Integer => Kind::Int32,
            DataType::BigInt => Kind::Int64,
            DataType::Oid | DataType::Xid | DataType::Cid => Kind::UInt32,
            DataType::Xid8 => Kind::UInt64,
            DataType::Real => Kind::Float32,
            DataType::DoublePrecision => Kind::Float64,
            DataType::Numeric(None) => match options.numeric {
                NumericAs::Text => Kind::Text,
                NumericAs::Scan => Kind::NumericText,
                NumericAs::Double => Kind::NumericDouble,
                NumericAs::Decimal(precision, scale) => {
                    Kind::Decimal(Decimal { precision, scale, text: DecimalText::Untyped })
                }
            },
            DataType::Numeric(Some(size)) => {
                let (precision, scale) = (i32::from(size.precision), i32::from(size.scale));
                // As many digits as its values can have, and none behind the point below zero.
                decimal(precision.max(scale) - scale.min(0), scale.max(0), options)
            }
            DataType::Money => match options.money {
                Some((sign, digits)) => Kind::Decimal(Decimal {
                    precision: 19,
                    scale: digits.cast_signed(),
                    text: DecimalText::Money(sign),
                }),
                None => Kind::Text,
            },
            DataType::Bytea => Kind::Bytea,
            DataType::Uuid => Kind::Uuid,
            DataType::Date => Kind::Date,
            DataType::Time => Kind::Time,
            DataType::Timestamp => Kind::Timestamp,
            DataType::TimestampTz => Kind::TimestampTz,
            DataType::Interval if options.interval_text => Kind::Text,
            DataType::Interval => match options.target {
                Target::Arrow => Kind::Interval,
                // No interval of Parquet's has microseconds.
                Target::Parquet => Kind::IntervalParts,
            },
            DataType::Int2Vector => Kind::Numbers(Box::new(Kind::Int16)),
            DataType::OidVector => Kind::Numbers(Box::new(Kind::UInt32)),
            DataType::Vector(len) | DataType::HalfVec(len) => {
                Kind::Vector(len.and_then(|len| i32::try_from(len).ok()))
            }
            DataType::Geometry(srid) | DataType::Geography(srid) => Kind::Geometry(*srid),
            // What is inside of these is found only in text that is known.
            _ if options.raw => Kind::Raw,
            DataType::Json | DataType::Jsonb => Kind::Json,
            DataType::Enum(labels) => Labels::of(labels, texts).map_or(Kind::Text, Kind::Enum),
            DataType::Array(array) => Kind::List {
                element: Box::new(inner(&array.element)),
                delimiter: array.delimiter,
                dimensions,
            },
            // Parquet has no group without fields.
            DataType::Composite(composite) if composite.fields.is_empty() => Kind::Text,
            DataType::Composite(composite) => {
                let fields = composite.fields.iter();
                Kind::Struct(
                    fields
                        .map(|field| (texts.name(&field.name), inner(&field.data_type)))
                        .collect(),
                )
            }
            DataType::Range(bound) if options.range_struct => Kind::Range(Box::new(inner(bound))),
            DataType::Multirange(bound) if options.range_struct => {
                Kind::Multirange(Box::new(inner(bound)))
            }
            DataType::Hstore => Kind::Map,
            _ => Kind::Text,
        }
    }

    /// Whether any text is such a value.
    pub(crate) fn takes_all(&self) -> bool {
        matches!(self, Kind::Text | Kind::Raw)
    }

    /// How many bytes a NULL takes, where that is more than its text has.
    pub(crate) fn null_bytes(&self) -> usize {
        const NUMBER: usize = 8;
        match self {
            Kind::Vector(Some(len)) => usize::try_from(*len).unwrap_or(0).saturating_mul(4),
            Kind::Struct(fields) => fields
                .iter()
                .map(|(_, kind)| kind.null_bytes().saturating_add(NUMBER))
                .fold(0, usize::saturating_add),
            Kind::Range(bound) => bound.null_bytes().saturating_mul(2),
            _ => 0,
        }
    }

    /// Whether there are arrays in it whose elements take much more than their text.
    pub(crate) fn has_large_elements(&self) -> bool {
        match self {
            Kind::List { element, .. } => element.null_bytes() > 0 || element.has_large_elements(),
            Kind::Struct(fields) => fields.iter().any(|(_, kind)| kind.has_large_elements()),
            _ => false,
        }
    }

    pub(crate) fn arrow_type(&self) -> ArrowType {
        match self {
            Kind::Boolean => ArrowType::Boolean,
            Kind::Int16 => ArrowType::Int16,
            Kind::Int32 => ArrowType::Int32,
            Kind::Int64 => ArrowType::Int64,
            Kind::UInt32 => ArrowType::UInt32,
            Kind::UInt64 => ArrowType::UInt64,
            Kind::Float32 => ArrowType::Float32,
            Kind::Float64 | Kind::NumericDouble => ArrowType::Float64,
            Kind::Decimal(Decimal { precision, scale, .. }) if *precision <= DIGITS_128 => {
                ArrowType::Decimal128(*precision, *scale)
            }
            Kind::Decimal(Decimal { precision, scale, .. }) => {
                ArrowType::Decimal256(*precision, *scale)
            }
            Kind::Text | Kind::NumericText | Kind::Json => ArrowType::Utf8,
            Kind::Raw | Kind::Bytea | Kind::Geometry(_) => ArrowType::Binary,
            Kind::Uuid => ArrowType::FixedSizeBinary(16),
            Kind::Date => ArrowType::Date32,
            Kind::Time => ArrowType::Time64(TimeUnit::Microsecond),
            Kind::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, None),
            Kind::TimestampTz => ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Interval => ArrowType::Interval(IntervalUnit::MonthDayNano),
            Kind::IntervalParts => ArrowType::Struct(interval_fields()),
            Kind::Enum(_) => {
                ArrowType::Dictionary(Box::new(ArrowType::Int32), Box::new(ArrowType::Utf8))
            }
            Kind::List { element, dimensions, .. } => {
                let mut list = element.field("element", true);
                for _ in 1..*dimensions {
                    list = Field::new("element", ArrowType::List(Arc::new(list)), true);
                }
                ArrowType::List(Arc::new(list))
            }
            Kind::Struct(fields) => ArrowType::Struct(
                fields.iter().map(|(name, kind)| kind.field(name, true)).collect(),
            ),
            Kind::Range(bound) => ArrowType::Struct(range_fields(bound)),
            Kind::Multirange(bound) => {
                let range = ArrowType::Struct(range_fields(bound));
                ArrowType::List(Arc::new(Field::new("element", range, true)))
            }
            Kind::Numbers(number) => ArrowType::List(Arc::new(number.field("element", true))),
            Kind::Map => ArrowType::Map(Arc::new(map_entries()), false),
            Kind::Vector(None) => ArrowType::List(vector_field()),
            Kind::Vector(Some(len)) => ArrowType::FixedSizeList(vector_field(), *len),
        }
    }

    pub(crate) fn field(&self, name: &str, nullable: bool) -> Field {
        let mut field = Field::new(name, self.arrow_type(), nullable);
        // Neither fails: the type is the right one.
        let _ = match self {
            Kind::Uuid => field.try_with_extension_type(Uuid),
            Kind::Json => field.try_with_extension_type(Json::default()),
            _ => Ok(()),
        };
        field
    }
}

/// A typed numeric of so many digits.
fn decimal(precision: i32, scale: i32, options: &ArrowOptions) -> Kind {
    let most = match options.target {
        Target::Parquet if !options.decimal256 => DIGITS_128,
        _ => DIGITS_256,
    };
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision), Ok(scale)) if precision <= most => {
            Kind::Decimal(Decimal { precision, scale, text: DecimalText::Typed })
        }
        _ => Kind::Text,
    }
}

pub(crate) fn interval_fields() -> Fields {
    Fields::from(vec![
        Field::new("months", ArrowType::Int32, false),
        Field::new("days", ArrowType::Int32, false),
        Field::new("microseconds", ArrowType::Int64, false),
    ])
}

pub(crate) fn range_fields(bound: &Kind) -> Fields {
    Fields::from(vec![
        bound.field("lower", true),
        bound.field("upper", true),
        Field::new("lower_inc", ArrowType::Boolean, true),
        Field::new("upper_inc", ArrowType::Boolean, true),
        Field::new("empty", ArrowType::Boolean, true),
    ])
}

fn map_entries() -> Field {
    Field::new("key_value", ArrowType::Struct(map_fields()), false)
}

pub(crate) fn map_fields() -> Fields {
    Fields::from(vec![
        Field::new("key", ArrowType::Utf8, false),
        Field::new("value", ArrowType::Utf8, true),
    ])
}

fn vector_field() -> Arc<Field> {
    Arc::new(Field::new("element", ArrowType::Float32, true))
}

impl Labels {
    /// `None` if a label is not text in the encoding of the archive, or there are two of one name.
    fn of(labels: &EnumType, texts: &Texts) -> Option<Arc<Labels>> {
        let mut keys = HashMap::new();
        let mut values = Vec::new();
        for label in &labels.labels {
            let text = texts.exact(label)?.into_owned();
            let key = i32::try_from(values.len()).ok()?;
            if keys.insert(text.clone().into_bytes(), key).is_some() {
                return None;
            }
            values.push(text);
        }
        Some(Arc::new(Labels { keys, values: Arc::new(StringArray::from(values)) }))
    }
}
