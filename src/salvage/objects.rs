//! Large objects, as far as they can be read.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Write};

use super::report::Saved;
use crate::archive::{LargeObject, LargeObjects, LargeObjectsWriter};
use crate::error::{Error, Result};
use crate::toc::{CatalogId, Desc, DumpId, EntryFields, Oid, Section, Toc};

/// The OID of the catalog `pg_largeobject`.
const LARGE_OBJECTS: u32 = 2613;

/// Of a large object that was cut, so many are told.
const TOLD: usize = 100;

/// Which of several large objects with one OID is taken: the last, as pg_restore writes it over the
/// others, but none that is empty or cut over one that is not.
///
/// Three passes read the same objects in the same order: one finds out which OIDs come again, the next
/// counts what is taken, and the last one writes it. It may leave entries out.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    pass: Pass,
    met: HashSet<u32>,
    /// Those that are empty or cut: how many bytes there are.
    weak: HashMap<u32, u64>,
    again: HashMap<u32, Again>,
    /// Of OIDs that come again, how many came in the entry that is being read.
    here: HashMap<u32, u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Pass {
    #[default]
    Choose,
    Count,
    Write,
}

/// An OID that comes again.
#[derive(Debug, Clone, Copy, Default)]
struct Again {
    /// How many came in this pass.
    met: u32,
    /// Which one is taken, from 0.
    taken: u32,
    /// The place of its entry, and which one it is there.
    place: (usize, u32),
}

impl Choice {
    /// For the next pass.
    pub(super) fn next_pass(&self) -> Choice {
        let pass = match self.pass {
            Pass::Choose => Pass::Count,
            Pass::Count | Pass::Write => Pass::Write,
        };
        let begin = |(oid, again): (&u32, &Again)| (*oid, Again { met: 0, ..*again });
        let again = self.again.iter().map(begin).collect();
        Choice { pass, again, ..Choice::default() }
    }

    /// Whether some OID comes again.
    pub(super) fn is_needed(&self) -> bool {
        !self.again.is_empty()
    }

    /// How many were met in this pass.
    pub(super) fn met(&self) -> usize {
        self.met.len()
    }

    /// Whether an OID was met in this pass.
    pub(super) fn has_met(&self, oid: u32) -> bool {
        self.met.contains(&oid)
    }

    /// Whether the next object is taken, in the entry at a place. When choosing, it is the first.
    fn takes(&mut self, oid: u32, entry: usize) -> bool {
        let is_first = self.met.insert(oid);
        if self.pass == Pass::Choose {
            return is_first;
        }
        let Some(again) = self.again.get_mut(&oid) else { return is_first };
        let here = self.here.entry(oid).or_default();
        let (place, nth) = ((entry, *here), again.met);
        (*here, again.met) = (*here + 1, nth + 1);
        if self.pass == Pass::Count && nth == again.taken {
            again.place = place;
        }
        again.place == place
    }

    /// Decides, once an object was read, all of it or as much as there is.
    fn decide(&mut self, oid: u32, is_first: bool, len: u64, is_cut: bool) {
        let is_weak = len == 0 || is_cut;
        let weak = self.weak.get(&oid).copied();
        let is_better = is_first || !is_weak || weak.is_some_and(|weak| weak <= len);
        if is_better {
            match is_weak {
                true => drop(self.weak.insert(oid, len)),
                false => drop(self.weak.remove(&oid)),
            }
        }
        if !is_first {
            let again = self.again.entry(oid).or_default();
            again.met += 1;
            if is_better {
                again.taken = again.met;
            }
        }
    }
}

/// What an entry that creates large objects says.
pub(super) struct Creation {
    tag: String,
    defn: String,
    catalog_id: CatalogId,
    desc: Desc<'static>,
}

impl Creation {
    /// Of one: as in archives of version 1.12 to 1.15.
    pub(super) fn of_one(oid: u32) -> Creation {
        Creation {
            tag: oid.to_string(),
            defn: format!("SELECT pg_catalog.lo_create('{oid}');\n"),
            catalog_id: CatalogId { table_oid: Oid(LARGE_OBJECTS), oid: Oid(oid) },
            desc: Desc::BLOB,
        }
    }

    /// Of a group, sorted: as since 1.16.
    pub(super) fn of_group(oids: &[u32]) -> Creation {
        let tag = match oids {
            [first, .., last] => format!("{first}..{last}"),
            _ => oids.iter().map(u32::to_string).collect(),
        };
        let defn = oids.iter().map(|oid| format!("{oid}\n")).collect();
        Creation { tag, defn, catalog_id: CatalogId::default(), desc: Desc::BLOB_METADATA }
    }

    /// The tag, which that of the group's data repeats.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn entry(&self, id: DumpId) -> EntryFields<'_> {
        let fields = EntryFields::new(id, Desc::BLOB, Section::PreData).desc(self.desc).owner("");
        fields.catalog_id(self.catalog_id).tag(&self.tag).defn(&self.defn)
    }
}

/// How the definition of one large object begins.
const CREATES: &[u8] = b"SELECT pg_catalog.lo_create('";

/// The large objects that were met and that no entry creates, sorted.
pub(super) fn uncreated(toc: &Toc, met: &Choice) -> Vec<u32> {
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u32>().ok();
    // Another statement, as one with a changed byte, creates nothing.
    let of_one = |defn: &[u8]| {
        let oid = defn.strip_prefix(CREATES)?.split(|byte| *byte == b'\'').next()?;
        number(oid)
    };
    let mut created = HashSet::new();
    for entry in toc.entries() {
        let defn = entry.defn().unwrap_or_default();
        match entry.desc() {
            Desc::BLOB => created.extend(of_one(defn)),
            Desc::BLOB_METADATA => {
                created.extend(defn.split(|byte| *byte == b'\n').filter_map(number));
            }
            _ => {}
        }
    }
    let mut uncreated: Vec<u32> =
        met.met.iter().copied().filter(|oid| !created.contains(oid)).collect();
    uncreated.sort_unstable();
    uncreated
}

/// Takes large objects of an entry, whose place is `entry`.
pub(super) fn take<W: Write>(
    mut objects: LargeObjects,
    entry: usize,
    saved: &mut Saved,
    choice: &mut Choice,
    to: &mut Option<&mut LargeObjectsWriter<'_, W>>,
) -> Result<()> {
    objects.go_on();
    choice.here.clear();
    loop {
        let object = match objects.next_object() {
            Ok(None) => break,
            Ok(Some(object)) => object,
            Err(error) => {
                saved.damage.get_or_insert((&error).into());
                break;
            }
        };
        let oid = object.oid();
        if oid.0 == 0 {
            continue;
        }
        let is_taken = choice.takes(oid.0, entry);
        saved.passed_over += u64::from(!is_taken);
        let is_choosing = choice.pass == Pass::Choose;
        if !is_taken && !is_choosing {
            continue;
        }
        let (len, failed) = match to {
            None => copy(object, &mut io::sink())?,
            Some(to) => {
                let mut writer = to.object(oid)?;
                let copied = copy(object, &mut writer)?;
                writer.finish()?;
                copied
            }
        };
        if is_choosing {
            choice.decide(oid.0, is_taken, len, failed.is_some());
        }
        if !is_taken {
            continue;
        }
        saved.large_objects += 1;
        saved.first_object.get_or_insert(oid.0);
        if let Some(error) = failed {
            saved.damage.get_or_insert((&error).into());
            saved.suspect_from.get_or_insert(saved.large_objects);
            if saved.cut_objects.len() < TOLD {
                saved.cut_objects.push(oid.0);
            }
        }
    }
    for complaint in objects.complaints() {
        saved.damage.get_or_insert((&complaint).into());
    }
    Ok(())
}

/// Copies a large object as far as it can be read; how many bytes that is, and why not to its end.
///
/// # Errors
///
/// Those of `to`.
fn copy(mut object: LargeObject<'_>, to: &mut impl Write) -> io::Result<(u64, Option<Error>)> {
    let mut len = 0;
    loop {
        let bytes = match object.fill_buf() {
            Ok([]) => return Ok((len, None)),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok((len, Some(error.into()))),
        };
        to.write_all(bytes)?;
        let n = bytes.len();
        len += n as u64;
        object.consume(n);
    }
}
