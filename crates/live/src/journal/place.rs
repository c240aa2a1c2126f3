//! Where a restore goes on: in the same database of the same server, which may have crashed meanwhile.

use std::collections::HashSet;
use std::fmt::Write as _;

use pgdmp::DumpId;

use super::Journal;
use super::known::Past;
use crate::backend::{self, one};
use crate::epoch::Epoch;
use crate::fatal::Fatal;
use crate::session::Session;
use crate::sink::is_gone;
use crate::unlogged::Unlogged;

/// System identifier and database: what is restored into.
const WHERE: &str = "SELECT s.system_identifier::pg_catalog.text || ' ' || d.oid::pg_catalog.text \
                     FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d \
                     WHERE d.datname = pg_catalog.current_database()";
const WHERE_BEFORE: &str = "SELECT oid::pg_catalog.text FROM pg_catalog.pg_database WHERE datname = \
                            pg_catalog.current_database()";

impl Journal {
    /// A session has begun. The first one ends what is left of an earlier run.
    pub(crate) fn meet(&self, session: &mut dyn Session, first: bool) -> Result<(), Fatal> {
        let place = match session.server_version() {
            90_600.. => one(session, WHERE)?,
            _ => one(session, WHERE_BEFORE)?,
        };
        if first && self.resumed {
            let known = &self.known.servers;
            if !known.is_empty() && !known.contains(&place) {
                return Err(Fatal::server(format!(
                    "the journal \"{}\" is that of a restore into another database; name another \
                     one (--journal), or remove it if that restore is over",
                    self.path.display()
                )));
            }
            // They may still be at work on what they were sent.
            backend::end(session, &self.known.sessions)?;
        }
        if first {
            self.look_for_a_crash(session)?;
        }
        if !self.known.servers.contains(&place) {
            if first {
                self.note_what_is_there(session, true)?;
            }
            self.note(&format!("server {place}"))?;
        }
        let who = backend::who(session)?;
        self.note(&format!("session {who}"))
    }

    /// The restore goes on in this database.
    pub(crate) fn connected(
        &self,
        session: &mut dyn Session,
        database: &[u8],
    ) -> Result<(), Fatal> {
        let mut line = "database ".to_owned();
        database.iter().for_each(|byte| {
            let _ = write!(line, "{byte:02x}");
        });
        self.note(&line)?;
        self.note_what_is_there(session, false)?;
        self.meet(session, false)
    }

    /// What is there before the restore is nothing of an earlier run.
    fn note_what_is_there(&self, session: &mut dyn Session, databases: bool) -> Result<(), Fatal> {
        let there = self.objects.existing(session, databases)?;
        there.into_iter().try_for_each(|object| self.conflict(object))
    }

    /// A server that has crashed since an earlier run has forgotten some of what that did.
    fn look_for_a_crash(&self, session: &mut dyn Session) -> Result<(), Fatal> {
        let now = Epoch::of(session);
        let then = &self.known.epoch;
        if self.resumed && (then.is_none() || *then != now) {
            self.lose(session)?;
        }
        match now {
            // Only now: whoever ends before this looks once more.
            Some(now) if then.as_ref() != Some(&now) => self.note(&format!("epoch {}", now.text())),
            _ => Ok(()),
        }
    }

    /// Has what is gone restored again, and drops what would be in its way.
    fn lose(&self, session: &mut dyn Session) -> Result<(), Fatal> {
        let Unlogged { again, drops, roots } = &self.unlogged;
        let is_known = |id: &DumpId| self.known.entries.contains_key(id);
        let is_done = |id: &DumpId| self.known.entries.get(id) == Some(&Past::Done);
        let drops = || drops.iter().filter(|(id, _)| is_known(id));
        let lost: HashSet<DumpId> =
            again.iter().chain(drops().map(|(id, _)| id)).copied().collect();
        let lost: HashSet<DumpId> = lost.into_iter().filter(is_done).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let set = self.objects.set_encoding();
        session.query(set.as_bytes()).map_err(|message| failed(&message, set.as_bytes()))?;
        for root in roots {
            // Which of them are gone, nobody knows.
            let sql = [b"SELECT 1 FROM ", &root[..], b" LIMIT 1"].concat();
            if session.rows(&sql).is_ok_and(|rows| !rows.is_empty()) {
                let text = [
                    b"the server has crashed, and some of the rows of ",
                    &root[..],
                    b" may be lost with its unlogged partitions: restore into a new database",
                ];
                return Err(Fatal::server(text.concat()));
            }
        }
        lost.iter().try_for_each(|id| self.note(&format!("lost {id}")))?;
        for (_, sql) in drops() {
            if let Err(message) = session.query(sql)
                && !session.last_state().is_some_and(is_gone)
            {
                return Err(failed(&message, sql));
            }
        }
        // It may be looked for once more, with the same outcome.
        let _ = self.lost.set(lost);
        Ok(())
    }
}

fn failed(message: &[u8], sql: &[u8]) -> Fatal {
    Fatal::Server {
        text: [b"query failed: ", message].concat(),
        detail: Some([b"Query was: ", sql].concat()),
    }
}
