//! Damage of the stored data of one entry, of each kind and in each compression, moved from every
//! format into every other: nothing is laundered, and nothing that is good is refused.

use std::fmt::Debug;
use std::io::Read;

use pgdmp::toc::{ArchiveVersion, EntryFields, Section};
use pgdmp::{
    Algorithm, Archive, ArchiveStream, Conversion, Desc, DumpId, Format, OpenOptions, Target,
};

use pgdmp_testkit::build::{self, Block};
use pgdmp_testkit::contents::{Contents, read_all, stream_all};
use pgdmp_testkit::fixtures;

fn data() -> EntryFields<'static> {
    EntryFields::new(DumpId(3), Desc::TABLE_DATA, Section::Data)
        .had_dumper(true)
        .tag("t")
        .copy_stmt("COPY t FROM stdin;\n")
}

/// A table's rows and a large object, not compressed.
fn plain() -> Archive {
    let mut rows: Vec<u8> = (0..3_000_u64)
        .flat_map(|n| format!("{n}\t{}\n", n * n * n % 99_991).into_bytes())
        .collect();
    rows.extend_from_slice(b"\\.\n\n\n");
    let group =
        EntryFields::new(DumpId(4), Desc::BLOB_METADATA, Section::Data).tag("17").defn("17\n");
    let objects = EntryFields::new(DumpId(5), Desc::BLOBS, Section::Data)
        .had_dumper(true)
        .tag("17")
        .dependencies(&[DumpId(4)]);
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let entries = [
        (data(), Some(Block::Data(&[&rows]))),
        (group, None),
        (objects, Some(Block::Objects(&[(17, &rows[..20_000])]))),
    ];
    Archive::read(build::custom(header, &entries, true)).unwrap()
}

/// What may happen to stored bytes.
fn damages(stored: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let len = stored.len();
    let zeroed = |from: usize, to: usize| {
        let mut bytes = stored.to_vec();
        bytes[from..to].fill(0);
        bytes
    };
    vec![
        ("nothing", stored.to_vec()),
        ("emptied", Vec::new()),
        ("cut to one byte", stored[..1].to_vec()),
        ("cut in half", stored[..len / 2].to_vec()),
        ("cut by a byte", stored[..len - 1].to_vec()),
        ("cut by nine bytes", stored[..len - 9].to_vec()),
        ("zeroed", zeroed(0, len)),
        ("zeroed at the start", zeroed(0, 16)),
        ("zeroed in the middle", zeroed(len / 2, len / 2 + 100)),
        ("zeroed to the end", zeroed(len / 2, len)),
        ("zeroed at the end", zeroed(len - 8, len)),
        ("zeros behind it", [stored, &[0; 512]].concat()),
        ("junk behind it", [stored, b"junk"].concat()),
        ("zeros and junk behind it", [stored, b"\0\0junk"].concat()),
        ("twice", [stored, stored].concat()),
        ("half of it behind it", [stored, &stored[..len / 2]].concat()),
        ("the end twice", [stored, &stored[len - 8..]].concat()),
        ("without its start", stored[16..].to_vec()),
    ]
}

fn targets(algorithm: Algorithm) -> Vec<Target> {
    let other = if algorithm == Algorithm::Gzip { Algorithm::None } else { Algorithm::Gzip };
    let mut targets = Vec::new();
    for check in [false, true] {
        for format in [Format::Custom, Format::Directory] {
            for algorithm in [algorithm, other] {
                let target = Target::new().format(format).compression(algorithm, None);
                targets.push(target.check(check));
            }
        }
        targets.push(Target::new().format(Format::Tar).check(check));
        targets.push(Target::new().check(check));
    }
    targets
}

/// What a conversion makes, read.
fn made(conversion: pgdmp::Result<Conversion<'_>>) -> pgdmp::Result<pgdmp::Result<Contents>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    conversion?.create(&path)?;
    let new = Archive::open(&path)?;
    Ok(read_all(&new))
}

/// `truth`: what reading the damaged archive gives.
fn check(
    what: &dyn Debug,
    truth: &pgdmp::Result<Contents>,
    new: pgdmp::Result<pgdmp::Result<Contents>>,
    checked: bool,
) {
    match (truth, new) {
        // Refused, as it should be, or damaged as before.
        (Err(_), Err(_)) => {}
        (Err(_), Ok(Err(_))) if !checked => {}
        (Ok(truth), Ok(Ok(new))) => assert!(*truth == new, "{what:?}: other data"),
        (truth, new) => panic!(
            "{what:?}: {:?} became {:?}",
            truth.as_ref().map(|_| "good data"),
            new.map(|new| new.map(|_| "good data"))
        ),
    }
}

#[test]
fn damage_is_moved_as_damage() {
    let plain = plain();
    let mut seen = 0;
    for algorithm in [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd] {
        let disk = tempfile::tempdir().unwrap();
        let to = |format: Format| {
            let path = disk.path().join(format.name());
            let target = Target::new().format(format).compression(algorithm, None);
            Conversion::new(&plain, &target, None).unwrap().create(&path).unwrap();
            path
        };
        let mut archives: Vec<(String, Archive, Option<Vec<u8>>)> = Vec::new();
        let members = fixtures::members(&to(Format::Directory));
        for (n, (file, stored)) in members.iter().enumerate() {
            if file == "toc.dat" || file.ends_with(".toc") {
                continue;
            }
            for (damage, bytes) in damages(stored) {
                let mut members = members.clone();
                members[n].1 = bytes;
                let archive = OpenOptions::new().read_members(members).unwrap();
                archives.push((format!("{algorithm} {file} {damage}"), archive, None));
            }
        }
        let mut stored = Vec::new();
        let custom = Archive::open(to(Format::Custom)).unwrap();
        custom.stored(DumpId(3)).unwrap().read_to_end(&mut stored).unwrap();
        for (damage, bytes) in damages(&stored) {
            for pieces in [1, 3] {
                let chunks: Vec<&[u8]> =
                    bytes.chunks(bytes.len().div_ceil(pieces).max(1)).collect();
                let mut header = build::header(ArchiveVersion::NEWEST, Format::Custom);
                header.compression.algorithm = algorithm;
                let bytes = build::custom(header, &[(data(), Some(Block::Data(&chunks)))], true);
                let archive = Archive::read(bytes.clone()).unwrap();
                archives.push((format!("{algorithm} custom {damage}"), archive, Some(bytes)));
            }
        }
        for (what, archive, bytes) in archives {
            let truth = read_all(&archive);
            assert!(truth.is_ok() || !what.ends_with("nothing"), "{what}: {truth:?}");
            for target in targets(algorithm) {
                let checked = format!("{target:?}").contains("check: true");
                let new = made(Conversion::new(&archive, &target, None));
                check(&(&what, &target), &truth, new, checked);
                seen += 1;
                let Some(bytes) = &bytes else { continue };
                let truth = stream_all(&bytes[..]);
                let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
                let new = made(Conversion::of_pass(stream.pass(), &target, None));
                check(&(&what, &target, "piped"), &truth, new, checked);
            }
        }
    }
    assert!(seen > 2000, "{seen}");
}
