//! Where the data of an archive lies, as a walk over its framing shows it.

use std::collections::HashSet;

use super::open::{Archive, BlockInfo, Layout};
use crate::error::{Error, Fault, Result};
use crate::format::custom::Custom;
use crate::format::members::MemberStore;
use crate::toc::{DataOffset, DumpId, Toc, TocEntry};

/// What a walk over an archive met.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// The blocks, or the members with data of entries.
    pub(crate) blocks: Vec<BlockInfo>,
    /// Why the walk could not go on, and what members are missing.
    pub(crate) errors: Vec<Error>,
    /// Bytes between the blocks of a custom archive that belong to none: where they begin, and how
    /// many they are.
    pub(crate) gaps: Vec<(u64, u64)>,
    /// Bytes behind the blocks of a custom archive: where they begin, and how many they are.
    pub(crate) behind: Option<(u64, u64)>,
    /// What these are, if they are a second table of contents.
    pub(crate) second_toc: Option<Toc>,
    /// The names of all files of a directory archive, or members of a tar, if they can be listed.
    pub(crate) files: Option<Vec<String>>,
}

impl Archive {
    /// Walks over all blocks, or looks for all members.
    ///
    /// # Errors
    ///
    /// Those of the operating system. Damage is part of the result.
    pub(crate) fn walked(&self) -> Result<Walked> {
        let mut walked = Walked::default();
        match self.layout() {
            Layout::Blocks(custom) => {
                self.walk_blocks(custom, &mut walked)?;
                let end = walked.blocks.iter().filter_map(BlockInfo::end).max();
                let end = end.unwrap_or(custom.start());
                let no_block = |error: &Error| {
                    error.fault() == Some(Fault::Framing) && error.offset() == Some(end)
                };
                if !walked.errors.iter().all(no_block) || !self.has_all(&walked.blocks) {
                    return Ok(walked);
                }
                // Behind the blocks of all entries anything may stand.
                walked.errors.clear();
                let len = custom.source().len();
                walked.behind = (end < len).then(|| (end, len - end));
                let toc_behind = |_| custom.toc_behind(self.toc(), end);
                walked.second_toc = walked.behind.and_then(toc_behind);
            }
            Layout::Members(store) => {
                for block in self.blocks()? {
                    match block {
                        Ok(block) => walked.blocks.push(block),
                        Err(error) => walked.errors.push(error),
                    }
                }
                walked.files = match &**store {
                    MemberStore::Files { members, .. } => members.names()?,
                    MemberStore::Tar(index) => Some(index.member_names()),
                };
            }
        }
        Ok(walked)
    }

    /// Walks over blocks; where that cannot go on, it does so at the next data offset.
    fn walk_blocks(&self, custom: &Custom, walked: &mut Walked) -> Result<()> {
        let (blocks, error) = custom.blocks()?;
        walked.blocks.extend(blocks.into_iter().map(BlockInfo::from));
        walked.errors.extend(error);
        if self.damage().is_some() {
            return Ok(());
        }
        let len = custom.source().len();
        let offset = |entry: TocEntry<'_>| match entry.data_offset() {
            Some(DataOffset::At(offset)) if offset < len => Some(offset),
            _ => None,
        };
        let mut offsets: Vec<u64> = self.entries().filter_map(offset).collect();
        offsets.sort_unstable();
        let mut from = custom.start();
        let mut stopped = walked.errors.first().and_then(Error::offset);
        loop {
            let end = walked.blocks.last().and_then(BlockInfo::end).unwrap_or(from).max(from);
            let stop = stopped.unwrap_or(end).max(end);
            let Some(&next) = offsets.get(offsets.partition_point(|offset| *offset <= stop)) else {
                return Ok(());
            };
            // Where a block should begin, the entry is the one to complain.
            if stop == end && offsets.binary_search(&end).is_err() {
                walked.gaps.push((end, next - end));
                walked.errors.pop_if(|error| error.offset() == Some(end));
            }
            from = next;
            let (blocks, error) = custom.beginning_at(next).blocks()?;
            walked.blocks.extend(blocks.into_iter().map(BlockInfo::from));
            stopped = error.as_ref().and_then(Error::offset);
            walked.errors.extend(error);
        }
    }

    /// Whether each entry with data has its block.
    fn has_all(&self, blocks: &[BlockInfo]) -> bool {
        let known: HashSet<DumpId> = blocks.iter().map(|block| block.dump_id).collect();
        let mut with_data = self.entries().filter(|entry| entry.has_data() && !entry.denies_data());
        with_data.all(|entry| known.contains(&entry.dump_id()))
    }
}
