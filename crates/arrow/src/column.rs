//! The values of one column, one after the other.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    FixedSizeBinaryBuilder, Float32Builder, Float64Builder, Int16Builder, Int32Builder,
    Int64Builder, IntervalMonthDayNanoBuilder, StringBuilder, Time64MicrosecondBuilder,
    TimestampMicrosecondBuilder, UInt32Builder, UInt64Builder,
};
use arrow_array::types::{Int32Type, IntervalMonthDayNano};
use arrow_array::{ArrayRef, DictionaryArray};
use arrow_buffer::NullBufferBuilder;
use arrow_schema::{ArrowError, DataType as ArrowType, Field};
use pgdmp::value::{self, Array, Composite, Hstore, Multirange, Range, Timestamp, TimestampTz};

use crate::kind::{DIGITS_128, Decimal, Kind, Labels, range_fields};
use crate::nested::{Inner, IntervalParts, List, Map, RangeColumn, Struct, Vector};
use crate::scalar;
use crate::texts::Texts;

/// Why a value is not in a column. NULL is there instead, or something inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not a value of the type.
    Invalid(Cow<'static, str>),
    /// Arrow's type does not have it.
    Unrepresentable(&'static str),
}

pub(crate) type Result<T = (), E = Refused> = std::result::Result<T, E>;

pub(crate) fn invalid<T>(what: &'static str) -> Result<T> {
    Err(Refused::Invalid(Cow::Borrowed(what)))
}

pub(crate) fn unrepresentable<T>(why: &'static str) -> Result<T> {
    Err(Refused::Unrepresentable(why))
}

/// More than the 31 bits that places have.
pub(crate) const TOO_LONG: &str = "it is longer than 2 GiB";

/// Texts and bytes of one array, which have their places in 31 bits.
const MOST_BYTES: usize = i32::MAX as usize;

/// The values of a column, or of a part of it. Each call adds exactly one.
#[derive(Debug)]
pub(crate) enum Column {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt32(UInt32Builder),
    UInt64(UInt64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    NumericDouble(Float64Builder),
    Decimal128(Decimal128Builder, Decimal),
    Decimal256(Decimal256Builder, Decimal),
    Text(StringBuilder),
    Json(StringBuilder),
    Raw(BinaryBuilder),
    Bytea(BinaryBuilder, Vec<u8>),
    Geometry(BinaryBuilder, Option<i32>, [Vec<u8>; 2]),
    Uuid(FixedSizeBinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    TimestampTz(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    IntervalParts(Box<IntervalParts>),
    Enum(Int32Builder, Arc<Labels>),
    List(Box<List>, u8),
    Struct(Box<Struct>),
    Range(Box<RangeColumn>),
    Multirange(Box<List>),
    Numbers(Box<List>),
    Map(Box<Map>),
    Vector(Box<Vector>),
}

impl Column {
    pub(crate) fn new(kind: &Kind) -> Column {
        match kind {
            Kind::Boolean => Column::Boolean(BooleanBuilder::new()),
            Kind::Int16 => Column::Int16(Int16Builder::new()),
            Kind::Int32 => Column::Int32(Int32Builder::new()),
            Kind::Int64 => Column::Int64(Int64Builder::new()),
            Kind::UInt32 => Column::UInt32(UInt32Builder::new()),
            Kind::UInt64 => Column::UInt64(UInt64Builder::new()),
            Kind::Float32 => Column::Float32(Float32Builder::new()),
            Kind::Float64 => Column::Float64(Float64Builder::new()),
            Kind::NumericDouble => Column::NumericDouble(Float64Builder::new()),
            Kind::Decimal(decimal) if decimal.precision <= DIGITS_128 => Column::Decimal128(
                Decimal128Builder::new().with_data_type(kind.arrow_type()),
                *decimal,
            ),
            Kind::Decimal(decimal) => Column::Decimal256(
                Decimal256Builder::new().with_data_type(kind.arrow_type()),
                *decimal,
            ),
            Kind::Text | Kind::NumericText => Column::Text(StringBuilder::new()),
            Kind::Json => Column::Json(StringBuilder::new()),
            Kind::Raw => Column::Raw(BinaryBuilder::new()),
            Kind::Bytea => Column::Bytea(BinaryBuilder::new(), Vec::new()),
            Kind::Geometry(srid) => {
                Column::Geometry(BinaryBuilder::new(), *srid, [Vec::new(), Vec::new()])
            }
            Kind::Uuid => Column::Uuid(FixedSizeBinaryBuilder::new(16)),
            Kind::Date => Column::Date(Date32Builder::new()),
            Kind::Time => Column::Time(Time64MicrosecondBuilder::new()),
            Kind::Timestamp => Column::Timestamp(TimestampMicrosecondBuilder::new()),
            Kind::TimestampTz => Column::TimestampTz(
                TimestampMicrosecondBuilder::new().with_data_type(kind.arrow_type()),
            ),
            Kind::Interval => Column::Interval(IntervalMonthDayNanoBuilder::new()),
            Kind::IntervalParts => Column::IntervalParts(Box::new(IntervalParts {
                months: Int32Builder::new(),
                days: Int32Builder::new(),
                micros: Int64Builder::new(),
                nulls: NullBufferBuilder::new(0),
            })),
            Kind::Enum(labels) => Column::Enum(Int32Builder::new(), Arc::clone(labels)),
            Kind::List { element, delimiter, dimensions } => {
                let mut list = List::new(
                    Inner::Elements(Box::new(Column::new(element))),
                    element.field("element", true),
                );
                for _ in 1..*dimensions {
                    let field =
                        Field::new("element", ArrowType::List(Arc::clone(&list.field)), true);
                    list = List::new(Inner::Lists(Box::new(list)), field);
                }
                let list = list.with_element_bytes(element.null_bytes());
                Column::List(Box::new(list), *delimiter)
            }
            Kind::Struct(fields) => Column::Struct(Box::new(Struct {
                fields: fields.iter().map(|(name, kind)| kind.field(name, true)).collect(),
                columns: fields.iter().map(|(_, kind)| Column::new(kind)).collect(),
                nulls: NullBufferBuilder::new(0),
            })),
            Kind::Range(bound) => Column::Range(Box::new(RangeColumn::new(bound))),
            Kind::Multirange(bound) => {
                let field = Field::new("element", ArrowType::Struct(range_fields(bound)), true);
                let ranges = Column::Range(Box::new(RangeColumn::new(bound)));
                Column::Multirange(Box::new(List::new(Inner::Elements(Box::new(ranges)), field)))
            }
            Kind::Numbers(number) => Column::Numbers(Box::new(List::new(
                Inner::Elements(Box::new(Column::new(number))),
                number.field("element", true),
            ))),
            Kind::Map => Column::Map(Box::new(Map {
                field: match kind.arrow_type() {
                    ArrowType::Map(field, _) => field,
                    other => Arc::new(Field::new("key_value", other, false)),
                },
                offsets: vec![0],
                keys: StringBuilder::new(),
                values: StringBuilder::new(),
                nulls: NullBufferBuilder::new(0),
            })),
            Kind::Vector(len) => Column::Vector(Box::new(Vector {
                field: Arc::new(Field::new("element", ArrowType::Float32, true)),
                len: *len,
                offsets: vec![0],
                numbers: Float32Builder::new(),
                nulls: NullBufferBuilder::new(0),
                scratch: Vec::new(),
            })),
        }
    }

    /// Adds a value, or NULL. If it is refused, NULL is added.
    pub(crate) fn append(&mut self, text: Option<&[u8]>, texts: &Texts) -> Result {
        let Some(text) = text else {
            self.append_null();
            return Ok(());
        };
        // What a builder gets, and NULL where that is refused.
        macro_rules! put {
            ($builder:expr, $value:expr) => {
                match $value {
                    Ok(value) => {
                        $builder.append_value(value);
                        Ok(())
                    }
                    Err(refused) => {
                        $builder.append_null();
                        Err(refused)
                    }
                }
            };
        }
        match self {
            Column::Boolean(builder) => {
                put!(builder, value::boolean(text).map_or_else(|| invalid("is no boolean"), Ok))
            }
            Column::Int16(builder) => put!(builder, scalar::integer(text)),
            Column::Int32(builder) => put!(builder, scalar::integer(text)),
            Column::Int64(builder) => put!(builder, scalar::integer::<i64>(text)),
            Column::UInt32(builder) => put!(builder, scalar::unsigned(text)),
            Column::UInt64(builder) => put!(builder, scalar::unsigned::<u64>(text)),
            Column::Float32(builder) => {
                put!(builder, value::real(text).map_or_else(|| invalid("is no real"), Ok))
            }
            Column::Float64(builder) => {
                let number = value::double_precision(text);
                put!(builder, number.map_or_else(|| invalid("is no double precision"), Ok))
            }
            Column::NumericDouble(builder) => put!(builder, scalar::exact_double(text)),
            Column::Decimal128(builder, decimal) => {
                put!(builder, scalar::decimal_128(text, *decimal))
            }
            Column::Decimal256(builder, decimal) => {
                put!(builder, scalar::decimal_256(text, *decimal))
            }
            Column::Text(builder) => put_text(builder, texts.of(text)),
            Column::Json(builder) => match texts.of(text) {
                Some(text) if !pgdmp::rows::is_json(text.as_bytes()) => {
                    builder.append_null();
                    invalid("is no JSON")
                }
                text => put_text(builder, text),
            },
            Column::Raw(builder) => put_bytes(builder, Some(text), ""),
            Column::Bytea(builder, scratch) => {
                scratch.clear();
                let bytes = value::bytea(text, scratch).map(|()| &**scratch);
                put_bytes(builder, bytes, "is no bytea")
            }
            Column::Geometry(builder, srid, scratch) => {
                match scalar::geometry(text, *srid, scratch) {
                    Ok(bytes) => put_bytes(builder, Some(bytes), ""),
                    Err(refused) => {
                        builder.append_null();
                        Err(refused)
                    }
                }
            }
            Column::Uuid(builder) => match value::uuid(text) {
                // It has the right length, so this does not fail.
                Some(id) => builder.append_value(id).or_else(|_| invalid("is no uuid")),
                None => {
                    builder.append_null();
                    invalid("is no uuid")
                }
            },
            Column::Date(builder) => put!(builder, scalar::date(text)),
            Column::Time(builder) => put!(builder, scalar::time(text)),
            Column::Timestamp(builder) => put!(
                builder,
                match Timestamp::parse(text) {
                    Some(moment) => scalar::micros(moment),
                    None => invalid("is no timestamp"),
                }
            ),
            Column::TimestampTz(builder) => put!(
                builder,
                match TimestampTz::parse(text) {
                    Some(moment) => scalar::micros(moment.0),
                    None => invalid("is no timestamp with time zone"),
                }
            ),
            Column::Interval(builder) => put!(
                builder,
                scalar::interval(text).and_then(|(months, days, micros)| {
                    match micros.checked_mul(1_000) {
                        Some(nanos) => Ok(IntervalMonthDayNano::new(months, days, nanos)),
                        None => unrepresentable("its time is longer than 64 bits of nanoseconds"),
                    }
                })
            ),
            Column::IntervalParts(parts) => parts.append(text),
            Column::Enum(builder, labels) => {
                let key = match texts.exact(text) {
                    Some(label) => labels.keys.get(label.as_bytes()).copied(),
                    None => None,
                };
                put!(builder, key.map_or_else(|| invalid("is no label of the enum"), Ok))
            }
            Column::List(list, delimiter) => {
                let whole = texts.whole(text);
                match whole.as_deref().and_then(|text| Array::parse(text, *delimiter)) {
                    Some(array) => list.append_array(&array, &texts.of_parts()),
                    None => {
                        list.append_null();
                        invalid("is no array")
                    }
                }
            }
            Column::Struct(columns) => {
                let whole = texts.whole(text);
                columns.append(whole.as_deref().and_then(Composite::parse), &texts.of_parts())
            }
            Column::Range(columns) => {
                let whole = texts.whole(text);
                columns.append(whole.as_deref().and_then(Range::parse), &texts.of_parts())
            }
            Column::Multirange(list) => {
                let whole = texts.whole(text);
                match whole.as_deref().and_then(Multirange::parse) {
                    Some(ranges) => list.append_ranges(&ranges, &texts.of_parts()),
                    None => {
                        list.append_null();
                        invalid("is no multirange")
                    }
                }
            }
            Column::Numbers(list) => list.append_numbers(text, texts),
            Column::Map(map) => {
                let whole = texts.whole(text);
                map.append(whole.as_deref().and_then(Hstore::parse), &texts.of_parts())
            }
            Column::Vector(vector) => vector.append(text),
        }
    }

    pub(crate) fn append_null(&mut self) {
        match self {
            Column::Boolean(builder) => builder.append_null(),
            Column::Int16(builder) => builder.append_null(),
            Column::Int32(builder) => builder.append_null(),
            Column::Int64(builder) => builder.append_null(),
            Column::UInt32(builder) => builder.append_null(),
            Column::UInt64(builder) => builder.append_null(),
            Column::Float32(builder) => builder.append_null(),
            Column::Float64(builder) | Column::NumericDouble(builder) => builder.append_null(),
            Column::Decimal128(builder, _) => builder.append_null(),
            Column::Decimal256(builder, _) => builder.append_null(),
            Column::Text(builder) | Column::Json(builder) => builder.append_null(),
            Column::Raw(builder) | Column::Bytea(builder, _) | Column::Geometry(builder, ..) => {
                builder.append_null();
            }
            Column::Uuid(builder) => builder.append_null(),
            Column::Date(builder) => builder.append_null(),
            Column::Time(builder) => builder.append_null(),
            Column::Timestamp(builder) | Column::TimestampTz(builder) => builder.append_null(),
            Column::Interval(builder) => builder.append_null(),
            Column::IntervalParts(parts) => parts.append_null(),
            Column::Enum(builder, _) => builder.append_null(),
            Column::List(list, _) | Column::Multirange(list) | Column::Numbers(list) => {
                list.append_null();
            }
            Column::Struct(columns) => columns.append_null(),
            Column::Range(columns) => columns.append_null(),
            Column::Map(map) => map.end(false),
            Column::Vector(vector) => vector.append_null(),
        }
    }

    /// What the elements of arrays take beside their text.
    pub(crate) fn extra(&self) -> usize {
        match self {
            Column::List(list, _) => list.extra(),
            Column::Struct(columns) => {
                columns.columns.iter().map(Column::extra).fold(0, usize::saturating_add)
            }
            _ => 0,
        }
    }

    /// The values so far. The next is the first of others.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Column::Boolean(builder) => Arc::new(builder.finish()),
            Column::Int16(builder) => Arc::new(builder.finish()),
            Column::Int32(builder) => Arc::new(builder.finish()),
            Column::Int64(builder) => Arc::new(builder.finish()),
            Column::UInt32(builder) => Arc::new(builder.finish()),
            Column::UInt64(builder) => Arc::new(builder.finish()),
            Column::Float32(builder) => Arc::new(builder.finish()),
            Column::Float64(builder) | Column::NumericDouble(builder) => Arc::new(builder.finish()),
            Column::Decimal128(builder, _) => Arc::new(builder.finish()),
            Column::Decimal256(builder, _) => Arc::new(builder.finish()),
            Column::Text(builder) | Column::Json(builder) => Arc::new(builder.finish()),
            Column::Raw(builder) | Column::Bytea(builder, _) | Column::Geometry(builder, ..) => {
                Arc::new(builder.finish())
            }
            Column::Uuid(builder) => Arc::new(builder.finish()),
            Column::Date(builder) => Arc::new(builder.finish()),
            Column::Time(builder) => Arc::new(builder.finish()),
            Column::Timestamp(builder) | Column::TimestampTz(builder) => Arc::new(builder.finish()),
            Column::Interval(builder) => Arc::new(builder.finish()),
            Column::IntervalParts(parts) => Arc::new(parts.finish()?),
            Column::Enum(builder, labels) => {
                let keys = builder.finish();
                let values = Arc::clone(&labels.values);
                Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?)
            }
            Column::List(list, _) | Column::Multirange(list) | Column::Numbers(list) => {
                Arc::new(list.finish()?)
            }
            Column::Struct(columns) => Arc::new(columns.finish()?),
            Column::Range(columns) => Arc::new(columns.finish()?),
            Column::Map(map) => Arc::new(map.finish()?),
            Column::Vector(vector) => vector.finish()?,
        })
    }
}

/// Whether so many bytes more have places of 31 bits.
pub(crate) fn fits(there: &[u8], more: usize) -> bool {
    more <= MOST_BYTES - there.len()
}

fn put_text(builder: &mut StringBuilder, text: Option<Cow<'_, str>>) -> Result {
    let refused = match text {
        Some(text) if fits(builder.values_slice(), text.len()) => {
            builder.append_value(text);
            return Ok(());
        }
        Some(_) => unrepresentable(TOO_LONG),
        None => invalid("is not text in its encoding"),
    };
    builder.append_null();
    refused
}

fn put_bytes(builder: &mut BinaryBuilder, bytes: Option<&[u8]>, otherwise: &'static str) -> Result {
    let refused = match bytes {
        Some(bytes) if fits(builder.values_slice(), bytes.len()) => {
            builder.append_value(bytes);
            return Ok(());
        }
        Some(_) => unrepresentable(TOO_LONG),
        None => invalid(otherwise),
    };
    builder.append_null();
    refused
}
