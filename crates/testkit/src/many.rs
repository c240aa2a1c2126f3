//! Custom archives of any number of entries, in shapes that make careless programs slow: each is a
//! case of something that grows with the square of what it is given.

use pgdmp::toc::{ArchiveVersion, CatalogId, EntryFields, Oid, Section};
use pgdmp::{Desc, DumpId, Format};

use super::build::{self, Block};

/// How the entries of an archive depend on each other, and what they are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Views, each of the one before.
    Chain,
    /// Views of one table, and one view of all of them.
    Star,
    /// Comments on one table, which have one name, each with another text.
    OneName,
    /// Tables with rows, a sequence, a default, a key, an index and privileges, each with a
    /// foreign key to the one before: 11 entries each.
    Tables,
    /// Tables and nothing else.
    BareTables,
    /// Partitions of one table, with their rows and indexes: 5 entries each.
    Partitions,
    /// Schemas with privileges.
    Schemas,
    /// Large objects with privileges as PostgreSQL 9.0 to 16 have them, an entry for each.
    LargeObjects,
    /// Large objects as PostgreSQL 17 has them, in groups of ten.
    Groups,
    /// Entries that set up a session, and as many tables.
    Sessions,
    /// Publications of all tables: each of the two as many as the square root.
    Crossed,
}

impl Shape {
    pub const ALL: [Shape; 11] = [
        Shape::Chain,
        Shape::Star,
        Shape::OneName,
        Shape::Tables,
        Shape::BareTables,
        Shape::Partitions,
        Shape::Schemas,
        Shape::LargeObjects,
        Shape::Groups,
        Shape::Sessions,
        Shape::Crossed,
    ];
}

/// An entry of its own texts.
struct Made {
    desc: Desc<'static>,
    section: Section,
    namespace: Option<&'static str>,
    tag: String,
    defn: String,
    dependencies: Vec<DumpId>,
    data: Option<Data>,
    oid: u32,
}

enum Data {
    Rows,
    Objects(Vec<u32>),
}

#[derive(Default)]
struct Plan {
    entries: Vec<Made>,
}

impl Plan {
    fn push(
        &mut self,
        desc: &'static str,
        namespace: Option<&'static str>,
        tag: impl Into<String>,
        defn: impl Into<String>,
        needs: &[DumpId],
    ) -> DumpId {
        let desc = Desc(desc.as_bytes());
        let section = match desc.as_bytes() {
            b"TABLE DATA" | b"SEQUENCE SET" | b"BLOBS" | b"BLOB METADATA" => Section::Data,
            b"INDEX" | b"CONSTRAINT" | b"FK CONSTRAINT" | b"INDEX ATTACH" => Section::PostData,
            b"PUBLICATION" | b"PUBLICATION TABLE" => Section::PostData,
            b"COMMENT" | b"ACL" => Section::None,
            _ => Section::PreData,
        };
        let id = self.entries.len() as u32 + 1;
        self.entries.push(Made {
            desc,
            section,
            namespace,
            tag: tag.into(),
            defn: defn.into(),
            dependencies: needs.to_vec(),
            data: None,
            oid: id + 16_384,
        });
        DumpId(id as i32)
    }

    fn rows(&mut self, name: &str, table: DumpId) -> DumpId {
        let id = self.push("TABLE DATA", Some("s"), name, "", &[table]);
        self.entries[id.0 as usize - 1].data = Some(Data::Rows);
        id
    }

    fn table(&mut self, name: &str) -> DumpId {
        let defn = format!("CREATE TABLE s.{name} (\n    id integer,\n    v text\n);\n\n\n");
        self.push("TABLE", Some("s"), name, defn, &[])
    }

    fn fill(&mut self, shape: Shape, n: u32) {
        match shape {
            Shape::Chain => {
                let mut last = self.table("t");
                for n in 1..n {
                    let defn = format!("CREATE VIEW s.v{n} AS\n SELECT 1;\n");
                    last = self.push("VIEW", Some("s"), format!("v{n}"), defn, &[last]);
                }
            }
            Shape::Star => {
                let table = self.table("t");
                let mut views = Vec::new();
                for n in 2..n {
                    let defn = format!("CREATE VIEW s.v{n} AS\n SELECT 1;\n");
                    views.push(self.push("VIEW", Some("s"), format!("v{n}"), defn, &[table]));
                }
                self.push("VIEW", Some("s"), "all", "CREATE VIEW s.all AS\n SELECT 1;\n", &views);
            }
            Shape::OneName => {
                let table = self.table("t");
                for n in 1..n {
                    let defn = format!("COMMENT ON COLUMN s.t.c{n} IS 'column {n}';\n\n\n");
                    self.push("COMMENT", Some("s"), "COLUMN t.c", defn, &[table]);
                }
            }
            Shape::Tables => self.tables(n / 11),
            Shape::BareTables => (0..n).for_each(|n| {
                self.table(&format!("t{n}"));
            }),
            Shape::Partitions => self.partitions(n / 5),
            Shape::Schemas => (0..n / 2).for_each(|n| {
                let tag = format!("s{n}");
                let schema =
                    self.push("SCHEMA", None, &*tag, format!("CREATE SCHEMA {tag};\n"), &[]);
                let grant = format!("GRANT USAGE ON SCHEMA {tag} TO clerk;\n");
                self.push("ACL", None, format!("SCHEMA {tag}"), grant, &[schema]);
            }),
            Shape::LargeObjects => {
                let oids: Vec<u32> = (1..=n / 2).map(|oid| oid + 100_000).collect();
                for oid in &oids {
                    let defn = format!("SELECT pg_catalog.lo_create('{oid}');\n");
                    let blob = self.push("BLOB", None, oid.to_string(), defn, &[]);
                    self.entries[blob.0 as usize - 1].oid = *oid;
                    let tag = format!("LARGE OBJECT {oid}");
                    let grant = format!("GRANT SELECT ON {tag} TO clerk;\n");
                    self.push("ACL", None, tag, grant, &[blob]);
                }
                let blobs = self.push("BLOBS", None, "BLOBS", "", &[]);
                self.entries[blobs.0 as usize - 1].data = Some(Data::Objects(oids));
            }
            Shape::Groups => (0..n / 3).for_each(|n| {
                let oids: Vec<u32> = (0..10).map(|oid| 100_000 + 10 * n + oid).collect();
                let defn: String = oids.iter().map(|oid| format!("{oid}\n")).collect();
                let tag = format!("{}..{}", oids[0], oids[9]);
                let group = self.push("BLOB METADATA", None, &*tag, defn, &[]);
                self.entries[group.0 as usize - 1].oid = oids[0];
                let blobs = self.push("BLOBS", None, &*tag, "", &[group]);
                let grant = format!("GRANT SELECT ON LARGE OBJECT {} TO clerk;\n", oids[0]);
                self.push("ACL", None, format!("LARGE OBJECTS {tag}"), grant, &[group]);
                self.entries[blobs.0 as usize - 1].data = Some(Data::Objects(oids));
            }),
            Shape::Sessions => (0..n / 2).for_each(|n| {
                let defn = "SET client_encoding = 'UTF8';\n";
                self.push("ENCODING", None, "ENCODING", defn, &[]);
                self.table(&format!("t{n}"));
            }),
            Shape::Crossed => {
                let side = n.isqrt();
                let tables: Vec<DumpId> = (0..side).map(|n| self.table(&format!("t{n}"))).collect();
                for p in 0..side.saturating_sub(2) {
                    let create = format!("CREATE PUBLICATION p{p};\n");
                    let publication = self.push("PUBLICATION", None, format!("p{p}"), create, &[]);
                    for (n, table) in tables.iter().enumerate() {
                        let defn = format!("ALTER PUBLICATION p{p} ADD TABLE ONLY s.t{n};\n");
                        let tag = format!("p{p} t{n}");
                        let needs = [*table, publication];
                        self.push("PUBLICATION TABLE", Some("s"), tag, defn, &needs);
                    }
                }
            }
        }
    }

    fn tables(&mut self, count: u32) {
        let schema = self.push("SCHEMA", None, "s", "CREATE SCHEMA s;\n", &[]);
        let mut last: Option<(DumpId, DumpId, String)> = None;
        for n in 0..count {
            let name = format!("t{n}");
            let table = self.table(&name);
            self.entries[table.0 as usize - 1].dependencies.push(schema);
            let grant = format!("GRANT SELECT ON TABLE s.{name} TO clerk;\n");
            self.push("ACL", Some("s"), format!("TABLE {name}"), grant, &[table]);
            let sequence = format!("{name}_id_seq");
            let create = format!("CREATE SEQUENCE s.{sequence};\n");
            let counter = self.push("SEQUENCE", Some("s"), &*sequence, create, &[table]);
            let owned = format!("ALTER SEQUENCE s.{sequence} OWNED BY s.{name}.id;\n");
            self.push("SEQUENCE OWNED BY", Some("s"), &*sequence, owned, &[counter]);
            let default = format!(
                "ALTER TABLE ONLY s.{name} ALTER COLUMN id SET DEFAULT nextval('s.{sequence}');\n"
            );
            self.push("DEFAULT", Some("s"), format!("{name} id"), default, &[counter, table]);
            self.rows(&name, table);
            let set = format!("SELECT pg_catalog.setval('s.{sequence}', 1, false);\n");
            self.push("SEQUENCE SET", Some("s"), &*sequence, set, &[counter]);
            let key = format!(
                "ALTER TABLE ONLY s.{name}\n    ADD CONSTRAINT {name}_pkey PRIMARY KEY (id);\n"
            );
            let tag = format!("{name} {name}_pkey");
            let key = self.push("CONSTRAINT", Some("s"), tag, key, &[table]);
            let index = format!("CREATE INDEX {name}_v ON s.{name} USING btree (v);\n");
            self.push("INDEX", Some("s"), format!("{name}_v"), index, &[table]);
            let comment = format!("COMMENT ON TABLE s.{name} IS 'one of many';\n");
            self.push("COMMENT", Some("s"), format!("TABLE {name}"), comment, &[table]);
            if let Some((other, other_key, other_name)) = last {
                let reference = format!(
                    "ALTER TABLE ONLY s.{name}\n    ADD CONSTRAINT {name}_fkey FOREIGN KEY (id) \
                     REFERENCES s.{other_name}(id);\n"
                );
                let tag = format!("{name} {name}_fkey");
                let needs = [other_key, other, table];
                self.push("FK CONSTRAINT", Some("s"), tag, reference, &needs);
            }
            last = Some((table, key, name));
        }
    }

    fn partitions(&mut self, count: u32) {
        let create = "CREATE TABLE s.whole (id integer, v text) PARTITION BY RANGE (id);\n";
        let whole = self.push("TABLE", Some("s"), "whole", create, &[]);
        let create = "CREATE INDEX whole_id ON ONLY s.whole USING btree (id);\n";
        let index = self.push("INDEX", Some("s"), "whole_id", create, &[whole]);
        for n in 0..count {
            let name = format!("part{n}");
            let part = self.table(&name);
            self.entries[part.0 as usize - 1].dependencies.push(whole);
            let attach = format!(
                "ALTER TABLE ONLY s.whole ATTACH PARTITION s.{name} FOR VALUES FROM ({n}) TO ({});\n",
                n + 1
            );
            self.push("TABLE ATTACH", Some("s"), &*name, attach, &[part, whole]);
            self.rows(&name, part);
            let create = format!("CREATE INDEX {name}_id ON s.{name} USING btree (id);\n");
            let own = self.push("INDEX", Some("s"), format!("{name}_id"), create, &[part, index]);
            let attach = format!("ALTER INDEX s.whole_id ATTACH PARTITION s.{name}_id;\n");
            self.push("INDEX ATTACH", Some("s"), format!("{name}_id"), attach, &[own, index]);
        }
    }
}

/// An archive with about `n` entries and little data.
pub fn archive(shape: Shape, n: u32) -> Vec<u8> {
    let mut plan = Plan::default();
    plan.fill(shape, n);
    let version = match shape {
        Shape::Groups => ArchiveVersion::new(1, 16),
        _ => ArchiveVersion::new(1, 14),
    };
    let pieces: Vec<Vec<(u32, &[u8])>> = plan
        .entries
        .iter()
        .map(|entry| match &entry.data {
            Some(Data::Objects(oids)) => oids.iter().map(|oid| (*oid, &b"object"[..])).collect(),
            _ => Vec::new(),
        })
        .collect();
    let entries: Vec<(EntryFields<'_>, Option<Block<'_>>)> = plan
        .entries
        .iter()
        .zip(1..)
        .zip(&pieces)
        .map(|((entry, id), pieces)| {
            let mut fields = EntryFields::new(DumpId(id), entry.desc, entry.section)
                .had_dumper(entry.data.is_some())
                .catalog_id(CatalogId { table_oid: Oid(1259), oid: Oid(entry.oid) })
                .tag(entry.tag.as_bytes())
                .owner("postgres")
                .defn(entry.defn.as_bytes())
                .dependencies(&entry.dependencies);
            fields.namespace = entry.namespace.map(str::as_bytes);
            if let Some(Data::Rows) = entry.data {
                fields = fields.copy_stmt("COPY s.t (id, v) FROM stdin;\n");
            }
            let block = entry.data.as_ref().map(|data| match data {
                Data::Rows => Block::Data(&[b"1\tone\n\\.\n\n\n"]),
                Data::Objects(_) => Block::Objects(pieces),
            });
            (fields, block)
        })
        .collect();
    build::custom(build::header(version, Format::Custom), &entries, true)
}
