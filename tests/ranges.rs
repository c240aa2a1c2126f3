//! A part of a table, without the rest.

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pgdmp::source::Source;
use pgdmp::{Algorithm, Archive, Conversion, ErrorKind, Format, OpenOptions, Target};
use pgdmp_testkit::effort::is_exhaustive;
use pgdmp_testkit::fixtures;

use crate::made::{MORE_ROWS, Made, ROWS};

const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd];

fn text(rows: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(3);
    let mut text = Vec::new();
    for n in 0..rows {
        text.extend_from_slice(format!("{n}\t{:x}\\n{n}\n", random.u128(..)).as_bytes());
    }
    text.extend_from_slice(b"\\.\n\n\n");
    text
}

/// Bytes that count what is read of them.
#[derive(Debug)]
struct Counted {
    bytes: Vec<u8>,
    read: Arc<AtomicU64>,
}

impl Source for Counted {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.bytes.get(at..));
        let n = rest.unwrap_or_default().read(buf)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

fn part(archive: &Archive, range: Range<u64>) -> Vec<u8> {
    let mut part = Vec::new();
    archive.data_range(ROWS, range).unwrap().read_to_end(&mut part).unwrap();
    part
}

fn slice(text: &[u8], range: &Range<u64>) -> Vec<u8> {
    let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    text[at(range.start)..at(range.end).max(at(range.start))].to_vec()
}

/// In every form a part is what it is of the whole.
#[test]
fn parts_are_slices() {
    let text = text(if is_exhaustive() { 55_000 } else { 27_000 });
    let len = text.len() as u64;
    assert!(len > (1 << 20) + 100_000);
    let mut random = fastrand::Rng::with_seed(7);
    let mut ranges: Vec<Range<u64>> = vec![
        0..0,
        0..1,
        0..len,
        0..u64::MAX,
        len - 1..len,
        len..len + 1,
        len + 9..u64::MAX,
        (1 << 20) - 1..(1 << 20) + 1,
        (1 << 20) + 90_000..(1 << 20) + 90_007,
    ];
    #[allow(clippy::reversed_empty_ranges)] // as a mistaken user has it
    ranges.push(9..3);
    for _ in 0..if is_exhaustive() { 6 } else { 2 } {
        let start = random.u64(..len);
        ranges.push(start..start + random.u64(..100_000));
    }
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Custom, Format::Directory, Format::Tar] {
        for algorithm in ALGORITHMS {
            for plain in [false, true] {
                if format == Format::Tar && (algorithm != Algorithm::None || plain) {
                    continue;
                }
                let place = folder.path().join(format!("{format} {algorithm} {plain}"));
                Made { format, plain, rows: text.clone(), ..Made::new(algorithm) }.create(&place);
                for threads in [1, 3] {
                    let archive = OpenOptions::new().threads(threads).open(&place).unwrap();
                    for range in &ranges {
                        let found = part(&archive, range.clone());
                        assert!(found == slice(&text, range), "{place:?} {range:?}");
                    }
                }
            }
        }
    }
}

/// What lies before a range is passed over, and what lies behind it is not read.
#[test]
fn no_more_is_read_than_the_range_needs() {
    let text = text(if is_exhaustive() { 260_000 } else { 70_000 });
    let len = text.len() as u64;
    assert!(len > 3 << 20);
    for algorithm in [Algorithm::None, Algorithm::Lz4, Algorithm::Zstd] {
        for format in [Format::Custom, Format::Tar] {
            if format == Format::Tar && algorithm != Algorithm::None {
                continue;
            }
            let made = Made { format, plain: false, rows: text.clone(), ..Made::new(algorithm) };
            let (bytes, read) = (made.bytes(), Arc::new(AtomicU64::new(0)));
            let whole = bytes.len() as u64;
            let archive = Archive::read(Counted { bytes, read: Arc::clone(&read) }).unwrap();
            for start in [0, len / 3, len - 200_000] {
                read.store(0, Ordering::Relaxed);
                let range = start..start + 1000;
                assert!(part(&archive, range.clone()) == slice(&text, &range));
                // A piece and its neighbour, and what reading in steps takes more.
                let most = whole * (5 << 18) / len + 150_000;
                let read = read.load(Ordering::Relaxed);
                assert!(read < most, "{format} {algorithm} {start}: {read} of {whole}");
            }
        }
    }
}

/// The same of files in a directory: the system tells how much is read.
#[test]
fn ranges_of_files() {
    let text = text(70_000);
    let folder = tempfile::tempdir().unwrap();
    for algorithm in ALGORITHMS {
        let format = Format::Directory;
        let place = folder.path().join(algorithm.to_string());
        Made { format, plain: false, rows: text.clone(), ..Made::new(algorithm) }.create(&place);
        let read = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&read);
        let options = OpenOptions::new().on_read(move |bytes| {
            counted.fetch_add(bytes, Ordering::Relaxed);
        });
        let archive = options.open(&place).unwrap();
        read.store(0, Ordering::Relaxed);
        let range = text.len() as u64 - 200_000..text.len() as u64 - 100_000;
        assert!(part(&archive, range.clone()) == slice(&text, &range));
        let read = read.load(Ordering::Relaxed);
        assert!(read < 1_300_000, "{algorithm}: {read}");
    }
}

fn rows(archive: &Archive, range: Range<u64>) -> Vec<Vec<u8>> {
    let mut rows = archive.rows_range(ROWS, range).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next_row().unwrap() {
        found.push(row.as_bytes().to_vec());
    }
    found
}

/// However a table is cut, each row is in one of the parts.
#[test]
fn each_row_is_in_one_range() {
    let texts = [
        text(30),
        b"\\.\n\n\n".to_vec(),
        b"a\tb\n\\.\n\n\n".to_vec(),
        [&b"1\t"[..], &[b'x'; 300], b"\n2\ty\n\\.\n\n\n"].concat(),
    ];
    for text in texts {
        let len = text.len() as u64;
        let made = Made { rows: text.clone(), plain: false, ..Made::new(Algorithm::Zstd) };
        let archive = Archive::read(made.bytes()).unwrap();
        let all = rows(&archive, 0..u64::MAX);
        let lines = text.split(|byte| *byte == b'\n').take_while(|line| *line != b"\\.");
        assert!(lines.eq(all.iter().map(|row| row.strip_suffix(b"\n").unwrap_or(row))));
        for cut in 0..=len + 2 {
            let parts = [0..cut, cut..len + 2].map(|range| rows(&archive, range));
            assert_eq!(parts.concat(), all, "cut at {cut} of {len}");
        }
        let cuts: Vec<u64> = (0..len + 4).collect();
        let singles = cuts.windows(2).flat_map(|cut| rows(&archive, cut[0]..cut[1]));
        assert!(singles.eq(all), "one byte each");
    }
}

#[test]
fn rows_of_many_pieces_are_shared() {
    let text = text(50_000);
    let made = Made { rows: text.clone(), plain: false, ..Made::new(Algorithm::Lz4) };
    let archive = Archive::read(made.bytes()).unwrap();
    let step = text.len() as u64 / 5;
    let counts = (0..6).map(|n| {
        let mut rows = archive.rows_range(ROWS, n * step..(n + 1) * step).unwrap();
        rows.count().unwrap()
    });
    assert_eq!(counts.sum::<u64>(), 50_000);
}

/// Damage that is met is an error, and what lies elsewhere does not matter.
#[test]
fn damage_elsewhere() {
    let text = text(70_000);
    let made = Made { rows: text.clone(), plain: false, ..Made::new(Algorithm::Zstd) };
    let mut bytes = made.bytes();
    let at = bytes.len() / 3;
    bytes[at] ^= 4;
    let archive = Archive::read(bytes).unwrap();
    let last = text.len() as u64 - 1000..text.len() as u64;
    assert!(part(&archive, last.clone()) == slice(&text, &last));
    let mut all = archive.data_range(ROWS, 0..u64::MAX).unwrap();
    assert!(io::copy(&mut all, &mut io::sink()).is_err());
}

#[test]
fn what_has_no_ranges() {
    let root = fixtures::root();
    let archive = Archive::open(root.join("pg18/small-dir")).unwrap();
    let blobs = archive.entries().find(|entry| entry.desc() == pgdmp::Desc::BLOBS).unwrap();
    let kind = |error: pgdmp::Error| error.into_kind();
    assert!(matches!(
        archive.data_range(blobs.dump_id(), 0..1).map_err(kind),
        Err(ErrorKind::Usage { .. })
    ));
    let nothing = archive.data_range(pgdmp::DumpId(1 << 20), 0..1).map_err(kind);
    assert!(matches!(nothing, Err(ErrorKind::NotFound { .. })));
}

/// Foreign files of several frames, some of which do not say how long they are.
#[test]
fn frames_of_others() {
    let text = text(20_000);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("archive");
    let format = Format::Directory;
    let made = Made { format, plain: true, rows: text.clone(), ..Made::new(Algorithm::Zstd) };
    made.create(&place);
    let file = |path: &Path| path.join("22.dat.zst");
    let one = |part: &[u8], plain: bool| {
        let made = Made { format, plain, rows: part.to_vec(), ..Made::new(Algorithm::Zstd) };
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("part");
        made.create(&place);
        std::fs::read(file(&place)).unwrap()
    };
    let skippable = [&0x184d_2a53_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat();
    let cut = |n: usize| text.len() * n / 5;
    let parts = [
        skippable.clone(),
        one(&text[..cut(1)], false),
        one(&text[cut(1)..cut(2)], false),
        skippable,
        one(&text[cut(2)..cut(3)], true),
        one(&text[cut(3)..cut(4)], false),
        one(&text[cut(4)..], false),
    ];
    std::fs::write(file(&place), parts.concat()).unwrap();
    let archive = Archive::open(&place).unwrap();
    for start in (0..text.len() as u64).step_by(71_777) {
        let range = start..start + 999;
        assert!(part(&archive, range.clone()) == slice(&text, &range), "{start}");
    }
    // And what a conversion makes of them.
    let moved = folder.path().join("moved");
    let target = Target::new().format(Format::Custom);
    Conversion::new(&archive, &target, None).unwrap().create(&moved).unwrap();
    let moved = Archive::open(&moved).unwrap();
    for start in (0..text.len() as u64).step_by(171_777) {
        let range = start..start + 99_999;
        assert!(part(&moved, range.clone()) == slice(&text, &range), "{start}");
    }
}

/// Without offsets the blocks are walked over by the lengths of their chunks, once, and so is what
/// stands behind them.
#[test]
fn blocks_without_offsets_are_read_once() {
    let text = text(70_000);
    for algorithm in ALGORITHMS.into_iter().filter(|algorithm| *algorithm != Algorithm::None) {
        let made = Made { rows: text.clone(), more: text.clone(), ..Made::new(algorithm) };
        let bytes = made.piped();
        let len = bytes.len() as u64;
        let read = Arc::new(AtomicU64::new(0));
        let archive = Archive::read(Counted { bytes, read: Arc::clone(&read) }).unwrap();
        for id in [ROWS, MORE_ROWS] {
            let mut rows = Vec::new();
            archive.data(id).unwrap().read_to_end(&mut rows).unwrap();
            assert!(rows == text, "{algorithm}");
        }
        assert_eq!(archive.surplus_hint(), None);
        let read = read.load(Ordering::Relaxed);
        assert!(read * 10 < len * 11, "{algorithm}: {read} of {len}");
    }
}
