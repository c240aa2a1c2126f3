//! Which tables' rows are rewritten on their way into a new archive.

use std::collections::HashMap;
use std::fmt;

use super::draft::Draft;
use super::job::Job;
use super::note::Note;
use crate::error::{Error, Result};
use crate::rows::{MakeRewriter, Maker, RewriteRows};
use crate::toc::{BlockKind, Desc, DumpId, Toc};

/// The tables whose rows are rewritten on their way into a new archive, and the rewriters of each.
///
/// [`Conversion::rewriting`](crate::Conversion::rewriting) takes it. Rows are read and written
/// through buffers of a fixed size. Tables are rewritten at the same time with
/// [`Target::threads`](crate::Target::threads), and so are the rows of a large table. The rows keep
/// their order, and the result does not depend on the number of threads.
///
/// ```
/// use pgdmp::edit::Rewrites;
/// use pgdmp::rows::{Keep, RewriteError, Row, RowEdit};
/// use pgdmp::{Archive, Conversion, Desc, Target};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
/// let rewrites = Rewrites::new().table(town.dump_id(), || {
///     |_: &Row<'_>, edit: &mut RowEdit<'_>| -> Result<Keep, RewriteError> {
///         edit.set(1, b"a town");
///         Ok(Keep::Keep)
///     }
/// });
/// let conversion = Conversion::rewriting(archive.pass(), &Target::new(), None, rewrites)?;
/// conversion.write(std::io::Cursor::new(Vec::new()))?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Default)]
#[must_use]
pub struct Rewrites<'a> {
    by_entry: HashMap<DumpId, Box<dyn MakeRewriter + 'a>>,
    without_statistics: bool,
}

impl<'a> Rewrites<'a> {
    /// None yet.
    pub fn new() -> Self {
        Rewrites::default()
    }

    /// Rewrites the rows of a table, by the dump id of its `TABLE DATA` entry. `rewriter` makes a
    /// rewriter, and is called for each thread that has a part of the rows.
    pub fn table<R: RewriteRows + Send + 'a>(
        mut self,
        id: DumpId,
        rewriter: impl Fn() -> R + Send + Sync + 'a,
    ) -> Self {
        self.by_entry.insert(id, Box::new(Maker::new(rewriter)));
        self
    }

    /// Leaves the planner's statistics out, even if no table is rewritten: an archive without data
    /// may have some all the same.
    pub fn without_statistics(mut self) -> Self {
        self.without_statistics = true;
        self
    }

    /// Whether nothing is rewritten or left out.
    pub fn is_empty(&self) -> bool {
        self.by_entry.is_empty() && !self.without_statistics
    }

    pub(super) fn of(&self, job: &Job) -> Option<&dyn MakeRewriter> {
        match job.sources[..] {
            [source] if job.kind == BlockKind::Data => {
                self.by_entry.get(&source).map(|make| &**make)
            }
            _ => None,
        }
    }

    /// Checks that an archive has the tables.
    pub(super) fn check(&self, toc: &Toc) -> Result<()> {
        let mut ids: Vec<DumpId> = self.by_entry.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let Some(entry) = toc.entry(id) else {
                return Err(Error::not_found(format!("entry {id}")));
            };
            if entry.desc() != Desc::TABLE_DATA {
                let error = Error::usage("only the rows of TABLE DATA can be rewritten");
                return Err(error.in_entry(|| entry.name()));
            }
        }
        Ok(())
    }
}

/// Leaves the planner's statistics out. They hold values of the rows as these were: of the table
/// itself, of its indexes, of tables it is a partition or a child of, and of materialized views. No
/// entry says all that it was computed from, so all of them go.
pub(super) fn leave_statistics_out(drafts: &mut Vec<Draft<'_>>, notes: &mut Vec<Note>) {
    let before = drafts.len();
    drafts.retain(|draft| {
        !matches!(draft.desc(), Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA)
    });
    let entries = before - drafts.len();
    if entries > 0 {
        notes.push(Note::StatisticsLeftOut { entries });
    }
}

impl fmt::Debug for Rewrites<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_entry.keys()).finish()
    }
}
