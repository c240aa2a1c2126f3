//! Which data goes where.

use std::ops::Deref;
use std::slice;

use crate::toc::{BlockKind, DumpId};

/// The data of one new entry.
#[derive(Debug)]
pub(super) struct Job {
    /// The new entry.
    pub(super) id: DumpId,
    pub(super) kind: BlockKind,
    /// The entries whose data it gets: several for large objects of several groups.
    pub(super) sources: Sources,
    /// Which archive they are in, if there are several.
    pub(super) archive: u32,
}

/// The entries whose data a new entry gets. Nearly always there is one, or none.
#[derive(Debug)]
pub(super) enum Sources {
    None,
    One(DumpId),
    Several(Box<[DumpId]>),
}

impl From<&[DumpId]> for Sources {
    fn from(ids: &[DumpId]) -> Self {
        match *ids {
            [] => Sources::None,
            [id] => Sources::One(id),
            _ => Sources::Several(ids.into()),
        }
    }
}

impl Deref for Sources {
    type Target = [DumpId];

    fn deref(&self) -> &[DumpId] {
        match self {
            Sources::None => &[],
            Sources::One(id) => slice::from_ref(id),
            Sources::Several(ids) => ids,
        }
    }
}
