//! Large objects: the entries that each era has for them.
//!
//! | version | entries |
//! |---|---|
//! | before 1.12 | `BLOBS`, which creates them, too |
//! | 1.12 to 1.15 | a `BLOB` for each, in the section before the data; one `BLOBS` with all data |
//! | since 1.16 | a `BLOB METADATA` and a `BLOBS` for each group of one owner and one ACL |
//!
//! Every pg_restore that knows 1.16 still knows `BLOB`. Towards 1.16 these therefore stay as they
//! are: making groups of them would change nothing but their number.

use std::collections::{HashMap, HashSet};

use super::contents::Contents;
use super::draft::{Changed, Draft, first_data};
use super::note::Note;
use crate::error::{Error, Result};
use crate::text::shown;
use crate::toc::{BlockKind, CatalogId, Desc, DumpId, EntryFields, Oid, Section};
use crate::version::{ArchiveVersion, Gate};

/// `pg_largeobject`, where PostgreSQL says that large objects come from.
const LARGE_OBJECT_RELATION: Oid = Oid(2613);

/// Bytes of the privileges that are made of those of groups, at most: a group with many members and
/// many grants is many times as long when it is taken apart.
const MOST_PRIVILEGES: usize = 1 << 30;

/// Whether groups are taken apart.
pub(super) fn resolves(old: ArchiveVersion, new: ArchiveVersion) -> bool {
    old.has(Gate::LargeObjectGroups) && !new.has(Gate::LargeObjectGroups)
}

/// Gives large objects the entries of the version `new`.
pub(super) fn convert(
    drafts: &mut Vec<Draft<'_>>,
    old: ArchiveVersion,
    new: ArchiveVersion,
    contents: &dyn Contents,
    notes: &mut Vec<Note>,
) -> Result<()> {
    if resolves(old, new) {
        return resolve(drafts, notes);
    }
    if !old.has(Gate::LargeObjectEntries) {
        make_entries(drafts, contents, notes)?;
    }
    if !old.has(Gate::LargeObjectGroups) && new.has(Gate::LargeObjectGroups) {
        // The tag, by which pg_restore finds a group's first member in a tar.
        for draft in
            drafts.iter_mut().filter(|draft| draft.desc().data_kind() == BlockKind::LargeObjects)
        {
            if let Some(&source) = draft.sources().first() {
                let tag = group_tag(&contents.objects(source)?);
                draft.change(|draft| draft.tag = tag);
            }
        }
    }
    Ok(())
}

/// The first and the last OID, or the only one; `None` without any.
fn group_tag(oids: &[Oid]) -> Option<Vec<u8>> {
    match oids {
        [] => None,
        [only] => Some(only.to_string().into_bytes()),
        [first, .., last] => Some(format!("{first}..{last}").into_bytes()),
    }
}

/// Ids that no entry has.
struct FreshIds(i32);

impl FreshIds {
    fn new(drafts: &[Draft<'_>]) -> Self {
        FreshIds(drafts.iter().map(|draft| draft.dump_id().0).max().unwrap_or(0))
    }

    fn next(&mut self) -> Result<DumpId> {
        self.0 = self.0.checked_add(1).ok_or_else(|| Error::usage("no dump id is free"))?;
        Ok(DumpId(self.0))
    }
}

/// The entry of one large object, as PostgreSQL 9.0 to 16 have it.
fn blob<'a>(id: DumpId, oid: Oid, owner: Option<&'a [u8]>) -> Draft<'a> {
    let fields = EntryFields {
        catalog_id: CatalogId { table_oid: LARGE_OBJECT_RELATION, oid },
        owner,
        ..EntryFields::new(id, Desc::BLOB, Section::PreData)
    };
    Draft::made(Changed {
        tag: Some(oid.to_string().into_bytes()),
        defn: Some(format!("SELECT pg_catalog.lo_create('{oid}');\n").into_bytes()),
        drop_stmt: Some(format!("SELECT pg_catalog.lo_unlink('{oid}');\n").into_bytes()),
        ..Changed::new(fields)
    })
}

/// Before 1.12: gives each large object an entry that creates it.
fn make_entries(
    drafts: &mut Vec<Draft<'_>>,
    contents: &dyn Contents,
    notes: &mut Vec<Note>,
) -> Result<()> {
    let mut oids = Vec::new();
    for draft in drafts.iter().filter(|draft| draft.desc().data_kind() == BlockKind::LargeObjects) {
        for source in draft.sources().iter() {
            oids.extend(contents.objects(*source)?);
        }
    }
    if oids.is_empty() {
        return Ok(());
    }
    let mut ids = FreshIds::new(drafts);
    let blobs: Result<Vec<_>> = oids.iter().map(|oid| Ok(blob(ids.next()?, *oid, None))).collect();
    let at = first_data(drafts);
    drafts.splice(at..at, blobs?);
    notes.push(Note::ObjectEntries { objects: oids.len() });
    Ok(())
}

/// From 1.16 back: makes of the groups one entry for each large object, and one for all data.
fn resolve(drafts: &mut Vec<Draft<'_>>, notes: &mut Vec<Note>) -> Result<()> {
    let mut ids = FreshIds::new(drafts);
    let (groups, blobs) = members(drafts, &mut ids)?;
    let mut data: Option<usize> = None;
    let mut at: Option<usize> = None;
    let mut gone: HashSet<DumpId> = HashSet::new();
    let mut kept: Vec<Draft<'_>> = Vec::with_capacity(drafts.len());
    let mut made = 0;
    for mut draft in drafts.drain(..) {
        if draft.section() == Section::Data || draft.desc() == Desc::BLOB_METADATA {
            at.get_or_insert(kept.len());
        }
        match draft.desc() {
            Desc::BLOB_METADATA => {}
            Desc::BLOBS => match data {
                Some(first) => {
                    gone.insert(draft.dump_id());
                    let sources = draft.sources();
                    kept[first].change(|blobs| blobs.sources.extend_from_slice(&sources));
                }
                None => {
                    data = Some(kept.len());
                    draft.change(|blobs| {
                        blobs.tag = Some(b"BLOBS".to_vec());
                        blobs.fields.owner = None;
                        blobs.dependencies = Some(Vec::new());
                    });
                    kept.push(draft);
                }
            },
            desc => {
                let group = draft.dependencies().iter().find_map(|id| groups.get(id));
                match group {
                    Some(members) if desc == Desc::ACL && members.len() > 1 => {
                        for (n, &(oid, blob)) in members.iter().enumerate() {
                            let id = match n {
                                0 => draft.dump_id(),
                                _ => ids.next()?,
                            };
                            let acl = draft.change(|group| acl(group, id, oid, blob));
                            made += acl.fields().defn.unwrap_or_default().len();
                            if made > MOST_PRIVILEGES {
                                return Err(Error::usage(
                                    "privileges on large objects are more than 1 GiB, given for \
                                     each alone",
                                ));
                            }
                            kept.push(acl);
                        }
                    }
                    _ => kept.push(draft),
                }
            }
        }
    }
    if let Some(place) = data {
        let first = kept[place].dump_id();
        replace_dependencies(&mut kept, &gone, first);
    }
    if !groups.is_empty() {
        notes.push(Note::GroupsResolved { groups: groups.len(), objects: blobs.len() });
    }
    // Before the data, and before comments on the objects.
    let at = at.unwrap_or(kept.len());
    kept.splice(at..at, blobs);
    *drafts = kept;
    Ok(())
}

/// The members of each group, under the id of its `BLOB METADATA`.
type Groups = HashMap<DumpId, Vec<(Oid, DumpId)>>;

/// The members of all groups, and an entry for each.
fn members<'a>(drafts: &[Draft<'a>], ids: &mut FreshIds) -> Result<(Groups, Vec<Draft<'a>>)> {
    let mut groups = Groups::new();
    let mut blobs = Vec::new();
    for draft in drafts.iter().filter(|draft| draft.desc() == Desc::BLOB_METADATA) {
        let (id, owner) = (draft.dump_id(), draft.owner());
        let mut members = Vec::new();
        for oid in group_members(draft)? {
            let id = match members.is_empty() {
                true => id,
                false => ids.next()?,
            };
            members.push((oid, id));
            blobs.push(blob(id, oid, owner));
        }
        groups.insert(id, members);
    }
    Ok((groups, blobs))
}

/// Puts one entry in the place of others among all dependencies.
fn replace_dependencies(drafts: &mut [Draft<'_>], gone: &HashSet<DumpId>, first: DumpId) {
    for draft in drafts {
        if draft.dependencies().iter().any(|id| gone.contains(id)) {
            let dependencies = draft.dependencies().iter();
            let dependencies = dependencies.map(|id| if gone.contains(id) { first } else { *id });
            let dependencies = dependencies.collect();
            draft.change(|draft| draft.dependencies = Some(dependencies));
        }
    }
}

/// The OIDs of a group: one on each line of its definition.
fn group_members(draft: &Draft<'_>) -> Result<Vec<Oid>> {
    let defn = draft.fields().defn.unwrap_or_default();
    let lines = defn.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines
        .map(|line| {
            let oid = std::str::from_utf8(line.trim_ascii()).ok().and_then(|oid| oid.parse().ok());
            oid.map(Oid).ok_or_else(|| {
                Error::malformed(format!(
                    "\"{}\" in the list of a group's large objects is no OID",
                    shown(line)
                ))
                .in_entry(|| draft.name())
            })
        })
        .collect()
}

/// The privileges on one large object of a group. The group's are spelled for its first one.
fn acl<'a>(group: &Changed<'a>, id: DumpId, oid: Oid, blob: DumpId) -> Draft<'a> {
    Draft::made(Changed {
        tag: Some(format!("LARGE OBJECT {oid}").into_bytes()),
        defn: Some(for_object(group.fields.defn.unwrap_or_default(), oid)),
        dependencies: Some(vec![blob]),
        encoding: group.encoding,
        ..Changed::new(EntryFields { dump_id: id, ..group.fields })
    })
}

/// `GRANT` and `REVOKE` commands with another large object in them. What stands in quotes, as
/// a role's name, may look like one and stays.
fn for_object(commands: &[u8], oid: Oid) -> Vec<u8> {
    const BEFORE: &[u8] = b"LARGE OBJECT ";
    let mut out = Vec::with_capacity(commands.len());
    let mut quoted = false;
    let mut rest = commands;
    while let Some((&byte, behind)) = rest.split_first() {
        if byte == b'"' {
            quoted = !quoted;
        }
        if !quoted && rest.starts_with(BEFORE) {
            out.extend_from_slice(BEFORE);
            out.extend_from_slice(oid.to_string().as_bytes());
            rest = &rest[BEFORE.len()..];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            rest = &rest[digits..];
        } else {
            out.push(byte);
            rest = behind;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_of_another_object() {
        let commands = b"REVOKE ALL ON LARGE OBJECT 17 FROM PUBLIC;\n\
            GRANT SELECT ON LARGE OBJECT 17 TO \"on LARGE OBJECT 17 \"\"x\";\n";
        assert_eq!(
            for_object(commands, Oid(3_000_000_000)).escape_ascii().to_string(),
            b"REVOKE ALL ON LARGE OBJECT 3000000000 FROM PUBLIC;\n\
            GRANT SELECT ON LARGE OBJECT 3000000000 TO \"on LARGE OBJECT 17 \"\"x\";\n"
                .escape_ascii()
                .to_string()
        );
    }
}
