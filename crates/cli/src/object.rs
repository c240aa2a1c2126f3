//! What OBJECT on the command line stands for.

use std::collections::BTreeSet;

use crate::Failure;
use crate::selection::argument;
use pgdmp::select::{NamePattern, Rule};
use pgdmp::{Desc, DumpId, Selection, Toc, TocEntry};

/// How many candidates a message lists.
const SHOWN: usize = 20;

/// The one entry that `object` names, of those that `fits` allows.
///
/// `object` is a dump id, a name, a name with its schema, or one of these with its kind in
/// front. Names may be quoted as in SQL. What the archive has under a longer name has it by itself,
/// too: functions without arguments; triggers, constraints, defaults, rules and policies without
/// their table. Last, it may be a pattern. `what` says what the command is for, in messages.
pub(crate) fn find<'a>(
    toc: &'a Toc,
    object: &[u8],
    what: &str,
    fits: impl Fn(&TocEntry<'a>) -> bool,
) -> Result<TocEntry<'a>, Failure> {
    match find_all(toc, object, what, fits)?[..] {
        [entry] => Ok(entry),
        ref several => Err(ambiguous(toc, object, several)),
    }
}

/// As [`find`], but a pattern (`sales.*`) may name several.
pub(crate) fn find_all<'a>(
    toc: &'a Toc,
    object: &[u8],
    what: &str,
    fits: impl Fn(&TocEntry<'a>) -> bool,
) -> Result<Vec<TocEntry<'a>>, Failure> {
    let id = std::str::from_utf8(object).ok().and_then(|object| object.parse().ok());
    if let Some(entry) = id.and_then(|id| toc.entry(DumpId(id))) {
        return Ok(vec![entry]);
    }
    let (named, is_pattern) = named(toc, object)?;
    let fitting: Vec<TocEntry<'a>> = named.iter().copied().filter(|entry| fits(entry)).collect();
    let fitting = principal(&fitting);
    match (fitting.len(), principal(&named).first()) {
        (1, _) => Ok(fitting),
        (0, None) => {
            let shown = argument(object, toc);
            // Rows are of tables alone.
            let only_tables = what == "has no rows";
            let similar = similar(toc, &shown, |entry| !only_tables || entry.desc() == Desc::TABLE);
            let similar = similar.unwrap_or_else(|| "; pgdmp list shows what is".to_owned());
            Err(Failure::Nothing(format!("\"{shown}\" is not in the archive{similar}")))
        }
        (0, Some(first)) => Err(Failure::Usage(lacks(*first, what))),
        _ if is_pattern => Ok(fitting),
        _ => Err(ambiguous(toc, object, &fitting)),
    }
}

fn ambiguous(toc: &Toc, object: &[u8], several: &[TocEntry<'_>]) -> Failure {
    let shown = argument(object, toc);
    let what = format!(
        "\"{shown}\" is ambiguous; give the schema, the kind or the number of one of these:"
    );
    let choice = |entry: &TocEntry<'_>| format!("{:>6}  {}", entry.dump_id(), quoted(*entry));
    let mut choices: Vec<String> = several.iter().take(SHOWN).map(choice).collect();
    if several.len() > SHOWN {
        choices.push(format!("and {} more", several.len() - SHOWN));
    }
    Failure::Ambiguous { what, choices }
}

/// That an entry does not have what a command is for, and why that is so.
pub(crate) fn lacks(entry: TocEntry<'_>, what: &str) -> String {
    let is_partitioned = |defn: &[u8]| memchr::memmem::find(defn, b"\nPARTITION BY ").is_some();
    let why = match entry.desc() {
        Desc::MATERIALIZED_VIEW | Desc::MATERIALIZED_VIEW_DATA => {
            ": no archive has the rows of a materialized view; a restore makes them again with \
             REFRESH MATERIALIZED VIEW"
        }
        Desc::VIEW => ": it is a view",
        Desc::SEQUENCE | Desc::SEQUENCE_SET => {
            ": the value of a sequence is a definition; pgdmp show has it"
        }
        Desc::FOREIGN_TABLE => ": the rows of a foreign table are on another server",
        Desc::TABLE if entry.defn().is_some_and(is_partitioned) => {
            ": it is partitioned, and its partitions have the rows"
        }
        Desc::TABLE => ": the archive was made without them",
        _ => "",
    };
    let of_data = what == "has no rows" || what == "has no data";
    format!("{} {what}{}", entry.name(), if of_data { why } else { "" })
}

/// What a name can mean, in the order of the archive, and whether it does as a pattern.
fn named<'a>(toc: &'a Toc, object: &[u8]) -> Result<(Vec<TocEntry<'a>>, bool), Failure> {
    let translated = toc.text_encoding().translate(object);
    let spellings = || [object].into_iter().chain(translated.as_deref());
    for by in [by_name, by_itself] {
        for spelling in spellings() {
            let found = candidates(toc, spelling, by);
            if !found.is_empty() {
                return Ok((found, false));
            }
        }
    }
    if !object.iter().any(|byte| matches!(byte, b'*' | b'?')) {
        return Ok((Vec::new(), false));
    }
    let mut found = by_pattern(toc, object)?;
    if let Some((desc, rest)) = kind_of(toc, object) {
        found.extend(by_pattern(toc, rest)?.into_iter().filter(|entry| entry.desc() == desc));
        in_order(&mut found);
    }
    Ok((found, true))
}

/// As the options of a selection take it.
fn by_pattern<'a>(toc: &'a Toc, pattern: &[u8]) -> Result<Vec<TocEntry<'a>>, Failure> {
    let selection = Selection::new()
        .table(NamePattern::new(pattern))
        .index(NamePattern::new(pattern))
        .function(NamePattern::new(pattern))
        .trigger(NamePattern::new(pattern));
    let selected = selection.apply(toc)?;
    let is_chosen = |rule| matches!(rule, Rule::Chosen | Rule::NothingLeft);
    Ok(selected.all().filter(|(_, decision)| is_chosen(decision.rule)).map(|(e, _)| e).collect())
}

/// Kind, schema and tag as `find` takes them: what could be read in two ways is in quotes.
fn quoted(entry: TocEntry<'_>) -> String {
    let toc = entry.toc();
    let part = |part: &[u8]| {
        let plain = |byte: u8| byte > b' ' && byte != b'.' && byte != b'"';
        match !part.is_empty() && part.iter().all(|byte| plain(*byte)) {
            true => toc.printable(part).to_string(),
            false => format!("\"{}\"", toc.printable(part).to_string().replace('"', "\"\"")),
        }
    };
    let kind = entry.desc();
    let tag = part(entry.tag().unwrap_or_default());
    match entry.namespace() {
        Some(schema) => format!("{kind} {}.{tag}", part(schema)),
        None => format!("{kind} {tag}"),
    }
}

/// A way to look for a name, of a kind if one is given.
type By = for<'a, 'b> fn(&'a Toc, &'b [u8], Option<Desc<'b>>) -> Vec<TocEntry<'a>>;

/// All entries that a name can mean, in the order of the archive.
fn candidates<'a>(toc: &'a Toc, object: &[u8], by: By) -> Vec<TocEntry<'a>> {
    let mut found = by(toc, object, None);
    if let Some((desc, name)) = kind_of(toc, object) {
        found.extend(by(toc, name, Some(desc)));
    }
    in_order(&mut found);
    found
}

fn in_order(entries: &mut Vec<TocEntry<'_>>) {
    entries.sort_by_key(TocEntry::index);
    entries.dedup_by_key(|entry| entry.index());
}

/// The kind in front of a name, and the name: of all kinds that the archive has, the longest that
/// fits.
fn kind_of<'a, 'o>(toc: &'a Toc, object: &'o [u8]) -> Option<(Desc<'a>, &'o [u8])> {
    let kinds: BTreeSet<&[u8]> = toc.entries().map(|entry| entry.desc().as_bytes()).collect();
    let fits = |kind: &&[u8]| {
        let (head, rest) = object.split_at(kind.len().min(object.len()));
        head.eq_ignore_ascii_case(kind) && rest.starts_with(b" ")
    };
    let kind = kinds.into_iter().filter(fits).max_by_key(|kind| kind.len())?;
    Some((Desc(kind), object.get(kind.len()..).unwrap_or_default().trim_ascii_start()))
}

fn by_name<'a, 'b>(toc: &'a Toc, name: &'b [u8], desc: Option<Desc<'b>>) -> Vec<TocEntry<'a>> {
    let kind = |entry: &TocEntry<'a>| desc.is_none_or(|desc| entry.desc() == desc);
    let mut found: Vec<TocEntry<'a>> = toc.with_tag(name).filter(kind).collect();
    if let Some(unquoted) = unquote(name) {
        found.extend(toc.with_tag(&unquoted).filter(kind));
    }
    for (schema, tag) in with_schema(name) {
        let fits = |entry: &TocEntry<'a>| entry.namespace() == Some(&*schema);
        found.extend(toc.with_tag(&tag).filter(kind).filter(fits));
    }
    found
}

/// The ways to read a name as one with its schema. Any dot may be the one behind the schema: names
/// may have dots, too. No other character has such a byte, in any encoding.
fn with_schema(name: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let part = |part: &[u8]| unquote(part).unwrap_or_else(|| part.to_vec());
    let dots = name.iter().enumerate().filter(|(_, byte)| **byte == b'.');
    dots.map(move |(at, _)| (part(&name[..at]), part(&name[at + 1..])))
}

/// Entries whose tags have more than the name: the arguments behind it, or the table before it.
fn by_itself<'a, 'b>(toc: &'a Toc, name: &'b [u8], desc: Option<Desc<'b>>) -> Vec<TocEntry<'a>> {
    let bare = unquote(name).unwrap_or_else(|| name.to_vec());
    let with_schema: Vec<_> = with_schema(name).collect();
    let entries = toc.entries().filter(|entry| desc.is_none_or(|desc| entry.desc() == desc));
    let is_it = |entry: &TocEntry<'a>| {
        let Some(own) = OwnName::of(*entry) else { return false };
        own.is(&bare)
            || with_schema.iter().any(|(before, rest)| {
                // What is before may be the schema, or the table.
                (entry.namespace() == Some(before) && (own.is(rest) || own.is_dotted(rest)))
                    || own.is_of(before, rest)
            })
    };
    entries.filter(is_it).collect()
}

/// What people call an object whose tag has more.
enum OwnName<'a> {
    /// `name(arguments)`.
    WithArguments(&'a [u8]),
    /// `table name`.
    BehindTable(&'a [u8]),
    /// The OIDs of a group of large objects, one on each line.
    InGroup(&'a [u8]),
}

impl<'a> OwnName<'a> {
    fn of(entry: TocEntry<'a>) -> Option<Self> {
        let tag = entry.tag()?;
        match entry.desc() {
            Desc::FUNCTION | Desc::PROCEDURE | Desc::AGGREGATE => Some(Self::WithArguments(tag)),
            Desc::TRIGGER
            | Desc::CONSTRAINT
            | Desc::FK_CONSTRAINT
            | Desc::CHECK_CONSTRAINT
            | Desc::DEFAULT
            | Desc::RULE
            | Desc::POLICY => Some(Self::BehindTable(tag)),
            Desc::BLOB_METADATA => Some(Self::InGroup(entry.defn()?)),
            _ => None,
        }
    }

    fn is(&self, name: &[u8]) -> bool {
        match self {
            Self::WithArguments(tag) => {
                tag.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"("))
            }
            Self::BehindTable(tag) => {
                tag.strip_suffix(name).is_some_and(|table| table.ends_with(b" "))
            }
            Self::InGroup(oids) => oids.split(|byte| *byte == b'\n').any(|oid| oid == name),
        }
    }

    /// Whether it is this name behind this table.
    fn is_of(&self, table: &[u8], name: &[u8]) -> bool {
        match self {
            Self::WithArguments(_) | Self::InGroup(_) => false,
            Self::BehindTable(tag) => {
                let rest = tag.strip_prefix(table).and_then(|rest| rest.strip_prefix(b" "));
                rest == Some(name)
            }
        }
    }

    /// Whether it is `table.name`.
    fn is_dotted(&self, name: &[u8]) -> bool {
        with_schema(name).any(|(table, name)| self.is_of(&table, &name))
    }

    /// What it may be called, for comparisons.
    fn text(&self) -> &'a [u8] {
        match self {
            Self::WithArguments(tag) => tag.split(|byte| *byte == b'(').next().unwrap_or(tag),
            Self::BehindTable(tag) => tag.rsplit(|byte| *byte == b' ').next().unwrap_or(tag),
            Self::InGroup(_) => b"",
        }
    }
}

/// The name in double quotes, if all of it is in them.
fn unquote(name: &[u8]) -> Option<Vec<u8>> {
    let inner = name.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut unquoted = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        // A quote inside is written twice.
        if *byte == b'"' && bytes.next() != Some(&b'"') {
            return None;
        }
        unquoted.push(*byte);
    }
    Some(unquoted)
}

/// Of several entries of one object, the object itself rather than what belongs to it.
fn principal<'a>(entries: &[TocEntry<'a>]) -> Vec<TocEntry<'a>> {
    let own: Vec<TocEntry<'a>> =
        entries.iter().copied().filter(|entry| !is_attached(entry.desc())).collect();
    if own.is_empty() { entries.to_vec() } else { own }
}

/// Whether entries of this kind have the name of what they belong to.
fn is_attached(desc: Desc<'_>) -> bool {
    desc.is_acl()
        || matches!(
            desc,
            Desc::TABLE_DATA
                | Desc::TABLE_ATTACH
                | Desc::MATERIALIZED_VIEW_DATA
                | Desc::SEQUENCE_SET
                | Desc::SEQUENCE_OWNED_BY
                | Desc::ROW_SECURITY
                | Desc::STATISTICS_DATA
                | Desc::EXTENDED_STATISTICS_DATA
                | Desc::COMMENT
                | Desc::SECURITY_LABEL
                | Desc::BLOBS
                | Desc::DATABASE_PROPERTIES
        )
}

/// Longer names are not compared letter by letter.
const LONGEST: usize = 100;

/// Names that were perhaps meant, of entries that `fits` allows, as the end of a message.
pub(crate) fn similar(
    toc: &Toc,
    object: &str,
    fits: impl Fn(&TocEntry<'_>) -> bool,
) -> Option<String> {
    const MOST: usize = 5;
    let wanted = object.rsplit('.').next().unwrap_or(object).trim_matches('"').to_lowercase();
    let letters = wanted.chars().count();
    if wanted.is_empty() {
        return None;
    }
    let mut names = BTreeSet::new();
    // The nearest of those that no letter for letter comparison finds.
    let allowed = (letters / 3).clamp(1, 3);
    let mut near: Vec<(usize, String)> = Vec::new();
    for entry in toc.entries().filter(|entry| !is_attached(entry.desc())).filter(fits) {
        let text = |text: &[u8]| toc.printable(text).to_string().to_lowercase();
        let tag = text(entry.tag().unwrap_or_default());
        if tag == wanted || (letters > 2 && tag.contains(&wanted)) {
            names.insert(quoted(entry));
            if names.len() == MOST {
                break;
            }
            continue;
        }
        let own = OwnName::of(entry).map_or(tag, |own| text(own.text()));
        let more = own.chars().take(LONGEST + 1).count();
        if letters > 2 && more <= LONGEST && more.abs_diff(letters) <= allowed {
            let distance = strsim::osa_distance(&own, &wanted);
            if distance <= allowed {
                near.push((distance, quoted(entry)));
                near.sort();
                near.truncate(MOST);
            }
        }
    }
    if !names.is_empty() {
        return Some(format!("; it has {}", Vec::from_iter(names).join(", ")));
    }
    near.dedup();
    // One that is nearer than all others was meant.
    let nearest = near.first()?.0;
    near.retain(|(distance, _)| *distance == nearest);
    let names: Vec<String> = near.into_iter().map(|(_, name)| name).collect();
    Some(format!("; did you mean {}?", names.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes() {
        for (name, expected) in [
            (&b"\"a.b\""[..], Some(&b"a.b"[..])),
            (b"\"a\"\"b\"", Some(b"a\"b")),
            (b"\"a\".\"b\"", None),
            (b"a", None),
            (b"\"", None),
            (b"\"a\"\"", None),
        ] {
            assert_eq!(unquote(name).as_deref(), expected, "{name:?}");
        }
    }
}
