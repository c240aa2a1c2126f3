//! What is left of a table of contents.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use crate::archive::Archive;
use crate::compress::{Decoder, Framing};
use crate::error::{Fault, Result};
use crate::format::custom::Custom;
use crate::format::names;
use crate::source::{Peek, Positioned, Source, SourceReader};
use crate::sql;
use crate::text::Encoding;
use crate::toc::{DataOffset, Desc, DumpId, Format, Header, Section, Toc, TocEntry};
use crate::types::CopyStatement;

/// Entries that were collected, and where the table of contents ended.
pub(super) struct Contents {
    pub(super) toc: Toc,
    /// Where the blocks of a custom archive may begin.
    pub(super) end: u64,
    /// Whether some entries made no sense, and were mended or left out.
    pub(super) is_mended: bool,
}

/// How far entries are looked for behind damage, in bytes.
const REACH: u64 = 64 << 20;

/// A table of contents is hardly longer.
const LONGEST: u64 = 256 << 20;

/// A dump id so far above the one below is none that pg_dump gave.
const FAR: i32 = 100_000_000;

/// Bytes that are read of what turns out to be no entry. Each place may claim to be one of a
/// gigabyte.
const IN_VAIN: u64 = 4 << 30;

/// Collects the entries: those before the damage, those that can be recognised behind it, and those
/// of the copy that PostgreSQL 16 and newer write behind the data.
pub(super) fn collect(archive: &Archive) -> Result<Contents> {
    let format = archive.format();
    let (toc, is_unique) = unique(archive.toc(), format)?;
    let (mut toc, is_sound) = plausible(&toc, format)?;
    let is_mended = !is_unique || !is_sound;
    let blocks = archive.custom().map_or(0, Custom::start);
    let Some(damage) = archive.damage() else {
        return Ok(Contents { toc, end: blocks, is_mended });
    };
    let place = match damage.fault() {
        Some(Fault::Header) => None,
        _ => Place::of(archive),
    };
    let Some(place) = place else { return Ok(Contents { toc, end: blocks, is_mended }) };
    let start = damage.offset().unwrap_or(blocks);
    let mut taken: HashSet<DumpId> = toc.entries().map(|entry| entry.dump_id()).collect();
    let mut end = start;
    if archive.toc().dialect().has_usual_ints() {
        end = behind(archive, &place, start, &mut toc, &mut taken)?;
        if let Some(custom) = archive.custom()
            && let Some(copy) = second(archive, custom, &toc)?
        {
            for entry in copy.entries() {
                take(&mut toc, &mut taken, entry);
            }
        }
    }
    let (toc, _) = unique(&in_order(&toc, format)?, format)?;
    let (toc, _) = plausible(&toc, format)?;
    Ok(Contents { toc, end, is_mended })
}

/// Where the bytes of a table of contents are.
struct Place {
    source: Arc<dyn Source>,
    /// Where it begins, behind the header.
    start: u64,
}

impl Place {
    /// `None` if nothing is left of it.
    fn of(archive: &Archive) -> Option<Place> {
        if let Some(custom) = archive.custom() {
            return Some(Place { source: Arc::clone(custom.source()), start: custom.toc_start() });
        }
        let member = archive.member(names::TOC.as_bytes()).ok()?;
        let (stored, algorithm) = (member.reader(), member.algorithm);
        let (limits, contexts) = (archive.limits(), archive.contexts());
        let decoder = Decoder::new(stored, algorithm, Framing::File, limits, contexts).ok()?;
        let mut bytes = Vec::new();
        // What there is of it is better than nothing.
        let _ = decoder.take(LONGEST).read_to_end(&mut bytes);
        let source: Arc<dyn Source> = Arc::new(bytes);
        let mut reader = SourceReader::from(Arc::clone(&source), 0);
        Header::decode(&mut reader, archive.format(), limits).ok()?;
        Some(Place { start: reader.position(), source })
    }
}

/// The entries with dump ids of their own: of several with one, that with the data keeps it. One far
/// above all others was damaged, and pg_restore takes memory for all ids below. And whether they had
/// them.
fn unique(toc: &Toc, format: Format) -> Result<(Toc, bool)> {
    let mut keeps: HashMap<DumpId, (bool, usize)> = HashMap::new();
    for entry in toc.entries() {
        let own = (!entry.has_data(), entry.index());
        let kept = keeps.entry(entry.dump_id()).or_insert(own);
        *kept = own.min(*kept);
    }
    let mut ids: Vec<i32> = keeps.keys().map(|id| id.0).collect();
    ids.sort_unstable();
    let gap = ids.windows(2).position(|ids| ids[1].saturating_sub(ids[0]) > FAR);
    let highest = gap.map_or(ids.last(), |gap| ids.get(gap)).copied().unwrap_or(0);
    if keeps.len() == toc.len() && gap.is_none() {
        return Ok((toc.clone(), true));
    }
    let again = |entry: TocEntry<'_>| {
        let kept = keeps.get(&entry.dump_id());
        entry.dump_id().0 > highest || kept.is_some_and(|(_, index)| *index != entry.index())
    };
    let mut next = highest;
    let mut renumbered = Toc::new(toc.header().clone(), format);
    for entry in toc.entries() {
        let mut fields = entry.fields();
        if again(entry) {
            next = next.saturating_add(1);
            fields.dump_id = DumpId(next);
        }
        renumbered.push(&fields)?;
    }
    Ok((renumbered, false))
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
    contents: &Place,
    damage: u64,
    toc: &mut Toc,
    taken: &mut HashSet<DumpId>,
) -> Result<u64> {
    // The entry that the damage is in began before it. Those that are known already come again.
    let mut at = contents.start;
    let (mut end, mut last, mut in_vain) = (damage, damage, 0);
    while at < last.saturating_add(REACH).min(contents.source.len()) {
        match candidate(contents, at)? {
            Some(place) => match entry_at(archive, contents, place) {
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
fn candidate(contents: &Place, from: u64) -> Result<Option<u64>> {
    const WINDOW: usize = 64 << 10;
    const SEEN: usize = 16;
    let mut at = from;
    let mut reader = SourceReader::from(Arc::clone(&contents.source), at);
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
fn entry_at(archive: &Archive, contents: &Place, at: u64) -> std::result::Result<(Toc, u64), u64> {
    let mut reader = SourceReader::from(Arc::clone(&contents.source), at);
    let header = archive.toc().header().clone();
    let decoded = Toc::decode_entry(&mut reader, header, archive.format(), archive.limits());
    let read = reader.position() - at;
    let toc = decoded.map_err(|_| read)?;
    match toc.get(0).is_some_and(is_plausible) {
        true => Ok((toc, at + read)),
        false => Err(read),
    }
}

/// Whether an entry that stands where one is expected is one. Binary upgrades have kinds that are
/// names of tables, such as `pg_largeobject`.
fn is_entry(entry: TocEntry<'_>) -> bool {
    let desc = entry.desc().as_bytes();
    let is_text = desc.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let is_kind = !desc.is_empty() && desc.len() < 40 && is_text;
    (is_kind || kind_of(entry).is_some()) && entry.tag().is_some()
}

/// Whether it may be an entry, wherever it was found: its kind is words in capitals, and it has a name
/// and a section.
fn is_plausible(entry: TocEntry<'_>) -> bool {
    let desc = entry.desc().as_bytes();
    let is_kind = !desc.is_empty()
        && desc.len() < 40
        && desc.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b' ');
    (is_kind || kind_of(entry).is_some()) && entry.tag().is_some() && has_section(entry)
}

/// Whether its section is one.
fn has_section(entry: TocEntry<'_>) -> bool {
    (1..=4).contains(&entry.section().code())
}

/// What an entry is by the rest of it, whatever became of its kind.
fn kind_of(entry: TocEntry<'_>) -> Option<Desc<'static>> {
    let copy = entry.copy_stmt().unwrap_or_default();
    if entry.had_dumper() && CopyStatement::parse(copy).is_ok() {
        return Some(Desc::TABLE_DATA);
    }
    let defn = entry.defn().unwrap_or_default();
    // As "SELECT" and the like have letters, and a table has a COPY statement.
    let is_list = defn.iter().all(|byte| byte.is_ascii_digit() || *byte == b'\n');
    // Large objects have no schema.
    let is_group = names::first_of_group(entry.tag().unwrap_or_default()).is_some()
        && entry.namespace().is_none_or(<[u8]>::is_empty)
        && entry.desc() != Desc::TABLE_DATA;
    match (entry.had_dumper(), defn.is_empty()) {
        (true, true) if is_group && copy.is_empty() => Some(Desc::BLOBS),
        (false, false) if is_group && is_list => Some(Desc::BLOB_METADATA),
        _ => None,
    }
}

/// The COPY statement of an entry whose own is damaged: what can be understood of it, and for the rest
/// what it must be.
fn mended_copy(entry: TocEntry<'_>) -> Option<Vec<u8>> {
    let copy = entry.copy_stmt()?;
    if copy.is_empty() {
        return None;
    }
    let is_table = entry.had_dumper() && entry.desc() == Desc::TABLE_DATA;
    if !is_table || CopyStatement::parse(copy).is_ok() {
        return None;
    }
    let from = copy.windows(6).rposition(|word| word == b" FROM ").unwrap_or(0);
    let close = copy.iter().rposition(|byte| *byte == b')').map_or(0, |close| close + 1);
    let open = copy.iter().position(|byte| *byte == b'(').unwrap_or(close);
    let mut named = b"COPY ".to_vec();
    let encoding = entry.toc().text_encoding();
    let namespace = entry.namespace().unwrap_or_default();
    if !namespace.is_empty() {
        sql::identifier(namespace, encoding, &mut named);
        named.push(b'.');
    }
    sql::identifier(entry.tag()?, encoding, &mut named);
    let mut with_columns = named.clone();
    with_columns.push(b' ');
    with_columns.extend_from_slice(copy.get(open..close).unwrap_or_default());
    // Without a list, the rows have all columns in their order, which pg_dump lists, too.
    for start in [&copy[..from], &copy[..close], &with_columns, &named] {
        let mut statement = start.to_vec();
        statement.extend_from_slice(b" FROM stdin;\n");
        if CopyStatement::parse(&statement).is_ok() {
            return Some(statement);
        }
    }
    None
}

/// The statement of an entry that sets up the session, if only its value is as it was. Readers take a
/// line end that is another for a sign of a transfer in text mode.
fn mended_setting(entry: TocEntry<'_>) -> Option<String> {
    let defn = entry.defn()?;
    let name = match entry.desc() {
        Desc::ENCODING => "client_encoding",
        _ => "standard_conforming_strings",
    };
    let value = defn.split(|byte| *byte == b'\'').nth(1)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let value = std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_plain))?;
    Some(format!("SET {name} = '{value}';\n")).filter(|mended| mended.as_bytes() != defn)
}

/// The entries that may be some, and whether all were as they should be. What sets up the session must
/// be understood, for pg_restore refuses the whole archive otherwise; where it cannot be, it becomes
/// what is most likely.
fn plausible(toc: &Toc, format: Format) -> Result<(Toc, bool)> {
    let mut kept = Toc::new(toc.header().clone(), format);
    let mut is_sound = true;
    let highest = toc.entries().map(|entry| entry.dump_id()).max();
    for entry in toc.entries() {
        if !is_entry(entry) {
            is_sound = false;
            continue;
        }
        // pg_restore refuses an archive whose rows depend on an id above all others.
        let needed = entry.dependencies().iter().copied();
        let needed: Vec<DumpId> = needed.filter(|id| Some(*id) <= highest).collect();
        let mut fields = entry.fields().dependencies(&needed);
        // pg_restore compares it without a look.
        fields.with_oids = fields.with_oids.or(Some(b"false"));
        // A definition has no data, whatever says that it has.
        let is_defined = !entry.defn().unwrap_or_default().is_empty();
        let may_have_data = [Desc::TABLE_DATA, Desc::BLOBS].contains(&entry.desc());
        if entry.had_dumper() && is_defined && !may_have_data {
            (fields, is_sound) = (fields.had_dumper(false), false);
        }
        // These always have some: pg_restore would pass over it without a word.
        if !entry.had_dumper() && may_have_data {
            (fields, is_sound) = (fields.had_dumper(true), false);
        }
        if !has_section(entry) {
            (fields, is_sound) = (fields.section(Section::derive(entry.desc())), false);
        }
        let may_be_other = entry.desc() != Desc::BLOB;
        if let Some(kind) = kind_of(entry).filter(|kind| may_be_other && *kind != entry.desc()) {
            (fields, is_sound) = (fields.desc(kind), false);
        }
        let copy = mended_copy(entry);
        let setting = match entry.desc() {
            Desc::ENCODING => mended_encoding(entry),
            Desc::STDSTRINGS if toc.std_strings().is_err() => {
                Some("SET standard_conforming_strings = 'on';\n".to_owned())
            }
            Desc::STDSTRINGS => mended_setting(entry),
            Desc::SEARCHPATH if !entry.defn().is_some_and(|defn| defn.ends_with(b";\n")) => {
                is_sound = false;
                continue;
            }
            _ => None,
        };
        is_sound &= copy.is_none() && setting.is_none();
        fields.copy_stmt = copy.as_deref().or(fields.copy_stmt);
        fields.defn = setting.as_ref().map(String::as_bytes).or(fields.defn);
        kept.push(&fields)?;
    }
    Ok((kept, is_sound))
}

/// The statement that says the encoding, if it does not say it, or not as pg_dump does.
fn mended_encoding(entry: TocEntry<'_>) -> Option<String> {
    let toc = entry.toc();
    if toc.encoding().is_ok() {
        return mended_setting(entry);
    }
    let is_valid = |text: Option<&[u8]>| text.is_none_or(|t| Encoding::UTF8.is_valid(t));
    let valid = toc.entries().all(|e| is_valid(e.tag()) && is_valid(e.defn()));
    let name = if valid { "UTF8" } else { "SQL_ASCII" };
    Some(format!("SET client_encoding = '{name}';\n"))
}

/// The table of contents behind the data. It begins with a count and the entry ENCODING.
fn second(archive: &Archive, custom: &Custom, first: &Toc) -> Result<Option<Toc>> {
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
fn in_order(toc: &Toc, format: Format) -> Result<Toc> {
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
    let mut sorted = Toc::new(toc.header().clone(), format);
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
