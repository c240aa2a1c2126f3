//! What reaches a terminal, whatever the names in an archive are: standard output and standard
//! error of every command are one.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/cases").join(name);
    assert!(path.exists(), "fixture {name} is missing");
    path
}

/// A terminal: what people see, and what a program writes to.
pub(crate) fn terminal() -> (File, File) {
    let screen: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap();
    let program = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (File::from(screen), program)
}

/// What a run writes to a terminal.
pub(crate) fn shown(mut command: Command) -> Vec<u8> {
    let (mut screen, program) = terminal();
    command.stdin(Stdio::null());
    command.stdout(program.try_clone().unwrap()).stderr(program);
    let mut child = command.spawn().unwrap();
    // The parent keeps no end of it, or reading would not end.
    drop(command);
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // Linux: an error where the last program closes it.
        let _ = screen.read_to_end(&mut bytes);
        bytes
    });
    child.wait().unwrap();
    reader.join().unwrap()
}

/// Whether a terminal would obey a character, or nobody would see it. Not the program's own list.
fn is_bad(c: char) -> bool {
    matches!(u32::from(c),
        0..0x20 | 0x7F..0xA0 | 0xAD | 0x61C | 0x200B..0x2010 | 0x2028..0x202F | 0x2060..0x2070
        | 0xFEFF | 0xE0000..0xE1000)
}

/// What of a text a terminal would obey, or nobody would see. Line ends and tabs are ours.
pub(crate) fn obeyed(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.replace("\r\n", "\n"),
        Err(_) => return Some(String::from_utf8_lossy(bytes).into_owned()),
    };
    let bad = text.lines().find(|line| line.chars().any(|c| c != '\t' && is_bad(c)));
    bad.map(|line| line.escape_debug().to_string())
}

fn pgdmp(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.arg0(name).args(args).env("TZ", "UTC").env("COLUMNS", "200");
    // Our own are obeyed.
    command.env("NO_COLOR", "1");
    command
}

/// Command lines over an archive, some of which fail. `folder`: for what they write.
fn command_lines(archive: &str, folder: &Path) -> Vec<Vec<String>> {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let list = at("list");
    std::fs::write(&list, b"10; x\n\x1b[2Jnone\n\xc2\x9b31m; x\n\xe2\x80\xae\xff\n10; again\n")
        .unwrap();
    let filter = at("filter");
    std::fs::write(&filter, b"include table \x1b[2J\nexclude table x\n").unwrap();
    let bad = at("\u{1b}[2J\u{202e}");
    let lines = [
        "list A",
        "list -v A",
        "list --long A",
        "list --json A",
        "list --explain A",
        "list --explain-json A",
        "list A -L LIST",
        "list A --filter FILTER",
        "list A -t BAD",
        "list A -N BAD",
        "list A --strict-names -n BAD",
        "list A --map-schema BAD=BAD",
        "list A --with-dependencies -t *",
        "list BAD",
        "list -L BAD A",
        "list A --filter BAD",
        "list A --section BAD",
        "list BAD BAD",
        "show A",
        "show --json A",
        "show A 10 11 12 13 14 15 16 17 18 19 20 21 22 23 90 92",
        "show A --json 10 11 12 13 14 15 16 17 18 19 20 21 22 23 90 92",
        "show A BAD",
        "show A a",
        "show A z",
        "cat A a",
        "cat A 10",
        "cat A 90",
        "cat A 21",
        "cat A 13",
        "cat A BAD",
        "grep . A",
        "grep . A a",
        "grep -c . A",
        "grep --schema . A",
        "grep ( A",
        "grep BAD A BAD",
        "grep --columns BAD . A",
        "grep . A -t BAD",
        "du A",
        "du --raw A",
        "du --schemas A",
        "du --json A",
        "du A -n BAD",
        "deps A",
        "deps --reverse A",
        "deps --dot A",
        "deps --json A",
        "deps A 10 --why 92",
        "deps A BAD",
        "convert A OUT --archive-version 1.12",
        "convert A OUT -t BAD",
        "convert A OUT -L LIST",
        "convert A OUT --map-schema public=other",
        "convert A OUT --target-version 9.6 --for rds",
        "convert A BAD",
        "convert A BAD",
        "convert A BAD/BAD",
        "merge MERGED A A",
        "merge BAD A A",
        "split A SPLIT --by schema",
        "split A BAD",
        "reindex A",
        "reindex BAD",
        "restore -l A",
        "restore -l -v A",
        "restore -f - A",
        "restore -v -f - A",
        "restore -v -v -f - A",
        "restore -v -f SQL -c --if-exists A",
        "restore -f - -C -c A",
        "restore -l -L LIST A",
        "restore -f - --filter FILTER A",
        "restore -f - -t BAD A",
        "restore -f - --strict-names -t BAD A",
        "restore -f BAD/BAD A",
        "restore -f - BAD",
        "restore -l -F BAD A",
        "restore --BAD",
        "restore -f - --section BAD A",
        "restore -f - --map-schema BAD=x A",
        "restore --explain A",
        "restore -f - -N BAD A",
        "restore -f - --target-version 9.6 --for rds --map-schema public=other A",
    ];
    let word = |word: &str| match word {
        "A" => archive.to_owned(),
        "LIST" => list.clone(),
        "FILTER" => filter.clone(),
        "OUT" | "MERGED" | "SPLIT" | "SQL" => at(word),
        word => word.replace("BAD", &bad),
    };
    let mut all: Vec<Vec<String>> =
        lines.iter().map(|line| line.split(' ').map(word).collect()).collect();
    let plain = |line: &[String]| line.iter().map(String::as_str).map(str::to_owned).collect();
    // The same under the other name.
    let restores: Vec<Vec<String>> =
        all.iter().filter(|line| line[0] == "restore").map(|line| plain(line)).collect();
    all.extend(restores.into_iter().map(|mut line| {
        line[0] = "pg_restore".to_owned();
        line
    }));
    all
}

fn run(line: &[String]) -> Command {
    let args: Vec<&str> = line.iter().map(String::as_str).collect();
    match args[0] {
        "pg_restore" => pgdmp("pg_restore", &args[1..]),
        _ => pgdmp("pgdmp", &args),
    }
}

/// Names with every sequence and mark that a terminal knows, in a whole archive, in cut ones, and
/// in one whose strings are not what they should be.
#[test]
fn no_terminal_obeys_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = 0;
    for name in ["escapes.dump", "escapes-stdstrings.dump"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for len in [bytes.len(), bytes.len() - 40, bytes.len() * 2 / 3, bytes.len() / 2] {
            let place = folder.path().join(format!("{len}-{name}"));
            std::fs::create_dir(&place).unwrap();
            let archive = place.join("archive");
            std::fs::write(&archive, &bytes[..len]).unwrap();
            let lines = command_lines(archive.to_str().unwrap(), &place);
            let lines: Vec<_> =
                // Most fail alike where the table of contents is cut.
                lines.iter().enumerate().filter(|(n, _)| len == bytes.len() || n % 5 == 0).collect();
            for (_, line) in lines {
                let seen = shown(run(line));
                assert_eq!(obeyed(&seen), None, "{line:?}");
                runs += 1;
            }
        }
    }
    assert!(runs > 200, "{runs}");
}

/// What is said is clean in a file, too: it is read on a terminal later. Names in pg_restore's
/// messages stay what they are there, but for what no name has.
#[test]
fn no_log_of_messages_is_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = fixture("escapes.dump");
    for line in command_lines(archive.to_str().unwrap(), folder.path()) {
        let output = run(&line).stdin(Stdio::null()).output().unwrap();
        let is_restore = line[0].ends_with("restore");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let bad = stderr.chars().find(|c| match is_restore {
            false => *c != '\n' && is_bad(*c),
            true => {
                matches!(c, '\u{8}' | '\u{1b}' | '\u{7f}'..='\u{9f}')
                    || ('\u{202a}'..='\u{202e}').contains(c)
                    || ('\u{2066}'..='\u{2069}').contains(c)
            }
        });
        assert_eq!(bad, None, "{line:?}: {}", stderr.escape_debug());
        if line.iter().any(|word| word.contains("json")) && output.status.success() {
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.chars().all(|c| c == '\n' || !is_bad(c)), "{line:?}");
            let mut values = serde_json::Deserializer::from_str(&text).into_iter();
            assert!(values.all(|value: Result<serde_json::Value, _>| value.is_ok()), "{line:?}");
        }
    }
}
