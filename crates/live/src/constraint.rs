//! Constraints in two parts, so that the part that takes long locks less.
//!
//! | constraint | first | then |
//! |---|---|---|
//! | primary key, unique | its index, built beside other indexes of the table | the constraint, of that index |
//! | foreign key | the constraint, `NOT VALID` | its validation, which other tables can refer to the same table beside |
//!
//! What stands in the catalogs afterwards is the same. A definition is recognised only as pg_dump
//! writes it, and only where that is certain; others stay whole. If a part fails, what was made is
//! undone, and the definition goes to the server as it is, so that an error is the definition's.

use std::collections::{HashMap, HashSet};

use pgdmp::{Desc, DumpId, Toc, TocEntry};

use crate::means::Means;
use crate::text::{Name, Text, bare, is_not_null};

/// The definition of a constraint in two parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TwoParts {
    pub(crate) first: Vec<u8>,
    pub(crate) second: Vec<u8>,
    /// Removes what the first part made.
    pub(crate) undo: Vec<u8>,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Key {
        table: DumpId,
    },
    /// `child` refers to `parent`.
    Foreign {
        child: DumpId,
        parent: DumpId,
    },
}

/// What is done of a definition at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    First,
    Second,
    /// The whole, after what the first part made is undone.
    Instead,
}

/// The tables of an archive, as far as constraints in two parts need them.
pub(crate) struct Tables<'a> {
    by_name: HashMap<(&'a [u8], &'a [u8]), TocEntry<'a>>,
    /// Those that are attached to a partitioned table.
    partitions: HashSet<(&'a [u8], &'a [u8])>,
    /// Whether the server has NOT NULL as constraints: 18 and newer. A primary key of an index makes
    /// an inherited one the table's own, too, which it is not by the definition.
    not_null_is_inherited: bool,
    means: Means,
}

fn key_of<'a>(entry: &TocEntry<'a>) -> Option<(&'a [u8], &'a [u8])> {
    Some((entry.namespace()?, entry.tag()?))
}

/// Whether the entry of a table attaches it to a partitioned one, which before PostgreSQL 14 had no
/// entry of its own.
pub(crate) fn attaches(entry: &TocEntry<'_>) -> bool {
    const ATTACH: &[u8] = b" ATTACH PARTITION ";
    entry.defn().is_some_and(|defn| defn.windows(ATTACH.len()).any(|part| part == ATTACH))
}

impl<'a> Tables<'a> {
    /// `server_version`: as 150004; 0 if it is not known.
    pub(crate) fn new(toc: &'a Toc, means: Means, server_version: u32) -> Self {
        let mut tables = Tables {
            by_name: HashMap::new(),
            partitions: HashSet::new(),
            not_null_is_inherited: server_version == 0 || server_version >= 180_000,
            means: Means::exact(),
        };
        let knows = server_version == 0 || server_version >= 90_100;
        if !knows || !(means.using_index || means.not_valid) {
            return tables;
        }
        tables.means = means;
        for entry in toc.entries() {
            let Some(key) = key_of(&entry) else { continue };
            match entry.desc() {
                Desc::TABLE => {
                    tables.by_name.insert(key, entry);
                    if attaches(&entry) {
                        tables.partitions.insert(key);
                    }
                }
                Desc::TABLE_ATTACH => drop(tables.partitions.insert(key)),
                _ => {}
            }
        }
        tables
    }

    /// The two parts of an entry's definition.
    pub(crate) fn two_parts(&self, entry: &TocEntry<'_>) -> Option<TwoParts> {
        let defn = entry.defn()?;
        match entry.desc() {
            Desc::CONSTRAINT if self.means.using_index => self.key(defn),
            Desc::FK_CONSTRAINT if self.means.not_valid => self.foreign_key(defn),
            _ => None,
        }
    }

    /// The entry of a table that has rows of its own. Names without schema depend on the search
    /// path.
    pub(crate) fn plain(&self, name: Name<'_>) -> Option<TocEntry<'a>> {
        const PARTITIONED: i32 = b'p' as i32;
        let (schema, table) = (bare(name.schema?), bare(name.name));
        let entry = *self.by_name.get(&(&schema[..], &table[..]))?;
        let defn = entry.defn()?;
        let words = [&b"PARTITION BY"[..], b"PARTITION OF"];
        let partitioned = entry.relkind() == PARTITIONED
            || words.iter().any(|words| defn.windows(words.len()).any(|part| part == *words));
        (!partitioned).then_some(entry)
    }

    /// Whether the table of an entry is attached to a partitioned one.
    pub(crate) fn is_partition(&self, entry: &TocEntry<'_>) -> bool {
        key_of(entry).is_some_and(|key| self.partitions.contains(&key))
    }

    fn key(&self, defn: &[u8]) -> Option<TwoParts> {
        let mut text = Text::new(defn);
        let (table_text, table, constraint) = beginning(&mut text)?;
        let entry = self.plain(table)?;
        let primary = text.skips("PRIMARY KEY ");
        if !primary {
            text.skip("UNIQUE ")?;
        }
        let not_distinct = !primary && text.skips("NULLS NOT DISTINCT ");
        let columns = text.columns()?;
        let included = if text.skips(" INCLUDE ") { text.columns()? } else { Vec::new() };
        let settings = if text.skips(" WITH ") { Some(text.settings()?) } else { None };
        let deferred = deferred(&mut text);
        text.skip(";\n")?;
        if !is_only_alter(text.rest) {
            return None;
        }
        let table_defn = entry.defn().unwrap_or_default();
        if primary && !columns.iter().all(|column| is_not_null(table_defn, column)) {
            return None;
        }
        if primary && self.not_null_is_inherited && self.is_partition(&entry) {
            return None;
        }
        let join = |columns: &[&[u8]]| columns.join(&b", "[..]);
        let mut first = b"CREATE UNIQUE INDEX ".to_vec();
        first.extend_from_slice(constraint);
        first.extend_from_slice(b" ON ");
        first.extend_from_slice(table_text);
        first.extend_from_slice(b" USING btree (");
        first.extend(join(&columns));
        first.push(b')');
        if !included.is_empty() {
            first.extend_from_slice(b" INCLUDE (");
            first.extend(join(&included));
            first.push(b')');
        }
        if not_distinct {
            first.extend_from_slice(b" NULLS NOT DISTINCT");
        }
        if let Some(settings) = settings {
            first.extend_from_slice(b" WITH ");
            first.extend_from_slice(settings);
        }
        first.extend_from_slice(b";\n");
        let kind: &[u8] = if primary { b"PRIMARY KEY" } else { b"UNIQUE" };
        let second = [
            b"ALTER TABLE ONLY ",
            table_text,
            b"\n    ADD CONSTRAINT ",
            constraint,
            b" ",
            kind,
            b" USING INDEX ",
            constraint,
            deferred,
            b";\n",
            text.rest,
        ];
        let schema = table.schema?;
        let undo = [b"DROP INDEX ", schema, b".", constraint, b";\n"].concat();
        Some(TwoParts {
            first,
            second: second.concat(),
            undo,
            kind: Kind::Key { table: entry.dump_id() },
        })
    }

    fn foreign_key(&self, defn: &[u8]) -> Option<TwoParts> {
        let mut text = Text::new(defn);
        let (table_text, table, constraint) = beginning(&mut text)?;
        text.skip("FOREIGN KEY ")?;
        text.columns()?;
        text.skip(" REFERENCES ")?;
        let parent = text.name()?;
        text.columns()?;
        text.skips(" MATCH FULL");
        for event in [" ON UPDATE ", " ON DELETE "] {
            if text.skips(event) {
                let actions = ["CASCADE", "RESTRICT", "NO ACTION", "SET NULL", "SET DEFAULT"];
                actions.iter().any(|action| text.skips(action)).then_some(())?;
                if text.rest.starts_with(b" (") {
                    text.skip(" ")?;
                    text.columns()?;
                }
            }
        }
        deferred(&mut text);
        let begin = &defn[..defn.len() - text.rest.len()];
        text.skip(";\n")?;
        let key = (bare(table.schema?), bare(table.name));
        if !text.rest.is_empty() || self.partitions.contains(&(&key.0[..], &key.1[..])) {
            return None;
        }
        let child = self.plain(table)?.dump_id();
        let parent = self.plain(parent)?.dump_id();
        let alter = |what: &[u8]| {
            [b"ALTER TABLE ONLY ", table_text, b"\n    ", what, b" CONSTRAINT ", constraint, b";\n"]
                .concat()
        };
        Some(TwoParts {
            first: [begin, b" NOT VALID;\n"].concat(),
            second: alter(b"VALIDATE"),
            undo: alter(b"DROP"),
            kind: Kind::Foreign { child, parent },
        })
    }
}

/// `ALTER TABLE ONLY table ADD CONSTRAINT constraint`: the table as it is written, and taken apart.
fn beginning<'a>(text: &mut Text<'a>) -> Option<(&'a [u8], Name<'a>, &'a [u8])> {
    text.skip("ALTER TABLE ONLY ")?;
    let before = text.rest;
    let table = text.name()?;
    let table_text = &before[..before.len() - text.rest.len()];
    text.skip("\n    ADD CONSTRAINT ")?;
    let constraint = text.identifier()?;
    text.skip(" ")?;
    Some((table_text, table, constraint))
}

/// When a constraint is checked, as it is written.
fn deferred<'a>(text: &mut Text<'a>) -> &'a [u8] {
    let before = text.rest;
    if text.skips(" DEFERRABLE") {
        text.skips(" INITIALLY DEFERRED");
    }
    &before[..before.len() - text.rest.len()]
}

/// Whether nothing follows but lines that alter the table or the index further.
fn is_only_alter(rest: &[u8]) -> bool {
    rest.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).all(|line| {
        let begins = [&b"ALTER TABLE "[..], b"ALTER INDEX "].iter().any(|b| line.starts_with(b));
        begins && line.iter().position(|byte| *byte == b';') == Some(line.len() - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgdmp::toc::{EntryFields, Section};
    use pgdmp::write::WriteOptions;
    use pgdmp::{ArchiveBuilder, ArchiveStream, Format};

    const TABLES: &[(&str, &str, &str)] = &[
        (
            "TABLE",
            "t",
            "CREATE TABLE public.t (\n    a integer NOT NULL,\n    b text NOT NULL\n);\n",
        ),
        ("TABLE", "A \"b\"", "CREATE TABLE public.\"A \"\"b\"\"\" (\n    x integer\n);\n"),
        (
            "TABLE",
            "p",
            "CREATE TABLE public.p (\n    a integer NOT NULL\n)\nPARTITION BY RANGE (a);\n",
        ),
        ("TABLE", "p1", "CREATE TABLE public.p1 (\n    a integer NOT NULL\n);\n"),
        ("TABLE ATTACH", "p1", "ALTER TABLE ONLY public.p ATTACH PARTITION public.p1 DEFAULT;\n"),
        (
            "TABLE",
            "p2",
            "CREATE TABLE public.p2 (\n    a integer NOT NULL\n);\n\
             ALTER TABLE ONLY public.p ATTACH PARTITION public.p2 FOR VALUES IN (1);\n",
        ),
    ];

    /// The two parts of a definition, and what undoes the first.
    fn parts(desc: Desc<'static>, defn: &str, means: Means, version: u32) -> Option<TwoParts> {
        let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
        let constraint = (std::str::from_utf8(desc.as_bytes()).unwrap(), "t c", defn);
        for (id, (desc, tag, defn)) in (1..).zip(TABLES.iter().chain([&constraint])) {
            let fields =
                EntryFields::new(DumpId(id), Desc(desc.as_bytes()), Section::None).tag(*tag);
            builder.entry(&fields.defn(*defn).namespace("public").owner("o")).unwrap();
        }
        let mut bytes = Vec::new();
        builder.start_pipe(&mut bytes).unwrap().finish().unwrap();
        let stream = ArchiveStream::new(&bytes[..]).unwrap();
        let toc = stream.shared_toc();
        let entry = toc.entries().find(|entry| entry.desc() == desc).unwrap();
        Tables::new(&toc, means, version).two_parts(&entry)
    }

    fn shown(desc: Desc<'static>, defn: &str) -> Option<[String; 3]> {
        let parts = parts(desc, defn, Means::fast(), 0)?;
        Some([parts.first, parts.second, parts.undo].map(|sql| String::from_utf8(sql).unwrap()))
    }

    #[test]
    fn keys_are_made_of_their_indexes() {
        for (defn, first, second, undo) in [
            (
                "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c PRIMARY KEY (a, b);\n",
                "CREATE UNIQUE INDEX c ON public.t USING btree (a, b);\n",
                "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c PRIMARY KEY USING INDEX c;\n",
                "DROP INDEX public.c;\n",
            ),
            (
                "ALTER TABLE ONLY public.\"A \"\"b\"\"\"\n    ADD CONSTRAINT \"C c\" UNIQUE NULLS NOT \
                 DISTINCT (x, \"Y\") INCLUDE (z) WITH (fillfactor='70', deduplicate_items=off) \
                 DEFERRABLE INITIALLY DEFERRED;\n\nALTER TABLE public.t CLUSTER ON c;\n\n\
                 ALTER INDEX public.c ALTER COLUMN 1 SET STATISTICS 5;\n",
                "CREATE UNIQUE INDEX \"C c\" ON public.\"A \"\"b\"\"\" USING btree (x, \"Y\") \
                 INCLUDE (z) NULLS NOT DISTINCT WITH (fillfactor='70', deduplicate_items=off);\n",
                "ALTER TABLE ONLY public.\"A \"\"b\"\"\"\n    ADD CONSTRAINT \"C c\" UNIQUE USING \
                 INDEX \"C c\" DEFERRABLE INITIALLY DEFERRED;\n\nALTER TABLE public.t CLUSTER ON \
                 c;\n\nALTER INDEX public.c ALTER COLUMN 1 SET STATISTICS 5;\n",
                "DROP INDEX public.\"C c\";\n",
            ),
            (
                "ALTER TABLE ONLY public.p1\n    ADD CONSTRAINT c UNIQUE (a);\n",
                "CREATE UNIQUE INDEX c ON public.p1 USING btree (a);\n",
                "ALTER TABLE ONLY public.p1\n    ADD CONSTRAINT c UNIQUE USING INDEX c;\n",
                "DROP INDEX public.c;\n",
            ),
        ] {
            let found = shown(Desc::CONSTRAINT, defn).unwrap();
            assert_eq!(found, [first, second, undo].map(str::to_owned), "{defn}");
        }
    }

    #[test]
    fn foreign_keys_are_validated_later() {
        for rest in [
            "(a) REFERENCES public.\"A \"\"b\"\"\"(x)",
            "(a, b) REFERENCES public.p1(a, b) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL (b) \
             DEFERRABLE INITIALLY DEFERRED",
            "(a) REFERENCES public.t(a) ON DELETE RESTRICT DEFERRABLE",
        ] {
            let add = format!("ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c FOREIGN KEY {rest}");
            let found = shown(Desc::FK_CONSTRAINT, &format!("{add};\n")).unwrap();
            let alter = |what| format!("ALTER TABLE ONLY public.t\n    {what} CONSTRAINT c;\n");
            assert_eq!(found, [format!("{add} NOT VALID;\n"), alter("VALIDATE"), alter("DROP")]);
        }
    }

    #[test]
    fn what_is_not_certain_stays_whole() {
        let t = "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c";
        let keys = [
            format!("{t} EXCLUDE USING gist (a WITH &&);\n"),
            format!("{t} PRIMARY KEY (a, b WITHOUT OVERLAPS);\n"),
            format!("{t} PRIMARY KEY  (a);\n"),
            format!("{t} PRIMARY KEY (a)"),
            format!("{t} PRIMARY KEY (A);\n"),
            format!("{t} PRIMARY KEY (z);\n"),
            format!("{t} PRIMARY KEY USING INDEX i;\n"),
            format!("{t} PRIMARY KEY (a) USING INDEX TABLESPACE x;\n"),
            format!("{t} PRIMARY KEY (a) INITIALLY DEFERRED;\n"),
            format!("{t} UNIQUE (a) WITH (fillfactor='7\\'0');\n"),
            format!("{t} UNIQUE (a);\nDROP TABLE x;\n"),
            format!("{t} UNIQUE (a);\nALTER TABLE x y; COMMIT;\n"),
            format!("{t} UNIQUE (a); COMMIT;\n"),
            format!("-- For binary upgrade\n{t} UNIQUE (a);\n"),
            "ALTER TABLE public.t\n    ADD CONSTRAINT c UNIQUE (a);\n".to_owned(),
            "ALTER TABLE ONLY t\n    ADD CONSTRAINT c UNIQUE (a);\n".to_owned(),
            "ALTER TABLE ONLY public.p\n    ADD CONSTRAINT c UNIQUE (a);\n".to_owned(),
            "ALTER TABLE ONLY public.nowhere\n    ADD CONSTRAINT c UNIQUE (a);\n".to_owned(),
            // Its column may be null.
            "ALTER TABLE ONLY public.\"A \"\"b\"\"\"\n    ADD CONSTRAINT c PRIMARY KEY (x);\n"
                .to_owned(),
        ];
        for defn in keys {
            assert_eq!(shown(Desc::CONSTRAINT, &defn), None, "{defn}");
        }
        let foreign = [
            format!("{t} FOREIGN KEY (a) REFERENCES public.t(a) NOT VALID;\n"),
            format!("{t} FOREIGN KEY (a) REFERENCES public.t(a) NOT ENFORCED;\n"),
            format!("{t} FOREIGN KEY (a, PERIOD b) REFERENCES public.t(a, PERIOD b);\n"),
            format!("{t} FOREIGN KEY (a) REFERENCES public.t(a);\nALTER TABLE x y;\n"),
            format!("{t} FOREIGN KEY (a) REFERENCES public.p(a);\n"),
            format!("{t} FOREIGN KEY (a) REFERENCES t(a);\n"),
            format!("{t} FOREIGN KEY (a) REFERENCES other.t(a);\n"),
            format!("{t} FOREIGN KEY (a) REFERENCES public.t(a) ON UPDATE NOTHING;\n"),
            // Its own, of a partition.
            "ALTER TABLE ONLY public.p1\n    ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES \
             public.t(a);\n"
                .to_owned(),
            "ALTER TABLE ONLY public.p2\n    ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES \
             public.t(a);\n"
                .to_owned(),
        ];
        for defn in foreign {
            assert_eq!(shown(Desc::FK_CONSTRAINT, &defn), None, "{defn}");
        }
        let key = format!("{t} UNIQUE (a);\n");
        for (desc, means, version, two) in [
            (Desc::CONSTRAINT, Means::fast(), 0, true),
            (Desc::CONSTRAINT, Means::fast(), 90_100, true),
            (Desc::CONSTRAINT, Means::fast(), 90_023, false),
            (Desc::CONSTRAINT, Means::fast().using_index(false), 0, false),
            (Desc::CONSTRAINT, Means::exact(), 0, false),
            (Desc::CHECK_CONSTRAINT, Means::fast(), 0, false),
        ] {
            assert_eq!(parts(desc, &key, means, version).is_some(), two, "{desc} {version}");
        }
        for partition in ["p1", "p2"] {
            let key = format!(
                "ALTER TABLE ONLY public.{partition}\n    ADD CONSTRAINT c PRIMARY KEY (a);\n"
            );
            for (version, two) in [(170_006, true), (180_000, false), (0, false)] {
                let parts = parts(Desc::CONSTRAINT, &key, Means::fast(), version);
                assert_eq!(parts.is_some(), two, "{partition} {version}");
            }
        }
    }
}
