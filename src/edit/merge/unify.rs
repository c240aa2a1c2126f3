//! What several archives have alike is taken once.
//!
//! Entries of one name are looked at together, in the order of the archives. Each is compared with
//! those that were kept before by means of numbers: what says the same has one number, found by
//! sorting. So a million entries of one name take no longer than a million of other names.

use std::cmp::Ordering;

use super::families::Ids;
use super::{Draft, Items};
use crate::error::{EntryName, Error, Result};
use crate::toc::{Desc, EntryFields};

/// How many conflicts an error names.
const NAMED: usize = 20;

/// The items that are kept, in their order.
///
/// # Errors
///
/// What archives define differently, and what they have data of.
pub(super) fn unify(items: &Items<'_>, ids: &mut Ids, names: &[String]) -> Result<Vec<u32>> {
    let mut sorted: Vec<u32> = items.numbers().collect();
    sorted.sort_unstable_by(|a, b| by_name(&items.draft(*a), &items.draft(*b)).then(a.cmp(b)));
    let (is_kept, at) = (vec![false; sorted.len()], vec![NONE; ids.len()]);
    let mut kept = Kept { items, ids, is_kept, at };
    let mut conflicts = Conflicts::default();
    let mut rest = &sorted[..];
    while let Some(first) = rest.first() {
        let draft = items.draft(*first);
        let one_name = |item: &u32| by_name(&draft, &items.draft(*item)) == Ordering::Equal;
        // Names are sorted, but most stand alone.
        let len = match rest.get(1).is_some_and(one_name) {
            true => rest.partition_point(one_name),
            false => 1,
        };
        let (group, others) = rest.split_at(len);
        kept.unify(group, &mut conflicts)?;
        rest = others;
    }
    conflicts.check(names)?;
    let is_kept = kept.is_kept;
    sorted.sort_unstable();
    sorted.retain(|item| is_kept[*item as usize]);
    Ok(sorted)
}

/// What makes an entry what it is.
fn by_name(a: &Draft<'_>, b: &Draft<'_>) -> Ordering {
    let by_desc = a.desc().cmp(&b.desc());
    by_desc.then_with(|| a.namespace().cmp(&b.namespace())).then_with(|| a.tag().cmp(&b.tag()))
}

/// What an entry says, wherever in its catalogs it was.
fn by_contents(a: &Draft<'_>, b: &Draft<'_>) -> Ordering {
    fn rest<'d>(draft: &'d Draft<'_>) -> [Option<&'d [u8]>; 5] {
        let EntryFields { drop_stmt, owner, tablespace, table_am, copy_stmt, .. } = draft.fields();
        [drop_stmt, owner, tablespace, table_am, copy_stmt]
    }
    a.defn().cmp(&b.defn()).then_with(|| rest(a).cmp(&rest(b)))
}

/// Objects of which several may have one name: what they are of is not in the tag, or not in that
/// of every release.
fn may_share_a_name(desc: Desc<'_>) -> bool {
    desc.as_bytes().starts_with(b"OPERATOR")
        || matches!(desc, Desc::COMMENT | Desc::DEFAULT_ACL | Desc::SECURITY_LABEL)
        || matches!(desc, Desc::DEFAULT | Desc::TRIGGER | Desc::RULE | Desc::POLICY)
        || matches!(desc, Desc::CONSTRAINT | Desc::CHECK_CONSTRAINT | Desc::FK_CONSTRAINT)
        || desc == Desc::ROW_SECURITY
        || desc.is_acl()
}

const NONE: u32 = u32::MAX;

/// The first of several items that were kept, and the first of another family than that one's.
#[derive(Clone, Copy, Default)]
struct Firsts {
    first: Option<(u32, u32)>,
    second: Option<u32>,
}

impl Firsts {
    fn add(&mut self, item: u32, family: u32) {
        match self.first {
            None => self.first = Some((item, family)),
            Some((_, first)) if first != family => {
                self.second.get_or_insert(item);
            }
            _ => {}
        }
    }

    /// The first that is not of this family.
    fn not_of(self, family: u32) -> Option<u32> {
        self.first.filter(|(_, first)| *first != family).map(|(item, _)| item).or(self.second)
    }
}

struct Kept<'i, 'a> {
    items: &'i Items<'a>,
    ids: &'i mut Ids,
    is_kept: Vec<bool>,
    /// Which item was kept under an old id, by its place.
    at: Vec<u32>,
}

impl Kept<'_, '_> {
    /// Decides about the items of one name, which are in their order.
    fn unify(&mut self, group: &[u32], conflicts: &mut Conflicts) -> Result<()> {
        if let [item] = group {
            return self.keep(*item);
        }
        let classes = self.classes(group);
        let mut firsts = Firsts::default();
        let mut same_firsts = vec![Firsts::default(); group.len()];
        for (&n, &class) in group.iter().zip(&classes) {
            let draft = self.items.draft(n);
            let family = self.ids.family(self.items.archive(n));
            // In archives of one dump, what has another id is something else, whatever its name.
            let related = self.related(n).filter(|other| group.binary_search(other).is_ok());
            let Some(other) = [related, firsts.not_of(family)].into_iter().flatten().min() else {
                self.keep(n)?;
                firsts.add(n, family);
                same_firsts[class as usize].add(n, family);
                continue;
            };
            let says_the_same =
                |other: &u32| group.binary_search(other).is_ok_and(|place| classes[place] == class);
            let same = [related.filter(says_the_same), same_firsts[class as usize].not_of(family)];
            let same = same.into_iter().flatten().min().filter(|_| !draft.had_dumper());
            let of_database = matches!(draft.desc(), Desc::DATABASE | Desc::DATABASE_PROPERTIES);
            match same.or(of_database.then_some(other)) {
                Some(other) => self.replace(n, other),
                None if may_share_a_name(draft.desc()) && !draft.had_dumper() => {
                    self.keep(n)?;
                    firsts.add(n, family);
                    same_firsts[class as usize].add(n, family);
                }
                None => {
                    let archives = [other, n].map(|item| self.items.archive(item));
                    conflicts.add(group[0], &draft, archives);
                }
            }
        }
        Ok(())
    }

    /// A number for each item: the same for those that say the same.
    fn classes(&self, group: &[u32]) -> Vec<u32> {
        let draft = |place: u32| self.items.draft(group[place as usize]);
        let compare = |a: u32, b: u32| by_contents(&draft(a), &draft(b));
        let mut sorted: Vec<u32> = (0..group.len() as u32).collect();
        sorted.sort_unstable_by(|a, b| compare(*a, *b));
        let mut classes = vec![0; group.len()];
        let mut class = 0;
        for (n, &place) in sorted.iter().enumerate() {
            if n > 0 && compare(sorted[n - 1], place) != Ordering::Equal {
                class += 1;
            }
            classes[place as usize] = class;
        }
        classes
    }

    /// The place of an item's own id.
    fn own(&self, item: u32) -> Option<usize> {
        self.ids.own(self.items.archive(item), self.items.draft(item).dump_id())
    }

    /// The item of another archive of the same dump that was kept under the id of this one.
    fn related(&self, item: u32) -> Option<u32> {
        let other = Some(self.at[self.own(item)?]).filter(|other| *other != NONE)?;
        (self.items.archive(other) != self.items.archive(item)).then_some(other)
    }

    fn keep(&mut self, item: u32) -> Result<()> {
        self.is_kept[item as usize] = true;
        let Some(own) = self.own(item) else { return Ok(()) };
        let draft = self.items.draft(item);
        let stands = self.ids.find(self.items.archive(item), draft.dump_id());
        if stands != Some(own) || std::mem::replace(&mut self.at[own], item) != NONE {
            // Another entry has it, which only archives of one dump that were changed have.
            return Err(Error::usage("archives of one dump have different entries with one id")
                .in_entry(|| draft.name()));
        }
        Ok(())
    }

    fn replace(&mut self, item: u32, by: u32) {
        if let (Some(place), Some(by)) = (self.own(item), self.own(by)) {
            self.ids.replace(place, by);
        }
    }
}

/// What is not the same, by name.
#[derive(Default)]
struct Conflicts {
    /// With the numbers of the two archives.
    found: Vec<(EntryName, [u32; 2])>,
    count: usize,
    /// The first item of the last name.
    last: Option<u32>,
}

impl Conflicts {
    fn add(&mut self, first: u32, draft: &Draft<'_>, archives: [u32; 2]) {
        if self.last.replace(first) == Some(first) {
            return;
        }
        self.count += 1;
        if self.found.len() < NAMED {
            self.found.push((draft.name(), archives));
        }
    }

    /// `names`: of the archives.
    fn check(self, names: &[String]) -> Result<()> {
        let Some((first, of_first)) = self.found.first() else { return Ok(()) };
        let both = |archives: &[u32; 2]| {
            let [one, other] = archives.map(|n| names.get(n as usize).map_or("", String::as_str));
            format!("{one} and {other}")
        };
        // Most often two archives have all of them.
        let all_alike = self.found.iter().all(|(_, archives)| archives == of_first);
        let whose = if all_alike { both(of_first) } else { "several archives".to_owned() };
        let entries: Vec<String> = self
            .found
            .iter()
            .map(|(entry, archives)| match all_alike {
                true => entry.name.to_string(),
                false => format!("{} ({})", entry.name, both(archives)),
            })
            .collect();
        let more = match self.count - entries.len() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Err(Error::usage(format!(
            "{} in {whose}, and not the same: {}{more}",
            if self.count == 1 { "an entry is" } else { "entries are" },
            entries.join(", ")
        ))
        .in_entry(|| first.clone()))
    }
}
