//! What a restore sets in each of its sessions, behind what every restore sets.

use crate::fatal::Fatal;
use crate::means::Means;
use crate::session::Session;

/// Most memory that one session is given to build an index in.
const MOST_MEMORY: u64 = 2 << 30;

/// The settings of a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Of the means of being faster: one query. If the server refuses it, the restore is slower.
    ours: Vec<u8>,
    /// What the caller wants.
    wanted: Vec<(String, String)>,
}

impl Settings {
    /// What the caller wants, and nothing else.
    pub(crate) fn wanted(wanted: &[(String, String)]) -> Self {
        Settings { ours: Vec::new(), wanted: wanted.to_vec() }
    }

    /// The settings of `sessions` sessions that work at the same time.
    pub(crate) fn of(
        means: Means,
        wanted: &[(String, String)],
        sessions: usize,
        session: &mut dyn Session,
    ) -> Self {
        let mut settings = Settings::wanted(wanted);
        if means.async_commit {
            settings.ours.extend_from_slice(b"SET synchronous_commit = off;\n");
        }
        if means.freeze {
            // A transaction that keeps a snapshot cannot freeze.
            settings
                .ours
                .extend_from_slice(b"SET default_transaction_isolation = 'read committed';\n");
        }
        if means.tuning
            && let Some(budget) = Budget::of(session)
        {
            let sessions = u64::try_from(sessions.max(1)).unwrap_or(u64::MAX);
            settings.ours.extend_from_slice(budget.share(sessions).as_bytes());
        }
        settings
    }

    /// Sets them.
    ///
    /// # Errors
    ///
    /// The server refuses what the caller wants.
    pub(crate) fn set(&self, session: &mut dyn Session) -> Result<(), Fatal> {
        if !self.ours.is_empty() {
            // Whoever loses the connection here hears of it with the next query.
            let _ = session.query(&self.ours);
        }
        for (name, value) in &self.wanted {
            let sql = [
                b"SELECT pg_catalog.set_config(",
                &literal(name)[..],
                b", ",
                &literal(value),
                b", false);",
            ];
            session.query(&sql.concat()).map_err(|message| {
                let what = format!("could not set \"{name}\" to \"{value}\": ");
                Fatal::server([what.as_bytes(), &message].concat())
            })?;
        }
        Ok(())
    }
}

/// A string, whatever the session makes of backslashes.
fn literal(text: &str) -> Vec<u8> {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")).into_bytes()
}

/// What a server has for building indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Budget {
    /// `shared_buffers` and `maintenance_work_mem`, in bytes.
    shared_buffers: u64,
    maintenance_work_mem: u64,
    /// `max_parallel_workers` and `max_parallel_maintenance_workers`, which came with PostgreSQL 11.
    workers: Option<(u64, u64)>,
}

impl Budget {
    /// `None` if the server does not say.
    fn of(session: &mut dyn Session) -> Option<Budget> {
        let sql = "SELECT name, setting, unit FROM pg_catalog.pg_settings WHERE name IN \
                   ('shared_buffers', 'maintenance_work_mem', 'max_parallel_workers', \
                   'max_parallel_maintenance_workers');";
        let rows = session.rows(sql.as_bytes()).ok()?;
        let value = |wanted: &str| {
            let row = rows
                .iter()
                .find(|row| row.first().and_then(Option::as_deref) == Some(wanted.as_bytes()))?;
            let text = |column: usize| std::str::from_utf8(row.get(column)?.as_deref()?).ok();
            let number: u64 = text(1)?.parse().ok()?;
            let unit = match text(2) {
                Some("kB") => 1 << 10,
                Some("8kB") => 8 << 10,
                Some("MB") => 1 << 20,
                _ => 1,
            };
            number.checked_mul(unit)
        };
        let workers = value("max_parallel_workers").zip(value("max_parallel_maintenance_workers"));
        Some(Budget {
            shared_buffers: value("shared_buffers")?,
            maintenance_work_mem: value("maintenance_work_mem")?,
            workers,
        })
    }

    /// What each of so many sessions may have, as statements: never less than the server gives all.
    fn share(self, sessions: u64) -> String {
        let mut sql = String::new();
        let memory = (self.shared_buffers / 2 / sessions).min(MOST_MEMORY);
        if memory > self.maintenance_work_mem {
            sql += &format!("SET maintenance_work_mem = '{}kB';\n", memory >> 10);
        }
        if let Some((all, given)) = self.workers {
            let workers = all.div_ceil(sessions);
            if workers > given {
                sql += &format!("SET max_parallel_maintenance_workers = {workers};\n");
            }
        }
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_less_than_the_server_gives() {
        let budget = Budget {
            shared_buffers: 8 << 30,
            maintenance_work_mem: 64 << 20,
            workers: Some((8, 2)),
        };
        let workers = "SET max_parallel_maintenance_workers = ";
        assert_eq!(
            budget.share(1),
            format!("SET maintenance_work_mem = '{}kB';\n{workers}8;\n", 2 << 20)
        );
        assert_eq!(
            budget.share(3),
            format!("SET maintenance_work_mem = '{}kB';\n{workers}3;\n", (4 << 20) / 3)
        );
        assert_eq!(budget.share(100), "");
        let small = Budget { shared_buffers: 128 << 20, workers: None, ..budget };
        assert_eq!(small.share(1), "");
    }

    #[test]
    fn literals_mean_what_they_say() {
        assert_eq!(literal("it's \\ all"), b"E'it''s \\\\ all'");
    }
}
