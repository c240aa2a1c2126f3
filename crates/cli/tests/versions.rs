//! The version of a new archive: as old as it was, unless something needs a newer one.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Output, Stdio};

use pgdmp::Archive;
use pgdmp::toc::ArchiveVersion;

use crate::support::pgdmp;
use pgdmp_testkit::build;
use pgdmp_testkit::contents::read_all;
use pgdmp_testkit::fixtures;

fn run(folder: &Path, args: &[&str]) -> Output {
    let stdin = match args.contains(&"-") {
        true => Stdio::from(File::open(folder.join("old")).unwrap()),
        false => Stdio::null(),
    };
    pgdmp().args(args).current_dir(folder).stdin(stdin).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn version(path: &Path) -> (u8, u8) {
    let ArchiveVersion { major, minor, .. } = Archive::open(path).unwrap().header().version;
    (major, minor)
}

#[test]
fn compressions_raise_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for minor in [7, 12, 13, 14, 15, 16] {
        let old = build::small_of(ArchiveVersion::new(1, minor), true);
        fs::write(path("old"), &old).unwrap();
        let rows = read_all(&Archive::read(old.clone()).unwrap()).unwrap();
        for algorithm in ["zstd", "lz4", "zstd:3"] {
            let name = algorithm.split(':').next().unwrap();
            for args in [
                vec!["convert", "old", "out", "-Z", algorithm],
                vec!["convert", "old", "out", "-Z", algorithm, "-F", "d"],
                vec!["convert", "-", "out", "-Z", algorithm],
                vec!["merge", "out", "old", "-Z", algorithm],
                vec!["split", "old", "out", "-Z", algorithm, "--quiet"],
            ] {
                let output = run(folder.path(), &[&args[..], &["--force"]].concat());
                let text = said(&output);
                assert_eq!(output.status.code(), Some(0), "1.{minor}, {args:?}: {text}");
                let note = format!(
                    "pgdmp: note: archive version 1.15 instead of 1.{minor}: {name} needs it; \
                     pg_restore 16 and newer read it\n"
                );
                // Dependencies of 1.7 are noted, too.
                assert_eq!(text.contains(&note), minor < 15, "1.{minor}, {args:?}: {text}");
                assert_eq!(text.matches("archive version").count(), usize::from(minor < 15));
                let out = match args[0] {
                    "split" => fs::read_dir(path("out")).unwrap().next().unwrap().unwrap().path(),
                    _ => path("out"),
                };
                assert_eq!(version(&out), (1, minor.max(15)), "{args:?}");
                if args[0] != "split" {
                    assert!(read_all(&Archive::open(&out).unwrap()).unwrap() == rows);
                }
                let _ = fs::remove_dir_all(path("out")).or_else(|_| fs::remove_file(path("out")));
            }
        }
        // Who asks for a version gets that, or nothing.
        let asked = ["convert", "old", "out", "-Z", "lz4", "--archive-version", "1.14"];
        let output = run(folder.path(), &asked);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            said(&output),
            "pgdmp: error: archive version 1.14 has no compression lz4: choose gzip or none, or \
             archive version 1.15, which pg_restore 16 and newer read\n"
        );
        let output =
            run(folder.path(), &["convert", "old", "out", "-Z", "zstd", "--target-version", "15"]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            said(&output),
            "pgdmp: error: pg_restore 15 does not read zstd: choose --compress gzip or none, or a \
             newer --target-version\n"
        );
        assert!(!path("out").exists());
        // Nothing needs a newer one; what is too old to be written is told.
        let output = run(folder.path(), &["convert", "old", "out", "-Z", "gzip", "--force"]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(version(&path("out")), (1, minor.max(12)));
        let note = "archive version 1.12 instead of 1.7: older ones are not written; pg_restore 9.0 \
                    and newer read it";
        assert_eq!(said(&output).contains(note), minor == 7, "{}", said(&output));
        fs::remove_file(path("out")).unwrap();
        // A copy is a copy.
        let output = run(folder.path(), &["convert", "old", "out", "--force"]);
        assert_eq!((output.status.code(), &*said(&output)), (Some(0), ""));
        assert!(fs::read(path("out")).unwrap() == old);
    }
}

/// Before 1.16 an archive has the large objects of one dump only.
#[test]
fn large_objects_of_several_archives_raise_it() {
    let folder = tempfile::tempdir().unwrap();
    let one = fixtures::root().join("pg15/small-custom.dump");
    let first = Archive::open(&one).unwrap();
    // The same with another OID.
    let mut builder = pgdmp::ArchiveBuilder::new(
        pgdmp::Format::Custom,
        &pgdmp::write::WriteOptions::new().version(ArchiveVersion::new(1, 14)),
    )
    .unwrap();
    builder.session("UTF8", true).unwrap();
    let objects = builder
        .entry(
            &pgdmp::toc::EntryFields::new(
                pgdmp::DumpId(9),
                pgdmp::Desc::BLOBS,
                pgdmp::toc::Section::Data,
            )
            .tag(b"BLOBS")
            .had_dumper(true),
        )
        .unwrap();
    let file = File::create(folder.path().join("two")).unwrap();
    let mut writer = builder.start(file).unwrap();
    let mut data = writer.large_objects(objects).unwrap();
    data.object(pgdmp::toc::Oid(77)).unwrap().finish().unwrap();
    data.finish().unwrap();
    writer.finish().unwrap();

    let one = one.to_str().unwrap();
    let output = run(folder.path(), &["merge", "out", one, "two"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let note = "pgdmp: note: archive version 1.16 instead of 1.14: it keeps the large objects of \
                several archives apart; pg_restore 17 and newer read it\n";
    assert!(text.contains(note), "{text}");
    assert_eq!(version(&folder.path().join("out")), (1, 16));
    let merged = read_all(&Archive::open(folder.path().join("out")).unwrap()).unwrap();
    assert_eq!(merged.len(), read_all(&first).unwrap().len() + 1);
    let output =
        run(folder.path(), &["merge", "out", one, "two", "--archive-version=1.15", "--force"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "only archive version 1.16 can keep apart; pg_restore 17 and newer read it";
    assert!(said(&output).contains(expected), "{}", said(&output));
}
