//! A text of the table of contents ends at its first NUL byte, as it does for pg_restore.
//!
//! No pg_dump writes such a text. What pg_restore does is proved with the installed one.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pgdmp::toc::{ArchiveVersion, CatalogId, EntryFields, Oid, Section};
use pgdmp::{Desc, DumpId, Format};

use crate::support::pgdmp;
use pgdmp_testkit::build::{self, Block};
use pgdmp_testkit::foreign::replaced;
use pgdmp_testkit::{fixtures, server};

/// Makes the texts of an archive, of which some have something behind a NUL, or end there.
struct Texts {
    /// The one that has; `None`: all.
    odd: Option<usize>,
    cut: bool,
    made: usize,
}

impl Texts {
    fn make(&mut self, text: &'static str) -> &'static [u8] {
        let is_odd = self.odd.is_none_or(|odd| odd == self.made);
        self.made += 1;
        match is_odd && !self.cut {
            // A NUL is no text that may be written; it takes the place of this.
            true => format!("{text}\x07; DROP TABLE x; --").into_bytes().leak(),
            false => text.as_bytes(),
        }
    }
}

/// An archive with texts in all fields, and how many there are.
fn archive(odd: Option<usize>, cut: bool) -> (Vec<u8>, usize) {
    let mut texts = Texts { odd, cut, made: 0 };
    let mut header = build::header(ArchiveVersion::new(1, 14), Format::Custom);
    header.dbname = Some(texts.make("app").into());
    header.server_version = Some(texts.make("15.1").into());
    header.dump_version = Some(texts.make("15.1").into());
    let mut entry =
        |id, desc: &'static str, section, tag, defn, drop, copy: Option<&'static str>| {
            let fields = EntryFields::new(DumpId(id), Desc::TABLE, section)
                .desc(Desc(texts.make(desc)))
                .tag(texts.make(tag))
                .defn(texts.make(defn))
                .drop_stmt(texts.make(drop))
                .namespace(texts.make("public"))
                .tablespace(texts.make("space"))
                .table_am(texts.make("heap"))
                .owner(texts.make("ann"))
                .with_oids(texts.make("false"))
                .had_dumper(copy.is_some())
                .catalog_id(CatalogId { table_oid: Oid(1259), oid: Oid(20_000) });
            match copy {
                Some(copy) => fields.copy_stmt(texts.make(copy)),
                None => fields,
            }
        };
    let rows: &[&[u8]] = &[b"1\n2\n\\.\n\n\n"];
    let entries = [
        (
            entry(
                2,
                "ENCODING",
                Section::PreData,
                "ENCODING",
                "SET client_encoding = 'UTF8';\n",
                "",
                None,
            ),
            None,
        ),
        (
            entry(
                3,
                "TABLE",
                Section::PreData,
                "t",
                "CREATE TABLE public.t (a integer);\n",
                "DROP TABLE public.t;\n",
                None,
            ),
            None,
        ),
        (
            entry(
                4,
                "COMMENT",
                Section::PreData,
                "TABLE t",
                "COMMENT ON TABLE public.t IS 'x';\n",
                "",
                None,
            ),
            None,
        ),
        (
            entry(
                5,
                "TABLE DATA",
                Section::Data,
                "t",
                "",
                "",
                Some("COPY public.t (a) FROM stdin;\n"),
            )
            .dependencies(&[DumpId(3)]),
            Some(Block::Data(rows)),
        ),
        (
            entry(
                6,
                "ACL",
                Section::PostData,
                "TABLE t",
                "GRANT ALL ON TABLE public.t TO joe;\n",
                "",
                None,
            ),
            None,
        ),
    ];
    let bytes = build::custom(header, &entries, false);
    (replaced(&bytes, b"\x07; DROP", b"\0; DROP"), texts.made)
}

fn run(program: &mut Command, folder: &Path, args: &[&str], piped: bool) -> Output {
    program.args(args).current_dir(folder).env("TZ", "UTC").stdin(match piped {
        true => Stdio::from(File::open(folder.join("old")).unwrap()),
        false => Stdio::null(),
    });
    program.output().unwrap()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        match entry.path().is_dir() {
            true => found.extend(
                files(&entry.path())
                    .into_iter()
                    .map(|(file, bytes)| (format!("{name}/{file}"), bytes)),
            ),
            false => found.push((name, fs::read(entry.path()).unwrap())),
        }
    }
    found.sort();
    found
}

/// What each of these prints and writes.
fn all(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old"), bytes).unwrap();
    let mut found = Vec::new();
    for args in [
        &["list", "old"][..],
        &["list", "-v", "old"],
        &["list", "--long", "old"],
        &["list", "--json", "old"],
        &["list", "--explain", "old"],
        &["list", "-"],
        &["show", "old"],
        &["show", "old", "3"],
        &["show", "old", "t"],
        &["show", "--json", "old"],
        &["du", "--schemas", "old"],
        &["deps", "old"],
        &["deps", "--dot", "old"],
        &["cat", "old", "t"],
        &["restore", "-l", "-v", "old"],
        &["restore", "-f", "-", "--restrict-key=x", "old"],
        &["restore", "-f", "-", "--restrict-key=x"],
        &["restore", "-f", "-", "--restrict-key=x", "-C", "-c", "--if-exists", "old"],
        &["restore", "-f", "-", "--restrict-key=x", "-t", "t", "old"],
        &["convert", "old", "custom", "-Z", "gzip"],
        &["convert", "-", "piped", "-Z", "gzip"],
        &["convert", "old", "folder", "-F", "d", "--archive-version", "1.16"],
        &["convert", "old", "mapped", "--map-owner", "ann=bob", "--target-version", "13"],
        &["convert", "old", "tar", "-F", "t"],
        &["split", "old", "parts"],
        &["merge", "merged", "old"],
        &["convert", "old", "copy"],
        &["restore", "-f", "-", "--restrict-key=x", "copy"],
    ] {
        let piped = args.contains(&"-") && !args.contains(&"-f") || args.len() == 4;
        let output = run(&mut pgdmp(), folder.path(), args, piped);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        found.push((format!("{args:?}"), without_size(&output.stdout)));
        found.push((format!("{args:?} says"), said.into_bytes()));
    }
    // Of an archive in which nothing changes the bytes stay as they are.
    for name in ["old", "copy"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    found.extend(files(folder.path()));
    found
}

/// An output without the lines that say how large the file is: that differs.
fn without_size(output: &[u8]) -> Vec<u8> {
    let lines = output.split_inclusive(|byte| *byte == b'\n');
    let is_size = |line: &[u8]| line.starts_with(b"Size ") || line.starts_with(b"  \"file_bytes\"");
    lines.filter(|line| !is_size(line)).flatten().copied().collect()
}

fn assert_same(what: &str, odd: &[u8], cut: &[u8]) {
    for ((name, found), (_, expected)) in all(odd).into_iter().zip(all(cut)) {
        let (found, expected) = (found.escape_ascii(), expected.escape_ascii());
        assert_eq!(found.to_string(), expected.to_string(), "{what}, {name}");
    }
}

#[test]
fn a_text_ends_at_a_nul() {
    let (sound, texts) = archive(None, true);
    assert!(!String::from_utf8_lossy(&sound).contains("DROP TABLE x"));
    let (odd, _) = archive(None, false);
    assert_same("all texts", &odd, &sound);
    // What a restore prints has no NUL, neither.
    for (name, bytes) in all(&odd) {
        let is_text = name.contains("restore") || name.contains("list") || name.contains("show");
        assert!(!is_text || !bytes.contains(&0), "{name}");
    }
    for text in (0..texts).step_by(7) {
        assert_same(&format!("text {text}"), &archive(Some(text), false).0, &sound);
    }
}

/// Offsets are not written in place: the lengths would not fit.
#[test]
fn reindex_refuses_such_texts() {
    let folder = tempfile::tempdir().unwrap();
    let (odd, _) = archive(None, false);
    fs::write(folder.path().join("old"), &odd).unwrap();
    let output = run(&mut pgdmp(), folder.path(), &["reindex", "old"], false);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("convert it into a new archive instead"), "{said}");
    assert!(fs::read(folder.path().join("old")).unwrap() == odd);
}

/// The case of the issue: a definition with a NUL in it.
#[test]
fn a_script_has_no_nul() {
    let path = fixtures::root().join("cases/nul.dump");
    let path = path.to_str().unwrap();
    assert!(
        fs::read(path).unwrap().windows(2).any(|pair| pair[0] == 0 && pair[1].is_ascii_graphic())
    );
    let folder = tempfile::tempdir().unwrap();
    let output = run(&mut pgdmp(), folder.path(), &["restore", "-f", "-", path], false);
    assert_eq!(output.status.code(), Some(0));
    assert!(!output.stdout.contains(&0));
}

/// The same two archives, in the installed pg_restore.
#[test]
fn pg_restore_ends_texts_there_too() {
    let Some(theirs) = server::find_pg_restore("texts with a NUL") else { return };
    let folder = tempfile::tempdir().unwrap();
    let answers = |bytes: &[u8], args: &[&str]| {
        fs::write(folder.path().join("old"), bytes).unwrap();
        let output = run(&mut Command::new(&theirs), folder.path(), args, false);
        let lines = output.stdout.split(|byte| *byte == b'\n');
        // Random, where the option is not known.
        let lines: Vec<Vec<u8>> =
            lines.filter(|line| !line.starts_with(b"\\")).map(<[u8]>::to_vec).collect();
        (output.status.code(), lines, output.stderr)
    };
    let (sound, texts) = archive(None, true);
    for args in [
        &["-l", "old"][..],
        &["-f", "-", "-C", "-c", "--if-exists", "old"],
        &["-f", "-", "-n", "public", "old"],
    ] {
        let expected = answers(&sound, args);
        assert_eq!(expected.0, Some(0));
        for odd in [None].into_iter().chain((0..texts).map(Some)) {
            assert_eq!(answers(&archive(odd, false).0, args), expected, "{args:?}, {odd:?}");
        }
    }
}
