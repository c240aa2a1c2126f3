//! The options that say what a new archive is to be, for every command that makes one.

use std::ops::Deref;
use std::path::Path;

use clap::Args;

use crate::message;
use pgdmp::toc::ArchiveVersion;
use pgdmp::{Algorithm, Format, Target};

/// The options of commands that copy data as it is stored.
#[derive(Debug, Clone, Args)]
pub(crate) struct TargetArgs {
    #[command(flatten)]
    storage: StorageArgs,
    /// Verify data that is copied as stored, by decompressing all of it
    ///
    /// Without this option only the ends of such data are checked, and damage inside is copied.
    #[arg(long)]
    check: bool,
}

/// How a new archive is stored.
#[derive(Debug, Clone, Args)]
pub(crate) struct StorageArgs {
    /// Format of the output: c (custom), d (directory) or t (tar)
    ///
    /// Without this option the name of the output decides: .tar is a tar, .dir, a slash at the end
    /// and a directory that is there are a directory, and .dump is a custom archive. With any other
    /// name it is that of the (first) input.
    #[arg(short = 'F', long, value_name = "FORMAT", value_parser = parse_format)]
    pub(crate) format: Option<Format>,
    /// Number of threads that compress data
    #[arg(short = 'j', long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: u32,
    /// Compression of the data: none, gzip, lz4 or zstd; for example gzip:9 or zstd:level=5,long
    ///
    /// With a level or long, data is compressed again even if the algorithm stays the same. lz4 and
    /// zstd need archive version 1.15. An older archive is raised to it, unless --archive-version
    /// is given.
    #[arg(short = 'Z', long, value_name = "ALGO[:LEVEL]", value_parser = parse_compression)]
    compress: Option<Compress>,
    /// Compress all data anew, in a form that several threads read, with checksums
    ///
    /// Data that pgdmp compresses gets this form in any case: frames of 1 MiB with lz4 and zstd,
    /// separate parts of 1 MiB with gzip. Every pg_restore reads it. Data that is copied as it is
    /// stored keeps its form.
    #[arg(long)]
    reframe: bool,
    /// Compress all data anew, as pg_dump does: in one stream without checksums
    ///
    /// For programs that expect exactly this, and to compare bytes.
    #[arg(long, conflicts_with = "reframe")]
    plain: bool,
    /// Archive version of the output, and the oldest pg_restore that reads it: 1.12 (9.0),
    /// 1.13 (11), 1.14 (12), 1.15 (16) or 1.16 (17)
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    archive_version: Option<ArchiveVersion>,
    /// Do not wait until the output is safely on disk
    ///
    /// The output has its name as soon as it is written. If the machine crashes soon after, the
    /// output may be damaged. For a copy into a place where that does not matter: waiting takes
    /// longer than writing.
    #[arg(long)]
    no_sync: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Compress {
    pub(crate) algorithm: Algorithm,
    pub(crate) level: Option<i32>,
    pub(crate) long: bool,
}

pub(crate) fn parse_format(text: &str) -> Result<Format, String> {
    match text.to_ascii_lowercase().as_str() {
        "c" | "custom" => Ok(Format::Custom),
        "d" | "directory" => Ok(Format::Directory),
        "t" | "tar" => Ok(Format::Tar),
        _ => Err("it is c (custom), d (directory) or t (tar)".to_owned()),
    }
}

/// Parses the argument of pg_dump's `--compress`, except a bare level.
pub(crate) fn parse_compression(text: &str) -> Result<Compress, String> {
    let (name, details) = match text.split_once(':') {
        Some((name, details)) => (name, Some(details)),
        None => (text, None),
    };
    let algorithm =
        Algorithm::from_name(name).ok_or_else(|| "it is none, gzip, lz4 or zstd".to_owned())?;
    let mut compress = Compress { algorithm, level: None, long: false };
    for detail in details.iter().flat_map(|details| details.split(',')) {
        let (key, value) = detail.split_once('=').unwrap_or(("level", detail));
        match (key, value) {
            ("level", "long") => compress.long = true,
            ("level", value) => {
                let level = value.parse().map_err(|_| format!("{value} is no level"))?;
                compress.level = Some(level);
            }
            _ => return Err(format!("{key} is not known, only level and long")),
        }
    }
    Ok(compress)
}

fn parse_version(text: &str) -> Result<ArchiveVersion, String> {
    let parts = text.split_once('.').and_then(|(major, minor)| {
        // pg_restore -l writes 1.16-0.
        let minor = minor.strip_suffix("-0").unwrap_or(minor);
        Some(ArchiveVersion::new(major.parse().ok()?, minor.parse().ok()?))
    });
    parts.ok_or_else(|| "it is two numbers, as 1.14".to_owned())
}

impl Deref for TargetArgs {
    type Target = StorageArgs;

    fn deref(&self) -> &StorageArgs {
        &self.storage
    }
}

impl TargetArgs {
    /// What they say.
    pub(crate) fn target(&self) -> Target {
        self.storage.target().check(self.check)
    }
}

impl StorageArgs {
    /// Whether to wait until the output is on disk.
    pub(crate) fn syncs(&self) -> bool {
        !self.no_sync
    }

    /// The format of an output with this name, made of an input in another.
    pub(crate) fn format_of(&self, output: &Path, input: Format) -> Format {
        format_of(output, self.format, input)
    }

    pub(crate) fn has_version(&self) -> bool {
        self.archive_version.is_some()
    }

    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        self.compress.map(|compress| compress.algorithm)
    }

    /// What they say.
    pub(crate) fn target(&self) -> Target {
        let mut target = Target::new().threads(self.jobs).reframe(self.reframe).plain(self.plain);
        if let Some(format) = self.format {
            target = target.format(format);
        }
        if let Some(Compress { algorithm, level, long }) = self.compress {
            target = target.compression(algorithm, level).zstd_long(long);
        }
        if let Some(version) = self.archive_version {
            target = target.version(version);
        }
        target
    }
}

/// The format of an output with this name: the one that was asked for, that of its name, or that of
/// the input. Says what is odd about the name.
pub(crate) fn format_of(output: &Path, asked: Option<Format>, input: Format) -> Format {
    let named = format_in_name(output);
    let there = || output.is_dir().then_some(Format::Directory);
    let format = asked.or(named).or_else(there).unwrap_or(input);
    if let Some(note) = odd_name(output, named, format) {
        message::note(note);
    }
    format
}

/// The format that a name says.
fn format_in_name(output: &Path) -> Option<Format> {
    if output.as_os_str() == "-" {
        return None;
    }
    if output.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Some(Format::Directory);
    }
    match &*suffix(output)? {
        "tar" => Some(Format::Tar),
        "dir" => Some(Format::Directory),
        "dump" | "dmp" | "pgdump" | "custom" => Some(Format::Custom),
        _ => None,
    }
}

fn suffix(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// What is odd about the name of an output in this format.
fn odd_name(output: &Path, named: Option<Format>, format: Format) -> Option<String> {
    let shown = output.display();
    if let Some(named) = named.filter(|named| *named != format) {
        return Some(format!("{shown} is in {format} format, though its name says {named}"));
    }
    match &*suffix(output).filter(|_| output.as_os_str() != "-")? {
        "sql" => Some(format!(
            "{shown} is an archive in {format} format; pgdmp restore -f FILE writes SQL"
        )),
        suffix @ ("gz" | "zst" | "lz4" | "bz2" | "xz") => Some(format!(
            "{shown} is an archive in {format} format and no .{suffix} file; -Z compresses the data \
             inside"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions() {
        let parsed = |text| {
            let Compress { algorithm, level, long } = parse_compression(text).unwrap();
            (algorithm, level, long)
        };
        assert_eq!(parsed("none"), (Algorithm::None, None, false));
        assert_eq!(parsed("gzip:9"), (Algorithm::Gzip, Some(9), false));
        assert_eq!(parsed("zstd:level=-5,long"), (Algorithm::Zstd, Some(-5), true));
        assert_eq!(parsed("zstd:long"), (Algorithm::Zstd, None, true));
        for bad in ["", "brotli", "gzip:x", "zstd:workers=3"] {
            assert!(parse_compression(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn versions() {
        assert_eq!(parse_version("1.14"), Ok(ArchiveVersion::new(1, 14)));
        assert_eq!(parse_version("1.16-0"), Ok(ArchiveVersion::new(1, 16)));
        assert!(parse_version("14").is_err());
    }
}
