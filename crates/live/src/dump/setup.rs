//! The settings of a session, and its snapshot: those of `pg_dump` (`setup_connection` in
//! `pg_dump.c`).

use super::item::literal;
use crate::fatal::Fatal;
use crate::session::{Message, Rows, Session};

/// Settings of all sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct Setup {
    /// The role that reads.
    pub(super) role: Option<Vec<u8>>,
    /// Digits of floating-point numbers.
    pub(super) float_digits: Option<i32>,
    /// Whether rows that the role may not see are left out, instead of being an error.
    pub(super) row_security: bool,
    /// Whether foreign tables are read.
    pub(super) foreign: bool,
    /// The snapshot of somebody else.
    pub(super) snapshot: Option<String>,
    /// Whether to wait for a snapshot that no serializable transaction can spoil.
    pub(super) deferrable: bool,
    /// How long to wait for a lock, as the server takes it.
    pub(super) lock_wait: Option<String>,
}

impl Setup {
    /// Sets a session up. Until it has a snapshot it sees the present.
    pub(super) fn prepare(&self, session: &mut dyn Session, encoding: &[u8]) -> Result<(), Fatal> {
        let version = session.server_version();
        let mut sql = Vec::new();
        if !encoding.is_empty() {
            sql.extend_from_slice(b"SET client_encoding = ");
            sql.extend_from_slice(&literal(encoding));
            sql.extend_from_slice(b";\n");
        }
        if let Some(role) = &self.role {
            sql.extend_from_slice(b"SET ROLE ");
            sql.extend_from_slice(&super::item::quote(role));
            sql.extend_from_slice(b";\n");
        }
        sql.extend_from_slice(
            b"SET DATESTYLE = ISO;\nSET INTERVALSTYLE = POSTGRES;\nSET synchronize_seqscans TO off;\n\
              SET statement_timeout = 0;\n",
        );
        let digits = self.float_digits.unwrap_or(3);
        sql.extend_from_slice(format!("SET extra_float_digits TO {digits};\n").as_bytes());
        let row_security = if self.row_security { "on" } else { "off" };
        // The first release that has it.
        let since: [(u32, String); 6] = [
            (90_300, "SET lock_timeout = 0".to_owned()),
            (90_500, format!("SET row_security = {row_security}")),
            (90_600, "SET idle_in_transaction_session_timeout = 0".to_owned()),
            // Rows of a range come in the order of the table.
            (90_600, "SET max_parallel_workers_per_gather = 0".to_owned()),
            (140_000, "SET enable_tidscan = on".to_owned()),
            (170_000, "SET transaction_timeout = 0".to_owned()),
        ];
        for (_, set) in since.iter().filter(|(first, _)| version >= *first) {
            sql.extend_from_slice(set.as_bytes());
            sql.extend_from_slice(b";\n");
        }
        must(session, &sql)?;
        let kinds = if self.foreign { "view" } else { "view, foreign-table" };
        // A view in the place of a table would run what its owner wants.
        let restrict = format!(
            "SELECT pg_catalog.set_config(name, '{kinds}', false) FROM pg_catalog.pg_settings \
             WHERE name = 'restrict_nonsystem_relation_kind'"
        );
        must(session, restrict.as_bytes())
    }

    /// Opens the transaction that all others share the snapshot of, and gives its name.
    pub(super) fn export(&self, session: &mut dyn Session) -> Result<String, Fatal> {
        let mode = match self.deferrable {
            true => "SERIALIZABLE, READ ONLY, DEFERRABLE",
            false => "REPEATABLE READ, READ ONLY",
        };
        must(session, b"BEGIN")?;
        must(session, format!("SET TRANSACTION ISOLATION LEVEL {mode}").as_bytes())?;
        if let Some(snapshot) = &self.snapshot {
            take(session, snapshot)?;
        }
        let rows = rows(session, b"SELECT pg_catalog.pg_export_snapshot()")?;
        let name = rows.into_iter().flatten().next().flatten();
        let name = name.and_then(|name| String::from_utf8(name).ok());
        name.ok_or_else(|| Fatal::server("the server gave no snapshot"))
    }

    /// Opens a transaction with that snapshot.
    pub(super) fn import(&self, session: &mut dyn Session, snapshot: &str) -> Result<(), Fatal> {
        must(session, b"BEGIN")?;
        must(session, b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
        take(session, snapshot)
    }
}

fn take(session: &mut dyn Session, snapshot: &str) -> Result<(), Fatal> {
    let sql = [b"SET TRANSACTION SNAPSHOT ", &literal(snapshot.as_bytes())[..]].concat();
    must(session, &sql)
}

/// A query without which nothing else makes sense.
pub(super) fn must(session: &mut dyn Session, sql: &[u8]) -> Result<(), Fatal> {
    session.query(sql).map(drop).map_err(|message| failed(&message, sql))
}

/// The same, with rows.
pub(super) fn rows(session: &mut dyn Session, sql: &[u8]) -> Result<Rows, Fatal> {
    session.rows(sql).map_err(|message| failed(&message, sql))
}

/// What the server says of a query, and which one it was.
pub(super) fn failed(message: &Message, sql: &[u8]) -> Fatal {
    const LONGEST: usize = 2000;
    let shown = &sql[..sql.len().min(LONGEST)];
    Fatal::Server {
        text: [b"query failed: ", &message[..]].concat(),
        detail: Some([b"Query was: ", shown].concat()),
    }
}

/// How many sessions there may be besides one: the free slots of the server that anybody has.
pub(super) fn free_slots(session: &mut dyn Session) -> Option<usize> {
    let reserved = match session.server_version() {
        160_000.. => "- pg_catalog.current_setting('reserved_connections')::pg_catalog.int4 ",
        _ => "",
    };
    let sql = format!(
        "SELECT pg_catalog.current_setting('max_connections')::pg_catalog.int4 \
         - pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int4 {reserved}\
         - (SELECT pg_catalog.sum(numbackends) FROM pg_catalog.pg_stat_database)"
    );
    let rows = session.rows(sql.as_bytes()).ok()?;
    let free = rows.into_iter().flatten().next().flatten()?;
    let free: i64 = std::str::from_utf8(&free).ok()?.parse().ok()?;
    Some(usize::try_from(free).unwrap_or(0))
}
