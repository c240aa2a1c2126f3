//! What a server has or has not: extensions, tablespaces, access methods, languages, schemas.

use std::collections::{HashMap, HashSet};

use pgdmp::DumpId;
use pgdmp::finding::Severity;
use pgdmp::needs::{Needed, ObjectKind};

use super::Check;
use super::ask::{Query, Row, cell, is_true};
use super::concern::{Concern, count, listed, verb};

type Wanted = Vec<(Vec<u8>, Vec<DumpId>)>;

impl Check<'_, '_> {
    pub(super) fn things(&mut self) {
        self.extensions();
        self.shared_things();
        self.schemas();
    }

    fn wanted(&self, kind: Needed) -> Wanted {
        let needs = self.needs.of_kind(kind);
        needs.map(|(name, entries)| (name.to_vec(), entries.to_vec())).collect()
    }

    fn extensions(&mut self) {
        let mut wanted = self.wanted(Needed::Extension);
        self.has_extensions = wanted.iter().any(|(name, _)| name != b"plpgsql");
        if self.asker.version() < 130_000 {
            // Some languages come without one.
            let is_extension =
                |id: &DumpId| self.toc.entry(*id).is_some_and(|entry| entry.desc() == *"EXTENSION");
            wanted.retain(|(_, entries)| entries.iter().any(is_extension));
        }
        if wanted.is_empty() {
            return;
        }
        let trusted = if self.asker.version() >= 130_000 {
            "v.superuser AND NOT v.trusted"
        } else {
            "v.superuser"
        };
        let query = Query::new(
            "SELECT n, EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE x.extname = n), \
             EXISTS (SELECT FROM pg_catalog.pg_available_extensions a WHERE a.name = n), \
             EXISTS (SELECT FROM pg_catalog.pg_available_extensions a \
             JOIN pg_catalog.pg_available_extension_versions v ON v.name = a.name \
             AND v.version = a.default_version WHERE a.name = n AND ",
        )
        .put(trusted)
        .put(") FROM pg_catalog.unnest(")
        .array(wanted.iter().map(|(name, _)| &name[..]))
        .put(") AS u(n)");
        let Some(rows) = self.asker.ask("which extensions it has", &query.0) else { return };
        let by_name: HashMap<&[u8], &Row> = rows.iter().map(|row| (cell(row, 0), row)).collect();
        self.has_extensions = rows
            .iter()
            .any(|row| cell(row, 0) != b"plpgsql" && (is_true(row, 1) || is_true(row, 2)));
        let into_existing = self.is_into_existing();
        let installed = |row: &Row| into_existing && is_true(row, 1);
        let with = |test: &dyn Fn(&Row) -> bool| -> Wanted {
            let tested = wanted.iter().filter(|(name, _)| {
                by_name.get(&name[..]).is_some_and(|row| !installed(row) && test(row))
            });
            tested.cloned().collect()
        };
        let missing = with(&|row| !is_true(row, 2));
        let refused = match self.facts.is_superuser {
            true => Wanted::new(),
            false => with(&|row| is_true(row, 2) && is_true(row, 3)),
        };
        if !missing.is_empty() {
            let concern = self.lacks(Severity::Error, "extension-missing", &missing, "extension");
            self.say(concern.advise(
                "install their packages on the server, or leave them out of the list (-L)",
            ));
        }
        if !refused.is_empty() {
            // A service may let its customers create what PostgreSQL does not.
            let severity =
                if self.facts.service.is_some() { Severity::Warning } else { Severity::Error };
            let n = refused.len();
            let names = listed(self.toc, refused.iter().map(|(name, _)| &name[..]));
            let what = format!(
                "{} {} a superuser to be created: {names}",
                count(n, "extension"),
                verb(n, "needs", "need")
            );
            let concern = Concern::new(severity, "extension-not-allowed", what)
                .advise("let a superuser create them first: what is there is not created again")
                .about(refused.iter().flat_map(|(_, entries)| entries.iter().copied()));
            self.say(concern);
        }
    }

    /// `3 things do not exist on the server: "a", "b"`
    fn lacks(
        &self,
        severity: Severity,
        code: &'static str,
        missing: &Wanted,
        one: &str,
    ) -> Concern {
        let n = missing.len();
        let names = listed(self.toc, missing.iter().map(|(name, _)| &name[..]));
        let is = if one == "extension" { ("is", "are") } else { ("does", "do") };
        let what = match one {
            "extension" => format!(
                "{} {} not available on the server: {names}",
                count(n, one),
                verb(n, is.0, is.1)
            ),
            _ => format!("{} {} not exist: {names}", count(n, one), verb(n, is.0, is.1)),
        };
        Concern::new(severity, code, what)
            .about(missing.iter().flat_map(|(_, entries)| entries.iter().copied()))
    }

    /// Tablespaces, access methods and languages, in one query.
    fn shared_things(&mut self) {
        let tablespaces = self.wanted(Needed::Tablespace);
        let without = |wanted: Wanted, made: ObjectKind| -> Wanted {
            let made = self.made(made);
            wanted.into_iter().filter(|(name, _)| !made.contains(&name[..])).collect()
        };
        let methods = without(self.wanted(Needed::AccessMethod), ObjectKind::AccessMethod);
        let languages = without(self.wanted(Needed::Language), ObjectKind::Language);
        if tablespaces.is_empty() && methods.is_empty() && languages.is_empty() {
            return;
        }
        fn names(wanted: &Wanted) -> impl Iterator<Item = &[u8]> {
            wanted.iter().map(|(name, _)| &name[..])
        }
        let query = Query::new(
            "SELECT 't', spcname, pg_catalog.has_tablespace_privilege(oid, 'CREATE') \
             OR oid = (SELECT dattablespace FROM pg_catalog.pg_database \
             WHERE datname = pg_catalog.current_database()) \
             FROM pg_catalog.pg_tablespace WHERE spcname::pg_catalog.text = ANY (",
        )
        .array(names(&tablespaces))
        .put(
            ") UNION ALL SELECT 'a', amname, true FROM pg_catalog.pg_am \
             WHERE amname::pg_catalog.text = ANY (",
        )
        .array(names(&methods))
        .put(
            ") UNION ALL SELECT 'l', lanname, true FROM pg_catalog.pg_language \
             WHERE lanname::pg_catalog.text = ANY (",
        )
        .array(names(&languages))
        .put(")");
        let about = "which tablespaces, access methods and languages it has";
        let Some(rows) = self.asker.ask(about, &query.0) else { return };
        let there = |kind: &[u8], name: &[u8]| {
            rows.iter().find(|row| cell(row, 0) == kind && cell(row, 1) == name)
        };
        let missing = |kind: &[u8], wanted: Wanted| -> Wanted {
            wanted.into_iter().filter(|(name, _)| there(kind, name).is_none()).collect()
        };
        let closed: Wanted = tablespaces
            .iter()
            .filter(|(name, _)| there(b"t", name).is_some_and(|row| !is_true(row, 2)))
            .cloned()
            .collect();
        let gone = missing(b"t", tablespaces);
        if !gone.is_empty() {
            let concern = self.lacks(Severity::Error, "tablespace-missing", &gone, "tablespace");
            self.say(concern.advise(
                "create them, name others with --map-tablespace, or go without (--no-tablespaces)",
            ));
        }
        if !closed.is_empty() {
            let names = listed(self.toc, closed.iter().map(|(name, _)| &name[..]));
            let user = self.toc.printable(&self.facts.user);
            let what =
                format!("\"{user}\" may not use {}: {names}", count(closed.len(), "tablespace"));
            let concern = Concern::error("tablespace-not-allowed", what)
                .advise("grant CREATE on them, or go without (--no-tablespaces)")
                .about(closed.iter().flat_map(|(_, entries)| entries.iter().copied()));
            self.say(concern);
        }
        if self.has_extensions {
            // They may bring access methods and languages.
            return;
        }
        let gone = missing(b"a", methods);
        if !gone.is_empty() {
            let concern =
                self.lacks(Severity::Error, "access-method-missing", &gone, "access method");
            self.say(concern.advise(
                "create the extensions that bring them; tables can go without \
                 (--no-table-access-method)",
            ));
        }
        let gone = missing(b"l", languages);
        if !gone.is_empty() {
            let concern = self.lacks(Severity::Error, "language-missing", &gone, "language");
            self.say(concern.advise("create the extensions that bring them"));
        }
    }

    /// Schemas that the restore does not make, and whether it may make objects in them.
    fn schemas(&mut self) {
        if !self.is_into_existing() {
            return;
        }
        let made = self.made(ObjectKind::Schema);
        let needed = self.wanted(Needed::Schema);
        let (made, needed): (Wanted, Wanted) =
            needed.into_iter().partition(|(name, _)| made.contains(&name[..]));
        if !made.is_empty() && !self.facts.may_create && !self.facts.is_superuser {
            let user = self.toc.printable(&self.facts.user);
            let database = self.toc.printable(&self.facts.database);
            let what = format!("\"{user}\" may not create schemas in the database \"{database}\"");
            let grant = Query::new("GRANT CREATE ON DATABASE ")
                .name(&self.facts.database)
                .put(" TO ")
                .name(&self.facts.user)
                .put(";");
            let concern = Concern::error("database-not-allowed", what).run(vec![grant.0]).about(
                self.needs
                    .objects
                    .iter()
                    .filter(|object| object.kind == ObjectKind::Schema)
                    .map(|object| object.entry),
            );
            self.say(concern);
        }
        if needed.is_empty() {
            return;
        }
        let query = Query::new(
            "SELECT nspname, pg_catalog.has_schema_privilege(oid, 'CREATE') \
             FROM pg_catalog.pg_namespace WHERE nspname::pg_catalog.text = ANY (",
        )
        .array(needed.iter().map(|(name, _)| &name[..]))
        .put(")");
        let Some(rows) = self.asker.ask("which schemas there are", &query.0) else { return };
        let there: HashMap<&[u8], bool> =
            rows.iter().map(|row| (cell(row, 0), is_true(row, 1))).collect();
        let missing: Wanted =
            needed.iter().filter(|(name, _)| !there.contains_key(&name[..])).cloned().collect();
        if !missing.is_empty() && !self.has_extensions {
            let create = missing.iter().map(|(name, _)| Query::new("CREATE SCHEMA ").name(name));
            let statements = create.map(|query| query.put(";").0).collect();
            let concern = self.lacks(Severity::Error, "schema-missing", &missing, "schema");
            self.say(
                concern
                    .advise("what was chosen does not make them; create them before")
                    .run(statements),
            );
        }
        let made: HashSet<DumpId> = self.needs.objects.iter().map(|object| object.entry).collect();
        let makes = |entries: &[DumpId]| entries.iter().any(|entry| made.contains(entry));
        let closed: Wanted = needed
            .iter()
            .filter(|(name, entries)| {
                there.get(&name[..]) == Some(&false) && !self.facts.is_superuser && makes(entries)
            })
            .cloned()
            .collect();
        if !closed.is_empty() {
            let names = listed(self.toc, closed.iter().map(|(name, _)| &name[..]));
            let user = self.toc.printable(&self.facts.user);
            let n = count(closed.len(), "schema");
            let what = format!("\"{user}\" may not create anything in {n}: {names}");
            let grants = closed.iter().map(|(name, _)| {
                let grant = Query::new("GRANT CREATE ON SCHEMA ").name(name).put(" TO ");
                grant.name(&self.facts.user).put(";").0
            });
            let concern = Concern::error("schema-not-allowed", what)
                .run(grants.collect())
                .about(closed.iter().flat_map(|(_, entries)| entries.iter().copied()));
            self.say(concern);
        }
    }
}
