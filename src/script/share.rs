//! A restore over several sessions: what each of them does.

use std::io::Read;

use super::feed::{AtOnce, DataFeed, GoneBy, OnePass};
use super::{Late, Restore, Run, ScriptOptions, Sink, Step};
use crate::archive::{Archive, ArchiveStream};
use crate::error::Result;
use crate::select::{Selected, Wanted};
use crate::toc::{Desc, Format, Section, TocEntry};

/// Some entries only work when all others are done, wherever they stand: pg_restore walks over the
/// table of contents three times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RestorePass {
    /// All others.
    Main,
    /// Privileges: granting could take away what later definitions need.
    Privileges,
    /// What could run code that needs privileges, or would react to the restore itself.
    Last,
}

impl RestorePass {
    /// The passes in their order.
    pub const ALL: [RestorePass; 3] =
        [RestorePass::Main, RestorePass::Privileges, RestorePass::Last];

    /// When an entry is restored.
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

/// One session's share of a restore that several sessions do side by side, each with a sink of its
/// own. Which entries are whose, and when, is the caller's matter; [`RestorePass`] and
/// [`TocEntry::dependencies`] say what has to wait.
///
/// The first session makes the [beginning](Self::begin) and [leaves](Self::leave) before others go
/// on; each of these [sets up](Self::set_up) its own session; the last one comes to the
/// [end](Self::finish).
#[allow(missing_debug_implementations)]
pub struct Share<'a> {
    run: Run<'a>,
    feed: Box<dyn DataFeed + 'a>,
}

/// What became of an entry.
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
    /// A session's share of the restore of an archive.
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

    /// A session's share of the restore of an archive that comes through a pipe: that session
    /// restores all data, in the order of the archive.
    ///
    /// # Errors
    ///
    /// As [`share`](Self::share).
    pub fn share_of_stream<'a, R: Read + Send>(
        &'a self,
        archive: &'a mut ArchiveStream<R>,
        selected: &'a Selected<'a>,
        sink: &'a mut dyn Sink,
    ) -> Result<Share<'a>> {
        let run = Run::new(&self.options, archive.format(), selected, sink)?;
        Ok(Share { run, feed: Box::new(OnePass::new(archive, selected)) })
    }

    /// A session's share of such a restore without any data.
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
    /// What comes before the first entry: the session is set up, and objects are dropped.
    ///
    /// # Errors
    ///
    /// Those of the sink, as in all steps of a share.
    pub fn begin(&mut self) -> Result<()> {
        self.run.begin_all()
    }

    /// Sets up a session that goes on with a restore.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn set_up(&mut self) -> Result<()> {
        self.run.prelude()
    }

    /// Restores what is wanted of an entry. `made`: the table of this `TABLE DATA` entry was made
    /// by this restore, and nobody else can have used it; it is emptied in the same transaction,
    /// so that the server need not log the rows.
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

    /// The data of an entry is not wanted after all; for data that [goes
    /// by](Restore::share_of_stream).
    pub fn hold_back(&mut self, entry: TocEntry<'_>) {
        self.feed.skip(entry);
    }

    /// Ends the transaction of a session that goes before the end of the restore.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn leave(&mut self) -> Result<()> {
        if self.run.in_transactions() { self.run.step(&Step::Commit) } else { Ok(()) }
    }

    /// What comes behind the last entry.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn finish(&mut self) -> Result<()> {
        self.run.tail()
    }

    /// What was done in this session.
    pub fn report(&self) -> super::Report {
        self.run.report
    }
}
