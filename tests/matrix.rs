//! Every archive of the corpus in every other form, format × compression × version: the script of
//! what `convert` makes is that of the original, by us and by the real pg_restore.
//!
//! By us always. With `PGDMP_LIVE` also by the installed pg_restore, and by that which
//! `PGDMP_PG_RESTORE` names; each reads what is of a version that it knows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use pgdmp::edit::Note;
use pgdmp::toc::ArchiveVersion;
use pgdmp::{Algorithm, Archive, Conversion, Format, RestrictKey, Script, Selection, Target};

use pgdmp_testkit::corpus::{Recorded, archives, folder};
use pgdmp_testkit::effort::{is_exhaustive, skipped};
use pgdmp_testkit::server;

/// Why the script of a conversion is another.
struct Reason {
    name: &'static str,
    /// The note of the conversion that says it.
    note: fn(&Note) -> bool,
    /// How lines begin of which there may then be more or fewer, beside the comments above entries.
    /// Of all others there are as many, but perhaps elsewhere.
    lines: &'static [&'static [u8]],
}

const DIFFERENT: &[Reason] = &[
    Reason {
        name: "the large objects of a group get an entry each, and one block of data together",
        note: |note| matches!(note, Note::GroupsResolved { .. }),
        lines: &[b"BEGIN;", b"COMMIT;", b"SET ", b"SELECT pg_catalog.set_config('search_path'"],
    },
    Reason {
        name: "before 1.16 nothing says that an entry is a partitioned table",
        note: |note| matches!(note, Note::Relkinds { .. }),
        lines: &[b"SET default_table_access_method = ", b"ALTER TABLE "],
    },
];

/// A form that an archive can have.
#[derive(Debug, Clone, Copy)]
struct Form {
    format: Format,
    algorithm: Algorithm,
    /// `None`: as it was.
    version: Option<ArchiveVersion>,
}

impl Form {
    fn all() -> impl Iterator<Item = Form> {
        let formats = [Format::Custom, Format::Directory, Format::Tar];
        let algorithms = [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd];
        let versions = [None, Some(ArchiveVersion::new(1, 14))];
        formats.into_iter().flat_map(move |format| {
            algorithms.into_iter().flat_map(move |algorithm| {
                versions.into_iter().map(move |version| Form { format, algorithm, version })
            })
        })
    }

    fn target(self) -> Target {
        let mut target = Target::new().format(self.format).compression(self.algorithm, None);
        if let Some(version) = self.version {
            target = target.version(version);
        }
        target
    }

    /// Why there is no such archive.
    fn refusal(self) -> Option<&'static str> {
        match self.algorithm {
            Algorithm::None => None,
            _ if self.format == Format::Tar => Some("in a tar archive is never compressed"),
            // Where none is asked for it becomes one that has it.
            Algorithm::Lz4 | Algorithm::Zstd
                if self.version.is_some_and(|version| version < ArchiveVersion::new(1, 15)) =>
            {
                Some("choose gzip or none, or archive version 1.15")
            }
            _ => None,
        }
    }
}

/// What was found out about all archives.
#[derive(Debug, Default)]
struct Tally {
    converted: usize,
    refused: usize,
    /// By reason.
    different: BTreeMap<&'static str, usize>,
    /// Scripts compared, by program.
    compared: BTreeMap<String, usize>,
}

#[test]
fn every_archive_in_every_form() {
    let Some(corpus) = folder() else { return };
    let programs = Program::all();
    let mut archives = archives(&corpus);
    if !is_exhaustive() {
        skipped("the matrix has one archive in eight; all with PGDMP_EXHAUSTIVE=1");
        archives = archives.into_iter().step_by(8).collect();
    }
    let (tally, next) = (Mutex::new(Tally::default()), Mutex::new(archives.iter()));
    let failures = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let folder = tempfile::tempdir().unwrap();
                loop {
                    let Some(recorded) = next.lock().unwrap().next() else { return };
                    if let Err(failure) = check(recorded, &programs, folder.path(), &tally) {
                        failures.lock().unwrap().push(format!("{}: {failure}", recorded.name));
                    }
                }
            });
        }
    });
    let (tally, failures) = (tally.into_inner().unwrap(), failures.into_inner().unwrap());
    assert!(failures.is_empty(), "{}: {failures:#?}", failures.len());
    eprintln!("matrix: {tally:?}");
    if !is_exhaustive() {
        return;
    }
    assert!(tally.converted > 3000 && tally.refused > 1000, "{tally:?}");
    // None of the reasons is there for nothing.
    for Reason { name, .. } in DIFFERENT {
        assert!(tally.different.contains_key(name), "{name}: {tally:?}");
    }
}

fn check(
    recorded: &Recorded,
    programs: &[Program],
    folder: &Path,
    tally: &Mutex<Tally>,
) -> Result<(), String> {
    let archive = Archive::open(&recorded.path).map_err(|error| error.to_string())?;
    let version = archive.header().version;
    let ours = script(&archive)?;
    // What each program says of the original, or of the first form of it that it reads.
    let mut theirs = Vec::new();
    for program in programs {
        let reads = version <= program.newest;
        theirs.push(reads.then(|| program.script(&recorded.path)).transpose()?);
    }
    for form in Form::all() {
        let what = |error: String| format!("{form:?}: {error}");
        let conversion = Conversion::new(&archive, &form.target(), None);
        let conversion = match (conversion, form.refusal()) {
            (Ok(conversion), None) => conversion,
            (Err(error), Some(why)) if error.to_string().contains(why) => {
                tally.lock().unwrap().refused += 1;
                continue;
            }
            (result, why) => return Err(what(format!("{:?} and not {why:?}", result.map(drop)))),
        };
        let reasons = Reasons::of(conversion.notes());
        let path = folder.join("new");
        conversion.create(&path).map_err(|error| what(error.to_string()))?;
        let copy = Archive::open(&path).map_err(|error| what(error.to_string()))?;
        let same = reasons.compare(&ours, &script(&copy)?).map_err(what)?;
        let mut compared = Vec::new();
        for (program, theirs) in programs.iter().zip(&mut theirs) {
            if copy.header().version > program.newest {
                continue;
            }
            let script = program.script(&path).map_err(what)?;
            match theirs {
                // Of two forms of an archive that it does not read, neither is the original.
                Some(theirs) if version > program.newest => {
                    Reasons::default().compare(theirs, &script).map(drop)
                }
                Some(theirs) => reasons.compare(theirs, &script).map(drop),
                None => {
                    *theirs = Some(script);
                    Ok(())
                }
            }
            .map_err(|error| what(format!("{}: {error}", program.name)))?;
            compared.push(program.name.clone());
        }
        let mut tally = tally.lock().unwrap();
        tally.converted += 1;
        if !same {
            for Reason { name, .. } in &reasons.0 {
                *tally.different.entry(*name).or_default() += 1;
            }
        }
        for name in compared {
            *tally.compared.entry(name).or_default() += 1;
        }
        match path.is_dir() {
            true => fs::remove_dir_all(&path).unwrap(),
            false => fs::remove_file(&path).unwrap(),
        }
    }
    Ok(())
}

fn script(archive: &Archive) -> Result<Vec<u8>, String> {
    let written = || {
        let selected = Selection::new().apply(archive.toc())?;
        let mut text = Vec::new();
        Script::new(RestrictKey::new("matrix")?).write(archive, &selected, &mut text)?;
        Ok(text)
    };
    written().map_err(|error: pgdmp::Error| error.to_string())
}

/// Those of [`DIFFERENT`] that hold.
#[derive(Default)]
struct Reasons(Vec<&'static Reason>);

impl Reasons {
    fn of(notes: &[Note]) -> Reasons {
        Reasons(DIFFERENT.iter().filter(|reason| notes.iter().any(reason.note)).collect())
    }

    /// Whether two scripts are the same; an error if they differ, and in what they may not.
    fn compare(&self, before: &[u8], after: &[u8]) -> Result<bool, String> {
        if before == after {
            return Ok(true);
        }
        let shown = |line: &[u8]| line.escape_ascii().to_string();
        if self.0.is_empty() {
            let mut pairs = before.split(|b| *b == b'\n').zip(after.split(|b| *b == b'\n'));
            let first = pairs.find(|(before, after)| before != after);
            let first = first.map(|(before, after)| (shown(before), shown(after)));
            return Err(format!("{first:?}, {} and {} bytes", before.len(), after.len()));
        }
        let (before, after) = (self.lines(before), self.lines(after));
        let all = before.keys().chain(after.keys());
        let mut differences = all.filter(|line| before.get(*line) != after.get(*line));
        match differences.next() {
            None => Ok(false),
            Some(line) => {
                Err(format!("{:?} and {:?}: {}", before.get(line), after.get(line), shown(line)))
            }
        }
    }

    /// How often each line stands in a script, but for those that may differ.
    fn lines<'s>(&self, script: &'s [u8]) -> BTreeMap<&'s [u8], usize> {
        let mut lines = BTreeMap::new();
        for line in script.split(|byte| *byte == b'\n') {
            let may_differ = self.0.iter().flat_map(|reason| reason.lines);
            let is_comment = line.is_empty() || line.starts_with(b"--");
            if !is_comment && !may_differ.into_iter().any(|start| line.starts_with(start)) {
                *lines.entry(line).or_default() += 1;
            }
        }
        lines
    }
}

/// A real pg_restore.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    /// The newest archives it reads.
    pub(crate) newest: ArchiveVersion,
}

impl Program {
    pub(crate) fn all() -> Vec<Program> {
        let installed = server::find_pg_restore("by pg_restore, every_archive_in_every_form");
        let named = std::env::var_os("PGDMP_PG_RESTORE").map(Into::into);
        installed.into_iter().chain(named).map(Program::new).collect()
    }

    fn new(path: PathBuf) -> Program {
        let output = Command::new(&path).arg("--version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let name = text.split(' ').nth(2).unwrap().trim().to_owned();
        let newest = match name.split('.').next().unwrap().parse().unwrap() {
            17.. => 16,
            16 => 15,
            12..16 => 14,
            11 => 13,
            older => panic!("pg_restore {older}"),
        };
        Program { path, name, newest: ArchiveVersion::new(1, newest) }
    }

    pub(crate) fn script(&self, archive: &Path) -> Result<Vec<u8>, String> {
        let mut command = Command::new(&self.path);
        command.args(["-f", "-"]).arg(archive).env("TZ", "UTC").stdin(Stdio::null());
        let output = command.output().unwrap();
        if !output.status.success() {
            return Err(format!("{}: {}", self.name, String::from_utf8_lossy(&output.stderr)));
        }
        // The key is another each time.
        let lines = output.stdout.split_inclusive(|byte| *byte == b'\n');
        let is_key =
            |line: &&[u8]| line.starts_with(b"\\restrict ") || line.starts_with(b"\\unrestrict ");
        Ok(lines.filter(|line| !is_key(line)).flatten().copied().collect())
    }
}
