//! Entries of sections and kinds that no pg_dump gives them: what is made of the archive restores
//! what the archive does, or is refused.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};

use pgdmp::edit::{Merge, SplitBy};
use pgdmp::select::{UseList, Wanted};
use pgdmp::toc::{ArchiveVersion, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{Archive, ArchiveBuilder, Conversion, Desc, Format, Selection, Target};

use pgdmp_testkit::fixtures;

const SECTIONS: [Section; 7] = [
    Section::None,
    Section::None,
    Section::PreData,
    Section::Data,
    Section::PostData,
    Section::Other(0),
    Section::Other(9),
];

const KINDS: [&str; 8] = [
    "FROBNICATE",
    "TABLE",
    "ACL",
    "COMMENT",
    "INDEX",
    "SEQUENCE SET",
    "ENCODING",
    "MATERIALIZED VIEW DATA",
];

/// The archive with some of its sections and kinds forged, and other data.
fn forged(archive: &Archive, random: &mut fastrand::Rng) -> Option<Archive> {
    let version = archive.header().version.max(WriteOptions::OLDEST);
    let options = WriteOptions::new().version(version);
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    let often = [3, 20, 1000][random.usize(..3)];
    for entry in archive.entries() {
        let mut fields = entry.fields();
        if random.usize(..often) == 0 {
            fields.section = SECTIONS[random.usize(..SECTIONS.len())];
        }
        if random.usize(..often * 4) == 0 && !fields.had_dumper {
            fields.desc = Desc(KINDS[random.usize(..KINDS.len())].as_bytes());
        }
        builder.entry(&fields).ok()?;
    }
    let mut writer = builder.start(Cursor::new(Vec::new())).unwrap();
    for entry in archive.entries().filter(|entry| entry.has_data()) {
        if entry.desc() == Desc::BLOBS {
            let mut objects = writer.large_objects(entry.dump_id()).unwrap();
            let mut known = archive.large_objects(entry.dump_id()).unwrap();
            while let Some(object) = known.next_object().unwrap() {
                objects.object(object.oid()).unwrap().finish().unwrap();
            }
            objects.finish().unwrap();
        } else {
            let mut data = writer.data(entry.dump_id()).unwrap();
            data.write_all(b"\\.\n\n\n").unwrap();
            data.finish().unwrap();
        }
    }
    Some(Archive::read(writer.finish().unwrap().into_inner()).unwrap())
}

/// What options of a restore may ask for.
fn selections() -> Vec<Selection> {
    let mut selections = vec![
        Selection::new(),
        Selection::new().schema_only(true),
        Selection::new().data_only(true),
        Selection::new().create(true).no_comments(true),
    ];
    for section in [Section::PreData, Section::Data, Section::PostData] {
        selections.push(Selection::new().section(section));
    }
    selections
}

/// How often a restore has which command, and whether with data.
type Restored = BTreeMap<(Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, bool, bool), i32>;

fn count(archive: &Archive, selection: &Selection, restored: &mut Restored) {
    let selected = selection.apply(archive.toc()).unwrap();
    for (entry, decision) in selected.all().filter(|(_, decision)| decision.wanted.is_listed()) {
        let owned = |text: Option<&[u8]>| text.unwrap_or_default().to_vec();
        let Wanted { schema, data, .. } = decision.wanted;
        let desc = entry.desc().as_bytes().to_vec();
        // Its tag is of the era.
        let tag = entry.tag().filter(|_| entry.desc() != Desc::BLOBS);
        let names = (owned(entry.namespace()), owned(tag));
        let key = (desc, names.0, names.1, owned(entry.defn()), schema, data);
        *restored.entry(key).or_default() += 1;
    }
}

fn restored(archive: &Archive, selection: &Selection) -> Restored {
    let mut restored = Restored::new();
    count(archive, selection, &mut restored);
    restored
}

/// The new archive; `None` if it was refused.
fn written(conversion: pgdmp::Result<Conversion<'_>>) -> Option<Archive> {
    let written = conversion.and_then(|conversion| conversion.write(Cursor::new(Vec::new())));
    match written {
        Ok(bytes) => Some(Archive::read(bytes.into_inner()).unwrap()),
        Err(error) => {
            println!("{error}");
            None
        }
    }
}

fn check(odd: &Archive, random: &mut fastrand::Rng) {
    let selections = selections();
    let same = |made: &Archive, how: &str| {
        for selection in &selections {
            let (was, is) = (restored(odd, selection), restored(made, selection));
            let differ: Vec<_> = was
                .iter()
                .filter(|(key, n)| is.get(*key) != Some(*n))
                .chain(is.iter().filter(|(key, n)| was.get(*key) != Some(*n)))
                .map(|((desc, _, tag, ..), n)| {
                    format!("{} {} {n}", desc.escape_ascii(), tag.escape_ascii())
                })
                .collect();
            assert!(differ.is_empty(), "{how}, {selection:?}: {differ:#?}");
        }
    };
    let new = Target::new();
    let has_groups = |version: ArchiveVersion| version >= ArchiveVersion::new(1, 16);
    for version in [ArchiveVersion::new(1, 12), ArchiveVersion::new(1, 14), ArchiveVersion::NEWEST]
    {
        // Groups of large objects become other entries.
        if has_groups(version) >= has_groups(odd.header().version) {
            let target = Target::new().version(version);
            if let Some(made) = written(Conversion::new(odd, &target, None)) {
                same(&made, "convert");
            }
        }
    }
    for by in [SplitBy::Table, SplitBy::Schema] {
        let parts = pgdmp::edit::parts(odd.toc(), by);
        let made: Vec<Archive> = parts
            .iter()
            .map(|part| written(Conversion::of_part(odd, &new, part)).unwrap())
            .collect();
        for selection in &selections {
            let mut all = Restored::new();
            made.iter().for_each(|part| count(part, selection, &mut all));
            assert!(all == restored(odd, selection), "split, {selection:?}");
        }
        let parts: Vec<&Archive> = made.iter().collect();
        if let Ok(merge) = Merge::new(&parts, &new) {
            let made = merge.write(Cursor::new(Vec::new())).unwrap().into_inner();
            same(&Archive::read(made).unwrap(), "merge of parts");
        }
    }
    if let Ok(merge) = Merge::new(&[odd], &new) {
        let made = merge.write(Cursor::new(Vec::new())).unwrap().into_inner();
        same(&Archive::read(made).unwrap(), "merge");
    }
    // Part of it, in another order.
    let mut lines: Vec<String> = odd.entries().map(|e| format!("{}\n", e.dump_id())).collect();
    random.shuffle(&mut lines);
    lines.truncate(lines.len() / 2);
    let list = || UseList::read(lines.concat().as_bytes(), odd.toc()).unwrap();
    let listed = Selection::new().use_list(list()).create(true);
    let selected = listed.apply(odd.toc()).unwrap();
    let Some(made) = written(Conversion::new(odd, &new, Some(&selected))) else { return };
    for selection in &selections {
        let listed = selection.clone().use_list(list());
        assert!(restored(odd, &listed) == restored(&made, selection), "list, {selection:?}");
    }
}

#[test]
fn sections_and_kinds() {
    let mut random = fastrand::Rng::with_seed(15);
    let mut made = 0;
    for name in ["pg9.5/mini-custom.dump", "pg15/small-custom.dump", "pg18/small-custom.dump"] {
        let archive = Archive::open(fixtures::root().join(name)).unwrap();
        for _ in 0..60 {
            if let Some(odd) = forged(&archive, &mut random) {
                made += 1;
                check(&odd, &mut random);
            }
        }
    }
    assert!(made > 100, "{made}");
}
