//! What is masked how in one archive, and what speaks against it.

use std::collections::BTreeSet;
use std::sync::Arc;

use pgdmp::text::Encoding;
use pgdmp::{Desc, DumpId, Toc};

use crate::mask::Mask;
use crate::masker::Way;
use crate::planner::Planner;
use crate::rules::{Drop, Rules};
use crate::tables::Tables;

/// How a [`Plan`] is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[must_use]
pub struct PlanOptions {
    pub(crate) cascade: bool,
    pub(crate) strict: bool,
    types: Option<Arc<Toc>>,
}

impl Default for PlanOptions {
    fn default() -> Self {
        PlanOptions::new()
    }
}

impl PlanOptions {
    /// The defaults: masks go on over foreign keys, and what cannot be proved is a warning.
    pub fn new() -> Self {
        PlanOptions { cascade: true, strict: false, types: None }
    }

    /// Whether a mask goes on to the columns that reference the column, or that it references.
    /// Otherwise such a mask is refused, unless the rules name these columns themselves.
    pub fn cascade(mut self, cascade: bool) -> Self {
        self.cascade = cascade;
        self
    }

    /// Whether to refuse what cannot be proved to restore: masked columns in CHECK constraints,
    /// domains, EXCLUDE constraints, and without a known type.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Takes the types, keys and foreign keys of tables from this archive, as far as the one that is
    /// masked does not define them: for one that has data only. It should be a dump of the same
    /// database, in the same encoding.
    pub fn types(mut self, toc: Arc<Toc>) -> Self {
        self.types = Some(toc);
        self
    }
}

/// Something that speaks against a masking: the result would not restore, or not hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The table, safe to print.
    pub table: String,
    /// The column, safe to print.
    pub column: Option<String>,
    /// Why.
    pub why: String,
    /// Whether it may be done all the same.
    pub can_be_forced: bool,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{}.{column}: {}", self.table, self.why),
            None => write!(f, "{}: {}", self.table, self.why),
        }
    }
}

/// A column that is masked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MaskedColumn {
    /// Its table, safe to print.
    pub table: String,
    /// Its name, safe to print.
    pub column: String,
    /// How.
    pub mask: Mask,
    /// The column from which it has the mask, if the rules do not name it.
    pub because_of: Option<String>,
}

/// What is masked how in one archive, and what speaks against it.
///
/// ```
/// use pgdmp::Archive;
/// use pgdmp_mask::{Plan, PlanOptions, Rules};
///
/// # let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/pg18/small-dir");
/// let archive = Archive::open(path)?;
/// let rules = Rules::parse("[tables.\"public.town\"]\nname = \"words\"\n")?;
/// let plan = Plan::new(archive.toc(), &rules, &PlanOptions::new())?;
/// assert!(plan.refusals().is_empty());
/// assert_eq!(plan.columns().next().unwrap().column, "name");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Plan {
    pub(crate) tables: Vec<TablePlan>,
    pub(crate) encoding: Encoding,
    pub(crate) columns: Vec<MaskedColumn>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) warnings: Vec<String>,
    not_covered: Vec<String>,
    pub(crate) ruled: BTreeSet<(DumpId, Vec<u8>)>,
    /// Where types are from that the archive does not define.
    pub(crate) types: Option<Arc<Toc>>,
}

/// What is done with the rows of one entry.
#[derive(Debug, Clone)]
pub(crate) struct TablePlan {
    pub(crate) id: DumpId,
    pub(crate) shown: String,
    pub(crate) columns: Vec<ColumnPlan>,
    pub(crate) drop: Option<Drop>,
    /// The names of all columns, in the order of the fields if the data does not say otherwise.
    pub(crate) names: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ColumnPlan {
    pub(crate) name: Vec<u8>,
    pub(crate) shown: String,
    pub(crate) mask: Mask,
    pub(crate) way: Way,
    pub(crate) array: Option<u8>,
    pub(crate) max_length: Option<usize>,
}

impl Plan {
    /// Plans the masking of an archive.
    ///
    /// # Errors
    ///
    /// Those of [`Definitions`](pgdmp::types::Definitions): statements that `pg_dump` does not write.
    pub fn new(toc: &Toc, rules: &Rules, options: &PlanOptions) -> pgdmp::Result<Plan> {
        let tables = Tables::new(toc, options.types.as_deref())?;
        let plan = Plan {
            tables: Vec::new(),
            encoding: tables.encoding,
            columns: Vec::new(),
            refusals: Vec::new(),
            warnings: Vec::new(),
            not_covered: Vec::new(),
            ruled: BTreeSet::new(),
            types: options.types.clone(),
        };
        let mut plan = Planner::new(&tables, rules, options, plan).run();
        plan.not_covered = not_covered(toc, &plan.tables);
        Ok(plan)
    }

    /// The columns that are masked, of tables with rows.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &MaskedColumn> {
        self.columns.iter()
    }

    /// What speaks against it.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// What may go wrong and cannot be proved.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Places of the archive where values may stand that masking does not reach.
    pub fn not_covered(&self) -> &[String] {
        &self.not_covered
    }

    /// Whether no rows are changed.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Whether the rules say something of a column of an entry with rows.
    pub(crate) fn names(&self, id: DumpId, column: &[u8]) -> bool {
        self.ruled.contains(&(id, column.to_vec()))
    }
}

/// What an archive has beside the rows of these tables, in which values may stand.
fn not_covered(toc: &Toc, ruled: &[TablePlan]) -> Vec<String> {
    let count =
        |is: &dyn Fn(Desc<'_>) -> bool| toc.entries().filter(|entry| is(entry.desc())).count();
    let mut places = Vec::new();
    let ruled: BTreeSet<DumpId> = ruled.iter().map(|table| table.id).collect();
    let others = toc.entries().filter(|entry| {
        entry.desc() == Desc::TABLE_DATA && entry.had_dumper() && !ruled.contains(&entry.dump_id())
    });
    match others.count() {
        0 => {}
        1 => places.push("the rows of 1 table without a rule".to_owned()),
        count => places.push(format!("the rows of {count} tables without a rule")),
    }
    let objects = count(&|desc| desc == Desc::BLOB || desc == Desc::BLOBS);
    if objects > 0 {
        places.push("large objects".to_owned());
    }
    let comments = count(&|desc| desc == Desc::COMMENT);
    if comments > 0 {
        places.push(format!("comments, {comments} in all"));
    }
    if count(&|desc| desc == Desc::SEQUENCE_SET) > 0 {
        places.push("values of sequences".to_owned());
    }
    places.push(
        "definitions: defaults, constraints, conditions of indexes, bounds of partitions, labels of \
         enums, bodies of functions and views"
            .to_owned(),
    );
    places
}
