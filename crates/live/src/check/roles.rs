//! Roles: whether they are there, and whether objects can be given to them.

use std::collections::{BTreeMap, HashMap};

use pgdmp::DumpId;
use pgdmp::needs::Needed;

use super::Check;
use super::ask::{Query, cell, is_true};
use super::concern::{Concern, count, listed, verb};

impl Check<'_, '_> {
    pub(super) fn roles(&mut self) {
        let mut roles: BTreeMap<Vec<u8>, Vec<DumpId>> = BTreeMap::new();
        let mut owners: BTreeMap<Vec<u8>, Vec<DumpId>> = BTreeMap::new();
        for kind in [Needed::Owner, Needed::Role] {
            for (name, entries) in self.needs.of_kind(kind) {
                roles.entry(name.to_vec()).or_default().extend(entries);
                if kind == Needed::Owner {
                    owners.insert(name.to_vec(), entries.to_vec());
                }
            }
        }
        if roles.is_empty() {
            return;
        }
        // What ALTER … OWNER TO asks for.
        let may = if self.asker.version() >= 160_000 { "SET" } else { "MEMBER" };
        let query = Query::new("SELECT r.rolname, pg_catalog.pg_has_role(r.oid, ")
            .text(may.as_bytes())
            .put(") FROM pg_catalog.pg_roles r WHERE r.rolname::pg_catalog.text = ANY (")
            .array(roles.keys().map(Vec::as_slice))
            .put(")");
        let Some(rows) = self.asker.ask("which roles there are", &query.0) else { return };
        let there: HashMap<&[u8], bool> =
            rows.iter().map(|row| (cell(row, 0), is_true(row, 1))).collect();
        let missing: Vec<_> =
            roles.iter().filter(|(name, _)| !there.contains_key(&name[..])).collect();
        if !missing.is_empty() {
            let n = missing.len();
            let mut entries: Vec<DumpId> =
                missing.iter().flat_map(|(_, entries)| entries.iter().copied()).collect();
            entries.sort();
            entries.dedup();
            let names = listed(self.toc, missing.iter().map(|(name, _)| &name[..]));
            let what = format!("{} {} not exist: {names}", count(n, "role"), verb(n, "does", "do"));
            let create = missing.iter().map(|(name, _)| Query::new("CREATE ROLE ").name(name));
            let concern = Concern::error("role-missing", what)
                .advise(
                    "create them, name others with --map-owner, or go without owners (-O) and \
                     privileges (-x)",
                )
                .run(create.map(|query| query.put(";").0).collect())
                .about(entries);
            self.say(concern);
        }
        if self.facts.is_superuser {
            return;
        }
        if self.options.lets_owners_make() && owners.keys().any(|name| *name != self.facts.user) {
            let user = self.toc.printable(&self.facts.user);
            let what = format!("\"{user}\", being no superuser, cannot let owners make objects");
            let concern = Concern::error("session-authorization", what)
                .advise("restore without --use-set-session-authorization");
            self.say(concern);
            return;
        }
        let not_given: Vec<_> =
            owners.iter().filter(|(name, _)| there.get(&name[..]) == Some(&false)).collect();
        if not_given.is_empty() {
            return;
        }
        let names = listed(self.toc, not_given.iter().map(|(name, _)| &name[..]));
        let user = self.toc.printable(&self.facts.user);
        let grants = not_given.iter().map(|(name, _)| {
            Query::new("GRANT ").name(name).put(" TO ").name(&self.facts.user).put(";").0
        });
        let concern = Concern::error(
            "owner-not-allowed",
            format!("\"{user}\" cannot give objects to {names}, being no member"),
        )
        .advise("make it a member, restore as a superuser, or go without owners (-O)")
        .run(grants.collect())
        .about(not_given.iter().flat_map(|(_, entries)| entries.iter().copied()));
        self.say(concern);
    }
}
