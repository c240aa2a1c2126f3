//! How many bytes data takes in an archive.

use super::large_objects::LargeObjectList;
use super::open::{Archive, Layout};
use crate::error::Result;
use crate::format::members::MemberStore;
use crate::toc::{BlockKind, TocEntry};

impl Archive {
    /// The stored size of an entry's data in bytes. `None` if the entry has no data, or the archive
    /// lacks it.
    ///
    /// In a custom archive with offsets, the size is the distance to the next offset, framing
    /// included, and nothing is read. Without offsets, the first call walks over the file. For
    /// large objects in a directory or tar, it is the sum of their files.
    ///
    /// # Errors
    ///
    /// Errors of reading, and a list of large objects that cannot be read.
    pub fn stored_size(&self, entry: TocEntry<'_>) -> Result<Option<u64>> {
        let entry = self.own(entry)?;
        match &self.layout {
            Layout::Blocks(custom) => {
                let sizes = match self.sizes.get() {
                    Some(sizes) => sizes,
                    None => {
                        let sizes = custom.stored_sizes(self.toc())?;
                        self.sizes.get_or_init(|| sizes)
                    }
                };
                Ok(sizes.get(entry.index()).copied().flatten())
            }
            Layout::Members(store) => self.member_size(store, entry),
        }
    }

    /// The [`stored_size`](Self::stored_size) of every entry, indexed by [`TocEntry::index`].
    ///
    /// # Errors
    ///
    /// As [`stored_size`](Self::stored_size).
    pub fn stored_sizes(&self) -> Result<Vec<Option<u64>>> {
        match &self.layout {
            Layout::Blocks(custom) => custom.stored_sizes(self.toc()),
            Layout::Members(store) => {
                self.entries().map(|entry| self.member_size(store, entry)).collect()
            }
        }
    }

    fn member_size(&self, store: &MemberStore, entry: TocEntry<'_>) -> Result<Option<u64>> {
        if !entry.has_data() {
            return Ok(None);
        }
        let (kind, Ok(member)) = self.member_of(store, entry) else { return Ok(None) };
        let mut size = member.len();
        if kind == BlockKind::LargeObjects {
            let mut list = LargeObjectList::new(member, &self.decoding(), entry.name())?;
            let mut name = Vec::new();
            while list.next(&mut name)?.is_some() {
                let stored = store.open(&name).map_or(0, |member| member.len());
                size = size.saturating_add(stored);
            }
        }
        Ok(Some(size))
    }

    /// The stored size of an entry's data in bytes, if it is known without reading or walking over
    /// data: in directories, tars, and custom archives with offsets.
    pub fn stored_size_hint(&self, entry: TocEntry<'_>) -> Option<u64> {
        match &self.layout {
            Layout::Blocks(custom) => custom.stored_size_hint(self.toc(), entry),
            Layout::Members(store) if entry.has_data() => {
                self.member_of(store, entry).1.ok().map(|member| member.len())
            }
            Layout::Members(_) => None,
        }
    }
}
