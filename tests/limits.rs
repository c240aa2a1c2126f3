//! Each knob of `Limits` works, and the error names it.

use pgdmp::select::UseList;
use pgdmp::toc::{ArchiveVersion, EntryFields, Section};
use pgdmp::{Archive, Desc, DumpId, Error, ErrorKind, Format, Limits, OpenOptions, Selection, Toc};

use pgdmp_testkit::build::{self, full_entry};
use pgdmp_testkit::contents::{drain, read_all};
use pgdmp_testkit::fixtures;

fn archive(limits: Limits, bytes: &[u8]) -> Result<(), Error> {
    let archive = OpenOptions::new().limits(limits).read(bytes.to_vec())?;
    read_all(&archive).map(|_| ())
}

fn stream(limits: Limits, bytes: &[u8]) -> Result<(), Error> {
    drain(OpenOptions::new().limits(limits).stream(bytes)?).map(|_| ())
}

fn check(error: &Error, knob: &str, limit: u64) {
    let ErrorKind::Limit { knob: found, limit: found_limit, .. } = error.kind() else {
        panic!("{error}")
    };
    assert!(error.is_limit());
    assert_eq!((*found, *found_limit), (knob, limit), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("Limits::{knob}")), "{text}");
    assert!(text.contains(&limit.to_string()), "{text}");
}

/// `bytes` is read with the limit `enough` and not with one less.
fn both_sides(bytes: &[u8], knob: &str, enough: u64, limits: impl Fn(u64) -> Limits) {
    for read in [archive, stream] {
        read(limits(enough), bytes).unwrap_or_else(|error| panic!("{knob}: {error}"));
        check(&read(limits(enough - 1), bytes).unwrap_err(), knob, enough - 1);
    }
}

#[test]
fn entries() {
    both_sides(&build::small(), "entries", 3, |n| Limits::new().entries(n as u32));
}

#[test]
fn string_bytes() {
    // The longest text is the definition.
    let longest = b"CREATE TABLE t ();\n".len() as u64;
    both_sides(&build::small(), "string_bytes", longest, |n| Limits::new().string_bytes(n));
}

#[test]
fn dependencies() {
    both_sides(&build::small(), "dependencies", 3, |n| Limits::new().dependencies(n as u32));
}

#[test]
fn toc_bytes() {
    let bytes = build::small();
    let len = {
        let mut out = Vec::new();
        Archive::read(bytes.clone()).unwrap().toc().write_to(&mut out).unwrap();
        out.len() as u64
    };
    for read in [archive, stream] {
        read(Limits::new().toc_bytes(len), &bytes).unwrap();
        for limit in [10, len / 4, len / 2] {
            let error = read(Limits::new().toc_bytes(limit), &bytes).unwrap_err();
            let ErrorKind::Limit { knob, .. } = error.kind() else { panic!("{limit}: {error}") };
            assert_eq!(*knob, "toc_bytes");
        }
    }
}

/// Not only strings count: entries without any are bytes, too.
#[test]
fn toc_bytes_without_strings() {
    let version = ArchiveVersion::NEWEST;
    let mut toc = Toc::new(build::header(version, Format::Custom), Format::Custom);
    let mut fields = EntryFields::new(DumpId(1), Desc(b""), Section::None);
    fields.with_oids = None;
    for _ in 0..1000 {
        toc.push(&fields).unwrap();
    }
    let mut bytes = Vec::new();
    toc.write_to(&mut bytes).unwrap();
    let limits = Limits::new().toc_bytes(bytes.len() as u64 / 2);
    for read in [archive, stream] {
        let error = read(limits, &bytes).unwrap_err();
        let ErrorKind::Limit { knob, .. } = error.kind() else { panic!("{error}") };
        assert_eq!(*knob, "toc_bytes");
    }
}

#[test]
fn members() {
    let path = fixtures::root().join("pg18/small-tar.tar");
    let bytes = fixtures::bytes(&path);
    let count = tar::Archive::new(&bytes[..]).entries().unwrap().count() as u64;
    archive(Limits::new().members(count as u32), &bytes).unwrap();
    let error = archive(Limits::new().members(count as u32 - 1), &bytes).unwrap_err();
    check(&error, "members", count - 1);
}

#[test]
fn large_objects() {
    for (name, most) in
        [("pg15/small-dir", 1), ("pg18/small-tar.tar", 1), ("synthetic/lo1.10.tar", 4)]
    {
        let path = fixtures::root().join(name);
        let read = |limit| {
            let limits = Limits::new().large_objects(limit);
            let archive = OpenOptions::new().limits(limits).open(&path).unwrap();
            let most = read_all(&archive)?
                .into_values()
                .map(|content| match content {
                    pgdmp_testkit::contents::Content::Objects(objects) => objects.len(),
                    _ => 0,
                })
                .max();
            Ok::<_, Error>(most.unwrap() as u32)
        };
        let count = read(u32::MAX).unwrap();
        assert!(count >= most, "{name}: {count}");
        assert_eq!(read(count).unwrap(), count, "{name}");
        check(&read(count - 1).unwrap_err(), "large_objects", u64::from(count) - 1);
    }
}

#[test]
fn zstd_window() {
    let path = fixtures::root().join("pg18/mini-zstd.dump");
    let bytes = fixtures::bytes(&path);
    for read in [archive, stream] {
        read(Limits::new(), &bytes).unwrap();
        read(Limits::new().zstd_window_log(31), &bytes).unwrap();
        check(&read(Limits::new().zstd_window_log(10), &bytes).unwrap_err(), "zstd_window_log", 10);
    }
}

/// A claimed number that is too large is refused before anything is made for it.
#[test]
fn limits_come_before_memory() {
    let mut toc = Toc::new(build::header(ArchiveVersion::NEWEST, Format::Custom), Format::Custom);
    toc.push(&full_entry()).unwrap();
    let mut bytes = Vec::new();
    toc.write_to(&mut bytes).unwrap();
    let count = bytes.len() - {
        let empty = Toc::new(toc.header().clone(), Format::Custom);
        let mut out = Vec::new();
        empty.write_to(&mut out).unwrap();
        out.len() - 5
    };
    let at = bytes.len() - count;
    bytes[at + 1..at + 5].copy_from_slice(&i32::MAX.to_le_bytes());
    for read in [archive, stream] {
        let (result, peak) =
            pgdmp_testkit::alloc::peak_of(|| read(Limits::new().entries(1_000_000_000), &bytes));
        let error = result.unwrap_err();
        check(&error, "entries", 1_000_000_000);
        assert!(peak < 1 << 20, "{peak}");
    }
}

/// What is read beside an archive is bounded, too.
#[test]
fn lists_and_filters() {
    let archive = Archive::read(build::small()).unwrap();
    let list = b"1; x\nno number\n; a comment that is long\n";
    let read = |limits: Limits| UseList::read_within(&list[..], archive.toc(), &limits);
    let ignored = b"no number".len() as u64 + size_of::<Vec<u8>>() as u64;
    type Bound = (&'static str, u64, fn(Limits, u64) -> Limits);
    let bounds: [Bound; 3] = [
        ("list_bytes", list.len() as u64, Limits::list_bytes),
        ("list_line_bytes", 24, Limits::list_line_bytes),
        ("list_ignored_bytes", ignored, Limits::list_ignored_bytes),
    ];
    for (knob, enough, limit) in bounds {
        assert_eq!(read(limit(Limits::new(), enough)).unwrap().ignored().len(), 1);
        check(&read(limit(Limits::new(), enough - 1)).unwrap_err(), knob, enough - 1);
    }
    let filter = b"include table x\nexclude schema s\n";
    let enough = filter.len() as u64;
    let read = |filter: &[u8], limits| Selection::new().read_filter(filter, &limits);
    let selection = read(filter, Limits::new().filter_bytes(enough)).unwrap();
    let unmatched = selection.apply(archive.toc()).unwrap().unmatched_names().to_vec();
    assert_eq!(unmatched.iter().map(|name| name.what).collect::<Vec<_>>(), ["table", "schema"]);
    check(
        &read(filter, Limits::new().filter_bytes(enough - 1)).unwrap_err(),
        "filter_bytes",
        enough - 1,
    );
    let error = read(b"include table u\ninclude x y\n", Limits::new()).unwrap_err().to_string();
    assert_eq!(error, "line 2 of the filter: unsupported filter object type: \"x\"");
}
