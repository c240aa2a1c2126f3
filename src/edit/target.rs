//! What a new archive is to be.

use crate::compress::Algorithm;
use crate::toc::Format;
use crate::version::ArchiveVersion;

/// What a new archive is to be. What is not said stays as it was.
#[derive(Debug, Clone, Default)]
pub struct Target {
    pub(super) format: Option<Format>,
    pub(super) compression: Option<(Algorithm, Option<i32>)>,
    pub(super) long: bool,
    pub(super) version: Option<ArchiveVersion>,
    pub(super) threads: u32,
}

impl Target {
    /// All as it is.
    pub fn new() -> Self {
        Target::default()
    }

    /// The format.
    pub fn format(&mut self, format: Format) -> &mut Self {
        self.format = Some(format);
        self
    }

    /// The compression. With a level, all data is compressed anew; without one, data that is
    /// compressed so already is moved.
    pub fn compression(&mut self, algorithm: Algorithm, level: Option<i32>) -> &mut Self {
        self.compression = Some((algorithm, level));
        self
    }

    /// zstd's long-distance mode. All data is compressed anew.
    pub fn zstd_long(&mut self, long: bool) -> &mut Self {
        self.long = long;
        self
    }

    /// How many threads read and compress, where data is compressed anew.
    pub fn threads(&mut self, threads: u32) -> &mut Self {
        self.threads = threads;
        self
    }

    /// The archive version: 1.12 or newer. Older archives become 1.12 if nothing is said.
    pub fn version(&mut self, version: ArchiveVersion) -> &mut Self {
        self.version = Some(version);
        self
    }
}
