//! Rows exported as Parquet and as Arrow IPC: pyarrow and DuckDB read the values that the server has.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set. They also need a Python with the packages
//! `pyarrow` and `duckdb`: `PGDMP_PYTHON`, or `python3`. Without, they say that they are skipped.

use std::path::Path;
use std::process::Command;

use pgdmp_testkit::effort::skipped;
use pgdmp_testkit::server::{Server, run};

use crate::support::pgdmp;

/// A Python that can read the files. `PGDMP_PYTHON` must be one, if it is set.
fn python(what: &str) -> Option<String> {
    let named = std::env::var("PGDMP_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let imports = ["-c", "import pyarrow, duckdb; print(pyarrow.__version__, duckdb.__version__)"];
    match Command::new(&python).args(imports).output() {
        Ok(output) if output.status.success() => {
            println!("pyarrow and duckdb: {}", String::from_utf8_lossy(&output.stdout).trim());
            Some(python)
        }
        result => {
            assert!(named.is_none(), "PGDMP_PYTHON is set, but: {result:?}");
            skipped(format_args!("{what}: python3 has no packages pyarrow and duckdb"));
            None
        }
    }
}

/// The values of a type, and how they are compared.
struct Case {
    name: &'static str,
    of: &'static str,
    /// A kind of `compare.py`.
    kind: &'static str,
    /// The value as text for the comparison.
    expected: &'static str,
    values: &'static [&'static str],
}

const fn case(
    name: &'static str,
    of: &'static str,
    kind: &'static str,
    expected: &'static str,
    values: &'static [&'static str],
) -> Case {
    Case { name, of, kind, expected, values }
}

const TEXT: &str = "v::text";
const MICROS: &str = "(extract(epoch FROM v) * 1000000)::numeric(30,0)::text";
const NESTED: &str = "to_json(v)::text";

/// Values that Arrow and Parquet have, at the edges of each type.
const CASES: &[Case] = &[
    case("int2", "smallint", "int", TEXT, &["-32768", "32767", "0", "-1"]),
    case("int4", "integer", "int", TEXT, &["-2147483648", "2147483647"]),
    case("int8", "bigint", "int", TEXT, &["-9223372036854775808", "9223372036854775807"]),
    case("oid", "oid", "int", TEXT, &["0", "4294967295"]),
    case("xid8", "xid8", "int", TEXT, &["0", "18446744073709551615"]),
    case("numeric", "numeric", "text", TEXT, &[
        "NaN", "Infinity", "-Infinity", "0", "0.0000", "1.50", "1e-20", "1e40", "1e131071",
        "100000000000000000000000000000000000000000000000000.5",
    ]),
    case("numeric_10_2", "numeric(10,2)", "decimal", TEXT, &["99999999.99", "-99999999.99", "-0.001", "0"]),
    case("numeric_5__2", "numeric(5,-2)", "decimal", TEXT, &["1234600", "-100", "9999900"]),
    case("numeric_2_5", "numeric(2,5)", "decimal", TEXT, &["0.00099", "-0.00001"]),
    case("numeric_38", "numeric(38,0)", "decimal", TEXT, &["99999999999999999999999999999999999999", "-1"]),
    case("numeric_38_37", "numeric(38,37)", "decimal", TEXT, &["-9.9999999999999999999999999999999999999"]),
    case("numeric_1000", "numeric(1000,0)", "text", TEXT, &["1e999", "-1"]),
    case("float4", "real", "float4", "encode(float4send(v), 'hex')", &[
        "NaN", "Infinity", "-Infinity", "-0", "1e-45", "1.17549435e-38", "3.4028235e38", "16777217", "0.1",
    ]),
    case("float8", "double precision", "float8", "encode(float8send(v), 'hex')", &[
        "NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e308", "0.1", "1e22", "123456789012345680",
    ]),
    case("bool", "boolean", "bool", TEXT, &["t", "f"]),
    case("text", "text", "text", TEXT, &[
        // psql prints nothing for the last two characters of Unicode.
        "", "\\N", "\\.", "\\", "NULL", "\t\n\r\u{b}\u{8}\u{c}\u{1}\u{7f}", "\u{10fffd}", "\"", ",", "  blanks  ", "grüße",
    ]),
    case("bpchar", "character(5)", "text", "v::text || repeat(' ', 5 - length(v))", &["a", "", "abcde"]),
    case("char", "\"char\"", "text", TEXT, &["", "a"]),
    case("name", "name", "text", TEXT, &["abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"]),
    case("bytea", "bytea", "bytes", "encode(v, 'hex')", &["", "\\x00ff5c0a", "\\x5c78", "a"]),
    case("bit", "bit(3)", "text", TEXT, &["101", "000"]),
    case("date", "date", "days", "(v - '1970-01-01'::date)::text", &[
        "4713-01-01 BC", "0001-02-29 BC", "0001-12-31 BC", "1900-01-01", "9999-12-31", "10000-01-01", "5874897-12-31",
    ]),
    case("time", "time", "micros", MICROS, &["00:00", "23:59:59.999999", "01:02:03.1"]),
    case("timetz", "timetz", "text", TEXT, &["00:00+15:59:59", "24:00:00-15:59:59", "12:00+05:30:15"]),
    case("timestamp", "timestamp", "micros", MICROS, &[
        "4713-01-01 00:00:00 BC", "0044-03-15 12:00:00 BC", "1969-12-31 23:59:59.999999", "1500-02-28 01:02:03.1",
        // The next is DuckDB's infinity, which Arrow and Parquet do not have.
        "294247-01-10 04:00:54.775806",
    ]),
    case("timestamptz", "timestamptz", "micros", MICROS, &[
        "4713-01-01 00:00:00 BC", "1800-01-01 12:00:00 Europe/Amsterdam", "1937-01-01 12:00:00 Europe/Amsterdam",
        "1900-01-01 12:00:00 Asia/Kolkata", "2000-01-01 12:00:00 America/St_Johns", "2011-12-31 12:00:00 Pacific/Apia",
    ]),
    case(
        "interval",
        "interval",
        "interval",
        "(extract(year FROM v) * 12 + extract(month FROM v))::bigint || ' ' || extract(day FROM v)::bigint || ' ' ||
            (extract(hour FROM v) * 3600000000 + extract(minute FROM v) * 60000000 + extract(microseconds FROM v))::bigint",
        &[
            "00:00:00", "-00:00:00.5", "1 year 2 mons -3 days +04:05:06.789", "-1 years -2 mons +3 days -04:05:06.000001",
            "178000000 years", "2562047:47:16.854775",
        ],
    ),
    case("uuid", "uuid", "uuid", TEXT, &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    case("inet", "inet", "text", "CASE WHEN v IS NOT NULL THEN format('%s', v) END", &["::1", "::ffff:1.2.3.0/120"]),
    case("macaddr8", "macaddr8", "text", TEXT, &["08:00:2b:01:02:03:04:05"]),
    case("pg_lsn", "pg_lsn", "text", TEXT, &["0/0", "FFFFFFFF/FFFFFFFF"]),
    case("money", "money", "text", TEXT, &["-92233720368547758.08", "-1", "0", "1234567.89"]),
    case("json", "json", "json", TEXT, &["{\"a\": 1,\n \"a\": 2}", "null", "\"x\"", "1e400", "\"\\u0000\""]),
    case("jsonb", "jsonb", "json", TEXT, &["{\"b\": [1, 2.50], \"a\": null}"]),
    case("xml", "xml", "text", TEXT, &["<a>b</a>"]),
    case("mood", "v_types.mood", "text", TEXT, &["it's, \"so\" \\ ok", "sad"]),
    case("dom", "v_types.price", "decimal", TEXT, &["1.5", "-2"]),
    case("ints", "integer[]", "nested", NESTED, &["{}", "{NULL}", "{1,2,NULL,-3}"]),
    case("texts", "text[]", "nested", NESTED, &["{}", "{NULL}", "{\"NULL\"}", "{\"\"}", "{\"a\\\"b\\\\c\",\"{x,y}\",\" \"}"]),
    case("byteas", "bytea[]", "nested", NESTED, &["{\"\\\\x5c78\",\"\\\\x\"}"]),
    case("moods", "v_types.mood[]", "nested", NESTED, &["{sad,\"it's, \\\"so\\\" \\\\ ok\"}"]),
    case("boxes", "box[]", "nested", NESTED, &["{(1,1),(0,0);(3,3),(2,2)}"]),
    case("pair", "v_types.pair", "nested", NESTED, &["(,,)", "(5,\"\",1.50)", "(-1,\"a \"\"b\"\" \\\\ , ( )\",-0.01)"]),
    case("pairs", "v_types.pair[]", "nested", NESTED, &["{\"(1,\\\"a \\\"\\\"b\\\"\\\"\\\\\\\\\\\",)\",NULL}"]),
    case("range", "int4range", "text", TEXT, &["empty", "(,)", "[1,2)", "(,5]"]),
    case("tsrange", "tsrange", "text", TEXT, &["[\"2024-01-01 00:00:00\",infinity)"]),
    case("multirange", "int4multirange", "text", TEXT, &["{}", "{(,)}", "{[1,3),[5,9)}"]),
    case("tsvector", "tsvector", "text", TEXT, &["'a':1 'b':2A"]),
    case("vector2", "int2vector", "nested", NESTED, &["1 2 -3", ""]),
    case("hstore", "v_types.hstore", "map", "v_types.hstore_to_json(v)::text", &["", "a=>1", "a=>NULL, b=>\"NULL\", \"c \\\"d\"=>\"\""]),
];

/// Values that they do not have: the type, and its values.
const UNREPRESENTABLE: &[(&str, &str, &[&str])] = &[
    ("u_numeric", "numeric(10,2)", &["NaN"]),
    ("u_date", "date", &["infinity", "-infinity"]),
    ("u_time", "time", &["24:00:00"]),
    (
        "u_timestamp",
        "timestamp",
        &["infinity", "-infinity", "294247-01-10 04:00:54.775808", "294276-12-31 23:59:59.999999"],
    ),
    ("u_timestamptz", "timestamptz", &["infinity", "294276-12-31 23:59:59.999999+00"]),
    (
        "u_array",
        "integer[]",
        &["[2:4]={1,2,3}", "{{1,2},{3,4}}", "{{{1}}}", "[-1:0][0:1]={{1,2},{3,4}}"],
    ),
    ("u_dates", "date[]", &["{2024-01-01,infinity}"]),
];

/// Columns with too many different values for a dictionary: the type, what the value of row `n` is,
/// how many rows there are, and how they are compared.
const MANY: &[(&str, &str, &str, usize, &str, &str)] = &[
    ("many_int8", "bigint", "hashint8extended(n, 0)", 33_000, "int", TEXT),
    ("many_int4", "integer", "hashint4(n)", 66_000, "int", TEXT),
    ("many_text", "text", "repeat(md5(n::text), n % 3)", 14_000, "text", TEXT),
    (
        "many_timestamp",
        "timestamp",
        "'epoch'::timestamp + hashint4(n) * interval '1.000001 s'",
        33_000,
        "micros",
        MICROS,
    ),
    ("many_numeric", "numeric(12,2)", "hashint4(n) / 100.0", 33_000, "decimal", TEXT),
];

fn literal(text: &str) -> String {
    format!(
        "E'{}'",
        text.replace('\\', "\\\\")
            .replace('\'', "''")
            .replace('\n', "\\n")
            .replace('\t', "\\t")
            .replace('\r', "\\r")
    )
}

fn table(name: &str, of: &str, values: &[&str]) -> String {
    let mut sql = format!("CREATE TABLE v.{name} (n integer PRIMARY KEY, v {of});\n");
    for (n, value) in values.iter().enumerate() {
        sql += &format!("INSERT INTO v.{name} VALUES ({}, {});\n", n + 1, literal(value));
    }
    sql + &format!("INSERT INTO v.{name} VALUES ({}, NULL);\n", values.len() + 1)
}

fn psql(server: &Server, sql: &str) -> String {
    let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-At", "-c", sql, "-d", "values"];
    server.client("psql", &args)
}

/// A dump of a database with all the values.
fn dump(server: &Server) -> String {
    server.create("values", "UTF8");
    psql(
        server,
        "CREATE SCHEMA v; CREATE SCHEMA v_types;
         CREATE EXTENSION hstore SCHEMA v_types;
         CREATE TYPE v_types.mood AS ENUM ('sad', E'it''s, \"so\" \\\\ ok');
         CREATE DOMAIN v_types.price AS numeric(10,2);
         CREATE TYPE v_types.pair AS (a integer, b text, c v_types.price)",
    );
    let mut sql = String::new();
    for case in CASES {
        sql += &table(case.name, case.of, case.values);
    }
    for (name, of, values) in UNREPRESENTABLE {
        sql += &table(name, of, values);
        for (n, value) in values.iter().enumerate() {
            sql += &table(&format!("{name}_{}", n + 1), of, &[value]);
        }
    }
    for (name, of, value, rows, ..) in MANY {
        sql += &format!(
            "CREATE TABLE v.{name} AS SELECT n, ({value})::{of} AS v FROM generate_series(1, {rows}) n;\n"
        );
    }
    psql(server, &sql);
    let dump = server.path("values.dump");
    server.client("pg_dump", &["-Fc", "-f", &dump, "values"]);
    if server.root {
        run(&mut Command::new("chmod"), &["a+r", &dump]);
    }
    dump
}

/// The values that the server has, as `compare.py` takes them.
fn expected(server: &Server, name: &str, kind: &str, expression: &str) -> serde_json::Value {
    let sql = format!("SELECT json_agg({expression} ORDER BY n) FROM v.{name}");
    let values: serde_json::Value = serde_json::from_str(&psql(server, &sql)).unwrap();
    serde_json::json!({ "name": format!("v.{name}"), "kind": kind, "expected": values })
}

fn compare(python: &str, cases: &[serde_json::Value], folders: &[&Path]) -> String {
    let list = folders[0].join("cases.json");
    std::fs::write(&list, serde_json::to_string(cases).unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parquet/compare.py");
    run(Command::new(python).arg(script).arg(&list).args(folders), &[])
}

#[test]
fn live_parquet_has_the_values_of_the_server() {
    let what = "live_parquet_has_the_values_of_the_server";
    let Some(server) = Server::start(what) else { return };
    let Some(python) = python(what) else { return };
    let dump = dump(&server);
    let folder = tempfile::tempdir().unwrap();
    let mut folders = Vec::new();
    for format in ["parquet", "arrow"] {
        let to = folder.path().join(format);
        let names = CASES.iter().map(|case| case.name).chain(MANY.iter().map(|many| many.0));
        let names = names.map(|name| format!("v.{name}"));
        let mut command = pgdmp();
        command.args(["export", &dump, "--format", format, "-o"]).arg(&to).args(names);
        run(&mut command, &[]);
        folders.push(to);
    }
    let cases = CASES.iter().map(|case| (case.name, case.kind, case.expected));
    let many = MANY.iter().map(|(name, .., kind, text)| (*name, *kind, *text));
    let cases = cases.chain(many).map(|(name, kind, text)| expected(&server, name, kind, text));
    let cases: Vec<_> = cases.collect();
    let folders: Vec<&Path> = folders.iter().map(|folder| &**folder).collect();
    let said = compare(&python, &cases, &folders);
    let values: usize = CASES.iter().map(|case| case.values.len() + 1).sum();
    let many: usize = MANY.iter().map(|(_, _, _, rows, ..)| rows).sum();
    assert_eq!(said.trim(), format!("{} values", 3 * (values + many)));
}

#[test]
fn live_parquet_never_has_another_value() {
    let what = "live_parquet_never_has_another_value";
    let Some(server) = Server::start(what) else { return };
    let Some(python) = python(what) else { return };
    let dump = dump(&server);
    let folder = tempfile::tempdir().unwrap();
    let to = |name: &str| folder.path().join(name);
    for (name, _, values) in UNREPRESENTABLE {
        // Alone, each is an error that names it, and leaves no file.
        for (n, value) in values.iter().enumerate() {
            for format in ["parquet", "arrow"] {
                let file = to(&format!("{name}.{format}"));
                let table = format!("v.{name}_{}", n + 1);
                let output =
                    pgdmp().args(["export", &dump, &table, "-o"]).arg(&file).output().unwrap();
                let said = String::from_utf8(output.stderr).unwrap();
                assert!(!output.status.success() && !file.exists(), "{table}");
                let value = value.replace("+00", "");
                assert!(
                    said.contains(&value) && said.contains("no exact value"),
                    "{table}: {said}"
                );
                assert!(
                    said.contains("\"v\"") && said.contains(&format!("{name}_{}", n + 1)),
                    "{said}"
                );
            }
        }
    }
    // NULL in its place, and text.
    for (policy, expression) in [("null", "NULL::text"), ("text", "v::text")] {
        let mut folders = Vec::new();
        for format in ["parquet", "arrow"] {
            let to = to(&format!("{policy}.{format}"));
            let names = UNREPRESENTABLE.iter().map(|(name, ..)| format!("v.{name}"));
            let mut command = pgdmp();
            command.args([
                "export",
                &dump,
                "--format",
                format,
                "--on-unrepresentable",
                policy,
                "-o",
            ]);
            let output = command.arg(&to).args(names).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{said}");
            for (name, _, values) in UNREPRESENTABLE.iter().filter(|_| policy == "null") {
                assert!(
                    said.contains(&format!("v.{name}: {} value", values.len())),
                    "{name}: {said}"
                );
            }
            folders.push(to);
        }
        let cases: Vec<_> = UNREPRESENTABLE
            .iter()
            .map(|(name, ..)| expected(&server, name, "text", expression))
            .collect();
        let folders: Vec<&Path> = folders.iter().map(|folder| &**folder).collect();
        let said = compare(&python, &cases, &folders);
        let values: usize = UNREPRESENTABLE.iter().map(|(.., values)| values.len() + 1).sum();
        assert_eq!(said.trim(), format!("{} values", 3 * values));
    }
}
