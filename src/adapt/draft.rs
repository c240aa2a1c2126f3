//! An entry on its way into another table of contents.

use std::borrow::Cow;

use crate::toc::{EntryFields, TocEntry};

/// A text that may be another than the entry had.
pub(super) type Text<'a> = Option<Cow<'a, [u8]>>;

/// The texts of an entry, to be changed.
pub(super) struct Draft<'a> {
    pub(super) entry: TocEntry<'a>,
    pub(super) tag: Text<'a>,
    pub(super) defn: Text<'a>,
    pub(super) drop_stmt: Text<'a>,
    pub(super) copy_stmt: Text<'a>,
    pub(super) namespace: Text<'a>,
    pub(super) tablespace: Text<'a>,
    pub(super) table_am: Text<'a>,
    pub(super) owner: Text<'a>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(entry: TocEntry<'a>) -> Self {
        Draft {
            entry,
            tag: entry.tag().map(Cow::from),
            defn: entry.defn().map(Cow::from),
            drop_stmt: entry.drop_stmt().map(Cow::from),
            copy_stmt: entry.copy_stmt().map(Cow::from),
            namespace: entry.namespace().map(Cow::from),
            tablespace: entry.tablespace().map(Cow::from),
            table_am: entry.table_am().map(Cow::from),
            owner: entry.owner().map(Cow::from),
        }
    }

    /// Whether nothing is left of its definition.
    pub(super) fn is_emptied(&self) -> bool {
        let blank = |text: &[u8]| text.iter().all(u8::is_ascii_whitespace);
        let had = !blank(self.entry.defn().unwrap_or_default());
        had && blank(self.defn.as_deref().unwrap_or_default())
    }

    /// The entry as it is now.
    pub(super) fn fields(&self) -> EntryFields<'_> {
        EntryFields {
            tag: self.tag.as_deref(),
            defn: self.defn.as_deref(),
            drop_stmt: self.drop_stmt.as_deref(),
            copy_stmt: self.copy_stmt.as_deref(),
            namespace: self.namespace.as_deref(),
            tablespace: self.tablespace.as_deref(),
            table_am: self.table_am.as_deref(),
            owner: self.owner.as_deref(),
            ..self.entry.fields()
        }
    }
}
