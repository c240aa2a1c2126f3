//! Every bound on numbers that an archive claims.

/// Bounds on what an archive may make a reader hold in memory.
///
/// Data is streamed through fixed buffers and needs no bound; these are for what must be kept:
/// the table of contents, the list of a tar's members, a decompressor's window. Each is far
/// above what `pg_dump` writes. Memory grows with the bytes that were read, never with a number
/// that the archive claims, so a small hostile file stays small in memory whatever the limits.
///
/// ```
/// let limits = pgdmp::Limits::new().toc_bytes(64 << 20).entries(100_000);
/// # let _ = limits;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(crate) toc_bytes: u64,
    pub(crate) string_bytes: u64,
    pub(crate) entries: u32,
    pub(crate) dependencies: u32,
    pub(crate) members: u32,
    pub(crate) large_objects: u32,
    pub(crate) zstd_window_log: u32,
}

impl Limits {
    /// The defaults, which every archive that `pg_dump` can write stays below.
    pub const fn new() -> Self {
        Limits {
            toc_bytes: 16 << 30,
            string_bytes: 1 << 30,
            entries: 100_000_000,
            dependencies: 10_000_000,
            members: 100_000_000,
            large_objects: 100_000_000,
            zstd_window_log: 27,
        }
    }

    /// Bytes of header and table of contents as stored. Default 16 GiB.
    pub const fn toc_bytes(mut self, bytes: u64) -> Self {
        self.toc_bytes = bytes;
        self
    }

    /// Bytes of one string of the table of contents. Default 1 GiB, PostgreSQL's own limit for a
    /// text value.
    pub const fn string_bytes(mut self, bytes: u64) -> Self {
        self.string_bytes = bytes;
        self
    }

    /// Entries of the table of contents. Default 100 million.
    pub const fn entries(mut self, count: u32) -> Self {
        self.entries = count;
        self
    }

    /// Dependencies of one entry. Default 10 million.
    pub const fn dependencies(mut self, count: u32) -> Self {
        self.dependencies = count;
        self
    }

    /// Members of a tar archive. Default 100 million.
    pub const fn members(mut self, count: u32) -> Self {
        self.members = count;
        self
    }

    /// Large objects listed in one `blobs.toc`. Default 100 million.
    pub const fn large_objects(mut self, count: u32) -> Self {
        self.large_objects = count;
        self
    }

    /// Base-2 logarithm of the largest zstd window that is accepted. Default 27 (128 MiB), as in
    /// `pg_restore`; 31 is the most that zstd knows.
    pub const fn zstd_window_log(mut self, log: u32) -> Self {
        self.zstd_window_log = log;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::new()
    }
}
