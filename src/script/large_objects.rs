//! Large objects: their data, and the entries that stand for a group of them.

use std::io::BufRead;

use super::feed::{DataFeed, Met};
use super::{Event, Purpose, Run, Step};
use crate::error::{Error, Result};
use crate::text::shown;
use crate::toc::{Desc, Format, Oid, TocEntry};
use crate::version::Gate;

/// What stands before and behind an OID to remove a large object.
pub(super) const UNLINK: (&str, &str) = ("SELECT pg_catalog.lo_unlink('", "')");

/// As [`UNLINK`], for one that may not be there.
pub(super) const UNLINK_IF_EXISTS: (&str, &str) =
    ("SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '", "'");

/// Bytes that one `lowrite` gets.
const PIECE: usize = 16 << 10;

/// Whether it grants privileges on all large objects of a group.
pub(super) fn is_grouped_acl(entry: &TocEntry<'_>) -> bool {
    entry.tag().is_some_and(|tag| tag.starts_with(b"LARGE OBJECTS"))
}

impl Run<'_> {
    /// Restores the data of an entry with large objects.
    pub(super) fn large_objects(
        &mut self,
        entry: &TocEntry<'_>,
        feed: &mut dyn DataFeed,
    ) -> Result<()> {
        self.tell(Event::ProcessingData(*entry))?;
        self.select_schema(entry, Some(b"pg_catalog"))?;
        if entry.desc() == Desc::BLOB_COMMENTS {
            return self.inserts(entry, feed);
        }
        // What lo_open gives lives as long as a transaction.
        let own_transaction = !self.options.single_transaction && !self.in_transactions();
        // In a custom archive they have to be found first.
        let begin_early = self.format != Format::Custom;
        if own_transaction && begin_early {
            self.begin_objects()?;
        }
        let mut count = 0;
        let mut piece = Vec::with_capacity(PIECE);
        let complaints = feed.large_objects(*entry, &mut |met| match met {
            Met::Found if own_transaction && !begin_early => self.begin_objects(),
            Met::Found => Ok(()),
            Met::Object(oid, data) => {
                count += 1;
                self.large_object(entry, oid, data, &mut piece)
            }
        })?;
        self.tell(Event::LargeObjects(count))?;
        if own_transaction {
            self.step(&Step::Commit)?;
            self.step(&Step::EmptyLine)?;
        }
        self.complain(&complaints)
    }

    fn begin_objects(&mut self) -> Result<()> {
        self.step(&Step::Begin)?;
        self.step(&Step::EmptyLine)
    }

    fn large_object(
        &mut self,
        entry: &TocEntry<'_>,
        oid: Oid,
        data: &mut dyn BufRead,
        piece: &mut Vec<u8>,
    ) -> Result<()> {
        self.tell(Event::LargeObject(oid))?;
        if self.format == Format::Tar {
            // pg_restore says it twice.
            self.tell(Event::LargeObject(oid))?;
        }
        // Before there were entries for them, nothing else creates or drops it.
        let create = !self.selected.toc().header().version.has(Gate::LargeObjectEntries);
        if create && self.options.clean {
            let (begin, end) = UNLINK_IF_EXISTS;
            let text = format!("{begin}{oid}{end};\n");
            self.statement(Some(entry), Purpose::Drop, text.as_bytes(), 0)?;
        }
        self.step(&Step::LargeObjectOpen { entry: *entry, oid, create })?;
        let std_strings = self.session.std_strings;
        while fill(data, piece)? {
            self.step(&Step::LargeObjectWrite { data: piece, std_strings })?;
        }
        self.step(&Step::LargeObjectClose)
    }

    /// Sends a statement for each large object of a group; its OIDs are the lines of the
    /// definition.
    pub(super) fn each_large_object(
        &mut self,
        entry: &TocEntry<'_>,
        purpose: Purpose<'_>,
        group: &TocEntry<'_>,
        begin: &[u8],
        end: &[u8],
    ) -> Result<()> {
        let mut oids = group.defn().unwrap_or_default();
        while let Some(len) = oids.iter().position(|byte| *byte == b'\n') {
            let oid = &oids[..len];
            // They go where a name would be quoted.
            if !oid.iter().all(u8::is_ascii_digit) {
                return Err(Error::malformed(format!(
                    "\"{}\" is not the OID of a large object",
                    shown(oid)
                ))
                .in_entry(|| group.name()));
            }
            let mut sql = self.sql();
            sql.put(begin).put(oid).put(end).put(";\n");
            self.send(Some(entry), purpose, sql, 0)?;
            self.count_apart()?;
            oids = &oids[len + 1..];
        }
        self.step(&Step::EmptyLine)
    }

    /// Sets the privileges of each large object of a group. The definition has them for one,
    /// and the OID in it is to be replaced by that of each.
    pub(super) fn grouped_acl(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        let toc = entry.toc();
        let Some(id) = entry.dependencies().first() else {
            return Err(
                Error::malformed("the entry depends on no large objects").in_entry(|| entry.name())
            );
        };
        let Some(group) = toc.entry(*id) else {
            return Err(Error::malformed(format!("could not find entry for ID {id}")));
        };
        if group.desc() != Desc::BLOB_METADATA {
            return Err(Error::malformed("the entry depends on something else than large objects")
                .in_entry(|| entry.name()));
        }
        for (begin, end) in acl_commands(entry.defn().unwrap_or_default()) {
            self.each_large_object(entry, Purpose::Privileges, &group, begin, end)?;
        }
        Ok(())
    }
}

/// The commands of a definition, each split around the OID it is about. Without an OID there is
/// nothing to repeat.
fn acl_commands(defn: &[u8]) -> Vec<(&[u8], &[u8])> {
    const OBJECT: &[u8] = b"LARGE OBJECT ";
    let mut commands = Vec::new();
    let mut quoted = false;
    let (mut start, mut at) = (0, 0);
    let mut begin = None;
    while at < defn.len() {
        let rest = &defn[at..];
        match rest[0] {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            _ if begin.is_none() && rest.starts_with(OBJECT) => {
                at += OBJECT.len();
                begin = Some(&defn[start..at]);
                at += defn[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                start = at;
                continue;
            }
            b';' => {
                if let Some(begin) = begin.take() {
                    commands.push((begin, &defn[start..at]));
                }
                at += 1;
                at += defn[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                start = at;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    commands
}

/// Fills a piece, unless the data ends; says whether there is anything in it.
fn fill(data: &mut dyn BufRead, piece: &mut Vec<u8>) -> Result<bool> {
    piece.clear();
    while piece.len() < PIECE {
        let available = data.fill_buf()?;
        if available.is_empty() {
            break;
        }
        let n = available.len().min(PIECE - piece.len());
        piece.extend_from_slice(&available[..n]);
        data.consume(n);
    }
    Ok(!piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_commands_around_the_oid() {
        let defn = b"REVOKE ALL ON LARGE OBJECT 17 FROM \"LARGE OBJECT 5;\";\n\
                     GRANT SELECT ON LARGE OBJECT 17 TO a;\n";
        let commands = acl_commands(defn);
        assert_eq!(commands.len(), 2);
        assert_eq!(
            commands[0],
            (&b"REVOKE ALL ON LARGE OBJECT "[..], &b" FROM \"LARGE OBJECT 5;\""[..])
        );
        assert_eq!(commands[1], (&b"GRANT SELECT ON LARGE OBJECT "[..], &b" TO a"[..]));
    }
}
