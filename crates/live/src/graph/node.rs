//! An entry among those that it waits for, and that wait for it.

use std::sync::Arc;

use pgdmp::script::RestorePass;
use pgdmp::select::Wanted;
use pgdmp::{Desc, DumpId, TocEntry};

use crate::constraint::{Kind, Part, TwoParts};
use crate::locks::Mode;

/// What an entry uses: an entry, or a partitioned table that rows find their way from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Thing {
    Entry(DumpId),
    /// The first entry that loads by way of the same table.
    Root(usize),
    /// Indexes of partitions, which are attached one at a time: a server that attaches two at once,
    /// one below the other, may never find out that the upper one is valid.
    Attaching,
}

pub(crate) struct Node<'a> {
    pub(crate) entry: TocEntry<'a>,
    pub(crate) wanted: Wanted,
    /// Whether this restore made the table whose data it is.
    pub(crate) made: bool,
    /// If the table is analyzed and nothing restored: the place of its rows.
    pub(crate) analyzes: Option<usize>,
    pub(super) pass: RestorePass,
    /// What makes it come before others: bytes of the data that it waits for, or has; or all work
    /// that waits for it.
    pub(super) weight: u64,
    /// Its definition in two parts, and which is next.
    pub(super) parts: Option<Arc<TwoParts>>,
    pub(super) part: Part,
    /// Whether its statements may be sent together with those of others.
    pub(super) joins: bool,
    /// Whether its rows may, if this restore made their table.
    pub(super) joins_if_made: bool,
    /// Whether a part of it had errors.
    pub(crate) had_errors: bool,
    /// The table of a foreign key that has two parts.
    pub(super) child: Option<Thing>,
    /// Whether its data comes through a pipe, and did not come yet.
    pub(super) awaits_data: bool,
    /// What it waits for still; its data, too.
    pub(super) waits: usize,
    /// What waits for it; as often as it is named.
    pub(super) dependents: Vec<usize>,
    /// What it uses, and how the definition as a whole does.
    pub(super) claims: Vec<(Thing, Mode)>,
    /// How the part that is next does, if it is another way.
    pub(super) claims_of_part: Option<Vec<(Thing, Mode)>>,
    pub(super) state: State,
}

impl Node<'_> {
    pub(super) fn claims(&self) -> &[(Thing, Mode)] {
        self.claims_of_part.as_deref().unwrap_or(&self.claims)
    }

    /// Whether it is the rows of a table.
    pub(super) fn is_rows(&self) -> bool {
        self.analyzes.is_none() && self.entry.desc() == Desc::TABLE_DATA
    }

    /// Whether it is restored together with others.
    pub(super) fn joins(&self) -> bool {
        self.joins || self.joins_if_made && self.made
    }

    /// The definition in two parts, and which is next.
    pub(crate) fn part(&self) -> Option<(Part, Arc<TwoParts>)> {
        self.parts.as_ref().map(|parts| (self.part, Arc::clone(parts)))
    }

    /// Which part of the definition is next.
    pub(super) fn set_part(&mut self, part: Part) {
        self.part = part;
        let Some(parts) = &self.parts else { return };
        let mode = |thing: Thing, whole: Mode| match (parts.kind, part) {
            _ if whole != Mode::Alone => whole,
            (_, Part::Whole | Part::Instead) | (Kind::Key { .. }, Part::Second) => whole,
            // As any index.
            (Kind::Key { .. }, Part::First) => Mode::Shared,
            // The table that is referred to.
            (Kind::Foreign { .. }, Part::Second) if Some(thing) != self.child => Mode::Weak,
            (Kind::Foreign { .. }, _) => Mode::Sole,
        };
        let claims = self.claims.iter().map(|(thing, whole)| (*thing, mode(*thing, *whole)));
        self.claims_of_part = Some(claims.collect());
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Ready,
    Begun,
    Done,
}
