//! `--clean` and `--if-exists`.

use super::large_objects::{UNLINK, UNLINK_IF_EXISTS};
use super::{Event, Purpose, Run, Step, is_database};
use crate::error::Result;
use crate::toc::{Desc, TocEntry};

impl Run<'_> {
    /// Drops everything that is going to be created, in the opposite order.
    pub(super) fn drop_all(&mut self) -> Result<()> {
        let selected = self.selected;
        for (entry, decision) in selected.all().rev() {
            // With the database everything in it goes.
            if selected.creates_database() && !is_database(&entry) {
                continue;
            }
            let wanted = decision.wanted.schema || decision.wanted.data;
            let Some(drop) = entry.drop_stmt().filter(|_| wanted) else { continue };
            self.tell(Event::Dropping(entry))?;
            self.drop_one(&entry, drop)?;
        }
        self.state.forget_schema();
        Ok(())
    }

    fn drop_one(&mut self, entry: &TocEntry<'_>, drop: &[u8]) -> Result<()> {
        // A database is not dropped in a transaction.
        let alone = is_database(entry) && self.in_transactions();
        if alone {
            self.step(&Step::Commit)?;
        }
        self.become_owner(entry)?;
        self.select_schema(entry, entry.namespace())?;
        if entry.desc() == Desc::BLOB_METADATA {
            let (begin, end) = if self.options.if_exists { UNLINK_IF_EXISTS } else { UNLINK };
            let (begin, end) = (begin.as_bytes(), end.as_bytes());
            self.each_large_object(entry, Purpose::Drop, entry, begin, end)?;
        } else if !self.options.if_exists || drop.starts_with(b"--") {
            self.drop_by(entry, drop)?;
        } else if drop.is_empty() {
        } else if entry.desc() == Desc::BLOB {
            let (begin, end) = UNLINK_IF_EXISTS;
            let oid = entry.catalog_id().oid;
            self.drop_by(entry, format!("{begin}{oid}{end};\n").as_bytes())?;
        } else {
            match if_exists(entry.desc(), drop) {
                Some(text) => self.drop_by(entry, &text)?,
                None => {
                    self.tell(Event::NoPlaceForIfExists(drop))?;
                    let (before, rest) = alter_table(drop);
                    self.drop_by(entry, &[before, rest].concat())?;
                }
            }
        }
        if alone { self.begin() } else { self.count().map(|_| ()) }
    }

    fn drop_by(&mut self, entry: &TocEntry<'_>, text: &[u8]) -> Result<()> {
        if text.is_empty() { Ok(()) } else { self.statement(Some(entry), Purpose::Drop, text, 0) }
    }
}

/// Puts `IF EXISTS` behind the `ALTER TABLE` that a statement may begin with, and splits it there.
fn alter_table(drop: &[u8]) -> (&'static [u8], &[u8]) {
    match drop.strip_prefix(b"ALTER TABLE") {
        Some(rest) => (b"ALTER TABLE IF EXISTS", rest),
        None => (b"", drop),
    }
}

/// A statement that drops an object of a kind, with `IF EXISTS` where it has to be; `None` if it
/// does not look like one.
fn if_exists(desc: Desc<'_>, drop: &[u8]) -> Option<Vec<u8>> {
    let (before, rest) = alter_table(drop);
    // These take away something of an object that is there.
    if matches!(desc, Desc::DEFAULT | Desc::DATABASE_PROPERTIES)
        || rest.starts_with(b"CREATE OR REPLACE VIEW")
    {
        return Some([before, rest].concat());
    }
    let mark = match desc {
        Desc::CONSTRAINT | Desc::CHECK_CONSTRAINT | Desc::FK_CONSTRAINT => {
            b"DROP CONSTRAINT".to_vec()
        }
        _ => {
            let mut mark = [b"DROP ", desc.as_bytes()].concat();
            // pg_restore has room for that much.
            mark.truncate(39);
            mark
        }
    };
    let at = rest.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let (start, end) = rest.split_at(at);
    Some([before, start, b" IF EXISTS", end].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(desc: Desc<'_>, drop: &str) -> Option<String> {
        if_exists(desc, drop.as_bytes()).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn statements() {
        for (desc, drop, expected) in [
            (Desc::TABLE, "DROP TABLE s.t;\n", "DROP TABLE IF EXISTS s.t;\n"),
            (
                Desc::CONSTRAINT,
                "ALTER TABLE ONLY s.t DROP CONSTRAINT c;\n",
                "ALTER TABLE IF EXISTS ONLY s.t DROP CONSTRAINT IF EXISTS c;\n",
            ),
            (
                Desc::DEFAULT,
                "ALTER TABLE s.t ALTER COLUMN a DROP DEFAULT;\n",
                "ALTER TABLE IF EXISTS s.t ALTER COLUMN a DROP DEFAULT;\n",
            ),
            (Desc::VIEW, "CREATE OR REPLACE VIEW v AS x;\n", "CREATE OR REPLACE VIEW v AS x;\n"),
            // No word boundary is looked for, as in pg_restore.
            (Desc::TABLE, "DROP TABLESPACE x;\n", "DROP TABLE IF EXISTSSPACE x;\n"),
        ] {
            assert_eq!(text(desc, drop).as_deref(), Some(expected));
        }
        assert_eq!(text(Desc::TABLE, "DROP VIEW v;\n"), None);
    }
}
