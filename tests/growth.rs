//! Work on a table of contents grows with its length, and with nothing worse, whatever its shape.

use std::io::{self, Cursor};
use std::time::{Duration, Instant};

use pgdmp::adapt::{Adaptation, Mapping};
use pgdmp::edit::{Merge, SplitBy};
use pgdmp::select::UseList;
use pgdmp::toc::ArchiveVersion;
use pgdmp::{Archive, Conversion, Listing, RestrictKey, Script, Selection, Target};

use pgdmp_testkit::alloc::peak_of;
use pgdmp_testkit::effort::is_exhaustive;
use pgdmp_testkit::many::{Shape, archive};

const FEW: u32 = 800;
/// Eight times as many take eight times as long, or 64 times if something is square.
const TIMES: u32 = 8;
const SLOWEST: f64 = 24.0;

type Work = fn(&Archive, &Archive);

fn adapt(archive: &Archive, adaptation: &Adaptation) {
    let mut selected = Selection::new().apply(archive.toc()).unwrap();
    adaptation.apply(&mut selected).unwrap();
}

fn close(archive: &Archive, selection: Selection) {
    let selection = selection.with_dependencies(true).with_dependents(true);
    assert!(selection.apply(archive.toc()).unwrap().all().count() > 0);
}

const WORK: [(&str, Work); 13] = [
    ("merge", |archive, _| drop(Merge::new(&[archive], &Target::new()).unwrap())),
    ("merge of two", |archive, other| drop(Merge::new(&[archive, other], &Target::new()))),
    ("split by table", |archive, _| drop(pgdmp::edit::parts(archive.toc(), SplitBy::Table))),
    ("split by schema", |archive, _| drop(pgdmp::edit::parts(archive.toc(), SplitBy::Schema))),
    ("parts", |archive, _| {
        for part in pgdmp::edit::parts(archive.toc(), SplitBy::Table) {
            let part = Conversion::of_part(archive, &Target::new(), &part).unwrap();
            part.write(Cursor::new(Vec::new())).unwrap();
        }
    }),
    ("convert", |archive, _| {
        let target = Target::new().version(ArchiveVersion::new(1, 13));
        Conversion::new(archive, &target, None).unwrap();
    }),
    ("closure of all", |archive, _| close(archive, Selection::new())),
    ("closure of a list", |archive, _| {
        let mut list: Vec<String> =
            archive.entries().map(|entry| format!("{}\n", entry.dump_id())).collect();
        list.reverse();
        list.truncate(list.len() / 2);
        let use_list = UseList::read(list.concat().as_bytes(), archive.toc()).unwrap();
        close(archive, Selection::new().use_list(use_list));
    }),
    ("closure of one", |archive, _| {
        close(archive, Selection::new().table("t").table("t0").table("whole"));
    }),
    ("as many names as entries", |archive, _| {
        let mut selection = Selection::new();
        for entry in archive.entries() {
            let tag = String::from_utf8_lossy(entry.tag().unwrap_or_default());
            selection = selection.table(format!("public.\"{tag}\"")).exclude_schema(&*tag);
        }
        selection.apply(archive.toc()).unwrap();
    }),
    ("map", |archive, _| {
        let mapping = Mapping::new().owner("postgres", "x").schema("s", "z");
        adapt(archive, &Adaptation::new().mapping(mapping));
    }),
    ("an older server", |archive, _| {
        let (target, service) = ("9.6".parse().unwrap(), "rds".parse().unwrap());
        adapt(archive, &Adaptation::new().target(target).service(service));
    }),
    ("list and script", |archive, _| {
        let selected = Selection::new().apply(archive.toc()).unwrap();
        Listing::new(archive.toc(), archive.format()).write(&selected, io::sink()).unwrap();
        let script = Script::new(RestrictKey::new("key").unwrap());
        script.write(archive, &selected, io::sink()).unwrap();
    }),
];

/// The time that this thread has had, which others do not lengthen; or else the time of day.
fn now(start: Instant) -> Duration {
    let on_cpu = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok()
    };
    on_cpu().map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// How long it takes, in so many runs that the clock's steps do not matter.
fn time(work: impl Fn()) -> Duration {
    const ENOUGH: Duration = Duration::from_millis(10);
    let start = Instant::now();
    let before = now(start);
    for runs in 1.. {
        work();
        let spent = now(start).saturating_sub(before);
        if spent > ENOUGH {
            return spent / runs;
        }
    }
    unreachable!("it ends with enough")
}

#[test]
fn time_grows_with_the_archive() {
    for shape in Shape::ALL {
        let [few, many] = [FEW, FEW * TIMES].map(|entries| {
            let open = || Archive::read(archive(shape, entries)).unwrap();
            (open(), open())
        });
        for (name, work) in WORK {
            let ratio = || {
                let once = time(|| work(&few.0, &few.1));
                time(|| work(&many.0, &many.1)).as_secs_f64() / once.as_secs_f64()
            };
            // A busy machine may be slow once.
            let ratio = (0..3).map(|_| ratio()).find(|ratio| *ratio < SLOWEST);
            assert!(ratio.is_some(), "{shape:?}, {name}: more than {SLOWEST} times as long");
        }
    }
}

/// A merge needs what the new table of contents takes, and little more.
#[test]
fn memory_of_a_merge() {
    let entries = if is_exhaustive() { 40_000 } else { 8_000 };
    for shape in Shape::ALL {
        let bytes = archive(shape, entries);
        let len = bytes.len();
        let (opened, toc) = peak_of(|| Archive::read(bytes).unwrap());
        let (merged, peak) = peak_of(|| Merge::new(&[&opened], &Target::new()).unwrap());
        // Where entries are as short as here, a hash of all ids counts.
        assert!(peak < toc + toc / 2, "{shape:?}: {peak} bytes, where {toc} are read");
        let writing = || merged.write(Cursor::new(Vec::with_capacity(2 * len))).unwrap();
        let (_, written) = peak_of(writing);
        println!("   {shape:?} writing {:.2}", written.saturating_sub(2 * len) as f64 / toc as f64);
    }
}
