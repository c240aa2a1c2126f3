//! What becomes of the entries in another archive version.

use super::contents::Contents;
use super::draft::Draft;
use super::groups;
use super::note::{Note, note_losses};
use crate::error::{Error, Result};
use crate::toc::{Desc, DumpId, Section};
use crate::version::{ArchiveVersion, Gate};

/// Gives the entries of a version the form that a new one has for them.
pub(super) fn settle(
    drafts: &mut Vec<Draft<'_>>,
    old: ArchiveVersion,
    new: ArchiveVersion,
    contents: &dyn Contents,
    notes: &mut Vec<Note>,
) -> Result<()> {
    upgrade(drafts, old, notes);
    if groups::resolves(old, new) {
        require_sections(drafts)?;
    }
    groups::convert(drafts, old, new, contents, notes)?;
    tidy_dependencies(drafts);
    note_losses(drafts, old, new, notes);
    Ok(())
}

/// pg_restore leaves out what has no section that it knows, and what comes behind it without one of
/// its own. Among other entries these would be others.
pub(super) fn require_sections(drafts: &[Draft<'_>]) -> Result<()> {
    for draft in drafts {
        if let Section::Other(code) = draft.section() {
            let error = Error::malformed(format!("no archive has a section {code}"));
            return Err(error.in_entry(|| draft.name()));
        }
    }
    Ok(())
}

/// Fills in what old versions do not store.
fn upgrade(drafts: &mut [Draft<'_>], old: ArchiveVersion, notes: &mut Vec<Note>) {
    if !old.has(Gate::WithOids) {
        for draft in &mut *drafts {
            draft.change(|draft| draft.fields.with_oids = Some(b"false"));
        }
    }
    if !old.has(Gate::TableOid) && drafts.iter().any(|draft| !draft.dependencies().is_empty()) {
        for draft in drafts {
            draft.change(|draft| draft.dependencies = Some(Vec::new()));
        }
        notes.push(Note::Dependencies);
    }
}

/// pg_restore refuses data whose first dependency, the table, is none that could be there.
fn tidy_dependencies(drafts: &mut [Draft<'_>]) {
    let most = drafts.iter().map(Draft::dump_id).max().unwrap_or(DumpId(0));
    let possible = 1..=most.0;
    for draft in drafts {
        if draft.desc() == Desc::TABLE_DATA
            && draft.dependencies().first().is_some_and(|id| !possible.contains(&id.0))
        {
            let kept = draft.dependencies().iter().filter(|id| possible.contains(&id.0)).copied();
            let kept = kept.collect();
            draft.change(|draft| draft.dependencies = Some(kept));
        }
    }
}
