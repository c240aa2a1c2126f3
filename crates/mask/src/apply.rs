//! A plan at work: rows rewritten, counted, and counted again in the result.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use pgdmp::edit::Rewrites;
use pgdmp::rows::{Keep, RewriteError, RewriteRows, Row, RowEdit};
use pgdmp::text::Encoding;
use pgdmp::{Archive, DumpId};

use crate::key::Key;
use crate::mask::Mask;
use crate::masker::Masker;
use crate::plan::{Plan, TablePlan};
use crate::rules::{Condition, Drop as DropRule, Test};

/// How many rows of each table were read and dropped.
///
/// It is complete when the conversion has ended. See the example of [`Plan::rewrites`].
#[derive(Debug, Default)]
pub struct Counts {
    by_entry: BTreeMap<DumpId, Count>,
}

#[derive(Debug, Default)]
struct Count {
    rows: AtomicU64,
    dropped: AtomicU64,
}

/// What became of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Masked {
    /// The table, safe to print.
    pub table: String,
    /// The rows of the old archive.
    pub rows: u64,
    /// How many of them were dropped.
    pub dropped: u64,
}

/// A masked archive that does not have the rows it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrongRows {
    /// The table, safe to print.
    pub table: String,
    /// How many rows there should be.
    pub expected: u64,
    /// How many there are.
    pub found: u64,
}

impl fmt::Display for WrongRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WrongRows { table, expected, found } = self;
        write!(f, "{table} has {found} rows in the new archive, not {expected}")
    }
}

impl std::error::Error for WrongRows {}

impl Plan {
    /// Zero rows of each table.
    pub fn counts(&self) -> Counts {
        let by_entry = self.tables.iter().map(|table| (table.id, Count::default())).collect();
        Counts { by_entry }
    }

    /// What [`Conversion::rewriting`](pgdmp::Conversion::rewriting) needs to mask the rows. The
    /// [refusals](Self::refusals) are for the caller to heed.
    ///
    /// ```
    /// use pgdmp::{Archive, Conversion, Target};
    /// use pgdmp_mask::{Key, Plan, PlanOptions, Rules};
    ///
    /// # let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/pg18/small-dir");
    /// let archive = Archive::open(path)?;
    /// let rules = Rules::parse("[tables.\"public.town\"]\nname = \"words\"\n")?;
    /// let plan = Plan::new(archive.toc(), &rules, &PlanOptions::new())?;
    /// assert!(plan.refusals().is_empty());
    /// let (key, counts) = (Key::random()?, plan.counts());
    /// let rewrites = plan.rewrites(&key, &counts);
    /// let target = Target::new().format(pgdmp::Format::Custom);
    /// let conversion = Conversion::rewriting(archive.pass(), &target, None, rewrites)?;
    /// let file = conversion.write(std::io::Cursor::new(Vec::new()))?;
    /// plan.verify(&Archive::read(file.into_inner())?, &counts)?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn rewrites<'a>(&'a self, key: &Key, counts: &'a Counts) -> Rewrites<'a> {
        let mut rewrites = Rewrites::new().without_statistics();
        for table in &self.tables {
            let Some(count) = counts.by_entry.get(&table.id) else { continue };
            let maskers: Vec<Masker> = table
                .columns
                .iter()
                .map(|column| {
                    let (way, most) = (column.way.clone(), column.max_length);
                    Masker::new(&column.mask, key, self.encoding, way, most, column.array)
                })
                .collect();
            let encoding = self.encoding;
            rewrites = rewrites.table(table.id, move || Rewriter {
                table,
                maskers: maskers.clone(),
                encoding,
                count,
                rows: 0,
                dropped: 0,
                places: None,
                value: Vec::new(),
                by: Vec::new(),
                masked: Vec::new(),
            });
        }
        rewrites
    }

    /// What became of each table, once the conversion has ended.
    pub fn masked(&self, counts: &Counts) -> Vec<Masked> {
        let of = |table: &TablePlan| {
            let count = counts.by_entry.get(&table.id)?;
            Some(Masked {
                table: table.shown.clone(),
                rows: count.rows.load(Ordering::Relaxed),
                dropped: count.dropped.load(Ordering::Relaxed),
            })
        };
        self.tables.iter().filter_map(of).collect()
    }

    /// Reads the masked tables of the new archive again: each must have the rows of the old one,
    /// without those that were dropped.
    ///
    /// # Errors
    ///
    /// [`WrongRows`], or what is wrong with the new archive, as [`pgdmp::Error`].
    pub fn verify(
        &self,
        archive: &Archive,
        counts: &Counts,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        for (table, masked) in self.tables.iter().zip(self.masked(counts)) {
            let mut rows = archive.rows(table.id)?;
            let mut found = 0;
            while rows.next_row()?.is_some() {
                found += 1;
            }
            let expected = masked.rows - masked.dropped;
            if found != expected {
                return Err(WrongRows { table: masked.table, expected, found }.into());
            }
        }
        Ok(())
    }
}

/// Rewrites the rows of one table.
struct Rewriter<'a> {
    table: &'a TablePlan,
    /// In the order of the table's masked columns.
    maskers: Vec<Masker>,
    encoding: Encoding,
    count: &'a Count,
    rows: u64,
    dropped: u64,
    places: Option<Places>,
    value: Vec<u8>,
    by: Vec<u8>,
    masked: Vec<u8>,
}

/// Which fields are meant.
struct Places {
    /// Of each masked column, and of the column that says who it is.
    masked: Vec<(usize, Option<usize>)>,
    conditions: Vec<(usize, Compare)>,
    fields: usize,
}

/// A condition with its constant in the encoding of the archive.
enum Compare {
    Equals(Vec<u8>),
    Differs(Vec<u8>),
    IsNull,
    IsNotNull,
    Never,
}

impl Rewriter<'_> {
    fn places(&self, names: &[Vec<u8>]) -> Result<Places, RewriteError> {
        let place = |name: &[u8]| {
            names.iter().position(|own| own == name).ok_or_else(|| {
                let name = pgdmp::text::Printable::new(name, self.encoding);
                format!("the data has no column {name}")
            })
        };
        let encoded = |text: &str| self.encoding.encode(text).map(std::borrow::Cow::into_owned);
        let mut masked = Vec::new();
        for column in &self.table.columns {
            let by = match &column.mask {
                Mask::Date { by: Some(by), .. } => Some(place(&encoded(by).unwrap_or_default())?),
                _ => None,
            };
            masked.push((place(&column.name)?, by));
        }
        let mut conditions = Vec::new();
        if let Some(DropRule::Any(all)) = &self.table.drop {
            for Condition { column, test } in all {
                let compare = match test {
                    // What the encoding does not have is in no row.
                    Test::Equals(text) => encoded(text).map_or(Compare::Never, Compare::Equals),
                    Test::Differs(text) => {
                        encoded(text).map_or(Compare::IsNotNull, Compare::Differs)
                    }
                    Test::IsNull => Compare::IsNull,
                    Test::IsNotNull => Compare::IsNotNull,
                };
                conditions.push((place(&encoded(column).unwrap_or_default())?, compare));
            }
        }
        Ok(Places { masked, conditions, fields: names.len() })
    }
}

impl Compare {
    /// As in SQL, NULL is neither equal nor different.
    fn holds(&self, value: Option<&[u8]>) -> bool {
        match (self, value) {
            (Compare::IsNull, value) => value.is_none(),
            (Compare::IsNotNull, value) => value.is_some(),
            (Compare::Equals(text), Some(value)) => text == value,
            (Compare::Differs(text), Some(value)) => text != value,
            (Compare::Never, _) | (_, None) => false,
        }
    }
}

impl RewriteRows for Rewriter<'_> {
    fn begin(&mut self, columns: Option<&[Vec<u8>]>) -> Result<(), RewriteError> {
        self.places = Some(self.places(columns.unwrap_or(&self.table.names))?);
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>, edit: &mut RowEdit<'_>) -> Result<Keep, RewriteError> {
        let Rewriter { table, maskers, places, value, by, masked, .. } = self;
        let Some(places) = places else { return Err("rows before their columns".into()) };
        if row.len() != places.fields {
            return Err(format!("it has {} fields, not {}", row.len(), places.fields).into());
        }
        self.rows += 1;
        let field = |place: usize| row.get(place);
        let drops = match &table.drop {
            None => false,
            Some(DropRule::All) => true,
            Some(DropRule::Any(_)) => places.conditions.iter().any(|(place, compare)| {
                compare.holds(field(*place).and_then(|field| field.value_in(value)))
            }),
        };
        if drops {
            self.dropped += 1;
            return Ok(Keep::Drop);
        }
        for (n, masker) in maskers.iter().enumerate() {
            let Some(&(place, by_place)) = places.masked.get(n) else { continue };
            let Some(text) = field(place).and_then(|field| field.value_in(value)) else { continue };
            let by = by_place.and_then(field).and_then(|field| field.value_in(by));
            match masker.apply(text, by, masked) {
                Ok(true) => edit.set(place, masked),
                Ok(false) => edit.set_null(place),
                Err(why) => {
                    let column = table.columns.get(n).map_or("", |column| &column.shown);
                    return Err(format!("the value of {column} cannot be masked: {why}").into());
                }
            }
        }
        Ok(Keep::Keep)
    }
}

impl Drop for Rewriter<'_> {
    fn drop(&mut self) {
        self.count.rows.fetch_add(self.rows, Ordering::Relaxed);
        self.count.dropped.fetch_add(self.dropped, Ordering::Relaxed);
    }
}
