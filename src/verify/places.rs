//! Where the data lies, what lies where none should, and what the archive says is not there.

use std::collections::{HashMap, HashSet};

use super::code::Code;
use super::entry::found_of;
use super::report::Found;
use crate::archive::{Archive, Walked};
use crate::error::Error;
use crate::finding::Severity;
use crate::format::names;
use crate::toc::{DataOffset, Desc, DumpId, Format, Toc, TocEntry};

/// Looks for what is wrong with the places of data. The errors of the walk itself are left to
/// [`unwalked`]: the entries that they are about may say them better.
pub(super) fn check(archive: &Archive, walked: &Walked, tell: &mut impl FnMut(Found)) {
    match archive.format() {
        Format::Directory => files(archive, walked, tell),
        Format::Custom => blocks(archive, walked, tell),
        _ => {}
    }
}

fn blocks(archive: &Archive, walked: &Walked, tell: &mut impl FnMut(Found)) {
    let toc = archive.toc();
    let mut first: HashMap<DumpId, u64> = HashMap::new();
    for block in &walked.blocks {
        let at = block.offset.unwrap_or_default();
        let Some(entry) = toc.entry(block.dump_id) else {
            let what = format!("a block with dump id {}, which no entry has", block.dump_id);
            tell(Found::new(Code::UnknownBlock, what).at(at));
            continue;
        };
        if let Some(first) = first.get(&block.dump_id) {
            let what = format!("the data is there twice, first at offset {first}");
            tell(Found::new(Code::BlockTwice, what).in_entry(entry).at(at));
            continue;
        }
        first.insert(block.dump_id, at);
    }
    for &(at, len) in &walked.gaps {
        let what = format!("{len} bytes between the blocks belong to none");
        tell(Found::new(Code::Gap, what).at(at));
    }
    without_offsets(toc, tell);
    behind(archive, walked, tell);
}

/// Entries whose data pg_restore passes over without a word, because the archive says that there is
/// none: with what is wrong with them.
pub(super) fn denied<'a>(archive: &'a Archive, walked: &Walked) -> Vec<(TocEntry<'a>, Found)> {
    let starts: HashMap<DumpId, Option<u64>> =
        walked.blocks.iter().map(|block| (block.dump_id, block.offset)).collect();
    let files: HashSet<&[u8]> = match &walked.files {
        Some(files) => files.iter().map(|file| names::without_suffix(file.as_bytes()).0).collect(),
        None => HashSet::new(),
    };
    let is_custom = archive.format() == Format::Custom;
    let mut all = Vec::new();
    for entry in archive.entries() {
        let Some(says) = denial(entry) else { continue };
        let name = names::data_name(entry.dump_id());
        let found = match starts.get(&entry.dump_id()) {
            Some(Some(at)) if is_custom => there(says).at(*at),
            _ if files.contains(name.as_bytes()) => {
                let mut found = there(says);
                found.finding.member = Some(name);
                found
            }
            _ => match not_there(entry) {
                Some(found) if is_custom || walked.files.is_some() => found,
                _ => continue,
            },
        };
        all.push((entry, found));
    }
    all
}

/// How an entry says that it has no data, if it does.
fn denial(entry: TocEntry<'_>) -> Option<&'static str> {
    // A tar says no name of a list of large objects.
    let has_file = entry.desc() == Desc::TABLE_DATA;
    match entry.has_data() {
        false => Some("the entry is said to have no data"),
        true if entry.denies_data() => Some("the data offset says that there is no data"),
        true if has_file && entry.file_name().is_some_and(<[u8]>::is_empty) => {
            Some("the entry names no file of its data")
        }
        true => None,
    }
}

fn there(says: &str) -> Found {
    Found::new(Code::DeniedData, format!("{says}, but data with its dump id is there"))
}

/// Of an entry that says that there is no data, and there is none: what is wrong with that, if it
/// is of a kind that always has some.
pub(super) fn not_there(entry: TocEntry<'_>) -> Option<Found> {
    let must_have = entry.has_data() || [Desc::TABLE_DATA, Desc::BLOBS].contains(&entry.desc());
    must_have.then(|| Found::new(Code::NoData, "the entry must have data, and there is none"))
}

/// Entries of which only a search shows where their data is.
pub(super) fn without_offsets(toc: &Toc, tell: &mut impl FnMut(Found)) {
    let without = |entry: &TocEntry<'_>| {
        entry.has_data() && matches!(entry.data_offset(), Some(DataOffset::NotSet))
    };
    let count = toc.entries().filter(without).count();
    if count > 0 {
        tell(Found::new(Code::NoOffset, format!("{count} entries with data have no data offset")));
    }
}

fn behind(archive: &Archive, walked: &Walked, tell: &mut impl FnMut(Found)) {
    let Some((at, len)) = walked.behind else { return };
    if let Some(second) = &walked.second_toc {
        let differs = archive.entries().zip(second.entries()).find(|(a, b)| !same(*a, *b));
        if archive.toc().len() != second.len() || differs.is_some() {
            let what = "the second table of contents, behind the data, differs from the first";
            let found = Found::new(Code::OtherToc, what).at(at);
            tell(match differs {
                Some((entry, _)) => found.in_entry(entry),
                None => found,
            });
        } else {
            let what = format!("a second table of contents of {len} bytes behind the data");
            tell(Found::new(Code::SecondToc, what).at(at));
        }
        return;
    }
    let what = match archive.surplus() {
        Ok(Some(_)) => format!("another archive in the {len} bytes behind this one"),
        _ => format!("{len} bytes behind the archive"),
    };
    tell(Found::new(Code::Behind, what).at(at));
}

/// Whether two entries are the same but for the offset of their data.
fn same(a: TocEntry<'_>, b: TocEntry<'_>) -> bool {
    let texts = |entry: TocEntry<'_>| {
        [entry.tag(), entry.namespace(), entry.owner(), entry.defn(), entry.drop_stmt()]
            .map(|text| text.map(<[u8]>::to_vec))
    };
    a.dump_id() == b.dump_id()
        && a.desc() == b.desc()
        && a.copy_stmt() == b.copy_stmt()
        && a.dependencies() == b.dependencies()
        && texts(a) == texts(b)
}

/// Files that nobody reads.
fn files(archive: &Archive, walked: &Walked, tell: &mut impl FnMut(Found)) {
    let Some(files) = &walked.files else { return };
    let toc = archive.toc();
    let owner = |name: &[u8]| {
        let id = name.strip_suffix(b".dat").and_then(number);
        id.map(DumpId).and_then(|id| toc.entry(id))
    };
    let all: HashSet<&str> = files.iter().map(String::as_str).collect();
    let mut sorted: Vec<&str> = all.iter().copied().collect();
    sorted.sort_unstable();
    for file in sorted {
        let (name, _) = names::without_suffix(file.as_bytes());
        let plain = &file[..name.len()];
        let mut found = match owner(name) {
            Some(entry) if entry.has_data() => {
                if plain == file || !all.contains(plain) {
                    continue;
                }
                let what = format!("{file} is beside {plain}, which is read instead");
                Found::new(Code::MemberTwice, what).in_entry(entry)
            }
            // See `denied`.
            Some(_) => continue,
            None if names::is_toc(file.as_bytes())
                || names::is_list(name)
                || names::object_oid(name).is_some()
                || file == "manifest.pgdmp" =>
            {
                continue;
            }
            None => Found::new(Code::UnknownMember, "the file is none of the archive's"),
        };
        found.finding.member = Some(file.to_owned());
        tell(found);
    }
}

fn number(digits: &[u8]) -> Option<i32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What ended the walk, as findings: to be told if no entry's data told of it.
pub(super) fn unwalked(errors: &[Error]) -> impl Iterator<Item = Found> + '_ {
    errors.iter().map(found_of)
}

/// Tables whose data has no byte, of members.
pub(super) fn empty(walked: &Walked, archive: &Archive, tell: &mut impl FnMut(Found)) {
    if archive.format() == Format::Custom {
        return;
    }
    for block in walked.blocks.iter().filter(|block| block.stored_len == 0) {
        if let Some(entry) = archive.entry(block.dump_id) {
            let found = Found::new(Code::EmptyMember, "the file of the data has 0 bytes");
            tell(found.severity(Severity::Error).in_entry(entry));
        }
    }
}
