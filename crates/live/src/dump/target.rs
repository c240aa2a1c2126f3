//! What a new archive is to be.

use pgdmp::toc::{ArchiveVersion, Header};
use pgdmp::write::WriteOptions;
use pgdmp::{Algorithm, ArchiveBuilder, Format, Target, Toc};

/// The first archive version that has lz4 and zstd.
const ALL_COMPRESSIONS: ArchiveVersion = ArchiveVersion::new(1, 15);

/// What a new archive is to be. The default is a custom archive with gzip.
///
/// ```
/// use pgdmp::{Algorithm, Format};
/// use pgdmp_live::dump::DumpTarget;
///
/// let target = DumpTarget::new().format(Format::Directory).compression(Algorithm::Zstd, Some(9));
/// # let _ = target;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct DumpTarget {
    format: Format,
    compression: Option<(Algorithm, Option<i32>)>,
    long: bool,
}

impl Default for DumpTarget {
    fn default() -> Self {
        DumpTarget { format: Format::Custom, compression: None, long: false }
    }
}

impl DumpTarget {
    /// The default.
    pub fn new() -> Self {
        DumpTarget::default()
    }

    /// Sets the format.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets the compression, and its level. Nothing in a tar is compressed. lz4 and zstd raise the
    /// version of the archive to 1.15, which `pg_restore` 16 and newer read, if that of `pg_dump` is
    /// older.
    pub fn compression(mut self, algorithm: Algorithm, level: Option<i32>) -> Self {
        self.compression = Some((algorithm, level));
        self
    }

    /// Sets zstd's long-distance mode.
    pub fn zstd_long(mut self, long: bool) -> Self {
        self.long = long;
        self
    }

    pub(super) fn is_tar(&self) -> bool {
        self.format == Format::Tar
    }

    fn version(&self, header: &Header) -> ArchiveVersion {
        match self.compression {
            Some((algorithm, _)) if !algorithm.fits(header.version) => ALL_COMPRESSIONS,
            _ => header.version,
        }
    }

    /// A new archive with some entries of another, given by their places.
    pub(super) fn builder(
        &self,
        toc: &Toc,
        entries: impl Iterator<Item = usize>,
        threads: u32,
    ) -> pgdmp::Result<ArchiveBuilder> {
        let header = toc.header();
        let mut options = WriteOptions::new().describe_as(header).version(self.version(header));
        options = options.zstd_long(self.long).threads(threads);
        if let Some((algorithm, level)) = self.compression {
            options = options.compression(algorithm, level);
        }
        let mut builder = ArchiveBuilder::new(self.format, &options)?;
        for entry in entries.filter_map(|place| toc.get(place)) {
            builder.entry(&entry.fields())?;
        }
        Ok(builder)
    }

    /// The same, for an archive that is made of what `pg_dump` wrote.
    pub(super) fn conversion(&self, header: &Header, threads: u32) -> Target {
        let mut target = Target::new().format(self.format).threads(threads).zstd_long(self.long);
        target = target.version(self.version(header));
        match self.compression {
            Some((algorithm, level)) => target.compression(algorithm, level),
            None if self.format == Format::Tar => target,
            // It comes without.
            None => target.compression(Algorithm::Gzip, None),
        }
    }
}
