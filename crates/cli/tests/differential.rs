//! The program beside PostgreSQL's own pg_restore 18, with one option set after another.
//!
//! Where `PGDMP_PG_RESTORE` names a pg_restore of release 18 both are run, and must agree in
//! output, messages and exit status. Elsewhere this is skipped, and says so.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use pgdmp::toc::{ArchiveVersion, CatalogId, EntryFields, Oid, Section};
use pgdmp::{Archive, Desc, DumpId, Format, Toc};

use pgdmp_testkit::fixtures;

/// Option sets. `|` stands before an option that has blanks in it.
const OPTIONS: &str = "
-f -
-v -f -
-l
-l -v
-l -n harbour
-l -t staff
-f - -a
-f - -s
-f - -a --disable-triggers
-f - -a --disable-triggers -S sup
-f - --disable-triggers
-f - -c
-f - -c --if-exists
-f - -C
-f - -C -c
-f - -v -C -c --if-exists
-f - -O -x
-f - --no-comments --no-security-labels
-f - --no-tablespaces --no-table-access-method
-f - --no-publications --no-subscriptions
-f - --use-set-session-authorization -c
-f - --use-set-session-authorization -C
-f - --use-set-session-authorization -O
-f - --use-set-session-authorization -a --disable-triggers -S sup
-f - --section=pre-data
-f - --section=data -c
-f - --section=post-data
-f - --section=data --disable-triggers
-f - -1 -c
-f - --role=user
-f - --enable-row-security
-f - -t staff -a
-f - -t kinds -c
-f - -t town -t vacant
-f -|-t|Mixed Case \"table\"
-f - -I child_v_idx
-f -|-T|child child_touch
-f -|-P|bump(integer)
-f - -n mini -t kinds
-f - -N public
-f - -C -n harbour -x
-f - -C -a
-f - --strict-names -t nosuch
-f - --strict-names -n nosuch
-f - -L all
-f - -L reversed -c
-v -f - -L reversed
-f - --strict-names -t kinds -t kinds
-f - -L third -n public
-f - -L odd
-l -L odd
-f - -L nosuchfile
-f - --transaction-size=1
-f - --transaction-size=3 -c --if-exists
-f - --transaction-size=5 -C -c
-f - -O
-f - -x
-f - --no-comments
-f - --no-security-labels
-f - --no-tablespaces
-f - --no-table-access-method
-f - --no-publications
-f - --no-subscriptions
-f - -v -C -c
-f - -C -s -x
-f - -C -t staff
-f - --section=pre-data --section=post-data
-f - --section=pre-data -C
-f - --role=alice -1
-f - -t staff -s
-f - -t mv_a -t v_staff
-f - -t ticket_no
-f - -t visit -t csv_t
-f -|-t|Table 2
-f - -I staff_cover -I mv_a_u
-f -|-T|staff staff_touch
-f -|-P|par_sum(integer)
-f - -P par_sum
-f -|-t|staff|-I|staff_cover|-P|log_it(text)
-f - -n harbour -n public
-f - -n harbour -N harbour
-f - -N harbour -N public
-f - -n harbour -c --if-exists -O -x
-f - --strict-names -N nosuch
-f - --strict-names -I nosuch
-f - --strict-names -P nosuch
-f - --strict-names -T nosuch
-f - -1
-f - --transaction-size=3
-f - --transaction-size=3 -c
-f - --transaction-size=5 -C
-f - --transaction-size=2 --section=data
-f - --transaction-size=10 --use-set-session-authorization
-f - --no-data
-f - --no-schema --no-statistics
-f - -n harbour --statistics-only
-f - --section=data --statistics-only
-f - --section=post-data --statistics-only
-f - --statistics --transaction-size=4
-f - --no-schema
-f - --no-schema --disable-triggers
-f - --no-policies --no-statistics
-f - --statistics
-f - --statistics-only
-f - --no-data --no-schema
-f - -t kinds --statistics-only
-f - --filter filter
-a -s -f -
-c -a -f -
--if-exists -f -
-C -1 -f -
-1 -j 2 -f -
-d x -f -
--no -f -
--section=x -f -
-Fx -f -
-Fd -f -
-Ft -l
-Fc -l
";

/// Where the program says something else on purpose: part of what pg_restore says, and why.
const KNOWN: &[(&str, &str)] = &[(
    "unrecognized data block type (0) while searching archive",
    "the second table of contents of a redirected dump is taken for the end of the data it is",
)];

#[test]
fn pg_restore_says_the_same() {
    let Some(theirs) = std::env::var_os("PGDMP_PG_RESTORE") else {
        pgdmp_testkit::effort::skipped("PGDMP_PG_RESTORE names no pg_restore 18");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let archives = archives(folder.path());
    compare(&theirs, &archives, &|_| true, &|_, _, theirs| {
        !KNOWN.iter().any(|(message, _)| theirs.stderr.contains(message))
    });
}

/// What a run says.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: Option<i32>,
    /// Escaped, so that bytes that are no UTF-8 must be the same, too.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs both programs over archives with all option sets that `takes` knows, from a file and
/// through a pipe. `adjust` takes out of our answer what may differ, and says whether the rest of
/// it must be the same; if not, the status must.
pub(crate) fn compare(
    theirs: &OsString,
    archives: &[PathBuf],
    takes: &dyn Fn(&[String]) -> bool,
    adjust: &(dyn Fn(&[String], &mut Answer, &mut Answer) -> bool + Sync),
) {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = Vec::new();
    for (n, archive) in archives.iter().enumerate() {
        let work = folder.path().join(n.to_string());
        fs::create_dir(&work).unwrap();
        write_inputs(archive, &work);
        for line in OPTIONS.lines().filter(|line| !line.is_empty()) {
            let mut parts = line.split('|');
            let mut args: Vec<String> = parts.next().unwrap().split(' ').map(Into::into).collect();
            args.extend(parts.map(Into::into));
            if takes(&args) {
                runs.push((archive, work.clone(), args));
            }
        }
    }
    let (count, queue) = (runs.len(), Mutex::new(runs));
    let differences = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some((archive, work, args)) = queue.lock().unwrap().pop() else { return };
                    for piped in [false, true] {
                        if piped && archive.is_dir() {
                            continue;
                        }
                        let ours = env!("CARGO_BIN_EXE_pgdmp").into();
                        let mut ours = run(&ours, archive, &work, &args, piped);
                        let mut theirs = run(theirs, archive, &work, &args, piped);
                        let all = adjust(&args, &mut ours, &mut theirs);
                        let lines = |answer: &Answer| answer.stdout.replace("\\n", "\n");
                        let first = lines(&ours)
                            .lines()
                            .zip(lines(&theirs).lines())
                            .find(|(ours, theirs)| ours != theirs)
                            .map(|(ours, theirs)| format!("{ours:?} {theirs:?}"));
                        let differs = [
                            ("status", ours.status != theirs.status),
                            ("output", all && ours.stdout != theirs.stdout),
                            ("messages", all && ours.stderr != theirs.stderr),
                        ];
                        for (what, _) in differs.iter().filter(|(_, differs)| *differs) {
                            let stderr = (&ours.stderr, &theirs.stderr);
                            let text = format!(
                                "{archive:?} {args:?} piped: {piped}: {what} {first:?} {stderr:?}"
                            );
                            differences.lock().unwrap().push(text);
                        }
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(differences.is_empty(), "{} in {count} runs: {differences:#?}", differences.len());
}

/// Whole command lines, words between `|`, as PostgreSQL's own tests of pg_restore have them, and
/// some that they have not. `A`, `T` and `D` are archives of the three formats.
const COMMAND_LINES: &str = "
-v|-v|-l|A
-v|-v|-l|-Fd|D
-l|--strict-names|-t|kinds|-t|kinds|A
x|y

-s|-a|-f -
-d|xxx|-f|xxx
-c|-a|-f -
-j|-1|-f -
-j|-1 |-f -
-j0|-f|-|A
-j|abc|-f|-|A
-j||-f|-|A
--single-transaction|-j3|-f -
--if-exists|-f -
-f -|-F|garbage
-C|-1|-f -
--exclude-database=foo|--globals-only|-d|xxx
--globals-only|-d|xxx|dumpdir
--not-a-valid-option
-Q
-f
--file
--list=x|A
-s|--statistics-only|-f|-
-a|--statistics-only|-f|-
-a|--no-data|-f|-
-s|--no-schema|-f|-
--statistics|--no-statistics|-f|-
--statistics-only|--no-statistics|-f|-
--restrict-key=|-f|-|A
--restrict-key=a-b|-f|-|A
-d|x|--restrict-key=ab|A
-Fc|--verbose|--file=x.sql|A
--format|custom|--file|x.sql|--no-policies|--statistics|A
--format=tar|--file=x.sql|T
--format|Directory|-f|-|D
--format|d|-f|-|A
--format||-f|-|A
-F|plain|-f|-|A
-F|tar|-f|-|D
-F|c|-f|-|T
--jobs=2|--file=x.sql|--statistics|D
--jobs=2|--file=x.sql|A
--list|--verbose|D
--transaction-size=0|-f|-|A
--transaction-size=x|-f|-|A
--transaction-size|10|-1|-f|-|A
--filter=none|-f|-|A
--filter=words|-f|-|A
--filter=quoted|-f|-|A
--filter=function|-f|-|A
--filter=schemas|--filter=words|--strict-names|-f|-|A
--filter=table-data|-f|-
--filter=no-extension|-f|-
--filter=extension|-f|-
--filter=foreign|-f|-
--filter=what|-f|-
--filter=command|-f|-
--filter=pattern|-f|-
--filter=open|-f|-
-f|/nonexistent/x|A
-f|-|/nonexistent/x
-f|-|.
-f|-|-L|none|A
-f|-|/dev/null
-l|/etc/passwd
-l|-h|x|-p|1|-U|y|-w|A
-f|-|--no-reconnect|-R|--superuser=|A
-f|-|--schem=harbour|A
-f|-|--no-s|A
-f|-|--|A
-f|-|A|-t|staff
-1|-c|-f|-|A
--section=pre-data|--section=foo|-f|-|A
--section=|-f|-|A
-t||-f|-|A
-n||-f|-|A
-N||-f|-|A
";

/// Filter files for them.
const FILTERS: [(&str, &str); 12] = [
    ("words", "  include   table   staff   # x\n\n# y\n"),
    ("quoted", "include table \"staff\"\n"),
    ("function", "include function  log_it ( text )\n"),
    ("schemas", "include schema harbour\nexclude schema public\n"),
    ("table-data", "include table_data xxx"),
    ("no-extension", "exclude extension xxx"),
    ("extension", "include extension xxx"),
    ("foreign", "exclude foreign_data dummy*\n"),
    ("what", "include xxx"),
    ("command", "k"),
    ("pattern", "include table"),
    ("open", "include table \"a\n"),
];

#[test]
fn command_lines_get_the_same_answers() {
    let Some(theirs) = std::env::var_os("PGDMP_PG_RESTORE") else {
        pgdmp_testkit::effort::skipped("PGDMP_PG_RESTORE names no pg_restore 18");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILTERS {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let archive = |word: &str| match word {
        "A" => Some("pg18/core-custom.dump"),
        "T" => Some("pg18/small-tar.tar"),
        "D" => Some("pg18/small-dir"),
        _ => None,
    };
    for line in COMMAND_LINES.lines().skip(1) {
        let words = line.split('|').filter(|_| !line.is_empty());
        let words: Vec<PathBuf> = words
            .map(|word| archive(word).map_or(word.into(), |name| fixtures::root().join(name)))
            .collect();
        let run = |program: &OsString| {
            let mut command = Command::new(program);
            command.arg0("pg_restore").current_dir(folder.path()).stdin(Stdio::null());
            let output = command.env("TZ", "UTC").env("LC_ALL", "C").args(&words).output().unwrap();
            let mut answer = text(output);
            // The key is another each time.
            let lines = answer.stdout.split("\\n");
            let same = lines.filter(|line| !line.contains("restrict "));
            answer.stdout = same.collect::<Vec<_>>().join("\\n");
            answer
        };
        let (ours, theirs) = (run(&env!("CARGO_BIN_EXE_pgdmp").into()), run(&theirs));
        assert!(ours == theirs, "{line}: {:?} {:?}", ours.stderr, theirs.stderr);
    }
}

/// What `convert` and `restore` both take.
const ADAPTED: &[&str] = &[
    "--target-version 15",
    "--target-version 9.6",
    "--map-owner postgres=bob --map-schema harbour=port --map-schema mini=maxi --map-unproved",
    "--for rds --target-version 14",
    "--for supabase",
    "-O --no-tablespaces --no-table-access-method --no-comments",
    "-n harbour -n mini --with-dependencies",
    "-t staff -t kinds --with-dependents",
    "-x --no-policies --no-publications --no-subscriptions --no-security-labels",
    "--no-data",
    "--no-schema",
    "-a",
    "--statistics-only",
    "--section=post-data",
    "-O -n mini --for azure",
];

/// Settings that no restore by pg_restore 18 is without, whatever server it is for.
const SETTINGS: [&str; 3] =
    ["SET transaction_timeout ", "SET idle_in_transaction_session_timeout ", "SET row_security "];

/// pg_restore makes of a converted archive what `restore` makes of the original with the same
/// options.
#[test]
fn converted_archives_are_restored_the_same() {
    let Some(theirs) = std::env::var_os("PGDMP_PG_RESTORE") else {
        pgdmp_testkit::effort::skipped("PGDMP_PG_RESTORE names no pg_restore 18");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let archives: Vec<PathBuf> = fixtures::real()
        .into_iter()
        // With all names in quotes `-O` has a schema in quotes where it was, too.
        .filter(|fixture| !fixture.name.contains("quoteall"))
        .map(|fixture| fixture.path)
        .collect();
    let mut compared = 0;
    for archive in &archives {
        let header = Archive::open(archive).unwrap().header().clone();
        let version = header.version.max(ArchiveVersion::new(1, 12));
        for options in ADAPTED {
            let what = format!("{} {options}", archive.display());
            let args: Vec<&str> = options.split(' ').collect();
            let new = folder.path().join(compared.to_string());
            let mut convert = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
            convert.arg("convert").args(&args);
            // An older server would get an older archive, with other entries.
            convert.arg(format!("--archive-version={}.{}", version.major, version.minor));
            if Archive::open(archive).unwrap().format() != Format::Tar {
                convert.arg(format!("--compress={}", header.compression.algorithm));
            }
            let output = convert.arg(archive).arg(&new).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            if stderr.ends_with("nothing of the archive is selected\n") {
                let mut list = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
                let list = list.args(["restore", "-l"]).args(&args).arg(archive).output().unwrap();
                let list = list.stdout.split(|byte| *byte == b'\n');
                assert!(list.into_iter().all(|line| line.is_empty() || line[0] == b';'), "{what}");
                continue;
            }
            assert!(output.status.success(), "{what}: {stderr}");
            let mut restore = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
            restore.arg("restore").args(&args).args(["--restrict-key=key", "-f", "-"]);
            let ours = restore.arg(archive).output().unwrap();
            let mut restore = Command::new(&theirs);
            let theirs =
                restore.args(["--restrict-key=key", "-f", "-"]).arg(&new).output().unwrap();
            assert!(ours.status.success() && theirs.status.success(), "{what}");
            let lines = |output: &[u8]| -> Vec<String> {
                let text = output.escape_ascii().to_string().replace("\\n", "\n");
                let is_set = |line: &&str| !SETTINGS.iter().any(|set| line.starts_with(set));
                text.lines().filter(is_set).map(str::to_owned).collect()
            };
            let (ours, theirs) = (lines(&ours.stdout), lines(&theirs.stdout));
            let first = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
            assert!(ours == theirs, "{what}: {first:?}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

fn run(program: &OsString, archive: &Path, work: &Path, args: &[String], piped: bool) -> Answer {
    let mut command = Command::new(program);
    command.arg0("pg_restore").current_dir(work).env("TZ", "UTC").env("LC_ALL", "C");
    if !args.iter().any(|arg| arg == "-d") {
        command.arg("--restrict-key=key");
    }
    command.args(args);
    if piped {
        let mut cat = Command::new("cat");
        let mut cat =
            cat.arg(archive).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        command.stdin(cat.stdout.take().unwrap());
        let output = command.output().unwrap();
        // Whoever was not read to the end ends here.
        drop(command);
        cat.wait().unwrap();
        return text(output);
    }
    text(command.arg(archive).stdin(Stdio::null()).output().unwrap())
}

fn text(output: std::process::Output) -> Answer {
    let text = |bytes: Vec<u8>| bytes.escape_ascii().to_string();
    let lines = output.stdout.split_inclusive(|byte| *byte == b'\n');
    let stdout: Vec<u8> =
        lines.filter(|line| !line.starts_with(b"-- Completed on ")).flatten().copied().collect();
    Answer { status: output.status.code(), stdout: text(stdout), stderr: text(output.stderr) }
}

/// Lists and a filter file for an archive.
fn write_inputs(archive: &Path, work: &Path) {
    let archive = Archive::open(archive).unwrap();
    let ids: Vec<String> =
        archive.entries().map(|entry| format!("{}; x\n", entry.dump_id())).collect();
    let reversed: Vec<String> = ids.iter().rev().cloned().collect();
    let third: Vec<String> = ids.iter().step_by(3).cloned().collect();
    let odd = format!("; c\n\n \t\njunk\n-3\n0\n99999999\n{0}{0} {1}", ids[0], third.concat());
    for (name, text) in [
        ("all", ids.concat()),
        ("reversed", reversed.concat()),
        ("third", third.concat()),
        ("odd", odd),
        ("filter", "# c\ninclude table kinds # x\nINCLUDE  function bump( integer )\n".to_owned()),
    ] {
        fs::write(work.join(name), text).unwrap();
    }
}

fn archives(folder: &Path) -> Vec<PathBuf> {
    let mut archives: Vec<PathBuf> =
        fixtures::real().into_iter().map(|fixture| fixture.path).collect();
    for variant in 0..4 {
        let path = folder.join(format!("odd-{variant}.dump"));
        odd_archive(variant).write_to(File::create(&path).unwrap()).unwrap();
        archives.push(path);
    }
    archives
}

const NAMES: &[&[u8]] = &[
    b"t",
    b"select",
    b"name",
    b"Up per",
    b"q\"uo'te\\",
    b"nl\ncr\rx",
    b"n\xc3\xa9",
    b"bad\xc3",
    b"\xe2\x82\"x",
    b"\x83\"\x83\x5c",
    b"\x81\x30\x81\"",
    b"1x",
    b"a$b",
    b"_x9",
    b"",
    b"int",
    b"pg_catalog",
];

/// Kinds that can have an owner.
const OWNED: &[&[u8]] = &[
    b"TABLE",
    b"SCHEMA",
    b"VIEW",
    b"SEQUENCE",
    b"MATERIALIZED VIEW",
    b"FOREIGN TABLE",
    b"DOMAIN",
    b"TYPE",
    b"COLLATION",
    b"STATISTICS",
    b"PROCEDURAL LANGUAGE",
    b"EVENT TRIGGER",
    b"SERVER",
    b"PUBLICATION",
    b"INDEX",
    b"CONSTRAINT",
    b"FK CONSTRAINT",
    b"TRIGGER",
    b"RULE",
    b"POLICY",
    b"ROW SECURITY",
    b"DEFAULT",
    b"CAST",
    b"BLOB",
    b"FUNCTION",
    b"AGGREGATE",
    b"OPERATOR CLASS",
];

/// Kinds that never have one.
const UNOWNED: &[&[u8]] = &[
    b"SECURITY LABEL",
    b"COMMENT",
    b"ACL",
    b"DEFAULT ACL",
    b"EXTENSION",
    b"SEQUENCE SET",
    b"PUBLICATION TABLE",
    b"SUBSCRIPTION TABLE",
    b"MATERIALIZED VIEW DATA",
    b"STATISTICS DATA",
    b"WARNING",
    b"<Init>",
    b"TABLE ATTACH",
    b"TRANSFORM",
];

/// Entries as no pg_dump writes them, in encodings of all kinds, some without a search path.
fn odd_archive(variant: usize) -> Toc {
    let like = Archive::open(fixtures::root().join("pg18/empty-custom.dump")).unwrap();
    let mut header = like.header().clone();
    header.server_version = None;
    let mut toc = Toc::new(header, Format::Custom);
    let settings: &[(&'static [u8], &[u8])] = match variant {
        0 => &[(b"STDSTRINGS", b"SET standard_conforming_strings = 'off';\n")],
        1 => &[(b"ENCODING", b"SET client_encoding = 'Shift-JIS';\n")],
        2 => &[
            (b"ENCODING", b"SET client_encoding = 'gb18030';\n"),
            (b"STDSTRINGS", b"SET standard_conforming_strings = 'on';\n"),
        ],
        _ => &[
            (b"ENCODING", b"SET client_encoding = 'unicode';\n"),
            (b"SEARCHPATH", b"SELECT pg_catalog.set_config('search_path', '', false);\n"),
        ],
    };
    for (desc, defn) in settings {
        let fields = EntryFields::new(DumpId(1), Desc(desc), Section::PreData);
        push(&mut toc, fields.defn(defn));
    }
    for (n, desc) in OWNED.iter().chain(UNOWNED).enumerate() {
        for k in 0..3 {
            push_odd(&mut toc, desc, n, k);
        }
    }
    for name in [&b"plain"[..], b"Up.per", b"select", b"a-b", b"it's \"x\"\\", b"\xff\xc3"] {
        let fields = EntryFields::new(DumpId(1), Desc::DATABASE, Section::PreData);
        let fields = fields.defn("CREATE DATABASE x;\n").drop_stmt("DROP DATABASE x;\n");
        push(&mut toc, fields.tag(name).owner(NAMES[3]));
    }
    toc
}

fn push(toc: &mut Toc, fields: EntryFields<'_>) {
    let dump_id = DumpId(toc.len() as i32 + 1);
    toc.push(&fields.dump_id(dump_id)).unwrap();
}

fn push_odd(toc: &mut Toc, desc: &'static [u8], n: usize, k: usize) {
    let name = NAMES[(n * 3 + k) % NAMES.len()];
    let tag = match (desc, k) {
        (b"COMMENT" | b"SECURITY LABEL" | b"ACL", 0) => [b"TABLE ", name].concat(),
        (b"COMMENT" | b"SECURITY LABEL" | b"ACL", 1) => b"DATABASE x".to_vec(),
        (b"COMMENT" | b"SECURITY LABEL", 2) => b"EVENT TRIGGER x".to_vec(),
        (b"<Init>", 1) => b"Max OID".to_vec(),
        (b"BLOB", _) => b"1700".to_vec(),
        _ => name.to_vec(),
    };
    let (drop, defn) =
        ([b"DROP ", desc, b" x.y;\n"].concat(), [b"CREATE ", desc, b"; x;\n"].concat());
    let drop_stmt = match (n + k) % 5 {
        0 => None,
        1 => Some(&b""[..]),
        2 => Some(&b"ALTER TABLE ONLY a DROP CONSTRAINT b;\n"[..]),
        _ => Some(&drop[..]),
    };
    let defn = match (n + 2 * k) % 7 {
        0 if desc != b"SCHEMA" => None,
        1 if desc != b"SCHEMA" => Some(&b""[..]),
        2 => Some(&b"-- not created; it is there\n"[..]),
        _ => Some(&defn[..]),
    };
    let owned = OWNED.contains(&desc);
    let owner = if owned { Some(NAMES[(n + 2 * k) % NAMES.len()]) } else { Some(&b""[..]) };
    let needed = [DumpId(n as i32), DumpId(n as i32), DumpId(99_999)];
    let section = [Section::None, Section::PostData, Section::Data, Section::PreData][n % 4];
    let mut fields = EntryFields::new(DumpId(1), Desc(desc), section)
        .tag(&tag)
        .relkind(if k == 1 { 'p' } else { 'r' } as i32)
        .with_oids(if n == 3 && k == 1 { "true" } else { "false" })
        .dependencies(&needed[..=k])
        .catalog_id(CatalogId { table_oid: Oid(1259), oid: Oid(4_000_000_000 + n as u32) });
    fields.defn = defn;
    fields.drop_stmt = drop_stmt;
    fields.owner = owner.filter(|_| owned || k > 0);
    fields.namespace = [Some(&b"s1"[..]), None, Some(NAMES[(n + k) % NAMES.len()])][k];
    fields.tablespace = [Some(&b""[..]), Some(b"Ts x"), None, None][(n + k) % 4];
    fields.table_am = [Some(&b"heap"[..]), Some(b"Col Am"), None, None, None, None][(n + k) % 6];
    fields.copy_stmt = (desc == b"WARNING" && k == 2).then_some(b"of data\n");
    push(toc, fields);
}
