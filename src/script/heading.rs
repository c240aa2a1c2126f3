//! The comment above an entry.

use std::io::Write;

use crate::toc::{DataOffset, TocEntry};

/// What is said before an entry's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Definition,
    Data { seen_at: Option<u64> },
    Statistics,
}

impl Part {
    fn prefix(self) -> &'static str {
        match self {
            Part::Definition => "",
            Part::Data { .. } => "Data for ",
            Part::Statistics => "Statistics for ",
        }
    }
}

/// The comment that a script has above an entry: its name, kind, schema and owner; in a
/// [verbose](super::ScriptOptions::verbose) one also ids, dependencies and the place of its data.
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    pub(super) entry: TocEntry<'a>,
    pub(super) part: Part,
    pub(super) verbose: bool,
    pub(super) no_owner: bool,
    pub(super) no_tablespaces: bool,
}

impl<'a> Heading<'a> {
    /// The entry below it.
    pub fn entry(&self) -> TocEntry<'a> {
        self.entry
    }

    /// The comment, and the empty line behind it.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write_to(&mut text);
        text
    }

    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        let entry = &self.entry;
        out.extend_from_slice(b"--\n");
        if self.verbose {
            let catalog_id = entry.catalog_id();
            line(
                out,
                format_args!(
                    "-- TOC entry {} (class {} OID {})\n",
                    entry.dump_id(),
                    catalog_id.table_oid,
                    catalog_id.oid
                ),
            );
            if !entry.dependencies().is_empty() {
                out.extend_from_slice(b"-- Dependencies:");
                for id in entry.dependencies() {
                    line(out, format_args!(" {id}"));
                }
                out.push(b'\n');
            }
        }
        out.extend_from_slice(b"-- ");
        out.extend_from_slice(self.part.prefix().as_bytes());
        out.extend_from_slice(b"Name: ");
        one_line(out, entry.tag().unwrap_or_default());
        out.extend_from_slice(b"; Type: ");
        // pg_restore writes the kind as it is; no honest archive has line ends in it.
        one_line(out, entry.desc().as_bytes());
        out.extend_from_slice(b"; Schema: ");
        one_line(out, entry.namespace().unwrap_or(b"-"));
        out.extend_from_slice(b"; Owner: ");
        let owner = if self.no_owner { None } else { entry.owner() };
        one_line(out, owner.unwrap_or(b"-"));
        let tablespace = entry.tablespace().unwrap_or_default();
        if !tablespace.is_empty() && !self.no_tablespaces {
            out.extend_from_slice(b"; Tablespace: ");
            one_line(out, tablespace);
        }
        out.push(b'\n');
        if self.verbose {
            self.place_of_data(out);
        }
        out.extend_from_slice(b"--\n\n");
    }

    fn place_of_data(&self, out: &mut Vec<u8>) {
        match (self.entry.data_offset(), self.entry.file_name()) {
            (Some(offset), _) => {
                let position = match (offset, self.part) {
                    (DataOffset::At(position), _) => position,
                    (DataOffset::NotSet, Part::Data { seen_at }) => seen_at.unwrap_or(0),
                    _ => 0,
                };
                line(out, format_args!("-- Data Pos: {position}\n"));
            }
            (None, Some(name)) if !name.is_empty() => {
                out.extend_from_slice(b"-- File: ");
                one_line(out, name);
                out.push(b'\n');
            }
            _ => {}
        }
    }
}

/// A name in a comment, which must not end the comment.
pub(super) fn one_line(out: &mut Vec<u8>, name: &[u8]) {
    let start = out.len();
    out.extend_from_slice(name);
    for byte in &mut out[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

fn line(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}
