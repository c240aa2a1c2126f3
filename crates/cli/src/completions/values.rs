//! What values options and arguments can have, for a shell.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use pgdmp::{Archive, Desc, Toc, TocEntry};

/// More names than this help nobody.
const MOST: usize = 1_000;

/// Options with a few values: of which commands (of all, if none is said), and the values.
const VALUES: &[(&str, &[&str], &[&str])] = &[
    ("format", &["export"], &["csv", "tsv", "jsonl", "arrow", "parquet"]),
    ("format", &[], &["custom", "directory", "tar"]),
    ("compress", &[], &["none", "gzip", "lz4", "zstd"]),
    ("for", &[], &["rds", "cloudsql", "azure", "supabase"]),
    ("section", &[], &["pre-data", "data", "post-data"]),
    ("target-version", &[], &["12", "13", "14", "15", "16", "17", "18"]),
];

/// What is asked for of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Objects,
    /// What has rows.
    Tables,
    Schemas,
    Indexes,
}

/// Commands whose objects are tables.
const OF_TABLES: &[&str] = &["head", "find", "count", "export", "cat"];

/// Adds values to all commands.
pub(super) fn add(command: clap::Command) -> clap::Command {
    let names: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(&name, |command| {
            command.mut_args(|arg| match values(&name, &arg) {
                Some(values) => {
                    let candidates = || values.iter().map(CompletionCandidate::new).collect();
                    arg.add(ArgValueCandidates::new(candidates))
                }
                None => match asked(&name, &arg) {
                    Some(names) => {
                        let complete = move |current: &OsStr| of_archive(names, current);
                        arg.add(ArgValueCompleter::new(complete))
                    }
                    None => arg,
                },
            })
        })
    })
}

fn values(command: &str, arg: &clap::Arg) -> Option<&'static [&'static str]> {
    let long = arg.get_long()?;
    let fits = |commands: &[&str]| commands.is_empty() || commands.contains(&command);
    let found = VALUES.iter().find(|(name, commands, _)| *name == long && fits(commands));
    found.map(|(_, _, values)| *values)
}

fn asked(command: &str, arg: &clap::Arg) -> Option<Names> {
    match arg.get_long() {
        Some("table" | "exclude-table") => Some(Names::Tables),
        Some("schema" | "exclude-schema") if arg.get_action().takes_values() => {
            Some(Names::Schemas)
        }
        Some("index") if arg.get_action().takes_values() => Some(Names::Indexes),
        Some("why") => Some(Names::Objects),
        Some(_) => None,
        None => match arg.get_id().as_str() {
            "object" | "objects" if OF_TABLES.contains(&command) => Some(Names::Tables),
            "object" | "objects" => Some(Names::Objects),
            _ => None,
        },
    }
}

/// Names of the archive on the command line that go on from what is typed.
fn of_archive(names: Names, current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let Some(archive) = words().into_iter().find_map(|word| open(&word)) else {
        return Vec::new();
    };
    let found = candidates(archive.toc(), names, current);
    found.into_iter().take(MOST).map(CompletionCandidate::new).collect()
}

fn candidates(toc: &Toc, names: Names, current: &str) -> BTreeSet<String> {
    let mut qualified = BTreeSet::new();
    let mut plain = BTreeSet::new();
    for entry in toc.entries().filter(|entry| fits(names, *entry)) {
        let text = |bytes: Option<&[u8]>| toc.printable(bytes.unwrap_or_default()).to_string();
        let tag = text(entry.tag());
        if names == Names::Schemas {
            plain.insert(text(entry.namespace()));
            continue;
        }
        if let Some(schema) = entry.namespace().filter(|_| names != Names::Indexes) {
            qualified.insert(format!("{}.{tag}", text(Some(schema))));
        }
        plain.insert(tag);
    }
    let goes_on = |name: &String| name.starts_with(current) && is_safe(name);
    qualified.retain(goes_on);
    plain.retain(goes_on);
    // With its schema a name is that of one object.
    if qualified.is_empty() { plain } else { qualified }
}

/// Shells put a candidate into the command line as it is. What could be more than a word there is not
/// offered: a name may be `$(...)`.
fn is_safe(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['-', '.'])
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

fn fits(names: Names, entry: TocEntry<'_>) -> bool {
    match names {
        Names::Tables => entry.desc() == Desc::TABLE_DATA || is_table(entry),
        Names::Schemas => entry.namespace().is_some_and(|name| !name.is_empty()),
        Names::Indexes => entry.desc() == *"INDEX",
        Names::Objects => {
            is_table(entry)
                || ["INDEX", "SEQUENCE", "TYPE", "DOMAIN", "SCHEMA", "EXTENSION", "FUNCTION"]
                    .iter()
                    .any(|kind| entry.desc() == **kind)
        }
    }
}

fn is_table(entry: TocEntry<'_>) -> bool {
    matches!(entry.desc(), Desc::TABLE | Desc::FOREIGN_TABLE | Desc::VIEW | Desc::MATERIALIZED_VIEW)
}

/// The words behind the name of the program, as far as they may name a file.
fn words() -> Vec<OsString> {
    let args = std::env::args_os().skip_while(|arg| arg != "--").skip(2);
    args.filter(|arg| !arg.is_empty() && arg.as_encoded_bytes()[0] != b'-').collect()
}

/// An archive of this name, if one is there. Nothing is waited for: neither pipes nor devices are opened.
fn open(word: &OsStr) -> Option<Archive> {
    let path = unquoted(word);
    let metadata = fs::metadata(&path).ok()?;
    let is_one = metadata.is_file() || metadata.is_dir() && is_archive_folder(&path);
    if is_one { Archive::open(&path).ok() } else { None }
}

fn is_archive_folder(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|files| {
        files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("toc.dat"))
    })
}

/// The word as a shell would read it, in the simple cases: bash gives it as it was typed.
fn unquoted(word: &OsStr) -> PathBuf {
    let Some(text) = word.to_str() else { return PathBuf::from(word) };
    let path = match text.as_bytes() {
        [quote @ (b'\'' | b'"'), .., last] if quote == last => text[1..text.len() - 1].to_owned(),
        _ => text.replace("\\ ", " "),
    };
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
