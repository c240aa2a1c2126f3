//! Names on the command line: in any encoding, quoted, and of nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use pgdmp_testkit::fixtures;

fn run_as(name: &str, args: &[&OsStr]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.arg0(name).args(args).env("TZ", "UTC").stdin(Stdio::null());
    command.current_dir(fixtures::root().join("cases")).output().unwrap()
}

/// A command line, in which a word `$x` is `name`.
fn run(line: &str, name: &[u8]) -> Output {
    let word = |word: &str| -> OsString {
        OsString::from_vec(match word.split_once("$x") {
            Some((before, after)) => [before.as_bytes(), name, after.as_bytes()].concat(),
            None => word.as_bytes().to_vec(),
        })
    };
    let words: Vec<OsString> = line.split(' ').map(word).collect();
    let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
    match words[0].as_bytes() {
        b"pg_restore" => run_as("pg_restore", &words[1..]),
        _ => run_as("pgdmp", &words),
    }
}

/// The dump ids of a list.
fn ids(output: &Output) -> Vec<u32> {
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let ids = lines.filter_map(|line| {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(&line[..digits]).ok()?.parse().ok()
    });
    ids.collect()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The bytes of the archive, and what a terminal in UTF-8 makes of the same name.
#[test]
fn names_are_those_of_the_archive_or_utf8() {
    let (size, oe) = ("größe".as_bytes(), "Übung".as_bytes());
    for (line, name, expected) in [
        ("list latin1.dump -t $x", size, &[221, 3480][..]),
        ("list latin1.dump -t $x", b"gr\xf6\xdfe", &[221, 3480]),
        ("list latin1.dump -t \"$x\"", size, &[221, 3480]),
        ("list latin1.dump -t public.\"$x\"", size, &[221, 3480]),
        ("list latin1.dump -t gr?$x*", "ß".as_bytes(), &[221, 3480]),
        ("list latin1.dump -n $x", oe, &[222, 3481]),
        ("list latin1.dump -n $x", b"\xdcbung", &[222, 3481]),
        ("list latin1.dump -t $x.t", oe, &[222, 3481]),
        ("list latin1.dump -N $x", oe, &[6, 221, 220, 3480, 3479]),
        ("restore -l latin1.dump -t $x", size, &[221, 3480]),
        // What is there as it is is what is meant: its bytes are UTF-8, too.
        ("list latin1.dump -t stra$xe", "ß".as_bytes(), &[220, 3479]),
    ] {
        let output = run(line, name);
        assert_eq!((ids(&output), stderr(&output)), (expected.to_vec(), ""), "{line}");
    }
    for (line, name) in [
        ("cat latin1.dump $x", size),
        ("cat latin1.dump $x", b"gr\xf6\xdfe"),
        ("cat latin1.dump public.$x", size),
        ("cat latin1.dump public.\"$x\"", size),
        ("cat latin1.dump \"$x\".t", oe),
        ("deps latin1.dump $x.t", oe),
        ("show latin1.dump $x", oe),
    ] {
        let output = run(line, name);
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{line}");
    }
    // To pg_restore a name is bytes.
    let output = run("pg_restore -l latin1.dump -t $x", size);
    assert_eq!((ids(&output), stderr(&output)), (vec![], ""));
    assert_eq!(ids(&run("pg_restore -l latin1.dump -t $x", b"gr\xf6\xdfe")), [221, 3480]);
}

/// Lists have the bytes of pg_restore; what is for people is in UTF-8.
#[test]
fn names_are_shown_in_utf8() {
    let stdout = |line: &str| run(line, b"").stdout;
    let list = stdout("list latin1.dump");
    assert!(list.windows(5).any(|bytes| bytes == b"gr\xf6\xdfe"));
    for line in
        ["list --long latin1.dump", "du latin1.dump", "deps latin1.dump", "list --json latin1.dump"]
    {
        let text = String::from_utf8(stdout(line)).unwrap();
        assert!(text.contains("größe"), "{line}: {text}");
    }
    let show = String::from_utf8(stdout("show latin1.dump 221")).unwrap();
    assert!(show.contains("TABLE public.größe") && show.contains("CREATE TABLE public.\"größe\""));
    let error = run("cat latin1.dump $x", "übung".as_bytes());
    assert!(stderr(&error).contains("\"übung\" is not in the archive; it has SCHEMA Übung"));
    // A text that is not the bytes comes with them, even where they are UTF-8, too.
    let json: serde_json::Value =
        serde_json::from_slice(&stdout("list --json latin1.dump")).unwrap();
    let street = json["entries"].as_array().unwrap().iter().find(|entry| entry["dump_id"] == 220);
    assert_eq!(street.unwrap()["tag"], "straÃ\u{9f}e");
    assert_eq!(street.unwrap()["tag_hex"], "73747261c39f65");
}

#[test]
fn new_names_are_in_the_encoding_of_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.dump");
    let line = format!("convert latin1.dump {} --map-schema $x", out.to_str().unwrap());
    for (name, code) in [("public=Größer", 0), ("public=Größ€r", 2), ("Übung=Ärger", 0)] {
        let output = run(&line, name.as_bytes());
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        if code != 0 {
            let what = "characters that LATIN1, the encoding of the archive, does not have";
            assert!(stderr(&output).contains(what) && !out.exists());
            continue;
        }
        let (_, new) = name.split_once('=').unwrap();
        let new: Vec<u8> = new.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let list = run_as("pgdmp", &["list".as_ref(), out.as_os_str()]).stdout;
        assert!(list.windows(new.len()).any(|bytes| bytes == new), "{name}");
        let script =
            run_as("pgdmp", &["restore".as_ref(), "-f".as_ref(), "-".as_ref(), out.as_os_str()]);
        let quoted = [b"\"", &new[..], b"\"."].concat();
        assert!(script.stdout.windows(quoted.len()).any(|bytes| bytes == quoted), "{name}");
        std::fs::remove_file(&out).unwrap();
    }
    // The bytes of the archive are taken, too; what is neither is refused.
    assert_eq!(run(&line, b"\xdcbung=\xc4rger").status.code(), Some(0));
    let output = run("list escapes.dump --map-schema public=$x", b"\xc4rger");
    assert!(stderr(&output).contains("neither UTF-8 nor UTF8"), "{}", stderr(&output));
}

#[test]
fn quoted_names_are_patterns() {
    for (line, expected) in [
        ("mixed-case.dump -t \"Orders\"", &[220, 3475][..]),
        ("mixed-case.dump -t \"Sales\".\"Items\"", &[221, 3476]),
        ("mixed-case.dump -n \"Sales\"", &[221, 3476]),
        ("mixed-case.dump -N \"Sales\"", &[6, 220, 3475]),
        ("mixed-case.dump --exclude-schema=\"Sales\"", &[6, 220, 3475]),
        ("mixed-case.dump -t Orders", &[220, 3475]),
    ] {
        for command in ["list", "restore -l"] {
            let line = format!("{command} {line}");
            let output = run(&line, b"");
            assert_eq!((ids(&output), stderr(&output)), (expected.to_vec(), ""), "{line}");
        }
    }
    // A name is what pg_restore takes it for, under that name.
    for line in ["-t \"Orders\"", "-n \"Sales\"", "-t public.Orders", "-n S*"] {
        let output = run(&format!("pg_restore -l mixed-case.dump {line}"), b"");
        assert_eq!((ids(&output), stderr(&output)), (vec![], ""), "{line}");
    }
    let output = run("pg_restore -l mixed-case.dump -N \"Sales\"", b"");
    assert_eq!((ids(&output).len(), stderr(&output)), (5, ""));
}

/// What was meant to stay out is in: that is worth a word.
#[test]
fn names_of_nothing_are_told() {
    let nothing =
        "no schema is named \"sales\", so nothing is left out for that; it has SCHEMA Sales";
    for line in ["list mixed-case.dump -N \"sales\"", "restore -l mixed-case.dump -N \"sales\""] {
        let output = run(line, b"");
        assert_eq!(stderr(&output), format!("pgdmp: warning: {nothing}\n"));
        assert_eq!((output.status.code(), ids(&output).len()), (Some(0), 5));
    }
    let output = run("list mixed-case.dump --strict-names -N \"sales\"", b"");
    assert_eq!(stderr(&output), format!("pgdmp: error: {nothing}\n"));
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(2), &b""[..]));
    // That its objects are left out for something else is no matter.
    let output = run("list mixed-case.dump -n public -N Sales -t Orders", b"");
    assert_eq!((ids(&output).len(), stderr(&output)), (2, ""));
    let output = run("restore -l mixed-case.dump -t nosuch -n public -n other", b"");
    let told =
        "pgdmp: warning: no schema is named other\npgdmp: warning: no table is named nosuch\n";
    assert_eq!(stderr(&output), told);
    assert_eq!(output.status.code(), Some(0));
}

/// An archive of nothing is hardly what was meant.
#[test]
fn nothing_selected_is_a_negative_answer() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let empty = folder.path().join("empty.list");
    std::fs::write(&empty, "; nothing\n").unwrap();
    let (out, empty) = (out.to_str().unwrap(), empty.to_str().unwrap());
    for line in [
        format!("convert listed.dump {out} -t typo"),
        format!("convert listed.dump {out} --format d -t typo"),
        format!("convert listed.dump {out} -L {empty}"),
        format!("convert listed.dump {out} -n nosuch --with-dependents"),
        "convert listed.dump - -t typo".to_owned(),
        "list listed.dump -t typo".to_owned(),
        "list listed.dump --json -n nosuch".to_owned(),
        "list listed.dump --long -t typo".to_owned(),
        "du listed.dump -t typo".to_owned(),
        "cat listed.dump typo".to_owned(),
        "show listed.dump typo".to_owned(),
        "deps listed.dump typo".to_owned(),
    ] {
        let output = run(&line, b"");
        assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]), "{line}");
        assert!(stderr(&output).contains("pgdmp: error: "), "{line}: {}", stderr(&output));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{line}");
    }
    // pg_restore is content with that; and there is nothing else in an empty archive.
    for line in ["restore -l listed.dump -t typo", "restore -f - listed.dump -t typo"] {
        assert_eq!(run(line, b"").status.code(), Some(0), "{line}");
    }
    let empty = folder.path().join("empty.dump");
    let made =
        format!("convert ../pg18/empty-custom.dump {} --no-comments", empty.to_str().unwrap());
    let output = run(&made, b"");
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
}

/// Lists and filters as Windows' shells and editors write them.
#[test]
fn lists_of_any_editor_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let all = ids(&run("list listed.dump", b""));
    assert_eq!(all.len(), 5);
    let list = String::from_utf8(run("list listed.dump", b"").stdout).unwrap();
    let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with(';')).collect();
    let crlf = lines.join("\r\n");
    let big: Vec<u8> = crlf.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (name, bytes) in [("crlf", crlf.as_bytes()), ("big", &big)] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let made = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for list in ["utf16.list".to_owned(), "bom.list".to_owned(), made("crlf"), made("big")] {
        for command in ["list", "restore -l", "pg_restore -l"] {
            let output = run(&format!("{command} -L {list} listed.dump"), b"");
            assert_eq!((ids(&output), stderr(&output)), (all.clone(), ""), "{command} {list}");
        }
    }
    let filter = "# größe\r\ninclude table größe\r\n";
    let wide: Vec<u8> = filter.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes) in [
        ("plain", filter.as_bytes().to_vec()),
        ("marked", [b"\xef\xbb\xbf", filter.as_bytes()].concat()),
        ("wide", [b"\xff\xfe", &wide[..]].concat()),
        ("unmarked", wide.clone()),
        ("latin1", b"include table gr\xf6\xdfe\n".to_vec()),
        ("quoted", "include table \"größe\"\n".as_bytes().to_vec()),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        for command in ["list", "restore -l"] {
            let line = format!("{command} --filter {} latin1.dump", made(name));
            let output = run(&line, b"");
            assert_eq!((ids(&output), stderr(&output)), (vec![221, 3480], ""), "{command} {name}");
        }
    }
}

/// What is read beside an archive may be anything, and still ends.
#[cfg(target_os = "linux")]
#[test]
fn lists_and_filters_have_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let junk = folder.path().join("junk");
    std::fs::write(&junk, b"x\n".repeat(3 << 20)).unwrap();
    let (directory, junk) = (folder.path().to_str().unwrap(), junk.to_str().unwrap());
    for (option, file, what) in [
        ("-L", "/dev/zero", "Limits::list_line_bytes"),
        ("-L", junk, "Limits::list_ignored_bytes"),
        ("-L", directory, "Is a directory"),
        ("--filter", "/dev/zero", "Limits::filter_bytes"),
        ("--filter", "/dev/urandom", "invalid f"),
        ("--filter", directory, "Is a directory"),
    ] {
        for command in ["list", "restore -l"] {
            let output = run(&format!("{command} {option} {file} listed.dump"), b"");
            let code = if command == "list" { 2 } else { 1 };
            assert_eq!(output.status.code(), Some(code), "{command} {option} {file}");
            assert!(output.stdout.is_empty(), "{command} {option} {file}");
            let text = stderr(&output);
            assert!(text.contains(file) && text.contains(what), "{command} {option}: {text}");
        }
    }
    // A pipe is a file like any other: <(...).
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::write(fifo, "219; x\n").unwrap()
    });
    let output = run(&format!("list -L {} listed.dump", fifo.to_str().unwrap()), b"");
    writer.join().unwrap();
    assert_eq!((ids(&output), stderr(&output)), (vec![219], ""));
}
