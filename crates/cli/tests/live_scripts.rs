//! Scripts beside those of the installed pg_restore, and loaded into its server.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use memchr::memmem;
use pgdmp::{Archive, TocEntry};

use crate::differential::{Answer, compare};
use pgdmp_testkit::corpus::{self, Recorded};
use pgdmp_testkit::server::{Server, run};

/// Databases to dump: name, file of `fixtures/src`, encoding.
const DATABASES: &[(&str, &str, &str)] = &[
    ("core", "core.sql", "UTF8"),
    ("mini", "mini.sql", "UTF8"),
    ("latin1", "latin1.sql", "LATIN1"),
    ("sqlascii", "sqlascii.sql", "SQL_ASCII"),
    ("it's \"x\" Up.per\\", "small.sql", "UTF8"),
];

/// How they are dumped: name of the archive, database, options.
const DUMPS: &[(&str, &str, &str)] = &[
    ("core.dump", "core", "-Fc"),
    ("core.dir", "core", "-Fd"),
    ("core.tar", "core", "-Ft"),
    ("core-inserts.dump", "core", "-Fc --inserts"),
    ("core-data.dump", "core", "-Fc -a"),
    ("core-schema.dump", "core", "-Fc -s"),
    ("core-root.dump", "core", "-Fc --load-via-partition-root"),
    ("mini.dump", "mini", "-Fc"),
    ("mini-child.dump", "mini", "-Fc -t mini.child -t mini.kinds"),
    ("latin1.dump", "latin1", "-Fc"),
    ("sqlascii.dump", "sqlascii", "-Fc"),
    ("odd.dump", "it's \"x\" Up.per\\", "-Fc"),
];

/// Options, and since which release there are. What older ones make of them is their matter.
const SINCE: &[(&str, u32)] = &[
    ("--filter", 17),
    ("--transaction-size", 17),
    ("--no-data", 18),
    ("--no-policies", 18),
    ("--no-schema", 18),
    ("--no-statistics", 18),
    ("--statistics", 18),
    ("--statistics-only", 18),
    // It is a beginning of more names now.
    ("--no", 18),
    // 18 looks at more than the first letter.
    ("-Fx", 18),
];

/// What pg_restore 18 does otherwise than an older one: before which release, what, and how our
/// answer becomes theirs. All else must be the same, byte for byte.
type Difference = (u32, &'static str, fn(&[String], &mut Answer));

const DIFFERENCES: &[Difference] = &[
    (18, "what there is no schema in was called data-only", |_, ours| {
        ours.stderr = ours.stderr.replace("implied no-schema restore", "implied data-only restore");
    }),
    (17, "transaction_timeout is set", |_, ours| {
        ours.stdout = ours.stdout.replace("\\nSET transaction_timeout = 0;", "");
    }),
    (16, "owners of views, sequences and materialized views are set by their kind", |_, ours| {
        let lines = ours.stdout.split("\\n").map(|line| {
            ["ALTER VIEW ", "ALTER SEQUENCE ", "ALTER MATERIALIZED VIEW "]
                .iter()
                .find_map(|kind| line.strip_prefix(kind))
                .filter(|rest| rest.contains(" OWNER TO "))
                .map_or_else(|| line.to_owned(), |rest| format!("ALTER TABLE {rest}"))
        });
        ours.stdout = lines.collect::<Vec<_>>().join("\\n");
    }),
    (16, "lists name the compression, not its level", |args, ours| {
        if args.iter().any(|arg| arg == "-l") {
            ours.stdout = ours.stdout.replace(";     Compression: gzip", ";     Compression: -1");
            ours.stdout = ours.stdout.replace(";     Compression: none", ";     Compression: 0");
        }
    }),
];

#[test]
fn the_installed_pg_restore_says_the_same() {
    let Some(server) = Server::start("the_installed_pg_restore_says_the_same") else { return };
    let archives = dumps(&server);
    let release = server.release();
    let theirs = server.program("pg_restore");
    let takes = |args: &[String]| {
        !args.iter().any(|arg| {
            let name = arg.split('=').next().unwrap_or_default();
            SINCE.iter().any(|(option, since)| name == *option && release < *since)
        })
    };
    compare(&theirs.into(), &archives, &takes, &|args, ours, _| {
        for (before, _, adjust) in DIFFERENCES {
            if release < *before {
                adjust(args, ours);
            }
        }
        true
    });
}

/// A role that is no superuser restores what is left for a service. What superusers of services
/// may do and it may not: subscriptions, and an extension that is there already.
#[test]
fn no_superuser_is_needed_for_a_service() {
    let Some(server) = Server::start("no_superuser_is_needed_for_a_service") else { return };
    server.prepare();
    server.create("core", "UTF8");
    server.file("core", "core.sql");
    server.sql("CREATE ROLE admin LOGIN");
    server.sql(
        "GRANT harbour_owner, harbour_clerk, harbour_audit, \"Odd Role\", \"rôle \"\"quoted\"\"\" \
         TO admin",
    );
    let dump = server.path("core.dump");
    server.client("pg_dump", &["-Fc", "-f", &dump, "core"]);
    if server.root {
        run(&mut Command::new("chmod"), &["a+r", &dump]);
    }
    for service in ["cloudsql", "azure"] {
        server.sql(&format!("CREATE DATABASE {service} OWNER admin TEMPLATE template0"));
        let extension = "CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER \
                         postgres_fdw TO admin WITH GRANT OPTION";
        server.client("psql", &["-X", "-q", "-c", extension, "-d", service]);
        let mut restore = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
        restore.args(["restore", "-f", "-", "-O", "--for", service, "--no-subscriptions"]);
        restore.arg(format!("--target-version={}", server.release()));
        let script = restore.arg(&dump).output().unwrap();
        assert!(script.status.success(), "{}", text(&script.stderr));
        let file = server.path(&format!("{service}.sql"));
        fs::write(&file, &script.stdout).unwrap();
        let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &file, "-d", service, "-U", "admin"];
        let loaded = server.output("psql", &args);
        assert!(loaded.status.success(), "{service}: {}", text(&loaded.stderr));
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'harbour'";
        let count = |database: &str| {
            server.client("psql", &["-X", "-q", "-At", "-c", tables, "-d", database])
        };
        assert_eq!(count(service), count("core"), "{service}");
    }
}

/// Makes databases of many kinds, and dumps of them.
pub(crate) fn dumps(server: &Server) -> Vec<PathBuf> {
    server.prepare();
    for (name, file, encoding) in DATABASES {
        server.create(name, encoding);
        server.file(name, file);
    }
    let mut archives = Vec::new();
    for (file, database, options) in DUMPS {
        let path = server.path(file);
        let mut args: Vec<&str> = options.split(' ').collect();
        args.extend(["-f", &path, "-d", database]);
        server.client("pg_dump", &args);
        archives.push(PathBuf::from(path));
    }
    // Without offsets.
    let dump =
        format!("{:?} -h {:?} -U postgres -Fc mini", server.program("pg_dump"), server.path(""));
    let path = server.path("mini-pipe.dump");
    run(&mut Command::new("sh"), &["-c", &format!("{dump} | cat > {path:?}")]);
    archives.push(path.into());
    if server.root {
        // Made by another user, for nobody else to read.
        run(&mut Command::new("chmod"), &["-R", "a+rX", &server.path("")]);
    }
    archives
}

/// Archives whose script cannot be loaded into a new database of any server, and why: what their
/// names hold.
pub(crate) const PARTS: &[(&str, &str)] = &[
    ("-data.dump", "data alone"),
    ("/dir-data", "data alone"),
    ("/table-", "tables without the schema that they are in"),
    ("/dir-two-and-blobs", "tables without the schema that they are in"),
    ("-exclude", "parts of it need what was excluded"),
    ("statistics-only", "statistics alone"),
    ("binary-upgrade", "it calls functions of pg_upgrade"),
];

/// Archives whose script only some servers take: what their names hold, and why.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    ("northwind-pg8.3", "functions of a debugger that is not installed"),
    ("banco-luisrigual", "amounts of money as Portuguese servers write them"),
    ("wiltondb", "a server that has a schema sys and its types"),
];

/// Entries that pg_dump writes so that no server takes them: kind, tag, and why.
const NEVER: &[(&str, &str, &str)] = &[
    // The database gets it before.
    ("PROCEDURAL LANGUAGE", LANGUAGE, "its handler is another's, which is left away"),
    ("MATERIALIZED VIEW DATA", "mv_a", "its owner may not read the view that it is of"),
    ("MATERIALIZED VIEW DATA", "mv_0_on_mv_a", "the view that it is of has no rows, then"),
];

/// What the script of the real pg_restore does not make on an older server, and ours does: the
/// names in the comment above it, and why.
const ALONE: &[(&str, &str)] = &[
    ("Name: virt;", "a virtual column is stored"),
    ("Data for Name: virt;", "a virtual column is stored"),
    ("Name: sub_one;", "a subscription streams, not in parallel"),
    ("Name: SUBSCRIPTION sub_one;", "a subscription streams, not in parallel"),
];

/// Archives that hold all that pg_dump says of a database without options.
const WHOLE: &[&str] =
    &["mini/custom-default.dump", "core/custom.dump", "latin1/custom.dump", "empty/custom.dump"];

pub(crate) const LANGUAGE: &str = "plharbour";

pub(crate) fn is_never(entry: &TocEntry<'_>) -> bool {
    let tag = entry.tag().unwrap_or_default();
    NEVER.iter().any(|(desc, name, _)| entry.desc() == **desc && tag == name.as_bytes())
}

/// The script of every archive of the corpus that fits the server is loaded by psql without an
/// error, and the database is the one that the script of the real pg_restore makes: their dumps
/// are the same. That script is loaded in spite of its errors, which are those of settings that
/// the server does not have, and of what every database has from the beginning.
#[test]
fn scripts_load() {
    let Some(folder) = corpus::folder() else { return };
    let Some(server) = Server::start("scripts_load") else { return };
    if server.release() < 15 {
        pgdmp_testkit::effort::skipped(
            "what older servers than 15 make of newer archives is not in ALONE",
        );
        return;
    }
    server.prepare();
    let outputs = corpus::outputs(&folder);
    let extensions = server.sql("SELECT name FROM pg_available_extensions");
    let extensions: HashSet<&str> = extensions.lines().collect();
    let mut seen = HashSet::new();
    let mut scripts = Vec::new();
    for recorded in corpus::archives(&folder) {
        let name = &recorded.name;
        let real = corpus::whole_script(&recorded, outputs);
        let unfit = PARTS.iter().chain(ELSEWHERE).any(|(part, _)| name.contains(part));
        // Other formats of the same dump have the same script.
        if unfit || !seen.insert(real) {
            continue;
        }
        if let Some(extension) = missing_extension(&recorded, &extensions) {
            eprintln!("{name}: not loaded, the server lacks the extension {extension}");
            continue;
        }
        scripts.push((recorded, real));
    }
    let (count, queue) = (scripts.len(), Mutex::new(scripts));
    let (originals, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let mut scripts = queue.lock().unwrap();
                    let number = scripts.len();
                    let Some((recorded, real)) = scripts.pop() else { return };
                    drop(scripts);
                    match load(&server, &recorded, real, number) {
                        Ok(original) => {
                            originals.fetch_add(usize::from(original), Ordering::Relaxed);
                        }
                        Err(error) => {
                            failures.lock().unwrap().push(format!("{}: {error}", recorded.name));
                        }
                    }
                }
            });
        }
    });
    let (originals, failures) = (originals.into_inner(), failures.into_inner().unwrap());
    eprintln!("{count} scripts loaded, {originals} compared with the original's dump, too");
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
    assert!(count > 100, "{count}");
    assert!(originals > 3 || server.release() != 15, "{originals}");
}

/// An extension of the archive that the server does not have.
pub(crate) fn missing_extension(recorded: &Recorded, extensions: &HashSet<&str>) -> Option<String> {
    let archive = Archive::open(&recorded.path).unwrap();
    let needed = archive.entries().filter(|entry| entry.desc() == *"EXTENSION");
    let mut names = needed.map(|entry| text(entry.tag().unwrap_or_default()));
    names.find(|name| !extensions.contains(name.as_str()))
}

/// Loads an archive, and compares what comes of it with what comes of the real script; says
/// whether it was compared with the original's dump, too.
fn load(server: &Server, recorded: &Recorded, real: &[u8], number: usize) -> Result<bool, String> {
    let archive = Archive::open(&recorded.path).unwrap();
    for entry in archive.entries() {
        for role in entry.owner().into_iter().chain(grantees(entry)) {
            server.role(role);
        }
    }
    let encoding = archive.toc().encoding().unwrap().map_or("SQL_ASCII".into(), text);
    let list = server.path(&format!("list{number}"));
    let entries = archive.entries().filter(|entry| !is_never(entry));
    let list_text: String = entries.map(|entry| format!("{}; x\n", entry.dump_id())).collect();
    fs::write(&list, list_text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args([
        "restore",
        "-f",
        "-",
        "-L",
        &list,
        &format!("--target-version={}", server.release()),
    ]);
    let ours = command.arg(&recorded.path).output().unwrap();
    if !ours.status.success() {
        return Err(String::from_utf8_lossy(&ours.stderr).into_owned());
    }
    let create = |name: &str| {
        server.create(name, &encoding);
        let mut entries = archive.entries();
        if entries.any(|entry| entry.desc() == *"PROCEDURAL LANGUAGE" && is_never(&entry)) {
            let sql = format!("CREATE TRUSTED LANGUAGE {LANGUAGE} HANDLER plpgsql_call_handler");
            server.client("psql", &["-X", "-q", "-c", &sql, "-d", name]);
        }
    };
    // Of what a client made of it; one that has a subscription stays.
    let dump_of = |name: &str, loaded: Output| -> Result<String, String> {
        if !loaded.status.success() {
            return Err(text(&loaded.stderr));
        }
        let dump = server.output("pg_dump", &["-d", name, "--restrict-key=key"]);
        assert!(dump.status.success(), "{}", text(&dump.stderr));
        let sql = format!("DROP DATABASE {name}");
        server.output("psql", &["-X", "-q", "-c", &sql, "-d", "postgres"]);
        Ok(text(&dump.stdout))
    };
    let run_script = |name: &str, script: &[u8], stop: u8| {
        create(name);
        let file = server.path(&format!("{name}.sql"));
        fs::write(&file, script).unwrap();
        let stop = format!("ON_ERROR_STOP={stop}");
        let loaded = server.output("psql", &["-X", "-q", "-v", &stop, "-f", &file, "-d", name]);
        dump_of(name, loaded)
    };
    let ours = run_script(&format!("ours{number}"), &ours.stdout, 1)?;
    let theirs = run_script(&format!("theirs{number}"), &without_rows(real, "harbour.virt"), 0)?;
    check(&without_alone(&ours), &without_alone(&theirs))?;
    if !WHOLE.iter().any(|end| recorded.name.ends_with(end)) {
        return Ok(false);
    }
    // The server's own pg_restore takes what convert makes for it.
    let name = format!("converted{number}");
    let path = server.path(&format!("{name}.dump"));
    let mut convert = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    convert.args(["convert", "-L", &list, &format!("--target-version={}", server.release())]);
    let converted = convert.arg(&recorded.path).arg(&path).output().unwrap();
    assert!(converted.status.success(), "{}", text(&converted.stderr));
    if server.root {
        run(&mut Command::new("chmod"), &["a+r", &path]);
    }
    create(&name);
    let restored = dump_of(&name, server.output("pg_restore", &["-e", "-d", &name, &path]))?;
    check(&restored, &ours)?;
    // The original's dump is in the archive itself.
    let by = archive.header().dump_version.as_deref().map(text).unwrap_or_default();
    let same_release = by.starts_with(&format!("{}.", server.release()));
    if same_release {
        let list_text: String = archive
            .entries()
            .filter(|entry| !is_never(entry) || entry.tag() == Some(LANGUAGE.as_bytes()))
            .map(|entry| format!("{}; x\n", entry.dump_id()))
            .collect();
        fs::write(&list, list_text).unwrap();
        let path = recorded.path.to_str().unwrap();
        // Whoever the server runs as need not be able to read the corpus.
        let mut original = Command::new(server.program("pg_restore"));
        original.args(["--restrict-key=key", "-L", &list, "-f", "-", path]);
        let original = original.output().unwrap();
        assert!(original.status.success(), "{}", text(&original.stderr));
        check(&without_origin(&ours), &without_origin(&text(&original.stdout)))?;
        return Ok(true);
    }
    Ok(false)
}

/// Two dumps must be the same; else, which lines differ.
fn check(ours: &str, theirs: &str) -> Result<(), String> {
    let different = |a: &str, b: &str| {
        let there: HashSet<&str> = b.lines().collect();
        a.lines().filter(|line| !there.contains(line)).take(8).collect::<Vec<_>>().join("\n")
    };
    match ours == theirs {
        true => Ok(()),
        false => Err(format!(
            "ours alone:\n{}\ntheirs alone:\n{}",
            different(ours, theirs),
            different(theirs, ours)
        )),
    }
}

/// A dump without what only our script makes.
fn without_alone(dump: &str) -> String {
    let mut parts = dump.split("\n--\n-- ");
    let first = parts.next().unwrap_or_default().to_owned();
    let alone = |part: &&str| !ALONE.iter().any(|(name, _)| part.starts_with(name));
    parts.filter(alone).fold(first, |all, part| format!("{all}\n--\n-- {part}"))
}

/// A script without the rows of a table: where that is not made, psql takes them for SQL.
fn without_rows(script: &[u8], table: &str) -> Vec<u8> {
    let start = memmem::find(script, format!("\nCOPY {table} ").as_bytes());
    let end = start.and_then(|start| Some((start, memmem::find(&script[start..], b"\n\\.\n")?)));
    match end {
        Some((start, len)) => [&script[..start], &script[start + len + 3..]].concat(),
        None => script.to_vec(),
    }
}

/// A dump without the lines about the releases that made it.
fn without_origin(dump: &str) -> String {
    let lines = dump.lines().filter(|line| !line.starts_with("-- Dumped "));
    lines.map(|line| format!("{line}\n")).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Roles that an entry gives privileges to, as far as dumps write them.
pub(crate) fn grantees<'a>(entry: TocEntry<'a>) -> impl Iterator<Item = &'a [u8]> {
    let defn = if entry.desc().is_acl() { entry.defn() } else { None };
    let lines = defn.unwrap_or_default().split(|byte| *byte == b'\n');
    lines.filter_map(|line| {
        let line = line.strip_suffix(b";")?;
        let at = memmem::rfind(line, b" TO ").map(|at| at + 4);
        let at = at.or_else(|| memmem::rfind(line, b" FROM ").map(|at| at + 6))?;
        let role = &line[at..];
        Some(role.strip_suffix(b" WITH GRANT OPTION").unwrap_or(role))
    })
}
