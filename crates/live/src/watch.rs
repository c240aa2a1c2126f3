//! How far indexes are that other sessions build: a session that has nothing to do asks the server.

use std::time::{Duration, Instant};

use pgdmp::Desc;

use crate::session::Session;

/// How often the server is asked.
const PAUSE: Duration = Duration::from_secs(1);

/// The release of the server that says how far an index is.
const SINCE: u32 = 120_000;

/// What is known of the sessions that build indexes.
pub(crate) struct Watch {
    wanted: bool,
    asked: Instant,
    /// For each session its process, and the item that is an index.
    sessions: Vec<(Option<i32>, Option<usize>)>,
}

/// How far the index is that a process builds, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pid: i32,
    done: u64,
}

impl Watch {
    pub(crate) fn new(wanted: bool, sessions: usize) -> Self {
        Watch { wanted, asked: Instant::now(), sessions: vec![(None, None); sessions] }
    }

    /// How long to wait until it is time to ask.
    pub(crate) fn pause(&self) -> Duration {
        match self.is_of_use() {
            true => PAUSE.saturating_sub(self.asked.elapsed()),
            false => Duration::MAX,
        }
    }

    fn is_of_use(&self) -> bool {
        self.wanted && self.sessions.iter().any(|session| matches!(session, (Some(_), Some(_))))
    }

    /// The processes to ask for, if it is time.
    pub(crate) fn due(&mut self) -> Option<Vec<i32>> {
        if !self.is_of_use() || self.asked.elapsed() < PAUSE {
            return None;
        }
        self.asked = Instant::now();
        let building = self.sessions.iter().filter(|(_, item)| item.is_some());
        Some(building.filter_map(|(pid, _)| *pid).collect())
    }

    pub(crate) fn process(&mut self, session: usize, pid: Option<i32>) {
        if let Some(of) = self.sessions.get_mut(session) {
            of.0 = pid;
        }
    }

    /// A session begins an item, or has ended what it did.
    pub(crate) fn session(&mut self, session: usize, item: Option<(usize, Desc<'_>)>) {
        let builds = |desc| matches!(desc, Desc::INDEX | Desc::CONSTRAINT);
        if let Some(of) = self.sessions.get_mut(session) {
            of.1 = item.filter(|(_, desc)| builds(*desc)).map(|(item, _)| item);
        }
    }

    /// The items that the server was asked for, and how far they are.
    pub(crate) fn seen(&self, seen: &[Seen]) -> Vec<(usize, u64)> {
        let of = |pid| self.sessions.iter().find(|session| session.0 == Some(pid))?.1;
        seen.iter().filter_map(|seen| Some((of(seen.pid)?, seen.done))).collect()
    }
}

/// The process of a session on the server.
pub(crate) fn process(session: &mut dyn Session) -> Option<i32> {
    let version = session.server_version();
    if version != 0 && version < SINCE {
        return None;
    }
    number(session.rows(b"SELECT pg_catalog.pg_backend_pid()").ok()?.first()?.first()?.as_deref())
}

/// Asks how far they are. If the server does not say it, nobody misses it.
pub(crate) fn ask(session: &mut dyn Session, pids: &[i32]) -> Vec<Seen> {
    let list: Vec<String> = pids.iter().map(i32::to_string).collect();
    let sql = format!(
        "SELECT pid, blocks_done, blocks_total, tuples_done, tuples_total FROM \
         pg_catalog.pg_stat_progress_create_index WHERE pid IN ({})",
        list.join(", ")
    );
    let rows = session.rows(sql.as_bytes()).unwrap_or_default();
    rows.iter().filter_map(|row| seen(row)).collect()
}

fn seen(row: &[Option<Vec<u8>>]) -> Option<Seen> {
    let value = |n: usize| number::<u64>(row.get(n)?.as_deref()).filter(|value| *value > 0);
    let part = |done: usize, total: usize| {
        let total = value(total)?;
        Some(value(done).unwrap_or(0).min(total).saturating_mul(500) / total)
    };
    // First the rows are read; then they are sorted, and the index is written.
    let done = match part(3, 4) {
        Some(written) => 500 + written,
        None => part(1, 2)?,
    };
    Some(Seen { pid: number(row.first()?.as_deref())?, done })
}

fn number<N: std::str::FromStr>(text: Option<&[u8]>) -> Option<N> {
    std::str::from_utf8(text?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_reading_and_half_is_writing() {
        for (row, done) in [
            (["7", "0", "100", "0", "0"], Some(0)),
            (["7", "50", "100", "0", "0"], Some(250)),
            (["7", "100", "100", "0", "0"], Some(500)),
            (["7", "0", "0", "10", "40"], Some(625)),
            (["7", "0", "0", "90", "40"], Some(1000)),
            (["7", "0", "0", "0", "0"], None),
            (["x", "0", "100", "0", "0"], None),
        ] {
            let row = row.map(|text| Some(text.as_bytes().to_vec()));
            assert_eq!(seen(&row), done.map(|done| Seen { pid: 7, done }));
        }
    }

    #[test]
    fn only_builders_are_watched() {
        let mut watch = Watch::new(true, 2);
        assert_eq!(watch.pause(), Duration::MAX);
        watch.process(0, Some(70));
        watch.session(0, Some((5, Desc::TABLE_DATA)));
        assert_eq!(watch.pause(), Duration::MAX);
        watch.session(0, Some((6, Desc::INDEX)));
        assert!(watch.pause() <= PAUSE);
        watch.asked -= PAUSE;
        assert_eq!(watch.due(), Some(vec![70]));
        assert_eq!(watch.due(), None);
        let seen = [Seen { pid: 70, done: 1 }, Seen { pid: 71, done: 2 }];
        assert_eq!(watch.seen(&seen), [(6, 1)]);
        watch.session(0, None);
        assert_eq!(watch.pause(), Duration::MAX);
    }
}
