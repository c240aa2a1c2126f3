//! Every bound on numbers that an archive claims, and on what is read beside one.

/// Bounds on what an archive may make a reader hold in memory.
///
/// Data is streamed through fixed buffers and needs no bound. Limits apply to what is kept in
/// memory: the table of contents, the members of a tar, a decompressor's window, rows, list files
/// and filter files. Each limit is far above what `pg_dump` writes. Memory grows with the bytes
/// that were read and never with a number that the archive claims, so a small hostile file takes
/// little memory whatever the limits are.
///
/// ```
/// let limits = pgdmp::Limits::new().toc_bytes(64 << 20).entries(100_000);
/// # let _ = limits;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Limits {
    pub(crate) toc_bytes: u64,
    pub(crate) string_bytes: u64,
    pub(crate) entries: u32,
    pub(crate) dependencies: u32,
    pub(crate) members: u32,
    pub(crate) large_objects: u32,
    pub(crate) zstd_window_log: u32,
    pub(crate) list_bytes: u64,
    pub(crate) list_line_bytes: u64,
    pub(crate) list_ignored_bytes: u64,
    pub(crate) filter_bytes: u64,
    pub(crate) row_bytes: u64,
}

impl Limits {
    /// The defaults, which are above everything that `pg_dump` can write.
    pub const fn new() -> Self {
        Limits {
            toc_bytes: 16 << 30,
            string_bytes: 1 << 30,
            entries: 100_000_000,
            dependencies: 10_000_000,
            members: 100_000_000,
            large_objects: 100_000_000,
            zstd_window_log: 27,
            list_bytes: 16 << 30,
            list_line_bytes: 128 << 20,
            list_ignored_bytes: 64 << 20,
            filter_bytes: 64 << 20,
            row_bytes: 1 << 30,
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

    /// Bytes of a list file ([`UseList`](crate::select::UseList)). Default 16 GiB: the list of an archive
    /// with as many [`entries`](Self::entries) as there may be.
    pub const fn list_bytes(mut self, bytes: u64) -> Self {
        self.list_bytes = bytes;
        self
    }

    /// Bytes of one line of a list file. Default 128 MiB, which is a line with as many
    /// [`dependencies`](Self::dependencies) as there may be.
    pub const fn list_line_bytes(mut self, bytes: u64) -> Self {
        self.list_line_bytes = bytes;
        self
    }

    /// Bytes of the lines of a list file that name no entry: they are kept, for a warning each.
    /// Default 64 MiB.
    pub const fn list_ignored_bytes(mut self, bytes: u64) -> Self {
        self.list_ignored_bytes = bytes;
        self
    }

    /// Bytes of a filter file ([`Selection::read_filter`](crate::Selection::read_filter)). Default
    /// 64 MiB, some million names.
    pub const fn filter_bytes(mut self, bytes: u64) -> Self {
        self.filter_bytes = bytes;
        self
    }

    /// Bytes of one row of a table ([`Rows`](crate::rows::Rows)), as COPY text. Default 1 GiB, which is
    /// more than a server can write; 2 GiB is the most there may be.
    pub const fn row_bytes(mut self, bytes: u64) -> Self {
        self.row_bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::new()
    }
}
