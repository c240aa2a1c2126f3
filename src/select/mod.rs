//! Selects the entries of an archive, and records for each which rule decided.
//!
//! A [`Selection`] has the options of `pg_restore` that choose entries. Applied to a table of contents
//! it becomes a [`Selected`], which a [`Listing`](crate::Listing), a [`Script`](crate::Script) or a
//! [`Conversion`](crate::Conversion) takes. Each entry has a [`Decision`] with the [`Rule`] that made
//! it. [`UseList`] reads list files, [`Selection::read_filter`] filter files.
//!
//! ```
//! use pgdmp::{Archive, Selection};
//!
//! let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
//! let selected = Selection::new().table("public.town").with_dependents(true).apply(archive.toc())?;
//! for (entry, decision) in selected.all() {
//!     println!("{}: {:?}, {}", entry.name(), decision.wanted, decision.rule);
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! The rules are those of `_tocEntryRequired` and `SortTocFromFile` in PostgreSQL 18's
//! `pg_backup_archiver.c`, and of the options of `pg_restore` that they depend on.

mod closure;
mod filter;
mod glob;
mod lines;
mod name_list;
mod names;
mod options;
mod pattern;
mod place;
mod rules;
mod schemas;
mod use_list;

pub use options::Selection;
pub use pattern::NamePattern;
pub use rules::Rule;
pub use use_list::UseList;

use std::collections::BTreeSet;

use crate::error::Result;
use crate::toc::{DumpId, Section, Toc, TocEntry};
use names::Names;

/// The parts of an entry that are wanted.
///
/// See the example of [`Selected`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Wanted {
    /// The definition.
    pub schema: bool,
    /// The data, or a definition that counts as data.
    pub data: bool,
    /// The statistics, if the entry holds statistics.
    pub statistics: bool,
    /// The effect on the session of a restore, of `ENCODING` and similar entries. They are never
    /// printed.
    pub special: bool,
}

impl Wanted {
    /// Nothing.
    pub const NOTHING: Wanted =
        Wanted { schema: false, data: false, statistics: false, special: false };

    /// Whether something of the entry is listed and restored.
    pub fn is_listed(self) -> bool {
        self.schema || self.data || self.statistics
    }

    /// Whether anything is wanted.
    pub fn is_anything(self) -> bool {
        self.is_listed() || self.special
    }
}

/// The decision about an entry: which parts are wanted, and which rule decided.
///
/// See the example of [`Selected`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// The wanted parts.
    pub wanted: Wanted,
    /// The rule that decided last.
    pub rule: Rule,
}

/// A [`Selection`] applied to a table of contents.
///
/// ```
/// use pgdmp::{Archive, Selection};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selected = Selection::new().table("town").table("no_such_table").apply(archive.toc())?;
/// for entry in selected.entries() {
///     println!("{}: {}", entry.name(), selected.decision(&entry).rule);
/// }
/// assert_eq!(selected.unmatched().unwrap().name, b"no_such_table");
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Selected<'a> {
    toc: &'a Toc,
    /// Places of entries, in the order of a restore.
    order: Vec<u32>,
    /// By place.
    decisions: Vec<Decision>,
    /// Entries of the database itself that only a restore with `-C` has, by index.
    of_database: BTreeSet<usize>,
    creates_database: bool,
    wants_schema: bool,
    implied_no_schema: bool,
    unmatched: Option<Unmatched>,
    unmatched_names: Vec<Unmatched>,
}

/// A name of a selection that matched no entry; see [`Selected::unmatched`].
///
/// See the example of [`Selected`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmatched {
    /// The kind of name: `schema`, `table`, `index`, `function` or `trigger`.
    pub what: &'static str,
    /// The name.
    pub name: Vec<u8>,
    /// Whether the name was an exclusion. Objects that were meant to be left out may then be
    /// included.
    pub excluded: bool,
}

impl Selection {
    /// Applies the selection to a table of contents.
    ///
    /// # Errors
    ///
    /// [`with_dependencies`](Self::with_dependencies) or [`with_dependents`](Self::with_dependents)
    /// for an archive version before 1.8, which stores no dependencies between entries.
    pub fn apply<'a>(&self, toc: &'a Toc) -> Result<Selected<'a>> {
        let mut order = match &self.use_list {
            Some(list) => list.order(toc),
            None => (0..toc.len() as u32).collect(),
        };
        let mut names = Names::new(self, toc);
        let kinds = toc.by_kind(|desc| self.kind(desc));
        let nothing = Decision { wanted: Wanted::NOTHING, rule: Rule::Unseen };
        let (mut of_database, mut of_created) = (BTreeSet::new(), None);
        let mut decisions = vec![nothing; toc.len()];
        // An entry without a section goes with the one before it.
        let mut section = Section::PreData;
        let closes = self.with_dependencies || self.with_dependents;
        let mut sections = vec![section; if closes { toc.len() } else { 0 }];
        for &place in &order {
            let Some(entry) = toc.get(place as usize) else { continue };
            match entry.section() {
                Section::None => {}
                own => section = own,
            }
            if let Some(own) = sections.get_mut(place as usize) {
                *own = section;
            }
            let decision = self.decide(entry, kinds.of(entry), section, &decisions, &mut names);
            decisions[place as usize] = decision;
            if decision.rule == Rule::Create && !decision.wanted.is_anything() {
                let of_created = of_created.get_or_insert_with(|| self.clone().create(true));
                let kind = &of_created.kind(entry.desc());
                let decision = of_created.decide(entry, kind, section, &decisions, &mut names);
                if decision.wanted.is_listed() {
                    of_database.insert(place as usize);
                }
            }
        }
        if closes {
            self.close(toc, sections, &mut decisions)?;
            if let Some(list) = &self.use_list {
                order = place::in_order(toc, list, &order, &decisions);
            }
        }
        let no_schema_part = decisions.iter().all(|decision| !decision.wanted.schema);
        Ok(Selected {
            toc,
            order,
            decisions,
            of_database,
            creates_database: self.create,
            wants_schema: self.wants_schema(),
            implied_no_schema: self.wants_schema() && no_schema_part,
            unmatched: self.first_unmatched(&names),
            unmatched_names: self.unmatched(&names, toc),
        })
    }

    /// Whether any definitions are wanted.
    pub fn wants_schema(&self) -> bool {
        ((!self.data_only && !self.statistics_only) || self.schema_only) && !self.no_schema
    }

    /// Whether any data is wanted.
    pub fn wants_data(&self) -> bool {
        ((!self.schema_only && !self.statistics_only) || self.data_only) && !self.no_data
    }

    /// Whether any statistics are wanted.
    pub fn wants_statistics(&self) -> bool {
        ((!self.schema_only && !self.data_only) || self.statistics_only || self.statistics)
            && !self.no_statistics
    }

    /// Whether objects are chosen by name (`-t`, `-I`, `-P`, `-T`).
    fn is_selective(&self) -> bool {
        [&self.tables, &self.indexes, &self.functions, &self.triggers]
            .iter()
            .any(|names| !names.is_empty())
    }

    fn first_unmatched(&self, names: &Names<'_>) -> Option<Unmatched> {
        names.chosen().into_iter().find_map(|(what, list)| list.first_unmatched(what))
    }

    fn unmatched(&self, names: &Names<'_>, toc: &Toc) -> Vec<Unmatched> {
        let chosen = names.chosen().into_iter().flat_map(|(what, list)| list.unmatched(what));
        chosen.chain(names.exclude_schemas.unknown_schemas(toc)).collect()
    }
}

impl<'a> Selected<'a> {
    /// All entries in the order of a restore, whether wanted or not.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = (TocEntry<'a>, Decision)> + '_ {
        self.order.iter().filter_map(|&place| {
            let place = place as usize;
            Some((self.toc.get(place)?, *self.decisions.get(place)?))
        })
    }

    /// The entries that are listed and restored, at least in part, in the order of a restore.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = TocEntry<'a>> + '_ {
        self.all().filter(|(_, decision)| decision.wanted.is_listed()).map(|(entry, _)| entry)
    }

    /// The decision about an entry.
    pub fn decision(&self, entry: &TocEntry<'_>) -> Decision {
        self.decisions
            .get(entry.index())
            .copied()
            .unwrap_or(Decision { wanted: Wanted::NOTHING, rule: Rule::Unseen })
    }

    /// What an archive is to have of an entry. Unlike a restore it has the entries of the database
    /// itself, which do nothing until a restore asks for them.
    pub(crate) fn wanted_in_archive(&self, entry: &TocEntry<'_>) -> Wanted {
        match self.of_database.contains(&entry.index()) {
            true => Wanted { schema: true, ..Wanted::NOTHING },
            false => self.decision(entry).wanted,
        }
    }

    /// Takes entries out again, by place.
    pub(crate) fn leave_out(&mut self, out: impl IntoIterator<Item = (usize, Rule)>) {
        for (place, rule) in out {
            if let Some(decision) = self.decisions.get_mut(place) {
                *decision = Decision { wanted: Wanted::NOTHING, rule };
            }
            self.of_database.remove(&place);
        }
        self.implied_no_schema =
            self.wants_schema && self.decisions.iter().all(|decision| !decision.wanted.schema);
    }

    /// Takes entries out again that make, or fill, what the database has already. Entries that the
    /// archive does not have are passed over.
    pub fn leave_out_existing(&mut self, entries: &[DumpId]) {
        let toc = self.toc;
        let places = entries.iter().filter_map(|id| Some(toc.entry(*id)?.index()));
        self.leave_out(places.map(|place| (place, Rule::Exists)));
    }

    /// The same decisions for another table of contents with the same entries, such as one with
    /// mapped names; see [`Adaptation`](crate::adapt::Adaptation).
    pub fn with_toc<'b>(&self, toc: &'b Toc) -> Selected<'b> {
        Selected {
            toc,
            order: self.order.clone(),
            decisions: self.decisions.clone(),
            of_database: self.of_database.clone(),
            unmatched: self.unmatched.clone(),
            unmatched_names: self.unmatched_names.clone(),
            ..*self
        }
    }

    /// The table of contents that the selection was applied to.
    pub fn toc(&self) -> &'a Toc {
        self.toc
    }

    /// Whether the database itself was wanted (`-C`).
    pub fn creates_database(&self) -> bool {
        self.creates_database
    }

    /// Whether definitions were wanted; see [`Selection::wants_schema`].
    pub fn wants_schema(&self) -> bool {
        self.wants_schema
    }

    /// Whether definitions were wanted, but none was found. The restore is then a restore of data
    /// alone.
    pub fn implied_no_schema(&self) -> bool {
        self.implied_no_schema
    }

    /// All names of the selection that matched nothing, including exclusions. They deserve a
    /// warning: a misspelled exclusion means that objects are included by mistake.
    pub fn unmatched_names(&self) -> &[Unmatched] {
        &self.unmatched_names
    }

    /// The first name of the selection that matched no entry, which `--strict-names` refuses. As in
    /// `pg_restore`, exclusions do not count, and a name that is given twice does.
    pub fn unmatched(&self) -> Option<&Unmatched> {
        self.unmatched.as_ref()
    }
}

#[cfg(test)]
mod tests;
