//! Restores of the corpus: what faster means make is what `--exact` makes, catalogs included.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise. All archives are tried with `PGDMP_EXHAUSTIVE=all`, else some.

use std::collections::HashSet;

use crate::live_fast_order::Bench;
use crate::live_restore::first;
use crate::live_scripts::{grantees, missing_extension};
use pgdmp::Archive;
use pgdmp_testkit::corpus;
use pgdmp_testkit::effort::is_endless;
use pgdmp_testkit::server::Server;

/// Archives that no database of this server can hold, or that a restore changes the server with.
const UNFIT: &[(&str, &str)] =
    &[("binary-upgrade", "it calls functions of pg_upgrade"), ("broken", "it is no archive")];

/// Encodings that no database has.
const CLIENT_ONLY: &[&str] = &["SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004"];

/// One archive in so many is tried when not all are.
const STRIDE: usize = 25;

#[test]
fn catalogs_of_the_corpus_are_the_same() {
    let Some(folder) = corpus::folder() else { return };
    let Some(server) = Server::start("catalogs_of_the_corpus_are_the_same") else { return };
    server.prepare();
    let extensions = server.sql("SELECT name FROM pg_available_extensions");
    let extensions: HashSet<&str> = extensions.lines().collect();
    let outputs = corpus::outputs(&folder);
    let bench = Bench { server: &server };
    let (mut seen, mut tried, mut objects) = (HashSet::new(), 0, 0);
    let mut differences = Vec::new();
    for recorded in corpus::archives(&folder) {
        let name = &recorded.name;
        // Other formats of the same dump have the same script.
        if UNFIT.iter().any(|(part, _)| name.contains(part))
            || !seen.insert(corpus::whole_script(&recorded, outputs))
            || missing_extension(&recorded, &extensions).is_some()
        {
            continue;
        }
        let number = seen.len();
        if !is_endless() && number % STRIDE != 1 {
            continue;
        }
        let archive = Archive::open(&recorded.path).unwrap();
        let encoding = archive.toc().encoding().unwrap().unwrap_or(b"SQL_ASCII");
        if CLIENT_ONLY.iter().any(|name| name.as_bytes() == encoding) {
            continue;
        }
        for entry in archive.entries() {
            entry.owner().into_iter().chain(grantees(entry)).for_each(|role| server.role(role));
        }
        let (expected, _) = bench.made(&recorded.path, "--exact --no-subscriptions");
        let jobs = ["-j1", "-j3", "-j8"][number % 3];
        let split = if number.is_multiple_of(2) { " --split=always" } else { "" };
        let options = format!("{jobs}{split} --no-subscriptions");
        let (made, said) = bench.made(&recorded.path, &options);
        let dumps = first(&made.dump, &expected.dump);
        let catalogs = first(&made.catalogs, &expected.catalogs);
        if (dumps.is_some(), catalogs.is_some(), made.code) != (false, false, expected.code) {
            let codes = (made.code, expected.code);
            differences.push(format!("{name} {options}: {codes:?} {dumps:?} {catalogs:?} {said}"));
        }
        tried += 1;
        objects += expected.catalogs.lines().count();
    }
    eprintln!("{tried} archives, {objects} rows of catalogs");
    assert!(differences.is_empty(), "{}:\n{}", differences.len(), differences.join("\n\n"));
    assert!(tried > if is_endless() { 90 } else { 3 } && objects > tried * 20, "{tried} {objects}");
}
