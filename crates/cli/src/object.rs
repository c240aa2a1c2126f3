//! What OBJECT on the command line stands for.

use std::collections::BTreeSet;

use crate::Failure;
use crate::selection::argument;
use pgdmp::{Desc, DumpId, Toc, TocEntry};

/// How many candidates a message lists.
const SHOWN: usize = 20;

/// The one entry that `object` names, of those that `fits` allows.
///
/// `object` is a dump id, a name, a name with its schema, or one of these with its kind in
/// front. Names may be quoted as in SQL. `what` says what the command is for, in messages.
pub(crate) fn find<'a>(
    toc: &'a Toc,
    object: &[u8],
    what: &str,
    fits: impl Fn(&TocEntry<'a>) -> bool,
) -> Result<TocEntry<'a>, Failure> {
    let id = std::str::from_utf8(object).ok().and_then(|object| object.parse().ok());
    if let Some(entry) = id.and_then(|id| toc.entry(DumpId(id))) {
        return Ok(entry);
    }
    let mut named = candidates(toc, object);
    if named.is_empty()
        && let Some(object) = toc.text_encoding().translate(object)
    {
        named = candidates(toc, &object);
    }
    let fitting: Vec<TocEntry<'a>> = named.iter().copied().filter(|entry| fits(entry)).collect();
    let shown = argument(object, toc);
    match principal(&fitting)[..] {
        [entry] => Ok(entry),
        [] if named.is_empty() => {
            let similar = similar(toc, &shown);
            Err(Failure::Nothing(format!("\"{shown}\" is not in the archive{similar}")))
        }
        [] => Err(Failure::Usage(format!("{} {what}", named[0].name()))),
        ref several => {
            let what = format!(
                "\"{shown}\" is ambiguous; give the schema, the kind or the number of one of these:"
            );
            let choice =
                |entry: &TocEntry<'_>| format!("{:>6}  {}", entry.dump_id(), quoted(*entry));
            let mut choices: Vec<String> = several.iter().take(SHOWN).map(choice).collect();
            if several.len() > SHOWN {
                choices.push(format!("and {} more", several.len() - SHOWN));
            }
            Err(Failure::Ambiguous { what, choices })
        }
    }
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

/// All entries that a name can mean, in the order of the archive.
fn candidates<'a>(toc: &'a Toc, object: &[u8]) -> Vec<TocEntry<'a>> {
    let mut found = by_name(toc, object, None);
    // A kind may stand in front: of all that the archive has, the longest that fits.
    let kinds: BTreeSet<&[u8]> = toc.entries().map(|entry| entry.desc().as_bytes()).collect();
    let fits = |kind: &&&[u8]| {
        let (head, rest) = object.split_at(kind.len().min(object.len()));
        head.eq_ignore_ascii_case(kind) && rest.starts_with(b" ")
    };
    if let Some(kind) = kinds.iter().filter(fits).max_by_key(|kind| kind.len()) {
        let name = object.get(kind.len()..).unwrap_or_default().trim_ascii_start();
        found.extend(by_name(toc, name, Some(Desc(kind))));
    }
    found.sort_by_key(TocEntry::index);
    found.dedup_by_key(|entry| entry.index());
    found
}

fn by_name<'a>(toc: &'a Toc, name: &[u8], desc: Option<Desc<'_>>) -> Vec<TocEntry<'a>> {
    let kind = |entry: &TocEntry<'a>| desc.is_none_or(|desc| entry.desc() == desc);
    let mut found: Vec<TocEntry<'a>> = toc.with_tag(name).filter(kind).collect();
    if let Some(unquoted) = unquote(name) {
        found.extend(toc.with_tag(&unquoted).filter(kind));
    }
    // Any dot may be the one behind the schema: names may have dots, too. No other character has
    // such a byte, in any encoding.
    for (at, _) in name.iter().enumerate().filter(|(_, byte)| **byte == b'.') {
        let part = |part: &[u8]| unquote(part).unwrap_or_else(|| part.to_vec());
        let (schema, tag) = (part(&name[..at]), part(&name[at + 1..]));
        let fits = |entry: &TocEntry<'a>| entry.namespace() == Some(&*schema);
        found.extend(toc.with_tag(&tag).filter(kind).filter(fits));
    }
    found
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

/// Names that were perhaps meant.
fn similar(toc: &Toc, object: &str) -> String {
    let wanted = object.rsplit('.').next().unwrap_or(object).trim_matches('"').to_lowercase();
    let mut names = BTreeSet::new();
    for entry in toc.entries().filter(|entry| !is_attached(entry.desc())) {
        let tag = toc.printable(entry.tag().unwrap_or_default()).to_string().to_lowercase();
        if !wanted.is_empty() && (tag == wanted || (wanted.len() > 2 && tag.contains(&wanted))) {
            names.insert(quoted(entry));
        }
        if names.len() > 5 {
            break;
        }
    }
    match names.len() {
        0 => "; pgdmp list shows what is".to_owned(),
        _ => format!("; it has {}", names.into_iter().take(5).collect::<Vec<_>>().join(", ")),
    }
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
