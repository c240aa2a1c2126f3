//! Entries that name tables and sequences: whether these are there.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::code::Code;
use super::report::Found;
use crate::finding::Severity;
use crate::sql::{Token, Tokens};
use crate::text::{Encoding, Printable};
use crate::toc::{Desc, Toc, TocEntry};

/// Tables of which it is told that they are not there, each for itself.
const MOST: usize = 1000;

/// Looks for sequences without their values, and for parts of tables that are not there.
pub(super) fn check(toc: &Toc, tell: &mut impl FnMut(Found)) {
    sequences(toc, tell);
    values(toc, tell);
    tables(toc, tell);
}

/// Sequences without their value, where others have one.
fn sequences(toc: &Toc, tell: &mut impl FnMut(Found)) {
    let is = |desc: Desc<'static>| move |entry: &TocEntry<'_>| entry.desc() == desc;
    let name = |entry: TocEntry<'_>| {
        (entry.namespace().map(<[u8]>::to_vec), entry.tag().map(<[u8]>::to_vec))
    };
    let set: HashSet<_> = toc.entries().filter(is(Desc::SEQUENCE_SET)).map(name).collect();
    if set.is_empty() {
        return;
    }
    for entry in toc.entries().filter(is(Desc::SEQUENCE)) {
        if !set.contains(&name(entry)) {
            let what = "the sequence has no SEQUENCE SET, as others have";
            tell(Found::new(Code::SequenceWithoutValue, what).in_entry(entry));
        }
    }
}

/// Values of sequences that are not set, or set for another sequence.
fn values(toc: &Toc, tell: &mut impl FnMut(Found)) {
    for entry in toc.entries().filter(|entry| entry.desc() == Desc::SEQUENCE_SET) {
        let all = words(entry);
        let call = all.iter().position(|token| token.is("SETVAL"));
        let Some(argument) = call.and_then(|at| all.get(at + 2)) else {
            let what = "the entry calls no setval";
            tell(Found::new(Code::SequenceNotSet, what).in_entry(entry));
            continue;
        };
        // Old releases call `pg_get_serial_sequence` here.
        let Some(text) = argument.string() else { continue };
        let named: Vec<Token<'_>> =
            Tokens::new(&text, true, toc.text_encoding()).filter(|t| !t.is_mark(b'.')).collect();
        let names: Vec<Vec<u8>> = named.iter().filter_map(Token::name).collect();
        let is_it = match &names[..] {
            [name] => Some(&name[..]) == entry.tag(),
            [schema, name] => {
                Some(&name[..]) == entry.tag()
                    && entry.namespace().is_none_or(|namespace| namespace == schema)
            }
            _ => false,
        };
        if !is_it {
            let other = Printable::new(&text, toc.text_encoding());
            let what = format!("the entry sets the value of {other}");
            tell(Found::new(Code::SequenceNotSet, what).in_entry(entry));
        }
    }
}

/// Constraints, indexes, triggers and the like of tables that are not there, or that refer to such:
/// one finding for each of the tables.
fn tables<'t>(toc: &'t Toc, tell: &mut impl FnMut(Found)) {
    let mut others = 0;
    let mut missing: HashMap<(Vec<u8>, Vec<u8>), (TocEntry<'t>, u64)> = HashMap::new();
    for entry in toc.entries() {
        for (schema, name) in named_tables(entry) {
            let schema = schema.unwrap_or_else(|| entry.namespace().unwrap_or_default().to_vec());
            if is_relation(toc, &schema, &name) {
                continue;
            }
            // All are counted, but not all are held.
            let is_full = missing.len() >= MOST;
            match missing.entry((schema, name)) {
                Entry::Occupied(mut known) => known.get_mut().1 += 1,
                Entry::Vacant(_) if is_full => others += 1,
                Entry::Vacant(new) => drop(new.insert((entry, 1))),
            }
        }
    }
    let mut all: Vec<_> = missing.into_iter().collect();
    all.sort_by_key(|(_, (entry, _))| entry.index());
    // In an archive of a section no table is there, and that is told once.
    let has_tables = toc.has_desc(Desc::TABLE) || toc.has_desc(Desc::FOREIGN_TABLE);
    if let (false, Some((_, (entry, _)))) = (has_tables, all.first()) {
        let what = format!("{} tables that entries belong to are not in the archive", all.len());
        let found = Found::new(Code::NamesMissingTable, what).severity(Severity::Note);
        return tell(found.in_entry(*entry));
    }
    // The table may be an extension's.
    let severity = match toc.has_desc(Desc(b"EXTENSION")) {
        true => Severity::Note,
        false => Severity::Warning,
    };
    let encoding = toc.text_encoding();
    for ((schema, name), (entry, count)) in all {
        let what = format!("the table {} is not in the archive", shown(&schema, &name, encoding));
        let mut found = Found::new(Code::NamesMissingTable, what).severity(severity);
        found.more = count - 1 + std::mem::take(&mut others);
        tell(found.in_entry(entry));
    }
}

/// Whether there is something of the name that constraints, indexes, rules or triggers can be of.
fn is_relation(toc: &Toc, schema: &[u8], name: &[u8]) -> bool {
    let kinds = [Desc::TABLE, Desc::FOREIGN_TABLE, Desc::VIEW, Desc::MATERIALIZED_VIEW];
    kinds.into_iter().any(|desc| toc.find(desc, Some(schema), name).is_some())
}

/// The tables that the definition of a part of a table names: that table, and the one that a foreign
/// key refers to. Nothing of what is not understood.
fn named_tables(entry: TocEntry<'_>) -> Vec<(Option<Vec<u8>>, Vec<u8>)> {
    let behind = match entry.desc() {
        Desc::CONSTRAINT | Desc::FK_CONSTRAINT | Desc::CHECK_CONSTRAINT => "TABLE",
        Desc::DEFAULT | Desc::ROW_SECURITY | Desc::TABLE_ATTACH => "TABLE",
        Desc::INDEX | Desc::TRIGGER | Desc::POLICY => "ON",
        Desc::RULE => "TO",
        _ => return Vec::new(),
    };
    let all = words(entry);
    let verb = if behind == "TABLE" { "ALTER" } else { "CREATE" };
    let Some(start) = all.iter().position(|token| token.is(verb)) else { return Vec::new() };
    let all = &all[start..];
    // ALTER DOMAIN is followed by no table.
    if verb == "ALTER" && !all.iter().take(3).any(|token| token.is("TABLE")) {
        return Vec::new();
    }
    let mut words = vec![behind];
    if entry.desc() == Desc::FK_CONSTRAINT {
        words.push("REFERENCES");
    }
    let name = |word: &str| {
        let at = all.iter().position(|token| token.is(word) && token.depth == 0)?;
        qualified(&all[at + 1..])
    };
    words.into_iter().filter_map(name).collect()
}

/// The name that tokens begin with.
fn qualified(all: &[Token<'_>]) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
    let skipped = ["IF", "EXISTS", "ONLY"];
    let skip = all.iter().take_while(|token| skipped.iter().any(|word| token.is(word))).count();
    match &all[skip..] {
        [schema, point, name, ..] if point.is_mark(b'.') => Some((schema.name(), name.name()?)),
        [name, ..] => Some((None, name.name()?)),
        [] => None,
    }
}

fn words(entry: TocEntry<'_>) -> Vec<Token<'_>> {
    let toc = entry.toc();
    let std_strings = toc.std_strings().unwrap_or(true);
    Tokens::new(entry.defn().unwrap_or_default(), std_strings, toc.text_encoding()).collect()
}

fn shown(schema: &[u8], name: &[u8], encoding: Encoding) -> String {
    let name = Printable::new(name, encoding);
    match schema {
        b"" => name.to_string(),
        schema => format!("{}.{name}", Printable::new(schema, encoding)),
    }
}
