//! What is no archive, or surrounds one, is named with what helps: from files and pipes alike.

use pgdmp::{Archive, ArchiveStream, Error, ErrorKind, NotAnArchive, OpenOptions};

use pgdmp_testkit::fixtures;
use pgdmp_testkit::foreign::{self, mangled, recoded};
use pgdmp_testkit::sources::{OneByte, Trickle};

fn kind(error: &Error) -> &NotAnArchive {
    match error.kind() {
        ErrorKind::NotAnArchive(what) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn other_files_are_named_from_files_and_pipes() {
    for case in foreign::all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, &case.bytes).unwrap();
        for (how, error) in [
            ("file", Archive::open(&path).unwrap_err()),
            ("memory", Archive::read(case.bytes.clone()).unwrap_err()),
            ("slow source", Archive::read(OneByte::new(case.bytes.clone())).unwrap_err()),
            ("pipe", ArchiveStream::new(&case.bytes[..]).unwrap_err()),
            ("slow pipe", ArchiveStream::new(Trickle::new(&case.bytes[..])).unwrap_err()),
        ] {
            let (message, advice) = (error.to_string(), kind(&error).advice());
            assert!(message.contains(case.message), "{}, {how}: {message}", case.name);
            assert!(advice.contains(case.advice), "{}, {how}: {advice}", case.name);
        }
    }
}

/// `toc.dat` of a directory, too.
#[test]
fn a_mangled_directory_is_named() {
    for fixture in ["pg18/small-dir", "pg10/small-dir"] {
        let path = fixtures::root().join(fixture);
        if !path.exists() {
            continue;
        }
        let members = fixtures::members(&path);
        let toc = &members.iter().find(|(name, _)| name == "toc.dat").unwrap().1;
        let damaged = mangled(toc).into_iter().chain([(
            "recoded",
            recoded(toc),
            "the bytes of this archive were converted to UTF-8",
        )]);
        for (what, toc, message) in damaged {
            let error = OpenOptions::new().read_members([("toc.dat".to_owned(), toc)]).unwrap_err();
            assert_eq!(error.to_string(), format!("{message}, in toc.dat"), "{fixture}, {what}");
        }
    }
}

/// Every archive there is, with its newlines translated: none opens as something else.
#[test]
fn translated_newlines_are_seen_in_every_archive() {
    let mut seen = 0;
    for fixture in fixtures::real() {
        let (header, bytes) = match &*fixture.format {
            "directory" => (Vec::new(), fixtures::bytes(&fixture.path.join("toc.dat"))),
            "tar" => {
                let bytes = fixture.bytes();
                (bytes[..512].to_vec(), bytes[512..].to_vec())
            }
            _ => (Vec::new(), fixture.bytes()),
        };
        let mangled = [header, foreign::replaced(&bytes, b"\n", b"\r\n")].concat();
        let opened = match fixture.is_directory() {
            true => OpenOptions::new().read_members([("toc.dat".to_owned(), mangled)]),
            false => Archive::read(mangled),
        };
        let error = opened.expect_err(&fixture.name);
        assert_eq!(kind(&error), &NotAnArchive::NewlinesTranslated, "{}", fixture.name);
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

/// A count that is less than what there is: entries are never left out without a word.
#[test]
fn a_count_of_entries_that_is_too_small_or_negative_is_damage() {
    let custom = fixtures::bytes(&fixtures::root().join("pg18/small-custom.dump"));
    let tar = fixtures::bytes(&fixtures::root().join("pg18/small-tar.tar"));
    for (format, bytes, start) in [("custom", custom, 0), ("tar", tar, 512)] {
        let archive = Archive::read(bytes.clone()).unwrap();
        let count = archive.toc().len() as u32;
        // Behind the header, whose strings are those of the archive.
        let stored = [&[0][..], &count.to_le_bytes()].concat();
        let at = start
            + bytes[start..start + 512].windows(5).rposition(|window| window == stored).unwrap();
        for (sign, magnitude) in
            [(1, 1), (1, 5), (1, i32::MAX as u32), (0, 0), (0, 1), (0, count - 1)]
        {
            let mut damaged = bytes.clone();
            damaged[at] = sign;
            damaged[at + 1..at + 5].copy_from_slice(&u32::to_le_bytes(magnitude));
            for opened in [
                Archive::read(damaged.clone()).map(drop),
                ArchiveStream::new(&damaged[..]).map(drop),
            ] {
                let what = format!("{format}: {sign} {magnitude}");
                let error = opened.expect_err(&what).to_string();
                assert!(error.contains("the table of contents is damaged"), "{what}: {error}");
            }
        }
    }
}
