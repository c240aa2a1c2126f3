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
    pub(super) reframe: bool,
}

impl Target {
    /// No changes: everything stays as it is in the source archive.
    pub fn new() -> Self {
        Target::default()
    }

    /// Sets the format.
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    storage_setters!();

    /// Whether to verify data that is copied as it is stored, by decompressing it on the way.
    /// Without this check, such data is checked only where that costs nothing: lz4 and zstd frames
    /// and blocks must be complete, the lengths of gzip files must be possible, and uncompressed
    /// rows must end with their end marker. Damage inside is then copied.
    pub fn check(mut self, check: bool) -> Self {
        self.check = check;
        self
    }

    /// Whether to compress all data anew, even where the compression stays. Data that pg_dump
    /// compressed thereby gets the form in which each MiB stands alone and has a checksum; see
    /// [`plain`](Self::plain), which rewrites all data into the other form.
    pub fn reframe(mut self, reframe: bool) -> Self {
        self.reframe = reframe;
        self
    }

    /// Whether all data is to get a form that it may not have.
    pub(super) fn rewrites(&self) -> bool {
        self.reframe || self.storage.plain
    }

    pub(super) fn ways(&self) -> Ways {
        let levelled = self.storage.compression.is_some_and(|(_, level)| level.is_some());
        let recompress = levelled || self.storage.long || self.rewrites();
        Ways { recompress, decode: self.check }
    }
}
