//! What only the data of an archive tells of its entries.

use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::toc::{Desc, DumpId, Oid, Toc, TocEntry};

/// What only a look at the data of an archive tells. It is asked only where it is needed: that may
/// take a walk over all of it.
pub(super) trait Contents {
    /// The OIDs of an entry's large objects.
    fn objects(&self, id: DumpId) -> Result<Vec<Oid>>;

    /// Whether an entry has data.
    fn has_data(&self, entry: TocEntry<'_>) -> Result<bool>;
}

impl Contents for Archive {
    fn objects(&self, id: DumpId) -> Result<Vec<Oid>> {
        let mut oids = Vec::new();
        let mut objects = self.large_objects(id)?;
        while let Some((oid, _)) = objects.next_piece()? {
            oids.push(oid);
        }
        Ok(oids)
    }

    fn has_data(&self, entry: TocEntry<'_>) -> Result<bool> {
        Archive::has_data(self, entry)
    }
}

/// What is known of an archive whose data is still to come.
pub(super) struct ToCome<'a>(pub(super) &'a Toc);

impl Contents for ToCome<'_> {
    fn objects(&self, _: DumpId) -> Result<Vec<Oid>> {
        // What 1.12 to 1.15 say of them; their data comes in the same order.
        let blobs = self.0.entries().filter(|entry| entry.desc() == Desc::BLOB);
        let mut oids: Vec<Oid> = blobs.map(|entry| entry.catalog_id().oid).collect();
        oids.sort_unstable();
        match oids.is_empty() {
            false => Ok(oids),
            true => Err(Error::usage(
                "the OIDs of large objects must be known before their data comes; save the \
                 archive in a file first",
            )),
        }
    }

    fn has_data(&self, entry: TocEntry<'_>) -> Result<bool> {
        // If it does not come, the new archive cannot be finished.
        Ok(entry.has_data())
    }
}
