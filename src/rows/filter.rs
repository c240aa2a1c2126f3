//! Conditions on rows.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::row::{Field, Row};
use super::text::{OnInvalid, Texts};
use super::writer::escape;
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::text::{Printable, shown};
use crate::types::{Column, Columns, DataType, EnumType};
use crate::value::{
    Date, Numeric, Time, Timestamp, TimestampTz, boolean, bytea, double_precision, real, uuid,
};

/// Tells whether a text fits; see [`Filter::parse`].
pub type Matcher = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Conditions that a row must meet, all of them.
///
/// A condition is `column OP value`, with one of the operators `=`, `!=`, `<`, `<=`, `>`, `>=` and
/// `~`, or `column IS NULL` or `column IS NOT NULL`. The value is a constant of the column's type,
/// as it is or in single quotes, and values are compared as the type does: `1.0` is the numeric
/// `1.00`, and a `timestamptz` is a moment in whatever zone. Text is compared by its bytes in UTF-8,
/// not by a collation, and labels of an enum by their order. Types with no order here, such as
/// arrays, have `=`, `!=` and `~`, which are about the text. NULL meets `IS NULL` alone.
///
/// ```
/// use pgdmp::rows::Filter;
/// use pgdmp::types::Definitions;
/// use pgdmp::{Archive, Desc};
///
/// let archive = Archive::open("fixtures/pg18/small-dir")?;
/// let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
/// let columns = Definitions::new(archive.toc()).columns(town)?;
/// let encoding = archive.toc().text_encoding();
/// let mut filter = Filter::parse(["id >= 2", "note = ''"], &columns, encoding, |_| {
///     Err("no regular expressions here".to_owned())
/// })?;
/// let mut rows = archive.rows(town.dump_id())?;
/// let mut found = Vec::new();
/// while let Some(row) = rows.next_row()? {
///     if filter.accepts(&row)? {
///         found.push(row.number());
///     }
/// }
/// assert_eq!(found, [2]);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct Filter {
    conditions: Vec<Condition>,
    texts: Texts,
}

#[derive(Debug)]
struct Condition {
    /// Where the column is in a row.
    place: usize,
    name: Vec<u8>,
    test: Test,
}

enum Test {
    IsNull(bool),
    Matches(Matcher),
    Compare {
        accepts: fn(Ordering) -> bool,
        constant: Constant,
        /// For `=`: the field as `pg_dump` writes it, if that is the only text of the value.
        raw: Option<Vec<u8>>,
    },
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::IsNull(null) => f.debug_tuple("IsNull").field(null).finish(),
            Test::Matches(_) => f.write_str("Matches"),
            Test::Compare { constant, .. } => f.debug_tuple("Compare").field(constant).finish(),
        }
    }
}

/// A value that others are compared with.
#[derive(Debug)]
enum Constant {
    Boolean(bool),
    /// All types of numbers that are exact.
    Number(Vec<u8>),
    Real(f64),
    Double(f64),
    Date(Date),
    Time(Time),
    Timestamp(Timestamp),
    TimestampTz(TimestampTz),
    Uuid([u8; 16]),
    Bytes(Vec<u8>),
    /// The place of a label, and the labels.
    Label(usize, Arc<EnumType>),
    Text(Vec<u8>),
    /// A text without the blanks at its end, which do not count.
    Padded(Vec<u8>),
}

impl Filter {
    /// Parses conditions on rows with these columns. Values and names are in UTF-8, those of the
    /// archive in `encoding`. `matcher` makes what tests a pattern of `~`, such as a regular
    /// expression.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for what is no condition, a column that is not
    /// there, a value that is not of its type, and an operator that the type does not have.
    pub fn parse<S: AsRef<str>>(
        conditions: impl IntoIterator<Item = S>,
        columns: &Columns,
        encoding: Encoding,
        mut matcher: impl FnMut(&str) -> Result<Matcher, String>,
    ) -> Result<Filter> {
        let texts = Texts::new(encoding, false, OnInvalid::Error);
        let mut all = Vec::new();
        for text in conditions {
            all.push(condition(text.as_ref(), columns, encoding, &texts, &mut matcher)?);
        }
        Ok(Filter { conditions: all, texts })
    }

    /// Whether there are no conditions.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether a row meets all conditions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Row`](crate::ErrorKind::Row) for a value that is not of its column's type.
    pub fn accepts(&mut self, row: &Row<'_>) -> Result<bool> {
        for condition in &self.conditions {
            if !condition.accepts(row, &mut self.texts)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Condition {
    fn accepts(&self, row: &Row<'_>, texts: &mut Texts) -> Result<bool> {
        let Some(field) = row.get(self.place) else {
            return Err(row.error(format!("there is no field {}", self.place + 1)));
        };
        let (accepts, constant) = match &self.test {
            Test::IsNull(null) => return Ok(field.is_null() == *null),
            Test::Compare { raw: Some(raw), .. } if field.raw() == raw => return Ok(true),
            Test::Compare { raw: Some(_), .. } if !is_unusual(&field) => return Ok(false),
            Test::Matches(matches) => {
                let value = texts.of(row, self.place, (self.place, &self.name), false)?;
                let value = value.map(|value| str::from_utf8(value).is_ok_and(matches));
                return Ok(value.unwrap_or(false));
            }
            Test::Compare { accepts, constant, .. } => (accepts, constant),
        };
        let Some(value) = texts.of(row, self.place, (self.place, &self.name), false)? else {
            return Ok(false);
        };
        match constant.compare(value) {
            Some(ordering) => Ok(accepts(ordering)),
            None => {
                let (name, value) = (shown(&self.name), shown(value));
                Err(row.error(format!("column {name}: \"{value}\" is not of the column's type")))
            }
        }
    }
}

/// Whether a field may be another spelling of what `pg_dump` would write otherwise.
fn is_unusual(field: &Field<'_>) -> bool {
    field.is_escaped() && !field.is_null()
}

impl Constant {
    /// How a value compares with it; `None` if it is not of the type.
    fn compare(&self, value: &[u8]) -> Option<Ordering> {
        Some(match self {
            Constant::Boolean(constant) => boolean(value)?.cmp(constant),
            Constant::Number(constant) => Numeric::parse(value)?.cmp(&Numeric::parse(constant)?),
            Constant::Real(constant) => float(f64::from(real(value)?), *constant),
            Constant::Double(constant) => float(double_precision(value)?, *constant),
            Constant::Date(constant) => Date::parse(value)?.cmp(constant),
            Constant::Time(constant) => Time::parse(value)?.cmp(constant),
            Constant::Timestamp(constant) => Timestamp::parse(value)?.cmp(constant),
            Constant::TimestampTz(constant) => TimestampTz::parse(value)?.cmp(constant),
            Constant::Uuid(constant) => uuid(value)?.cmp(constant),
            Constant::Bytes(constant) => {
                let mut bytes = Vec::new();
                bytea(value, &mut bytes)?;
                bytes.cmp(constant)
            }
            Constant::Label(constant, of) => {
                of.labels.iter().position(|label| label == value)?.cmp(constant)
            }
            Constant::Text(constant) => value.cmp(constant),
            Constant::Padded(constant) => without_padding(value).cmp(constant),
        })
    }
}

fn without_padding(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &text[..end]
}

/// NaN is equal to itself and greater than all others, as in the server.
fn float(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// An operator, what it accepts, and whether it is about an order.
type Operator = (&'static str, fn(Ordering) -> bool, bool);

/// Longer ones first.
const OPERATORS: &[Operator] = &[
    ("!=", Ordering::is_ne, false),
    ("<>", Ordering::is_ne, false),
    ("<=", Ordering::is_le, true),
    (">=", Ordering::is_ge, true),
    ("=", Ordering::is_eq, false),
    ("<", Ordering::is_lt, true),
    (">", Ordering::is_gt, true),
];

/// The names of columns, as the end of a message.
fn those_of(columns: &Columns, encoding: Encoding) -> String {
    const MOST: usize = 12;
    let names = columns.columns.iter().take(MOST);
    let mut names: Vec<String> =
        names.map(|column| Printable::new(&column.name, encoding).to_string()).collect();
    match columns.columns.len() {
        0 => return String::new(),
        len if len > MOST => names.push("and others".to_owned()),
        _ => {}
    }
    format!("; it has {}", names.join(", "))
}

fn condition(
    text: &str,
    columns: &Columns,
    encoding: Encoding,
    texts: &Texts,
    matcher: &mut impl FnMut(&str) -> Result<Matcher, String>,
) -> Result<Condition> {
    let usage = |what: String| Err(Error::usage(what));
    let Some((name, rest)) = column(text) else {
        return usage(format!("{text} is no condition: COLUMN OPERATOR VALUE, or COLUMN IS NULL"));
    };
    let stored = encoding.translate(name.as_bytes()).unwrap_or_else(|| name.clone().into_bytes());
    let Some(place) = columns.position(&stored) else {
        let table = shown(&columns.table.name);
        return usage(format!("table {table} has no column {name}{}", those_of(columns, encoding)));
    };
    let Column { data_type, spelling, .. } = &columns.columns[place];
    let test = if let Some(null) = is_null(rest) {
        Test::IsNull(null)
    } else if let Some(pattern) = rest.strip_prefix('~') {
        let pattern = constant_text(pattern);
        Test::Matches(matcher(&pattern).map_err(|why| Error::usage(format!("{pattern}: {why}")))?)
    } else {
        let Some((operator, accepts, ordered)) =
            OPERATORS.iter().find(|(operator, ..)| rest.starts_with(operator))
        else {
            return usage(format!("{text} is no condition: there is no operator"));
        };
        let value = constant_text(&rest[operator.len()..]);
        let Some((mut constant, has_order)) = constant(data_type, &value, texts) else {
            let spelling = shown(spelling);
            return usage(format!("{value} is no value of the type {spelling} of column {name}"));
        };
        if let Constant::Text(text) = &constant
            && (spelling.starts_with(b"character(") || spelling.starts_with(b"bpchar"))
        {
            constant = Constant::Padded(without_padding(text).to_vec());
        }
        if *ordered && !has_order {
            return usage(format!("column {name} has no order; =, != and ~ are possible"));
        }
        let raw = (*operator == "=").then(|| constant.raw(data_type, encoding)).flatten();
        Test::Compare { accepts: *accepts, constant, raw }
    };
    Ok(Condition { place, name: stored, test })
}

/// The name that a condition begins with, and the rest of it.
fn column(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut rest = quoted;
        loop {
            let (part, after) = rest.split_once('"')?;
            name.push_str(part);
            match after.strip_prefix('"') {
                Some(after) => {
                    name.push('"');
                    rest = after;
                }
                None => return Some((name, after.trim_start())),
            }
        }
    }
    let end = text.find(['=', '!', '<', '>', '~']);
    let (name, rest) = match end {
        Some(end) => text.split_at(end),
        None => {
            let blank = text.find(char::is_whitespace)?;
            let (name, rest) = text.split_at(blank);
            is_null(rest.trim_start())?;
            (name, rest)
        }
    };
    let name = name.trim_end();
    (!name.is_empty()).then(|| (name.to_owned(), rest.trim_start()))
}

fn is_null(text: &str) -> Option<bool> {
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["IS", "NULL"] => Some(true),
        ["IS", "NOT", "NULL"] => Some(false),
        _ => None,
    }
}

/// A value, without the quotes that may be around it.
fn constant_text(text: &str) -> String {
    let text = text.trim();
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => text.to_owned(),
    }
}

/// A value of a type, and whether the type has an order here.
fn constant(data_type: &DataType, text: &str, texts: &Texts) -> Option<(Constant, bool)> {
    let bytes = text.as_bytes();
    let constant = match data_type {
        DataType::Boolean => Constant::Boolean(match &*text.to_ascii_lowercase() {
            "t" | "true" | "yes" | "on" | "1" => true,
            "f" | "false" | "no" | "off" | "0" => false,
            _ => return None,
        }),
        DataType::SmallInt
        | DataType::Integer
        | DataType::BigInt
        | DataType::Oid
        | DataType::Xid
        | DataType::Cid
        | DataType::Xid8
        | DataType::Numeric(_) => {
            Numeric::parse(bytes)?;
            Constant::Number(bytes.to_vec())
        }
        DataType::Real => Constant::Real(f64::from(real(bytes)?)),
        DataType::DoublePrecision => Constant::Double(double_precision(bytes)?),
        DataType::Date => Constant::Date(Date::parse(bytes)?),
        DataType::Time => Constant::Time(Time::parse(bytes)?),
        DataType::Timestamp => Constant::Timestamp(Timestamp::parse(bytes)?),
        DataType::TimestampTz => Constant::TimestampTz(TimestampTz::parse(bytes)?),
        DataType::Uuid => Constant::Uuid(uuid(text.to_ascii_lowercase().as_bytes())?),
        DataType::Bytea => {
            let mut value = Vec::new();
            bytea(bytes, &mut value)?;
            Constant::Bytes(value)
        }
        DataType::Enum(labels) => {
            let mut of = (**labels).clone();
            of.labels = of.labels.iter().map(|label| texts.name(label)).collect();
            let place = of.labels.iter().position(|label| label == bytes)?;
            Constant::Label(place, Arc::new(of))
        }
        DataType::Text | DataType::Char => Constant::Text(bytes.to_vec()),
        _ => return Some((Constant::Text(bytes.to_vec()), false)),
    };
    Some((constant, true))
}

impl Constant {
    /// The field of an equal value, if there is no other text of it.
    fn raw(&self, data_type: &DataType, encoding: Encoding) -> Option<Vec<u8>> {
        let text = match self {
            Constant::Boolean(true) => b"t".to_vec(),
            Constant::Boolean(false) => b"f".to_vec(),
            Constant::Number(text) if !matches!(data_type, DataType::Numeric(_)) => {
                let digits = text.strip_prefix(b"-").unwrap_or(text);
                let is_plain = digits.iter().all(u8::is_ascii_digit)
                    && !digits.is_empty()
                    && (!digits.starts_with(b"0") || text == b"0");
                is_plain.then(|| text.clone())?
            }
            Constant::Text(text) => text.clone(),
            Constant::Label(place, of) => of.labels.get(*place)?.clone(),
            _ => return None,
        };
        // Of a value in another encoding there may be more than one text.
        let is_known = text.is_ascii() || matches!(encoding.name(), "UTF8");
        is_known.then(|| {
            let mut raw = Vec::new();
            escape(Some(&text), Encoding::UTF8, &mut raw);
            raw
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::RowsOptions;
    use super::*;
    use crate::types::QualifiedName;

    fn columns(types: &[DataType]) -> Columns {
        let table = QualifiedName::new(Some(b"s"), b"t");
        let mut columns = Columns { table, root: None, columns: Vec::new(), untyped: None };
        for (n, data_type) in types.iter().enumerate() {
            let mut column = Column::unknown(format!("c{}", n + 1).as_bytes());
            column.data_type = data_type.clone();
            columns.columns.push(column);
        }
        columns
    }

    fn filter(conditions: &[&str], types: &[DataType]) -> Result<Filter> {
        Filter::parse(conditions, &columns(types), Encoding::UTF8, |pattern| {
            let pattern = pattern.to_owned();
            Ok(Box::new(move |text: &str| text.contains(&pattern)))
        })
    }

    /// Which of some fields a condition accepts, by number.
    fn accepted(condition: &str, of: DataType, fields: &[&str]) -> Vec<usize> {
        let mut filter = filter(&[condition], &[of]).unwrap();
        let text = fields.join("\n") + "\n";
        let mut rows = RowsOptions::new().end_marker(false).copy_text(text.as_bytes());
        let mut found = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            if filter.accepts(&row).unwrap() {
                found.push(row.number() as usize - 1);
            }
        }
        found
    }

    #[test]
    fn values_are_compared_as_their_types_do() {
        let labels = vec![b"sad".to_vec(), b"ok".to_vec()];
        let mood = EnumType { name: QualifiedName::new(None, b"mood"), labels };
        let mood = DataType::Enum(Arc::new(mood));
        for (condition, of, fields, expected) in [
            ("c1 = 5", DataType::Integer, &["5", "50", "\\N", "-5"][..], &[0][..]),
            ("c1 = 5.0", DataType::Integer, &["5", "50"], &[0]),
            ("c1 > 9", DataType::BigInt, &["10", "9", "-100", "\\N"], &[0]),
            ("c1 != 5", DataType::Integer, &["5", "6", "\\N"], &[1]),
            ("c1 = 1.0", DataType::Numeric(None), &["1.00", "1", "1.01", "NaN"], &[0, 1]),
            ("c1 > 1e3", DataType::DoublePrecision, &["1000", "1001", "NaN", "-Infinity"], &[1, 2]),
            ("c1 = NaN", DataType::Real, &["NaN", "1"], &[0]),
            ("c1 = 0.1", DataType::Real, &["0.1", "0.10000001"], &[0]),
            ("c1=true", DataType::Boolean, &["t", "f", "\\N"], &[0]),
            (
                "c1 < 0001-01-01",
                DataType::Date,
                &["0044-03-15 BC", "2024-01-01", "-infinity"],
                &[0, 2],
            ),
            (
                "c1 = 2024-07-01 12:00+00",
                DataType::TimestampTz,
                &["2024-07-01 14:00:00+02", "2024-07-01 12:00:00+02"],
                &[0],
            ),
            ("c1 = \\xFF00", DataType::Bytea, &["\\\\xff00", "\\\\377\\\\000", "\\\\xff"], &[0, 1]),
            ("c1 > sad", mood.clone(), &["ok", "sad"], &[0]),
            ("c1 = ok", mood, &["ok", "sad"], &[0]),
            ("c1 = a\tb", DataType::Text, &["a\\tb", "a\\x09b", "ab", "\\N"], &[0, 1]),
            ("c1 = ' it''s'", DataType::Text, &[" it's", "it's"], &[0]),
            ("c1 = ''", DataType::Text, &["x", "\\N", " "], &[]),
            ("c1 > b", DataType::Text, &["a", "c", "B", "ö"], &[1, 3]),
            ("c1 ~ x", DataType::Text, &["axb", "\\x78", "y", "\\N"], &[0, 1]),
            ("c1 IS NULL", DataType::Text, &["\\N", "x", "\\\\N"], &[0]),
            ("c1 is not null", DataType::Text, &["\\N", "x", "\\\\N"], &[1, 2]),
            ("c1 = {1,2}", DataType::Int2Vector, &["{1,2}", "{1}"], &[0]),
            (
                "c1 = A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
                DataType::Uuid,
                &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
                &[0],
            ),
        ] {
            assert_eq!(accepted(condition, of, fields), expected, "{condition}");
        }
    }

    #[test]
    fn all_conditions_together() {
        let mut filter =
            filter(&["c1 >= 2", "c2 = x"], &[DataType::Integer, DataType::Text]).unwrap();
        let mut rows = RowsOptions::new().end_marker(false).copy_text(&b"1\tx\n2\tx\n3\ty\n"[..]);
        let mut found = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            found.push(filter.accepts(&row).unwrap());
        }
        assert_eq!(found, [false, true, false]);
    }

    #[test]
    fn what_is_no_condition() {
        let types = [DataType::Integer, DataType::Int2Vector, DataType::TimestampTz];
        for (condition, said) in [
            ("", "is no condition"),
            ("c1", "is no condition"),
            ("= 5", "is no condition"),
            ("c9 = 5", "has no column c9; it has c1, c2, c3"),
            ("c1 = x", "x is no value of the type"),
            ("c1 ! 5", "no operator"),
            ("c2 < 1", "has no order"),
            ("c3 = 2024-07-01 12:00", "is no value of the type"),
        ] {
            let error = filter(&[condition], &types).unwrap_err().to_string();
            assert!(error.contains(said), "{condition}: {error}");
        }
        let mut filter = filter(&["c1 > 5"], &types[..1]).unwrap();
        let mut rows = RowsOptions::new().end_marker(false).copy_text(&b"x\n"[..]);
        assert!(filter.accepts(&rows.next_row().unwrap().unwrap()).is_err());
    }
}
