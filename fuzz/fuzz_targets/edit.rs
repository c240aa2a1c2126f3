//! Archives made of archives: nothing that is kept is lost or changed.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::arbitrary::{Arbitrary, Result as Choice, Unstructured};
use libfuzzer_sys::fuzz_target;
use pgdmp::edit::{Merge, SplitBy};
use pgdmp::toc::ArchiveVersion;
use pgdmp::{Archive, Conversion, Desc, Format, Target};
use pgdmp_fuzz::made::{Content, Contents, Made, contents, form};

/// What is done to an archive, and with which.
#[derive(Debug)]
struct Edit {
    made: Made,
    /// Bits of entries that go.
    drop: u8,
    rename: bool,
    format: Format,
    target: Target,
    by: SplitBy,
}

impl Arbitrary<'_> for Edit {
    fn arbitrary(u: &mut Unstructured<'_>) -> Choice<Self> {
        let (format, algorithm, minor) = form(u)?;
        let target = Target::new()
            .format(format)
            .compression(algorithm, None)
            .version(ArchiveVersion::new(1, minor));
        let by = if u.arbitrary()? { SplitBy::Table } else { SplitBy::Schema };
        let (drop, rename) = (u.arbitrary()?, u.arbitrary()?);
        Ok(Edit { made: u.arbitrary()?, drop, rename, format, target, by })
    }
}

fuzz_target!(|edit: Edit| {
    let folder = tempfile::tempdir().unwrap();
    let archive = edit.made.write(&folder).unwrap();
    let original = contents(&archive).unwrap();
    let kept = |index: usize| edit.drop >> (index % 8) & 1 == 0;

    let conversion = Conversion::edited(&archive, &edit.target, None, |entry, fields| {
        if edit.rename {
            fields.owner = Some(b"somebody");
        }
        kept(entry.index())
    });
    let new = write(conversion.unwrap(), edit.format, &folder, "edited");
    let mut expected = original.clone();
    let dropped = archive.entries().filter(|entry| !kept(entry.index()));
    for entry in dropped {
        expected.remove(&entry.dump_id().0);
    }
    assert_eq!(flat(contents(&new).unwrap()), flat(expected));
    // Groups of large objects with several owners become one entry with none.
    let mut renamed = new.entries().filter(|entry| entry.desc() != Desc::BLOBS);
    assert!(!edit.rename || renamed.all(|entry| entry.owner() == Some(b"somebody")));

    // Divided and joined it is whole again.
    let parts: Vec<Archive> = pgdmp::edit::parts(archive.toc(), edit.by)
        .iter()
        .enumerate()
        .map(|(n, part)| {
            let part = Conversion::of_part(&archive, &edit.target, part).unwrap();
            write(part, edit.format, &folder, &n.to_string())
        })
        .collect();
    let parts: Vec<&Archive> = parts.iter().collect();
    // Entries with the same names cannot be told apart, which is refused.
    let Ok(merge) = Merge::new(&parts, &edit.target) else { return };
    let whole = if edit.format == Format::Directory {
        let path = folder.path().join("merged");
        merge.create(&path).unwrap();
        Archive::open(path).unwrap()
    } else {
        Archive::read(merge.write(Cursor::new(Vec::new())).unwrap().into_inner()).unwrap()
    };
    let sorted = |contents: Contents| {
        let (mut data, objects) = flat(contents);
        data.sort();
        (data, objects)
    };
    assert_eq!(sorted(contents(&whole).unwrap()), sorted(original));
});

fn write(
    conversion: Conversion<'_>,
    format: Format,
    folder: &tempfile::TempDir,
    name: &str,
) -> Archive {
    if format == Format::Directory {
        let path = folder.path().join(name);
        conversion.create(&path).unwrap();
        return Archive::open(path).unwrap();
    }
    Archive::read(conversion.write(Cursor::new(Vec::new())).unwrap().into_inner()).unwrap()
}

/// The data of tables, and all large objects: groups of them may become one.
fn flat(contents: Contents) -> (Vec<Vec<u8>>, Vec<(u32, Vec<u8>)>) {
    let (mut data, mut all) = (Vec::new(), Vec::new());
    for content in contents.into_values() {
        match content {
            Content::Data(bytes) => data.push(bytes),
            Content::Objects(objects) => all.extend(objects),
        }
    }
    all.sort();
    (data, all)
}
