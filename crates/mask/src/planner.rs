//! Finds out what is masked how, and what speaks against it.

use std::collections::{BTreeMap, BTreeSet};

use pgdmp::text::Encoding;
use pgdmp::types::{Column, DataType, KeyKind};

use crate::fit;
use crate::links::{Link, Links, Node};
use crate::mask::Mask;
use crate::masker::{Ranges, Way, range_of};
use crate::plan::{ColumnPlan, MaskedColumn, Plan, PlanOptions, Refusal, TablePlan};
use crate::rules::{Condition, Drop, Rules};
use crate::tables::Tables;

/// Plans one masking.
pub(crate) struct Planner<'p, 't> {
    tables: &'p Tables<'t>,
    rules: &'p Rules,
    options: &'p PlanOptions,
    plan: Plan,
    /// The ranges of the integer types in each group of columns that are masked alike.
    ranges: BTreeMap<usize, Ranges>,
}

/// The ranges of the integer types of columns, the smallest first.
fn ranges_of(tables: &Tables<'_>, nodes: &[Node]) -> Ranges {
    let types = nodes.iter().map(|(table, n)| &tables.all[*table].columns[*n].data_type);
    let ranges = types.filter_map(|own| range_of(own.element().unwrap_or(own)));
    let ranges: BTreeSet<(i128, i128)> = ranges.collect();
    let mut ranges: Ranges = ranges.into_iter().collect();
    ranges.sort_by_key(|(low, high)| high - low);
    ranges
}

impl<'p, 't> Planner<'p, 't> {
    /// Begins with an empty plan.
    pub(crate) fn new(
        tables: &'p Tables<'t>,
        rules: &'p Rules,
        options: &'p PlanOptions,
        plan: Plan,
    ) -> Self {
        Planner { tables, rules, options, plan, ranges: BTreeMap::new() }
    }

    /// Makes the plan.
    pub(crate) fn run(mut self) -> Plan {
        let mut masks = self.masks();
        let links = Links::new(self.tables, &mut self.plan.warnings);
        let explicit: BTreeSet<Node> = masks.keys().copied().collect();
        let (spread, conflicts) = links.spread(&mut masks);
        let mut because: BTreeMap<Node, String> = BTreeMap::new();
        for spread in spread {
            because.insert(spread.to, self.node(spread.from));
            if !self.options.cascade && spread.link != Link::Partition {
                let why = format!(
                    "masked alike because of the foreign key with {}, which --no-cascade forbids",
                    self.node(spread.from)
                );
                self.refuse(spread.to, why, false);
            }
        }
        // Most are found from both sides.
        let mut told = BTreeSet::new();
        for conflict in conflicts {
            let masks = [masks.get(&conflict.from), masks.get(&conflict.to)];
            let (from, to) = (conflict.from, conflict.to);
            if let [Some(one), Some(other)] = masks
                && told.insert((from.min(to), from.max(to)))
            {
                let why = format!(
                    "its mask is {other}, but {} has {one}, and a foreign key or a partition joins \
                     them",
                    self.node(conflict.from)
                );
                self.refuse(conflict.to, why, true);
            }
        }
        masks.retain(|_, mask| *mask != Mask::Keep);
        let drops = self.drops();
        self.check_drops(&drops, &masks);
        for (at, table) in self.tables.all.iter().enumerate() {
            let of_table: Vec<(Node, &Mask)> =
                masks.range((at, 0)..(at + 1, 0)).map(|(node, mask)| (*node, mask)).collect();
            for (id, name) in table.data.iter().flat_map(|(entry, _)| {
                let id = entry.dump_id();
                let ruled = explicit.range((at, 0)..(at + 1, 0));
                ruled.map(move |node| (id, table.columns[node.1].name.clone()))
            }) {
                self.plan.ruled.insert((id, name));
            }
            let mut columns = Vec::new();
            for (node, mask) in &of_table {
                let column = &table.columns[node.1];
                columns.extend(self.column(*node, column, mask, &links));
            }
            let drop = drops.get(&at);
            let by_name = !self.rules.columns.is_empty() && drop != Some(&Drop::All);
            if table.is_nameless
                && (by_name || !of_table.is_empty() || matches!(drop, Some(Drop::Any(_))))
            {
                self.refuse_table(at, "nothing says which columns its rows have", true);
            }
            if of_table.is_empty() && drop.is_none() {
                continue;
            }
            if let Some(why) = &table.untyped
                && !of_table.is_empty()
            {
                // Without its definition nothing is known of keys either.
                let what = match table.keys {
                    Some(_) => "types",
                    None => "types, keys and foreign keys",
                };
                self.doubt(at, None, format!("{what} are not known: {why}"));
            }
            for (entry, own) in &table.data {
                let (names, shown) =
                    (own.iter().map(|c| c.name.clone()).collect(), self.tables.shown(at));
                for (node, mask) in &of_table {
                    let column = self.tables.text(&table.columns[node.1].name);
                    let because_of = because.get(node).cloned();
                    let (table, mask) = (shown.clone(), (*mask).clone());
                    self.plan.columns.push(MaskedColumn { table, column, mask, because_of });
                    self.plan.ruled.insert((
                        entry.dump_id(),
                        self.tables.all[at].columns[node.1].name.clone(),
                    ));
                }
                self.plan.tables.push(TablePlan {
                    id: entry.dump_id(),
                    shown,
                    columns: columns.clone(),
                    drop: drop.cloned(),
                    names,
                });
            }
        }
        self.plan
    }

    fn node(&self, (table, column): Node) -> String {
        let name = self.tables.text(&self.tables.all[table].columns[column].name);
        format!("{}.{name}", self.tables.shown(table))
    }

    fn refuse(&mut self, (table, column): Node, why: impl Into<String>, can_be_forced: bool) {
        let name = self.tables.text(&self.tables.all[table].columns[column].name);
        self.plan.refusals.push(Refusal {
            table: self.tables.shown(table),
            column: Some(name),
            why: why.into(),
            can_be_forced,
        });
    }

    fn refuse_table(&mut self, table: usize, why: impl Into<String>, can_be_forced: bool) {
        let table = self.tables.shown(table);
        self.plan.refusals.push(Refusal { table, column: None, why: why.into(), can_be_forced });
    }

    /// Something that cannot be proved.
    fn doubt(&mut self, table: usize, column: Option<usize>, why: String) {
        let of = match column {
            Some(column) => self.node((table, column)),
            None => self.tables.shown(table),
        };
        match (self.options.strict, column) {
            (true, Some(column)) => self.refuse((table, column), why, true),
            (true, None) => self.refuse_table(table, why, true),
            _ => self.plan.warnings.push(format!("{of}: {why}")),
        }
    }

    /// The tables that a rule means: exactly one, or there is a refusal.
    fn table_of(&mut self, rule: &str) -> Option<usize> {
        let why = match self.tables.named(rule)[..] {
            [at] => return Some(at),
            [] => "the archive has no such table",
            _ => "several tables have this name: write schema and table",
        };
        let table = pgdmp::text::Printable::new(rule.as_bytes(), Encoding::UTF8).to_string();
        let why = why.to_owned();
        self.plan.refusals.push(Refusal { table, column: None, why, can_be_forced: false });
        None
    }

    /// The masks that the rules give to columns: their own, those of tables that they are a part of,
    /// those of all columns of a name.
    fn masks(&mut self) -> BTreeMap<Node, Mask> {
        let mut masks = BTreeMap::new();
        let mut by_table: BTreeMap<usize, &BTreeMap<String, Mask>> = BTreeMap::new();
        let rules = self.rules;
        for (rule, columns) in &rules.tables {
            let Some(at) = self.table_of(rule) else { continue };
            if by_table.insert(at, columns).is_some() {
                self.refuse_table(at, "two sections of the rules are about it", false);
            }
            for name in columns.keys() {
                let has = |column: &Column| self.tables.decoded(&column.name) == name.as_bytes();
                if !self.tables.all[at].columns.iter().any(has) {
                    let column = pgdmp::text::Printable::new(name.as_bytes(), Encoding::UTF8);
                    let (table, column) = (self.tables.shown(at), Some(column.to_string()));
                    let why = "the table has no such column".to_owned();
                    let refusal = Refusal { table, column, why, can_be_forced: false };
                    self.plan.refusals.push(refusal);
                }
            }
        }
        for (at, table) in self.tables.all.iter().enumerate() {
            let of = [at].into_iter().chain(table.partition_of.iter().copied());
            let of: Vec<usize> = of.chain(table.inherits.iter().copied()).collect();
            for (n, column) in table.columns.iter().enumerate() {
                let name = self.tables.decoded(&column.name);
                let Ok(name) = std::str::from_utf8(&name) else { continue };
                let own = of.iter().find_map(|at| by_table.get(at)?.get(name));
                let by_name = || rules.columns.get(name).filter(|_| column.generated.is_none());
                if let Some(mask) = own.or_else(by_name) {
                    masks.insert((at, n), mask.clone());
                }
            }
        }
        for name in rules.columns.keys() {
            let has = |column: &Column| self.tables.decoded(&column.name) == name.as_bytes();
            if !self.tables.all.iter().any(|table| table.columns.iter().any(has)) {
                let name = pgdmp::text::Printable::new(name.as_bytes(), Encoding::UTF8);
                self.plan.warnings.push(format!("no table has a column {name}"));
            }
        }
        masks
    }

    /// How a column is masked, if that is possible.
    fn column(
        &mut self,
        node: Node,
        column: &Column,
        mask: &Mask,
        links: &Links,
    ) -> Option<ColumnPlan> {
        let table = &self.tables.all[node.0];
        if column.generated.is_some() {
            self.refuse(node, "a generated column is not in the data", false);
            return None;
        }
        let group = links.group_of(node);
        let known = group.and_then(|group| self.ranges.get(&group)).cloned();
        let ranges = known.unwrap_or_else(|| {
            let alike = group.map_or(std::slice::from_ref(&node), |group| links.members(group));
            ranges_of(self.tables, alike)
        });
        if let Some(group) = group {
            self.ranges.entry(group).or_insert_with(|| ranges.clone());
        }
        let fitted = match fit::way(mask, column, || ranges.clone(), self.tables.encoding) {
            Ok(fitted) => fitted,
            Err(why) => {
                self.refuse(node, why, false);
                return None;
            }
        };
        if fitted.is_guess && table.untyped.is_none() {
            let spelling = self.tables.text(&column.spelling);
            self.doubt(
                node.0,
                Some(node.1),
                format!("whether {spelling} takes the result is not known"),
            );
        }
        if let Some(first) = group.and_then(|group| links.members(group).first())
            && links.is_in_foreign_key(node)
            && !matches!(mask, Mask::Null | Mask::Fixed(_))
        {
            self.check_alike(node, *first, mask, &fitted.way, &ranges);
        }
        self.check_keys(node, column, mask);
        if let Some(domain) = &column.domain {
            let domain = self.tables.shown_name(domain);
            self.doubt(
                node.0,
                Some(node.1),
                format!("the domain {domain} may have constraints that the result breaks"),
            );
        }
        if let Mask::Date { by: Some(by), .. } = mask {
            let has = |column: &Column| {
                column.generated.is_none() && self.tables.decoded(&column.name) == by.as_bytes()
            };
            if !table.columns.iter().any(has) {
                self.refuse(node, format!("the table has no column {by:?} for by="), false);
                return None;
            }
            if links.is_in_foreign_key(node) {
                self.refuse(node, "by= does not keep a foreign key together", false);
            }
        }
        Some(ColumnPlan {
            name: column.name.clone(),
            shown: self.tables.text(&column.name),
            mask: mask.clone(),
            way: fitted.way,
            array: fitted.array,
            max_length: column.max_length.and_then(|most| usize::try_from(most).ok()),
        })
    }

    /// Columns of a foreign key whose types have other texts for values that are equal.
    fn check_alike(&mut self, node: Node, first: Node, mask: &Mask, way: &Way, ranges: &Ranges) {
        let tables = self.tables;
        let column = |(table, n): Node| &tables.all[table].columns[n];
        let (own, other) = (column(node), column(first));
        let Ok(fitted) = fit::way(mask, other, || ranges.clone(), tables.encoding) else { return };
        if !fit::are_alike((way, &own.data_type), (&fitted.way, &other.data_type)) {
            let why = format!(
                "it is {}, and {}, which a foreign key joins with it, is {}: {mask} makes different \
                 values of equal ones",
                tables.text(&own.spelling),
                self.node(first),
                tables.text(&other.spelling)
            );
            self.refuse(node, why, true);
        } else if *way == Way::Numeric && own.data_type == DataType::Numeric(None) {
            let why = format!(
                "a foreign key has the column, and {mask} makes different numbers of 1 and 1.0"
            );
            self.doubt(node.0, Some(node.1), why);
        }
    }

    /// Constraints that a mask may break.
    fn check_keys(&mut self, node: Node, column: &Column, mask: &Mask) {
        let tables = self.tables;
        let table = &tables.all[node.0];
        let own = table.keys.as_ref();
        let above = table.partition_of.iter().filter_map(|at| tables.all[*at].keys.as_ref());
        let all: Vec<_> = own.into_iter().chain(above).collect();
        let name = &column.name;
        let is_primary = |keys: &&pgdmp::types::Keys| {
            keys.primary_key.as_ref().is_some_and(|key| key.columns.contains(name))
        };
        if *mask == Mask::Null && (column.not_null || all.iter().any(is_primary)) {
            self.refuse(node, "it is NOT NULL", false);
            return;
        }
        let keys = all.iter().flat_map(|keys| keys.primary_key.iter().chain(&keys.unique));
        let keys = keys.filter(|key| key.columns.contains(name) || key.mentioned.contains(name));
        let mut exclude = false;
        let mut broken: Option<String> = None;
        for key in keys {
            match key.kind {
                KeyKind::Exclude => exclude = true,
                // NULLs are not equal.
                _ if *mask == Mask::Null && !key.nulls_not_distinct => {}
                _ if !mask.is_injective() => broken = Some(tables.text(&key.name)),
                _ => {}
            }
        }
        if let Some(key) = broken {
            let why =
                format!("{mask} makes different values equal, and {key} must have different ones");
            self.refuse(node, why, true);
        }
        if exclude {
            let why = "an EXCLUDE constraint has the column, and the result may break it";
            self.doubt(node.0, Some(node.1), why.to_owned());
        }
        let partitioned = |keys: &&pgdmp::types::Keys| {
            keys.partition_by.as_ref().is_some_and(|key| key.columns.contains(name))
        };
        if !table.data.is_empty()
            && table
                .partition_of
                .iter()
                .filter_map(|at| tables.all[*at].keys.as_ref())
                .any(|k| partitioned(&k))
        {
            match table.via_root {
                true => self.doubt(
                    node.0,
                    Some(node.1),
                    "it is in the partition key: rows go into other partitions".to_owned(),
                ),
                false => self.refuse(
                    node,
                    "it is in the partition key: the rows would belong into other partitions",
                    true,
                ),
            }
        }
        let checked = all.iter().flat_map(|keys| &keys.checks);
        let checked: BTreeSet<String> = checked
            .filter(|check| check.columns.contains(name))
            .map(|check| {
                check.name.as_deref().map_or("without a name".to_owned(), |n| tables.text(n))
            })
            .collect();
        for check in checked {
            let why =
                format!("the CHECK constraint {check} has the column, and the result may break it");
            self.doubt(node.0, Some(node.1), why);
        }
        let counts =
            all.iter().flat_map(|keys| &keys.identity).any(|identity| identity.column == *name)
                || column.default.as_deref().is_some_and(|default| contains(default, b"nextval("));
        if counts && matches!(mask, Mask::Int(_) | Mask::Digits) {
            let node = self.node(node);
            self.plan.warnings.push(format!(
                "{node}: its sequence stays where it is, so new rows may get a number that is there"
            ));
        }
        if matches!(mask, Mask::Email { .. })
            && all
                .iter()
                .flat_map(|keys| keys.primary_key.iter().chain(&keys.unique))
                .any(|key| key.columns.contains(name))
        {
            let node = self.node(node);
            self.plan.warnings.push(format!(
                "{node}: addresses that differ in upper and lower case alone become equal, and the \
                 column must have different ones"
            ));
        }
    }

    /// The rows that are dropped, by table: its own rule, or one of a table that it is a part of.
    fn drops(&mut self) -> BTreeMap<usize, Drop> {
        let mut by_table: BTreeMap<usize, &Drop> = BTreeMap::new();
        let rules = self.rules;
        for (rule, drop) in &rules.drop {
            let Some(at) = self.table_of(rule) else { continue };
            by_table.insert(at, drop);
            let Drop::Any(conditions) = drop else { continue };
            for Condition { column, .. } in conditions {
                let has = |own: &Column| {
                    own.generated.is_none() && self.tables.decoded(&own.name) == column.as_bytes()
                };
                if !self.tables.all[at].columns.iter().any(has) {
                    let why = format!("the data has no column {column:?}, which a condition has");
                    self.refuse_table(at, why, false);
                }
            }
        }
        let mut drops = BTreeMap::new();
        for (at, table) in self.tables.all.iter().enumerate() {
            let of = [at].into_iter().chain(table.partition_of.iter().copied());
            let of = of.chain(table.inherits.iter().copied());
            let found = of.into_iter().find_map(|at| by_table.get(&at));
            if let Some(drop) = found {
                drops.insert(at, (*drop).clone());
            }
        }
        drops
    }

    /// Rows that are dropped may be referenced.
    fn check_drops(&mut self, drops: &BTreeMap<usize, Drop>, masks: &BTreeMap<Node, Mask>) {
        let tables = self.tables;
        for (at, drop) in drops {
            let table = &tables.all[*at];
            let above = table.partition_of.iter().filter_map(|at| tables.all[*at].keys.as_ref());
            let keys: Vec<_> = table.keys.iter().chain(above).collect();
            for key in keys.iter().flat_map(|keys| &keys.referenced_by) {
                let Some(from) = tables.find(&key.table) else { continue };
                let is_null = |name: &Vec<u8>| {
                    let place =
                        tables.all[from].columns.iter().position(|column| column.name == *name);
                    place.is_some_and(|place| masks.get(&(from, place)) == Some(&Mask::Null))
                };
                let same_rows = from == *at && *drop == Drop::All;
                if same_rows
                    || drops.get(&from) == Some(&Drop::All)
                    || key.columns.iter().any(is_null)
                {
                    continue;
                }
                let why = format!(
                    "rows are dropped that {} may reference: the foreign key {}",
                    tables.shown(from),
                    tables.text(&key.name)
                );
                match drop {
                    Drop::All => self.refuse_table(*at, why, true),
                    Drop::Any(_) => {
                        let table = tables.shown(*at);
                        self.plan.warnings.push(format!("{table}: {why}"));
                    }
                }
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
