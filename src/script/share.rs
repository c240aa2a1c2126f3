//! A restore over several sessions: what each of them does.

use super::feed::{AtOnce, DataFeed, GoneBy};
use super::supply::{Supplied, Supply};
use super::{Late, Restore, Run, ScriptOptions, Sink, Step};
use crate::archive::Archive;
use crate::error::Result;
use crate::select::{Selected, Wanted};
use crate::toc::{Desc, Format, Section, TocEntry};

/// The pass of a restore that an entry belongs to. Some entries only work after all others, so
/// pg_restore walks over the table of contents three times.
///
/// See the example of [`Share`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RestorePass {
    /// Definitions and data.
    Main,
    /// Privileges, which could take away what later definitions need.
    Privileges,
    /// Entries that may run code that needs privileges, or that would react to the restore itself,
    /// such as event triggers and materialized views.
    Last,
}

impl RestorePass {
    /// The passes in their order.
    pub const ALL: [RestorePass; 3] =
        [RestorePass::Main, RestorePass::Privileges, RestorePass::Last];

    /// The pass in which an entry is restored.
    pub fn of(entry: &TocEntry<'_>) -> RestorePass {
        let desc = entry.desc();
        if desc.is_acl() {
            return RestorePass::Privileges;
        }
        let last = match desc {
            Desc::EVENT_TRIGGER | Desc::MATERIALIZED_VIEW_DATA => true,
            Desc::COMMENT | Desc::SECURITY_LABEL => {
                entry.tag().is_some_and(|tag| tag.starts_with(b"EVENT TRIGGER "))
            }
            Desc::STATISTICS_DATA => entry.section() == Section::PostData,
            _ => false,
        };
        if last { RestorePass::Last } else { RestorePass::Main }
    }
}

/// One session's share of a parallel restore. Each session has its own sink. The caller decides
/// which session restores which entry, and when; [`RestorePass`] and [`TocEntry::dependencies`] say
/// what has to wait.
///
/// The first session [begins](Self::begin) the restore and [leaves](Self::leave) before others
/// continue. Each of these [sets up](Self::set_up) its session, and the last one
/// [finishes](Self::finish).
///
/// One session that restores everything, in passes:
///
/// ```
/// use pgdmp::script::{Restore, RestorePass, RestrictKey, TextSink};
/// use pgdmp::{Archive, Selection};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selected = Selection::new().apply(archive.toc())?;
/// let mut sink = TextSink::new(Vec::new(), RestrictKey::new("key")?);
/// let restore = Restore::new();
/// let mut share = restore.share(&archive, &selected, &mut sink)?;
/// share.begin()?;
/// for pass in RestorePass::ALL {
///     for (entry, decision) in selected.all() {
///         if RestorePass::of(&entry) == pass && decision.wanted.is_listed() {
///             share.entry(entry, decision.wanted, false)?;
///         }
///     }
/// }
/// share.finish()?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[allow(missing_debug_implementations)]
pub struct Share<'a> {
    run: Run<'a>,
    feed: Box<dyn DataFeed + 'a>,
}

/// The result of restoring an entry.
///
/// See the example of [`Share`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Restored {
    /// [Failures](super::Outcome::Failed) that the sink reported.
    pub errors: u64,
    /// [Warnings](super::Event::is_warning) that the sink got.
    pub warnings: u64,
    /// Whether one of the failures was in the definition.
    pub definition_failed: bool,
}

impl Restore {
    /// Makes one session's share of the restore of an archive.
    ///
    /// Transactions of several objects are for the session that begins:
    /// [`ScriptOptions::transaction_size`] is to be 0 in the options of the others.
    ///
    /// # Errors
    ///
    /// Entries that set up the session are not what they should be.
    pub fn share<'a>(
        &'a self,
        archive: &'a Archive,
        selected: &'a Selected<'a>,
        sink: &'a mut dyn Sink,
    ) -> Result<Share<'a>> {
        let run = Run::new(&self.options, archive.format(), selected, sink)?;
        Ok(Share { run, feed: Box::new(AtOnce::new(archive)) })
    }

    /// Makes one session's share of the restore of an archive from a pipe, which another thread
    /// [reads](super::read_pipe).
    ///
    /// # Errors
    ///
    /// As [`share`](Self::share).
    pub fn share_of_supply<'a>(
        &'a self,
        format: Format,
        selected: &'a Selected<'a>,
        sink: &'a mut dyn Sink,
        supply: &'a mut dyn Supply,
    ) -> Result<Share<'a>> {
        let run = Run::new(&self.options, format, selected, sink)?;
        Ok(Share { run, feed: Box::new(Supplied::new(supply, format)) })
    }

    /// Makes one session's share of the restore of an archive from a pipe, without data.
    ///
    /// # Errors
    ///
    /// As [`share`](Self::share).
    pub fn share_without_data<'a>(
        &'a self,
        format: Format,
        selected: &'a Selected<'a>,
        sink: &'a mut dyn Sink,
    ) -> Result<Share<'a>> {
        let run = Run::new(&self.options, format, selected, sink)?;
        Ok(Share { run, feed: Box::new(GoneBy) })
    }

    /// The options.
    pub fn script_options(&self) -> &ScriptOptions {
        &self.options
    }
}

impl<'a> Share<'a> {
    /// Does what comes before the first entry: sets up the session and drops objects.
    ///
    /// # Errors
    ///
    /// Those of the sink, as in all steps of a share.
    pub fn begin(&mut self) -> Result<()> {
        self.run.begin_all()
    }

    /// Sets up a session that continues a restore.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn set_up(&mut self) -> Result<()> {
        self.run.prelude()
    }

    /// Restores the wanted part of an entry. `made` says that this restore created the table of
    /// this `TABLE DATA` entry, so that nobody else can have used it. It is then emptied in the
    /// same transaction, and the server need not log the rows.
    ///
    /// # Errors
    ///
    /// Those of the archive and of the sink.
    pub fn entry(&mut self, entry: TocEntry<'_>, wanted: Wanted, made: bool) -> Result<Restored> {
        let before = self.run.report;
        self.run.definition_failed = false;
        self.run.empties = made;
        let result = self.run.entry(&entry, wanted, &mut *self.feed);
        self.run.empties = false;
        result?;
        Ok(Restored {
            errors: self.run.report.errors - before.errors,
            warnings: self.run.report.warnings - before.warnings,
            definition_failed: self.run.definition_failed,
        })
    }

    /// Waits for the end of what a sink has put off, and gives the failures in it. They count in
    /// the [report](Self::report), but in no [`Restored`].
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn wait(&mut self) -> Result<Late> {
        let late = self.run.sink.wait()?;
        self.run.report.errors += late.errors;
        Ok(late)
    }

    /// Ends the transaction of a session that leaves before the end of the restore.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn leave(&mut self) -> Result<()> {
        if self.run.in_transactions() { self.run.step(&Step::Commit) } else { Ok(()) }
    }

    /// Does what comes after the last entry.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn finish(&mut self) -> Result<()> {
        self.run.tail()
    }

    /// The counts of this session.
    pub fn report(&self) -> super::Report {
        self.run.report
    }
}
