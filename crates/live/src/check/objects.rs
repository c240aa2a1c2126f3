//! What the database has already of what the restore makes.

use std::collections::HashSet;

use pgdmp::finding::Severity;
use pgdmp::needs::{Object, ObjectKind};
use pgdmp::{Desc, DumpId};

use super::Check;
use super::ask::{Query, is_true, number};
use super::concern::{Concern, count, verb};
use crate::conflict::OnConflict;

/// Kinds that one query asks for by schema and name: the catalog, its alias `x`, the columns of
/// schema and name, and the first release that has it.
const NAMED: &[(ObjectKind, &str, &str, &str, u32)] = &[
    (ObjectKind::Type, "pg_type", "typnamespace", "typname", 0),
    (ObjectKind::Collation, "pg_collation", "collnamespace", "collname", 0),
    (ObjectKind::Conversion, "pg_conversion", "connamespace", "conname", 0),
    (ObjectKind::Statistics, "pg_statistic_ext", "stxnamespace", "stxname", 100_000),
    (ObjectKind::TextSearchConfiguration, "pg_ts_config", "cfgnamespace", "cfgname", 0),
    (ObjectKind::TextSearchDictionary, "pg_ts_dict", "dictnamespace", "dictname", 0),
    (ObjectKind::TextSearchParser, "pg_ts_parser", "prsnamespace", "prsname", 0),
    (ObjectKind::TextSearchTemplate, "pg_ts_template", "tmplnamespace", "tmplname", 0),
    (ObjectKind::Schema, "pg_namespace", "", "nspname", 0),
    (ObjectKind::Language, "pg_language", "", "lanname", 0),
    (ObjectKind::AccessMethod, "pg_am", "", "amname", 0),
    (ObjectKind::EventTrigger, "pg_event_trigger", "", "evtname", 0),
    (ObjectKind::ForeignDataWrapper, "pg_foreign_data_wrapper", "", "fdwname", 0),
    (ObjectKind::ForeignServer, "pg_foreign_server", "", "srvname", 0),
    (ObjectKind::Publication, "pg_publication", "", "pubname", 100_000),
];

/// Parts of tables, whose tags have the table in front: the catalog, the columns of table and name.
const PARTS: &[(ObjectKind, &str, &str, &str, u32)] = &[
    (ObjectKind::Constraint, "pg_constraint", "conrelid", "conname", 0),
    (ObjectKind::Trigger, "pg_trigger", "tgrelid", "tgname", 0),
    (ObjectKind::Rule, "pg_rewrite", "ev_class", "rulename", 0),
    (ObjectKind::Policy, "pg_policy", "polrelid", "polname", 90_500),
];

const ABOUT: &str = "what is in the database already";

impl Check<'_, '_> {
    pub(super) fn objects(&mut self) {
        if !self.is_into_existing() {
            return;
        }
        let objects = std::mem::take(&mut self.needs.objects);
        let rows = std::mem::take(&mut self.needs.rows);
        let mut there = HashSet::new();
        let (tables, filled) = self.relations(&objects, &rows, &mut there);
        self.functions(&objects, &mut there);
        self.large_objects(&objects, &mut there);
        self.by_name(&objects, &mut there);
        self.made_already(&objects, &there);
        self.tables_of_rows(&objects, &rows, &there, &tables, &filled);
        self.needs.objects = objects;
        self.needs.rows = rows;
    }

    /// Relations, and whether they have rows. Gives the tables of rows that exist, and those of them
    /// that have some.
    fn relations(
        &mut self,
        objects: &[Object],
        rows: &[Object],
        there: &mut HashSet<DumpId>,
    ) -> (Option<HashSet<DumpId>>, HashSet<DumpId>) {
        let kinds = [ObjectKind::Relation, ObjectKind::Partition];
        let asked: Vec<&Object> =
            objects.iter().filter(|object| kinds.contains(&object.kind)).chain(rows).collect();
        let mut filled = HashSet::new();
        if asked.is_empty() {
            return (Some(HashSet::new()), filled);
        }
        let partition = if self.asker.version() >= 100_000 { "c.relispartition" } else { "false" };
        let query = in_schemas(Query::new("SELECT i.o, "), &asked, |query| {
            query.put(partition).put(
                ", CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) > 0 \
                 ELSE false END",
            )
        })
        .put(" JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = i.n");
        let Some(answer) = self.asker.ask(ABOUT, &query.0) else { return (None, filled) };
        let mut tables = HashSet::new();
        let first_rows = asked.len() - rows.len();
        for row in &answer {
            let Some((n, object)) = of_row(row, &asked) else { continue };
            if n >= first_rows {
                tables.insert(object.entry);
                if is_true(row, 2) {
                    filled.insert(object.entry);
                }
            } else if object.kind == ObjectKind::Relation || is_true(row, 1) {
                there.insert(object.entry);
            }
        }
        (Some(tables), filled)
    }

    fn functions(&mut self, objects: &[Object], there: &mut HashSet<DumpId>) {
        let asked: Vec<&Object> = of_kind(objects, ObjectKind::Function);
        if asked.is_empty() {
            return;
        }
        let bare = |object: &Object| {
            object.name.split(|byte| *byte == b'(').next().unwrap_or_default().to_vec()
        };
        let names: Vec<Vec<u8>> = asked.iter().map(|object| bare(object)).collect();
        let schemas = asked.iter().map(|object| schema_of(object));
        let query = Query::new("SELECT i.o FROM unnest(")
            .array(schemas)
            .put(", ")
            .array(names.iter().map(Vec::as_slice))
            .put(", ")
            .array(asked.iter().map(|object| &object.name[..]))
            .put(
                ") WITH ORDINALITY AS i(s, n, t, o) JOIN pg_catalog.pg_namespace s \
                 ON s.nspname = i.s JOIN pg_catalog.pg_proc p \
                 ON p.pronamespace = s.oid AND p.proname = i.n WHERE i.t = i.n || '(' || \
                 pg_catalog.array_to_string(ARRAY(SELECT pg_catalog.format_type(a.t, NULL) \
                 FROM pg_catalog.unnest(p.proargtypes::pg_catalog.oid[]) WITH ORDINALITY AS a(t, o) \
                 ORDER BY a.o), ', ') || ')'",
            );
        let Some(answer) = self.asker.ask(ABOUT, &query.0) else { return };
        there.extend(answer.iter().filter_map(|row| Some(of_row(row, &asked)?.1.entry)));
    }

    fn large_objects(&mut self, objects: &[Object], there: &mut HashSet<DumpId>) {
        let asked: Vec<&Object> = of_kind(objects, ObjectKind::LargeObject);
        if asked.is_empty() {
            return;
        }
        let query = Query::new("SELECT i.o FROM unnest(")
            .array(asked.iter().map(|object| &object.name[..]))
            .put(
                ") WITH ORDINALITY AS i(n, o) JOIN pg_catalog.pg_largeobject_metadata m \
                 ON m.oid = i.n::pg_catalog.oid",
            );
        let Some(answer) = self.asker.ask(ABOUT, &query.0) else { return };
        there.extend(answer.iter().filter_map(|row| Some(of_row(row, &asked)?.1.entry)));
    }

    /// All other kinds, in one query.
    fn by_name(&mut self, objects: &[Object], there: &mut HashSet<DumpId>) {
        let kinds = NAMED.iter().chain(PARTS).map(|(kind, .., since)| (*kind, *since));
        let version = self.asker.version();
        let known: Vec<ObjectKind> =
            kinds.filter(|(_, since)| version >= *since).map(|(kind, _)| kind).collect();
        let mut asked: Vec<&Object> = Vec::new();
        let mut query = Query::default();
        for kind in known {
            let some: Vec<&Object> = of_kind(objects, kind);
            if some.is_empty() {
                continue;
            }
            if !asked.is_empty() {
                query = query.put(" UNION ALL ");
            }
            query = query.put(&format!("SELECT i.o + {} FROM ", asked.len()));
            query = named(query, kind, &some);
            asked.extend(some);
        }
        if asked.is_empty() {
            return;
        }
        let Some(answer) = self.asker.ask(ABOUT, &query.0) else { return };
        there.extend(answer.iter().filter_map(|row| Some(of_row(row, &asked)?.1.entry)));
    }

    /// Says what the restore makes and the database has.
    fn made_already(&mut self, objects: &[Object], there: &HashSet<DumpId>) {
        let (existing, absent): (Vec<_>, Vec<_>) = objects
            .iter()
            .filter(|object| !object.replaces)
            .partition(|object| there.contains(&object.entry));
        if self.options.is_clean() {
            if !absent.is_empty() && !self.options.drops_if_exists() {
                let n = absent.len();
                let what = format!(
                    "{}, which -c drops, {} not exist",
                    count(n, "object"),
                    verb(n, "does", "do")
                );
                let concern = Concern::warning("absent", what).advise("add --if-exists");
                self.say(concern.about(absent.iter().map(|object| object.entry)));
            }
            return;
        }
        if existing.is_empty() {
            return;
        }
        let n = existing.len();
        let what =
            format!("{} {} in the database already", count(n, "object"), verb(n, "is", "are"));
        let concern = Concern::new(self.severity_of_conflicts(), "exists", what)
            .advise(
                "restore into an empty database, drop them first (-c --if-exists), or leave them \
                 as they are (--on-conflict=skip)",
            )
            .about(existing.iter().map(|object| object.entry));
        self.say(concern);
        self.checked.existing.extend(existing.iter().map(|object| object.entry));
    }

    fn severity_of_conflicts(&self) -> Severity {
        match self.restorer.on_conflict {
            OnConflict::Refuse => Severity::Error,
            OnConflict::Skip => Severity::Note,
            _ => Severity::Warning,
        }
    }

    /// Says which rows have no table, or come into one that has some.
    fn tables_of_rows(
        &mut self,
        objects: &[Object],
        rows: &[Object],
        there: &HashSet<DumpId>,
        tables: &Option<HashSet<DumpId>>,
        filled: &HashSet<DumpId>,
    ) {
        let Some(tables) = tables else { return };
        let made: HashSet<(Option<&[u8]>, &[u8])> = objects
            .iter()
            .filter(|object| object.kind == ObjectKind::Relation)
            .map(|object| (object.schema.as_deref(), &object.name[..]))
            .collect();
        let is_made = |table: &&Object| made.contains(&(table.schema.as_deref(), &table.name[..]));
        let lost: Vec<DumpId> = rows
            .iter()
            .filter(|table| !tables.contains(&table.entry) && !is_made(table))
            .filter(|table| table.schema.is_some())
            .map(|table| table.entry)
            .collect();
        if !lost.is_empty() && !self.has_extensions {
            let n = lost.len();
            let what = format!(
                "{} {} rows to restore, but {} neither made nor there",
                count(n, "table"),
                verb(n, "has", "have"),
                verb(n, "is", "are")
            );
            let concern = Concern::error("table-missing", what)
                .advise("restore the definitions, too, or before");
            self.say(concern.about(lost));
        }
        if self.options.is_clean() && !objects.is_empty() {
            return;
        }
        if !there.is_empty() {
            // With a table that stays as it is, its rows do.
            let stays = |table: &&Object| tables.contains(&table.entry) && is_made(table);
            self.checked.existing.extend(rows.iter().filter(stays).map(|table| table.entry));
            let of_sequences = self.selected.all().filter(|(entry, decision)| {
                decision.wanted.data
                    && matches!(entry.desc(), Desc::SEQUENCE_SET | Desc::MATERIALIZED_VIEW_DATA)
                    && entry.dependencies().iter().any(|id| there.contains(id))
            });
            self.checked.existing.extend(of_sequences.map(|(entry, _)| entry.dump_id()));
        }
        if !filled.is_empty() {
            let n = filled.len();
            let what = format!(
                "{} {} rows already: more are added, or refused",
                count(n, "table"),
                verb(n, "has", "have")
            );
            let entries = rows.iter().map(|table| table.entry).filter(|id| filled.contains(id));
            let concern = Concern::new(self.severity_of_conflicts(), "rows", what)
                .advise("empty them first, or restore into an empty database")
                .about(entries);
            self.say(concern);
        }
    }
}

fn of_kind(objects: &[Object], kind: ObjectKind) -> Vec<&Object> {
    objects.iter().filter(|object| object.kind == kind).collect()
}

fn schema_of(object: &Object) -> &[u8] {
    object.schema.as_deref().unwrap_or_default()
}

/// The object that a row of an answer is about: its first column counts from 1.
fn of_row<'o>(row: &super::ask::Row, asked: &[&'o Object]) -> Option<(usize, &'o Object)> {
    let n = usize::try_from(number(row, 0)?).ok()?.checked_sub(1)?;
    Some((n, asked.get(n)?))
}

/// `… FROM unnest(schemas, names) i JOIN pg_namespace s`. With several arrays it has no schema.
fn in_schemas(query: Query, asked: &[&Object], columns: impl FnOnce(Query) -> Query) -> Query {
    from_schemas(columns(query).put(" FROM "), asked)
}

fn from_schemas(query: Query, asked: &[&Object]) -> Query {
    query
        .put("unnest(")
        .array(asked.iter().map(|object| schema_of(object)))
        .put(", ")
        .array(asked.iter().map(|object| &object.name[..]))
        .put(") WITH ORDINALITY AS i(s, n, o) JOIN pg_catalog.pg_namespace s ON s.nspname = i.s")
}

/// What comes behind FROM to ask for objects of a kind.
fn named(query: Query, kind: ObjectKind, asked: &[&Object]) -> Query {
    if let Some((_, catalog, schema, name, _)) = NAMED.iter().find(|row| row.0 == kind) {
        if schema.is_empty() {
            return query.put("unnest(").array(asked.iter().map(|object| &object.name[..])).put(
                &format!(
                    ") WITH ORDINALITY AS i(n, o) JOIN pg_catalog.{catalog} x ON x.{name} = i.n"
                ),
            );
        }
        return from_schemas(query, asked).put(&format!(
            " JOIN pg_catalog.{catalog} x ON x.{schema} = s.oid AND x.{name} = i.n"
        ));
    }
    let Some((_, catalog, table, name, _)) = PARTS.iter().find(|row| row.0 == kind) else {
        return query;
    };
    from_schemas(query, asked).put(&format!(
        " JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid JOIN pg_catalog.{catalog} x \
         ON x.{table} = c.oid AND c.relname || ' ' || x.{name} = i.n"
    ))
}
