//! What one session restores before all others, and after them.

use std::collections::HashSet;

use pgdmp::script::{Event, Restored, Share};
use pgdmp::{DumpId, TocEntry};

use super::Leader;
use crate::journal::Journal;
use crate::progress::Progress;
use crate::sink::Surroundings;

/// An entry whose statements may not have been sent yet.
pub(super) struct Unconfirmed<'a> {
    /// Where it is in what a session restores alone.
    at: usize,
    entry: TocEntry<'a>,
    restored: Restored,
}

impl<'a> Leader<'a> {
    /// What one session restores before the others. After a loss another one goes on.
    pub(crate) fn first(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        let result = self.begin_and_first(share);
        self.add(share.report());
        result
    }

    fn begin_and_first(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        if self.alone.is_empty() {
            let (entries, work) = (self.graph.entries(), self.graph.remaining());
            self.tell(Progress::Planned { entries, work });
            self.debug("entering restore_toc_entries_prefork");
            self.alone = self.graph.first();
        }
        match self.around.journal {
            _ if self.begun => share.set_up()?,
            Some(journal) if journal.is_cleaned() => share.set_up()?,
            _ => share.begin()?,
        }
        if self.around.retry.is_some() {
            self.wait(share)?;
        }
        self.begun = true;
        self.all_alone("processing item", share)?;
        share.leave()?;
        self.wait(share)
    }

    fn all_alone(&mut self, what: &str, share: &mut Share<'_>) -> pgdmp::Result<()> {
        while let Some(place) = self.alone.get(self.at) {
            self.now(what, *place, share)?;
            self.at += 1;
        }
        Ok(())
    }

    /// The session that restores alone is lost: goes back to what is not known to be restored, and
    /// gives what of that is in doubt, and whether the drops before all are.
    pub(crate) fn go_back(&mut self) -> (HashSet<DumpId>, bool) {
        let unconfirmed = std::mem::take(&mut self.unconfirmed);
        self.doubts.extend(unconfirmed.iter().map(|unconfirmed| unconfirmed.entry.dump_id()));
        let now = self.alone.get(self.at);
        self.doubts.extend(now.map(|place| self.graph.nodes[*place].entry.dump_id()));
        if let Some(first) = unconfirmed.first() {
            self.at = first.at;
        }
        (self.doubts.clone(), !self.begun)
    }

    /// How far a session that restores alone has come.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Waits for what was sent, and hears of definitions that failed after all.
    fn wait(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        let late = share.wait()?;
        for Unconfirmed { entry, mut restored, .. } in std::mem::take(&mut self.unconfirmed) {
            restored.errors += u64::from(late.entries.contains(&entry.index()));
            self.note_done(entry, restored)?;
        }
        if late.entries.is_empty() {
            return Ok(());
        }
        for place in 0..self.graph.nodes.len() {
            let entry = self.graph.nodes[place].entry;
            if !late.entries.contains(&entry.index()) || !self.is_table(place) {
                continue;
            }
            let mut failed = Restored::default();
            failed.definition_failed = true;
            self.table(place, failed);
            if self.inhibits && self.around.voice.is_verbose() {
                self.around.voice.info(&Event::NoDataForFailedTable(entry).message());
            }
        }
        Ok(())
    }

    /// Restores an entry in the session of the leader.
    fn now(&mut self, what: &str, place: usize, share: &mut Share<'_>) -> pgdmp::Result<()> {
        self.say(what, place);
        let node = &self.graph.nodes[place];
        let (entry, wanted) = (node.entry, node.wanted);
        let made = node.made && !self.transactions;
        if !self.is_done_before(place) && wanted.is_listed() {
            self.note(entry, Journal::begin)?;
            self.tell_begin(place);
            let restored = share.entry(entry, wanted, made)?;
            self.table(place, restored);
            self.confirm(entry, restored, share)?;
            self.graph.done(place);
            self.tell_end(place, restored, false);
            return Ok(());
        }
        self.graph.done(place);
        Ok(())
    }

    /// Notes in the journal that an entry is restored, when it is known to be: some statements may
    /// not have been sent yet.
    fn confirm(
        &mut self,
        entry: TocEntry<'a>,
        restored: Restored,
        share: &mut Share<'_>,
    ) -> pgdmp::Result<()> {
        /// So many entries are in doubt at most if the process ends here, or the connection.
        const MOST: usize = 32;
        const MOST_OF_CONNECTION: usize = 256;
        let Surroundings { journal, retry, means, .. } = self.around;
        if journal.is_none() && retry.is_none() {
            return Ok(());
        }
        self.unconfirmed.push(Unconfirmed { at: self.at, entry, restored });
        let most = match journal {
            _ if !means.batches => 1,
            Some(_) => MOST,
            None => MOST_OF_CONNECTION,
        };
        // Whether what follows is to be done again may depend on this one.
        let was_there = journal.is_some_and(|journal| journal.was_in_the_way(entry.dump_id()));
        if self.unconfirmed.len() >= most || was_there {
            self.wait(share)?;
        }
        Ok(())
    }

    /// All sessions have ended that restored side by side.
    pub(crate) fn begin_last(&mut self) {
        self.debug("entering restore_toc_entries_postfork");
        (self.alone, self.at) = (self.graph.missed(), 0);
    }

    /// What one session restores after the others. After a loss another one goes on.
    pub(crate) fn last(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        let result = self.missed_and_end(share);
        self.add(share.report());
        result
    }

    fn missed_and_end(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        share.set_up()?;
        self.all_alone("processing missed item", share)?;
        share.finish()?;
        self.wait(share)
    }
}
