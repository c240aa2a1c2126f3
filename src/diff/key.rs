//! Which object an entry is, whatever archive it is in.

use std::borrow::Cow;

use super::spelling::{Reading, names};
use crate::encoding::Encoding;
use crate::sql::{self, Kind};
use crate::toc::{Desc, Toc, TocEntry, relation_of};
use crate::version::ArchiveVersion;

/// What identifies an object. All texts are in UTF-8, where the encoding of the archive is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) namespace: Option<Vec<u8>>,
    pub(super) tag: Vec<u8>,
    pub(super) desc: Vec<u8>,
    /// The role whose default privileges they are.
    pub(super) role: Option<Vec<u8>>,
}

/// How the texts of an archive are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts {
    encoding: Encoding,
    pub(super) std_strings: bool,
    /// Whether names may come without their schema, in this archive or in the other one.
    pub(super) short_names: bool,
}

impl Texts {
    pub(super) fn new(toc: &Toc, short_names: bool) -> Self {
        Texts {
            encoding: toc.text_encoding(),
            std_strings: toc.std_strings().unwrap_or_default(),
            short_names,
        }
    }

    /// Whether names of the archive come without the schema of their entry: the releases before
    /// 10.3 and its like set the search path.
    pub(super) fn has_short_names(toc: &Toc) -> bool {
        toc.header().version < ArchiveVersion::new(1, 13)
    }

    /// Whether the same bytes mean the same in both archives.
    pub(super) fn are_like(&self, other: &Texts) -> bool {
        self.encoding == other.encoding && self.std_strings == other.std_strings
    }

    /// The encoding from which fields are brought into UTF-8, so that they can be compared; `None`
    /// if their bytes can be.
    pub(super) fn conversion(&self, other: &Texts) -> Option<Encoding> {
        let Texts { encoding, .. } = *self;
        let is_unicode = encoding == Encoding::UTF8 || encoding == Encoding::SQL_ASCII;
        let as_it_is = encoding == other.encoding && !encoding.has_backslash_trails();
        (!is_unicode && !as_it_is).then_some(encoding)
    }

    /// A text in UTF-8; the bytes themselves where they are not text.
    pub(super) fn utf8<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        match self.encoding.decode(text) {
            Some(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            _ => Cow::Borrowed(text),
        }
    }

    pub(super) fn owned(&self, text: Option<&[u8]>) -> Option<Vec<u8>> {
        text.map(|text| self.utf8(text).into_owned())
    }

    pub(super) fn reading<'s>(&self, schema: Option<&'s [u8]>) -> Reading<'s> {
        let own_schema = schema.filter(|schema| self.short_names && !schema.is_empty());
        Reading { std_strings: self.std_strings, own_schema }
    }

    /// The key of an object.
    pub(super) fn key(&self, entry: TocEntry<'_>) -> Key {
        let desc = entry.desc();
        let namespace = self.owned(entry.namespace().filter(|schema| !schema.is_empty()));
        let tag = self.utf8(entry.tag().unwrap_or_default());
        let tag = match desc {
            // Its name is not a part of it.
            Desc::DATABASE | Desc::DATABASE_PROPERTIES => Vec::new(),
            Desc::FUNCTION | Desc::PROCEDURE | Desc::AGGREGATE => {
                self.with_types(&tag, namespace.as_deref())
            }
            _ if is_part(desc) => self.of_relation(entry, &tag),
            _ => tag.into_owned(),
        };
        let role = if desc == Desc::DEFAULT_ACL { self.owned(entry.owner()) } else { None };
        Key { namespace, tag, desc: self.utf8(desc.as_bytes()).into_owned(), role }
    }

    /// The key of what says something of an object that the archive does not have: a comment,
    /// privileges, a label. Tags did not say the kind of the object before PostgreSQL 11, so it is
    /// taken from the statement.
    pub(super) fn key_of_statement(&self, entry: TocEntry<'_>) -> Key {
        let mut key = self.key(entry);
        let defn = self.utf8(entry.defn().unwrap_or_default());
        let all = sql::tokens(&defn, self.std_strings);
        let start = all.iter().position(|token| token.is("ON") && token.depth == 0);
        let rest = start.and_then(|start| all.get(start + 1..)).unwrap_or_default();
        let is_end = |token: &sql::Token<'_>| {
            token.depth == 0 && ["IS", "TO", "FROM"].iter().any(|word| token.is(word))
        };
        let end = rest.iter().position(is_end);
        if let Some([first, .., last]) = end.and_then(|end| rest.get(..end))
            && first.kind == Kind::Word
        {
            let target = &defn[first.start..last.end()];
            key.tag = names(target, self.reading(key.namespace.as_deref()));
        }
        key
    }

    /// `name(types)` with the types in one spelling.
    fn with_types(&self, tag: &[u8], schema: Option<&[u8]>) -> Vec<u8> {
        let at = tag.iter().position(|byte| *byte == b'(').unwrap_or(tag.len());
        let (name, types) = tag.split_at(at);
        [name, &names(types, self.reading(schema))].concat()
    }

    /// `table name` of a part of a table. Before the minor releases of August 2016 the tag is the
    /// name of the part alone.
    fn of_relation(&self, entry: TocEntry<'_>, tag: &[u8]) -> Vec<u8> {
        let Some(relation) = relation_of(entry).and_then(|relation| relation.tag()) else {
            return tag.to_vec();
        };
        let relation = self.utf8(relation);
        let rest = tag.strip_prefix(&*relation);
        match rest.is_some_and(|rest| rest.starts_with(b" ")) {
            true => tag.to_vec(),
            false => [&relation, &b" "[..], tag].concat(),
        }
    }
}

fn is_part(desc: Desc<'_>) -> bool {
    matches!(
        desc,
        Desc::CONSTRAINT
            | Desc::CHECK_CONSTRAINT
            | Desc::FK_CONSTRAINT
            | Desc::DEFAULT
            | Desc::TRIGGER
            | Desc::RULE
            | Desc::POLICY
    )
}
