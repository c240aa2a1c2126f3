//! Opening archives with many entries, listing them, finding some.
#![allow(clippy::expect_used)] // A bench that fails may stop.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use pgdmp::{Algorithm, Archive, Desc, DumpId, Listing, Selection};
use pgdmp_testkit::large::{self, Contents, Layout};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    bench(&mut criterion, "10,000 tables", Contents::Tables { count: 10_000 });
    bench(&mut criterion, "500,000 large objects", Contents::LargeObjects { count: 500_000 });
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, name: &str, contents: Contents) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("archive.dump");
    large::write(&path, Layout::custom(14, Algorithm::None), contents).expect("an archive");
    let archive = Archive::open(&path).expect("opens");
    let toc = archive.toc();

    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(toc.len() as u64));
    group.bench_function("open", |b| b.iter(|| Archive::open(&path).expect("opens")));
    group.bench_function("list", |b| {
        b.iter(|| {
            let selected = Selection::default().apply(toc).expect("selects");
            Listing::new(toc, archive.format()).write(&selected, io::sink()).expect("lists");
        });
    });
    // The first look-ups sort.
    let fresh = Archive::open(&path).expect("opens").toc().clone();
    group.bench_function("first look-up by id", |b| {
        b.iter_batched(
            || fresh.clone(),
            |toc| black_box(toc.entry(DumpId(1)).is_some()),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("first look-up by name", |b| {
        b.iter_batched(
            || fresh.clone(),
            |toc| black_box(toc.find(Desc::TABLE, None, b"").is_some()),
            BatchSize::PerIteration,
        );
    });
    group.finish();

    let mut group = criterion.benchmark_group(format!("{name}, one entry"));
    let wanted = toc.get(toc.len() / 2).expect("has entries");
    let (desc, namespace) = (wanted.desc(), wanted.namespace());
    let tag = wanted.tag().unwrap_or_default();
    group.bench_function("by id", |b| b.iter(|| toc.entry(black_box(wanted.dump_id()))));
    group.bench_function("by name", |b| {
        b.iter(|| toc.find(desc, black_box(namespace), black_box(tag)));
    });
    assert!(toc.find(desc, namespace, tag).is_some());
    assert!(toc.find(Desc::VIEW, namespace, tag).is_none());
    group.finish();
}
