//! What was found of the data of two archives.

use std::collections::BTreeMap;

use super::buckets::{Buckets, Parts};
use super::columns::Common;
use super::comparison::Comparison;
use super::content::Content;
use super::data::gone;
use super::objects::ChangeKind;
use super::plan::Plan;
use crate::error::{Error, Result};
use crate::toc::DumpId;

/// How the data of a table differs.
#[derive(Debug)]
#[non_exhaustive]
pub enum DataState {
    /// It does not: the same rows, each as often, in any order.
    Equal,
    /// Rows differ.
    Different,
    /// The second archive alone has it.
    Added,
    /// The first archive alone has it.
    Dropped,
    /// The data of one archive cannot be read.
    Failed(Error),
}

/// The data of a table in two archives. Texts are in UTF-8, unless an archive has bytes that are not
/// text.
///
/// See the example of [`Comparison::data`].
#[derive(Debug)]
#[non_exhaustive]
pub struct TableComparison {
    /// The schema of the table.
    pub namespace: Option<Vec<u8>>,
    /// The table.
    pub table: Vec<u8>,
    /// The kind of its entries: `TABLE DATA`, with few exceptions in very old archives.
    pub desc: Vec<u8>,
    /// The dump ids of its data in each of the two archives.
    pub ids: [Option<DumpId>; 2],
    /// How many rows each archive has. `None` if they were not read, as of a table that one archive
    /// alone has.
    pub rows: [Option<u64>; 2],
    /// How it differs.
    pub state: DataState,
    /// The columns that one archive alone has; they are not compared.
    pub columns_alone: [Vec<Vec<u8>>; 2],
    /// Whether it is a whole partitioned table, of which the archives have other partitions.
    pub is_root: bool,
    /// The columns that tell its rows apart. Empty if it has no key, so that the whole row has to.
    pub key: Vec<Vec<u8>>,
}

impl TableComparison {
    /// Whether the data is there in both archives and the same.
    pub fn is_equal(&self) -> bool {
        matches!(self.state, DataState::Equal)
    }
}

/// A large object whose data differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeObjectChange {
    /// Its OID.
    pub oid: u32,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its length in bytes in each archive that has it.
    pub lens: [Option<u64>; 2],
}

/// How the data of two archives differs.
///
/// See the example of [`Comparison::data`].
#[derive(Debug)]
#[non_exhaustive]
pub struct DataComparison {
    /// All tables with data, in the order of the first archive, equal ones too.
    pub tables: Vec<TableComparison>,
    /// The large objects whose data differs, by OID.
    pub large_objects: Vec<LargeObjectChange>,
    /// How many large objects were compared.
    pub large_objects_compared: u64,
}

/// What was read.
pub(super) enum Found {
    Table { side: usize, plan: usize, read: Result<Read> },
    Objects { side: usize, objects: Result<Vec<(u32, Content)>> },
}

pub(super) type Read = (Content, Option<Buckets>);

/// What is known of the data so far.
pub(super) struct Gathered {
    pub(super) tables: Vec<Slot>,
    pub(super) objects: [BTreeMap<u32, Content>; 2],
}

/// What is known of a table.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) contents: [Option<Result<Content>>; 2],
    /// Those of the archive that was read first.
    buckets: Option<Buckets>,
    /// The parts that differ, of a table that differs.
    pub(super) parts: Option<Parts>,
}

impl Slot {
    pub(super) fn add(&mut self, side: usize, read: Result<Read>) {
        let (content, buckets) = match read {
            Ok((content, buckets)) => (Ok(content), buckets),
            Err(error) => (Err(error), None),
        };
        self.contents[side] = Some(content);
        // They are large: two of them become one small thing.
        match (self.buckets.take(), buckets) {
            (Some(a), Some(b)) if self.differs() => self.parts = Some(a.differing(&b)),
            (None, Some(buckets)) => self.buckets = Some(buckets),
            _ => {}
        }
    }

    fn differs(&self) -> bool {
        matches!(&self.contents, [Some(Ok(a)), Some(Ok(b))] if a != b)
    }
}

impl Gathered {
    pub(super) fn add(&mut self, found: Found) -> Result<()> {
        match found {
            Found::Table { side, plan, read } => self.tables[plan].add(side, read),
            Found::Objects { side, objects } => self.objects[side].extend(objects?),
        }
        Ok(())
    }
}

impl Comparison {
    /// What was read, compared.
    pub(super) fn finish(&self, gathered: Gathered) -> DataComparison {
        let mut tables = Vec::with_capacity(self.plans.len());
        let mut roots = Roots::default();
        for (plan, mut slot) in self.plans.iter().zip(gathered.tables) {
            roots.add(plan, &slot.contents);
            tables.push(self.table(plan, &mut slot));
        }
        tables.extend(roots.compared());
        let (large_objects, large_objects_compared) = objects(gathered.objects);
        DataComparison { tables, large_objects, large_objects_compared }
    }

    /// What is known of a table. An error that is known goes along.
    pub(super) fn table(&self, plan: &Plan, slot: &mut Slot) -> TableComparison {
        let rows = [0, 1].map(|side| match &slot.contents[side] {
            Some(Ok(content)) => Some(content.rows),
            _ => None,
        });
        let state = match (plan.places, &mut slot.contents) {
            ([Some(_), None], _) => DataState::Dropped,
            ([None, _], _) => DataState::Added,
            (_, [Some(Ok(a)), Some(Ok(b))]) if a == b => DataState::Equal,
            (_, [Some(Ok(_)), Some(Ok(_))]) => DataState::Different,
            (_, contents) => {
                let error = contents.iter_mut().find_map(|c| c.take_if(|c| c.is_err())?.err());
                // An entry that has data, and an archive that does not.
                DataState::Failed(error.unwrap_or_else(gone))
            }
        };
        let names = plan.key_columns.iter().filter_map(|place| plan.common.columns.get(*place));
        TableComparison {
            namespace: plan.key.namespace.clone(),
            table: plan.key.tag.clone(),
            desc: plan.key.desc.clone(),
            ids: plan.places.map(|place| place.map(|place| place.id)),
            rows,
            state,
            columns_alone: plan.common.alone.clone(),
            is_root: false,
            key: names.map(|column| column.name.clone()).collect(),
        }
    }
}

/// Compares the data of large objects.
fn objects([a, b]: [BTreeMap<u32, Content>; 2]) -> (Vec<LargeObjectChange>, u64) {
    let mut changes = Vec::new();
    let mut compared = a.len() as u64;
    for (oid, content) in &a {
        let other = b.get(oid);
        let kind = match other {
            None => ChangeKind::Dropped,
            Some(other) if other == content => continue,
            Some(_) => ChangeKind::Changed,
        };
        let lens = [Some(content.rows), other.map(|other| other.rows)];
        changes.push(LargeObjectChange { oid: *oid, kind, lens });
    }
    for (oid, content) in b.iter().filter(|(oid, _)| !a.contains_key(oid)) {
        compared += 1;
        let lens = [None, Some(content.rows)];
        changes.push(LargeObjectChange { oid: *oid, kind: ChangeKind::Added, lens });
    }
    changes.sort_by_key(|change| change.oid);
    (changes, compared)
}

/// Partitioned tables as a whole: the same rows may lie in other partitions.
#[derive(Default)]
struct Roots<'p> {
    all: BTreeMap<&'p (Option<Vec<u8>>, Vec<u8>), Root<'p>>,
}

#[derive(Default)]
struct Root<'p> {
    contents: [Content; 2],
    /// Whether one archive has a partition that the other one does not have.
    divided_otherwise: bool,
    /// Whether all parts could be read, and in the same columns.
    is_known: Option<bool>,
    columns: Option<&'p Common>,
}

impl<'p> Roots<'p> {
    fn add(&mut self, plan: &'p Plan, contents: &[Option<Result<Content>>; 2]) {
        let Some(name) = &plan.root else { return };
        let root = self.all.entry(name).or_default();
        let columns = *root.columns.get_or_insert(&plan.common);
        let mut known = root.is_known.unwrap_or(true) && *columns == plan.common;
        for ((place, content), whole) in plan.places.iter().zip(contents).zip(&mut root.contents) {
            match (place, content) {
                (None, _) => root.divided_otherwise = true,
                (Some(_), Some(Ok(content))) => whole.merge(*content),
                (Some(_), _) => known = false,
            }
        }
        root.is_known = Some(known);
    }

    /// Those that the archives divide otherwise.
    fn compared(self) -> impl Iterator<Item = TableComparison> {
        let all = self.all.into_iter();
        let known = all.filter(|(_, root)| root.divided_otherwise && root.is_known == Some(true));
        known.map(|((namespace, table), root)| {
            let [a, b] = root.contents;
            TableComparison {
                namespace: namespace.clone(),
                table: table.clone(),
                desc: b"TABLE".to_vec(),
                ids: [None, None],
                rows: [Some(a.rows), Some(b.rows)],
                state: if a == b { DataState::Equal } else { DataState::Different },
                columns_alone: Default::default(),
                is_root: true,
                key: Vec::new(),
            }
        })
    }
}
