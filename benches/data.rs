//! Decompressing everything and throwing it away; rows, and what is written of them; looking for data
//! without an offset.
#![allow(clippy::expect_used)] // A bench that fails may stop.

use std::io::{BufRead, Read};
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use pgdmp::rows::{CsvOptions, JsonOptions, RowsOptions};
use pgdmp::types::{CopyStatement, Definitions};
use pgdmp::{Algorithm, Archive, Desc, TocEntry};
use pgdmp_testkit::large::{self, Contents, LAST_TABLE, Layout};

const BYTES: u64 = 32 << 20;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let folder = tempfile::tempdir().expect("a temporary directory");
    bench(&mut criterion, folder.path());
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, folder: &Path) {
    let write = |name: &str, layout, contents| {
        let path = folder.join(name);
        large::write(&path, layout, contents).expect("an archive");
        path
    };
    let wide = Contents::Wide { bytes: BYTES };
    let none = Layout::custom(16, Algorithm::None);

    let mut group = criterion.benchmark_group("drain");
    for (name, layout) in [
        ("none, a chunk for each row", none),
        ("none, long chunks", none.with_long_chunks()),
        ("gzip", Layout::custom(16, Algorithm::Gzip)),
        ("lz4", Layout::custom(16, Algorithm::Lz4)),
        ("zstd", Layout::custom(16, Algorithm::Zstd)),
        ("directory, gzip", Layout::directory(16, Algorithm::Gzip)),
    ] {
        let path = write(name, layout, wide);
        group.throughput(Throughput::Bytes(drain(&Archive::open(&path).expect("opens"))));
        group.bench_function(name, |b| {
            b.iter(|| drain(&Archive::open(&path).expect("opens")));
        });
    }
    for (name, layout) in [
        ("2,000 tables, gzip", Layout::custom(16, Algorithm::Gzip)),
        ("2,000 tables, directory, gzip", Layout::directory(16, Algorithm::Gzip)),
    ] {
        let path = write(name, layout, Contents::Tables { count: 2000 });
        let archive = Archive::open(&path).expect("opens");
        group.throughput(Throughput::Bytes(drain(&archive)));
        group.bench_function(name, |b| b.iter(|| drain(&archive)));
    }
    group.finish();

    let path = write("rows", none.with_long_chunks(), wide);
    rows(criterion, &Archive::open(&path).expect("opens"));

    let mut group = criterion.benchmark_group("find without offset");
    for (name, layout) in [
        ("none, a chunk for each row", none.piped()),
        ("none, long chunks", none.piped().with_long_chunks()),
        ("gzip", Layout::custom(16, Algorithm::Gzip).piped()),
    ] {
        let path = write(&format!("{name}, piped"), layout, wide);
        group.throughput(Throughput::Bytes(path.metadata().map_or(0, |data| data.len())));
        group.bench_function(name, |b| {
            b.iter(|| {
                let archive = Archive::open(&path).expect("opens");
                let entry = archive
                    .toc()
                    .find(Desc::TABLE_DATA, Some(b"public"), LAST_TABLE.as_bytes())
                    .expect("the entry");
                archive.data(entry.dump_id()).expect("the data");
            });
        });
    }
    group.finish();
}

/// The rows of the largest table, from memory: divided into fields, and written in other formats. The
/// copy of the bytes is what the others are measured by.
fn rows(criterion: &mut Criterion, archive: &Archive) {
    let tables = archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA);
    let size = |entry: &TocEntry<'_>| archive.stored_size_hint(*entry);
    let entry = tables.max_by_key(size).expect("a table");
    let statement = CopyStatement::parse(entry.copy_stmt().expect("COPY")).expect("COPY");
    let columns = Definitions::new(archive.toc()).columns(entry).expect("columns");
    let mut text = Vec::new();
    archive.data(entry.dump_id()).expect("the data").read_to_end(&mut text).expect("the data");
    let open = || RowsOptions::new().statement(&statement).copy_text(&text[..]);

    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("copy of the bytes", |b| {
        let mut copy = vec![0; text.len()];
        b.iter(|| std::hint::black_box(&mut copy).copy_from_slice(&text));
    });
    group.bench_function("rows", |b| {
        b.iter(|| open().count().expect("rows"));
    });
    group.bench_function("fields", |b| {
        b.iter(|| {
            let mut bytes = 0;
            let mut rows = open();
            while let Some(row) = rows.next_row().expect("rows") {
                bytes += row.fields().map(|field| field.raw().len()).sum::<usize>();
            }
            bytes
        });
    });
    group.bench_function("csv", |b| {
        b.iter(|| {
            let names = columns.columns.iter().map(|column| &column.name);
            let mut csv = CsvOptions::new().write(std::io::sink(), names).expect("csv");
            let mut rows = open();
            while let Some(row) = rows.next_row().expect("rows") {
                csv.write_row(&row).expect("csv");
            }
            csv.finish().expect("csv");
        });
    });
    group.bench_function("json lines", |b| {
        b.iter(|| {
            let mut json = JsonOptions::new().write(std::io::sink(), &columns).expect("json");
            let mut rows = open();
            while let Some(row) = rows.next_row().expect("rows") {
                json.write_row(&row).expect("json");
            }
            json.finish().expect("json");
        });
    });
    group.finish();
}

/// Bytes of all tables.
fn drain(archive: &Archive) -> u64 {
    let mut bytes = 0;
    for entry in archive.entries().filter(|entry| entry.has_data()) {
        let mut data = archive.data(entry.dump_id()).expect("the data");
        loop {
            let n = data.fill_buf().expect("data").len();
            if n == 0 {
                break;
            }
            data.consume(n);
            bytes += n as u64;
        }
    }
    bytes
}
