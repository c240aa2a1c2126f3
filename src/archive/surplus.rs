//! What an archive's file holds besides the archive.

use std::collections::HashSet;
use std::io::Read;

use super::open::{Archive, Layout};
use super::stream::{ArchiveStream, Body};
use crate::error::{Error, Result};
use crate::format::members::MemberStore;
use crate::surplus::Surplus;

/// Chunks that are walked over for a mere look: some milliseconds.
const GLANCE: u32 = 10_000;

impl Archive {
    /// Finds another archive behind this one in the same file, as `>>` leaves it. Like pg_restore,
    /// this crate reads only the first. The last block of a custom archive is walked over for this,
    /// and all blocks if it has no offsets.
    ///
    /// # Errors
    ///
    /// Errors of reading. Damage of the archive is not an error here.
    pub fn surplus(&self) -> Result<Option<Surplus>> {
        self.find_surplus(None)
    }

    /// Like [`surplus`](Self::surplus), but `None` where much would have to be walked over to find
    /// out.
    pub fn surplus_hint(&self) -> Option<Surplus> {
        self.find_surplus(Some(GLANCE)).ok().flatten()
    }

    fn find_surplus(&self, most: Option<u32>) -> Result<Option<Surplus>> {
        match self.layout() {
            Layout::Blocks(custom) => {
                let offset = custom.archive_behind(self.toc(), most)?;
                Ok(offset.map(|offset| Surplus::Behind { offset }))
            }
            Layout::Members(store) => match &**store {
                MemberStore::Tar(index) => Ok(index.surplus().cloned()),
                _ => Ok(None),
            },
        }
    }

    /// Refuses to leave another archive behind without a word. `walk`: whether it is worth walking
    /// over what may be a large block, because data was read, anyway.
    pub(crate) fn refuse_surplus(&self, walk: bool) -> Result<()> {
        let surplus = if walk { self.surplus()? } else { self.surplus_hint() };
        surplus.map_or(Ok(()), |surplus| Err(refused(&surplus)))
    }
}

impl<R: Read + Send> ArchiveStream<R> {
    /// Another archive behind this one in the same stream, which is not read. It is known when
    /// [`next_block`](Self::next_block) has come to the end.
    pub fn surplus(&self) -> Option<&Surplus> {
        match &self.body {
            Body::Blocks(blocks) => blocks.surplus(),
            Body::Members(members) => members.surplus(),
        }
    }

    /// Like [`surplus`](Self::surplus), but reads on to the end of the stream where needed: behind
    /// the data of all entries, and in a tar of a directory archive, which may hold several. There
    /// are no blocks after this call.
    ///
    /// # Errors
    ///
    /// Errors of reading, and damage of the tar.
    pub fn find_surplus(&mut self) -> Result<Option<&Surplus>> {
        if let Body::Members(members) = &mut self.body
            && members.is_packed()
        {
            self.done = true;
            members.skip_to_end()?;
        }
        // Of large objects in a tar, their list comes behind the last block.
        let is_last = |awaited: &HashSet<_>| awaited.iter().all(|id| Some(*id) == self.current);
        if self.awaited.as_ref().is_some_and(is_last) {
            while self.next_block()?.is_some() {}
        }
        Ok(self.surplus())
    }

    /// Reads on to the end of the stream, so that whoever writes to it has no broken pipe. Of a
    /// custom archive whose blocks were all read, says where they ended, how many bytes follow, and
    /// whether these may be a second table of contents.
    ///
    /// # Errors
    ///
    /// Errors of reading, and damage of a tar behind its members.
    pub(crate) fn drain(&mut self) -> Result<Option<(u64, u64, bool)>> {
        match &mut self.body {
            Body::Blocks(blocks) => Ok(Some(blocks.drain()?)),
            Body::Members(members) => {
                members.skip_to_end()?;
                Ok(None)
            }
        }
    }

    pub(crate) fn refuse_surplus(&self) -> Result<()> {
        self.surplus().map_or(Ok(()), |surplus| Err(refused(surplus)))
    }
}

fn refused(surplus: &Surplus) -> Error {
    Error::usage(format!("{surplus}, and would be lost; {}", surplus.advice()))
}
