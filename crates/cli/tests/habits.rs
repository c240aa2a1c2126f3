//! What people type, and what they are told.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use pgdmp::{Archive, Desc, Format};
use pgdmp_testkit::{build, fixtures, foreign};

use crate::support::pgdmp;

const MINI: &str = "mini.dump";

/// A folder with archives.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        for (name, fixture) in [
            (MINI, "pg18/mini-custom.dump"),
            ("small.dump", "pg18/small-custom.dump"),
            ("small.tar", "pg18/small-tar.tar"),
        ] {
            fs::write(place.path(name), fixtures::bytes(&fixtures::root().join(fixture))).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = pgdmp();
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.output().unwrap()
    }

    /// With a file as standard input, or in a pipe.
    fn fed(&self, args: &[&str], input: &str, pipe: bool) -> Output {
        let mut command = pgdmp();
        command.args(args).current_dir(self.0.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if !pipe {
            return command.stdin(File::open(self.path(input)).unwrap()).output().unwrap();
        }
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = fs::read(self.path(input)).unwrap();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Standard output of a run that ended well without a word.
    fn ok(&self, args: &[&str]) -> String {
        let (text, said) = self.said(args);
        assert_eq!(said, "", "{args:?}");
        text
    }

    /// Of a run that ended well: standard output, and what it said.
    fn said(&self, args: &[&str]) -> (String, String) {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), said)
    }

    /// What a run said that failed.
    fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}

/// `small.dump` and `small.tar`, compressed as a whole.
fn compress(place: &Place) {
    for name in ["small.dump", "small.tar"] {
        let bytes = place.read(name);
        place.write(&format!("{name}.gz"), &foreign::gzip(&bytes));
        place.write(&format!("{name}.zst"), &build::zstd_frame(&bytes));
        // Members one after another, as pigz and cat make them.
        let (one, other) = bytes.split_at(1000);
        let members = [foreign::gzip(one), foreign::gzip(other), vec![0; 512]].concat();
        place.write(&format!("{name}.members.gz"), &members);
    }
}

const ENDS: [&str; 3] = [".gz", ".zst", ".members.gz"];

#[test]
fn what_is_compressed_as_a_whole_is_read_through() {
    let place = Place::new();
    compress(&place);
    for archive in ["small.dump", "small.tar"] {
        for end in ENDS {
            let name = format!("{archive}{end}");
            for command in [
                &["list", "A"][..],
                &["show", "A", "town"],
                &["cat", "A", "town"],
                &["cat", "A", "30001"],
                &["count", "A"],
                &["grep", ".", "A"],
                &["deps", "A"],
                &["head", "A", "town"],
                &["export", "A", "town"],
                &["restore", "-f", "-", "--restrict-key=x", "A"],
                &["restore", "-l", "-F", if archive.ends_with("tar") { "t" } else { "c" }, "A"],
            ] {
                let with = |name: &str| -> Vec<String> {
                    command.iter().map(|arg| arg.replace('A', name)).collect()
                };
                let args = with(archive);
                let (expected, _) =
                    place.said(&args.iter().map(String::as_str).collect::<Vec<_>>());
                let args = with(&name);
                let (text, _) = place.said(&args.iter().map(String::as_str).collect::<Vec<_>>());
                // What show says of the size of data is not known from a pipe.
                let same = |text: &str| -> Vec<String> {
                    text.lines().filter(|line| !line.contains("Data ")).map(str::to_owned).collect()
                };
                assert_eq!(same(&text), same(&expected), "{args:?}");
            }
            place.said(&["verify", &name]);
            place.said(&["convert", &name, "new.dump", "--force", "-F", "c"]);
            place.said(&["convert", archive, "same.dump", "--force", "-F", "c"]);
            assert!(place.read("new.dump") == place.read("same.dump"), "{name}");
            place.said(&["diff", &name, archive]);
            let piped = place.fed(&["list", "-"], &name, true);
            assert_eq!(String::from_utf8_lossy(&piped.stdout), place.ok(&["list", archive]));
            // What reads in any order says what to do.
            for args in [&["split", &name, "parts"][..], &["merge", "m.dump", &name]] {
                let error = place.fails(args);
                assert!(error.contains(&format!(" {name} > NEW")), "{error}");
            }
            let error = place.fails(&["restore", "-l", "-F", "d", &name]);
            assert!(!error.contains("panic"), "{error}");
        }
    }
}

/// A byte that is wrong, or missing, wherever it is: no output is made.
#[test]
fn damage_of_what_is_compressed_as_a_whole_is_found() {
    let place = Place::new();
    // Rows that have no checksum of their own.
    place.said(&["convert", "small.dump", "plain.dump", "-Z", "none"]);
    for archive in ["plain.dump", "small.tar"] {
        let bytes = place.read(archive);
        // Stored without being compressed, so that what is wrong can be anything.
        let mut packed = foreign::gzip(&bytes);
        let len = packed.len();
        for at in [len - 8, len - 5, len - 4, len - 1] {
            packed[at] ^= 1;
            place.write("bad.gz", &packed);
            packed[at] ^= 1;
            let error = place.fails(&["convert", "bad.gz", "new.dump"]);
            assert!(error.contains("pgdmp: error: "), "{at}: {error}");
            assert!(!place.path("new.dump").exists());
            assert_eq!(place.run(&["verify", "bad.gz"]).status.code(), Some(1), "{at}");
        }
        for cut in [1, 9, len / 2] {
            place.write("bad.gz", &packed[..len - cut]);
            place.fails(&["convert", "bad.gz", "new.dump"]);
            assert!(!place.path("new.dump").exists());
        }
        let frame = build::zstd_frame(&bytes);
        place.write("bad.zst", &frame[..frame.len() - 3]);
        place.fails(&["convert", "bad.zst", "new.dump"]);
        assert!(!place.path("new.dump").exists());
    }
}

#[cfg(unix)]
#[test]
fn pg_restore_reads_none_of_it() {
    use std::os::unix::process::CommandExt;
    let place = Place::new();
    compress(&place);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    let command = command.arg0("pg_restore").args(["-l", "small.dump.gz"]);
    let output = command.current_dir(place.0.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "pg_restore: error: input file does not appear to be a valid tar archive\n"
    );
}

#[test]
fn what_is_left_out_can_be_nothing_else() {
    let place = Place::new();
    compress(&place);
    assert_eq!(place.ok(&["small.dump"]), place.ok(&["show", "small.dump"]));
    assert_eq!(place.ok(&["-q", "small.dump", "town"]), place.ok(&["show", "small.dump", "town"]));
    for (alias, command) in [("ls", "list"), ("info", "show"), ("tables", "du")] {
        assert_eq!(place.ok(&[alias, "small.dump"]), place.ok(&[command, "small.dump"]));
    }
    for (input, pipe) in [("small.dump", false), ("small.dump", true), ("small.tar.gz", true)] {
        for args in [&["list"][..], &["du"], &["count"], &["deps", "--depth=1"]] {
            let with_name = [args, &["-"]].concat();
            let expected = place.fed(&with_name, input, pipe);
            let output = place.fed(args, input, pipe);
            assert_eq!(output.status.code(), Some(0), "{args:?}");
            assert_eq!(output.stdout, expected.stdout, "{args:?}");
        }
    }
    // What stands in the place of something else.
    let error = place.fails(&["cat", "town", "small.dump"]);
    assert!(
        error.contains("\npgdmp: hint: the archive comes first: pgdmp cat small.dump town\n"),
        "{error}"
    );
    assert!(!error.contains("os error"), "{error}");
    assert!(!place.fails(&["cat", "town", "no.dump"]).contains("hint"));
    // Nothing comes from /dev/null, and what is no file is no command.
    assert!(place.fails(&["list"]).contains("<ARCHIVE>"));
    let error = place.fails(&["no.dump"]);
    assert!(error.starts_with("pgdmp: error: unrecognized subcommand 'no.dump'"), "{error}");
    let error = place.fails(&["lits", "small.dump"]);
    assert!(error.contains("\npgdmp: hint: a similar subcommand exists: 'list'"), "{error}");
    // A file that is called as a command is one all the same.
    fs::copy(place.path("small.dump"), place.path("list")).unwrap();
    assert_eq!(place.ok(&["list", "list"]), place.ok(&["list", "small.dump"]));
}

#[test]
fn names_are_found_by_every_command_alike() {
    let place = Place::new();
    for (object, found) in [
        ("touch", "FUNCTION mini.touch()"),
        ("mini.touch", "FUNCTION mini.touch()"),
        ("child_touch", "TRIGGER mini.child child_touch"),
        ("child.child_touch", "TRIGGER mini.child child_touch"),
        ("mini.child.child_touch", "TRIGGER mini.child child_touch"),
        ("TRIGGER child_touch", "TRIGGER mini.child child_touch"),
        ("parent_pkey", "CONSTRAINT mini.parent parent_pkey"),
        ("child_parent_id_fkey", "FK CONSTRAINT mini.child child_parent_id_fkey"),
        ("mini.parent.id", "DEFAULT mini.parent id"),
        ("mini.child_v*", "INDEX mini.child_v_idx"),
        ("2000003", "BLOB METADATA 2000003"),
    ] {
        for command in ["show", "deps"] {
            let text = place.ok(&[command, MINI, object]);
            let first = text.lines().next().unwrap_or_default();
            assert!(first.ends_with(found), "{command} {object}: {text}");
        }
    }
    let error = place.fails(&["show", MINI, "bump"]);
    assert!(error.contains("ambiguous") && error.contains("FUNCTION mini.bump(text)"), "{error}");
    let all = place.ok(&["show", MINI, "mini.p*"]);
    assert!(all.contains("TABLE mini.parent\n") && all.contains("SEQUENCE mini.parent_id_seq\n"));
    let error = place.fails(&["deps", MINI, "mini.p*"]);
    assert!(error.contains("ambiguous"), "{error}");
    let trigger = "TRIGGER mini.\"child child_touch\"";
    for command in ["show", "cat", "deps", "head", "export", "count"] {
        let error = place.fails(&[command, MINI, "chlid"]);
        let expected = "not in the archive; did you mean TABLE mini.child?";
        assert!(error.contains(expected), "{command}: {error}");
        // Where a table is asked for, nothing else is meant.
        let error = place.fails(&[command, MINI, "child_tuoch"]);
        let is_meant = error.contains(&format!("not in the archive; did you mean {trigger}?"));
        assert_eq!(is_meant, ["show", "cat", "deps"].contains(&command), "{command}: {error}");
    }
    for args in [&["list", "-t", "chlid", MINI][..], &["restore", "-l", "-t", "chlid", MINI]] {
        let said = String::from_utf8(place.run(args).stderr).unwrap();
        assert!(said.contains("no table is named chlid; did you mean TABLE mini.child?"), "{said}");
    }
    // In the options of a selection, too.
    for (option, name, tag) in
        [("-P", "touch", "touch()"), ("-T", "child_touch", "child child_touch")]
    {
        for command in [&["list"][..], &["restore", "-l"]] {
            let text = place.ok(&[command, &[option, name, MINI]].concat());
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(';')).collect();
            assert!(matches!(&lines[..], [line] if line.contains(tag)), "{option}: {text}");
        }
    }
    for (object, why) in [("child_names", "it is a view"), ("parent_id_seq", "pgdmp show has it")] {
        for command in ["cat", "head", "export"] {
            let error = place.fails(&[command, MINI, object]);
            assert!(error.contains(why), "{command} {object}: {error}");
        }
    }
}

#[test]
fn cat_of_several_objects() {
    let place = Place::new();
    let [parent, child] = ["parent", "child"].map(|name| place.ok(&["cat", MINI, name]));
    assert_eq!(place.ok(&["cat", MINI, "parent", "child", "mini.parent"]), parent.clone() + &child);
    let all = place.ok(&["cat", MINI, "mini.*"]);
    assert!(all.contains(&parent) && all.contains(&child));
    // In the order of the archive.
    let piped = place.fed(&["cat", "-", "parent", "child"], MINI, true);
    let piped = String::from_utf8(piped.stdout).unwrap();
    assert!([parent.clone() + &child, child + &parent].contains(&piped), "{piped}");
    // Large objects, by their number alone, however they are grouped.
    let object = place.run(&["cat", MINI, "LARGE OBJECT 2000004"]).stdout;
    assert!(!object.is_empty());
    assert_eq!(place.run(&["cat", MINI, "2000004"]).stdout, object);
    let other = place.run(&["cat", MINI, "LARGE OBJECT 2000002"]).stdout;
    let both = place.run(&["cat", MINI, "2000004", "2000002"]).stdout;
    assert!(both == [object, other].concat());
    let error = place.fails(&["cat", MINI, "2000009"]);
    assert!(error.contains("large object 2000009 is not in the archive"), "{error}");
    let error = place.fails(&["cat", "--csv", MINI, "parent", "child"]);
    assert!(error.contains("--csv takes one table"), "{error}");
}

#[test]
fn the_format_follows_the_name() {
    let place = Place::new();
    for (name, format) in [
        ("a.tar", Format::Tar),
        ("a.TAR", Format::Tar),
        ("folder/", Format::Directory),
        ("a.dir", Format::Directory),
        ("a.pgdump", Format::Custom),
        ("other", Format::Custom),
    ] {
        for command in ["convert", "merge"] {
            let args = match command {
                "convert" => ["convert", "small.dump", name, "--force"],
                _ => ["merge", "--force", name, "small.dump"],
            };
            // Of one archive merge replaces nothing.
            let _ =
                fs::remove_dir_all(place.path(name)).or_else(|_| fs::remove_file(place.path(name)));
            place.ok(&args);
            assert_eq!(Archive::open(place.path(name)).unwrap().format(), format, "{args:?}");
        }
    }
    // -F says more than a name, and a name that is not true is told of.
    let (_, said) = place.said(&["convert", "-F", "t", "small.dump", "b.dir"]);
    assert_eq!(said, "pgdmp: note: b.dir is in tar format, though its name says directory\n");
    assert_eq!(Archive::open(place.path("b.dir")).unwrap().format(), Format::Tar);
    let (_, said) = place.said(&["convert", "small.dump", "b.sql"]);
    assert!(said.contains("b.sql is an archive in custom format; pgdmp restore -f"), "{said}");
    let (_, said) = place.said(&["convert", "small.dump", "b.dump.gz"]);
    assert!(said.contains("no .gz file"), "{said}");
    // What is there already.
    place.ok(&["convert", "small.dump", "there", "-F", "d"]);
    place.ok(&["convert", "small.dump", "there", "--force"]);
    assert_eq!(Archive::open(place.path("there")).unwrap().format(), Format::Directory);
}

#[test]
fn a_choice_says_what_it_leaves_out() {
    let place = Place::new();
    let (_, said) = place.said(&["convert", MINI, "one.dump", "-t", "child"]);
    let [belongs, needed] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
    assert!(belongs.starts_with("pgdmp: note: left out, though they belong to the choice: "));
    assert!(belongs.contains("1 trigger") && belongs.contains("1 foreign key"), "{belongs}");
    assert!(belongs.ends_with("; --with-dependents takes them"), "{belongs}");
    assert!(needed.contains("1 schema") && needed.ends_with("; --with-dependencies takes them"));
    // What it names is what it takes.
    place.ok(&["convert", MINI, "all.dump", "-t", "child", "--with-dependents"]);
    let has = |name: &str, desc| {
        Archive::open(place.path(name)).unwrap().entries().any(|e| e.desc() == desc)
    };
    for desc in [Desc::TRIGGER, Desc::FK_CONSTRAINT, Desc::INDEX, Desc::SEQUENCE] {
        assert!(!has("one.dump", desc) && has("all.dump", desc), "{desc}");
    }
    // Nothing is missing where nothing was chosen by name.
    place.ok(&["convert", MINI, "data.dump", "-a"]);
    place.ok(&["convert", MINI, "schema.dump", "-s"]);
}

#[test]
fn a_schema_goes_with_what_is_in_it() {
    let place = Place::new();
    let (_, said) = place.said(&["convert", MINI, "schema.dump", "-n", "mini"]);
    assert!(!said.contains("schema"), "{said}");
    let archive = Archive::open(place.path("schema.dump")).unwrap();
    let schema = archive.entries().find(|entry| entry.desc() == Desc::SCHEMA).unwrap();
    assert_eq!(schema.tag(), Some(&b"mini"[..]));
    let comment =
        |tag: &[u8]| archive.entries().any(|e| e.desc() == Desc::COMMENT && e.tag() == Some(tag));
    assert!(comment(b"SCHEMA mini"));
    // As pg_restore does.
    let list = place.ok(&["restore", "-l", "-n", "mini", MINI]);
    assert!(!list.contains("SCHEMA - mini"), "{list}");
}

#[test]
fn merge_names_its_files() {
    let place = Place::new();
    fs::copy(place.path("small.dump"), place.path("copy.dump")).unwrap();
    let error = place.fails(&["merge", "m.dump", "small.dump", "copy.dump"]);
    assert!(error.contains("small.dump and copy.dump both have the data of large obj"), "{error}");
    assert!(!error.contains("same archive"), "{error}");
    place.said(&["convert", MINI, "one.dump", "-t", "child", "-s"]);
    let bytes = place.read("one.dump");
    let changed = foreign::replaced(&bytes, b"CREATE TABLE mini.child", b"CREATE TABLE mini.CHILD");
    assert!(bytes != changed);
    place.write("other.dump", &changed);
    let error = place.fails(&["merge", "m.dump", "one.dump", "other.dump"]);
    assert!(error.contains("an entry is in one.dump and other.dump, and not the same"), "{error}");
    // One file twice, under whatever name, and archives of two databases.
    let (_, said) = place.said(&["merge", "m.dump", "one.dump", "./one.dump"]);
    assert_eq!(said, "pgdmp: warning: one.dump and ./one.dump are the same archive\n");
    place.said(&["convert", "small.dump", "schema.dump", "-s"]);
    let (_, said) = place.said(&["merge", "m2.dump", "one.dump", "schema.dump"]);
    let note = "pgdmp: note: the archives are of different databases: mini (one.dump), small (schema.dump)\n";
    assert_eq!(said, note);
}

#[test]
fn restore_is_quiet_and_takes_a_list_from_a_pipe() {
    let place = Place::new();
    let whole = place.ok(&["restore", "-f", "-", "--restrict-key=x", MINI]);
    for args in [
        &["restore", "-q", "-f", "-", "--restrict-key=x", MINI][..],
        &["-q", "restore", "-f", "-", "--restrict-key=x", MINI],
        &["restore", "--quiet", "--color=never", "-f", "-", "--restrict-key=x", MINI],
    ] {
        assert_eq!(place.ok(args), whole, "{args:?}");
    }
    place.write("list", place.ok(&["list", MINI]).as_bytes());
    for args in [
        &["restore", "-L", "-", "-f", "-", "--restrict-key=x", MINI][..],
        &["list", "-L", "-", MINI],
        &["convert", "-L", "-", MINI, "listed.dump"],
    ] {
        for pipe in [false, true] {
            let _ = fs::remove_file(place.path("listed.dump"));
            let output = place.fed(args, "list", pipe);
            assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
            if args[0] == "restore" {
                assert_eq!(String::from_utf8(output.stdout).unwrap(), whole);
            }
        }
    }
}

#[test]
fn without_waiting_for_the_disk() {
    let place = Place::new();
    place.ok(&["convert", "small.dump", "a.dump"]);
    place.ok(&["convert", "small.dump", "b.dump", "--no-sync"]);
    assert!(place.read("a.dump") == place.read("b.dump"));
    place.ok(&["convert", "small.dump", "a.dir", "--no-sync"]);
    place.ok(&["merge", "m.dump", "small.dump", "--no-sync"]);
    place.said(&["split", "small.dump", "parts", "--no-sync"]);
    for name in ["a.dir", "m.dump"] {
        assert!(Archive::open(place.path(name)).is_ok());
    }
}

#[cfg(target_os = "linux")]
mod at_a_terminal {
    use super::*;
    use crate::terminal;
    use std::path::Path;
    use std::process::Command;

    fn shown(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
        command.args(args).current_dir(folder).env_remove("NO_COLOR").env("TERM", "xterm");
        command.envs(env.iter().copied());
        String::from_utf8(terminal::shown(command)).unwrap().replace("\r\n", "\n")
    }

    #[test]
    fn one_line_says_what_was_made() {
        let place = Place::new();
        let folder = place.0.path();
        let line = |text: &str, start: &str| {
            let line = text.lines().last().unwrap_or_default().to_owned();
            assert!(line.starts_with(start) && line.ends_with(" s"), "{text}");
        };
        let text = shown(folder, &["convert", "small.dump", "a.dump"], &[]);
        line(&text, "pgdmp: a.dump: 22 entries, 4 tables, ");
        let text = shown(folder, &["merge", "m.dir", "small.dump"], &[]);
        line(&text, "pgdmp: m.dir: 22 entries, 4 tables, ");
        let text = shown(folder, &["restore", "-f", "a.sql", "small.dump"], &[]);
        line(&text, "pgdmp: a.sql: ");
        for args in [
            &["-q", "convert", "small.dump", "b.dump"][..],
            &["-q", "restore", "-f", "b.sql", "small.dump"],
        ] {
            assert_eq!(shown(folder, args, &[]), "");
        }
    }

    #[test]
    fn colours_where_they_are_wanted() {
        let place = Place::new();
        let (folder, line) = (place.0.path(), ["show", "small.dump", "no"]);
        let plain = "pgdmp: error: \"no\" is not in the archive; pgdmp list shows what is\n";
        let coloured = plain.replacen("error:", "\x1b[1;31merror:\x1b[0m", 1);
        assert_eq!(shown(folder, &line, &[]), coloured);
        for env in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            assert_eq!(shown(folder, &line, &[env]), plain);
        }
        let never = [&line[..], &["--color", "never"]].concat();
        assert_eq!(shown(folder, &never, &[]), plain);
        let always = [&line[..], &["--color=always"]].concat();
        assert_eq!(place.fails(&always), coloured);
        assert_eq!(place.fails(&line), plain);
        // The parser of arguments and restore have the same voice.
        let text = shown(folder, &["lits"], &[]);
        assert!(text.starts_with("pgdmp: \x1b[1;31merror:\x1b[0m unrecognized"), "{text}");
        let text = shown(folder, &["restore", "small.dump"], &[]);
        assert!(text.starts_with("pgdmp: \x1b[1;31merror:\x1b[0m one of -d"), "{text}");
    }

    #[test]
    fn plain_text_where_the_locale_is_plain() {
        let place = Place::new();
        let shown = |locale| shown(place.0.path(), &["deps", MINI, "child"], &[("LC_ALL", locale)]);
        assert!(shown("C.UTF-8").contains("└─"));
        let text = shown("C");
        assert!(text.contains("`- ") && !text.contains('└'), "{text}");
    }

    #[test]
    fn restore_says_what_pg_restore_is_silent_about() {
        let place = Place::new();
        fs::write(
            place.path("old.dump"),
            fixtures::bytes(&fixtures::root().join("pg15/mini-custom.dump")),
        )
        .unwrap();
        let folder = place.0.path();
        let env = [("NO_COLOR", "1")];
        let text = shown(folder, &["restore", "-f", "/dev/null", "old.dump"], &env);
        assert!(text.contains("pgdmp: hint: ") && text.contains("--target-version 15\n"), "{text}");
        for args in [
            &["restore", "-f", "/dev/null", "small.dump"][..],
            &["restore", "-f", "/dev/null", "--target-version=15", "old.dump"],
            &["restore", "-f", "/dev/null", "-q", "old.dump"],
            &["restore", "-f", "/dev/null", "--exact", "old.dump"],
        ] {
            assert!(!shown(folder, args, &env).contains("hint"), "{args:?}");
        }
        let text = shown(folder, &["restore", "-f", "/dev/null", "-t", "child", MINI], &env);
        assert!(text.contains("note: left out, though they belong to the choice"), "{text}");
        // In a log of messages there is what pg_restore says, and no more.
        place.ok(&["restore", "-f", "/dev/null", "-t", "child", MINI]);
        place.ok(&["restore", "-f", "/dev/null", "old.dump"]);
    }
}

/// Zeros behind the archive inside, as a copy from a tape has them.
#[test]
fn what_follows_is_no_matter() {
    let place = Place::new();
    let bytes = place.read("small.dump");
    let long = [&bytes[..], &vec![0; 1 << 20]].concat();
    place.write("long.gz", &foreign::gzip(&long));
    place.said(&["convert", "long.gz", "new.dump"]);
    assert!(Archive::open(place.path("new.dump")).is_ok());
}
