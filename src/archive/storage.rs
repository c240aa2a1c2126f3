//! How the data of a new archive is stored: the options that all ways to make one share.

use crate::compress::Algorithm;
use crate::version::ArchiveVersion;

/// The options; each is `None` until it is set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Storage {
    pub(crate) version: Option<ArchiveVersion>,
    pub(crate) compression: Option<(Algorithm, Option<i32>)>,
    pub(crate) long: bool,
    pub(crate) threads: u32,
}

/// The setters, for a type with a field `storage`.
macro_rules! storage_setters {
    () => {
        /// The archive version, 1.12 or newer: the oldest `pg_restore` that has to read the archive
        /// decides.
        pub fn version(mut self, version: ArchiveVersion) -> Self {
            self.storage.version = Some(version);
            self
        }

        /// The compression of data. Without a level, the algorithm has its default level.
        ///
        /// lz4 and zstd need archive version 1.15. lz4 has levels 0 to 2 only, which are all the
        /// same. Data in a tar is never compressed. Stored data of another archive that has this
        /// compression already is moved as it is, unless a level is given.
        pub fn compression(mut self, algorithm: Algorithm, level: Option<i32>) -> Self {
            self.storage.compression = Some((algorithm, level));
            self
        }

        /// zstd's long-distance mode: repetitions are found up to 128 MiB apart. All data is
        /// compressed anew.
        pub fn zstd_long(mut self, long: bool) -> Self {
            self.storage.long = long;
            self
        }

        /// How many threads read and compress. With 1, the default, the calling thread does all.
        /// Each further one holds a MiB of memory, with zstd some 10 MiB.
        pub fn threads(mut self, threads: u32) -> Self {
            self.storage.threads = threads;
            self
        }
    };
}

pub(crate) use storage_setters;
