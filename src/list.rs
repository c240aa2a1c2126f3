//! The text of `pg_restore -l`, byte for byte: `PrintTOCSummary` of `pg_backup_archiver.c`.

use std::io::{self, Write};

use crate::select::Selected;
use crate::toc::{Format, Toc, TocEntry};

/// Writes what `pg_restore -l` prints.
///
/// ```
/// let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selected = pgdmp::Selection::default().apply(archive.toc())?;
/// let mut text = Vec::new();
/// pgdmp::Listing::new(archive.toc(), archive.format())
///     .created("2026-11-22 06:42:03 UTC")
///     .write(&selected, &mut text)?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Listing<'a> {
    toc: &'a Toc,
    format: Format,
    created: String,
    verbose: bool,
}

impl<'a> Listing<'a> {
    /// A listing of an archive.
    pub fn new(toc: &'a Toc, format: Format) -> Self {
        Listing { toc, format, created: "[unknown]".to_owned(), verbose: false }
    }

    /// When the archive was made, in words. The archive knows the time but not its zone, and
    /// pg_restore shows it in the zone of whoever asks; this crate has no time zones.
    pub fn created(&mut self, text: impl Into<String>) -> &mut Self {
        self.created = text.into();
        self
    }

    /// Whether to list all entries, and what each depends on (`-v`).
    pub fn verbose(&mut self, verbose: bool) -> &mut Self {
        self.verbose = verbose;
        self
    }

    /// Writes the listing. Names are written as they are stored, but for line ends, which become
    /// blanks; kinds and versions, too, where pg_restore would write a second line.
    pub fn write(&self, selected: &Selected<'_>, mut output: impl Write) -> io::Result<()> {
        let mut line = Vec::new();
        self.write_header(&mut line)?;
        for (entry, decision) in selected.all() {
            if !self.verbose && !decision.wanted.is_listed() {
                continue;
            }
            write_entry(entry, &mut line);
            if self.verbose && !entry.dependencies().is_empty() {
                line.extend_from_slice(b";\tdepends on:");
                for id in entry.dependencies() {
                    write!(line, " {id}")?;
                }
                line.push(b'\n');
            }
            if line.len() > 32 << 10 {
                output.write_all(&line)?;
                line.clear();
            }
        }
        output.write_all(&line)
    }

    fn write_header(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let header = self.toc.header();
        write!(out, ";\n; Archive created at {}\n;     dbname: ", self.created)?;
        write_name(header.dbname.as_deref().unwrap_or_default(), out);
        write!(
            out,
            "\n;     TOC Entries: {}\n;     Compression: {}\n;     Dump Version: {}\n\
             ;     Format: {}\n;     Integer: {} bytes\n;     Offset: {} bytes\n",
            self.toc.declared_len(),
            header.compression.algorithm.name(),
            header.version,
            self.format.name(),
            header.int_size,
            header.off_size,
        )?;
        for (what, version) in [
            ("Dumped from database version", &header.server_version),
            ("Dumped by pg_dump version", &header.dump_version),
        ] {
            if let Some(version) = version {
                write!(out, ";     {what}: ")?;
                write_name(version, out);
                out.push(b'\n');
            }
        }
        out.extend_from_slice(b";\n;\n; Selected TOC Entries:\n;\n");
        Ok(())
    }
}

fn write_entry(entry: TocEntry<'_>, out: &mut Vec<u8>) {
    let catalog_id = entry.catalog_id();
    let start = out.len();
    write_number(entry.dump_id().0.unsigned_abs(), out);
    out.extend_from_slice(b"; ");
    write_number(catalog_id.table_oid.0, out);
    out.push(b' ');
    write_number(catalog_id.oid.0, out);
    for name in [
        entry.desc().as_bytes(),
        entry.namespace().unwrap_or(b"-"),
        entry.tag().unwrap_or_default(),
        entry.owner().unwrap_or_default(),
    ] {
        out.push(b' ');
        out.extend_from_slice(name);
    }
    hide_line_ends(&mut out[start..]);
    out.push(b'\n');
}

fn write_name(name: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(name);
    hide_line_ends(&mut out[start..]);
}

/// Makes blanks of line ends, so that a name cannot pretend to be another line.
fn hide_line_ends(text: &mut [u8]) {
    for byte in text {
        // Written whatever it is, which lets the compiler do many at once.
        *byte = if matches!(*byte, b'\n' | b'\r') { b' ' } else { *byte };
    }
}

/// Half a million lines with three numbers each: worth not going through `fmt`.
fn write_number(mut number: u32, out: &mut Vec<u8>) {
    const PAIRS: [[u8; 2]; 100] = {
        let mut pairs = [[b'0'; 2]; 100];
        let mut n = 0;
        while n < 100 {
            pairs[n] = [b'0' + n as u8 / 10, b'0' + n as u8 % 10];
            n += 1;
        }
        pairs
    };
    let mut digits = [0; 10];
    let mut at = digits.len();
    while number >= 10 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[(number % 100) as usize]);
        number /= 100;
    }
    if number > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + number as u8;
    }
    out.extend_from_slice(&digits[at..]);
}
