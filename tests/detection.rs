//! How many flipped bits are found, in each way of storing data: the table in SECURITY.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use pgdmp::verify::{Level, Verification};
use pgdmp::{Algorithm, Format, Input, OpenOptions};
use pgdmp_testkit::effort::{is_endless, is_exhaustive};

use crate::made::{MORE_ROWS, Made, OBJECTS, ROWS, block};

const DEFN: &str = "CREATE TABLE public.t (\n    id bigint NOT NULL,\n    at timestamp with time zone,\n    \
    born date,\n    price numeric(10,2),\n    good boolean,\n    key uuid,\n    name text,\n    \
    notes jsonb\n);\n";

/// Rows of many types, as they are in real tables.
fn made(format: Format, algorithm: Algorithm) -> Made {
    let mut random = fastrand::Rng::with_seed(11);
    let words = ["größe", "Straße", "blue", "Ann", "tomorrow", "naïve", "seven", "Łódź"];
    let mut rows = String::new();
    for id in 0..400 {
        let word = |random: &mut fastrand::Rng| words[random.usize(..words.len())];
        let (name, note) = (word(&mut random), word(&mut random));
        let (day, hour) = (random.u8(1..=28), random.u8(..24));
        let price = f64::from(random.u32(..1_000_000)) / 100.0;
        let good = if random.bool() { 't' } else { 'f' };
        let (a, b) = (random.u32(..), random.u64(..));
        writeln!(
            rows,
            "{id}\t2026-11-{day:02} {hour:02}:15:00+01\t1999-0{}-{day:02}\t{price:.2}\t{good}\t\
             {a:08x}-0000-4000-8000-{:012x}\t{name} {name}\t{{\"note\": \"{note}\", \"n\": {}}}",
            1 + id % 9,
            b & 0xffff_ffff_ffff,
            b % 1000,
        )
        .unwrap();
    }
    rows.push_str("\\.\n\n\n");
    Made {
        format,
        defn: DEFN,
        copy: "COPY public.t (id, at, born, price, good, key, name, notes) FROM stdin;\n",
        more: b"\\.\n\n\n".to_vec(),
        rows: rows.into_bytes(),
        ..Made::new(algorithm)
    }
}

/// An archive, where its rows and its large objects are, and how it is opened.
struct Form {
    name: String,
    files: BTreeMap<String, Vec<u8>>,
    rows: (String, usize, usize),
    objects: (String, usize, usize),
}

impl Form {
    fn file(name: String, made: &Made) -> Form {
        let bytes = made.bytes();
        let within = |from: usize, to: usize| (String::new(), from, to);
        let (rows, objects) = match made.format {
            Format::Tar => {
                let header = |name: &str| {
                    let mut blocks = (0..bytes.len()).step_by(512);
                    blocks.find(|at| bytes[*at..].starts_with(name.as_bytes())).unwrap()
                };
                let (rows, more, object) = (header("22.dat"), header("24.dat"), header("blob_17"));
                (within(rows + 512, more), within(object + 512, object + 512 + 5000))
            }
            // Behind the header of the block and the length of the first chunk.
            _ => {
                let [rows, more, objects] = [ROWS, MORE_ROWS, OBJECTS].map(|id| block(&bytes, id));
                (within(rows + 11, more - 5), within(objects + 16, objects + 16 + 5000))
            }
        };
        Form { name, files: BTreeMap::from([(String::new(), bytes)]), rows, objects }
    }

    fn folder(name: String, made: &Made, place: &Path) -> Form {
        made.create(place);
        let files: BTreeMap<String, Vec<u8>> = fs::read_dir(place)
            .unwrap()
            .map(|file| file.unwrap())
            .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
            .collect();
        let whole = |start: &str| {
            let (name, bytes) = files.iter().find(|(name, _)| name.starts_with(start)).unwrap();
            (name.clone(), 0, bytes.len())
        };
        let (rows, objects) = (whole("22.dat"), whole("blob_17"));
        Form { name, files, rows, objects }
    }

    /// How many percent of bits that are flipped in a stretch are found at each level.
    fn rate(
        &self,
        (file, from, to): &(String, usize, usize),
        levels: &[Level],
        flips: u32,
    ) -> Vec<u32> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut found = vec![0; levels.len()];
        for _ in 0..flips {
            let mut files = self.files.clone();
            files.get_mut(file).unwrap()[random.usize(*from..*to)] ^= 1 << random.u8(..8);
            let options = OpenOptions::new().damaged(true);
            let archive = match files.remove("") {
                Some(bytes) => options.read(bytes).unwrap(),
                None => options.read_members(files).unwrap(),
            };
            let mut input = Input::Archive(Box::new(archive));
            for (level, found) in levels.iter().zip(&mut found) {
                let verification = Verification::new().level(*level);
                let summary = verification.run(&mut input, |_| {}).unwrap();
                *found += u32::from(summary.errors + summary.warnings > 0);
            }
        }
        found.iter().map(|found| found * 100 / flips).collect()
    }
}

fn forms(folder: &Path) -> Vec<Form> {
    let all = [Algorithm::None, Algorithm::Lz4, Algorithm::Zstd, Algorithm::Gzip];
    let custom = all.into_iter().map(|algorithm| {
        Form::file(format!("custom {algorithm}"), &made(Format::Custom, algorithm))
    });
    let directory = all.into_iter().map(|algorithm| {
        let name = format!("directory {algorithm}");
        let place = folder.join(&name);
        Form::folder(name, &made(Format::Directory, algorithm), &place)
    });
    let pieces = all[1..].iter().map(|algorithm| {
        let made = Made { plain: false, ..made(Format::Custom, *algorithm) };
        Form::file(format!("custom {algorithm} in pieces"), &made)
    });
    let tar = Form::file("tar".to_owned(), &made(Format::Tar, Algorithm::None));
    custom.chain(directory).chain(pieces).chain([tar]).collect()
}

#[test]
fn the_table_in_the_documentation_is_true() {
    let folder = tempfile::tempdir().unwrap();
    let (flips, tolerance) = match (is_endless(), is_exhaustive()) {
        (true, _) => (400, 6),
        (_, true) => (120, 9),
        _ => (40, 20),
    };
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md")).unwrap();
    let mut measured = String::new();
    let mut differ = Vec::new();
    for form in forms(folder.path()) {
        let rows = form.rate(&form.rows, &[Level::Data, Level::Rows], flips);
        let objects = form.rate(&form.objects, &[Level::Data], flips / 4);
        let rates = [rows[0], rows[1], objects[0]];
        let [data, rows, objects] = rates;
        writeln!(measured, "| {} | {data} % | {rows} % | {objects} % |", form.name).unwrap();
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("| "));
        let line = lines.find_map(|line| line.strip_prefix(&format!("{} | ", form.name)));
        let told: Vec<u32> = line
            .unwrap_or_default()
            .split(" % |")
            .filter_map(|rate| rate.trim().parse().ok())
            .collect();
        let is_near = |(told, rate): (&u32, &u32)| match told {
            100 => *rate == 100,
            told => told.abs_diff(*rate) <= tolerance,
        };
        if told.len() != 3 || !told.iter().zip(&rates).all(is_near) {
            differ.push(form.name);
        }
    }
    println!("{measured}");
    assert!(differ.is_empty(), "{differ:?} differ from SECURITY.md:\n{measured}");
}
