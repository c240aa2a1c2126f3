//! The processes of sessions on the server.

use std::thread;
use std::time::{Duration, Instant};

use crate::fatal::Fatal;
use crate::session::{Message, Rows, Session};

/// A session, so that it is not taken for a later one of the same process id.
const WHO: &str = "SELECT pid::pg_catalog.text || ' ' || \
                   pg_catalog.date_part('epoch', backend_start)::pg_catalog.text \
                   FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()";

/// What names a session for [`end`].
pub(crate) fn who(session: &mut dyn Session) -> Result<String, Fatal> {
    one(session, WHO)
}

/// Ends sessions that may still be at work on what they were sent, and waits until they are gone.
pub(crate) fn end(session: &mut dyn Session, sessions: &[String]) -> Result<(), Fatal> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let list: Vec<String> = sessions.iter().map(|session| format!("'{session}'")).collect();
    if list.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE \
         pid::pg_catalog.text || ' ' || \
         pg_catalog.date_part('epoch', backend_start)::pg_catalog.text IN ({})",
        list.join(", ")
    );
    let begun = Instant::now();
    while !rows(session, &sql)?.is_empty() {
        if begun.elapsed() > PATIENCE {
            return Err(Fatal::server("a session of the earlier restore does not end"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Asks the server something about itself.
pub(crate) fn rows(session: &mut dyn Session, sql: &str) -> Result<Rows, Fatal> {
    session.rows(sql.as_bytes()).map_err(|message: Message| Fatal::Server {
        text: [b"query failed: ", &message[..]].concat(),
        detail: Some(format!("Query was: {sql}").into_bytes()),
    })
}

/// The one value that a query asks for: digits, points and spaces.
pub(crate) fn one(session: &mut dyn Session, sql: &str) -> Result<String, Fatal> {
    let rows = rows(session, sql)?;
    let value = rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten();
    let text = value.and_then(|value| String::from_utf8(value).ok()).unwrap_or_default();
    if text.is_empty() || text.contains(|c: char| !matches!(c, '0'..='9' | '.' | ' ')) {
        return Err(Fatal::server(format!("unexpected answer to the query: {sql}")));
    }
    Ok(text)
}
