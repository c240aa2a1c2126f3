//! An entry on its way into a new archive.

use super::job::Sources;
use crate::archive::ArchiveBuilder;
use crate::encoding::Encoding;
use crate::error::EntryName;
use crate::toc::{Desc, DumpId, EntryFields, Section, TocEntry, entry_name};

/// A new entry. Most are as they are stored, and take no more than a reference: there may be
/// millions.
#[derive(Debug)]
pub(super) enum Draft<'a> {
    /// As in its archive, and with its data, if its dumper wrote some.
    Stored(TocEntry<'a>),
    /// In some way another one, or a new one.
    Changed(Box<Changed<'a>>),
}

/// An entry, and what of it is not as it was.
#[derive(Debug)]
pub(super) struct Changed<'a> {
    pub(super) fields: EntryFields<'a>,
    pub(super) tag: Option<Vec<u8>>,
    pub(super) defn: Option<Vec<u8>>,
    pub(super) drop_stmt: Option<Vec<u8>>,
    pub(super) dependencies: Option<Vec<DumpId>>,
    /// The entries whose data it gets.
    pub(super) sources: Vec<DumpId>,
    /// That of its names, for messages.
    pub(super) encoding: Encoding,
}

impl<'a> Changed<'a> {
    pub(super) fn new(fields: EntryFields<'a>) -> Self {
        Changed {
            fields,
            tag: None,
            defn: None,
            drop_stmt: None,
            dependencies: None,
            sources: Vec::new(),
            encoding: Encoding::UTF8,
        }
    }

    /// An entry with these fields, and with its data if they say so.
    fn of(entry: TocEntry<'a>, fields: EntryFields<'a>) -> Self {
        let sources = if fields.had_dumper { vec![entry.dump_id()] } else { Vec::new() };
        Changed { sources, encoding: entry.toc().text_encoding(), ..Changed::new(fields) }
    }
}

impl<'a> Draft<'a> {
    /// An entry with other fields than it has, and with its data if they say so.
    pub(super) fn of(entry: TocEntry<'a>, fields: EntryFields<'a>) -> Self {
        Draft::made(Changed::of(entry, fields))
    }

    /// One that no archive has.
    pub(super) fn made(changed: Changed<'a>) -> Self {
        Draft::Changed(Box::new(changed))
    }

    /// Changes something of it.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut Changed<'a>) -> T) -> T {
        let entry = match self {
            Draft::Changed(changed) => return change(changed),
            Draft::Stored(entry) => *entry,
        };
        let mut changed = Box::new(Changed::of(entry, entry.fields()));
        let result = change(&mut changed);
        *self = Draft::Changed(changed);
        result
    }

    /// All fields, as they are now.
    pub(super) fn fields(&self) -> EntryFields<'_> {
        match self {
            Draft::Stored(entry) => entry.fields(),
            Draft::Changed(changed) => EntryFields {
                tag: changed.tag.as_deref().or(changed.fields.tag),
                defn: changed.defn.as_deref().or(changed.fields.defn),
                drop_stmt: changed.drop_stmt.as_deref().or(changed.fields.drop_stmt),
                dependencies: self.dependencies(),
                ..changed.fields
            },
        }
    }

    /// The entries whose data it gets.
    pub(super) fn sources(&self) -> Sources {
        match self {
            Draft::Stored(entry) if entry.had_dumper() => Sources::One(entry.dump_id()),
            Draft::Stored(_) => Sources::None,
            Draft::Changed(changed) => changed.sources[..].into(),
        }
    }

    /// That of its names.
    fn encoding(&self) -> Encoding {
        match self {
            Draft::Stored(entry) => entry.toc().text_encoding(),
            Draft::Changed(changed) => changed.encoding,
        }
    }

    pub(super) fn dump_id(&self) -> DumpId {
        match self {
            Draft::Stored(entry) => entry.dump_id(),
            Draft::Changed(changed) => changed.fields.dump_id,
        }
    }

    pub(super) fn desc(&self) -> Desc<'a> {
        match self {
            Draft::Stored(entry) => entry.desc(),
            Draft::Changed(changed) => changed.fields.desc,
        }
    }

    pub(super) fn section(&self) -> Section {
        match self {
            Draft::Stored(entry) => entry.section(),
            Draft::Changed(changed) => changed.fields.section,
        }
    }

    pub(super) fn namespace(&self) -> Option<&'a [u8]> {
        match self {
            Draft::Stored(entry) => entry.namespace(),
            Draft::Changed(changed) => changed.fields.namespace,
        }
    }

    pub(super) fn owner(&self) -> Option<&'a [u8]> {
        match self {
            Draft::Stored(entry) => entry.owner(),
            Draft::Changed(changed) => changed.fields.owner,
        }
    }

    pub(super) fn tag(&self) -> Option<&[u8]> {
        match self {
            Draft::Stored(entry) => entry.tag(),
            Draft::Changed(changed) => changed.tag.as_deref().or(changed.fields.tag),
        }
    }

    pub(super) fn defn(&self) -> Option<&[u8]> {
        match self {
            Draft::Stored(entry) => entry.defn(),
            Draft::Changed(changed) => changed.defn.as_deref().or(changed.fields.defn),
        }
    }

    fn drop_stmt(&self) -> Option<&[u8]> {
        match self {
            Draft::Stored(entry) => entry.drop_stmt(),
            Draft::Changed(changed) => changed.drop_stmt.as_deref().or(changed.fields.drop_stmt),
        }
    }

    pub(super) fn had_dumper(&self) -> bool {
        match self {
            Draft::Stored(entry) => entry.had_dumper(),
            Draft::Changed(changed) => changed.fields.had_dumper,
        }
    }

    pub(super) fn dependencies(&self) -> &[DumpId] {
        match self {
            Draft::Stored(entry) => entry.dependencies(),
            Draft::Changed(changed) => {
                changed.dependencies.as_deref().unwrap_or(changed.fields.dependencies)
            }
        }
    }

    /// Announces it to the new archive.
    pub(super) fn announce(&self, builder: &mut ArchiveBuilder) {
        let text = match self {
            Draft::Stored(entry) => entry.text_len(),
            Draft::Changed(changed) => {
                let texts = [self.tag(), self.defn(), self.drop_stmt(), changed.fields.copy_stmt];
                texts.into_iter().flatten().map(<[u8]>::len).sum()
            }
        };
        builder.expect(text, self.dependencies().len(), self.had_dumper());
    }

    pub(super) fn name(&self) -> EntryName {
        let (id, desc) = (self.dump_id().0, self.desc());
        entry_name(id, desc, self.namespace(), self.tag(), self.encoding())
    }
}

/// The place of the first entry of the data, or the end.
pub(super) fn first_data(drafts: &[Draft<'_>]) -> usize {
    let is_data = |draft: &Draft<'_>| draft.section() == Section::Data;
    drafts.iter().position(is_data).unwrap_or(drafts.len())
}
