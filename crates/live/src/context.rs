//! Where a restore is.

use std::sync::Arc;

use pgdmp::script::Stage;
use pgdmp::{DumpId, TocEntry};

use crate::voice::Voice;

/// Where a restore is, which errors are told with: once for each stage, once for each entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    stage: Option<Stage>,
    told_stage: bool,
    place: Option<Place>,
    told_entry: Option<usize>,
}

/// An entry.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its place in the table of contents.
    pub(crate) index: usize,
    id: DumpId,
    /// How `pg_restore` names it.
    name: Arc<[u8]>,
}

impl Context {
    pub(crate) fn stage(&mut self, stage: Stage) {
        self.stage = Some(stage);
        self.told_stage = false;
    }

    pub(crate) fn entry(&mut self, entry: &TocEntry<'_>) {
        if self.place.as_ref().is_some_and(|place| place.index == entry.index()) {
            return;
        }
        let id = entry.catalog_id();
        let mut name = format!("{}; {} {} ", entry.dump_id(), id.table_oid, id.oid).into_bytes();
        name.extend_from_slice(entry.desc().as_bytes());
        name.push(b' ');
        name.extend_from_slice(entry.tag().unwrap_or(b"(no tag)"));
        name.push(b' ');
        name.extend_from_slice(entry.owner().unwrap_or(b"(no owner)"));
        self.place = Some(Place { index: entry.index(), id: entry.dump_id(), name: name.into() });
    }

    /// The entry that the restore is at.
    pub(crate) fn place(&self) -> Option<Place> {
        self.place.clone()
    }

    /// Its id.
    pub(crate) fn id(&self) -> Option<DumpId> {
        self.place.as_ref().map(|place| place.id)
    }

    /// Goes to another entry, or back.
    pub(crate) fn go(&mut self, place: Option<Place>) {
        self.place = place;
    }

    /// Tells of what was not told of yet.
    pub(crate) fn tell(&mut self, voice: &dyn Voice) {
        let stage = match self.stage {
            None | Some(Stage::Initializing) => "INITIALIZING",
            Some(Stage::Finalizing) => "FINALIZING",
            Some(_) => "PROCESSING TOC",
        };
        if !self.told_stage {
            self.told_stage = true;
            if voice.is_verbose() {
                voice.info(format!("while {stage}:").as_bytes());
            }
        }
        if let Some(place) = &self.place
            && self.told_entry != Some(place.index)
        {
            self.told_entry = Some(place.index);
            if voice.is_verbose() {
                voice.info(&[b"from TOC entry ", &place.name[..]].concat());
            }
        }
    }
}
