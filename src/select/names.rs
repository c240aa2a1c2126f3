//! All names of a selection.

use super::name_list::NameList;
use super::options::Selection;
use super::pattern::Place;
use crate::toc::Toc;

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
        let list = |names, place| NameList::new(names, selection.exact_names, place, toc);
        Names {
            schemas: list(&selection.schemas, Place::Schema),
            exclude_schemas: list(&selection.exclude_schemas, Place::Schema),
            tables: list(&selection.tables, Place::Table),
            indexes: list(&selection.indexes, Place::Index),
            functions: list(&selection.functions, Place::Function),
            triggers: list(&selection.triggers, Place::Trigger),
        }
    }

    /// The lists of what is chosen, in pg_restore's order.
    pub(super) fn chosen(&self) -> [(&'static str, &NameList<'s>); 5] {
        [
            ("schema", &self.schemas),
            ("table", &self.tables),
            ("index", &self.indexes),
            ("function", &self.functions),
            ("trigger", &self.triggers),
        ]
    }
}
