//! Damaged archives beside a real pg_restore: who fails where the other passes, and why.
//!
//! Where `PGDMP_PG_RESTORE` names a pg_restore, each damaged archive is restored by both, from the
//! file and through a pipe. Each difference must have its reason in one of the tables here.
//! Elsewhere this is skipped, and says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pgdmp_testkit::damage::{self, Base, Tree};

use super::run::{self, Ran};
use super::script::Allowed;
use super::{KEY, SOME, number, script};

/// A pg_restore that has not ended by then never will.
const ENDLESS: Duration = Duration::from_secs(4);

/// Where we fail and pg_restore passes: part of what we say, and why.
const STRICTER: &[(&str, &str)] = &[
    ("newlines", "a transfer in text mode changed it"),
    ("does not fit", "a number of the table of contents is absurd; pg_restore reads on elsewhere"),
    ("make sense", "a width in the header is absurd"),
    (
        "unexpected end of input",
        "a compressed stream or a member is cut; pg_restore takes what there is",
    ),
    ("without its zeros", "pg_restore takes a sparse member for its data as it is stored"),
    ("gzip data: ", "bytes of a gzip file are wrong; pg_restore takes what comes before"),
    (
        "bytes follow the end of the compressed data",
        "of what follows a stream nobody knows what it is",
    ),
    ("offset says that there is none", "data is denied by its offset; pg_restore leaves it out"),
    ("names no file", "data of an entry is in no file; pg_restore leaves it out"),
    ("out-of-order", "an entry says that it has data, and there is none"),
    ("of the tar not found", "a large object of the list is missing"),
    (
        "list of large objects",
        "the list of large objects is damaged; pg_restore of a tar reads no list",
    ),
    ("is not the name of a file", "a name in the list leads elsewhere, or has a NUL"),
    ("could not find header for file", "two entries want the same large objects"),
    (
        "it says that it has",
        "the count of entries is not that of the entries; pg_restore takes fewer",
    ),
    ("No such file or directory", "an entry says that it has data, and there is none"),
    ("data out of order", "an entry says that it has data, and there is none"),
    ("large objects", "an entry's kind is not that of its block"),
    ("the header of a tar member is damaged", "where members go on nobody knows"),
    ("how to set owner", "pg_restore 18 refuses it, too; 15 warns"),
    ("a link leads out of the archive", "links out of the archive are not followed"),
];

/// Where we pass and pg_restore fails: part of what it says, or of the damage, and why.
const WISER: &[(&str, &str)] = &[
    ("restoring data out of order", "members of a tar are looked up, not met"),
    ("could not find header for file", "members of a tar are looked up, not met"),
    (
        "compression is not supported by tar",
        "a tar's members are never compressed, whatever its header says",
    ),
    ("unsupported version", "of a newer release"),
    (
        "the revision at",
        "pg_restore takes the revision for a signed number, and reads on elsewhere",
    ),
    ("out of memory", "a dump id of 2^31 - 1, for which pg_restore wants gigabytes"),
    ("invalid compression code", "a level that zlib has not; releases since 16 read it"),
    ("could not find block ID", "of two entries with one dump id each has its data"),
];

/// Why two scripts differ, where that is known.
fn otherwise(base: &str, damage: &str) -> Option<&'static str> {
    if base.ends_with(".tar") {
        return Some("large objects: pg_restore takes a tar's members as they come, we the list");
    }
    damage.contains("offset at").then_some("data is denied by its offset; pg_restore leaves it out")
}

#[test]
fn beside_pg_restore() {
    let Some(theirs) = std::env::var_os("PGDMP_PG_RESTORE").map(PathBuf::from) else {
        pgdmp_testkit::effort::skipped("PGDMP_PG_RESTORE names no pg_restore");
        return;
    };
    let count = number("PGDMP_DAMAGE").unwrap_or(SOME);
    let from = number("PGDMP_DAMAGE_FROM").unwrap_or(0);
    let bases = damage::bases();
    let next = AtomicU64::new(from);
    let (all, unknown) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= from + count {
                        return;
                    }
                    for found in compare(number, &bases, &theirs) {
                        if found.reason.is_none() {
                            unknown.lock().unwrap().push(found.shown);
                        }
                        let reason = found.reason.unwrap_or("UNKNOWN");
                        *all.lock().unwrap().entry((found.kind, reason)).or_insert(0) += 1;
                    }
                }
            });
        }
    });
    let (all, mut unknown) = (all.into_inner().unwrap(), unknown.into_inner().unwrap());
    unknown.sort();
    for unknown in &unknown {
        eprintln!("{unknown}\n");
    }
    eprintln!("{count} damaged archives:");
    for ((kind, reason), n) in &all {
        eprintln!("{n:>7} {kind}: {reason}");
    }
    assert!(unknown.is_empty(), "{} differences without a reason", unknown.len());
}

/// A run of both.
struct Found {
    kind: &'static str,
    /// `None`: nobody knows.
    reason: Option<&'static str>,
    shown: String,
}

fn compare(number: u64, bases: &[Base], theirs: &Path) -> Vec<Found> {
    let damaged = damage::damaged(number, bases);
    let folder = tempfile::Builder::new().prefix("audit-").tempdir().unwrap();
    damaged.write(folder.path());
    let ours = Path::new(env!("CARGO_BIN_EXE_pgdmp"));
    let mut found = Vec::new();
    for piped in [false, true] {
        let bytes = match (&damaged.tree, piped) {
            (_, false) => None,
            (Tree::File(bytes), true) => Some(&bytes[..]),
            (Tree::Folder(_), true) => continue,
        };
        let name = if piped { None } else { Some("archive") };
        let args: Vec<_> = ["-f", "-", KEY].into_iter().chain(name).collect();
        let them = run::run(theirs, folder.path(), &args, bytes, ENDLESS);
        let args: Vec<_> = ["restore", KEY, "-f", "-"].into_iter().chain(name).collect();
        let us = match run::run(ours, folder.path(), &args, bytes, run::LONGEST) {
            Ok(us) => us,
            Err(what) => panic!("{}: {what}", damaged.title()),
        };
        let (kind, reason) = judge(&us, &them, damaged.base.name, &damaged.what);
        let (them, differs) = match &them {
            Ok(them) => (them.title(), script::same(&them.stdout, &us.stdout).err()),
            Err(what) => (what.clone(), None),
        };
        let us = us.title();
        let differs = differs.filter(|_| kind.starts_with("both")).unwrap_or_default();
        let shown = format!("{}\n    {kind}\n    {us}\n    {them}{differs}", damaged.title());
        found.push(Found { kind, reason, shown });
    }
    fs::remove_dir_all(folder.path()).unwrap();
    found
}

fn judge(
    us: &Ran,
    them: &Result<Ran, String>,
    base: &str,
    damage: &str,
) -> (&'static str, Option<&'static str>) {
    let known = |table: &[(&str, &'static str)], text: &str| {
        table.iter().find(|(part, _)| text.contains(part)).map(|(_, reason)| *reason)
    };
    let Ok(them) = them else {
        let how = if us.code == 0 { "we pass" } else { "we fail" };
        return ("pg_restore crashes or does not end", Some(how));
    };
    let (ours, theirs) = (common(&us.stdout), common(&them.stdout));
    match (us.code, them.code) {
        (0, 0) if ours == theirs => ("both pass", Some("same script")),
        (0, 0) if script::joined(&[&ours], &[&theirs], other_release()).is_ok() => {
            ("both pass", Some("same script, in the words of another release"))
        }
        (0, 0) => ("both pass with other scripts", otherwise(base, damage)),
        (0, _) => ("we pass, pg_restore fails", known(WISER, &format!("{} {damage}", them.said()))),
        (_, 0) => ("we fail, pg_restore passes", known(STRICTER, &us.said())),
        _ => ("both fail", Some("whatever they say")),
    }
}

/// Other releases write other settings, and other statements around large objects.
fn other_release() -> Allowed {
    Allowed { large_objects: true, ..Allowed::default() }
}

/// A script as all releases write it. Of archives from before 1.10 pg_restore says that it dumped
/// them itself; before 18 it gave sequences their owner as if they were tables.
fn common(script: &[u8]) -> Vec<u8> {
    let own = [
        &b"\\restrict "[..],
        b"\\unrestrict ",
        b"SET transaction_timeout ",
        b"-- Dumped by pg_dump version",
    ];
    let mut out = Vec::with_capacity(script.len());
    for line in script.split_inclusive(|byte| *byte == b'\n') {
        if own.iter().any(|own| line.starts_with(own)) {
            continue;
        }
        match line.strip_prefix(b"ALTER SEQUENCE ") {
            Some(rest) if memchr::memmem::find(rest, b" OWNER TO ").is_some() => {
                out.extend_from_slice(b"ALTER TABLE ");
                out.extend_from_slice(rest);
            }
            _ => out.extend_from_slice(line),
        }
    }
    out
}
