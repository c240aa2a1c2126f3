//! What an archive says about itself before its table of contents.

use std::io::{self, Write};

use super::Format;
use crate::compression::Algorithm;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::not_an_archive::NotAnArchive;
use crate::source::Positioned;
use crate::version::{ArchiveVersion, Gate};
use crate::wire::{Decoder, Dialect, Encoder, LastField};

/// The first bytes of a custom archive and of every `toc.dat`.
pub const MAGIC: &[u8; 5] = b"PGDMP";

/// The header of an archive: its version, compression and origin.
///
/// It is read by `ReadHead` and written by `WriteHead` in PostgreSQL's `pg_backup_archiver.c`.
///
/// ```
/// let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
/// let header = archive.header();
/// assert_eq!(header.version.to_string(), "1.16-0");
/// assert!(header.server_version.as_deref().unwrap().starts_with(b"17"));
/// assert!(header.created.unwrap().year > 100);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Version of the archive format.
    pub version: ArchiveVersion,
    /// Width in bytes of ints; 4 in practice.
    pub int_size: u8,
    /// Width in bytes of offsets; 8 in practice. Archives before 1.7 do not store it.
    pub off_size: u8,
    /// The format byte: 1 for custom, 3 for tar *and directory*. Use
    /// [`Archive::format`](crate::Archive::format) for the real format.
    pub format_code: u8,
    /// The compression of the data. In a directory, the suffix of each file decides.
    pub compression: Compression,
    /// The time when the dump was started. Not stored before 1.4.
    pub created: Option<CreationTime>,
    /// Name of the database. Not stored before 1.4.
    pub dbname: Option<Box<[u8]>>,
    /// Version of the server that was dumped, in words. Not stored before 1.10.
    pub server_version: Option<Box<[u8]>>,
    /// Version of the pg_dump that wrote the archive, in words. Not stored before 1.10.
    pub dump_version: Option<Box<[u8]>>,
}

/// The compression of an archive's data.
///
/// See the example of [`Algorithm`](crate::Algorithm).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Compression {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The level, which versions 1.2 to 1.14 store. There -1 is zlib's default, and 0 means no
    /// compression.
    pub level: Option<i32>,
}

impl Compression {
    /// An algorithm and its level.
    pub const fn new(algorithm: Algorithm, level: Option<i32>) -> Self {
        Compression { algorithm, level }
    }

    fn from_level(level: i32) -> Self {
        let algorithm = if level == 0 { Algorithm::None } else { Algorithm::Gzip };
        Compression { algorithm, level: Some(level) }
    }

    /// The level as archives before 1.15 store it.
    fn stored_level(self) -> i32 {
        self.level.unwrap_or(match self.algorithm {
            Algorithm::None => 0,
            _ => -1,
        })
    }
}

/// The time when a dump was started, as the fields of a C `struct tm`. It is in the local time of
/// the machine that ran pg_dump; the time zone is not stored.
///
/// Fields out of range are kept as they are; `pg_restore` normalises them as `mktime` does.
///
/// See the example of [`Header`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CreationTime {
    /// Seconds, 0 to 60.
    pub sec: i32,
    /// Minutes, 0 to 59.
    pub min: i32,
    /// Hours, 0 to 23.
    pub hour: i32,
    /// Day of the month, 1 to 31.
    pub mday: i32,
    /// Month, 0 to 11.
    pub mon: i32,
    /// Years since 1900.
    pub year: i32,
    /// Whether daylight saving time was in force: 1 yes, 0 no, negative unknown.
    pub isdst: i32,
}

impl CreationTime {
    /// The fields in the order in which they are stored.
    pub const fn fields(&self) -> [i32; 7] {
        [self.sec, self.min, self.hour, self.mday, self.mon, self.year, self.isdst]
    }

    /// From the fields in the order in which they are stored.
    pub const fn from_fields(fields: [i32; 7]) -> Self {
        let [sec, min, hour, mday, mon, year, isdst] = fields;
        CreationTime { sec, min, hour, mday, mon, year, isdst }
    }

    /// The present time, in UTC.
    pub fn now_utc() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        CreationTime::from_unix_utc(since.map_or(0, |since| since.as_secs()))
    }

    /// Seconds since 1970, in UTC.
    pub(crate) fn from_unix_utc(seconds: u64) -> Self {
        let days = (seconds / 86_400) as i64;
        let of_day = (seconds % 86_400) as i32;
        // Years that begin in March have their leap day last; day 0 is then 0000-03-01.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let mday = of_year - (153 * month + 2) / 5 + 1;
        let mon = (month + 2) % 12;
        let year = era * 400 + year_of_era + i64::from(mon < 2);
        CreationTime {
            sec: of_day % 60,
            min: of_day / 60 % 60,
            hour: of_day / 3600,
            mday: mday as i32,
            mon: mon as i32,
            year: (year - 1900) as i32,
            isdst: 0,
        }
    }

    /// Seconds since 1970 if it is read as UTC; 0 where that is before.
    pub(crate) fn unix_utc(&self) -> u64 {
        let [sec, min, hour, mday, mon, year, _] = self.fields().map(i64::from);
        let (year, mon) = (year + 1900 + mon.div_euclid(12), mon.rem_euclid(12));
        let year = year - i64::from(mon < 2);
        let month = (mon + 10) % 12;
        let of_year = (153 * month + 2) / 5 + mday - 1;
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
            + of_year
            - 719_468;
        u64::try_from(days * 86_400 + hour * 3600 + min * 60 + sec).unwrap_or(0)
    }
}

impl Header {
    /// A header with the usual widths and uncompressed data, and no other fields.
    pub fn new(version: ArchiveVersion, format: Format) -> Header {
        Header {
            version,
            int_size: 4,
            off_size: 8,
            format_code: format.code_in_header(),
            compression: Compression::new(Algorithm::None, None),
            created: None,
            dbname: None,
            server_version: None,
            dump_version: None,
        }
    }

    /// The layout of the table of contents behind this header, in an archive of `format`.
    pub fn dialect(&self, format: Format) -> Dialect {
        Dialect {
            version: self.version,
            int_size: self.int_size,
            off_size: self.off_size,
            last_field: match format {
                Format::Custom => LastField::Offset,
                Format::Directory | Format::Tar => LastField::FileName,
            },
        }
    }

    /// Reads a header of an archive of `format`.
    pub(crate) fn decode<I: Positioned + ?Sized>(
        input: &mut I,
        format: Format,
        limits: &Limits,
    ) -> Result<Header> {
        let start = input.position();
        // Widths and version are not known yet; bytes do not depend on them.
        let mut dialect = Dialect {
            version: ArchiveVersion::OLDEST,
            int_size: 4,
            off_size: 8,
            last_field: LastField::Offset,
        };
        let mut d = Decoder::new(input, dialect, "the header", limits);
        if d.array(MAGIC.len())?[..MAGIC.len()] != *MAGIC {
            return Err(Error::malformed("the header does not start with PGDMP").at(start));
        }
        let mut version = ArchiveVersion::new(d.byte()?, d.byte()?);
        if version.has(Gate::Revision) {
            version.revision = d.byte()?;
        }
        if !version.is_supported() {
            return Err(Error::new(ErrorKind::UnsupportedVersion(version)).at(start + 5));
        }
        let int_size = d.byte()?;
        let off_size = if version.has(Gate::OffsetFlag) { d.byte()? } else { int_size };
        dialect = Dialect { version, int_size, off_size, ..dialect };
        // Entries of other formats have no offsets, and pg_restore does not look at the width there.
        let checked = match format {
            Format::Custom => dialect,
            Format::Directory | Format::Tar => Dialect { off_size: 8, ..dialect },
        };
        checked.check_widths().map_err(|error| error.at(start + 8))?;
        d.set_dialect(dialect);
        let at = d.position();
        let format_code = d.byte()?;
        if format_code != format.code_in_header() {
            return Err(wrong_format(format, format_code).at(at));
        }
        let compression = if version.has(Gate::CompressionAlgorithm) {
            Compression { algorithm: Algorithm::from_code(d.byte()?), level: None }
        } else if version.has(Gate::CreationTime) {
            Compression::from_level(d.int()?)
        } else if version.has(Gate::CompressionLevel) {
            Compression::from_level(i32::from(d.byte()?))
        } else {
            Compression { algorithm: Algorithm::Gzip, level: None }
        };
        let (mut created, mut dbname) = (None, None);
        if version.has(Gate::CreationTime) {
            let mut fields = [0; 7];
            for field in &mut fields {
                *field = d.int()?;
            }
            created = Some(CreationTime::from_fields(fields));
            dbname = d.owned_string()?;
        }
        let (mut server_version, mut dump_version) = (None, None);
        if version.has(Gate::ProgramVersions) {
            server_version = d.owned_string()?;
            dump_version = d.owned_string()?;
        }
        Ok(Header {
            version,
            int_size,
            off_size,
            format_code,
            compression,
            created,
            dbname,
            server_version,
            dump_version,
        })
    }

    /// Writes the header; the mirror of `decode`. What the version has no field for is left out.
    pub(crate) fn encode(&self, output: &mut impl Write) -> io::Result<()> {
        let Header { version, int_size, off_size, .. } = *self;
        let dialect = Dialect { version, int_size, off_size, last_field: LastField::Offset };
        let mut e = Encoder::new(output, dialect);
        let texts = [&self.dbname, &self.server_version, &self.dump_version];
        if texts.into_iter().flatten().any(|text| text.contains(&0)) {
            let error = "a text of the header has a NUL byte";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        e.bytes(MAGIC)?;
        e.bytes(&[version.major, version.minor])?;
        if version.has(Gate::Revision) {
            e.byte(version.revision)?;
        }
        e.byte(int_size)?;
        if version.has(Gate::OffsetFlag) {
            e.byte(off_size)?;
        }
        e.byte(self.format_code)?;
        if version.has(Gate::CompressionAlgorithm) {
            e.byte(self.compression.algorithm.code())?;
        } else if version.has(Gate::CreationTime) {
            e.int(self.compression.stored_level())?;
        } else if version.has(Gate::CompressionLevel) {
            e.byte(self.compression.stored_level() as u8)?;
        }
        if version.has(Gate::CreationTime) {
            let created = self.created.unwrap_or(CreationTime::from_fields([0; 7]));
            for field in created.fields() {
                e.int(field)?;
            }
            e.string(self.dbname.as_deref())?;
        }
        if version.has(Gate::ProgramVersions) {
            e.string(self.server_version.as_deref())?;
            e.string(self.dump_version.as_deref())?;
        }
        Ok(())
    }
}

fn wrong_format(format: Format, code: u8) -> Error {
    match (format, code) {
        (Format::Custom, 3) => Error::new(ErrorKind::NotAnArchive(NotAnArchive::TocFile)),
        (_, 1) => Error::malformed(format!("a {format} archive's toc.dat says that it is custom")),
        (_, code) => Error::malformed(format!(
            "the header has format code {code}, a {format} archive has {}",
            format.code_in_header()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_both_directions() {
        let time = CreationTime::from_unix_utc(1_709_210_096);
        assert_eq!(time.fields(), [56, 34, 12, 29, 1, 124, 0]);
        for seconds in (0..5_000_000_000).step_by(7_777_777) {
            assert_eq!(CreationTime::from_unix_utc(seconds).unix_utc(), seconds);
        }
        // What no clock shows is nothing to fail at.
        assert_eq!(CreationTime::from_fields([i32::MIN; 7]).unix_utc(), 0);
        CreationTime::from_fields([i32::MAX; 7]).unix_utc();
    }
}
