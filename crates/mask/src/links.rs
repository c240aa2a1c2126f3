//! Columns that must be masked alike: those of foreign keys, and those of a table and its partitions.

use std::collections::{BTreeMap, VecDeque};

use crate::mask::Mask;
use crate::tables::Tables;

/// A column: the place of its table, and its place in that.
pub(crate) type Node = (usize, usize);

/// Why two columns are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// The first column references the second.
    References,
    /// The first column is referenced by the second.
    ReferencedBy,
    /// The table of one is a partition of that of the other.
    Partition,
}

/// Which columns are alike.
#[derive(Debug, Default)]
pub(crate) struct Links {
    of: BTreeMap<Node, Vec<(Node, Link)>>,
    /// The group of each column that is linked at all.
    groups: BTreeMap<Node, usize>,
    members: Vec<Vec<Node>>,
    /// Whether a foreign key is in the group.
    has_foreign_key: Vec<bool>,
}

/// A column that gets the mask of another.
#[derive(Debug)]
pub(crate) struct Spread {
    pub(crate) from: Node,
    pub(crate) to: Node,
    pub(crate) link: Link,
}

impl Links {
    /// Finds the links, and tells of foreign keys whose columns are not known.
    pub(crate) fn new(tables: &Tables<'_>, warnings: &mut Vec<String>) -> Links {
        let mut links = Links::default();
        let column = |table: usize, name: &[u8]| {
            let columns = &tables.all[table].columns;
            columns.iter().position(|column| column.name == name).map(|column| (table, column))
        };
        for (at, table) in tables.all.iter().enumerate() {
            for root in &table.partition_of {
                for (n, own) in table.columns.iter().enumerate() {
                    if let Some(other) = column(*root, &own.name) {
                        links.add((at, n), other, Link::Partition, Link::Partition);
                    }
                }
            }
            let Some(keys) = &table.keys else { continue };
            for key in &keys.foreign_keys {
                let Some(referenced) = tables.find(&key.referenced) else { continue };
                let primary = || {
                    let keys = tables.all[referenced].keys.as_ref()?;
                    keys.primary_key.as_ref().map(|key| &key.columns)
                };
                let targets = match key.referenced_columns.is_empty() {
                    true => primary(),
                    false => Some(&key.referenced_columns),
                };
                let Some(targets) = targets.filter(|t| t.len() == key.columns.len()) else {
                    warnings.push(format!(
                        "the columns of the foreign key {} of {} are not known, and not kept together",
                        tables.text(&key.name),
                        tables.shown(at)
                    ));
                    continue;
                };
                for (own, target) in key.columns.iter().zip(targets) {
                    if let (Some(own), Some(target)) = (column(at, own), column(referenced, target))
                    {
                        links.add(own, target, Link::References, Link::ReferencedBy);
                    }
                }
            }
        }
        links.group();
        links
    }

    fn add(&mut self, one: Node, other: Node, there: Link, back: Link) {
        if one != other {
            self.of.entry(one).or_default().push((other, there));
            self.of.entry(other).or_default().push((one, back));
        }
    }

    fn from(&self, node: Node) -> &[(Node, Link)] {
        self.of.get(&node).map(Vec::as_slice).unwrap_or_default()
    }

    /// Finds the groups of columns that are alike, however far.
    fn group(&mut self) {
        for start in self.of.keys() {
            if self.groups.contains_key(start) {
                continue;
            }
            let group = self.members.len();
            let (mut members, mut has_foreign_key) = (vec![*start], false);
            self.groups.insert(*start, group);
            let mut n = 0;
            while let Some(node) = members.get(n).copied() {
                for (other, link) in self.of.get(&node).into_iter().flatten() {
                    has_foreign_key |= *link != Link::Partition;
                    if self.groups.insert(*other, group).is_none() {
                        members.push(*other);
                    }
                }
                n += 1;
            }
            self.members.push(members);
            self.has_foreign_key.push(has_foreign_key);
        }
    }

    /// The group of a column, if others are like it.
    pub(crate) fn group_of(&self, node: Node) -> Option<usize> {
        self.groups.get(&node).copied()
    }

    /// The columns of a group.
    pub(crate) fn members(&self, group: usize) -> &[Node] {
        self.members.get(group).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a column is in a foreign key, its own or another table's.
    pub(crate) fn is_in_foreign_key(&self, node: Node) -> bool {
        self.group_of(node).is_some_and(|group| self.has_foreign_key.get(group) == Some(&true))
    }

    /// Gives the masks of columns to those that are alike. Gives back which columns got one so, and
    /// which have another of their own.
    pub(crate) fn spread(&self, masks: &mut BTreeMap<Node, Mask>) -> (Vec<Spread>, Vec<Spread>) {
        let (mut spread, mut conflicts) = (Vec::new(), Vec::new());
        let mut next: VecDeque<Node> =
            masks.iter().filter(|(_, mask)| **mask != Mask::Keep).map(|(node, _)| *node).collect();
        while let Some(from) = next.pop_front() {
            let Some(mask) = masks.get(&from).cloned() else { continue };
            for &(to, link) in self.from(from) {
                // What references nothing may be NULL.
                if mask == Mask::Null && link == Link::References {
                    continue;
                }
                match masks.get(&to) {
                    None => {
                        masks.insert(to, mask.clone());
                        spread.push(Spread { from, to, link });
                        next.push_back(to);
                    }
                    Some(other) if *other == mask => {}
                    Some(Mask::Null) if link == Link::ReferencedBy => {}
                    Some(_) => conflicts.push(Spread { from, to, link }),
                }
            }
        }
        (spread, conflicts)
    }
}
