//! One test for each bug that was found, by other tests, by fuzzing or by users.

use std::io::Read;

use pgdmp::toc::{ArchiveVersion, DataOffset};
use pgdmp::{Archive, ArchiveStream, DumpId, Format, OpenOptions, Toc};

use pgdmp_testkit::build::{self, full_entry};
use pgdmp_testkit::contents::{read_all, stream_all};
use pgdmp_testkit::fixtures;

/// A stream that was cut between two blocks ended as if it were whole.
#[test]
fn stream_cut_between_blocks() {
    let bytes = build::small();
    let archive = Archive::read(bytes.clone()).unwrap();
    let last = archive.blocks().unwrap().last().unwrap().unwrap();
    let cut = &bytes[..last.offset.unwrap() as usize];
    let error = stream_all(cut).unwrap_err();
    assert_eq!(error.entry().unwrap().dump_id, 4, "{error}");
    assert_eq!(error.offset(), Some(cut.len() as u64));
}

/// The same in a tar, where the last large object's end shows in the list behind them alone.
#[test]
fn tar_stream_cut_between_large_objects() {
    let bytes = fixtures::bytes(&fixtures::root().join("synthetic/lo1.10.tar"));
    let mut tar = tar::Archive::new(&bytes[..]);
    let blobs: Vec<u64> = tar
        .entries()
        .unwrap()
        .map(Result::unwrap)
        .filter(|member| member.path_bytes().starts_with(b"blob_"))
        .map(|member| member.raw_header_position())
        .collect();
    assert!(blobs.len() > 2);
    for at in blobs {
        assert!(stream_all(&bytes[..at as usize]).is_err(), "{at}");
    }
}

/// Bytes behind the last block were an error of a stream, and no error of an archive.
#[test]
fn stream_with_bytes_behind_the_last_block() {
    let bytes = build::small();
    let whole = stream_all(&bytes[..]).unwrap();
    for junk in [&b"junk"[..], &[1], &[3, 0], &[2; 20], &[0; 7], &[255; 3], &bytes] {
        let longer = [&bytes[..], junk].concat();
        assert_eq!(stream_all(&longer[..]).unwrap(), whole, "{junk:?}");
        assert_eq!(read_all(&Archive::read(longer).unwrap()).unwrap(), whole, "{junk:?}");
    }
}

/// A block of large objects of a tar that was not read to its end came again, once for each
/// object that was left.
#[test]
fn tar_stream_with_large_objects_left_unread() {
    let bytes = fixtures::bytes(&fixtures::root().join("synthetic/lo1.10.tar"));
    let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
    let mut blocks = 0;
    while let Some(mut block) = stream.next_block().unwrap() {
        block.next_object().unwrap().unwrap();
        blocks += 1;
    }
    assert_eq!(blocks, 1);
}

/// An offset that does not fit was written as another one.
#[test]
fn offset_that_does_not_fit_an_old_archive() {
    let header = build::header(ArchiveVersion::new(1, 6), Format::Custom);
    for (offset, fits) in [(i32::MAX as u64, true), (1 << 31, false), ((1 << 32) + 5, false)] {
        let mut toc = Toc::new(header.clone(), Format::Custom);
        let data_offset = DataOffset::At(offset);
        toc.push(&full_entry().data_offset(data_offset)).unwrap();
        assert_eq!(toc.write_to(Vec::new()).is_ok(), fits, "{offset}");
    }
}

/// A `.gz` file cut to its first byte was a file with that byte.
#[test]
fn half_a_gzip_magic_number() {
    let toc = build::toc_dat(ArchiveVersion::NEWEST, &[full_entry()]);
    let read = |data: &[u8]| {
        let members = [("toc.dat".to_owned(), toc.clone()), ("3.dat.gz".to_owned(), data.to_vec())];
        let archive = OpenOptions::new().read_members(members).unwrap();
        read_all(&archive)
    };
    for len in 0..3 {
        let error = read(&b"\x1f\x8b\x08"[..len]).unwrap_err();
        assert!(error.is_truncated(), "{error}");
        assert_eq!(error.member(), Some("3.dat.gz"));
    }
    // As zlib, text is read as it is.
    assert!(read(b"text\n\\.\n").is_ok());
    assert!(read(b"\x1ftext\n\\.\n").is_ok());
}

/// The data of a table, cut to nothing, was an empty table.
#[test]
fn compressed_table_of_no_bytes() {
    let toc = build::toc_dat(ArchiveVersion::NEWEST, &[full_entry()]);
    for name in ["3.dat.gz", "3.dat.lz4", "3.dat.zst"] {
        let members = [("toc.dat".to_owned(), toc.clone()), (name.to_owned(), Vec::new())];
        let archive = OpenOptions::new().read_members(members).unwrap();
        let error = read_all(&archive).unwrap_err();
        assert!(error.is_truncated(), "{error}");
    }
}

/// A message held all of a name, which may be as long as the archive.
#[test]
fn names_without_end_in_messages() {
    let long = vec![b'x'; 1 << 20];
    let entry = full_entry().file_name(&long).tag(&long);
    let toc = build::toc_dat(ArchiveVersion::NEWEST, &[entry]);
    let archive = OpenOptions::new().read_members([("toc.dat".to_owned(), toc)]).unwrap();
    let error = archive.data(DumpId(3)).unwrap_err();
    assert!(error.to_string().len() < 1000, "{}", error.to_string().len());
    assert!(archive.toc().encoding().unwrap().is_none());
}

/// A tar whose stream ends in the header of `restore.sql` has all data.
#[test]
fn tar_stream_cut_in_restore_sql() {
    let toc = build::toc_dat(ArchiveVersion::NEWEST, &[full_entry()]);
    let rows = "1\n\\.\n\n\n";
    let mut bytes =
        build::tar([("toc.dat", &toc[..]), ("3.dat", rows.as_bytes()), ("restore.sql", b"x")]);
    bytes.truncate(bytes.len() - 1024 - 512 - 100);
    let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
    let mut data = String::new();
    stream.next_block().unwrap().unwrap().data().unwrap().read_to_string(&mut data).unwrap();
    assert_eq!(data, rows);
    assert!(stream.next_block().unwrap().is_none());
}

/// Large objects in an unknown compression: an error for each of them, instead of one at all.
/// Found by the fuzz target `open`.
#[test]
fn large_objects_end_at_an_unknown_compression() {
    let mut bytes = build::small();
    // The byte behind magic, version, widths and format.
    bytes[11] = 85;
    let archive = Archive::read(bytes.clone()).unwrap();
    let mut objects = archive.large_objects(DumpId(4)).unwrap();
    assert!(objects.next_object().unwrap_err().is_unsupported());
    assert!(objects.next_object().unwrap().is_none());

    let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
    stream.next_block().unwrap().unwrap();
    let mut block = stream.next_block().unwrap().unwrap();
    assert!(block.next_object().unwrap_err().is_unsupported());
    assert!(block.next_object().unwrap().is_none());
}

/// Of the large objects that stand behind their list pg_restore restores none, without a word.
#[test]
fn large_objects_behind_their_list() {
    let tar = fixtures::bytes(&fixtures::root().join("synthetic/lo1.10.tar"));
    // `blob_8.dat` is at 1536, the list at 4608.
    let swapped =
        [&tar[..1536], &tar[4608..5632], &tar[2560..4608], &tar[1536..2560], &tar[5632..]].concat();
    let missing = [&tar[..1536], &tar[2560..]].concat();
    for (tar, what) in [
        (&tar, None),
        (&swapped, Some("the list of large objects has 4, but 1 came before it")),
        (&missing, Some("the list of large objects has 4, but 3 came before it")),
    ] {
        let mut archive = ArchiveStream::new(&tar[..]).unwrap();
        let mut block = archive.next_block().unwrap().unwrap();
        let error = loop {
            match block.next_object() {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        assert_eq!(error.is_some(), what.is_some(), "{error:?}");
        assert!(error.unwrap_or_default().starts_with(what.unwrap_or_default()));
    }
}
