//! Whether two scripts restore the same.

use std::collections::BTreeMap;

/// How often what stands in a script stands there: what one entry of the archive became, without
/// the settings before it; of large objects each one.
type Units = BTreeMap<Vec<u8>, usize>;

/// What each script says to begin with, and again where its order is another.
const SETTINGS: [&str; 5] = [
    "SET ",
    "SELECT pg_catalog.set_config('search_path'",
    "\\restrict ",
    "\\unrestrict ",
    "\\connect ",
];

/// Before version 1.12 large objects come into being with their data.
const CREATE: &[u8] = b"SELECT pg_catalog.lo_create(";

/// What may differ beside the order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Allowed {
    /// How large objects are grouped, created and named in comments.
    pub(super) large_objects: bool,
    /// Lines that begin so.
    pub(super) lines: &'static [&'static str],
    /// Data of what is no table: that it was there, and is not, is a note of the copy.
    pub(super) lost: bool,
}

/// What the notes of a command say.
pub(super) fn allowed(notes: &str) -> Option<Allowed> {
    let access_methods = notes.contains("access methods");
    let large_objects = notes.contains("large objects got entries");
    let lost = notes.contains("is not in the archive, which says so");
    (access_methods || large_objects || lost).then_some(Allowed {
        large_objects,
        lost,
        // Of partitioned tables.
        lines: if access_methods { &["ALTER TABLE "] } else { &[] },
    })
}

/// Byte for byte.
///
/// # Errors
///
/// Where they differ.
pub(super) fn same(before: &[u8], after: &[u8]) -> Result<(), String> {
    if before == after {
        return Ok(());
    }
    let at = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let shown = |bytes: &[u8]| {
        bytes[at.saturating_sub(60)..(at + 60).min(bytes.len())].escape_ascii().to_string()
    };
    Err(format!("at {at}: {:?} became {:?}", shown(before), shown(after)))
}

/// What several archives became together, or one became in several: there is all that one of them
/// has, and nothing that none has. What several have may be there once.
pub(super) fn joined(before: &[&[u8]], after: &[&[u8]], allowed: Allowed) -> Result<(), String> {
    let units = |script: &&[u8]| units(script, allowed);
    let before: Vec<Units> = before.iter().map(units).collect();
    let mut now = Units::new();
    for (unit, n) in after.iter().flat_map(units) {
        *now.entry(unit).or_default() += n;
    }
    for unit in before.iter().flat_map(Units::keys).chain(now.keys()) {
        let counts = before.iter().map(|units| units.get(unit).copied().unwrap_or_default());
        let (most, sum) = counts.fold((0, 0), |(most, sum), n: usize| (most.max(n), sum + n));
        let now = now.get(unit).copied().unwrap_or_default();
        if !(most..=sum).contains(&now) {
            let shown = unit[..unit.len().min(250)].escape_ascii();
            return Err(format!("{most} to {sum} became {now} of: {shown}"));
        }
    }
    Ok(())
}

fn units(script: &[u8], allowed: Allowed) -> Units {
    let script = &without_access_methods(script)[..];
    let mut units = Units::new();
    let mut add = |unit: Vec<u8>| {
        if !unit.is_empty() {
            *units.entry(unit).or_default() += 1;
        }
    };
    for entry in entries(script) {
        let head = entry.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
        let is = |kind: &[u8]| memchr::memmem::find(head, kind).is_some();
        if head.starts_with(b"-- PostgreSQL database dump") {
            continue;
        }
        if allowed.lost && head.starts_with(b"-- Data for") && !is(b"; Type: TABLE DATA;") {
            continue;
        }
        if is(b"; Type: BLOBS;") {
            large_objects(entry).into_iter().for_each(&mut add);
        } else if allowed.large_objects && (is(b"; Type: BLOB;") || is(b"; Type: BLOB METADATA;")) {
            // Whether each has an entry of its own or all have one.
            let lines = entry.split(|byte| *byte == b'\n');
            let is_meant = |line: &&[u8]| {
                !line.starts_with(b"--") && !line.starts_with(CREATE) && !is_setting(line, &[])
            };
            lines.filter(is_meant).map(<[u8]>::to_vec).for_each(&mut add);
        } else {
            add(without_settings(entry, allowed.lines));
        }
    }
    units
}

/// Without the one setting that may have line feeds in it.
fn without_access_methods(script: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(script.len());
    let mut rest = script;
    while let Some(at) = memchr::memmem::find(rest, b"\nSET default_table_access_method = ") {
        out.extend_from_slice(&rest[..at]);
        let end = memchr::memmem::find(&rest[at..], b";\n").map_or(rest.len(), |end| at + end + 1);
        rest = &rest[end..];
    }
    out.extend_from_slice(rest);
    out
}

/// The parts of a script that begin with the comment above an entry; the first has none.
fn entries(script: &[u8]) -> Vec<&[u8]> {
    let mut starts = vec![0];
    let heads = ["Name: ", "Data for Name: ", "Statistics for Name: ", "PostgreSQL database dump"];
    for head in heads.map(|head| [b"--\n-- ", head.as_bytes()].concat()) {
        starts.extend(memchr::memmem::find_iter(script, &head));
    }
    starts.sort_unstable();
    starts.dedup();
    let ends = starts[1..].iter().copied().chain([script.len()]);
    starts.iter().zip(ends).map(|(start, end)| &script[*start..end]).collect()
}

/// Whether a line is empty, says how what follows is meant, or begins as one of `lines`.
fn is_setting(line: &[u8], lines: &[&str]) -> bool {
    let mut all = SETTINGS.iter().chain(lines);
    line.trim_ascii().is_empty() || all.any(|start| line.starts_with(start.as_bytes()))
}

/// Without what is set for the next entry.
fn without_settings(entry: &[u8], lines: &[&str]) -> Vec<u8> {
    let is_setting = |line: &[u8]| is_setting(line, lines);
    let mut kept: Vec<_> = entry.split_inclusive(|byte| *byte == b'\n').collect();
    while kept.last().is_some_and(|line| is_setting(line)) {
        kept.pop();
    }
    // What the whole script ends, or an entry without anything begins with.
    let is_comment = |line: &&[u8]| line.starts_with(b"--") || is_setting(line);
    if kept.iter().all(is_comment) && !entry.starts_with(b"--\n-- Data") {
        return Vec::new();
    }
    kept.concat()
}

/// Each with all that is written into it, however it comes into being.
fn large_objects(entry: &[u8]) -> Vec<Vec<u8>> {
    let mut objects: Vec<Vec<u8>> = Vec::new();
    let mut inside = false;
    for line in entry.split_inclusive(|byte| *byte == b'\n') {
        if let Some(rest) = line.strip_prefix(b"SELECT pg_catalog.lo_open(") {
            let rest = rest.strip_prefix(b"pg_catalog.lo_create(").unwrap_or(rest);
            let oid: Vec<u8> =
                rest.iter().copied().take_while(|b| !matches!(b, b')' | b',')).collect();
            objects.push([b"large object ", &oid[..], b"\n"].concat());
            inside = true;
        } else if inside && let Some(object) = objects.last_mut() {
            // Two backslashes where standard_conforming_strings is off.
            match line.strip_prefix(b"SELECT pg_catalog.lowrite(0, '\\\\x") {
                Some(hex) => object.extend([b"SELECT pg_catalog.lowrite(0, '\\x", hex].concat()),
                None => object.extend_from_slice(line),
            }
        }
        inside &= !line.starts_with(b"SELECT pg_catalog.lo_close(");
    }
    objects
}
