//! The end of a restore whose transactions did not wait until their log was on disk.

use crate::session::{Message, Session};

/// Commits a transaction that waits for its log, and so for that of all before it. A transaction
/// that writes nothing would not wait (`RecordTransactionCommit` in `xact.c`).
///
/// It waits as the database is set to, for standbys, too; where the database is set not to wait, it
/// does all the same.
///
/// # Errors
///
/// What the server says, or that the log is not on disk.
pub(crate) fn flush(session: &mut dyn Session) -> Result<(), Message> {
    const WAITS: &str = "RESET synchronous_commit; \
                         SELECT pg_catalog.set_config('synchronous_commit', 'on', true) \
                         WHERE pg_catalog.current_setting('synchronous_commit') = 'off'; ";
    const WRITES: &str = "SELECT pg_catalog.pg_logical_emit_message(true, 'pgdmp', '');";
    const WRITES_OLD: &str = "SELECT pg_catalog.lo_unlink(pg_catalog.lo_create(0));";
    let version = session.server_version();
    if version == 0 || version >= 90_600 {
        match session.rows([WAITS, WRITES].concat().as_bytes()) {
            Ok(rows) => {
                let position = rows.last().and_then(|row| row.first()).and_then(Option::as_deref);
                return check(session, position.unwrap_or_default());
            }
            // Somebody took the function from PUBLIC.
            Err(_) if session.last_state() == Some(*b"42501") => {}
            Err(message) => return Err(message),
        }
    }
    session.query([WAITS, WRITES_OLD].concat().as_bytes()).map(drop)
}

/// Whether the log is on disk up to there.
fn check(session: &mut dyn Session, position: &[u8]) -> Result<(), Message> {
    let is_position = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'/';
    if position.is_empty() || !position.iter().all(is_position) {
        return Err(b"the server does not say where its log is\n".to_vec());
    }
    let flushed = match session.server_version() {
        1..100_000 => "SELECT pg_catalog.pg_current_xlog_flush_location() >= '",
        _ => "SELECT pg_catalog.pg_current_wal_flush_lsn() >= '",
    };
    let sql = [flushed.as_bytes(), position, b"'::pg_catalog.pg_lsn;"];
    let rows = match session.rows(&sql.concat()) {
        Ok(rows) => rows,
        // The commit has waited; that it cannot be seen is no failure.
        Err(_) if session.last_state() == Some(*b"42501") => return Ok(()),
        Err(message) => return Err(message),
    };
    match rows.first().and_then(|row| row.first()).and_then(Option::as_deref) {
        Some(b"t") => Ok(()),
        _ => Err(b"the server's log did not get to disk\n".to_vec()),
    }
}
