//! Masked archives, restored by the installed pg_restore: nothing fails, every foreign key joins as
//! before, and no original value is anywhere in them.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::fs;
use std::process::{Command, Output};

use memchr::memmem;

use crate::support::pgdmp;
use pgdmp_testkit::server::{Server, run};

const SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN short AS varchar(60);
CREATE TABLE customers (
  id int PRIMARY KEY, email text UNIQUE NOT NULL, name varchar(40) NOT NULL, phone text, born date,
  seen timestamptz, mood mood, tags text[], secret bytea, token uuid UNIQUE, iban char(20),
  score numeric(12,2), alias short, ref int REFERENCES customers (id),
  shown text GENERATED ALWAYS AS (lower(email)) STORED);
CREATE TABLE orders (
  region smallint, no int, customer bigint NOT NULL REFERENCES customers (id),
  mail text REFERENCES customers (email) ON UPDATE CASCADE, note text,
  PRIMARY KEY (region, no));
CREATE TABLE lines (
  region smallint, no int, line int, text text, PRIMARY KEY (region, no, line),
  FOREIGN KEY (region, no) REFERENCES orders (region, no));
CREATE TABLE events (
  id bigint, at date, who int REFERENCES customers (id), mail text, PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');
CREATE TABLE people (id int, surname text);
CREATE TABLE staff (room text) INHERITS (people);
CREATE TABLE logs (id int, text text);
CREATE TABLE plain (id int, text text);
CREATE MATERIALIZED VIEW mails AS SELECT email FROM customers;
CREATE INDEX ON customers (lower(email));
INSERT INTO customers SELECT n, 'Secret.Person' || n || '@private' || n % 7 || '.test',
  'Secret Name ' || n || 'x', '+31 6 ' || 70000000 + n * 7919, date '1950-01-01' + n * 17,
  timestamptz '1999-01-01 12:34:56+00' + n * interval '31 hours', 'ok',
  ARRAY['tag-secret-' || n, NULL, 'quo\"ted ' || n || ' secret'],
  decode(md5(n::text) || md5(n::text), 'hex'), md5('token' || n)::uuid,
  'NL' || 100000 + n * 31 || 'SECR', 100000 + n * 1.5, 'secret alias ' || n, NULLIF(n / 3, 0)
  FROM generate_series(1, 200) n;
INSERT INTO orders SELECT n % 5 + 1, n, n % 200 + 1,
  'Secret.Person' || n % 200 + 1 || '@private' || (n % 200 + 1) % 7 || '.test',
  'a secret note ' || n || E'\\twith\\na line\\\\' FROM generate_series(1, 600) n;
INSERT INTO lines SELECT region, no, n, 'it''s secret line ' || no FROM orders, generate_series(1, 2) n;
INSERT INTO events SELECT n, date '2010-01-01' + n * 25, n % 200 + 1,
  'Secret.Person' || n || '@events.test' FROM generate_series(1, 300) n;
INSERT INTO people VALUES (1, 'Surname-Secret-1');
INSERT INTO staff VALUES (2, 'Surname-Secret-2', 'room');
INSERT INTO logs SELECT n, 'log secret ' || n FROM generate_series(1, 50) n;
INSERT INTO plain SELECT n, 'plain text ' || n FROM generate_series(1, 50) n;
REFRESH MATERIALIZED VIEW mails;
";

const RULES: &str = "
[tables.\"public.customers\"]
id = 'int'
email = 'email'
name = 'name'
phone = 'digits'
born = 'date:30'
seen = 'date:30,by=id'
mood = 'fixed:sad'
tags = 'hash'
secret = 'bytes'
token = 'uuid'
iban = 'hash:18'
score = 'digits'
alias = 'partial:1,0'
[tables.orders]
region = 'int:1-5'
no = 'int:1-1000000'
note = 'words'
[tables.events]
mail = 'email:keep-domain'
[tables.lines]
text = 'null'
[tables.people]
surname = 'name:last'
[drop]
logs = 'all'
plain = ['id=7', 'text=plain text 8']
";

/// Columns whose original values may be nowhere.
const MASKED: [(&str, &str); 16] = [
    ("customers", "email"),
    ("customers", "name"),
    ("customers", "phone"),
    ("customers", "unnest(tags)"),
    ("customers", "encode(secret, 'hex')"),
    ("customers", "token"),
    ("customers", "iban"),
    ("customers", "score"),
    ("customers", "alias"),
    ("orders", "mail"),
    ("orders", "substr(note, 1, 16)"),
    ("lines", "substr(text, 4)"),
    ("events", "mail"),
    ("people", "surname"),
    ("logs", "text"),
    ("plain", "NULLIF(text, '') FROM plain WHERE id = 7; SELECT text"),
];

/// How the rows hang together, whatever the values are.
const SHAPE: [&str; 8] = [
    "SELECT array_agg(n ORDER BY n) FROM (SELECT count(*) n FROM orders JOIN customers c
       ON c.id = customer AND c.email = mail GROUP BY c.id) t",
    "SELECT array_agg(n ORDER BY n) FROM (SELECT count(*) n FROM customers a JOIN customers b
       ON a.ref = b.id GROUP BY b.id) t",
    "SELECT count(*), count(DISTINCT (region, no)) FROM lines JOIN orders USING (region, no)",
    "SELECT array_agg(n ORDER BY n) FROM (SELECT count(*) n FROM events JOIN customers ON who =
       customers.id GROUP BY who) t",
    "SELECT count(*), count(DISTINCT email), count(phone), count(ref), count(DISTINCT token),
       sum(array_length(tags, 1)), sum(length(secret)) FROM customers",
    "SELECT (SELECT count(*) FROM events_old), (SELECT count(*) FROM events_new), count(*) FROM people",
    "SELECT count(*), count(DISTINCT who), min(at), max(at), sum(id) FROM events",
    "SELECT count(*) FROM mails JOIN customers USING (email)",
];

fn ours(server: &Server, args: &[&str]) -> Output {
    let mut command = pgdmp();
    let output = command.args(args).current_dir(server.path("")).output().unwrap();
    if server.root {
        run(&mut Command::new("chmod"), &["-R", "a+rX", &server.path("ours")]);
    }
    output
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn psql(server: &Server, database: &str, sql: &str) -> String {
    let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-At", "-c", sql, "-d", database];
    server.client("psql", &args)
}

#[test]
fn live_mask() {
    let Some(server) = Server::start("live_mask") else { return };
    fs::create_dir(server.path("ours")).unwrap();
    server.sql(SCHEMA);
    fs::write(server.path("rules.toml"), RULES).unwrap();
    fs::write(server.path("key"), "the key of this test, 32 bytes at least\n").unwrap();
    fs::write(server.path("other-key"), "another key of this test, with as many bytes\n").unwrap();

    let mut secrets = Vec::new();
    for (table, column) in MASKED {
        let values = psql(&server, "postgres", &format!("SELECT {column} FROM {table}"));
        secrets.extend(values.lines().filter(|value| value.len() > 5).map(str::to_owned));
    }
    secrets.retain(|value| !value.starts_with("plain text"));
    secrets.sort();
    secrets.dedup();
    assert!(secrets.len() > 2000, "{}", secrets.len());
    let shape = |database: &str| SHAPE.map(|sql| psql(&server, database, sql));
    let expected = shape("postgres");
    let counts = "SELECT (SELECT count(*) FROM logs), (SELECT count(*) FROM plain)";

    let dumps: [(&str, &[&str]); 6] = [
        ("custom", &["-Fc"]),
        ("directory", &["-Fd"]),
        ("tar", &["-Ft"]),
        ("inserts", &["-Fc", "--inserts"]),
        ("columns", &["-Fc", "--column-inserts", "--rows-per-insert=7"]),
        ("root", &["-Fc", "--load-via-partition-root"]),
    ];
    let mut rows: Option<String> = None;
    for (n, (name, options)) in dumps.into_iter().enumerate() {
        let dump = server.path(name);
        server.client("pg_dump", &[options, &["-f", &dump, "postgres"]].concat());
        if server.root {
            run(&mut Command::new("chmod"), &["-R", "a+rX", &dump]);
        }
        let out = format!("ours/{name}");
        let format = ["t", "c", "d", "c", "d", "c"][n];
        let jobs = ["1", "3"][n % 2];
        let rules = ["--rules", "rules.toml", "--key-file", "key"];
        let masked =
            ours(&server, &[&["mask", name, &out, "-F", format, "-j", jobs][..], &rules].concat());
        let said = text(&masked);
        assert!(masked.status.success(), "{name}: {said}");
        for line in [
            "public.orders.mail is masked, too, because of public.customers.email: email",
            "public.orders.customer is masked, too, because of public.customers.id: int",
            "public.lines.no is masked, too, because of public.orders.no",
        ] {
            assert!(said.contains(line), "{name}: no {line:?} in {said}");
        }
        let out = server.path(&out);
        let script = server.run("pg_restore", &["-f", "-", &out]);
        for secret in &secrets {
            let found = memmem::find(script.as_bytes(), secret.as_bytes());
            assert!(found.is_none(), "{name}: {secret}");
        }
        server.create(name, "UTF8");
        let restored = server.output("pg_restore", &["-e", "-d", name, &out]);
        assert!(
            restored.status.success() && restored.stderr.is_empty(),
            "{name}: {}",
            text(&restored)
        );
        assert_eq!(shape(name), expected, "{name}");
        assert_eq!(psql(&server, name, counts), "0|48\n", "{name}");
        // The same key gives the same values, however they were stored.
        let all = psql(
            &server,
            name,
            "SELECT * FROM customers ORDER BY id; SELECT * FROM orders ORDER BY region, no;
             SELECT * FROM events ORDER BY id; SELECT * FROM people ORDER BY id",
        );
        assert!(*rows.get_or_insert_with(|| all.clone()) == all, "{name}");
    }

    // Through a pipe, with another key; and again with the first one.
    let mut pipe = pgdmp();
    let input = fs::File::open(server.path("custom")).unwrap();
    let args = ["mask", "-", "ours/pipe", "--rules", "rules.toml", "--key-file", "other-key"];
    let piped = pipe.args(args).current_dir(server.path("")).stdin(input).output().unwrap();
    assert!(piped.status.success(), "{}", text(&piped));
    let cat = |archive: &str, table: &str| {
        let output = ours(&server, &["cat", archive, table]);
        assert!(output.status.success());
        output.stdout
    };
    for table in ["customers", "orders", "events_old"] {
        assert!(cat("ours/pipe", table) != cat("ours/directory", table), "{table}");
        assert!(cat("ours/tar", table) == cat("ours/directory", table), "{table}");
    }
    // What is not masked is as it was.
    assert!(cat("ours/pipe", "staff") != cat("custom", "staff"));
    let plain = String::from_utf8(cat("custom", "plain")).unwrap();
    let kept: String =
        plain.split_inclusive('\n').filter(|row| !row.starts_with(['7', '8'])).collect();
    assert_eq!(
        String::from_utf8(cat("ours/pipe", "plain")).unwrap().lines().count(),
        kept.lines().count()
    );

    refusals(&server);
    check(&server);
}

/// What would not restore is refused, and nothing is written.
fn refusals(server: &Server) {
    let cases = [
        ("[tables.customers]\nemail = 'null'", "it is NOT NULL"),
        ("[tables.customers]\nid = 'null'", "it is NOT NULL"),
        ("[tables.customers]\nemail = 'name'", "makes different values equal"),
        ("[tables.customers]\ntoken = 'fixed:x'", "is no value of uuid"),
        ("[tables.customers]\nname = 'hash:41'", "takes 40"),
        ("[tables.customers]\nshown = 'hash'", "a generated column"),
        ("[tables.customers]\nmood = 'fixed:angry'", "no label of the enum"),
        ("[tables.customers]\nborn = 'hash'", "does not make values of date"),
        ("[tables.customers]\nnope = 'hash'", "no such column"),
        ("[tables.nope]\nid = 'hash'", "no such table"),
        ("[tables.events]\nat = 'date:10'", "the partition key"),
        ("[tables.orders]\nmail = 'hash'\n[tables.customers]\nemail = 'email'", "its mask is"),
        ("[drop]\ncustomers = 'all'", "may reference"),
        ("[drop]\nplain = 'nope=1'", "no column \"nope\""),
    ];
    for (rules, why) in cases {
        fs::write(server.path("bad.toml"), rules).unwrap();
        let output = ours(server, &["mask", "custom", "ours/bad", "--rules", "bad.toml"]);
        assert_eq!(output.status.code(), Some(2), "{rules}");
        assert!(text(&output).contains(why), "{rules}: {}", text(&output));
        assert!(!fs::exists(server.path("ours/bad")).unwrap(), "{rules}");
    }
    fs::write(server.path("bad.toml"), "[tables.customers]\nemail = 'email'").unwrap();
    let args = ["mask", "custom", "ours/bad", "--rules", "bad.toml", "--no-cascade"];
    let output = ours(server, &args);
    assert!(output.status.code() == Some(2) && text(&output).contains("public.orders.mail"));
    // A value that does not fit is found when it comes, and nothing is left.
    fs::write(server.path("bad.toml"), "[tables.orders]\nno = 'int:1-100'").unwrap();
    let output = ours(server, &["mask", "custom", "ours/bad", "--rules", "bad.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("it is out of the range, in entry"), "{}", text(&output));
    assert!(!fs::exists(server.path("ours/bad")).unwrap());
    // An input, a list of rules and a key are not written over.
    for name in ["custom", "rules.toml", "key"] {
        let args =
            ["mask", "custom", name, "--rules", "rules.toml", "--key-file", "key", "--force"];
        assert_eq!(ours(server, &args).status.code(), Some(2), "{name}");
    }
}

/// Columns that look personal, and whether they have a rule.
fn check(server: &Server) {
    let output = ours(server, &["mask", "custom", "--check", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let list = String::from_utf8(output.stdout).unwrap();
    for part in ["\"column\": \"email\"", "\"looks_like\": \"phone\"", "\"has_rule\": false"] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let output = ours(server, &["mask", "custom", "--check", "--rules", "rules.toml"]);
    let list = String::from_utf8(output.stdout).unwrap();
    assert!(list.contains("public.events_old  mail"), "{list}");
    assert!(!list.contains("refused"), "{list}");
    assert_eq!(output.status.code(), Some(0), "{list}");
    let input = fs::File::open(server.path("tar")).unwrap();
    let mut pipe = pgdmp();
    let args = ["mask", "-", "--check", "--rules", "rules.toml"];
    let piped = pipe.args(args).current_dir(server.path("")).stdin(input).output().unwrap();
    assert_eq!(
        String::from_utf8(piped.stdout).unwrap(),
        list,
        "{}",
        String::from_utf8_lossy(&piped.stderr)
    );
}
