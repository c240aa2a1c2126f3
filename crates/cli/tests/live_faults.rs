//! `restore -d` where something is wrong: odd archives and lost connections, beside the installed
//! pg_restore; and signals, after which nothing runs on the server.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::live_restore::{Bench, Case, ONCE, TWICE};
use crate::support::pgdmp_with_signals;
use pgdmp::toc::{ArchiveVersion, EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{ArchiveBuilder, Desc, DumpId, Format};
use pgdmp_testkit::server::{Server, run};
use rustix::process::{Pid, Signal, kill_process};

/// An entry of an archive that no pg_dump makes.
#[derive(Clone, Copy)]
pub(crate) struct Odd {
    pub(crate) desc: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) defn: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) data: Option<&'static [u8]>,
    pub(crate) section: Section,
    pub(crate) needs: &'static [i32],
}

const TABLE: Odd = Odd {
    desc: "TABLE",
    tag: "a",
    defn: "CREATE TABLE public.a (x int, t text);\n",
    copy: "",
    data: None,
    section: Section::PreData,
    needs: &[],
};

const DATA: Odd = Odd {
    desc: "TABLE DATA",
    defn: "",
    copy: "COPY public.a (x, t) FROM stdin;\n",
    data: Some(b"1\tone\n2\ttwo\n\\.\n\n\n"),
    section: Section::Data,
    needs: &[1],
    ..TABLE
};

pub(crate) const VIEW: Odd =
    Odd { desc: "VIEW", tag: "v", defn: "CREATE VIEW public.v AS SELECT 1;\n", ..TABLE };

const INDEX: Odd = Odd {
    desc: "INDEX",
    tag: "i",
    defn: "CREATE INDEX i ON public.a (x);\n",
    section: Section::PostData,
    needs: &[1],
    ..TABLE
};

/// Makes an archive; ids begin with 1.
pub(crate) fn archive(server: &Server, name: &str, std_strings: bool, entries: &[Odd]) -> PathBuf {
    let path = PathBuf::from(server.path(name));
    let options = WriteOptions::new()
        .version(ArchiveVersion::new(1, 14))
        .server_version("15.0")
        .dump_version("15.0");
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    for (id, odd) in (1..).zip(entries) {
        let needs: Vec<_> = odd.needs.iter().map(|id| DumpId(*id)).collect();
        let fields = EntryFields::new(DumpId(id), Desc::TABLE, odd.section)
            .desc(Desc(odd.desc.as_bytes()))
            .had_dumper(odd.data.is_some())
            .tag(odd.tag)
            .defn(odd.defn)
            .drop_stmt("")
            .copy_stmt(odd.copy)
            .namespace("public")
            .owner("postgres")
            .dependencies(&needs);
        builder.entry(&fields).unwrap();
    }
    builder.session("UTF8", std_strings).unwrap();
    let mut writer = builder.create(&path).unwrap();
    for (id, odd) in (1..).zip(entries) {
        if let Some(bytes) = odd.data {
            let mut data = writer.data(DumpId(id)).unwrap();
            data.write_all(bytes).unwrap();
            data.finish().unwrap();
        }
    }
    writer.finish().unwrap();
    if server.root {
        run(&mut Command::new("chmod"), &["a+r", path.to_str().unwrap()]);
    }
    path
}

#[test]
fn odd_archives_end_as_with_the_installed_pg_restore() {
    let Some(server) = Server::start("odd_archives_end_as_with_the_installed_pg_restore") else {
        return;
    };
    let bench = Bench::new(&server);
    let data = |data: &'static [u8]| Odd { data: Some(data), ..DATA };
    let inserts = |data: &'static [u8]| Odd { data: Some(data), copy: "", ..DATA };
    let defn = |defn: &'static str| Odd { defn, ..VIEW };
    let killer = defn("SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid());\n");
    let odd: &[(&str, bool, &[Odd])] = &[
        ("wrong-row", true, &[TABLE, data(b"1\tone\nx\ttwo\n\\.\n\n\n"), VIEW]),
        ("wrong-first-row", true, &[TABLE, data(b"x\tone\n2\ttwo\n\\.\n\n\n"), VIEW]),
        ("rows-behind-the-end", true, &[TABLE, data(b"1\tone\n\\.\n2\ttwo\n\\.\n\n\n"), VIEW]),
        ("no-end", true, &[TABLE, data(b"1\tone\n2\ttwo\n"), VIEW]),
        ("half-a-row", true, &[TABLE, data(b"1\tone\n2\ttw"), VIEW]),
        ("no-data", true, &[TABLE, data(b""), VIEW]),
        ("no-table", true, &[VIEW, data(b"1\tone\n\\.\n\n\n"), INDEX]),
        ("no-copy", true, &[TABLE, Odd { copy: "SELECT 1;\n", ..DATA }, VIEW]),
        ("bad-copy", true, &[TABLE, Odd { copy: "COPY public.a FROM nowhere;\n", ..DATA }, VIEW]),
        ("copy-out", true, &[TABLE, Odd { copy: "COPY public.a TO stdout;\n", ..DATA }, VIEW]),
        ("asks-for-copy", true, &[TABLE, defn("COPY public.a FROM stdin;\n"), VIEW]),
        ("asks-for-copy-out", true, &[TABLE, defn("COPY public.a TO stdout;\n"), VIEW]),
        ("several", true, &[TABLE, defn("CREATE VIEW public.w AS SELECT 1; SELECT 1/0; SELECT 2;\n"), VIEW]),
        ("transaction", true, &[defn("BEGIN; CREATE TABLE public.b (); COMMIT; SELECT 1/0;\n"), VIEW]),
        ("left-open", true, &[defn("BEGIN;\n"), TABLE, defn("SELECT 1/0;\n"), DATA, VIEW]),
        ("position", true, &[defn("SELECT\n\tä, 'x' FROM\r\nnowhere_at_all, (SELECT 1) AS one, two three four five;\n")]),
        ("context", true, &[defn("DO $$ BEGIN RAISE NOTICE 'heard'; RAISE WARNING 'loud'; PERFORM 1/0; END $$;\n"), VIEW]),
        ("deferred", true, &[
            defn("CREATE TABLE public.d (x int UNIQUE DEFERRABLE INITIALLY DEFERRED);\n"),
            defn("INSERT INTO public.d VALUES (1), (1);\n"),
            VIEW,
        ]),
        ("inserts", true, &[
            TABLE,
            inserts(b"INSERT INTO public.a VALUES (1, 'a;''b');\nINSERT INTO public.a VALUES (x);\n\
                      INSERT INTO public.a VALUES (2, 'c\\');\nSELECT \"x;'\";\n\n\n"),
            VIEW,
        ]),
        ("inserts-with-backslashes", false, &[
            TABLE,
            inserts(b"INSERT INTO public.a VALUES (1, 'a\\';b\\\\');\n\n\n"),
            VIEW,
        ]),
        ("killed", true, &[TABLE, killer, VIEW, DATA, INDEX]),
        ("killed-in-data", true, &[
            TABLE,
            inserts(b"INSERT INTO public.a VALUES (1, 'x');\n\
                      SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid());\n\
                      INSERT INTO public.a VALUES (2, 'x');\n\n\n"),
            VIEW,
            INDEX,
        ]),
        ("killed-in-copy", true, &[
            defn("CREATE FUNCTION public.die(int) RETURNS bool LANGUAGE sql AS \
                  'SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())';\n"),
            Odd { defn: "CREATE TABLE public.a (x int CHECK (public.die(x)), t text);\n", ..TABLE },
            Odd { needs: &[2], ..DATA },
            VIEW,
        ]),
        ("no-table-am", true, &[TABLE, DATA, Odd { desc: "FOO", ..VIEW }]),
    ];
    let cases: &[Case] = &[("-v", ONCE), ("-1 -v", ONCE), ("-j2 -v", ONCE)];
    let made: Vec<_> = odd
        .iter()
        .map(|(name, std_strings, entries)| archive(&server, name, *std_strings, entries))
        .collect();
    let all: Vec<_> =
        made.iter().flat_map(|path| cases.iter().map(move |case| (&**path, *case, None))).collect();
    bench.all(&all);
    let twice = archive(&server, "twice", true, &[TABLE, DATA, VIEW, INDEX]);
    for options in
        ["-v --no-data-for-failed-tables", "-v -c --if-exists", "-a --disable-triggers -v"]
    {
        bench.one(&twice, (options, TWICE), None);
    }
    bench.check();
}

/// Waits for a query that contains a text to run, or to run no longer.
pub(crate) fn wait_for(server: &Server, text: &str, runs: bool) -> bool {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE query LIKE '%{text}%' AND state <> 'idle' AND pid <> pg_backend_pid()"
    );
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if (server.sql(&sql).trim() != "0") == runs {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Our restore, with a signal while a statement of the archive runs. Gives its exit status and what
/// it said.
fn signalled(
    server: &Server,
    archive: &Path,
    options: &[&str],
    text: &str,
    signal: Signal,
) -> (Option<i32>, String) {
    let mut command = pgdmp_with_signals();
    let socket = server.path("");
    command
        .args(["restore", "--exact", "-h", &socket, "-U", "postgres", "-d", "slow"])
        .args(options);
    command.arg(archive).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    assert!(wait_for(server, text, true), "{options:?}: it never ran");
    kill_process(Pid::from_child(&child), signal).unwrap();
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status.code(), said)
}

#[test]
fn a_signal_leaves_nothing_that_runs() {
    let Some(server) = Server::start("a_signal_leaves_nothing_that_runs") else { return };
    server.create("slow", "UTF8");
    let slow = Odd { defn: "SELECT pg_catalog.pg_sleep(600);\n", ..VIEW };
    let late = Odd { section: Section::PostData, ..slow };
    let copy = Odd {
        defn: "CREATE TABLE public.a (x int CHECK (pg_catalog.pg_sleep(600) IS NULL), t text);\n",
        ..TABLE
    };
    let odd = |defn: &'static str| Odd { defn, ..TABLE };
    let first = archive(&server, "first", true, &[slow]);
    let loads = archive(
        &server,
        "loads",
        true,
        &[odd("DROP TABLE IF EXISTS public.a;\n"), copy, Odd { needs: &[2], ..DATA }],
    );
    let several = archive(
        &server,
        "several",
        true,
        &[late, Odd { tag: "w", ..late }, Odd { tag: "x", ..late }],
    );
    for (path, options, text, signal) in [
        (&first, &[][..], "pg_sleep(600)", Signal::INT),
        (&first, &["-1"], "pg_sleep(600)", Signal::TERM),
        (&loads, &[], "COPY public.a", Signal::INT),
        (&loads, &["-j2"], "COPY public.a", Signal::QUIT),
        (&several, &["-j3"], "pg_sleep(600)", Signal::INT),
        (&several, &["-j3"], "pg_sleep(600)", Signal::TERM),
    ] {
        let (code, said) = signalled(&server, path, options, text, signal);
        assert_eq!((code, &*said), (Some(1), "pgdmp: terminated by user\n"), "{options:?}");
        assert!(wait_for(&server, text, false), "{options:?}: it still runs");
    }
}

/// An error in one of several sessions ends the others.
#[test]
fn an_error_in_one_session_ends_all() {
    let Some(server) = Server::start("an_error_in_one_session_ends_all") else { return };
    server.create("slow", "UTF8");
    let late = |defn: &'static str| Odd { defn, section: Section::PostData, ..VIEW };
    let path = archive(
        &server,
        "ends",
        true,
        &[
            late("SELECT pg_catalog.pg_sleep(600);\n"),
            late("SELECT pg_catalog.pg_sleep(1), 1/0;\n"),
            late("SELECT pg_catalog.pg_sleep(601);\n"),
        ],
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    let socket = server.path("");
    command
        .args(["restore", "--exact", "-h", &socket, "-U", "postgres", "-d", "slow", "-e", "-j3"])
        .arg(&path);
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "pgdmp: error: could not execute query: ERROR:  division by zero\n\
         Command was: SELECT pg_catalog.pg_sleep(1), 1/0;\n\n\n\
         pgdmp: error: a worker process died unexpectedly\n"
    );
    assert!(wait_for(&server, "pg_sleep(60", false), "it still runs");
}

/// A server that goes away in the middle is an error for each statement, and no success.
#[test]
fn a_server_that_goes_away() {
    let Some(server) = Server::start("a_server_that_goes_away") else { return };
    let slow = Odd { defn: "SELECT pg_catalog.pg_sleep(600);\n", ..VIEW };
    let path = archive(&server, "slow", true, &[TABLE, slow, VIEW]);
    for (database, options) in [("one", &[][..]), ("other", &["-1"])] {
        server.create(database, "UTF8");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
        let socket = server.path("");
        command
            .args(["restore", "--exact", "-h", &socket, "-U", "postgres", "-d", database])
            .args(options);
        command.arg(&path).stdin(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        assert!(wait_for(&server, "pg_sleep(600)", true));
        let data = server.path("data");
        server.run("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("server closed the connection unexpectedly"), "{said}");
        let more = said.matches("no connection to the server").count();
        // The view, and the comment at the end.
        assert_eq!(more, if options.is_empty() { 2 } else { 0 }, "{said}");
        server.restart();
    }
}

/// What a server says of an archive's SQL has several lines on a terminal, and nothing it obeys.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_obeys_no_server() {
    let Some(server) = Server::start("a_terminal_obeys_no_server") else { return };
    server.create("db", "UTF8");
    let bad = Odd {
        defn: "SELECT 1,\n\t'\x1b[2J\u{202e}\u{9b}31m' FROM \"\x1b]0;nowhere\x07\";\n",
        ..VIEW
    };
    let path = archive(&server, "bad", true, &[bad]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    let socket = server.path("");
    command
        .args(["restore", "--exact", "-v", "-h", &socket, "-U", "postgres", "-d", "db"])
        .arg(&path)
        // Our own sequences are obeyed.
        .env("NO_COLOR", "1");
    let shown = crate::terminal::shown(command);
    assert_eq!(crate::terminal::obeyed(&shown), None);
    let text = String::from_utf8(shown).unwrap().replace("\r\n", "\n");
    let expected = "Command was: SELECT 1,\n\t'\\u{1b}[2J\\u{202e}\\u{9b}31m' FROM";
    assert!(text.contains(expected), "{text}");
}
