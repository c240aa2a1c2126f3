//! What is left of a table of contents.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::archive::Archive;
use crate::error::{Fault, Result};
use crate::format::custom::Custom;
use crate::source::{Peek, Positioned, SourceReader};
use crate::text::Encoding;
use crate::toc::{DataOffset, Desc, DumpId, Format, Toc, TocEntry};
use crate::types::CopyStatement;

/// Entries that were collected, and where the table of contents ended.
pub(super) struct Contents {
    pub(super) toc: Toc,
    /// Where the blocks of a custom archive may begin.
    pub(super) end: u64,
}

/// How far entries are looked for behind damage, in bytes.
const REACH: u64 = 64 << 20;

/// Bytes that are read of what turns out to be no entry. Each place may claim to be one of a
/// gigabyte.
const IN_VAIN: u64 = 4 << 30;

/// Collects the entries: those before the damage, those that can be recognised behind it, and those
/// of the copy that PostgreSQL 16 and newer write behind the data.
pub(super) fn collect(archive: &Archive) -> Result<Contents> {
    let mut toc = plausible(&unique(archive.toc(), archive.format())?, archive.format())?;
    let Some(custom) = archive.custom() else { return Ok(Contents { toc, end: 0 }) };
    let Some(damage) = archive.damage() else { return Ok(Contents { toc, end: custom.start() }) };
    if damage.fault() == Some(Fault::Header) {
        return Ok(Contents { toc, end: custom.start() });
    }
    let start = damage.offset().unwrap_or(custom.start());
    let mut taken: HashSet<DumpId> = toc.entries().map(|entry| entry.dump_id()).collect();
    let mut end = start;
    if custom.dialect().has_usual_ints() {
        end = behind(archive, custom, start, &mut toc, &mut taken)?;
        if let Some(copy) = second(archive, custom, &toc)? {
            for entry in copy.entries() {
                take(&mut toc, &mut taken, entry);
            }
        }
    }
    Ok(Contents { toc: plausible(&in_order(&toc)?, Format::Custom)?, end })
}

/// The entries with dump ids of their own: of several with one, that with the data keeps it.
fn unique(toc: &Toc, format: Format) -> Result<Toc> {
    let mut keeps: HashMap<DumpId, (bool, usize)> = HashMap::new();
    for entry in toc.entries() {
        let own = (!entry.has_data(), entry.index());
        let kept = keeps.entry(entry.dump_id()).or_insert(own);
        *kept = own.min(*kept);
    }
    if keeps.len() == toc.len() {
        return Ok(toc.clone());
    }
    let again = |entry: TocEntry<'_>| {
        keeps.get(&entry.dump_id()).is_some_and(|(_, index)| *index != entry.index())
    };
    let mut next = toc.entries().map(|entry| entry.dump_id().0).max().unwrap_or(0);
    let mut renumbered = Toc::new(toc.header().clone(), format);
    for entry in toc.entries() {
        let mut fields = entry.fields();
        if again(entry) {
            next = next.saturating_add(1);
            fields.dump_id = DumpId(next);
        }
        renumbered.push(&fields)?;
    }
    Ok(renumbered)
}

/// Adds an entry, unless there is one with its id.
fn take(toc: &mut Toc, taken: &mut HashSet<DumpId>, entry: TocEntry<'_>) {
    let id = entry.dump_id();
    if id.0 > 0 && taken.insert(id) && toc.push(&entry.fields()).is_err() {
        taken.remove(&id);
    }
}

/// Looks for entries behind damage, and says where the last one ends.
fn behind(
    archive: &Archive,
    custom: &Custom,
    damage: u64,
    toc: &mut Toc,
    taken: &mut HashSet<DumpId>,
) -> Result<u64> {
    // The entry that the damage is in began before it. Those that are known already come again.
    let mut at = custom.toc_start();
    let (mut end, mut last, mut in_vain) = (damage, damage, 0);
    while at < last.saturating_add(REACH).min(custom.source().len()) {
        match candidate(custom, at)? {
            Some(place) => match entry_at(archive, custom, place) {
                Ok((found, behind)) => {
                    found.entries().for_each(|entry| take(toc, taken, entry));
                    (at, last) = (behind, behind);
                    end = end.max(behind);
                }
                Err(read) => {
                    in_vain += read;
                    if in_vain > IN_VAIN {
                        break;
                    }
                    at = place + 1;
                }
            },
            None => break,
        }
    }
    Ok(end)
}

/// The next position at which an entry may begin: its id, whether it had a dumper, and the digits of
/// an OID.
fn candidate(custom: &Custom, from: u64) -> Result<Option<u64>> {
    const WINDOW: usize = 64 << 10;
    const SEEN: usize = 16;
    let mut at = from;
    let mut reader = SourceReader::from(Arc::clone(custom.source()), at);
    loop {
        let bytes = reader.peek(WINDOW)?;
        if bytes.len() < SEEN {
            return Ok(None);
        }
        let found = bytes.windows(SEEN).position(|bytes| {
            bytes[0] == 0
                && bytes[4] == 0
                && matches!(bytes[5..10], [0, 0 | 1, 0, 0, 0])
                && matches!(bytes[10..15], [0, 1..=10, 0, 0, 0])
                && bytes[15].is_ascii_digit()
        });
        if let Some(found) = found {
            return Ok(Some(at + found as u64));
        }
        let passed = bytes.len() - SEEN + 1;
        at += passed as u64;
        reader.skip(passed as u64)?;
    }
}

/// The entry at a position, if it is one, and where it ends; else how many bytes showed that it is
/// none.
fn entry_at(archive: &Archive, custom: &Custom, at: u64) -> std::result::Result<(Toc, u64), u64> {
    let mut reader = SourceReader::from(Arc::clone(custom.source()), at);
    let header = archive.toc().header().clone();
    let decoded = Toc::decode_entry(&mut reader, header, Format::Custom, archive.limits());
    let read = reader.position() - at;
    let toc = decoded.map_err(|_| read)?;
    match toc.get(0).is_some_and(is_plausible) {
        true => Ok((toc, at + read)),
        false => Err(read),
    }
}

/// Whether it may be an entry: its kind is words in capitals, and it has a name.
fn is_plausible(entry: TocEntry<'_>) -> bool {
    let desc = entry.desc().as_bytes();
    let is_kind = !desc.is_empty()
        && desc.len() < 40
        && desc.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b' ');
    let is_known = (1..=4).contains(&entry.section().code());
    (is_kind || has_copy(entry)) && is_known && entry.tag().is_some()
}

/// Whether a COPY statement shows what an entry is, whatever became of its kind.
fn has_copy(entry: TocEntry<'_>) -> bool {
    entry.had_dumper() && entry.copy_stmt().is_some_and(|copy| CopyStatement::parse(copy).is_ok())
}

/// The entries that may be some. What sets up the session must be understood, for pg_restore refuses
/// the whole archive otherwise; where it cannot be, it becomes what is most likely.
fn plausible(toc: &Toc, format: Format) -> Result<Toc> {
    let mut kept = Toc::new(toc.header().clone(), format);
    let highest = toc.entries().map(|entry| entry.dump_id()).max();
    for entry in toc.entries().filter(|entry| is_plausible(*entry)) {
        // pg_restore refuses an archive whose rows depend on an id above all others.
        let needed = entry.dependencies().iter().copied();
        let needed: Vec<DumpId> = needed.filter(|id| Some(*id) <= highest).collect();
        let mut fields = entry.fields().dependencies(&needed);
        // pg_restore compares it without a look.
        fields.with_oids = fields.with_oids.or(Some(b"false"));
        match entry.desc() {
            Desc::ENCODING if toc.encoding().is_err() => {
                let is_valid =
                    |text: Option<&[u8]>| text.is_none_or(|t| Encoding::UTF8.is_valid(t));
                let valid = toc.entries().all(|e| is_valid(e.tag()) && is_valid(e.defn()));
                let name = if valid { "UTF8" } else { "SQL_ASCII" };
                kept.push(&fields.defn(&format!("SET client_encoding = '{name}';\n")))?;
            }
            Desc::STDSTRINGS if toc.std_strings().is_err() => {
                kept.push(&fields.defn("SET standard_conforming_strings = 'on';\n"))?;
            }
            Desc::SEARCHPATH if !entry.defn().is_some_and(|defn| defn.ends_with(b";\n")) => {}
            _ if has_copy(entry) => kept.push(&fields.desc(Desc::TABLE_DATA))?,
            _ => kept.push(&fields)?,
        }
    }
    Ok(kept)
}

/// The table of contents behind the data. It begins with a count and the entry ENCODING.
fn second(archive: &Archive, custom: &Custom, first: &Toc) -> Result<Option<Toc>> {
    /// A table of contents is hardly longer.
    const LONGEST: u64 = 256 << 20;
    let source = custom.source();
    let len = source.len();
    let from = len.saturating_sub(LONGEST).max(custom.toc_start());
    let mut reader = SourceReader::from(Arc::clone(source), from);
    // A tag and a kind, each with its length.
    let mark = b"\x00\x08\x00\x00\x00ENCODING\x00\x08\x00\x00\x00ENCODING";
    // The count, an id, whether it had a dumper, and twice "0".
    const BEFORE: u64 = 5 + 5 + 5 + 6 + 6;
    let mut best: Option<Toc> = None;
    let mut at = from;
    let mut in_vain = 0;
    loop {
        let bytes = reader.peek(128 << 10)?;
        if bytes.len() < mark.len() {
            return Ok(best);
        }
        let found = bytes.windows(mark.len()).position(|bytes| bytes == mark);
        let mut passed = found.map_or(bytes.len() - mark.len() + 1, |found| found + 1);
        if let Some(found) = found
            && let Some(start) = (at + found as u64).checked_sub(BEFORE)
            && start > custom.toc_start()
        {
            let mut copied = SourceReader::from(Arc::clone(source), start);
            let header = archive.toc().header().clone();
            let (copy, damage) = Toc::decode_damaged(
                &mut copied,
                header,
                Format::Custom,
                crate::toc::Statements::Kept,
                archive.limits(),
            );
            // Of a large object that holds an archive, the entries are others.
            let common = copy.entries().filter(|entry| {
                first
                    .entry(entry.dump_id())
                    .is_some_and(|own| own.desc() == entry.desc() && own.tag() == entry.tag())
            });
            in_vain += copied.position() - start;
            if in_vain > IN_VAIN {
                return Ok(best);
            }
            // What was one to its end has no other in it.
            if damage.is_none() {
                passed = passed.max(usize::try_from(copied.position() - at).unwrap_or(passed));
            }
            let is_copy = common.count() * 2 >= first.len().min(copy.len());
            if is_copy && best.as_ref().is_none_or(|best| best.len() < copy.len()) {
                best = Some(copy);
            }
        }
        at += passed as u64;
        if reader.skip(passed as u64).is_err() {
            return Ok(best);
        }
    }
}

/// Puts entries into the order in which they can be restored, as far as that can be told: those that
/// set up the session first, and what was found late behind what it depends on.
fn in_order(toc: &Toc) -> Result<Toc> {
    let mut order: Vec<TocEntry<'_>> = toc.entries().collect();
    // The order of sections; entries without one stay behind what they depend on.
    order.sort_by_key(|entry| match entry.section().code() {
        _ if entry.desc().is_special() => 0,
        2 => 2,
        3 => 3,
        4 => 4,
        _ => entry
            .dependencies()
            .iter()
            .filter_map(|id| toc.entry(*id))
            .map(section_of)
            .max()
            .unwrap_or(2),
    });
    let mut sorted = Toc::new(toc.header().clone(), Format::Custom);
    for entry in order {
        sorted.push(&entry.fields())?;
    }
    Ok(sorted)
}

fn section_of(entry: TocEntry<'_>) -> i32 {
    match entry.section().code() {
        code @ 2..=4 => code,
        _ => 2,
    }
}

/// The entries without the offsets that lead nowhere.
pub(super) fn with_offsets(toc: &Toc, start: impl Fn(TocEntry<'_>) -> Option<u64>) -> Result<Toc> {
    let mut placed = Toc::new(toc.header().clone(), Format::Custom);
    for entry in toc.entries() {
        let offset = match start(entry) {
            Some(at) => DataOffset::At(at),
            None => DataOffset::NoData,
        };
        placed.push(&entry.fields().data_offset(offset))?;
    }
    Ok(placed)
}

/// Whether the entry ENCODING is there, without which texts are bytes.
pub(super) fn has_session(toc: &Toc) -> bool {
    toc.has_desc(Desc::ENCODING)
}
