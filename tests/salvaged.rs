//! Salvage beside pg_restore, row by row: damaged archives of every form and format.
//!
//! Of each the salvaged archive
//!
//! 1. has at least what pg_restore gets of the damaged one: each row that is a row, as often, and of
//!    each large object as many bytes;
//! 2. verifies clean, and pg_restore restores it without a word: the same rows;
//! 3. with `trusted` has no row that was not there before, as far as the form has checksums.
//!
//! Those archives are damaged that once found a fault, unless `PGDMP_SALVAGE` says how many, from the
//! number `PGDMP_SALVAGE_FROM` on. `PGDMP_PG_RESTORE` names the pg_restore, if it is not the installed
//! one. `PGDMP_SALVAGE_KEEP` is a folder for the archives of faults.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pgdmp::rows::CopyStatement;
use pgdmp::salvage::Salvage;
use pgdmp::text::Encoding;
use pgdmp::toc::ArchiveVersion;
use pgdmp::{Algorithm, Archive, Desc, Format, OpenOptions, TocEntry};
use pgdmp_testkit::contents::from_hex;
use pgdmp_testkit::damage::{self, Base, Damaged, Node, Tree};
use pgdmp_testkit::fixtures;
use pgdmp_testkit::watchdog::Watchdog;

use crate::made::Made;
use crate::matrix::Program;
use crate::salvage::check_archive;

/// What somebody got of an archive.
#[derive(Debug, Default)]
struct Got {
    /// By COPY statement, without those lines that are none.
    rows: HashMap<Vec<u8>, HashMap<Vec<u8>, usize>>,
    objects: BTreeMap<u32, Vec<u8>>,
    /// Large objects that are written without being created, at which a restore ends.
    uncreated: Vec<u32>,
}

impl Got {
    fn add(&mut self, copy: &[u8], lines: &[u8], encoding: Encoding) {
        let names = CopyStatement::parse(copy).ok().and_then(|copy| copy.field_names());
        let rows = self.rows.entry(copy.to_vec()).or_default();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if line == b"\\.\n" {
                return;
            }
            let Some(line) = line.strip_suffix(b"\n") else { return };
            if is_row(line, names.as_ref().map(Vec::len), encoding) {
                *rows.entry(line.to_vec()).or_default() += 1;
            }
        }
    }

    /// What of it is not in `other`.
    fn beyond(&self, other: &Got) -> Vec<String> {
        let mut found = Vec::new();
        for (copy, rows) in &self.rows {
            let theirs = other.rows.get(copy);
            let missing = rows.iter().filter(|(row, count)| {
                theirs.and_then(|rows| rows.get(*row)).copied().unwrap_or(0) < **count
            });
            let missing: Vec<_> = missing.collect();
            if let Some((row, count)) = missing.first() {
                let copy = copy.escape_ascii();
                let row: String = row.escape_ascii().to_string().chars().take(120).collect();
                found.push(format!("{copy}: {} rows, as {count} of {row}", missing.len()));
            }
        }
        // Of one whose file is not there pg_restore makes an empty one before it ends.
        // Since zlib 1.3.2 a file with a damaged gzip header is taken for a plain one.
        let is_file = |bytes: &[u8]| bytes == b"\x1f" || bytes.starts_with(b"\x1f\x8b");
        let is_some = |bytes: &[u8]| !bytes.is_empty() && !is_file(bytes);
        for (oid, bytes) in self.objects.iter().filter(|(_, bytes)| is_some(bytes)) {
            let theirs = other.objects.get(oid);
            // Where bytes of a tar are missing, it reads on in the header of the next member.
            let is_as_much = |theirs: &[u8]| {
                let rest = bytes.strip_prefix(theirs).unwrap_or_default();
                theirs.starts_with(bytes) || rest.get(257..262) == Some(b"ustar")
            };
            if theirs.is_none_or(|theirs| !is_as_much(theirs)) {
                let len = theirs.map(Vec::len);
                found.push(format!("large object {oid}: {} bytes, not {len:?}", bytes.len()));
            }
        }
        found
    }

    fn count(&self) -> usize {
        self.rows.values().flat_map(HashMap::values).sum::<usize>() + self.objects.len()
    }
}

/// Whether pg_dump writes such a row.
fn is_row(line: &[u8], fields: Option<usize>, encoding: Encoding) -> bool {
    if line.contains(&0) || line.contains(&b'\r') {
        return false;
    }
    let tabs = line.iter().filter(|byte| **byte == b'\t').count();
    let counted = match fields {
        None => true,
        Some(0) => line.is_empty(),
        Some(fields) => tabs + 1 == fields,
    };
    let mut rest = line;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        match rest.get(at + 1) {
            Some(byte) if b"bfnrtv\\N".contains(byte) => rest = &rest[at + 2..],
            _ => return false,
        }
    }
    counted && (encoding != Encoding::UTF8 || std::str::from_utf8(line).is_ok())
}

/// What our own reader gets of an archive that is whole.
fn ours(archive: &Archive) -> Got {
    let mut got = Got::default();
    for entry in archive.entries().filter(TocEntry::has_data) {
        if entry.desc() == Desc::BLOBS {
            let mut objects = archive.large_objects(entry.dump_id()).unwrap();
            // At the end, those that are lost may be missed.
            while let Ok(Some(mut object)) = objects.next_object() {
                let (oid, mut bytes) = (object.oid().0, Vec::new());
                object.read_to_end(&mut bytes).unwrap();
                got.objects.insert(oid, bytes);
            }
        } else if let Some(copy) = entry.copy_stmt().filter(|copy| !copy.is_empty()) {
            let mut data = Vec::new();
            archive.data(entry.dump_id()).unwrap().read_to_end(&mut data).unwrap();
            got.add(copy, &data, archive.toc().text_encoding());
        }
    }
    got
}

/// What a script of pg_restore has.
fn of_script(script: &[u8], encoding: Encoding) -> Got {
    let mut got = Got::default();
    let mut at = 0;
    let (mut object, mut created) = (None, HashSet::new());
    while at < script.len() {
        let len = script[at..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(script.len() - at, |n| n + 1);
        let line = &script[at..at + len];
        let quoted = |line: &[u8]| {
            let mut parts = line.splitn(3, |byte| *byte == b'\'');
            parts.nth(1).map(<[u8]>::to_vec).unwrap_or_default()
        };
        if line.starts_with(b"COPY ") && line.ends_with(b" FROM stdin;\n") {
            let rest = &script[at + len..];
            let (end, next) = end_of_rows(rest);
            // No server takes rows by another statement.
            if CopyStatement::parse(line).is_ok() {
                got.add(line, &rest[..end], encoding);
            }
            at += len + next;
            continue;
        }
        // Before archive version 1.12, the data creates them.
        if line.starts_with(b"SELECT pg_catalog.lo_create('")
            || line.starts_with(b"SELECT pg_catalog.lo_open(pg_catalog.lo_create('")
        {
            created.insert(quoted(line));
        }
        if line.starts_with(b"SELECT pg_catalog.lo_open(") {
            let oid = quoted(line);
            if !created.contains(&oid) {
                got.uncreated.extend(String::from_utf8_lossy(&oid).parse::<u32>());
            }
            object = String::from_utf8(quoted(line)).ok().and_then(|oid| oid.parse::<u32>().ok());
            got.objects.insert(object.unwrap_or(0), Vec::new());
        }
        if line.starts_with(b"SELECT pg_catalog.lowrite(0, '") && line.ends_with(b"');\n") {
            let hex = quoted(line);
            let digits =
                hex.iter().position(|byte| *byte == b'x').map_or(&hex[..0], |x| &hex[x + 1..]);
            got.objects.entry(object.unwrap_or(0)).or_default().extend(from_hex(digits));
        }
        at += len;
    }
    got.objects.remove(&0);
    got
}

/// Where the rows behind a COPY statement end, and what comes next: behind their end marker, or of
/// rows that were cut, before the comment of the next entry, which may stand behind half a row.
fn end_of_rows(script: &[u8]) -> (usize, usize) {
    let mut at = 0;
    for line in script.split_inclusive(|byte| *byte == b'\n') {
        let rest = &script[at + line.len()..];
        if line == b"\\.\n" {
            return (at + line.len(), at + line.len());
        }
        if line.ends_with(b"--\n")
            && ["-- Name:", "-- Data", "-- PostgreSQL"]
                .iter()
                .any(|next| rest.starts_with(next.as_bytes()))
            || line.ends_with(b"-- PostgreSQL database dump complete\n")
        {
            return (at, at);
        }
        at += line.len();
    }
    (at, at)
}

/// Damage of which pg_restore makes what was never in the archive: compressed bytes for plain ones,
/// and headers for data. It looks at no kinds of members.
fn misleads(damaged: &Damaged) -> bool {
    ["the compression at", "claims", "is a member of kind"]
        .iter()
        .any(|words| damaged.what.contains(words))
}

/// A run of pg_restore: what it printed, and what it said unless it ended well. It loops forever on
/// some damage.
fn pg_restore(program: &Path, archive: &Path, folder: &Path) -> (Vec<u8>, Option<String>) {
    const LONGEST: Duration = Duration::from_secs(10);
    let [out, err] = ["script", "messages"].map(|name| folder.join(name));
    let mut command = Command::new(program);
    command.args(["-f", "-"]).arg(archive).stdin(Stdio::null());
    command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if start.elapsed() > LONGEST || fs::metadata(&out).unwrap().len() > 256 << 20 {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let said = String::from_utf8_lossy(&fs::read(&err).unwrap()).into_owned();
    let failure = match status {
        None => Some("no end".to_owned()),
        Some(status) if status.success() && said.is_empty() => None,
        Some(status) => Some(format!("{status}: {said}")),
    };
    (fs::read(&out).unwrap(), failure)
}

/// The archives that are damaged: those of pg_dump, and those in pieces that stand alone.
fn bases(folder: &Path) -> Vec<Base> {
    let mut bases = damage::bases();
    let mut random = fastrand::Rng::with_seed(11);
    let mut rows = Vec::new();
    // Of two pieces and a bit.
    while rows.len() < 2_300_000 {
        rows.extend_from_slice(format!("{}\t{:x}\n", random.u32(..), random.u128(..)).as_bytes());
    }
    rows.extend_from_slice(b"\\.\n\n\n");
    for format in [Format::Custom, Format::Directory] {
        for algorithm in [Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd, Algorithm::None] {
            for long in [false, true] {
                let name = format!("{format} {algorithm}{}", if long { " of pieces" } else { "" });
                let path = folder.join(&name);
                let made = Made { format, plain: false, ..Made::new(algorithm) };
                let made = if long { Made { rows: rows.clone(), ..made } } else { made };
                made.create(&path);
                let tree = match path.is_dir() {
                    true => {
                        let files = fixtures::members(&path).into_iter();
                        Tree::Folder(files.map(|(name, bytes)| (name, Node::File(bytes))).collect())
                    }
                    false => Tree::File(fs::read(&path).unwrap()),
                };
                bases.push(Base { name: name.leak(), path, tree });
            }
        }
    }
    bases
}

#[derive(Debug, Default)]
struct Tally {
    archives: usize,
    nothing_left: usize,
    /// Of what pg_restore got, and what was salvaged.
    theirs: usize,
    ours: usize,
    more: usize,
    restored: usize,
    trusted: usize,
    loops: usize,
}

struct Case<'a> {
    program: &'a Path,
    newest: ArchiveVersion,
    known: &'a HashSet<Vec<u8>>,
    folder: &'a Path,
    tally: Tally,
}

impl Case<'_> {
    fn run(&mut self, damaged: &Damaged) -> Result<(), String> {
        self.tally.archives += 1;
        let path = damaged.write(self.folder);
        // pg_restore follows all links.
        let options = OpenOptions::new().follow_links(damaged.what.contains("link to a file"));
        let (script, failure) = pg_restore(self.program, &path, self.folder);
        self.tally.loops += usize::from(failure.as_deref() == Some("no end"));
        let archive = match Salvage::open(&path, &options) {
            Ok(archive) => archive,
            Err(error) => {
                self.tally.nothing_left += 1;
                let theirs = of_script(&script, Encoding::SQL_ASCII);
                return match theirs.count() {
                    0 => Ok(()),
                    n => Err(format!("not opened: {error}; pg_restore gets {n}")),
                };
            }
        };
        let theirs = of_script(&script, archive.toc().text_encoding());
        self.tally.theirs += theirs.count();
        let salvage = Salvage::new(&archive).map_err(|error| error.to_string())?;
        if salvage.report().is_empty() {
            self.tally.nothing_left += 1;
            return match theirs.count() {
                0 => Ok(()),
                n => Err(format!("nothing is left; pg_restore gets {n}")),
            };
        }
        let whole = salvage.report().is_whole();
        let new = self.folder.join("new");
        salvage.create(&new).map_err(|error| format!("salvage: {error}"))?;
        let kept = self.judge(&new, "salvaged")?;
        let missing = theirs.beyond(&kept);
        if !missing.is_empty() && !misleads(damaged) {
            return Err(format!("pg_restore gets more: {missing:?}; it says {failure:?}"));
        }
        self.tally.ours += kept.count();
        self.tally.more += usize::from(kept.count() > theirs.count());
        let has_checksums = !damaged.base.name.contains("none")
            && !damaged.base.name.ends_with("tar")
            && (damaged.base.name.contains("gzip") || damaged.base.name.starts_with(['c', 'd']));
        let trusted = Salvage::new(&archive).map_err(|error| error.to_string())?.trusted(true);
        if whole || trusted.report().is_empty() {
            return Ok(());
        }
        let new = self.folder.join("trusted");
        trusted.create(&new).map_err(|error| format!("trusted: {error}"))?;
        let kept = self.judge(&new, "trusted")?;
        let rows = || kept.rows.values().flat_map(HashMap::keys);
        if has_checksums && let Some(row) = rows().find(|row| !self.known.contains(*row)) {
            return Err(format!("trusted, and new: {}", row.escape_ascii()));
        }
        self.tally.trusted += 1;
        Ok(())
    }

    /// What is in a new archive, which must be a good one.
    fn judge(&mut self, path: &Path, label: &str) -> Result<Got, String> {
        let checked = std::panic::catch_unwind(|| check_archive(Archive::open(path), label));
        checked.map_err(|_| format!("{label}: does not verify"))?;
        let archive = Archive::open(path).map_err(|error| format!("{label}: {error}"))?;
        let kept = ours(&archive);
        if archive.header().version <= self.newest {
            let (script, failure) = pg_restore(self.program, path, self.folder);
            if let Some(failure) = failure {
                return Err(format!("{label}: pg_restore says of the new archive: {failure}"));
            }
            let theirs = of_script(&script, archive.toc().text_encoding());
            if !theirs.uncreated.is_empty() {
                return Err(format!("{label}: not created: {:?}", theirs.uncreated));
            }
            let differ = [theirs.beyond(&kept), kept.beyond(&theirs)].concat();
            if !differ.is_empty() {
                return Err(format!("{label}: pg_restore gets something else: {differ:?}"));
            }
            self.tally.restored += 1;
        }
        Ok(kept)
    }
}

/// Damaged archives of which less was salvaged once than pg_restore gets, or what it cannot restore.
const FOUND: &[u64] = &[
    155, 156, 206, 243, 254, 371, 424, 665, 679, 742, 1051, 1312, 1406, 1764, 1816, 3090, 3094,
    3137, 5026, 5061, 5219, 5273, 5547, 5693, 5831, 5935, 6289, 7037, 7121, 7217, 8512, 8633, 9368,
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn never_less_than_pg_restore() {
    let Some(program) = Program::all().pop() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bases = bases(folder.path());
    let mut known = HashSet::new();
    for base in &bases {
        let got = ours(&Archive::open(&base.path).unwrap());
        known.extend(got.rows.into_values().flat_map(HashMap::into_keys));
    }
    let numbers: Vec<u64> = match number("PGDMP_SALVAGE") {
        Some(count) => {
            let from = number("PGDMP_SALVAGE_FROM").unwrap_or(0);
            (from..from + count).collect()
        }
        None => FOUND.to_vec(),
    };
    let count = numbers.len();
    let mut faults = Vec::new();
    let mut tally = Tally::default();
    for number in numbers {
        let damaged = damage::damaged(number, &bases);
        let _watchdog = Watchdog::new(damaged.title());
        let place = tempfile::tempdir_in(folder.path()).unwrap();
        let mut case = Case {
            program: &program.path,
            newest: program.newest,
            known: &known,
            folder: place.path(),
            tally,
        };
        let result = case.run(&damaged);
        tally = case.tally;
        if let Err(fault) = result {
            eprintln!("{}\n    {fault}", damaged.title());
            faults.push(damaged.number);
            if let Some(folder) = std::env::var_os("PGDMP_SALVAGE_KEEP") {
                let kept = Path::new(&folder).join(damaged.number.to_string());
                fs::create_dir_all(&kept).unwrap();
                damaged.write(&kept);
            }
        }
    }
    eprintln!("salvage beside {}: {tally:?}", program.name);
    assert!(faults.is_empty(), "{} faults: {faults:?}", faults.len());
    if count >= 200 {
        assert!(tally.theirs > 0 && tally.more > 0 && tally.restored > 0 && tally.trusted > 0);
    }
}
