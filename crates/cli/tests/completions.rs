//! What shells are told could come next, by the program and in shells.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::pgdmp;
use pgdmp_testkit::{effort, fixtures};

/// What could stand in place of the last word.
pub(crate) fn next(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut command = pgdmp();
    command.current_dir(folder).env("PGDMP_COMPLETE", "fish").args(["--", "pgdmp"]).args(words);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn values_of_options() {
    for (words, expected) in [
        (&["convert", "--format", ""][..], &["custom", "directory", "tar"][..]),
        (&["restore", "--format", ""], &["custom", "directory", "tar"]),
        (&["export", "--format", "j"], &["jsonl"]),
        (&["convert", "--compress", ""], &["none", "gzip", "lz4", "zstd"]),
        (&["restore", "--for", ""], &["rds", "cloudsql", "azure", "supabase"]),
        (&["convert", "--for", "su"], &["supabase"]),
        (&["list", "--section", "p"], &["pre-data", "post-data"]),
        (&["restore", "--section", "p"], &["pre-data", "post-data"]),
        (&["rest"], &["restore"]),
    ] {
        let found = next(&fixtures::root(), words);
        let known = |value: &&str| found.iter().any(|found| found == value);
        assert!(expected.iter().all(known), "{words:?}: {found:?}");
        assert_eq!(found.len(), expected.len(), "{words:?}: {found:?}");
    }
}

#[test]
fn objects_of_the_archive() {
    for (words, expected) in [
        (&["show", "pg18/small-dir", "tow"][..], &["town"][..]),
        (&["cat", "pg18/small-custom.dump", "public.t"], &["public.town"]),
        (&["cat", "pg18/small-tar.tar", "public.va"], &["public.vacant"]),
        (&["deps", "pg18/small-dir", "town", "--why", "vac"], &["vacant"]),
        (&["restore", "pg18/small-dir", "-t", "tow"], &["town"]),
        (&["convert", "pg18/small-dir", "-n", "pub"], &["public"]),
        (&["show", "'pg18/small-dir'", "tow"], &["town"]),
        // No archive, and none of that name.
        (&["show", "README.md", "tow"], &[]),
        (&["show", "nosuch.dump", "tow"], &[]),
    ] {
        assert_eq!(next(&fixtures::root(), words), expected, "{words:?}");
    }
}

/// A shell puts candidates into the command line as they are.
#[test]
fn no_name_becomes_a_command() {
    use pgdmp::toc::{EntryFields, Section};
    use pgdmp::{ArchiveBuilder, Desc, DumpId, Format};
    let folder = tempfile::tempdir().unwrap();
    let options = pgdmp::write::WriteOptions::new();
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    let names = [
        "good",
        "gute_größe",
        "g$(touch x)",
        "g;x",
        "g x",
        "g\nx",
        "g`x`",
        "-g",
        "g\tx",
        "g\u{b}x",
    ];
    for (n, name) in names.iter().enumerate() {
        let id = DumpId(i32::try_from(n).unwrap() + 1);
        let fields = EntryFields::new(id, Desc::TABLE, Section::PreData).tag(name.as_bytes());
        builder.entry(&fields).unwrap();
    }
    builder.create(folder.path().join("odd.dump")).unwrap().finish().unwrap();
    for start in ["g", "", "public.g"] {
        let found = next(folder.path(), &["show", "odd.dump", start]);
        let found: Vec<&String> = found.iter().filter(|name| !name.starts_with("--")).collect();
        let expected: &[&str] = if start == "public.g" { &[] } else { &["good", "gute_größe"] };
        let names: Vec<&str> =
            found.into_iter().map(String::as_str).filter(|name| *name != "odd.dump").collect();
        assert!(names.iter().all(|name| expected.contains(name)), "{start}: {names:?}");
        assert!(expected.iter().all(|name| names.contains(name)), "{start}: {names:?}");
    }
}

#[cfg(unix)]
#[test]
fn bash_completes() {
    let script = r#"
        source <(pgdmp completions bash)
        complete -p pgdmp >&2
        next() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
            _clap_complete_pgdmp pgdmp "${COMP_WORDS[COMP_CWORD]}"
            printf '%s ' "${COMPREPLY[@]}"
            echo
        }
        next pgdmp show pg18/small-dir tow
        next pgdmp convert --format d
        next pgdmp restore --target-v
    "#;
    let program = Path::new(env!("CARGO_BIN_EXE_pgdmp")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output: Output = match Command::new("bash")
        .args(["--norc", "--noprofile", "-c", script])
        .current_dir(fixtures::root())
        .env("PATH", format!("{}:{path}", program.display()))
        .output()
    {
        Ok(output) => output,
        Err(error) => return effort::skipped(format!("no bash is there: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "town \ndirectory \n--target-version \n",
        "{said}"
    );
}
