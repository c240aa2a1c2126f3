//! What OBJECT on the command line stands for.

use std::collections::BTreeSet;

use crate::Failure;
use crate::message::shown;
use pgdmp::{Desc, DumpId, Toc, TocEntry};

/// How many candidates a message lists.
const SHOWN: usize = 20;

/// The one entry that `object` names, of those that `fits` allows.
///
/// `object` is a dump id, a name, a name with its schema, or one of these with its kind in
/// front. Names may be quoted as in SQL. `what` says what the command is for, in messages.
pub(crate) fn find<'a>(
    toc: &'a Toc,
    object: &str,
    what: &str,
    fits: impl Fn(&TocEntry<'a>) -> bool,
) -> Result<TocEntry<'a>, Failure> {
    if let Ok(id) = object.parse()
        && let Some(entry) = toc.entry(DumpId(id))
    {
        return Ok(entry);
    }
    let named = candidates(toc, object);
    let fitting: Vec<TocEntry<'a>> = named.iter().copied().filter(|entry| fits(entry)).collect();
    match principal(&fitting)[..] {
        [entry] => Ok(entry),
        [] if named.is_empty() => Err(Failure::Usage(format!(
            "\"{}\" is not in the archive{}",
            shown(object.as_bytes()),
            similar(toc, object)
        ))),
        [] => Err(Failure::Usage(format!("{} {what}", named[0].name()))),
        ref several => {
            let what = format!(
                "\"{}\" is ambiguous; give the schema, the kind or the number of one of these:",
                shown(object.as_bytes())
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
fn candidates<'a>(toc: &'a Toc, object: &str) -> Vec<TocEntry<'a>> {
    let mut found = by_name(toc, object, None);
    // A kind may stand in front: of all that the archive has, the longest that fits.
    let kinds: BTreeSet<&[u8]> = toc.entries().map(|entry| entry.desc().as_bytes()).collect();
    let fits = |kind: &&&[u8]| {
        let (head, rest) = object.as_bytes().split_at(kind.len().min(object.len()));
        head.eq_ignore_ascii_case(kind) && rest.starts_with(b" ")
    };
    if let Some(kind) = kinds.iter().filter(fits).max_by_key(|kind| kind.len()) {
        // A kind is ASCII where it fits, so this is no place inside a character.
        let name = object.get(kind.len()..).unwrap_or_default().trim_start();
        found.extend(by_name(toc, name, Some(Desc(kind))));
    }
    found.sort_by_key(TocEntry::index);
    found.dedup_by_key(|entry| entry.index());
    found
}

fn by_name<'a>(toc: &'a Toc, name: &str, desc: Option<Desc<'_>>) -> Vec<TocEntry<'a>> {
    let kind = |entry: &TocEntry<'a>| desc.is_none_or(|desc| entry.desc() == desc);
    let mut found: Vec<TocEntry<'a>> = toc.with_tag(name.as_bytes()).filter(kind).collect();
    if let Some(unquoted) = unquote(name) {
        found.extend(toc.with_tag(unquoted.as_bytes()).filter(kind));
    }
    // Any dot may be the one behind the schema: names may have dots, too.
    for (at, _) in name.match_indices('.') {
        let (schema, tag) = (&name[..at], &name[at + 1..]);
        let schema = unquote(schema).unwrap_or_else(|| schema.to_owned());
        let tag = unquote(tag).unwrap_or_else(|| tag.to_owned());
        let fits = |entry: &TocEntry<'a>| entry.namespace() == Some(schema.as_bytes());
        found.extend(toc.with_tag(tag.as_bytes()).filter(kind).filter(fits));
    }
    found
}

/// The name in double quotes, if all of it is in them.
fn unquote(name: &str) -> Option<String> {
    let inner = name.strip_prefix('"')?.strip_suffix('"')?;
    // A quote inside is written twice.
    let whole = inner.replace("\"\"", "");
    (!whole.contains('"')).then(|| inner.replace("\"\"", "\""))
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
        let tag = String::from_utf8_lossy(entry.tag().unwrap_or_default()).to_lowercase();
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
        assert_eq!(unquote("\"a.b\"").as_deref(), Some("a.b"));
        assert_eq!(unquote("\"a\"\"b\"").as_deref(), Some("a\"b"));
        assert_eq!(unquote("\"a\".\"b\""), None);
        assert_eq!(unquote("a"), None);
        assert_eq!(unquote("\""), None);
    }
}
