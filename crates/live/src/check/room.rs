//! Whether the server lets anybody write, has room for the sessions, and what costs time there.

use std::collections::HashMap;

use pgdmp::finding::Severity;
use pgdmp::needs::ObjectKind;
use pgdmp::{Algorithm, Archive};

use super::Check;
use super::ask::{Asker, Query, cell, is_true, number};
use super::concern::{Concern, count};

/// What is known of the session and its server.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    pub(super) user: Vec<u8>,
    pub(super) database: Vec<u8>,
    pub(super) encoding: Vec<u8>,
    pub(super) is_superuser: bool,
    pub(super) may_create_databases: bool,
    /// Schemas, in this database.
    pub(super) may_create: bool,
    is_standby: bool,
    /// Other sessions of clients, as far as the role may know.
    sessions: Option<i64>,
    /// How many sessions the database and the role may have; negative: any number.
    limits: [Option<i64>; 2],
    event_triggers: i64,
    settings: HashMap<Vec<u8>, Vec<u8>>,
    pub(super) service: Option<(&'static str, &'static str)>,
}

const SETTINGS: &[&str] = &[
    "archive_mode",
    "autovacuum_max_workers",
    "checkpoint_timeout",
    "default_transaction_read_only",
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_wal_size",
    "max_worker_processes",
    "reserved_connections",
    "superuser_reserved_connections",
    "synchronous_commit",
    "synchronous_standby_names",
];

/// Roles that show which service runs a server: its name for people, and for `--for`.
const SERVICES: &[(&str, (&str, &str))] = &[
    ("rds_superuser", ("Amazon RDS", "rds")),
    ("cloudsqlsuperuser", ("Google Cloud SQL", "cloudsql")),
    ("azure_pg_admin", ("Azure Database for PostgreSQL", "azure")),
    ("supabase_admin", ("Supabase", "supabase")),
];

impl Session {
    pub(super) fn ask(asker: &mut Asker<'_>) -> Session {
        let mut session = Session::default();
        let clients = match asker.version() {
            100_000.. => "s.backend_type = 'client backend'",
            _ => "true",
        };
        let query = Query::new(
            "SELECT current_user, pg_catalog.current_database(), \
             pg_catalog.pg_encoding_to_char(d.encoding), r.rolsuper, r.rolcreatedb, \
             pg_catalog.has_database_privilege(d.oid, 'CREATE'), \
             pg_catalog.pg_is_in_recovery(), d.datconnlimit, l.rolconnlimit, \
             (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity s \
             WHERE s.pid <> pg_catalog.pg_backend_pid() AND ",
        )
        .put(clients)
        .put(
            "), (SELECT pg_catalog.count(*) FROM pg_catalog.pg_event_trigger e \
             WHERE e.evtenabled <> 'D') FROM pg_catalog.pg_database d, pg_catalog.pg_roles r, \
             pg_catalog.pg_roles l WHERE d.datname = pg_catalog.current_database() \
             AND r.rolname = current_user AND l.rolname = session_user",
        );
        if let Some(row) = asker.ask("who is connected", &query.0).as_ref().and_then(|r| r.first())
        {
            session.user = cell(row, 0).to_vec();
            session.database = cell(row, 1).to_vec();
            session.encoding = cell(row, 2).to_vec();
            session.is_superuser = is_true(row, 3);
            session.may_create_databases = is_true(row, 4);
            session.may_create = is_true(row, 5);
            session.is_standby = is_true(row, 6);
            session.limits = [number(row, 7), number(row, 8)];
            session.sessions = number(row, 9);
            session.event_triggers = number(row, 10).unwrap_or(0);
        } else {
            // Nothing is known to be forbidden.
            session.is_superuser = true;
        }
        // Not what this session has set: what a session begins with.
        let query =
            Query::new("SELECT name, reset_val FROM pg_catalog.pg_settings WHERE name = ANY (")
                .array(SETTINGS.iter().map(|name| name.as_bytes()))
                .put(")");
        for row in asker.ask("its settings", &query.0).unwrap_or_default() {
            session.settings.insert(cell(&row, 0).to_vec(), cell(&row, 1).to_vec());
        }
        let query = Query::new(
            "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname::pg_catalog.text = ANY (",
        )
        .array(SERVICES.iter().map(|(role, _)| role.as_bytes()))
        .put(")");
        let roles = asker.ask("who runs it", &query.0).unwrap_or_default();
        let service = SERVICES
            .iter()
            .find(|(role, _)| roles.iter().any(|row| cell(row, 0) == role.as_bytes()));
        session.service = service.map(|(_, service)| *service);
        session
    }

    fn setting(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.settings.get(name.as_bytes())?).ok()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.setting(name)?.parse().ok()
    }
}

impl Check<'_, '_> {
    pub(super) fn server_may_write(&mut self) {
        if self.facts.is_standby {
            let what = "the server is a standby: nothing can be written there";
            self.say(Concern::error("standby", what).advise("connect to the primary"));
        } else if self.facts.setting("default_transaction_read_only") == Some("on") {
            let what = "transactions are read only by default (default_transaction_read_only)";
            let concern = Concern::error("read-only", what).advise(
                "change the setting, or connect with \
                 options='-c default_transaction_read_only=off'",
            );
            self.say(concern);
        }
    }

    /// Whether there is room for the sessions, and for the locks of one transaction.
    pub(super) fn room(&mut self) {
        let jobs = i64::try_from(self.restorer.jobs.max(1)).unwrap_or(i64::MAX);
        let facts = &self.facts;
        let mut free = None;
        if let (Some(most), Some(taken)) = (facts.number("max_connections"), facts.sessions) {
            let reserved = match facts.is_superuser {
                true => 0,
                false => {
                    facts.number("superuser_reserved_connections").unwrap_or(0)
                        + facts.number("reserved_connections").unwrap_or(0)
                }
            };
            free = Some((most - reserved - taken).max(0));
        }
        let limits = facts.limits.iter().flatten().filter(|limit| **limit >= 0);
        if !facts.is_superuser
            && let Some(limit) = limits.min()
        {
            free = Some(free.map_or(*limit, |free| free.min(*limit)));
        }
        if let Some(free) = free.filter(|free| *free < jobs) {
            let concern = Concern::error(
                "connections",
                format!("{jobs} sessions are wanted (-j), and the server has room for {free}"),
            );
            self.say(concern.advise(format!("restore with -j {}", free.max(1))));
        }
        if !self.options.is_single_transaction() {
            return;
        }
        let relations =
            self.needs.objects.iter().filter(|object| object.kind == ObjectKind::Relation);
        let locks = i64::try_from(relations.count()).unwrap_or(i64::MAX);
        let facts = &self.facts;
        let sum = ["max_connections", "max_worker_processes", "max_wal_senders"];
        let sum: i64 = sum.iter().filter_map(|name| facts.number(name)).sum();
        let more = facts.number("autovacuum_max_workers").unwrap_or(0)
            + facts.number("max_prepared_transactions").unwrap_or(0);
        let Some(each) = facts.number("max_locks_per_transaction") else { return };
        let capacity = each.saturating_mul(sum + more + 1);
        if locks <= capacity / 2 {
            return;
        }
        // The server has some memory to spare, which locks may take.
        let severity =
            if locks > capacity.saturating_mul(2) { Severity::Error } else { Severity::Warning };
        let what = format!(
            "one transaction around all (-1) locks more than {locks} relations, and the server has \
             room for about {capacity} locks"
        );
        let concern = Concern::new(severity, "locks", what)
            .advise("increase max_locks_per_transaction, or restore without -1");
        self.say(concern);
    }

    /// Settings that cost time.
    pub(super) fn costs(&mut self) {
        let facts = &self.facts;
        let mut costs: Vec<(&'static str, String, &str)> = Vec::new();
        if let Some(size) = facts.number("max_wal_size").filter(|size| *size < 4096)
            && self.asker.version() >= 90_500
        {
            let unit = if self.asker.version() >= 100_000 { 1 } else { 16 };
            if size * unit < 4096 {
                let text = format!("max_wal_size is {} MB: checkpoints come often", size * unit);
                costs.push(("cost-max-wal-size", text, "4 GB or more while restoring"));
            }
        }
        if let Some(seconds) = facts.number("checkpoint_timeout").filter(|seconds| *seconds < 900) {
            let text = format!("checkpoint_timeout is {seconds} s: checkpoints come often");
            costs.push(("cost-checkpoint-timeout", text, "15 min or more while restoring"));
        }
        if facts.setting("archive_mode").is_some_and(|mode| mode != "off") {
            let text = "archive_mode is on: all that is restored is archived, too".to_owned();
            costs.push(("cost-archive-mode", text, "see that there is room for it"));
        }
        let waits =
            facts.setting("synchronous_commit").is_none_or(|mode| mode != "off" && mode != "local");
        if facts.setting("synchronous_standby_names").is_some_and(|names| !names.is_empty())
            && waits
        {
            let text = "synchronous_standby_names is set: commits wait for standbys".to_owned();
            costs.push(("cost-synchronous-standbys", text, "restore before there are any"));
        }
        if facts.event_triggers > 0 && self.is_into_existing() {
            let n = usize::try_from(facts.event_triggers).unwrap_or(usize::MAX);
            let text =
                format!("the database has {}, which run on definitions", count(n, "event trigger"));
            costs.push(("cost-event-triggers", text, "disable them while restoring"));
        }
        let concerns: Vec<_> = costs
            .into_iter()
            .map(|(code, what, advice)| Concern::warning(code, what).advise(advice))
            .collect();
        self.checked.concerns.extend(concerns);
    }

    /// How large the data is.
    pub(super) fn size(&mut self, archive: Option<&Archive>) {
        let Some(archive) = archive else { return };
        let data = self.selected.all().filter(|(entry, d)| d.wanted.data && entry.has_data());
        let mut stored = 0_u64;
        for (entry, _) in data {
            let Some(size) =
                archive.toc().entry(entry.dump_id()).and_then(|e| archive.stored_size_hint(e))
            else {
                return;
            };
            stored = stored.saturating_add(size);
        }
        if stored == 0 {
            return;
        }
        let packed = archive.header().compression.algorithm != Algorithm::None;
        let what = if packed {
            format!("the data takes {stored} bytes in the archive, compressed")
        } else {
            format!("the data takes {stored} bytes in the archive, and more in the database")
        };
        self.say(Concern::new(Severity::Note, "cost-size", what));
    }
}
