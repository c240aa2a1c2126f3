//! Settings for a new archive.

use crate::archive::{Storage, Ways, storage_setters};
use crate::compress::Algorithm;
use crate::toc::Format;
use crate::version::ArchiveVersion;

/// Settings for a new archive. Unset options keep the source archive's value. An unset version
/// rises where something needs it: to 1.12, which is the oldest that can be written, to 1.15 for lz4
/// and zstd, or to 1.16 for large objects of several archives.
///
/// ```
/// use pgdmp::{Algorithm, Archive, Conversion, Format, Target};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let target = Target::new().format(Format::Directory).compression(Algorithm::Zstd, None).threads(2);
/// let conversion = Conversion::new(&archive, &target, None)?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct Target {
    pub(super) format: Option<Format>,
    pub(super) storage: Storage,
    pub(super) check: bool,
}

impl Target {
    /// Everything as it is in the source archive.
    pub fn new() -> Self {
        Target::default()
    }

    /// The format.
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    storage_setters!();

    /// Whether all data that stays in its compression is decompressed while it is moved, only to
    /// see that it is whole. Without it such data is looked at as far as that costs nothing: lz4
    /// and zstd frames and blocks must be complete, but their content is not looked at; of gzip
    /// files the lengths must be possible; uncompressed rows must end with their end marker.
    pub fn check(mut self, check: bool) -> Self {
        self.check = check;
        self
    }

    pub(super) fn ways(&self) -> Ways {
        let levelled = self.storage.compression.is_some_and(|(_, level)| level.is_some());
        Ways { recompress: levelled || self.storage.long, decode: self.check }
    }
}
