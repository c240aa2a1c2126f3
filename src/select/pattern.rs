//! Names as `-t` and its like take them: exactly as `pg_restore` does, and beyond that with a
//! schema, wildcards and quotes.
//!
//! `pg_restore` compares a name with the tag of an entry, byte by byte, and users who rely on that
//! must not notice that there is more. So a name is tried in three ways, and the first under
//! which *any* entry of the archive has it is the one that counts, whatever else was asked for:
//!
//! 1. as `pg_restore` does: the whole tag (for `-n` and `-N`, the schema);
//! 2. as `schema.tag`, byte by byte;
//! 3. as psql and pg_dump read a pattern: the first dot outside quotes ends the schema, `*` is
//!    any characters and `?` is one, letters outside quotes are lower case, and in double quotes
//!    everything is itself. What stands in square brackets, or regular expressions otherwise,
//!    means nothing special here.
//!
//! Only a name with a dot, `*` or `?` outside quotes, or with quotes, gets to the second and third
//! way. One that is neither in the archive as a tag nor written as a pattern matches nothing, as in
//! `pg_restore`. Two kinds of objects have more in their tags than people call them by: a function's
//! arguments, and the table of a trigger. Without these a name is tried last.
//!
//! A name in UTF-8 that no entry has in any of these ways is tried once more, brought into the
//! encoding of the archive.

use std::borrow::Cow;

use super::glob::{Glob, unquoted};
use crate::encoding::Encoding;
use crate::toc::{Desc, TocEntry};

/// A name or pattern in a [`Selection`](crate::Selection).
///
/// ```
/// use pgdmp::Selection;
/// use pgdmp::select::NamePattern;
///
/// // Names, names with a schema, and patterns; or a name that is never a pattern.
/// let selection = Selection::new().table("public.t*").table(NamePattern::exact("what?"));
/// # let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
/// assert!(selection.apply(archive.toc())?.entries().count() > 0);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamePattern {
    text: Vec<u8>,
    exact: bool,
}

impl NamePattern {
    /// A name as the options of `pgdmp` take it: a tag, else a name with its schema, else a
    /// pattern. It is in the bytes of the archive or in UTF-8.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        NamePattern { text: text.into(), exact: false }
    }

    /// A whole tag, or the name of a schema, which is never a pattern.
    pub fn exact(tag: impl Into<Vec<u8>>) -> Self {
        NamePattern { text: tag.into(), exact: true }
    }

    /// The text as it was given.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

/// Whether a name can be more than a tag.
fn is_pattern(text: &[u8], place: Place) -> bool {
    // Dots and quotes in the arguments of a function say nothing about its name.
    let arguments = match place {
        Place::Function => unquoted(text).find(|(_, byte)| *byte == b'(').map(|(at, _)| at),
        _ => None,
    };
    let name = &text[..arguments.unwrap_or(text.len())];
    name.contains(&b'"')
        || unquoted(name).any(|(_, byte)| byte == b'.')
        || unquoted(text).any(|(_, byte)| matches!(byte, b'*' | b'?'))
}

impl<T: Into<Vec<u8>>> From<T> for NamePattern {
    fn from(text: T) -> Self {
        NamePattern::new(text)
    }
}

/// What a name is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Schema,
    Table,
    Index,
    Function,
    Trigger,
}

impl Place {
    /// Whether names of this place can be those of an entry.
    pub(super) fn holds(self, entry: TocEntry<'_>) -> bool {
        let desc = entry.desc();
        match self {
            Place::Schema => true,
            Place::Table => is_relation(desc),
            Place::Index => desc == Desc::INDEX,
            Place::Function => is_function(desc),
            Place::Trigger => desc == Desc::TRIGGER,
        }
    }
}

/// What `-t` is for.
pub(super) fn is_relation(desc: Desc<'_>) -> bool {
    matches!(
        desc,
        Desc::TABLE
            | Desc::TABLE_DATA
            | Desc::VIEW
            | Desc::FOREIGN_TABLE
            | Desc::MATERIALIZED_VIEW
            | Desc::MATERIALIZED_VIEW_DATA
            | Desc::SEQUENCE
            | Desc::SEQUENCE_SET
    )
}

/// What `-P` is for.
pub(super) fn is_function(desc: Desc<'_>) -> bool {
    matches!(desc, Desc::FUNCTION | Desc::AGGREGATE | Desc::PROCEDURE)
}

/// A way to read a name.
#[derive(Debug)]
pub(super) enum Way<'s> {
    Tag(Cow<'s, [u8]>),
    Qualified(Cow<'s, [u8]>),
    Pattern { schema: Option<Glob>, name: Glob },
}

impl<'s> Way<'s> {
    /// The ways to read a name, the first of them first. There is one at least.
    pub(super) fn all(
        name: &'s NamePattern,
        exact: bool,
        place: Place,
        encoding: Encoding,
    ) -> Vec<Self> {
        let exact = exact || name.exact;
        let mut ways = Way::of(Cow::Borrowed(&name.text), exact, place, encoding);
        if !exact && let Some(text) = encoding.translate(&name.text) {
            ways.extend(Way::of(Cow::Owned(text), false, place, encoding));
        }
        ways
    }

    fn of(text: Cow<'s, [u8]>, exact: bool, place: Place, encoding: Encoding) -> Vec<Self> {
        if exact {
            return vec![Way::Tag(text)];
        }
        let by_itself = by_itself(&text, place, encoding);
        if !is_pattern(&text, place) {
            return [Way::Tag(text)].into_iter().chain(by_itself).collect();
        }
        let pattern = pattern(&text, place, encoding);
        let ways = [Way::Tag(text.clone()), Way::Qualified(text), pattern];
        ways.into_iter().chain(by_itself).collect()
    }

    /// The schema and the tag that it stands for, if it is a pattern without wildcards.
    pub(super) fn literal(&self) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
        let Way::Pattern { schema, name } = self else { return None };
        let schema = match schema {
            Some(schema) => Some(schema.literal()?),
            None => None,
        };
        Some((schema, name.literal()?))
    }

    pub(super) fn matches(&self, namespace: Option<&[u8]>, tag: &[u8]) -> bool {
        match self {
            Way::Tag(name) => **name == *tag,
            Way::Qualified(name) => namespace.is_some_and(|namespace| {
                name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix(b".")) == Some(tag)
            }),
            Way::Pattern { schema, name } => {
                schema.as_ref().is_none_or(|glob| namespace.is_some_and(|name| glob.matches(name)))
                    && name.matches(tag)
            }
        }
    }
}

/// Reads a pattern.
fn pattern(text: &[u8], place: Place, encoding: Encoding) -> Way<'static> {
    // The arguments of a function have types with dots in them.
    let arguments = match place {
        Place::Function => unquoted(text).find(|(_, byte)| *byte == b'(').map(|(at, _)| at),
        _ => None,
    };
    let (name, arguments) = text.split_at(arguments.unwrap_or(text.len()));
    let dot = match place {
        Place::Schema => None,
        _ => unquoted(name).find(|(_, byte)| *byte == b'.').map(|(at, _)| at),
    };
    let (schema, name) = match dot {
        Some(at) => (Some(Glob::new(&name[..at], true, encoding)), &name[at + 1..]),
        None => (None, name),
    };
    let mut name = Glob::new(name, true, encoding);
    if place == Place::Function {
        name = match arguments.is_empty() {
            true => name.with_any_arguments(),
            // They stand in a tag as the server spells them.
            false => name.with(Glob::new(arguments, false, encoding)),
        };
    }
    Way::Pattern { schema, name }
}

/// Reads the name of a function without its arguments, or of a trigger without its table.
fn by_itself(text: &[u8], place: Place, encoding: Encoding) -> Option<Way<'static>> {
    // A plain name is not lower case, for it may be written as pg_restore takes it.
    let fold = is_pattern(text, place);
    let glob = |text: &[u8]| match fold {
        true => Glob::new(text, true, encoding),
        false => Glob::literally(text, encoding),
    };
    match place {
        // With a dot or a wildcard it is a pattern, which needs none.
        Place::Function if !fold && !text.contains(&b'(') => {
            Some(Way::Pattern { schema: None, name: glob(text).with_any_arguments() })
        }
        Place::Trigger if !text.contains(&b' ') => {
            let dot = unquoted(text).find(|(_, byte)| *byte == b'.').map(|(at, _)| at);
            let (schema, name) = match dot {
                Some(at) => (Some(glob(&text[..at])), &text[at + 1..]),
                None => (None, text),
            };
            Some(Way::Pattern { schema, name: glob(name).behind_any_table() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_and_triggers_by_themselves() {
        for (text, place, namespace, tag, expected) in [
            ("f", Place::Function, "s", "f(integer)", true),
            ("F", Place::Function, "s", "F(integer)", true),
            ("f", Place::Function, "s", "ff(integer)", false),
            ("tr", Place::Trigger, "s", "my table tr", true),
            ("tr", Place::Trigger, "s", "table other_tr", false),
            ("s.tr", Place::Trigger, "s", "table tr", true),
            ("s.tr", Place::Trigger, "t", "table tr", false),
            ("s.t*", Place::Trigger, "s", "table tr", true),
        ] {
            let way = by_itself(text.as_bytes(), place, Encoding::UTF8).unwrap();
            let matches = way.matches(Some(namespace.as_bytes()), tag.as_bytes());
            assert_eq!(matches, expected, "{text} {tag}");
        }
        for (text, place) in
            [("f(integer)", Place::Function), ("t tr", Place::Trigger), ("t", Place::Table)]
        {
            assert!(by_itself(text.as_bytes(), place, Encoding::UTF8).is_none(), "{text}");
        }
    }

    fn matches(text: &str, place: Place, namespace: &str, tag: &str) -> bool {
        pattern(text.as_bytes(), place, Encoding::UTF8)
            .matches(Some(namespace.as_bytes()), tag.as_bytes())
    }

    #[test]
    fn patterns_of_relations() {
        for (text, namespace, tag, expected) in [
            ("public.town", "public", "town", true),
            ("public.town", "other", "town", false),
            ("PUBLIC.Town", "public", "town", true),
            ("public.\"Town\"", "public", "Town", true),
            ("\"Town\"", "public", "Town", true),
            ("\"Town\"", "public", "town", false),
            ("\"a\"\"b\"", "public", "a\"b", true),
            ("public.\"Town\"", "public", "town", false),
            ("\"a.b\".\"c\"\"d\"", "a.b", "c\"d", true),
            ("*.t?wn", "anything", "town", true),
            ("*.t?wn", "anything", "tüwn", true),
            ("*.t?wn", "anything", "twn", false),
            ("to*", "public", "town", true),
            ("*o*n*x", "public", "town hall, no", false),
            ("*o*n*o", "public", "town hall, no", true),
            ("\"to*\"", "public", "to*", true),
            ("\"to*\".x", "town", "x", false),
            ("a.b.c", "a", "b.c", true),
            ("*", "public", "", true),
        ] {
            assert_eq!(matches(text, Place::Table, namespace, tag), expected, "{text} {tag}");
        }
    }

    #[test]
    fn patterns_of_functions_and_triggers() {
        for (text, tag, expected) in [
            ("s.f", "f(integer, text)", true),
            ("s.f", "f()", true),
            ("s.f", "ff()", false),
            ("s.f(integer, *)", "f(integer, text)", true),
            ("s.f(s.T)", "f(s.T)", true),
            ("s.f(s.t)", "f(s.T)", false),
            ("f*", "f(other.type)", true),
            ("\"F\"", "F(integer)", true),
            ("\"F\"(integer)", "F(integer)", true),
            ("\"F\"(integer)", "f(integer)", false),
        ] {
            assert_eq!(matches(text, Place::Function, "s", tag), expected, "{text} {tag}");
        }
        assert!(matches("s.t tr*", Place::Trigger, "s", "t tr1"));
        assert!(matches("\"T\" \"Tr\"", Place::Trigger, "s", "T Tr"));
        assert!(matches("a?", Place::Schema, "", "ab"));
    }

    #[test]
    fn what_may_be_a_pattern() {
        for (text, expected) in [
            ("town", false),
            ("Town", false),
            ("\"a.b\"", true),
            ("\"Town\"", true),
            ("a.b", true),
            ("t?", true),
            ("f(a.b)", true),
        ] {
            assert_eq!(is_pattern(text.as_bytes(), Place::Table), expected, "{text}");
        }
        for (text, expected) in
            [("F(a.b)", false), ("f(\"a\")", false), ("\"F\"(a.b)", true), ("s.f(a.b)", true)]
        {
            assert_eq!(is_pattern(text.as_bytes(), Place::Function), expected, "{text}");
        }
    }
}
