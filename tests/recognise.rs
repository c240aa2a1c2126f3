//! What is no archive, or surrounds one, is named with what helps: from files and pipes alike.

use pgdmp::edit::Merge;
use pgdmp::error::NotAnArchive;
use pgdmp::read::Surplus;
use pgdmp::{
    Algorithm, Archive, ArchiveStream, Conversion, Desc, Error, ErrorKind, Format, OpenOptions,
    Target,
};

use pgdmp_testkit::build;
use pgdmp_testkit::contents::{read_all, stream_all};
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

/// The files of a directory archive as a tar, in this order, with this before their names.
fn packed(members: &[(String, Vec<u8>)], prefix: &str) -> Vec<u8> {
    let named: Vec<_> =
        members.iter().map(|(name, bytes)| (format!("{prefix}{name}"), bytes)).collect();
    build::tar(named.iter().map(|(name, bytes)| (&**name, &***bytes)))
}

/// The members of a fixture, `toc.dat` first or last.
fn members(fixture: &str, toc_first: bool) -> Vec<(String, Vec<u8>)> {
    let mut members = fixtures::members(&fixtures::root().join(fixture));
    members.sort_by_key(|(name, _)| (name == "toc.dat") != toc_first);
    members
}

#[test]
fn a_directory_in_a_tar_is_read_wherever_its_toc_is() {
    for fixture in ["pg18/small-dir", "pg18/small-dir-none", "pg18/small-dir-zstd"] {
        let expected = read_all(&Archive::open(fixtures::root().join(fixture)).unwrap()).unwrap();
        for (prefix, toc_first) in
            [("", true), ("", false), ("./", false), ("backup/nightly/", true), ("/srv/x/", false)]
        {
            let tar = packed(&members(fixture, toc_first), prefix);
            let what = format!("{fixture} {prefix:?} {toc_first}");
            let archive = Archive::read(tar.clone()).unwrap();
            assert_eq!(read_all(&archive).unwrap(), expected, "{what}");
            assert_eq!(archive.surplus().unwrap(), None, "{what}");
            // Through a pipe there is the table of contents, and the data if it comes behind that
            // and is no large object.
            let mut stream = ArchiveStream::new(&tar[..]).expect(&what);
            assert_eq!(stream.toc().len(), archive.toc().len(), "{what}");
            let error = loop {
                match stream.next_block() {
                    Ok(Some(_)) if !toc_first => panic!("{what}: data before its time"),
                    Ok(Some(mut block)) => drop(block.data().unwrap().copy_to(std::io::sink())),
                    Ok(None) => panic!("{what}: large objects were not missed"),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.contains("save it in a file first"), "{what}: {error}");
            let reason = if toc_first { "large objects" } else { "behind the data" };
            assert!(error.contains(reason), "{what}: {error}");
        }
    }
}

/// Compressed data of a directory without large objects, in one pass.
#[test]
fn a_directory_in_a_tar_is_read_in_one_pass() {
    let archive = Archive::open(fixtures::root().join("pg18/mini-custom.dump")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for compression in [Algorithm::Gzip, Algorithm::Zstd, Algorithm::None] {
        let path = folder.path().join(compression.name());
        let target = Target::new().format(Format::Directory).compression(compression, None);
        Conversion::edited(&archive, &target, None, |entry, _| entry.desc() != Desc::BLOBS)
            .and_then(|conversion| conversion.create(&path))
            .unwrap();
        let expected = read_all(&Archive::open(&path).unwrap()).unwrap();
        let mut members = fixtures::members(&path);
        members.sort_by_key(|(name, _)| name != "toc.dat");
        for prefix in ["", "nightly/"] {
            let tar = packed(&members, prefix);
            assert_eq!(stream_all(&tar[..]).unwrap(), expected, "{compression} {prefix}");
        }
    }
}

#[test]
fn a_list_before_its_large_objects_is_noticed() {
    let tar = fixtures::bytes(&fixtures::root().join("pg18/small-tar.tar"));
    let mut members: Vec<(String, Vec<u8>)> = tar::Archive::new(&tar[..])
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            (name, bytes)
        })
        .collect();
    members.sort_by_key(|(name, _)| (name != "toc.dat", !name.starts_with("blobs")));
    let tar = packed(&members, "");
    assert!(read_all(&Archive::read(tar.clone()).unwrap()).is_ok());
    let error = stream_all(&tar[..]).unwrap_err().to_string();
    assert!(error.contains("large objects come behind their list"), "{error}");
}

#[test]
fn two_dumps_in_one_tar_are_named() {
    let shop = members("pg18/small-dir", false);
    let stock = members("pg18/small-dir-none", true);
    let end = |tar: &[u8]| tar.len() - 1024;
    let join = |first: Vec<u8>, second: Vec<u8>| [&first[..end(&first)], &second].concat();

    let both = join(packed(&shop, "shop/"), packed(&stock, "all/stock/"));
    let error = Archive::read(both.clone()).unwrap_err();
    let NotAnArchive::SeveralDumps(folders) = kind(&error) else { panic!("{error}") };
    assert_eq!(folders, &["all/stock/", "shop/"]);
    assert!(kind(&error).advice().contains("tar -xf FILE -- all/stock"), "{error}");

    // The one that pg_restore reads.
    let archive = Archive::read(join(packed(&shop, "old/"), packed(&stock, ""))).unwrap();
    let expected = Archive::open(fixtures::root().join("pg18/small-dir-none")).unwrap();
    assert_eq!(read_all(&archive).unwrap(), read_all(&expected).unwrap());
    let surplus = archive.surplus().unwrap();
    assert_eq!(surplus, Some(Surplus::InFolder { name: "old/".to_owned() }));
    assert_eq!(archive.surplus_hint(), surplus);
}

/// An archive of each kind, with something else in its tables than the other has.
fn nights(fixture: &str) -> [Vec<u8>; 2] {
    let first = fixtures::bytes(&fixtures::root().join(fixture));
    let mut second = first.clone();
    // Rows that are stored as they are.
    if let Some(at) = memchr::memmem::find(&second, b"back") {
        second[at] = b'B';
    }
    [first, second]
}

#[test]
fn an_archive_behind_another_is_seen() {
    let mut seen = 0;
    for fixture in [
        "pg18/small-custom.dump",
        "pg18/small-none.dump",
        "pg18/mini-pipe.dump",
        "pg18/mini-redirected.dump",
        "pg17/small-redirected.dump",
        "pg18/mini-schema.dump",
        "pg18/empty-custom.dump",
        "pg18/small-tar.tar",
        "pg10/small-custom.dump",
    ] {
        let path = fixtures::root().join(fixture);
        if !path.exists() {
            continue;
        }
        seen += 1;
        let [first, second] = nights(fixture);
        let one = Archive::read(first.clone()).unwrap();
        assert_eq!(one.surplus().unwrap(), None, "{fixture}");
        let expected = read_all(&one).unwrap();
        for between in [&b""[..], b"pg_dump: done\n"] {
            if !between.is_empty() && one.format() == Format::Tar {
                continue;
            }
            let both = [&first, between, &second].concat();
            let offset = (first.len() + between.len()) as u64;
            let archive = Archive::read(both.clone()).unwrap();
            let surplus = Some(Surplus::Behind { offset });
            assert_eq!(archive.surplus().unwrap(), surplus, "{fixture}");
            assert_eq!(archive.surplus_hint(), surplus, "{fixture}");
            // The first one is read, not a mixture.
            assert_eq!(read_all(&archive).unwrap(), expected, "{fixture}");

            let mut stream = ArchiveStream::new(&both[..]).unwrap();
            while stream.next_block().unwrap().is_some() {}
            assert_eq!(stream.surplus(), surplus.as_ref(), "{fixture}");

            let folder = tempfile::tempdir().unwrap();
            let target = Target::new().format(one.format());
            let other = Target::new().format(Format::Directory);
            for (n, target) in [target, other].iter().enumerate() {
                let path = folder.path().join(n.to_string());
                let error = Conversion::new(&archive, target, None)
                    .and_then(|conversion| conversion.create(&path))
                    .unwrap_err();
                check_refusal(&error, offset, fixture);
                let mut stream = ArchiveStream::new(&both[..]).unwrap();
                let error = Conversion::of_pass(stream.pass(), target, None)
                    .and_then(|conversion| conversion.create(folder.path().join(format!("{n}s"))))
                    .unwrap_err();
                check_refusal(&error, offset, fixture);
            }
            let error = Merge::new(&[&archive], &Target::new())
                .and_then(|merge| merge.write_pipe(std::io::sink()).map(drop))
                .unwrap_err();
            check_refusal(&error, offset, fixture);
        }
    }
    assert!(seen > 7, "{seen}");
}

fn check_refusal(error: &Error, offset: u64, fixture: &str) {
    let text = error.to_string();
    assert!(matches!(error.kind(), ErrorKind::Usage { .. }), "{fixture}: {text}");
    let first = format!("at offset {offset}, and would be lost; head -c {offset} FILE");
    assert!(text.contains(&first), "{fixture}: {text}");
}

/// What is behind an archive and is none is no matter; nor what looks like one in its data.
#[test]
fn other_things_behind_an_archive_are_none() {
    let [archive, _] = nights("pg18/small-none.dump");
    for behind in [&b""[..], &[0; 4096], b"pg_dump: done\nPGDMP\n", &[1, 2, 3, 4]] {
        let bytes = [&archive, behind].concat();
        assert_eq!(Archive::read(bytes.clone()).unwrap().surplus().unwrap(), None);
        let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
        while stream.next_block().unwrap().is_some() {}
        assert_eq!(stream.surplus(), None);
    }
    // An archive in a large object.
    let version = pgdmp::toc::ArchiveVersion::NEWEST;
    let inner = build::small();
    let fields = build::full_entry().dump_id(pgdmp::DumpId(3));
    let outer = build::custom(
        build::header(version, Format::Custom),
        &[(fields, Some(build::Block::Data(&[&inner, b"\\.\n\n\n"])))],
        true,
    );
    let archive = Archive::read(outer.clone()).unwrap();
    assert_eq!(archive.surplus().unwrap(), None);
    let mut stream = ArchiveStream::new(&outer[..]).unwrap();
    while stream.next_block().unwrap().is_some() {}
    assert_eq!(stream.surplus(), None);
}

/// Tars that are no archives.
#[test]
fn tars_without_a_toc_are_named() {
    let custom = build::small();
    for (name, members, expected) in [
        (
            "base backup",
            vec![("backup_label", &b"START WAL LOCATION"[..]), ("PG_VERSION", b"18\n")],
            NotAnArchive::BaseBackup,
        ),
        (
            "data directory",
            vec![("data/base/1/112", &b"x"[..]), ("data/PG_VERSION", b"18\n")],
            NotAnArchive::BaseBackup,
        ),
        (
            "an archive in it",
            vec![("db/shop.dump", &custom[..]), ("db/roles.sql", b"CREATE ROLE x;")],
            NotAnArchive::TarOfDumps(vec!["db/shop.dump".to_owned()]),
        ),
        (
            "without its toc.dat",
            vec![("shop/3475.dat.gz", &b""[..]), ("shop/blobs.toc", b"")],
            NotAnArchive::TarWithoutItsToc,
        ),
        ("other", vec![("README", &b"hello"[..])], NotAnArchive::TarWithoutToc),
    ] {
        let tar = build::tar(members);
        for error in
            [Archive::read(tar.clone()).unwrap_err(), ArchiveStream::new(&tar[..]).unwrap_err()]
        {
            assert_eq!(kind(&error), &expected, "{name}");
        }
    }
}

/// Directories that hold no archive, or not all of one.
#[test]
fn directories_without_a_toc_are_named() {
    let data: &[(&str, &[u8])] = &[("3475.dat.gz", b""), ("blobs.toc", b"")];
    for (files, expected) in [
        (&[][..], NotAnArchive::EmptyDirectory),
        (&[("README", &b"x"[..])], NotAnArchive::DirectoryWithoutToc),
        (data, NotAnArchive::DirectoryWithoutItsToc),
        (&[("toc.dat", b""), ("3475.dat", b"")], NotAnArchive::EmptyToc),
        (&[("PG_VERSION", b"18\n")], NotAnArchive::DataDirectory),
        (&[("base.tar", b""), ("pg_wal.tar", b"")], NotAnArchive::DataDirectory),
        (&[("toc.glo", b""), ("map.dat", b"")], NotAnArchive::ClusterDirectory),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let error = Archive::open(folder.path()).unwrap_err();
        assert_eq!(kind(&error), &expected, "{files:?}");
    }
}

/// A file of a directory archive, in the place of the directory.
#[test]
fn a_file_of_a_directory_is_named() {
    let mut seen = 0;
    for fixture in ["pg18/small-dir", "pg18/small-dir-none", "pg18/small-dir-lz4"] {
        let folder = fixtures::root().join(fixture);
        for (name, _) in fixtures::members(&folder) {
            let error = Archive::open(folder.join(&name)).unwrap_err();
            let expected = match name == "toc.dat" {
                true => NotAnArchive::TocFile,
                false => NotAnArchive::DataFile,
            };
            assert_eq!(kind(&error), &expected, "{fixture}/{name}");
            assert_eq!(kind(&pgdmp::Input::open(folder.join(&name)).unwrap_err()), &expected);
            seen += 1;
        }
    }
    assert!(seen > 12, "{seen}");
    // Alone it may be anything, and an archive with such a name is one.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.dat");
    std::fs::write(&path, "1\tone\n").unwrap();
    assert_ne!(kind(&Archive::open(&path).unwrap_err()), &NotAnArchive::DataFile);
    std::fs::write(&path, build::small()).unwrap();
    std::fs::write(folder.path().join("toc.dat"), "").unwrap();
    assert!(Archive::open(&path).is_ok());
}

/// Git LFS leaves pointers in the place of files. As a `.gz` one would be read as rows.
#[test]
fn pointers_of_git_lfs_are_no_data() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234\n";
    for fixture in ["pg18/small-dir", "pg18/small-dir-zstd"] {
        let members = members(fixture, true);
        for (place, (name, _)) in members.iter().enumerate() {
            if name.ends_with(".toc") {
                continue;
            }
            let mut files = members.clone();
            files[place].1 = pointer.to_vec();
            let tar = packed(&files, "");
            let named = |opened: Result<Archive, Error>| {
                let error = opened.and_then(|archive| read_all(&archive)).expect_err(name);
                let text = error.to_string();
                assert!(text.contains("a pointer of Git LFS"), "{fixture} {name}: {text}");
                assert!(text.contains(name), "{fixture} {name}: {text}");
            };
            named(OpenOptions::new().read_members(files));
            named(Archive::read(tar));
        }
    }
}

#[cfg(unix)]
#[test]
fn links_out_of_a_directory_are_followed_where_that_is_allowed() {
    let real = fixtures::root().join("pg18/small-dir");
    let expected = read_all(&Archive::open(&real).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in fixtures::members(&real) {
        let path = folder.path().join(&name);
        match name == "toc.dat" {
            true => std::fs::write(path, bytes).unwrap(),
            false => std::os::unix::fs::symlink(real.join(&name), path).unwrap(),
        }
    }
    let archive = Archive::open(folder.path()).unwrap();
    let error = read_all(&archive).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotAllowed { knob: "follow_links", .. }), "{error}");
    let archive = OpenOptions::new().follow_links(true).open(folder.path()).unwrap();
    assert_eq!(read_all(&archive).unwrap(), expected);
}
