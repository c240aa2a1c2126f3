//! One entry: comment block, definition, owner.

use std::io::Write;

use super::passes::Part;
use super::{Writer, large_objects};
use crate::error::Result;
use crate::toc::{DataOffset, Definition, Desc, TocEntry};

impl Writer<'_> {
    /// Writes an entry, without its data.
    pub(super) fn print(&mut self, entry: &TocEntry<'_>, part: Part) -> Result<()> {
        self.become_owner(entry);
        self.select_schema(entry.namespace());
        self.select_tablespace(entry);
        self.select_access_method(entry);
        self.comment(entry, part);
        self.put_definition(entry)?;
        self.alter_owner(entry)?;
        self.alter_access_method(entry);
        if entry.desc().is_acl() {
            self.state.forget_user();
        }
        Ok(())
    }

    fn comment(&mut self, entry: &TocEntry<'_>, part: Part) {
        let verbose = self.options.verbose.is_some();
        let out = &mut self.out.text;
        out.extend_from_slice(b"--\n");
        if verbose {
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
        out.extend_from_slice(part.prefix().as_bytes());
        out.extend_from_slice(b"Name: ");
        one_line(out, entry.tag().unwrap_or_default());
        out.extend_from_slice(b"; Type: ");
        // pg_restore writes the kind as it is; no honest archive has line ends in it.
        one_line(out, entry.desc().as_bytes());
        out.extend_from_slice(b"; Schema: ");
        one_line(out, entry.namespace().unwrap_or(b"-"));
        out.extend_from_slice(b"; Owner: ");
        let owner = if self.options.no_owner { None } else { entry.owner() };
        one_line(out, owner.unwrap_or(b"-"));
        let tablespace = entry.tablespace().unwrap_or_default();
        if !tablespace.is_empty() && !self.options.no_tablespaces {
            out.extend_from_slice(b"; Tablespace: ");
            one_line(out, tablespace);
        }
        out.push(b'\n');
        if verbose {
            self.place_of_data(entry, part);
        }
        self.out.put("--\n\n");
    }

    fn place_of_data(&mut self, entry: &TocEntry<'_>, part: Part) {
        let out = &mut self.out.text;
        match (entry.data_offset(), entry.file_name()) {
            (Some(offset), _) => {
                let position = match (offset, part) {
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

    fn put_definition(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        let desc = entry.desc();
        let defn = entry.defn().unwrap_or_default();
        if self.options.no_owner && desc == Desc::SCHEMA && !defn.starts_with(b"--") {
            // The definition would name the owner.
            self.out.put("CREATE SCHEMA ");
            self.put_identifier(entry.tag().unwrap_or_default());
            self.out.put(";\n\n\n");
        } else if desc == Desc::BLOB_METADATA {
            self.each_large_object(entry, b"SELECT pg_catalog.lo_create('", b"')")?;
        } else if desc == Desc::ACL && large_objects::is_grouped_acl(entry) {
            self.grouped_acl(entry)?;
        } else if !defn.is_empty() {
            if entry.definition() == Definition::ViaPartitionRoot {
                // A comment with the name of a table. An old pg_dump put it there as it was, and
                // what is behind a line end in it would be a command.
                let (text, end) = match defn {
                    [text @ .., b'\n'] => (text, "\n\n\n"),
                    text => (text, "\n\n"),
                };
                one_line(&mut self.out.text, text);
                self.out.put(end);
            } else {
                self.out.put(defn);
                self.out.put("\n\n");
            }
            if !matches!(desc, Desc::FUNCTION | Desc::PROCEDURE) {
                self.count_statements(defn);
            }
        }
        Ok(())
    }
}

/// A name in a comment, which must not end the comment.
fn one_line(out: &mut Vec<u8>, name: &[u8]) {
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
