//! Whether an archive's file is as long as its table of contents says.

use super::open::{Archive, Layout};
use crate::error::Result;
use crate::format::members::MemberStore;
use crate::toc::TocEntry;

impl Archive {
    /// Checks by lengths that the archive was not cut off, without decompressing data.
    ///
    /// The file of a custom archive must reach behind its last block, and a tar behind its last
    /// member and the zeros at its end. A directory must have all files that its table of contents
    /// names.
    ///
    /// In a custom archive with offsets, only the last block is read: the lengths of its chunks, or
    /// if it is longer than 64 MiB, the last bytes of the file. Without offsets, all blocks are
    /// walked over.
    ///
    /// # Errors
    ///
    /// The place where the archive ends, or the missing file.
    pub fn check_length(&self) -> Result<()> {
        self.check_end(false)
    }

    /// The same; `whole`: the chunks of the last block are walked over, however long it is.
    pub(crate) fn check_end(&self, whole: bool) -> Result<()> {
        match &self.layout {
            Layout::Blocks(custom) => custom
                .check_length(self.toc(), whole)
                .map_err(|(entry, error)| error.in_entry(|| entry.name())),
            Layout::Members(store) => match &**store {
                MemberStore::Tar(index) => index.check_length(),
                store => self
                    .entries()
                    .filter(TocEntry::has_data)
                    .try_for_each(|entry| self.member_of(store, entry).1.map(drop)),
            },
        }
    }
}
