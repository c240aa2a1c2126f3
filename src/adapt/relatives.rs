//! Entries that an older server refuses because of what another entry says: constraints of partitioned
//! tables, comments on constraints that are gone, generated columns of tables that inherit, and values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::rc::Rc;

use super::draft::Draft;
use super::features::spelling::{at, close, elements, not_null_column};
use super::finding;
use super::release::TargetVersion;
use crate::finding::Finding;
use crate::select::{Rule, Selected};
use crate::sql::{Edits, Token, replaced, tokens};
use crate::toc::{Desc, Toc, TocEntry};
use crate::types::{DataType, Definitions};

/// How many tables are looked at for a column that a table inherits.
const ANCESTORS: usize = 100;

/// How many dependencies of an entry are looked at for tables: more than any real one has.
const DEPENDENCIES: usize = 10_000;

/// Tables of a table of contents, as older releases look at them.
pub(super) struct Relatives<'t> {
    target: TargetVersion,
    toc: &'t Toc,
    std_strings: bool,
    /// What definitions of tables and domains say, by place in the table of contents: each is taken apart
    /// once, whoever asks.
    known: HashMap<usize, Rc<Relation>>,
}

/// What the definition of a table or domain says.
#[derive(Debug, Default)]
struct Relation {
    inherits: bool,
    is_partitioned: bool,
    /// Generated columns, and what they are generated from.
    generated: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The names of constraints that servers before 18 take, too.
    constraints: HashSet<Vec<u8>>,
}

impl Relation {
    fn of(entry: TocEntry<'_>, std_strings: bool) -> Relation {
        let defn = entry.defn().unwrap_or_default();
        let words = tokens(defn, std_strings);
        if entry.desc() == *"DOMAIN" {
            return Relation { constraints: named(&words).collect(), ..Relation::default() };
        }
        let expressions = generated(&words).filter_map(|(element, open, close)| {
            Some((words[element].name()?, defn[words[open].end()..words[close].start].to_vec()))
        });
        let stays = |element: &[Token<'_>]| {
            not_null_column(element).is_none() && at(element, &["NOT", "ENFORCED"]).is_none()
        };
        let constraints =
            elements(&words).into_iter().filter(|element| stays(&words[element.clone()]));
        Relation {
            inherits: words.iter().any(|token| token.depth == 0 && token.is("INHERITS")),
            is_partitioned: entry.relkind() == i32::from(b'p')
                || words
                    .windows(2)
                    .any(|w| w[0].depth == 0 && w[0].is("PARTITION") && w[1].is("BY")),
            generated: expressions.collect(),
            constraints: constraints.flat_map(|element| named(&words[element])).collect(),
        }
    }
}

impl<'t> Relatives<'t> {
    pub(super) fn new(target: TargetVersion, toc: &'t Toc) -> Self {
        let std_strings = toc.std_strings().unwrap_or(true);
        Relatives { target, toc, std_strings, known: HashMap::new() }
    }

    pub(super) fn target(&self) -> TargetVersion {
        self.target
    }

    /// What the server refuses, and why. `written`: the release whose words the archive may have.
    pub(super) fn refused(
        &mut self,
        selected: &Selected<'t>,
        written: Option<TargetVersion>,
    ) -> Vec<(TocEntry<'t>, Rule, String)> {
        let target = self.target;
        let lacks = |major| !target.has(major, 0) && written.is_none_or(|by| by.has(major, 0));
        let (lacks_16, lacks_17, lacks_18) = (lacks(16), lacks(17), lacks(18));
        let mut refused = Vec::new();
        let mut detached = HashSet::new();
        for entry in selected.entries() {
            let why = match entry.desc() {
                Desc::CONSTRAINT if lacks_17 => self.excludes_in_partitions(entry),
                Desc::COMMENT if lacks_18 => self.comments_on_nothing(entry),
                Desc::TABLE if lacks_16 && target.has(12, 0) => self.conflict(entry),
                Desc::TABLE_ATTACH if lacks_16 && target.has(12, 0) => {
                    let why = self.differs_from_parent(entry);
                    detached.extend(why.is_some().then(|| name_of(entry)));
                    why
                }
                _ => None,
            };
            refused.extend(why.map(|why| (entry, Rule::Target, why.to_owned())));
        }
        if !detached.is_empty() {
            let of_detached = selected.entries().filter(|entry| {
                entry.desc() == *"INDEX ATTACH"
                    && self.needed(*entry).any(|index| {
                        name_of(index) == name_of(*entry)
                            && self.tables(index).any(|table| detached.contains(&name_of(table)))
                    })
            });
            let why = "its table is no partition there";
            refused.extend(of_detached.map(|entry| (entry, Rule::Target, why.to_owned())));
        }
        refused
    }

    fn needed(&self, entry: TocEntry<'t>) -> impl Iterator<Item = TocEntry<'t>> + use<'t> {
        let toc = self.toc;
        entry.dependencies().iter().take(DEPENDENCIES).filter_map(move |id| toc.entry(*id))
    }

    fn tables(&self, entry: TocEntry<'t>) -> impl Iterator<Item = TocEntry<'t>> + use<'t> {
        self.needed(entry).filter(|e| matches!(e.desc(), Desc::TABLE | Desc::FOREIGN_TABLE))
    }

    fn relation(&mut self, entry: TocEntry<'t>) -> Rc<Relation> {
        let std_strings = self.std_strings;
        let known = self.known.entry(entry.index());
        Rc::clone(known.or_insert_with(|| Rc::new(Relation::of(entry, std_strings))))
    }

    fn words(&self, entry: TocEntry<'t>) -> Vec<Token<'t>> {
        tokens(entry.defn().unwrap_or_default(), self.std_strings)
    }

    fn excludes_in_partitions(&mut self, entry: TocEntry<'t>) -> Option<&'static str> {
        at(&self.words(entry), &["EXCLUDE", "USING"])?;
        self.tables(entry).find(|table| self.relation(*table).is_partitioned)?;
        Some(
            "exclusion constraints of partitioned tables are not there before PostgreSQL 17 (those of \
             the partitions stay)",
        )
    }

    /// Whether a comment is on a constraint that has no name before PostgreSQL 18, or is left out: an
    /// entry of its own, such as a key, or in the definition of a table or domain.
    fn comments_on_nothing(&mut self, entry: TocEntry<'t>) -> Option<&'static str> {
        let words = self.words(entry);
        if at(&words, &["COMMENT", "ON", "CONSTRAINT"]) != Some(0) {
            return None;
        }
        let name = words.get(3)?.name()?;
        let mut owners = self.needed(entry).peekable();
        owners.peek()?;
        let stays = owners.any(|owner| match owner.desc() {
            desc if [Desc::TABLE, Desc::FOREIGN_TABLE].contains(&desc) || desc == *"DOMAIN" => {
                self.relation(owner).constraints.contains(&name)
            }
            // A constraint of its own.
            _ => true,
        });
        (!stays).then_some("constraints NOT NULL have no names before PostgreSQL 18")
    }

    /// What a column of a table is generated from, by its own definition or by that of a parent.
    fn expression(&mut self, table: TocEntry<'t>, column: &[u8]) -> Option<Vec<u8>> {
        let mut seen = HashSet::from([table.index()]);
        let mut next = VecDeque::from([table]);
        while let Some(table) = next.pop_front() {
            let relation = self.relation(table);
            if let Some(own) = relation.generated.get(column) {
                return Some(own.clone());
            }
            if relation.inherits {
                let parents = self.tables(table).take(ANCESTORS.saturating_sub(seen.len()));
                next.extend(parents.filter(|parent| seen.insert(parent.index())));
            }
        }
        None
    }

    /// What the parents of a table generate a column from.
    fn inherited(&mut self, table: TocEntry<'t>, column: &[u8]) -> BTreeSet<Vec<u8>> {
        let parents: Vec<_> = self
            .tables(table)
            .filter(|parent| parent.index() != table.index())
            .take(ANCESTORS)
            .collect();
        parents.into_iter().filter_map(|parent| self.expression(parent, column)).collect()
    }

    /// A table whose parents generate a column from different expressions has one of its own.
    fn conflict(&mut self, table: TocEntry<'t>) -> Option<&'static str> {
        if !may_generate(table) {
            return None;
        }
        let relation = self.relation(table);
        let conflicts = relation.inherits
            && relation.generated.keys().any(|column| self.inherited(table, column).len() > 1);
        conflicts.then_some(
            "generated columns whose parents differ cannot be inherited before PostgreSQL 16",
        )
    }

    /// Whether a partition generates columns from other expressions than its parent.
    fn differs_from_parent(&mut self, attach: TocEntry<'t>) -> Option<&'static str> {
        let tables: Vec<_> = self.tables(attach).take(ANCESTORS).collect();
        let (partitions, parents): (Vec<_>, Vec<_>) =
            tables.into_iter().partition(|table| name_of(*table) == name_of(attach));
        let ([partition], [parent]) = (&partitions[..], &parents[..]) else { return None };
        if !may_generate(*partition) && !may_generate(*parent) {
            return None;
        }
        let (partition, parent) = (self.relation(*partition), self.relation(*parent));
        (partition.generated != parent.generated).then_some(
            "partitions that generate columns otherwise than their table are not there before \
             PostgreSQL 16; it is a table of its own",
        )
    }

    /// Takes away what a column that a table inherits is generated from, if its parent says it.
    pub(super) fn change(&mut self, draft: &mut Draft<'_>, findings: &mut Vec<Finding>) {
        let Some(table) = self.toc.get(draft.entry.index()) else { return };
        if self.target.has(16, 0)
            || !self.target.has(12, 0)
            || table.desc() != Desc::TABLE
            || !may_generate(table)
        {
            return;
        }
        let relation = self.relation(table);
        let (mut inherited, mut lost) = (HashSet::new(), false);
        for (column, expression) in relation.generated.iter().filter(|_| relation.inherits) {
            let expressions = self.inherited(table, column);
            lost |= expressions.iter().any(|other| other != expression);
            if !expressions.is_empty() {
                inherited.insert(column.clone());
            }
        }
        if inherited.is_empty() {
            return;
        }
        let defn = draft.defn.as_deref().unwrap_or_default();
        let words = tokens(defn, self.std_strings);
        let mut edits = Edits::new();
        for (element, _, close) in generated(&words) {
            if words[element].name().is_none_or(|name| !inherited.contains(&name)) {
                continue;
            }
            let Some(start) = at(&words[element..], &["GENERATED", "ALWAYS", "AS"]) else {
                continue;
            };
            let start = element + start;
            let stored = words.get(close + 1).is_some_and(|t| t.is("STORED") || t.is("VIRTUAL"));
            let end = if stored { close + 1 } else { close };
            edits.push((words[start - 1].end()..words[end].end(), Vec::new()));
        }
        if edits.is_empty() {
            return;
        }
        draft.defn = Some(replaced(defn, edits).into());
        if lost {
            let what = "generated columns of a table and its parent are the same before PostgreSQL \
                        16: it has its parent's";
            findings.push(finding(draft.entry, what));
        }
    }

    /// What may be in rows that older releases do not take.
    pub(super) fn values(
        &self,
        selected: &Selected<'t>,
        written: Option<TargetVersion>,
        findings: &mut Vec<Finding>,
        notes: &mut Vec<String>,
    ) {
        let lacks = |major| !self.target.has(major, 0) && written.is_none_or(|by| by.has(major, 0));
        if !lacks(17) && !lacks(14) {
            return;
        }
        let definitions = Definitions::new(self.toc);
        let mut numeric = 0_usize;
        for (entry, decision) in selected.all() {
            if !decision.wanted.data || entry.desc() != Desc::TABLE_DATA {
                continue;
            }
            let Ok(columns) = definitions.columns(entry) else { continue };
            let with = |fits: fn(&DataType) -> bool| {
                columns.columns.iter().filter(move |column| contains(&column.data_type, fits))
            };
            if lacks(17) {
                let names: Vec<_> = with(|kind| matches!(kind, DataType::Interval))
                    .map(|column| self.toc.printable(&column.name).to_string())
                    .collect();
                if !names.is_empty() {
                    let names = names.join(", ");
                    let what = format!(
                        "the interval infinity is not there before PostgreSQL 17: if column {names} \
                         has it, the server refuses the rows"
                    );
                    findings.push(finding(entry, what));
                }
            }
            if lacks(14) && with(|kind| matches!(kind, DataType::Numeric(None))).next().is_some() {
                numeric += 1;
            }
        }
        if numeric > 0 {
            let tables =
                if numeric == 1 { "a table".to_owned() } else { format!("{numeric} tables") };
            notes.push(format!(
                "infinity in columns of type numeric is not there before PostgreSQL 14: the server \
                 refuses rows that have it, of {tables} that may"
            ));
        }
    }
}

/// Whether a type is of a kind, or made of it. Its depth is limited: [`DataType::MAX_DEPTH`].
fn contains(data_type: &DataType, fits: fn(&DataType) -> bool) -> bool {
    fits(data_type)
        || match data_type {
            DataType::Array(array) => contains(&array.element, fits),
            DataType::Composite(composite) => {
                composite.fields.iter().any(|field| contains(&field.data_type, fits))
            }
            DataType::Range(of) | DataType::Multirange(of) => contains(of, fits),
            _ => false,
        }
}

fn name_of<'a>(entry: TocEntry<'a>) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    (entry.namespace(), entry.tag())
}

/// A quick look, before the definition is taken apart.
fn may_generate(table: TocEntry<'_>) -> bool {
    let defn = table.defn().unwrap_or_default();
    defn.windows(b"GENERATED".len()).any(|window| window == b"GENERATED")
}

/// The columns of a definition that are `GENERATED ALWAYS AS (expression)`: the places of their names
/// and of the two parentheses.
fn generated<'w>(words: &'w [Token<'_>]) -> impl Iterator<Item = (usize, usize, usize)> + use<'w> {
    elements(words).into_iter().filter_map(|element| {
        let start = element.start;
        let found = at(&words[element], &["GENERATED", "ALWAYS", "AS", "("])?;
        let open = start + found + 3;
        Some((start, open, close(words, open)?))
    })
}

/// The names of constraints but of NOT NULL.
fn named<'w>(words: &'w [Token<'_>]) -> impl Iterator<Item = Vec<u8>> + use<'w> {
    words.windows(4).filter_map(|window| {
        let is_not_null = window[2].is("NOT") && window[3].is("NULL");
        if window[0].is("CONSTRAINT") && !is_not_null { window[1].name() } else { None }
    })
}
