//! Names as `-t` and its like take them: exactly as `pg_restore` does, and beyond that with a
//! schema, wildcards and quotes.
//!
//! `pg_restore` compares a name with the tag of an entry, byte by byte, and whoever relies on that
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
//! Only a name with a dot, or with `*` or `?`, outside quotes gets to the second and third way.
//! One that is neither in the archive as a tag nor written as a pattern matches nothing, as in
//! `pg_restore`.

use std::collections::{BTreeSet, HashSet};

use super::Selection;
use crate::toc::{Desc, Toc, TocEntry};

/// A name in a [`Selection`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamePattern {
    text: Vec<u8>,
    exact: bool,
}

impl NamePattern {
    /// As the options of the program have it: a tag, or else a name with its schema, or else a
    /// pattern.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        NamePattern { text: text.into(), exact: false }
    }

    /// A whole tag (or the name of a schema) and nothing else, whatever is in it.
    pub fn exact(tag: impl Into<Vec<u8>>) -> Self {
        NamePattern { text: tag.into(), exact: true }
    }

    /// The text, as given.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Whether it can be more than a tag.
    fn is_pattern(&self, place: Place) -> bool {
        // A dot in the arguments of a function says nothing about the function's schema.
        let mut arguments = false;
        !self.exact
            && unquoted(&self.text).any(|(_, byte)| {
                arguments |= byte == b'(' && place == Place::Function;
                matches!(byte, b'*' | b'?') || byte == b'.' && !arguments
            })
    }
}

impl<T: Into<Vec<u8>>> From<T> for NamePattern {
    fn from(text: T) -> Self {
        NamePattern::new(text)
    }
}

/// What a name is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Schema,
    Table,
    Index,
    Function,
    Trigger,
}

impl Place {
    /// Whether names of this place can be those of an entry.
    fn holds(self, entry: TocEntry<'_>) -> bool {
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

/// The names of a selection, read for one archive.
#[derive(Debug)]
pub(super) struct Names<'s> {
    pub(super) schemas: NameList<'s>,
    pub(super) exclude_schemas: NameList<'s>,
    pub(super) tables: NameList<'s>,
    pub(super) indexes: NameList<'s>,
    pub(super) functions: NameList<'s>,
    pub(super) triggers: NameList<'s>,
}

impl<'s> Names<'s> {
    pub(super) fn new(selection: &'s Selection, toc: &Toc) -> Self {
        let list = |names, place| NameList::new(names, place, toc);
        Names {
            schemas: list(&selection.schemas, Place::Schema),
            exclude_schemas: list(&selection.exclude_schemas, Place::Schema),
            tables: list(&selection.tables, Place::Table),
            indexes: list(&selection.indexes, Place::Index),
            functions: list(&selection.functions, Place::Function),
            triggers: list(&selection.triggers, Place::Trigger),
        }
    }
}

/// Names of one option.
#[derive(Debug)]
pub(super) struct NameList<'s> {
    matchers: Vec<Matcher<'s>>,
    /// Those that an entry was met for, for `--strict-names`.
    met: BTreeSet<usize>,
    /// Those that were given before. To pg_restore only the first of them is ever met.
    repeated: BTreeSet<usize>,
}

impl<'s> NameList<'s> {
    fn new(names: &'s [NamePattern], place: Place, toc: &Toc) -> Self {
        let matchers = names.iter().map(|name| Matcher::new(name, place, toc)).collect();
        let mut seen = HashSet::new();
        let is_repeated = |n: &usize| !seen.insert(&names[*n].text);
        let repeated = (0..names.len()).filter(is_repeated).collect();
        NameList { matchers, met: BTreeSet::new(), repeated }
    }

    /// Whether one of the names is the one of `tag` in `namespace`.
    pub(super) fn matches(&mut self, namespace: Option<&[u8]>, tag: &[u8]) -> bool {
        let mut any = false;
        for (n, matcher) in self.matchers.iter().enumerate() {
            if matcher.matches(namespace, tag) {
                any = true;
                if !self.repeated.contains(&n) {
                    self.met.insert(n);
                }
            }
        }
        any
    }

    /// The first name that was never met.
    pub(super) fn unmatched(&self) -> Option<usize> {
        (0..self.matchers.len()).find(|n| !self.met.contains(n))
    }
}

/// A name, as it is meant for one archive.
#[derive(Debug)]
enum Matcher<'s> {
    Tag(&'s [u8]),
    Qualified(&'s [u8]),
    Pattern { schema: Option<Glob>, name: Glob },
}

impl<'s> Matcher<'s> {
    fn new(name: &'s NamePattern, place: Place, toc: &Toc) -> Self {
        let tag = Matcher::Tag(&name.text);
        if !name.is_pattern(place) {
            return tag;
        }
        let qualified = Matcher::Qualified(&name.text);
        let mut is_qualified = false;
        for entry in toc.entries().filter(|entry| place.holds(*entry)) {
            let (namespace, own) = match place {
                Place::Schema => (None, entry.namespace().unwrap_or_default()),
                _ => (entry.namespace(), entry.tag().unwrap_or_default()),
            };
            if tag.matches(namespace, own) {
                return tag;
            }
            is_qualified |= qualified.matches(namespace, own);
        }
        if is_qualified {
            return qualified;
        }
        let utf8 = toc.encoding().is_ok_and(|name| name.is_none_or(|name| name == b"UTF8"));
        pattern(&name.text, place, utf8)
    }

    fn matches(&self, namespace: Option<&[u8]>, tag: &[u8]) -> bool {
        match self {
            Matcher::Tag(name) => *name == tag,
            Matcher::Qualified(name) => namespace.is_some_and(|namespace| {
                name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix(b".")) == Some(tag)
            }),
            Matcher::Pattern { schema, name } => {
                schema.as_ref().is_none_or(|glob| namespace.is_some_and(|name| glob.matches(name)))
                    && name.matches(tag)
            }
        }
    }
}

/// Reads a pattern.
fn pattern(text: &[u8], place: Place, utf8: bool) -> Matcher<'static> {
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
        Some(at) => (Some(Glob::new(&name[..at], true, utf8)), &name[at + 1..]),
        None => (None, name),
    };
    let mut name = Glob::new(name, true, utf8);
    if place == Place::Function {
        if arguments.is_empty() {
            // Whatever the arguments.
            name.0.extend([Piece::Byte(b'('), Piece::Any, Piece::Byte(b')')]);
        } else {
            // They stand in a tag as the server spells them.
            name.0.extend(Glob::new(arguments, false, utf8).0);
        }
    }
    Matcher::Pattern { schema, name }
}

/// The bytes that stand outside double quotes, with their places.
fn unquoted(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut quoted = false;
    text.iter().copied().enumerate().filter(move |(_, byte)| {
        quoted ^= *byte == b'"';
        !quoted && *byte != b'"'
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// One character.
    One {
        utf8: bool,
    },
    /// Any number of characters.
    Any,
}

/// A pattern with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Glob(Vec<Piece>);

impl Glob {
    fn new(text: &[u8], fold: bool, utf8: bool) -> Glob {
        let mut pieces = Vec::with_capacity(text.len());
        let mut quoted = false;
        let mut bytes = text.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if quoted && bytes.peek() == Some(&b'"') => {
                    bytes.next();
                    pieces.push(Piece::Byte(b'"'));
                }
                b'"' if fold => quoted = !quoted,
                b'*' if !quoted => pieces.push(Piece::Any),
                b'?' if !quoted => pieces.push(Piece::One { utf8 }),
                _ if fold && !quoted => pieces.push(Piece::Byte(byte.to_ascii_lowercase())),
                _ => pieces.push(Piece::Byte(byte)),
            }
        }
        Glob(pieces)
    }

    /// In time of at most both lengths multiplied: going back to the last `*` is enough.
    fn matches(&self, text: &[u8]) -> bool {
        let (mut piece, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let step = match self.0.get(piece) {
                Some(Piece::Any) => {
                    retry = Some((piece + 1, at));
                    piece += 1;
                    continue;
                }
                Some(Piece::Byte(byte)) if text.get(at) == Some(byte) => 1,
                Some(Piece::One { utf8 }) if at < text.len() => character(&text[at..], *utf8),
                None if at == text.len() => return true,
                _ => 0,
            };
            if step > 0 {
                piece += 1;
                at += step;
                continue;
            }
            match retry {
                Some((after, from)) if from < text.len() => {
                    (piece, at) = (after, from + 1);
                    retry = Some((after, from + 1));
                }
                _ => return false,
            }
        }
    }
}

/// Length of the character that a text begins with.
fn character(text: &[u8], utf8: bool) -> usize {
    let more = text.iter().skip(1).take(3).take_while(|byte| **byte & 0xC0 == 0x80).count();
    if utf8 && text.first().is_some_and(|byte| *byte >= 0xC0) { 1 + more } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, place: Place, namespace: &str, tag: &str) -> bool {
        pattern(text.as_bytes(), place, true).matches(Some(namespace.as_bytes()), tag.as_bytes())
    }

    #[test]
    fn patterns_of_relations() {
        for (text, namespace, tag, expected) in [
            ("public.town", "public", "town", true),
            ("public.town", "other", "town", false),
            ("PUBLIC.Town", "public", "town", true),
            ("public.\"Town\"", "public", "Town", true),
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
        ] {
            assert_eq!(matches(text, Place::Function, "s", tag), expected, "{text} {tag}");
        }
        assert!(matches("s.t tr*", Place::Trigger, "s", "t tr1"));
        assert!(matches("a?", Place::Schema, "", "ab"));
    }

    #[test]
    fn what_may_be_a_pattern() {
        for (text, expected) in [
            ("town", false),
            ("Town", false),
            ("\"a.b\"", false),
            ("a.b", true),
            ("t?", true),
            ("f(a.b)", true),
        ] {
            assert_eq!(NamePattern::new(text).is_pattern(Place::Table), expected, "{text}");
            assert!(!NamePattern::exact(text).is_pattern(Place::Table));
        }
        assert!(!NamePattern::new("F(a.b)").is_pattern(Place::Function));
        assert!(NamePattern::new("s.f(a.b)").is_pattern(Place::Function));
    }
}
