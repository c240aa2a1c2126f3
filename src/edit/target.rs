//! What a new archive is to be.

use crate::archive::Ways;
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
    pub(super) check: bool,
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

    /// The archive version: 1.12 or newer. If nothing is said it stays, or becomes the oldest that
    /// will do: 1.12, 1.15 for lz4 and zstd, or 1.16 for large objects of several archives.
    pub fn version(&mut self, version: ArchiveVersion) -> &mut Self {
        self.version = Some(version);
        self
    }

    /// Whether all data that stays in its compression is decompressed while it is moved, only to
    /// see that it is whole. Without it such data is looked at as far as that costs nothing: lz4
    /// and zstd frames and blocks must be complete, but what is in them is not looked at; of gzip
    /// files the lengths must be possible; uncompressed rows must end with their end marker.
    pub fn check(&mut self, check: bool) -> &mut Self {
        self.check = check;
        self
    }

    pub(super) fn ways(&self) -> Ways {
        let levelled = self.compression.is_some_and(|(_, level)| level.is_some());
        Ways { recompress: levelled || self.long, decode: self.check }
    }
}
