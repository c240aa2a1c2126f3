//! Where the data of an archive lies, as a walk over its framing shows it.

use std::collections::HashSet;

use super::open::{Archive, BlockInfo, Layout};
use crate::error::{Error, Fault, Result};
use crate::format::members::MemberStore;
use crate::toc::{DumpId, Toc};

/// What a walk over an archive met.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// The blocks, or the members with data of entries.
    pub(crate) blocks: Vec<BlockInfo>,
    /// Why the walk could not go on, and what members are missing.
    pub(crate) errors: Vec<Error>,
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
        for block in self.blocks()? {
            match block {
                Ok(block) => walked.blocks.push(block),
                Err(error) => walked.errors.push(error),
            }
        }
        match self.layout() {
            Layout::Blocks(custom) => {
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
                walked.files = match &**store {
                    MemberStore::Files { members, .. } => members.names()?,
                    MemberStore::Tar(index) => Some(index.member_names()),
                };
            }
        }
        Ok(walked)
    }

    /// Whether each entry with data has its block.
    fn has_all(&self, blocks: &[BlockInfo]) -> bool {
        let known: HashSet<DumpId> = blocks.iter().map(|block| block.dump_id).collect();
        let mut with_data = self.entries().filter(|entry| entry.has_data() && !entry.denies_data());
        with_data.all(|entry| known.contains(&entry.dump_id()))
    }
}
