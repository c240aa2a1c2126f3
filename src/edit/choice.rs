//! Which entries of an archive are wanted in the new one.

use super::contents::Contents;
use super::draft::Draft;
use super::note::Note;
use crate::error::Result;
use crate::select::{Selected, Wanted};
use crate::toc::{Definition, EntryFields, Section, Toc, TocEntry};

/// Which entries are wanted.
pub(super) enum Choice<'s, 'a> {
    All,
    Selected(&'s Selected<'a>),
    Places(&'s [usize]),
}

impl<'s, 'a> From<Option<&'s Selected<'a>>> for Choice<'s, 'a> {
    fn from(selected: Option<&'s Selected<'a>>) -> Self {
        selected.map_or(Choice::All, Choice::Selected)
    }
}

/// Changes the fields of an entry, and says whether it stays.
pub(super) type Edit<'e, 'a> = dyn FnMut(TocEntry<'a>, &mut EntryFields<'a>) -> bool + 'e;

/// The entries that are wanted, in the order of the new archive.
pub(super) struct Chosen<'a> {
    pub(super) drafts: Vec<Draft<'a>>,
    /// Whether they are other entries than those of the archive, in any way.
    pub(super) changed: bool,
}

impl<'a> Chosen<'a> {
    pub(super) fn new(
        toc: &'a Toc,
        choice: Choice<'_, 'a>,
        edit: Option<&mut Edit<'_, 'a>>,
        contents: &dyn Contents,
        notes: &mut Vec<Note>,
    ) -> Result<Self> {
        toc.require_statements()?;
        // The entries of a selection may have been given other texts.
        let is_other = matches!(&choice, Choice::Selected(of) if !std::ptr::eq(of.toc(), toc));
        let chosen = Chosen { drafts: Vec::new(), changed: is_other };
        let mut choosing = Choosing { chosen, edit, contents, notes, sections: Sections::new() };
        match choice {
            Choice::All => {
                choosing.chosen.drafts.reserve_exact(toc.len());
                let mut sections = Sections::new();
                for entry in toc.entries() {
                    let section = sections.of_next(entry.section());
                    choosing.add(entry, section, None)?;
                }
            }
            Choice::Selected(selected) => {
                let mut sections = Sections::new();
                for (entry, _) in selected.all() {
                    let section = sections.of_next(entry.section());
                    choosing.add(entry, section, Some(selected.wanted_in_archive(&entry)))?;
                }
            }
            Choice::Places(places) => {
                for entry in places.iter().filter_map(|place| toc.get(*place)) {
                    choosing.add(entry, entry.section_with(), None)?;
                }
            }
        }
        let mut chosen = choosing.chosen;
        // Some at the end may be missing.
        chosen.changed |= chosen.drafts.len() != toc.len();
        Ok(chosen)
    }
}

/// In which section a restore of entries one after the other is: that of the last that has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sections(Section);

impl Sections {
    pub(super) fn new() -> Self {
        Sections(Section::PreData)
    }

    /// The section of the next entry, whose own may be none.
    pub(super) fn of_next(&mut self, own: Section) -> Section {
        if own != Section::None {
            self.0 = own;
        }
        self.0
    }

    /// What the next entry must say to be in a section: none, if it said none, and that suffices.
    pub(super) fn keep(&mut self, own: Section, section: Section) -> Section {
        let keeps = if own == Section::None && self.0 == section { own } else { section };
        self.of_next(keeps);
        keeps
    }
}

struct Choosing<'c, 'e, 'a> {
    chosen: Chosen<'a>,
    edit: Option<&'c mut Edit<'e, 'a>>,
    contents: &'c dyn Contents,
    notes: &'c mut Vec<Note>,
    /// That of the new archive.
    sections: Sections,
}

impl<'a> Choosing<'_, '_, 'a> {
    /// Adds what is wanted of an entry that is restored in a section.
    fn add(&mut self, entry: TocEntry<'a>, section: Section, wanted: Option<Wanted>) -> Result<()> {
        let chosen = &mut self.chosen;
        if wanted.is_none() && self.edit.is_none() && !entry.denies_data() {
            let keeps = self.sections.keep(entry.section(), section);
            let fields = || EntryFields { section: keeps, ..entry.fields() };
            chosen.push(entry, (keeps != entry.section()).then(fields));
            return Ok(());
        }
        let stored = entry.fields();
        let mut fields = stored;
        if let Some(wanted) = wanted {
            if !wanted.is_anything() {
                chosen.changed = true;
                return Ok(());
            }
            narrow(&mut fields, wanted);
        }
        if fields.had_dumper && entry.denies_data() {
            // The new archive says where it is.
            chosen.changed = true;
            fields.had_dumper = has_data(entry, self.contents, self.notes)?;
        }
        if let Some(edit) = &mut self.edit
            && !edit(entry, &mut fields)
        {
            chosen.changed = true;
            return Ok(());
        }
        let section = if fields.section == stored.section { section } else { fields.section };
        fields.section = self.sections.keep(fields.section, section);
        chosen.push(entry, (stored != fields).then_some(fields));
        Ok(())
    }
}

impl<'a> Chosen<'a> {
    /// Adds an entry, with other fields if there are any.
    fn push(&mut self, entry: TocEntry<'a>, fields: Option<EntryFields<'a>>) {
        self.changed |= fields.is_some() || entry.index() != self.drafts.len();
        self.drafts.push(match fields {
            None => Draft::Stored(entry),
            Some(fields) => Draft::of(entry, fields),
        });
    }
}

/// Takes away the part of an entry that is not wanted.
fn narrow(fields: &mut EntryFields<'_>, wanted: Wanted) {
    if !fields.had_dumper || wanted.special {
        return;
    }
    if !wanted.data {
        fields.had_dumper = false;
        fields.copy_stmt = None;
    } else if !wanted.schema && Definition::of(fields.defn) == Definition::Statement {
        // A remark on how the data is loaded belongs to the data, and stays.
        fields.defn = None;
        fields.drop_stmt = None;
    }
}

/// Whether an entry has data. That its dumper wrote some, and none is there, is noted.
fn has_data(entry: TocEntry<'_>, contents: &dyn Contents, notes: &mut Vec<Note>) -> Result<bool> {
    let has_data = contents.has_data(entry)?;
    if entry.has_data() && !has_data {
        notes.push(Note::LostData { entry: entry.name() });
    }
    Ok(has_data)
}
