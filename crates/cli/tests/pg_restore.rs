//! The program under the name of pg_restore, against every answer that was recorded.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use serde_json::Value;

use pgdmp_testkit::fixtures;

fn pg_restore(args: &[String], folder: &Path, stdin: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgdmp"))
        .arg0("pg_restore")
        .args(args)
        .current_dir(folder)
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .stdin(stdin)
        .output()
        .unwrap()
}

/// The recorded outputs; unpacked once.
fn answers(corpus: &Path) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus-answers");
    let done = folder.join("complete");
    if !done.exists() {
        fs::create_dir_all(&folder).unwrap();
        for script in ["unpack.sh", "wild/unpack.sh"] {
            let status = Command::new("sh").arg(corpus.join(script)).arg(&folder).status().unwrap();
            assert!(status.success(), "{script} needs zstd and tar");
        }
        fs::write(done, "").unwrap();
    }
    folder
}

struct Recorded {
    archive: PathBuf,
    answer: Value,
}

fn recorded(corpus: &Path) -> Vec<Recorded> {
    let mut all = Vec::new();
    for folder in [corpus.to_owned(), corpus.join("wild")] {
        let manifest = File::open(folder.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_reader(manifest).unwrap();
        for archive in manifest["archives"].as_array().unwrap() {
            let path = folder.join(archive["path"].as_str().unwrap());
            for answer in archive["expected"].as_array().unwrap() {
                if answer["by"] == "18.6" {
                    let answer = answer.clone();
                    all.push(Recorded { archive: path.clone(), answer });
                }
            }
        }
    }
    all
}

impl Recorded {
    /// What differs from the recorded answer.
    fn difference(&self, corpus: &Path, answers: &Path) -> Option<String> {
        let name = self.archive.file_name().unwrap().to_str().unwrap();
        let mut input = None;
        let strings = self.answer["args"].as_array().unwrap().iter();
        let args: Vec<String> = strings
            .map(|arg| {
                let arg = arg.as_str().unwrap();
                match arg.strip_prefix("{input:") {
                    Some(file) => {
                        let path = corpus.join(file.trim_end_matches('}'));
                        let path = fs::canonicalize(path).unwrap();
                        input = Some(path.to_str().unwrap().to_owned());
                        input.clone().unwrap()
                    }
                    None => arg.replace("{archive}", name),
                }
            })
            .collect();
        let stdin = match self.answer.get("stdin") {
            Some(Value::Bool(true) | Value::String(_)) => {
                Stdio::from(File::open(&self.archive).unwrap())
            }
            _ => Stdio::null(),
        };
        let output = pg_restore(&args, self.archive.parent().unwrap(), stdin);
        let stored = |field: &str| match self.answer[field].as_str() {
            Some(file) if file.starts_with("expected/") => fs::read(answers.join(file)).unwrap(),
            text => text.unwrap_or_default().as_bytes().to_vec(),
        };
        let mut stdout = output.stdout;
        if self.answer.get("normalised").is_some() {
            stdout = without_time(&stdout);
        }
        let mut stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        if let Some(input) = input {
            // So it was called when the answer was recorded.
            stderr = stderr.replace(&input, "listfile");
        }
        let status = output.status.code().map(i64::from);
        let what = if status != self.answer["rc"].as_i64() {
            "exit status"
        } else if stdout != stored("stdout") {
            "standard output"
        } else if stderr != String::from_utf8_lossy(&stored("stderr")) {
            "standard error"
        } else {
            return None;
        };
        Some(format!("{} {args:?}: {what} differs: {stderr}", self.archive.display()))
    }
}

fn without_time(script: &[u8]) -> Vec<u8> {
    const START: &[u8] = b"-- Completed on ";
    let lines = script.split_inclusive(|byte| *byte == b'\n');
    lines
        .flat_map(|line| match line.starts_with(START) {
            true => b"-- Completed on NORMALISED\n".to_vec(),
            false => line.to_vec(),
        })
        .collect()
}

#[test]
fn all_recorded_answers_are_matched() {
    let Some(corpus) = pgdmp_testkit::corpus::folder() else {
        return;
    };
    let answers = answers(&corpus);
    let queue = Mutex::new(recorded(&corpus));
    let matched = Mutex::new(BTreeMap::<&str, usize>::new());
    let differences = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(next) = queue.lock().unwrap().pop() else { return };
                    match next.difference(&corpus, &answers) {
                        Some(difference) => differences.lock().unwrap().push(difference),
                        None => {
                            let list = next.answer["args"][0] == "-l";
                            let kind = if list { "list" } else { "script" };
                            *matched.lock().unwrap().entry(kind).or_default() += 1;
                        }
                    }
                }
            });
        }
    });
    let (differences, matched) = (differences.into_inner().unwrap(), matched.into_inner().unwrap());
    assert!(differences.is_empty(), "{} of {matched:?}: {differences:#?}", differences.len());
    assert!(matched["list"] > 300 && matched["script"] > 700, "{matched:?}");
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let output = pg_restore(&args, &fixtures::root(), Stdio::null());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// `-v` twice.
#[test]
fn all_that_is_read_is_told() {
    let (code, stdout, stderr) = run(&["-v", "-v", "-l", "pg18/mini-pipe.dump"]);
    assert_eq!(code, Some(0));
    let entry = |line: &&str| !line.is_empty() && !line.starts_with(';');
    let mut told = stderr.lines();
    for start in ["allocating AH for pg18/mini-pipe.dump, format 0", "attempting to ascertain"] {
        let line = told.next().unwrap();
        assert!(line.starts_with(&format!("pg_restore: {start}")), "{line}");
    }
    let lines: Vec<&str> = told.collect();
    assert!(lines[0].starts_with("pg_restore: read TOC entry 0 (ID "), "{}", lines[0]);
    let listed = stdout.lines().filter(entry).count();
    assert!(listed > 40 && lines.len() >= listed, "{listed} {}", lines.len());
}

/// On its way to a block pg_restore notes where the others are, and then says so.
#[test]
fn blocks_that_were_seen_have_a_place() {
    let archive = pgdmp::Archive::open(fixtures::root().join("pg18/mini-pipe.dump")).unwrap();
    let blocks: Vec<_> = archive.blocks().unwrap().collect();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let ids: Vec<String> =
        blocks.iter().rev().map(|block| format!("{}\n", block.as_ref().unwrap().dump_id)).collect();
    fs::write(&list, ids.concat()).unwrap();
    let list = list.to_str().unwrap();
    let (_, stdout, _) = run(&["-v", "-a", "-f", "-", "-L", list, "pg18/mini-pipe.dump"]);
    let told: Vec<u64> = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("-- Data Pos: "))
        .map(|at| at.parse().unwrap())
        .collect();
    // The last one comes first, and is looked for.
    let places = blocks.iter().rev().map(|block| block.as_ref().unwrap().offset.unwrap());
    let expected: Vec<u64> = std::iter::once(0).chain(places.skip(1)).collect();
    assert!(told.len() > 3);
    assert_eq!(told, expected);
}

#[test]
fn refusals() {
    const HINT: &str = "pg_restore: hint: Try \"pg_restore --help\" for more information.\n";
    let a = "pg18/small-custom.dump";
    for (args, stderr) in [
        (&[a][..], "pg_restore: error: one of -d/--dbname and -f/--file must be specified\n"),
        (
            &["-f", "-", "no"],
            "pg_restore: error: could not open input file \"no\": No such file or directory\n",
        ),
        (&["-Q"], &format!("pg_restore: invalid option -- 'Q'\n{HINT}")),
        (&["--foo"], &format!("pg_restore: unrecognized option '--foo'\n{HINT}")),
        (
            &["-l", a, "b"],
            &format!("pg_restore: error: too many command-line arguments (first is \"b\")\n{HINT}"),
        ),
        (
            &["-j", "abc", "-l", a],
            "pg_restore: error: invalid value \"abc\" for option -j/--jobs\n",
        ),
        (&["-j", "0", "-l", a], "pg_restore: error: -j/--jobs must be in range 1..2147483647\n"),
        (
            &["-Fp", "-l", a],
            "pg_restore: error: archive format \"p\" is not supported; please use psql\n",
        ),
        (&["-Fd", "-l"], "pg_restore: error: no output directory specified\n"),
        (
            &["-l", "fixtures.tsv"],
            "pg_restore: error: input file does not appear to be a valid tar archive\n",
        ),
        (
            &["-l", "pg18"],
            "pg_restore: error: directory \"pg18\" does not appear to be a valid archive (\"toc.dat\" does not exist)\n",
        ),
        (
            &["-Fc", "-l", "pg18"],
            "pg_restore: error: could not read from input file: Is a directory\n",
        ),
        (
            &["-Fd", "-l", a],
            "pg_restore: error: could not open input file \"pg18/small-custom.dump/toc.dat\": Not a directory\n",
        ),
        (
            &["-Ft", "-l", "no"],
            "pg_restore: error: could not open TOC file \"no\" for input: No such file or directory\n",
        ),
        (
            &["-f", "no/such/file", a],
            "pg_restore: error: could not open output file \"no/such/file\": No such file or directory\n",
        ),
    ] {
        assert_eq!(run(args), (Some(1), String::new(), stderr.to_owned()), "{args:?}");
    }
}

#[test]
fn help_and_version() {
    for args in [["--help"], ["-?"]] {
        let (status, stdout, stderr) = run(&args);
        assert_eq!((status, &*stderr), (Some(0), ""));
        assert!(stdout.contains("pg_restore [OPTION]... [FILE]"));
    }
    for args in [["--version"], ["-V"]] {
        let (status, stdout, _) = run(&args);
        assert_eq!(status, Some(0));
        assert!(stdout.starts_with("pg_restore (PostgreSQL) 18."), "{stdout}");
    }
}

#[test]
fn keys_are_random() {
    let key = || {
        let (_, stdout, _) = run(&["-f", "-", "pg18/small-custom.dump"]);
        let line = stdout.lines().find(|line| line.starts_with("\\restrict ")).unwrap();
        let key = line["\\restrict ".len()..].to_owned();
        assert!(key.len() == 63 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(stdout.ends_with(&format!("\\unrestrict {key}\n\n")));
        key
    };
    assert_ne!(key(), key());
}

#[test]
fn a_command_of_pgdmp() {
    let pgdmp = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_pgdmp"))
            .args(args)
            .current_dir(fixtures::root())
            .stdin(File::open(fixtures::root().join("pg18/small-tar.tar")).unwrap())
            .env("PGDMP_LIBPQ", "/nowhere/libpq.so.5")
            .output()
            .unwrap()
    };
    let (_, expected, _) = run(&["--restrict-key=k", "-af", "-", "pg18/small-tar.tar"]);
    for archive in ["pg18/small-tar.tar", "-"] {
        let output = pgdmp(&["restore", "--restrict-key", "k", "-a", "-f-", archive]);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
    let output = pgdmp(&["restore", "--nonsense"]);
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "pgdmp: unrecognized option '--nonsense'\n\
         pgdmp: hint: Try \"pgdmp restore --help\" for more information.\n"
    );
    let output = pgdmp(&["restore", "-d", "x", "pg18/small-tar.tar"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let expected = "pgdmp: error: could not load libpq from PGDMP_LIBPQ, \"/nowhere/libpq.so.5\"\n";
    assert_eq!(stderr, expected);
}
