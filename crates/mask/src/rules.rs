//! Rules: which columns get which mask, and which rows are dropped. They are written in TOML.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::{DeTable, DeValue};

use crate::mask::Mask;

/// Which columns are masked how, and which rows are dropped.
///
/// They are read from TOML. Everything that is not one of these is an error:
///
/// ```toml
/// [tables."public.users"]        # schema and table, or the table alone
/// email = "email"                # column = mask
/// born = "date:30,by=id"
///
/// [columns]                      # columns of this name in every table
/// phone = "digits"
///
/// [drop]                         # rows that are left out
/// "public.sessions" = "all"
/// "public.orders" = ["state=cancelled", "total IS NULL"]
/// ```
///
/// A table's own rules come first, then those of the tables it is a partition or a child of, then
/// `[columns]`. A name with a dot in it is quoted as in SQL: `'"my.schema".t'`.
///
/// ```
/// let rules = pgdmp_mask::Rules::parse("[columns]\nemail = \"email\"\n")?;
/// assert!(!rules.is_empty());
/// let error = pgdmp_mask::Rules::parse("[columns]\nemail = \"mail\"\n").unwrap_err();
/// assert_eq!(error.line(), Some(2));
/// # Ok::<(), pgdmp_mask::RulesError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// By table as it is written, and column.
    pub(crate) tables: BTreeMap<String, BTreeMap<String, Mask>>,
    /// By column, in every table.
    pub(crate) columns: BTreeMap<String, Mask>,
    /// By table as it is written.
    pub(crate) drop: BTreeMap<String, Drop>,
}

/// Which rows of a table are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Drop {
    All,
    /// Those of which any of these holds.
    Any(Vec<Condition>),
}

/// What holds of some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) column: String,
    pub(crate) test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    Equals(String),
    Differs(String),
    IsNull,
    IsNotNull,
}

/// Rules that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesError {
    line: Option<usize>,
    what: String,
}

impl RulesError {
    /// The line of the rules, from 1, if it is known.
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line} of the rules: {}", self.what),
            None => write!(f, "the rules: {}", self.what),
        }
    }
}

impl std::error::Error for RulesError {}

/// A place in the text of rules.
struct Text<'t>(&'t str);

impl Text<'_> {
    fn error(&self, at: usize, what: impl Into<String>) -> RulesError {
        let before = self.0.get(..at).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        RulesError { line: Some(line), what: what.into() }
    }
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    ///
    /// Text that is no TOML, and everything in it that is no rule, with its line.
    pub fn parse(text: &str) -> Result<Rules, RulesError> {
        let place = Text(text);
        let document = DeTable::parse(text).map_err(|error| match error.span() {
            Some(span) => place.error(span.start, error.message()),
            None => RulesError { line: None, what: error.message().to_owned() },
        })?;
        let mut rules = Rules::default();
        for (name, value) in document.get_ref() {
            let at = name.span().start;
            let DeValue::Table(section) = value.get_ref() else {
                return Err(place.error(at, format!("{:?} is no section", name.get_ref())));
            };
            match &**name.get_ref() {
                "tables" => {
                    for (table, columns) in section {
                        let at = table.span().start;
                        let table = table.get_ref().to_string();
                        let DeValue::Table(columns) = columns.get_ref() else {
                            let what =
                                format!("[tables.{table:?}] expected: columns and their masks");
                            return Err(place.error(at, what));
                        };
                        rules.tables.insert(table, masks(columns, &place)?);
                    }
                }
                "columns" => rules.columns = masks(section, &place)?,
                "drop" => {
                    for (table, value) in section {
                        let at = table.span().start;
                        let drop =
                            drop_of(value.get_ref()).map_err(|what| place.error(at, what))?;
                        rules.drop.insert(table.get_ref().to_string(), drop);
                    }
                }
                other => {
                    let what = format!(
                        "unknown section {other:?}; there are [tables.\"schema.table\"], [columns] and [drop]"
                    );
                    return Err(place.error(at, what));
                }
            }
        }
        Ok(rules)
    }

    /// Masks a column of a table; see [`Rules`] for how the table is written.
    pub fn column(&mut self, table: &str, column: &str, mask: Mask) -> &mut Self {
        self.tables.entry(table.to_owned()).or_default().insert(column.to_owned(), mask);
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tables.values().all(BTreeMap::is_empty)
            && self.columns.is_empty()
            && self.drop.is_empty()
    }
}

fn masks(columns: &DeTable<'_>, place: &Text<'_>) -> Result<BTreeMap<String, Mask>, RulesError> {
    let mut masks = BTreeMap::new();
    for (column, value) in columns {
        let at = column.span().start;
        let DeValue::String(text) = value.get_ref() else {
            let what = format!("the mask of column {:?} is no text", column.get_ref());
            return Err(place.error(at, what));
        };
        let mask = text.parse::<Mask>().map_err(|error| place.error(at, error.to_string()))?;
        masks.insert(column.get_ref().to_string(), mask);
    }
    Ok(masks)
}

fn drop_of(value: &DeValue<'_>) -> Result<Drop, String> {
    const WHAT: &str = "\"all\", a condition or a list of conditions expected";
    let texts: Vec<&str> = match value {
        DeValue::String(text) if text == "all" => return Ok(Drop::All),
        DeValue::String(text) => vec![text],
        DeValue::Array(list) => list
            .iter()
            .map(|item| item.get_ref().as_str().ok_or_else(|| WHAT.to_owned()))
            .collect::<Result<_, _>>()?,
        _ => return Err(WHAT.to_owned()),
    };
    texts.into_iter().map(condition).collect::<Result<_, _>>().map(Drop::Any)
}

fn condition(text: &str) -> Result<Condition, String> {
    let lower = text.to_ascii_lowercase();
    let (column, test) = if let Some(column) = lower.strip_suffix(" is null") {
        (&text[..column.len()], Test::IsNull)
    } else if let Some(column) = lower.strip_suffix(" is not null") {
        (&text[..column.len()], Test::IsNotNull)
    } else if let Some((column, value)) = text.split_once('=') {
        match column.strip_suffix('!') {
            Some(column) => (column, Test::Differs(value.to_owned())),
            None => (column, Test::Equals(value.to_owned())),
        }
    } else {
        return Err(format!(
            "{text:?} is no condition; there are COLUMN=VALUE, COLUMN!=VALUE, COLUMN IS NULL and \
             COLUMN IS NOT NULL"
        ));
    };
    Ok(Condition { column: column.trim().to_owned(), test })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds() {
        let rules = Rules::parse(
            "# a comment\n[tables.\"public.users\"]\nemail = 'email'\n\"Odd name\" = \"fixed:x=y\"\n\
             [columns]\nphone = \"digits\"\n[drop]\nlog = \"all\"\n\
             orders = [\"state=a=b\", \"note != x\", 'total is NULL', 'id IS NOT NULL']\n",
        )
        .unwrap();
        assert_eq!(rules.tables["public.users"]["Odd name"], Mask::Fixed("x=y".to_owned()));
        assert_eq!(rules.columns["phone"], Mask::Digits);
        assert_eq!(rules.drop["log"], Drop::All);
        let Drop::Any(conditions) = &rules.drop["orders"] else { panic!() };
        let tests: Vec<_> = conditions.iter().map(|c| (&c.column[..], c.test.clone())).collect();
        assert_eq!(
            tests,
            [
                ("state", Test::Equals("a=b".to_owned())),
                ("note", Test::Differs(" x".to_owned())),
                ("total", Test::IsNull),
                ("id", Test::IsNotNull),
            ]
        );
    }

    #[test]
    fn what_is_no_rule() {
        for (text, line) in [
            ("[table.x]\na = 'null'", 1),
            ("\nmask = 'null'", 2),
            ("[tables]\nx = 'null'", 2),
            ("[tables.x]\na = 1", 2),
            ("[tables.x]\na = 'nul'", 2),
            ("[columns]\n\na = ['null']", 3),
            ("[drop]\nx = 'a'", 2),
            ("[drop]\nx = true", 2),
            ("[drop]\nx = [1]", 2),
            ("[columns]\na = 'null'\na = 'keep'", 3),
            ("[columns\n", 1),
        ] {
            let error = Rules::parse(text).unwrap_err();
            assert_eq!(error.line(), Some(line), "{text}: {error}");
        }
        assert!(Rules::parse("").unwrap().is_empty());
    }
}
