//! Rows that are exported, beside what the server gives of the same tables: the bytes of its COPY as
//! CSV, and of `row_to_json`.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::pgdmp;
use pgdmp::edit::PartName;
use pgdmp_testkit::effort::skipped;
use pgdmp_testkit::server::{Server, for_release};

/// Settings of the session that dumps, and options of pg_dump.
const DUMPS: &[(&str, &str)] = &[
    ("", ""),
    ("-c timezone=Europe/Amsterdam", ""),
    ("-c timezone=Asia/Kolkata -c bytea_output=escape", ""),
    ("-c standard_conforming_strings=off", ""),
    ("-c quote_all_identifiers=on", "--quote-all-identifiers"),
    ("", "--load-via-partition-root"),
    ("-c timezone=America/St_Johns -c bytea_output=escape", "--inserts"),
    ("-c standard_conforming_strings=off", "--inserts"),
    ("-c timezone=Pacific/Apia", "--column-inserts --rows-per-insert=3"),
];

/// Extensions, and tables `s.<extension>` with values of their types.
const EXTENSIONS: &[(&str, &str)] = &[
    (
        "hstore",
        r#"CREATE DOMAIN s.pairs AS x.hstore; CREATE TYPE s.holder AS (h x.hstore, n integer);
        CREATE TABLE s.hstore (a x.hstore, b x.hstore[], c s.pairs, d s.holder[]);
        INSERT INTO s.hstore VALUES ('a=>1, b=>NULL, "c d"=>"e\"f\\g"', ARRAY['a=>1', '', NULL, '"x,y"=>"{z}"']::x.hstore[],
            'a=>"1,2"', ARRAY[ROW('k=>"v)"', 1), NULL]::s.holder[]), ('', '{}', NULL, NULL), (NULL, NULL, NULL, NULL),
            (E'"\u00e9"=>"\t\n", ""=>""', NULL, 'NULL=>"NULL"', NULL)"#,
    ),
    (
        "citext",
        r#"CREATE TABLE s.citext (a x.citext, b x.citext[]);
        INSERT INTO s.citext VALUES ('MiXed', '{A,"NULL","",NULL}'), ('', NULL), (E'tab\t\n"q"\\', '{}'), (NULL, NULL)"#,
    ),
    (
        "ltree",
        "CREATE TABLE s.ltree (a x.ltree, b x.ltree[], c x.lquery, d x.ltxtquery);
        INSERT INTO s.ltree VALUES ('a.b.c', '{a.b,\"\"}', 'a.*{1,2}.b|c', 'a & b*'), ('', NULL, NULL, NULL)",
    ),
    (
        "cube",
        "CREATE TABLE s.cube (a x.cube, b x.cube[]); INSERT INTO s.cube VALUES ('(1,2),(3,4)', '{\"(1)\"}'), ('(1e300,-0)', NULL)",
    ),
    ("seg", "CREATE TABLE s.seg (a x.seg); INSERT INTO s.seg VALUES ('1.0 .. 2.5'), ('<5'), ('5(+-)0.3'), (NULL)"),
    ("isn", "CREATE TABLE s.isn (a x.isbn, b x.ean13); INSERT INTO s.isn VALUES ('978-0-393-04002-9', '9780393040029'), (NULL, NULL)"),
    (
        "vector",
        "CREATE TABLE s.vector (a x.vector(3), b x.vector, c x.halfvec(2), d x.sparsevec(5), e x.vector(3)[]);
        INSERT INTO s.vector VALUES ('[0,-0,1e-45]', '[1,2]', '[1.5,-65504]', '{1:1.5,5:-2}/5', '{\"[1,2,3]\",NULL}'), (NULL, NULL, NULL, NULL, NULL)",
    ),
    (
        "postgis",
        "CREATE TABLE s.postgis (a x.geometry, b x.geometry(Point,4326), c x.geometry(PointZ,3857), d x.geography, e x.geometry[], f x.box2d);
        INSERT INTO s.postgis VALUES ('POINT(1 2)', 'SRID=4326;POINT(1 2)', 'SRID=3857;POINT Z(1 2 3)', 'LINESTRING(0 0,1 1)', '{POINT(1 2):SRID=4326;POINT EMPTY}', 'BOX(0 0,1 1)'),
            ('SRID=4326;GEOMETRYCOLLECTION(POINT ZM(1 2 3 4),LINESTRING ZM EMPTY)', 'SRID=4326;POINT EMPTY', NULL, NULL, NULL, NULL),
            ('CURVEPOLYGON(CIRCULARSTRING(0 0,1 1,2 0,1 -1,0 0))', NULL, NULL, NULL, '{}', NULL)",
    ),
];

/// What the server writes in another way as JSON, which the help and the documentation say: vectors as
/// text, geometries as GeoJSON.
const OTHER_JSON: [&str; 2] = ["\"s\".\"vector\"", "\"s\".\"postgis\""];

struct Database<'s> {
    server: &'s Server,
    name: &'s str,
}

/// A table, and its columns as they are listed in SQL; generated ones are not in a dump.
struct Table {
    name: PartName,
    sql: String,
    columns: String,
}

impl Database<'_> {
    fn query(&self, settings: &str, sql: &str) -> Vec<u8> {
        let socket = self.server.path("");
        let mut psql = self.server.command("psql");
        psql.args(["-h", &socket, "-U", "postgres", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1"]);
        psql.args(["-d", self.name, "-c", sql]).env("PGCLIENTENCODING", "UTF8");
        // What pg_dump sets.
        let fixed = "-c datestyle=iso -c intervalstyle=postgres -c extra_float_digits=1 \
                     -c search_path=pg_catalog";
        let output = psql.env("PGOPTIONS", format!("{fixed} {settings}")).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn tables(&self) -> Vec<Table> {
        let listed = self.query(
            "",
            "SELECT json_build_array(n.nspname, c.relname, (SELECT coalesce(string_agg(
                quote_ident(attname), ', ' ORDER BY attnum), '') FROM pg_attribute a
                WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''))
             FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
             WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema'",
        );
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let lines = String::from_utf8(listed).unwrap();
        let table = |line: &str| {
            let [schema, table, columns]: [String; 3] = serde_json::from_str(line).unwrap();
            let sql = format!("{}.{}", quoted(&schema), quoted(&table));
            let name = PartName::table(Some(schema.as_bytes()), table.as_bytes());
            Table { name, sql, columns }
        };
        lines.lines().map(table).collect()
    }

    fn dump(&self, settings: &str, options: &str, path: &str) {
        let socket = self.server.path("");
        let mut dump = self.server.command("pg_dump");
        dump.args(["-h", &socket, "-U", "postgres", "-Fc", "-f", path, "-d", self.name]);
        dump.args(options.split_whitespace()).env("PGOPTIONS", settings);
        let output = dump.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Compares all tables in a dump with what the server gives. `but`: tables that are not.
    fn compare(&self, settings: &str, options: &str, but: &[&str]) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let dump = self.server.path("export.dump");
        self.dump(settings, options, &dump);
        let what = format!("{} {settings} {options}", self.name);
        let [csv, json] = ["csv", "jsonl"].map(|format| {
            let out = folder.path().join(format);
            let mut export = pgdmp();
            export.args(["-q", "export", &dump, "--all", "-F", format, "-j", "2", "-o"]);
            let output = export.arg(&out).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().filter(|line| !line.contains("the table inherits some"));
            let said: Vec<&str> = said.collect();
            assert!(output.status.success() && said.is_empty(), "{what}: {said:?}");
            out
        });
        let mut compared = 0;
        for Table { name, sql, columns } in self.tables() {
            if but.contains(&&*sql) {
                continue;
            }
            let stem = name.file_stem();
            let found = |folder: &Path, format| fs::read(file(folder, &format!("{stem}.{format}")));
            let rows = self.query("", &format!("SELECT count(*) FROM ONLY {sql}"));
            let rows: usize = String::from_utf8(rows).unwrap().trim().parse().unwrap();
            let (expected_csv, expected_json) = if columns.is_empty() {
                // The server's COPY does not take a list of none.
                ("\n".repeat(rows + 1).into_bytes(), Some("{}\n".repeat(rows).into_bytes()))
            } else {
                let copy = format!("COPY {sql} ({columns}) TO STDOUT (FORMAT csv, HEADER)");
                let select = format!(
                    "COPY (SELECT row_to_json(_row) FROM (SELECT {columns} FROM ONLY {sql}) _row) \
                     TO STDOUT (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')"
                );
                let quoting = if settings.contains("quote_all") { settings } else { "" };
                let in_utc = format!("{quoting} -c timezone=UTC -c bytea_output=hex");
                let has_json = !OTHER_JSON.contains(&&*sql);
                (self.query(settings, &copy), has_json.then(|| self.query(&in_utc, &select)))
            };
            same(&found(&csv, "csv").unwrap(), &expected_csv, &format!("{what}: {sql} as CSV"));
            let json = found(&json, "jsonl").unwrap();
            if let Some(expected_json) = expected_json {
                same(&json, &expected_json, &format!("{what}: {sql} as JSON"));
            }
            compared += 1;
        }
        fs::remove_file(dump).unwrap();
        compared
    }
}

/// A file of a folder, which may be in one for partitions.
fn file(folder: &Path, name: &str) -> PathBuf {
    let inner = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = inner.filter(|path| path.is_dir()).map(|path| path.join(name));
    found.into_iter().find(|path| path.exists()).unwrap_or_else(|| folder.join(name))
}

fn same(found: &[u8], expected: &[u8], what: &str) {
    if found == expected {
        return;
    }
    let at = found.iter().zip(expected).position(|(a, b)| a != b);
    let at = at.unwrap_or(found.len().min(expected.len()));
    let part = |bytes: &[u8]| {
        let part = &bytes[at.saturating_sub(80)..bytes.len().min(at + 80)];
        String::from_utf8_lossy(part).into_owned()
    };
    panic!("{what}, at byte {at}:\n{:?} instead of\n{:?}", part(found), part(expected));
}

#[test]
fn live_export_of_all_types() {
    let Some(server) = Server::start("live_export") else { return };
    server.create("values", "UTF8");
    let database = Database { server: &server, name: "values" };
    let run = |name: &str, sql: &str| {
        let path = server.path(name);
        fs::write(&path, sql).unwrap();
        let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &path, "-d", "values"];
        let output = server.output("psql", &args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run("values.sql", include_str!("values/values.sql"));
    run("newer.sql", &for_release(include_str!("values/newer.sql"), server.release()));
    for (settings, options) in DUMPS {
        // pg_dump names no columns, and the order in the table is not that of its definition: a
        // restore would put values into other columns, too.
        let compared = match *options {
            "--inserts" => database.compare(settings, "--inserts -T s.child", &["\"s\".\"child\""]),
            options => database.compare(settings, options, &[]),
        };
        assert!(compared >= 29, "{compared}");
    }
    // Ranges stay in the time zone of the session; in UTC there is no other.
    run("zones.sql", include_str!("values/zones.sql"));
    assert!(database.compare("-c timezone=UTC", "", &[]) >= 30);
}

/// Types of extensions, of those that this server has.
#[test]
fn live_export_of_extensions() {
    let Some(server) = Server::start("live_export_of_extensions") else { return };
    server.create("extensions", "UTF8");
    let database = Database { server: &server, name: "extensions" };
    database.query("", "CREATE SCHEMA s; CREATE SCHEMA x");
    let listed = database.query("", "SELECT name FROM pg_available_extensions");
    let listed = String::from_utf8(listed).unwrap();
    let mut there = 0;
    for (name, sql) in EXTENSIONS {
        if !listed.lines().any(|line| line == *name) {
            skipped(format_args!("live_export_of_extensions: the server has no extension {name}"));
            continue;
        }
        let sql = format!("CREATE EXTENSION {name} SCHEMA x; SET search_path = x; {sql}");
        database.query("", &sql);
        there += 1;
    }
    for options in ["-n s", "-n s --inserts"] {
        let compared = database.compare("", options, &["\"x\".\"spatial_ref_sys\""]);
        assert_eq!(compared, there);
    }
}

/// Names and values in the encodings of clients.
#[test]
fn live_export_of_encodings() {
    let Some(server) = Server::start("live_export") else { return };
    for (encoding, name, values) in [
        ("LATIN1", "größe", &["ÿ é", "ß,\"x\"", "\u{a0}"][..]),
        ("WIN1252", "größe €", &["€ œ ž", "“quoted”", "…\t"]),
        // The second byte of these is a backslash, a brace or a bar.
        ("SJIS", "表", &["ソ", "表\n", "予\t能", "ー{", "ポ|", "ｱ\\表"]),
        ("EUC_JP", "日本", &["日本語\\", "｡ 仃", "表\n"]),
        ("BIG5", "許", &["功", "許\n", "蓋\\", "\t功"]),
        ("GB18030", "名", &["€", "𠀀", "㐀\\"]),
        ("EUC_KR", "이름", &["가", "뷁가\\"]),
        ("KOI8R", "имя", &["Ё", "─"]),
    ] {
        let database = format!("in_{}", encoding.to_lowercase());
        server.create(&database, "UTF8");
        let values = values.iter().filter(|value| encoding != "EUC_KR" || !value.contains('뷁'));
        let rows: Vec<String> = values
            .map(|value| {
                format!("('{0}', ARRAY['{0}', NULL], ROW('{0}'))", value.replace('\'', "''"))
            })
            .collect();
        let sql = format!(
            "SET standard_conforming_strings = on; CREATE TYPE public.pair AS (\"{name}\" text);
             CREATE TABLE public.\"{name}\" (\"{name}\" text, a text[], b public.pair);
             INSERT INTO public.\"{name}\" VALUES {}",
            rows.join(", ")
        );
        let path = server.path("encoding.sql");
        fs::write(&path, sql).unwrap();
        let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &path, "-d", &database];
        let mut psql = server.command("psql");
        psql.args(["-h", &server.path(""), "-U", "postgres"]).args(args);
        let output = psql.env("PGCLIENTENCODING", "UTF8").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let database = Database { server: &server, name: &database };
        for options in ["", "--inserts"] {
            // The names of files are in the encoding of the archive, so there is one table alone.
            let dump = server.path("export.dump");
            database.dump("", &format!("-E {encoding} {options}"), &dump);
            let [Table { sql, columns, .. }] = &database.tables()[..] else { panic!("{encoding}") };
            for (format, select) in [
                ("csv", format!("COPY {sql} ({columns}) TO STDOUT (FORMAT csv, HEADER)")),
                ("jsonl", format!("SELECT row_to_json(_row) FROM {sql} _row")),
            ] {
                let output = pgdmp().args(["export", &dump, name, "-F", format]).output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{encoding} {options}: {said}");
                let expected = database.query("", &select);
                same(&output.stdout, &expected, &format!("{encoding} {options} as {format}"));
            }
            fs::remove_file(dump).unwrap();
        }
    }
}
