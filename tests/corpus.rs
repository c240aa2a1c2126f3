//! A larger collection of archives, by ten releases of PostgreSQL and by other people, with what
//! `pg_restore` 18.6 says of them.
//!
//! It is not part of the repository. `PGDMP_CORPUS` names its folder; else it is looked for
//! beside the repository. Its README says what is in it.

use std::path::Path;
use std::time::{Duration, Instant};

use pgdmp::select::UseList;
use pgdmp::toc::Section;
use pgdmp::{Archive, ArchiveStream, Format, OpenOptions, Selection, Toc};
use serde_json::Value;

use pgdmp_testkit::alloc::peak_of;
use pgdmp_testkit::contents::{self, Contents, drain_up_to, is_too_much, read_all, read_up_to};
use pgdmp_testkit::corpus::{BY, archives, folder, outputs, whole_script};
use pgdmp_testkit::fixtures::bytes;
use pgdmp_testkit::sources::Trickle;
use pgdmp_testkit::watchdog::Watchdog;
use pgdmp_testkit::{listing, script, sha256};

/// What a command line of `pg_restore -l` asks for; `None` if it is not of `-l`.
fn parse(args: &[String], folder: &Path, toc: &Toc) -> Option<(Selection, bool)> {
    let mut selection = Selection::new();
    let (mut verbose, mut list) = (false, false);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap();
        match arg.as_str() {
            "-l" => list = true,
            "-v" => verbose = true,
            "-a" => selection = selection.data_only(true),
            "-s" => selection = selection.schema_only(true),
            "-n" => selection = selection.schema(value().clone()),
            "-t" => selection = selection.table(value().clone()),
            "-L" => {
                let name = value().strip_prefix("{input:").unwrap().strip_suffix('}').unwrap();
                let text = bytes(&folder.join(name));
                selection = selection.use_list(UseList::read(&text[..], toc).unwrap());
            }
            "{archive}" => {}
            section if section.starts_with("--section=") => {
                selection = selection.section(match &section["--section=".len()..] {
                    "pre-data" => Section::PreData,
                    "data" => Section::Data,
                    "post-data" => Section::PostData,
                    other => panic!("{other}"),
                });
            }
            _ if !list => return None,
            other => panic!("{other}"),
        }
    }
    list.then_some((selection, verbose))
}

fn assert_listing(found: &[u8], expected: &[u8], what: &str) {
    assert!(
        found == expected,
        "{what}:\n{}\ninstead of\n{}",
        String::from_utf8_lossy(found),
        String::from_utf8_lossy(expected)
    );
}

#[test]
fn listings() {
    let Some(folder) = folder() else { return };
    let outputs = outputs(&folder);
    let watchdog = Watchdog::new("listings");
    let (mut archives_read, mut answers) = (0, 0);
    for recorded in archives(&folder) {
        watchdog.label(&recorded.name);
        let archive = Archive::open(&recorded.path).unwrap_or_else(|error| panic!("{error}"));
        let streamed = (archive.format() != Format::Directory)
            .then(|| ArchiveStream::new(std::fs::File::open(&recorded.path).unwrap()).unwrap());
        for run in &recorded.runs {
            let Some((selection, verbose)) = parse(&run.args, &folder, archive.toc()) else {
                continue;
            };
            assert_eq!(run.rc, 0, "{}", recorded.name);
            let expected = &outputs[&run.stdout];
            let what = format!("{} {:?} {}", recorded.name, run.args, run.stdin);
            let text = listing::text(archive.toc(), archive.format(), &selection, verbose);
            assert_listing(&text, expected, &what);
            if let Some(stream) = &streamed {
                let text = listing::text(stream.toc(), stream.format(), &selection, verbose);
                assert_listing(&text, expected, &what);
            }
            answers += 1;
        }
        archives_read += 1;
    }
    eprintln!("corpus: {answers} listings of {archives_read} archives");
    assert!(answers >= 400, "{answers}");
}

#[test]
fn tables_of_contents_and_data() {
    let Some(folder) = folder() else { return };
    let outputs = outputs(&folder);
    let watchdog = Watchdog::new("data");
    let (mut archives_read, mut entries, mut size) = (0, 0, 0);
    for recorded in archives(&folder) {
        let name = &recorded.name;
        watchdog.label(name);
        let archive = Archive::open(&recorded.path).unwrap_or_else(|error| panic!("{error}"));
        assert_toc(&archive, &recorded.path);

        let found = read_all(&archive).unwrap_or_else(|error| panic!("{name}: {error}"));
        let checked = script::check(archive.toc(), &found, whole_script(&recorded, outputs));
        assert_eq!(checked, Ok(found.len()), "{name}");
        entries += found.len();
        size += found.values().map(len).sum::<usize>();
        archives_read += 1;

        if archive.format() == Format::Directory {
            continue;
        }
        let file = || std::fs::File::open(&recorded.path).unwrap();
        let streamed = contents::stream_all(file()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(streamed == found, "{name}, stream");
        let bytes = bytes(&recorded.path);
        if bytes.len() < 100_000 {
            let trickle = contents::stream_all(Trickle::new(&bytes[..])).unwrap();
            assert!(trickle == found, "{name}, stream byte by byte");
        }
        let in_memory = read_all(&Archive::read(bytes).unwrap()).unwrap();
        assert!(in_memory == found, "{name}, memory");
    }
    eprintln!("corpus: {entries} entries' data, {size} bytes, of {archives_read} archives");
}

fn len(content: &contents::Content) -> usize {
    match content {
        contents::Content::Data(data) => data.len(),
        contents::Content::Objects(objects) => objects.iter().map(|(_, data)| data.len()).sum(),
    }
}

/// The table of contents is written as it was read.
fn assert_toc(archive: &Archive, path: &Path) {
    let mut written = Vec::new();
    archive.toc().write_to(&mut written).unwrap();
    let original = match archive.format() {
        Format::Custom => bytes(path),
        Format::Directory => bytes(&path.join("toc.dat")),
        _ => bytes(path)[512..].to_vec(),
    };
    assert!(original.starts_with(&written), "{}", path.display());
    if archive.format() == Format::Directory {
        assert_eq!(original.len(), written.len(), "{}", path.display());
    }
}

/// Files about which pg_restore is not right, or not careful: what differs, and why.
const DIFFERENT: [(&str, &str); 25] = [
    ("custom-1.14/header-intsize-0.dump", "not listed"), // An empty archive to pg_restore.
    ("custom-1.16/header-intsize-0.dump", "not listed"),
    ("custom-1.14/header-date-huge-year.dump", "another listing"), // A year that C cannot hold.
    ("custom-1.16/header-date-huge-year.dump", "another listing"),
    ("custom-1.14/dumpid-huge.dump", "data"), // pg_restore runs out of memory.
    ("custom-1.16/dumpid-huge.dump", "data"),
    ("tar/toc-last.tar", "data"), // pg_restore reads members in one order alone.
    ("tar/data-reversed.tar", "data"),
    ("tar/typeflag-dir.tar", "no data"), // pg_restore does not look at the kind of a member.
    ("dir-gz/cut-data", "no data"),      // To pg_restore it is all the data there is.
    ("dir-gz/empty-data", "no data"),
    ("dir-gz/garbage-data", "no data"),
    // Nor has it an end marker.
    ("custom-1.14/header-compression-0.dump", "no data"),
    ("custom-1.16/header-compression-0.dump", "no data"),
    ("dir-gz/plain-beside-gz", "no data"),
    // To pg_restore a table of contents that counts wrong is a short one, or an empty one.
    ("custom-1.14/count-0.dump", "not listed"),
    ("custom-1.16/count-0.dump", "not listed"),
    ("custom-1.14/count-minus1.dump", "not listed"),
    ("custom-1.16/count-minus1.dump", "not listed"),
    ("custom-1.14/count-one-less.dump", "not listed"),
    ("custom-1.16/count-one-less.dump", "not listed"),
    ("custom-1.14/len-dbname-minus2.dump", "not listed"),
    ("custom-1.16/len-dbname-minus2.dump", "not listed"),
    ("custom-1.14/len-dbname-min.dump", "not listed"),
    ("custom-1.16/len-dbname-min.dump", "not listed"),
];

#[test]
fn broken_files() {
    let Some(folder) = folder() else { return };
    let folder = folder.join("broken");
    let manifest: Value = serde_json::from_slice(&bytes(&folder.join("manifest.json"))).unwrap();
    let watchdog = Watchdog::new("broken files");
    let files = manifest["files"].as_array().unwrap();
    let (mut listed, mut restored, mut failures) = (0, 0, Vec::new());
    for file in files {
        let (name, what) = (file["path"].as_str().unwrap(), file["what"].as_str().unwrap());
        watchdog.label(name);
        let path = folder.join(name);
        let answer = |list: bool| {
            let runs = file["results"].as_array().unwrap();
            runs.iter().find(|run| run["by"] == BY && (run["args"][0] == "-l") == list).unwrap()
        };
        let start = Instant::now();
        let ((list, data), peak) = peak_of(|| read_broken(&path));
        assert!(peak < 64 << 20, "{name}: {peak} bytes of memory");
        assert!(start.elapsed() < Duration::from_secs(20), "{name}: {:?}", start.elapsed());

        // Where pg_restore lists, the listing is the same; where it restores, there is data.
        let mut found = None;
        let fine = answer(true)["rc"] == 0;
        match &list {
            Ok(list) if fine => {
                let sha256 = answer(true)["stdout_sha256"].as_str().unwrap();
                match sha256::hex(list) == sha256 {
                    true => listed += 1,
                    false => found = Some(("another listing", String::new())),
                }
            }
            Ok(_) => found = Some(("listed", answer(true)["stderr"].to_string())),
            Err(error) if fine => found = Some(("not listed", error.to_string())),
            Err(_) => {}
        }
        if list.is_ok() {
            match (data, answer(false)["rc"] == 0) {
                (Ok(()), true) => restored += 1,
                (Err(error), true) => found = Some(("no data", error.to_string())),
                (Ok(()), false) => found = Some(("data", answer(false)["stderr"].to_string())),
                (Err(_), false) => {}
            }
        }
        let known = DIFFERENT.iter().find(|(file, _)| name.strip_prefix("files/") == Some(file));
        if found.as_ref().map(|(how, _)| *how) != known.map(|(_, how)| *how) {
            failures.push(format!("{name} ({what}): {found:?} instead of {known:?}"));
        }
    }
    eprintln!(
        "corpus: of {} broken files {listed} are listed as by pg_restore, {restored} restored, \
         {} known to differ",
        files.len(),
        DIFFERENT.len()
    );
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

/// Reads all there is in every way; gives the listing and whether there was data.
fn read_broken(path: &Path) -> (Result<Vec<u8>, pgdmp::Error>, Result<(), pgdmp::Error>) {
    const MOST: usize = 4 << 20;
    let bounded = |result: pgdmp::Result<Contents>| match result {
        Err(error) if is_too_much(&error) => Ok(()),
        result => result.map(drop),
    };
    if path.is_file() {
        let file = std::fs::File::open(path).unwrap();
        let _ = ArchiveStream::new(file).and_then(|stream| bounded(drain_up_to(stream, MOST)));
        let _ = OpenOptions::new()
            .read(bytes(path))
            .and_then(|archive| bounded(read_up_to(&archive, MOST)));
    }
    let list = Archive::open(path).and_then(|archive| {
        archive.toc().encoding()?;
        archive.toc().std_strings()?;
        Ok((listing::text(archive.toc(), archive.format(), &Selection::new(), false), archive))
    });
    match list {
        Ok((list, archive)) => (Ok(list), bounded(read_up_to(&archive, MOST))),
        Err(error) => (Err(error), Ok(())),
    }
}
