//! The text of `pg_restore -l`, byte for byte: `PrintTOCSummary` of `pg_backup_archiver.c`.

use std::io::{self, Write};

use crate::select::Selected;
use crate::toc::{DumpId, Format, Toc, TocEntry};
use crate::wire::write_number;

/// Writes the table of contents as `pg_restore -l` prints it.
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
#[must_use]
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

    /// Sets the text for the time when the archive was made. An archive stores local time without
    /// its zone, and pg_restore shows it in the user's zone. This crate has no time zones.
    pub fn created(mut self, text: impl Into<String>) -> Self {
        self.created = text.into();
        self
    }

    /// Whether to list all entries, with the dependencies of each (`-v`).
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Writes the listing. Names are written as they are stored, except that line ends become
    /// blanks. So do line ends in kinds and versions, where pg_restore would write a second line.
    pub fn write(&self, selected: &Selected<'_>, mut output: impl Write) -> io::Result<()> {
        let mut text = Vec::new();
        self.write_header(&mut text)?;
        output.write_all(&text)?;
        let mut lines = Lines::default();
        for (entry, decision) in selected.all() {
            if !self.verbose && !decision.wanted.is_listed() {
                continue;
            }
            lines.entry(entry);
            if self.verbose && !entry.dependencies().is_empty() {
                lines.dependencies(entry.dependencies());
            }
            if lines.text.len() > 32 << 10 {
                lines.flush(&mut output)?;
            }
        }
        lines.flush(&mut output)
    }

    fn write_header(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let header = self.toc.header();
        write!(out, ";\n; Archive created at {}\n;     dbname: ", self.created)?;
        write_name(header.dbname.as_deref().unwrap_or_default(), out);
        write!(
            out,
            "\n;     TOC Entries: {}\n;     Compression: {}\n;     Dump Version: {}\n\
             ;     Format: {}\n;     Integer: {} bytes\n;     Offset: {} bytes\n",
            self.toc.len(),
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

/// Lines on their way. Half a million of them are worth some care.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    /// Where lines end: any other line end is of a name.
    ends: Vec<usize>,
}

impl Lines {
    fn entry(&mut self, entry: TocEntry<'_>) {
        let catalog_id = entry.catalog_id();
        write_number(entry.dump_id().0.unsigned_abs(), &mut self.text);
        self.text.extend_from_slice(b"; ");
        write_number(catalog_id.table_oid.0, &mut self.text);
        self.text.push(b' ');
        write_number(catalog_id.oid.0, &mut self.text);
        for name in [
            entry.desc().as_bytes(),
            entry.namespace().unwrap_or(b"-"),
            entry.tag().unwrap_or_default(),
            entry.owner().unwrap_or_default(),
        ] {
            self.text.push(b' ');
            self.text.extend_from_slice(name);
        }
        self.end();
    }

    fn dependencies(&mut self, ids: &[DumpId]) {
        self.text.extend_from_slice(b";\tdepends on:");
        for id in ids {
            // Writing to memory does not fail.
            let _ = write!(self.text, " {id}");
        }
        self.end();
    }

    fn end(&mut self) {
        self.ends.push(self.text.len());
        self.text.push(b'\n');
    }

    fn flush(&mut self, output: &mut impl Write) -> io::Result<()> {
        hide_line_ends(&mut self.text);
        for end in self.ends.drain(..) {
            self.text[end] = b'\n';
        }
        output.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
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
