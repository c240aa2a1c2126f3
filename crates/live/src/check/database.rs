//! The database that a restore makes (`-C`), and encodings.

use pgdmp::needs::NewDatabase;

use super::Check;
use super::ask::{Query, cell, is_true, number};
use super::concern::{Concern, count, verb};

const SQL_ASCII: &str = "SQL_ASCII";

impl Check<'_, '_> {
    /// `encodes`: whether the session took the encoding of the archive.
    pub(super) fn encoding(&mut self, encodes: bool) {
        let from = self.encoding_name();
        let to = String::from_utf8_lossy(&self.facts.encoding).into_owned();
        if !encodes {
            let what = format!(
                "the archive is in {from}, which the server cannot convert to {to}, the encoding \
                 of the database"
            );
            let advice = format!("restore into a database in {from}, or in UTF8");
            self.say(Concern::error("encoding-not-converted", what).advise(advice));
        } else if from == SQL_ASCII && !to.is_empty() && to != SQL_ASCII && self.is_into_existing()
        {
            let what = format!(
                "the archive does not say in which encoding its texts are (SQL_ASCII): the \
                 database takes those that are valid in {to}, and refuses others"
            );
            self.say(Concern::warning("encoding-unknown", what));
        }
    }

    pub(super) fn database(&mut self) {
        let Some(new) = self.needs.database.take() else { return };
        self.new_database(&new);
        self.new_encoding(&new);
        self.locales(&new);
        self.needs.database = Some(new);
    }

    fn new_database(&mut self, new: &NewDatabase) {
        let name = self.toc.printable(&new.name);
        if !self.facts.is_superuser && !self.facts.may_create_databases {
            let user = self.toc.printable(&self.facts.user);
            let grant = Query::new("ALTER ROLE ").name(&self.facts.user).put(" CREATEDB;");
            let what = format!("\"{user}\" may not create databases");
            let concern = Concern::error("createdb-not-allowed", what).run(vec![grant.0]);
            self.say(concern.about([new.entry]));
        }
        let query = Query::new(
            "SELECT d.datname = pg_catalog.current_database(), (SELECT pg_catalog.count(*) \
             FROM pg_catalog.pg_stat_activity s WHERE s.datid = d.oid \
             AND s.pid <> pg_catalog.pg_backend_pid()) \
             FROM pg_catalog.pg_database d WHERE d.datname = ",
        )
        .text(&new.name);
        let Some(rows) = self.asker.ask("whether the database exists", &query.0) else { return };
        let clean = self.options.is_clean();
        let Some(row) = rows.first() else {
            if clean && !self.options.drops_if_exists() {
                let what = format!("the database \"{name}\", which -c drops, does not exist");
                let concern = Concern::warning("absent", what).advise("add --if-exists");
                self.say(concern.about([new.entry]));
            }
            return;
        };
        let concern = if !clean {
            Concern::error("database-exists", format!("the database \"{name}\" exists already"))
                .advise(
                    "choose another name with --create=NAME, have it dropped with -c, or restore \
                     into it: -d with its name, without -C",
                )
        } else if is_true(row, 0) {
            let what = format!("the database \"{name}\" cannot be dropped by a session in it");
            Concern::error("database-open", what).advise("connect to another one: -d postgres")
        } else if let Some(sessions @ 1..) = number(row, 1)
            && !(self.restorer.forces_drop && self.asker.version() >= 130_000)
        {
            let n = usize::try_from(sessions).unwrap_or(usize::MAX);
            let what = format!(
                "the database \"{name}\" cannot be dropped: {} {} connected to it",
                count(n, "session"),
                verb(n, "is", "are")
            );
            Concern::error("database-in-use", what).advise("end them first")
        } else {
            return;
        };
        self.say(concern.about([new.entry]));
    }

    /// Whether the archive can be restored into the encoding of its database.
    fn new_encoding(&mut self, new: &NewDatabase) {
        let from = self.encoding_name();
        let Some(to) = &new.encoding else { return };
        if [from, SQL_ASCII].iter().any(|name| name.as_bytes() == &to[..]) || from == SQL_ASCII {
            return;
        }
        let query = Query::new(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_conversion WHERE condefault \
             AND conforencoding = pg_catalog.pg_char_to_encoding(",
        )
        .text(from.as_bytes())
        .put(") AND contoencoding = pg_catalog.pg_char_to_encoding(")
        .text(to)
        .put("))");
        let Some(rows) = self.asker.ask("which encodings it converts", &query.0) else { return };
        if rows.first().is_some_and(|row| cell(row, 0) == b"f") {
            let to = self.toc.printable(to);
            let what = format!(
                "the archive is in {from}, which the server cannot convert to {to}, the encoding \
                 of its database"
            );
            self.say(Concern::error("encoding-not-converted", what).about([new.entry]));
        }
    }

    /// Locales are the operating system's; what the server found of them when it was made is a hint.
    fn locales(&mut self, new: &NewDatabase) {
        let of_system = new.provider.as_deref().is_none_or(|provider| provider == b"libc");
        let names: Vec<&[u8]> = new
            .locales
            .iter()
            .map(Vec::as_slice)
            .filter(|name| of_system && *name != b"C" && *name != b"POSIX" && !name.is_empty())
            .collect();
        if names.is_empty() {
            return;
        }
        let plain = "pg_catalog.replace(pg_catalog.lower(";
        let query = Query::new("SELECT DISTINCT n FROM pg_catalog.unnest(")
            .array(names.iter().copied())
            .put(") AS u(n) WHERE NOT EXISTS (SELECT FROM (SELECT collcollate::pg_catalog.text ")
            .put("FROM pg_catalog.pg_collation UNION ALL SELECT datcollate::pg_catalog.text ")
            .put("FROM pg_catalog.pg_database) AS c(l) WHERE ")
            .put(&format!("{plain}l), '-', '') = {plain}n), '-', ''))"));
        let Some(rows) = self.asker.ask("which locales it has", &query.0) else { return };
        for row in &rows {
            let name = self.toc.printable(cell(row, 0));
            let what = format!("the server may not have the locale \"{name}\" of the database");
            let concern = Concern::warning("locale-unknown", what)
                .advise("create the database first, with a locale that it has, and go without -C");
            self.say(concern.about([new.entry]));
        }
    }
}
