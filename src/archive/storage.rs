//! How the data of a new archive is stored: the options that all ways to make one share.

use crate::compress::Algorithm;
use crate::version::ArchiveVersion;

/// The options; each is `None` until it is set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Storage {
    pub(crate) version: Option<ArchiveVersion>,
    pub(crate) compression: Option<(Algorithm, Option<i32>)>,
    pub(crate) long: bool,
    pub(crate) plain: bool,
    pub(crate) threads: u32,
}

/// The setters, for a type with a field `storage`.
macro_rules! storage_setters {
    () => {
        /// Sets the archive version, 1.12 or newer. Choose it by the oldest `pg_restore` that must
        /// read the archive.
        pub fn version(mut self, version: ArchiveVersion) -> Self {
            self.storage.version = Some(version);
            self
        }

        /// Sets the compression of data. Without a level, the algorithm uses its default level.
        ///
        /// lz4 and zstd need archive version 1.15. lz4 has the levels 0 to 2, which are all the
        /// same. Data in a tar is never compressed. Data of another archive that has this
        /// compression already is copied as it is stored, unless a level is given.
        pub fn compression(mut self, algorithm: Algorithm, level: Option<i32>) -> Self {
            self.storage.compression = Some((algorithm, level));
            self
        }

        /// Sets zstd's long-distance mode, which finds repetitions up to 128 MiB apart. All data is
        /// then compressed again.
        pub fn zstd_long(mut self, long: bool) -> Self {
            self.storage.long = long;
            self
        }

        /// Whether data is compressed as pg_dump does it: one stream without checksums. The default,
        /// `false`, is a form that every pg_restore reads as well, in which each MiB can be
        /// decompressed on its own, damage of lz4 and zstd data shows by checksums, and data is
        /// compressed by all [threads](Self::threads). Pieces of tables end with a row.
        ///
        /// zstd and lz4 have a frame for each MiB (for 8 MiB with zstd from level 16 on and in its
        /// long-distance mode), with size and checksum. gzip has a member for each MiB in a
        /// directory; a custom archive has one stream, in which no MiB refers to those before it. In a
        /// custom archive each of these is one chunk.
        pub fn plain(mut self, plain: bool) -> Self {
            self.storage.plain = plain;
            self
        }

        /// Sets the number of threads that read and compress. With 1, the default, the calling
        /// thread does all. Each further thread takes 1 MiB of memory, with zstd some 10 MiB.
        pub fn threads(mut self, threads: u32) -> Self {
            self.storage.threads = threads;
            self
        }
    };
}

pub(crate) use storage_setters;
