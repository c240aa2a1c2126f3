//! Whether a server still has all that it said was done.

use crate::session::Session;

/// What is another after a crash of a server, or when another server takes its place. It stays when
/// a server is shut down and started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Epoch(String);

impl Epoch {
    /// That of a server, which does not say in recovery. It is the timeline, and when counts of
    /// events began, which are lost in a crash (`pgstat_reset_after_failure`).
    pub(crate) fn of(session: &mut dyn Session) -> Option<Epoch> {
        let position = match session.server_version() {
            1..100_000 => "pg_catalog.pg_xlogfile_name(pg_catalog.pg_current_xlog_location())",
            _ => "pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())",
        };
        let sql = format!(
            "SELECT pg_catalog.substr({position}, 1, 8) || ' ' || \
             (pg_catalog.date_part('epoch', stats_reset) * 1000000)::pg_catalog.int8::pg_catalog.text \
             FROM pg_catalog.pg_stat_bgwriter"
        );
        let row = session.rows(sql.as_bytes()).ok()?.into_iter().next()?;
        let text = String::from_utf8(row.into_iter().next()??).ok()?;
        Epoch::parse(&text)
    }

    /// As [`text`](Self::text) writes it.
    pub(crate) fn parse(text: &str) -> Option<Epoch> {
        let is_number =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit());
        let (timeline, counts) = text.split_once(' ')?;
        (is_number(timeline) && is_number(counts)).then(|| Epoch(text.to_owned()))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Whether it is not only a crash that lies between.
    pub(crate) fn is_of_another_server(&self, other: &Epoch) -> bool {
        let timeline = |epoch: &'_ Epoch| epoch.0.split(' ').next().map(str::to_owned);
        timeline(self) != timeline(other)
    }
}
