//! Damaged archives: nothing is laundered, nothing left behind, nothing touched.
//!
//! Each damaged archive of [`pgdmp_testkit::damage`] goes through every command, as a file or
//! folder, and through a pipe if it is a file. Of each run:
//!
//! - It ends in time, by itself, with an exit code of the contract: 0, 1 or 2; `restore` 0 or 1.
//! - Unless that is 0 it says why; the program's own commands say it without control characters.
//! - The archive is what it was: bytes, times, links. Only what was asked for is new, and nothing
//!   at all after a failure.
//! - A link out of a directory archive is not followed.
//!
//! **No laundering.** Take *the truth* to be what `restore -f -` says of the damaged archive, read
//! in the same way (file or pipe), with the same selection. If `convert`, `reindex`, `split` or
//! `merge` ends with 0, what it wrote is restored, too, and
//!
//! 1. where the truth is a whole script (exit code 0, not a word), the copy's is the same, and as
//!    silent: byte for byte, for `split` and `merge` in another order;
//! 2. where the truth is a script and a warning, the script is the same, and the warning is there
//!    again: of the copy's restore, or of the command itself;
//! 3. where the truth is a failure, the copy's restore fails as well. A copy may keep damage that
//!    it does not look at, as wrong bytes in a compressed stream that it moves as it is; it may
//!    not hide it. That the end of a custom archive or a tar is missing is looked at, so nobody
//!    copies that.
//!
//! What may differ in a copy's script is what the command's notes say (`script::allowed`), no more.
//!
//! What is no truth (`Truth::of`): `restore` keeps refusals of pg_restore where nothing is wrong with
//! the data. They are listed there, each with its reason.
//!
//! **One truth.** If the same bytes restore from a file and through a pipe, both without a word, to
//! the same script.
//!
//! `PGDMP_DAMAGE` is how many archives are made, `PGDMP_DAMAGE_FROM` the number of the first: a
//! failure's number is enough to see it again.

#[cfg(unix)]
mod audit;
mod run;
mod script;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pgdmp::{Archive, Desc, TocEntry};
use pgdmp_testkit::damage::{self, Base, Damaged, Tree};
use pgdmp_testkit::effort::is_exhaustive;
use pgdmp_testkit::fixtures;

use run::Ran;
use script::Allowed;

/// In the continuous tests.
const SOME: u64 = 160;

#[test]
fn nothing_is_laundered() {
    // An exhaustive run tries enough for what is asserted at the end.
    let usual = if is_exhaustive() { SOME } else { SOME / 10 };
    let count = number("PGDMP_DAMAGE").unwrap_or(usual);
    let from = number("PGDMP_DAMAGE_FROM").unwrap_or(0);
    let bases: Vec<_> = damage::bases().into_iter().map(Known::new).collect();
    let plain: Vec<_> = bases.iter().map(|known| known.base.clone()).collect();
    let next = AtomicU64::new(from);
    let (tally, faults) = (Mutex::new(Tally::new()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= from + count {
                        return;
                    }
                    let damaged = damage::damaged(number, &plain);
                    let known = bases.iter().find(|known| known.base.name == damaged.base.name);
                    let mut case = Case::new(damaged, known.unwrap());
                    case.all();
                    let mut tally = tally.lock().unwrap();
                    for (what, n) in case.tally {
                        *tally.entry(what).or_default() += n;
                    }
                    faults.lock().unwrap().extend(case.faults);
                }
            });
        }
    });
    let (tally, mut faults) = (tally.into_inner().unwrap(), faults.into_inner().unwrap());
    faults.sort();
    for fault in &faults {
        eprintln!("{fault}\n");
    }
    eprintln!("{count} damaged archives: {tally:#?}");
    assert!(faults.is_empty(), "{} faults", faults.len());
    // Otherwise little was tried.
    let seen = |what: &str| tally.get(what).copied().unwrap_or_default();
    if count >= SOME {
        let copies = seen("copy of a whole archive");
        assert!(copies as u64 > count && seen("restore failed") as u64 > count / 3, "{tally:?}");
    }
}

/// A number in the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

type Tally = BTreeMap<&'static str, usize>;

/// An archive before it is damaged.
struct Known {
    base: Base,
    /// What to ask for: a table with data, its dump id, a large object.
    table: Option<String>,
    id: String,
    object: Option<String>,
}

impl Known {
    fn new(base: Base) -> Known {
        let archive = Archive::open(&base.path).unwrap();
        let has_rows = |entry: &TocEntry<'_>| entry.has_data() && entry.desc() == Desc::TABLE_DATA;
        let data = archive.entries().find(has_rows);
        let first = archive.entries().next().unwrap();
        let is_object =
            |entry: &TocEntry<'_>| matches!(entry.desc(), Desc::BLOB | Desc::BLOB_METADATA);
        let object = archive.entries().find(is_object).map(|entry| entry.catalog_id().oid);
        Known {
            table: data.map(|data| String::from_utf8_lossy(data.tag().unwrap()).into_owned()),
            id: data.unwrap_or(first).dump_id().to_string(),
            object: object.map(|oid| format!("LARGE OBJECT {oid}")),
            base,
        }
    }
}

/// How an archive is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    File,
    Pipe,
}

/// A damaged archive, and what was found.
struct Case<'a> {
    damaged: Damaged,
    known: &'a Known,
    folder: tempfile::TempDir,
    before: Vec<String>,
    tally: Tally,
    faults: Vec<String>,
}

const KEY: &str = "--restrict-key=damaged";
/// A good archive to merge with, whose names are its own.
const GOOD: &str = "pg12/mini-child.dump";

impl<'a> Case<'a> {
    fn new(damaged: Damaged, known: &'a Known) -> Self {
        let folder = tempfile::Builder::new().prefix("damaged-").tempdir().unwrap();
        for name in ["in", "out"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        damaged.write(&folder.path().join("in"));
        let before = inventory(&folder.path().join("in"));
        Case { damaged, known, folder, before, tally: Tally::new(), faults: Vec::new() }
    }

    fn fault(&mut self, what: &str, ran: &Ran) {
        let ran: String = ran.title().chars().take(700).collect();
        self.faults.push(format!("{}\n    {ran}\n    {what}", self.damaged.title()));
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn all(&mut self) {
        self.looks();
        let Some(file) = self.restore(How::File, &[]) else { return };
        self.count_truth(&file);
        self.whole(How::File, &file);
        if self.damaged.is_file() {
            let Some(pipe) = self.restore(How::Pipe, &[]) else { return };
            self.count_truth(&pipe);
            self.one_truth(&file, &pipe);
            self.whole(How::Pipe, of_any_order(&pipe, &file));
        }
        self.selections();
        self.reindex(&file);
        self.splits(&file);
        self.merges(&file);
    }

    fn count_truth(&mut self, truth: &Ran) {
        self.count(match (truth.code, warnings(truth).is_empty()) {
            (0, true) => "restore of all",
            (0, false) => "restore with a warning",
            _ => "restore failed",
        });
    }

    fn one_truth(&mut self, file: &Ran, pipe: &Ran) {
        let silent = warnings(file).is_empty() && warnings(pipe).is_empty();
        if file.code != 0 || pipe.code != 0 || !silent || file.stdout == pipe.stdout {
            return;
        }
        // What is there twice in a tar or its lists may be restored twice, which changes nothing.
        let twice = |one: &Ran, two: &Ran| {
            script::joined(&[&one.stdout, &one.stdout], &[&two.stdout], Allowed::default())
        };
        if let Err(what) = twice(file, pipe).or_else(|_| twice(pipe, file)) {
            self.fault(&format!("another script than from a file: {what}"), pipe);
        }
    }

    fn hows(&self) -> Vec<How> {
        if self.damaged.is_file() { vec![How::File, How::Pipe] } else { vec![How::File] }
    }

    /// Runs the program over the archive, `{}` in the arguments, and checks what holds for all.
    fn run(&mut self, how: How, args: &[&str]) -> Option<Ran> {
        let bytes = match (how, &self.damaged.tree) {
            (How::Pipe, Tree::File(bytes)) => Some(bytes.clone()),
            _ => None,
        };
        let name = if how == How::Pipe { "-" } else { "../in/archive" };
        let args: Vec<_> = args.iter().map(|arg| if *arg == "{}" { name } else { arg }).collect();
        self.run_plain(&args, bytes.as_deref())
    }

    fn run_plain(&mut self, args: &[&str], pipe: Option<&[u8]>) -> Option<Ran> {
        let out = self.folder.path().join("out");
        let names = names(&out);
        let program = Path::new(env!("CARGO_BIN_EXE_pgdmp"));
        let ran = match run::run(program, &out, args, pipe, run::LONGEST) {
            Ok(ran) => ran,
            Err(what) => {
                self.faults.push(format!("{}\n    {what}", self.damaged.title()));
                return None;
            }
        };
        self.count("runs");
        let restore = args[0] == "restore";
        if !(0..=if restore { 1 } else { 2 }).contains(&ran.code) {
            self.fault("an exit code that is none", &ran);
        }
        if ran.code != 0 && ran.stderr.is_empty() {
            self.fault("not a word", &ran);
        }
        if !restore {
            let said = std::str::from_utf8(&ran.stderr);
            if said.is_err() || said.is_ok_and(|said| said.chars().any(is_dangerous)) {
                self.fault("raw text from the archive in a message", &ran);
            }
        }
        if ran.code != 0 && self::names(&out) != names {
            self.fault("something is left behind", &ran);
        }
        if inventory(&self.folder.path().join("in")) != self.before {
            self.fault("the archive was touched", &ran);
            self.before = inventory(&self.folder.path().join("in"));
        }
        Some(ran)
    }

    fn looks(&mut self) {
        let (table, object) = (self.known.table.clone(), self.known.object.clone());
        let id = self.known.id.clone();
        for how in self.hows() {
            let mut all: Vec<Vec<&str>> = vec![
                vec!["list", "{}"],
                vec!["list", "--long", "{}"],
                vec!["list", "--json", "{}"],
                vec!["show", "{}"],
                vec!["show", "{}", &id],
                vec!["cat", "{}", &id],
                vec!["du", "{}"],
                vec!["deps", "{}"],
                vec!["restore", "-l", "{}"],
            ];
            all.extend(object.as_deref().map(|object| vec!["cat", "{}", object]));
            all.extend(table.as_deref().map(|table| vec!["show", "{}", table]));
            let mut list = None;
            for args in all {
                let Some(ran) = self.run(how, &args) else { continue };
                if args == ["list", "{}"] {
                    list = Some(ran.clone());
                } else if args == ["restore", "-l", "{}"]
                    && let Some(list) = &list
                    && (list.code, ran.code) == (0, 0)
                    && without_time(&list.stdout) != without_time(&ran.stdout)
                {
                    self.fault("list says something else", &ran);
                }
                if args == ["cat", "{}", &*id] && ran.code == 0 {
                    self.cat_is_true(how, &id, &ran);
                }
            }
        }
    }

    /// What `cat` prints is in the script of that entry alone.
    fn cat_is_true(&mut self, how: How, id: &str, ran: &Ran) {
        let list = self.folder.path().join("list");
        fs::write(&list, format!("{id}; 0 0\n")).unwrap();
        let Some(truth) = self.restore(how, &["-L", "../list"]) else { return };
        let entry = [&b"-- Data for Name: "[..], b"-- Statistics for Name: "];
        let is_there = |head: &&[u8]| memchr::memmem::find(&truth.stdout, head).is_some();
        if truth.code == 0 && !entry.iter().any(is_there) {
            // An entry of no section is not restored.
            self.count("only pg_restore's rules are hurt");
        } else if truth.code != 0 && !is_no_truth(&truth) && !is_of_session(&truth) {
            self.fault(&format!("but a restore of it fails: {}", truth.said()), ran);
        } else if truth.code == 0 && memchr::memmem::find(&truth.stdout, &ran.stdout).is_none() {
            self.fault("it is not what is restored", ran);
        }
    }

    fn restore(&mut self, how: How, options: &[&str]) -> Option<Ran> {
        let mut args = vec!["restore", KEY, "-f", "-"];
        args.extend(options);
        args.push("{}");
        self.run(how, &args)
    }

    /// The copy's name, if the command wrote one.
    fn write(&mut self, how: How, args: &[&str]) -> Option<(Ran, PathBuf)> {
        let ran = self.run(how, args)?;
        self.written(ran)
    }

    fn written(&mut self, ran: Ran) -> Option<(Ran, PathBuf)> {
        let out = self.folder.path().join("out");
        if ran.code != 0 {
            self.count("refused");
            return None;
        }
        let names = names(&out);
        if names != ["copy"] {
            self.fault(&format!("the folder has {names:?}"), &ran);
        }
        Some((ran, out.join("copy")))
    }

    /// Restores what was written, and compares.
    fn judge(&mut self, truth: &Ran, ran: &Ran, copies: &[String], alike: Alike) {
        let mut told = Vec::new();
        for copy in copies {
            let args = ["restore", KEY, "-f", "-", copy];
            let Some(ran) = self.run_plain(&args, None) else { return };
            told.push(ran);
        }
        let failed = told.iter().find(|told| told.code != 0);
        match (truth.code, failed) {
            (0, Some(failed)) => {
                let what = format!("the copy is not restored: {}", failed.said());
                self.fault(&what, ran);
            }
            (0, None) => {
                self.count("copy of a whole archive");
                let silent =
                    ran.stderr.is_empty() && told.iter().all(|told| told.stderr.is_empty());
                if !warnings(truth).is_empty() && silent {
                    self.fault(&format!("without the warning: {}", warnings(truth)), ran);
                }
                let scripts: Vec<&[u8]> = told.iter().map(|told| &told.stdout[..]).collect();
                if let Err(what) = alike.compare(&truth.stdout, &scripts, ran) {
                    self.fault(&format!("another script: {what}"), ran);
                }
            }
            (_, None) if is_no_truth(truth) => self.count("only pg_restore's rules are hurt"),
            (_, None) => {
                self.fault(&format!("laundered; the truth is: {}", truth.said()), ran);
            }
            (_, Some(_)) => {
                self.count("copy that keeps the damage");
                if self.damaged.is_cut {
                    self.fault(&format!("a cut archive copied: {}", truth.said()), ran);
                }
            }
        }
    }

    /// The whole archive as others.
    fn whole(&mut self, how: How, truth: &Ran) {
        let turn = self.damaged.number as usize;
        let formats = ["c", "d", "t"];
        let compressions = ["none", "gzip", "lz4", "zstd"];
        let versions = ["1.12", "1.13", "1.14", "1.15", "1.16"];
        let all: [&[&str]; 5] = [
            &[],
            &["-F", formats[turn % 3]],
            &["-F", formats[(turn + 1) % 3]],
            &["-F", formats[turn / 3 % 2], "-Z", compressions[turn % 4]],
            &["--archive-version", versions[turn % 5]],
        ];
        for options in all {
            let args = [&["convert", "{}", "copy"], options].concat();
            if let Some((ran, copy)) = self.write(how, &args) {
                self.judge(truth, &ran, &["copy".to_owned()], Alike::Same);
                remove(&copy);
            }
        }
        let Some(ran) = self.run(how, &["convert", "{}", "-", "-F", formats[turn % 2 * 2]]) else {
            return;
        };
        if ran.code == 0 {
            let copy = self.folder.path().join("out/copy");
            fs::write(&copy, &ran.stdout).unwrap();
            self.judge(truth, &ran, &["copy".to_owned()], Alike::Same);
            remove(&copy);
        }
    }

    fn selections(&mut self) {
        let turn = self.damaged.number as usize;
        let table = self.known.table.clone().unwrap_or_else(|| "town".to_owned());
        let all: [&[&str]; 6] = [
            &["-t", &table],
            &["-s"],
            &["-a"],
            &["--section=data"],
            &["-n", "public"],
            &["--no-comments"],
        ];
        let options = all[turn % all.len()];
        for how in self.hows() {
            let Some(truth) = self.restore(how, options) else { continue };
            let Some(file) = self.restore(How::File, options) else { continue };
            let truth = of_any_order(&truth, &file);
            let args = [&["convert", "{}", "copy"], options].concat();
            if let Some((ran, copy)) = self.write(how, &args) {
                self.judge(truth, &ran, &["copy".to_owned()], Alike::Same);
                remove(&copy);
            }
        }
    }

    fn reindex(&mut self, truth: &Ran) {
        let copy = self.folder.path().join("out/copy");
        match &self.damaged.tree {
            Tree::File(bytes) => fs::write(&copy, bytes).unwrap(),
            Tree::Folder(_) => fs::create_dir(&copy).unwrap(),
        }
        if let Some(ran) = self.run_plain(&["reindex", "copy"], None)
            && let Tree::File(bytes) = &self.damaged.tree
        {
            if ran.code == 0 {
                self.judge(truth, &ran, &["copy".to_owned()], Alike::Same);
            } else if fs::read(&copy).unwrap() != *bytes {
                self.fault("a failure that changed the archive", &ran);
            }
        }
        remove(&copy);
    }

    fn splits(&mut self, truth: &Ran) {
        let format = ["c", "d", "t"][self.damaged.number as usize / 2 % 3];
        for by in ["table", "schema"] {
            let args = ["split", "{}", "copy", "--by", by, "-F", format];
            let Some((ran, copy)) = self.write(How::File, &args) else { continue };
            let parts: Vec<_> = names(&copy).iter().map(|name| format!("copy/{name}")).collect();
            self.judge(truth, &ran, &parts, Alike::Joined(None));
            remove(&copy);
        }
    }

    fn merges(&mut self, truth: &Ran) {
        let good = fixtures::root().join(GOOD);
        let good = good.to_str().unwrap();
        let inputs: [&[&str]; 3] = [&["{}"], &["{}", "{}"], &["{}", good]];
        for inputs in inputs {
            let args = [&["merge", "copy"], inputs].concat();
            let Some((ran, copy)) = self.write(How::File, &args) else { continue };
            let with = match inputs.contains(&good) {
                true => self.run_plain(&["restore", KEY, "-f", "-", good], None),
                false => None,
            };
            let with = with.as_ref().map(|ran| &ran.stdout[..]);
            self.judge(truth, &ran, &["copy".to_owned()], Alike::Joined(with));
            remove(&copy);
        }
    }
}

/// How alike scripts are to be.
#[derive(Debug, Clone, Copy)]
enum Alike<'a> {
    /// Byte for byte, but for what the notes allow.
    Same,
    /// In any order, together with another script.
    Joined(Option<&'a [u8]>),
}

impl Alike<'_> {
    fn compare(self, before: &[u8], after: &[&[u8]], ran: &Ran) -> Result<(), String> {
        let versions = ran.args.iter().any(|arg| arg == "--archive-version");
        let mut allowed = script::allowed(&ran.said());
        if versions && after != [before] {
            // Each version has its large objects in its own way.
            allowed = Some(Allowed { large_objects: true, ..allowed.unwrap_or_default() });
        }
        match (self, allowed) {
            (Alike::Same, None) => script::same(before, after[0]),
            (Alike::Same, Some(allowed)) => script::joined(&[before], after, allowed),
            (Alike::Joined(with), allowed) => {
                let all: Vec<_> = [before].into_iter().chain(with).collect();
                // Of several versions, perhaps.
                let large_objects = true;
                let allowed = Allowed { large_objects, ..allowed.unwrap_or_default() };
                script::joined(&all, after, allowed)
            }
        }
    }
}

/// The blocks and members of a pipe come in their own order. For a restore that must be the entries'; a
/// conversion takes any. The offsets of the file, which might be wrong, are none of a pipe's.
fn of_any_order<'r>(pipe: &'r Ran, file: &'r Ran) -> &'r Ran {
    if out_of_order(pipe) && file.code == 0 { file } else { pipe }
}

fn out_of_order(truth: &Ran) -> bool {
    let said = truth.said();
    said.contains("due to out-of-order restore request")
        || said.contains("data out of order is not")
}

/// An unknown compression in the header: of an archive without data, or of a tar, whose members
/// are never compressed, whatever its header says.
const UNKNOWN_COMPRESSION: &str = "does not support compression with ???";

/// Whether `restore` only refuses what pg_restore refuses, though nothing is lost.
fn is_no_truth(truth: &Ran) -> bool {
    truth.said().contains(UNKNOWN_COMPRESSION) || out_of_order(truth)
}

/// Whether it is how the script is to be read that is damaged, which matters to nobody who reads data.
fn is_of_session(truth: &Ran) -> bool {
    let session = ["unrecognized encoding", "invalid ENCODING item", "invalid STDSTRINGS item"];
    session.iter().any(|session| truth.said().contains(session))
}

/// What is said beside the script, but for what is said of undamaged archives, too.
fn warnings(ran: &Ran) -> String {
    let said = ran.said();
    // Each archive from before 1.9 says that.
    let usual = ["restoring tables WITH OIDS is not supported anymore", UNKNOWN_COMPRESSION];
    let is_meant = |line: &&str| !usual.iter().any(|usual| line.contains(usual));
    said.lines().filter(is_meant).collect::<Vec<_>>().join("\n")
}

/// What a terminal would take for a command, or shows in another order than it is written.
fn is_dangerous(c: char) -> bool {
    let is_bidi =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_bidi || (c.is_control() && c != '\n')
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn remove(path: &Path) {
    match path.is_dir() {
        true => fs::remove_dir_all(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
}

/// All that is in a folder: names, kinds, times and bytes.
fn inventory(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let kind = metadata.file_type();
            let mut line = format!("{} {kind:?} {:?}", path.display(), metadata.modified());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                line.push_str(&format!(" {:?}", fs::read_link(&path)));
            } else if kind.is_file() {
                line.push_str(&format!(" {}", fs::read(&path).unwrap().escape_ascii()));
            }
            all.push(line);
        }
    }
    all.sort();
    all
}

/// A listing without its time: archives before 1.4 store none, and the current one is printed.
fn without_time(list: &[u8]) -> Vec<&[u8]> {
    let lines = list.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(b"; Archive created at ")).collect()
}
