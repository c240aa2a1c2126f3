//! Types as they are spelled: what PostgreSQL's function `format_type` gives, and the aliases that
//! people type into an edited archive.

use super::cursor::Cursor;
use super::data_type::{DataType, NumericSize, QualifiedName};
use crate::sql::{Kind, Token};

/// A type as it is spelled, before names are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelling<'a> {
    pub(super) base: Base<'a>,
    pub(super) array: bool,
    /// The text itself.
    pub(super) text: &'a [u8],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base<'a> {
    /// A type of the grammar, which no name of a schema can hide.
    BuiltIn(BuiltIn),
    /// A name, and what stands in parentheses behind it.
    Named { name: QualifiedName, arguments: Option<&'a [u8]> },
}

/// A type and how many characters it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuiltIn {
    pub(super) data_type: DataType,
    pub(super) max_length: Option<u32>,
}

impl BuiltIn {
    fn new(data_type: DataType) -> Self {
        BuiltIn { data_type, max_length: None }
    }
}

/// Takes a type.
pub(super) fn spelling<'a>(cursor: &mut Cursor<'a>) -> Option<Spelling<'a>> {
    let start = cursor.start();
    cursor.word("SETOF");
    let first = cursor.peek()?;
    let built_in = if first.kind == Kind::Word && !followed_by_point(cursor) {
        built_in(cursor, first)?
    } else {
        None
    };
    let base = match built_in {
        Some(built_in) => Base::BuiltIn(built_in),
        None => {
            let name = cursor.qualified()?;
            let arguments = if cursor.at_mark(b'(') { Some(cursor.parenthesis()?) } else { None };
            Base::Named { name, arguments }
        }
    };
    let mut array = cursor.word("ARRAY");
    while cursor.mark(b'[') {
        array = true;
        let _: Option<u32> = cursor.number();
        if !cursor.mark(b']') {
            return None;
        }
    }
    Some(Spelling { base, array, text: cursor.text(start..cursor.end()) })
}

fn followed_by_point(cursor: &Cursor<'_>) -> bool {
    cursor.peek_second().is_some_and(|token| token.is_mark(b'.'))
}

/// Takes a type of the grammar (`SimpleTypename` in `gram.y`); `Some(None)` if it is another name.
fn built_in(cursor: &mut Cursor<'_>, first: Token<'_>) -> Option<Option<BuiltIn>> {
    let word = first.text.to_ascii_lowercase();
    let plain = match &word[..] {
        b"boolean" => DataType::Boolean,
        b"smallint" => DataType::SmallInt,
        b"integer" | b"int" => DataType::Integer,
        b"bigint" => DataType::BigInt,
        b"real" => DataType::Real,
        b"smallserial" => DataType::SmallInt,
        b"serial" => DataType::Integer,
        b"bigserial" => DataType::BigInt,
        _ => return compound(cursor, &word),
    };
    cursor.take();
    Some(Some(BuiltIn::new(plain)))
}

/// The same, of those that have more than a word.
fn compound(cursor: &mut Cursor<'_>, word: &[u8]) -> Option<Option<BuiltIn>> {
    let known = matches!(
        word,
        b"float"
            | b"double"
            | b"numeric"
            | b"decimal"
            | b"dec"
            | b"bit"
            | b"national"
            | b"character"
            | b"char"
            | b"nchar"
            | b"varchar"
            | b"time"
            | b"timestamp"
            | b"interval"
    );
    let double = word == b"double";
    if !known || double && !cursor.peek_second().is_some_and(|token| token.is("PRECISION")) {
        return Some(None);
    }
    cursor.take();
    let data_type = match word {
        b"double" => {
            cursor.take();
            DataType::DoublePrecision
        }
        b"float" => match argument(cursor)? {
            Some(..=24) => DataType::Real,
            _ => DataType::DoublePrecision,
        },
        b"numeric" | b"decimal" | b"dec" => {
            let arguments = if cursor.at_mark(b'(') { Some(cursor.parenthesis()?) } else { None };
            DataType::Numeric(arguments.and_then(numeric_size))
        }
        b"bit" => {
            cursor.word("VARYING");
            argument(cursor)?;
            DataType::Bit
        }
        b"time" | b"timestamp" => {
            argument(cursor)?;
            let zone = cursor.words(&["WITH", "TIME", "ZONE"]);
            if !zone {
                cursor.words(&["WITHOUT", "TIME", "ZONE"]);
            }
            match (word == b"time", zone) {
                (true, false) => DataType::Time,
                (true, true) => DataType::TimeTz,
                (false, false) => DataType::Timestamp,
                (false, true) => DataType::TimestampTz,
            }
        }
        b"interval" => {
            argument(cursor)?;
            if cursor.any_word(FIELDS) && cursor.word("TO") && !cursor.any_word(FIELDS) {
                return None;
            }
            argument(cursor)?;
            DataType::Interval
        }
        _ => return Some(Some(character(cursor, word)?)),
    };
    Some(Some(BuiltIn::new(data_type)))
}

const FIELDS: &[&str] = &["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];

/// `character varying(n)` and its like, behind the first word.
fn character(cursor: &mut Cursor<'_>, word: &[u8]) -> Option<BuiltIn> {
    if word == b"national" && !cursor.any_word(&["CHARACTER", "CHAR"]) {
        return None;
    }
    let varying = cursor.word("VARYING") || word == b"varchar";
    let length = argument(cursor)?;
    // `character` alone is one character, and `character varying` any number of them.
    let max_length = length.or((!varying).then_some(1));
    Some(BuiltIn { data_type: DataType::Text, max_length })
}

/// A number in parentheses, if there are any: `Some(None)` without.
fn argument(cursor: &mut Cursor<'_>) -> Option<Option<u32>> {
    if !cursor.mark(b'(') {
        return Some(None);
    }
    let number = cursor.number();
    (number.is_some() && cursor.mark(b')')).then_some(number)
}

/// What stands in the parentheses of `numeric`.
fn numeric_size(arguments: &[u8]) -> Option<NumericSize> {
    let text = std::str::from_utf8(arguments).ok()?;
    let (precision, scale) = text.split_once(',').unwrap_or((text, "0"));
    Some(NumericSize {
        precision: precision.trim().parse().ok()?,
        scale: scale.trim().parse().ok()?,
    })
}

/// A type of `pg_catalog`, if its text means something to this crate.
pub(super) fn of_catalog(name: &[u8], arguments: Option<&[u8]>) -> Option<BuiltIn> {
    let number = || std::str::from_utf8(arguments?).ok()?.trim().parse().ok();
    let range = |of: DataType| DataType::Range(of.into());
    let multirange = |of: DataType| DataType::Multirange(of.into());
    let numeric = DataType::Numeric(None);
    let data_type = match name {
        b"bool" => DataType::Boolean,
        b"int2" | b"serial2" => DataType::SmallInt,
        b"int4" | b"serial4" => DataType::Integer,
        b"int8" | b"serial8" => DataType::BigInt,
        b"oid" => DataType::Oid,
        b"xid" => DataType::Xid,
        b"cid" => DataType::Cid,
        b"xid8" => DataType::Xid8,
        b"float4" => DataType::Real,
        b"float8" => DataType::DoublePrecision,
        b"numeric" => DataType::Numeric(arguments.and_then(numeric_size)),
        b"money" => DataType::Money,
        b"text" | b"name" | b"xml" => DataType::Text,
        b"varchar" | b"bpchar" => {
            return Some(BuiltIn { data_type: DataType::Text, max_length: number() });
        }
        b"char" => DataType::Char,
        b"bytea" => DataType::Bytea,
        b"date" => DataType::Date,
        b"time" => DataType::Time,
        b"timetz" => DataType::TimeTz,
        b"timestamp" => DataType::Timestamp,
        b"timestamptz" => DataType::TimestampTz,
        b"interval" => DataType::Interval,
        b"uuid" => DataType::Uuid,
        b"json" => DataType::Json,
        b"jsonb" => DataType::Jsonb,
        b"bit" | b"varbit" => DataType::Bit,
        b"int2vector" => DataType::Int2Vector,
        b"oidvector" => DataType::OidVector,
        b"int4range" => range(DataType::Integer),
        b"int8range" => range(DataType::BigInt),
        b"numrange" => range(numeric),
        b"tsrange" => range(DataType::Timestamp),
        b"tstzrange" => range(DataType::TimestampTz),
        b"daterange" => range(DataType::Date),
        b"int4multirange" => multirange(DataType::Integer),
        b"int8multirange" => multirange(DataType::BigInt),
        b"nummultirange" => multirange(numeric),
        b"tsmultirange" => multirange(DataType::Timestamp),
        b"tstzmultirange" => multirange(DataType::TimestampTz),
        b"datemultirange" => multirange(DataType::Date),
        _ => return None,
    };
    Some(BuiltIn::new(data_type))
}

/// What separates the elements of an array of this type of `pg_catalog`.
pub(super) fn delimiter_of_catalog(name: &[u8]) -> u8 {
    if name == b"box" { b';' } else { b',' }
}
