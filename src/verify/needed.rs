//! What must be on the server before a restore of the archive.

use super::code::Code;
use super::report::Found;
use crate::needs::{Needed, Needs};
use crate::script::ScriptOptions;
use crate::select::Selection;
use crate::text::{Encoding, Printable};
use crate::toc::Toc;

/// Names of each kind that are told; more are counted.
const TOLD: usize = 10;

/// What a restore of everything needs, in one finding. `None` if it needs nothing, or if the archive
/// is too damaged to tell.
pub(super) fn found(toc: &Toc) -> Option<Found> {
    let selected = Selection::new().apply(toc).ok()?;
    let needs = Needs::of(&selected, &ScriptOptions::new()).ok()?;
    let mut roles: Vec<&[u8]> = [Needed::Owner, Needed::Role]
        .into_iter()
        .flat_map(|kind| needs.of_kind(kind).map(|(name, _)| name))
        .collect();
    roles.sort_unstable();
    roles.dedup();
    let names = |kind| needs.of_kind(kind).map(|(name, _)| name).collect::<Vec<_>>();
    let made = |desc: &str, name: &[u8]| {
        let mut same = toc.with_tag(name);
        same.any(|entry| entry.desc() == *desc)
    };
    // These come with every server.
    let mut languages = names(Needed::Language);
    languages.retain(|name| {
        !matches!(*name, b"sql" | b"c" | b"internal" | b"plpgsql")
            && !made("PROCEDURAL LANGUAGE", name)
            && !made("EXTENSION", name)
    });
    let mut methods = names(Needed::AccessMethod);
    methods.retain(|name| {
        !matches!(*name, b"heap" | b"btree" | b"hash" | b"gist" | b"gin" | b"spgist" | b"brin")
            && !made("ACCESS METHOD", name)
    });
    let mut extensions = names(Needed::Extension);
    extensions.retain(|name| *name != b"plpgsql");
    let kinds = [
        ("role", roles),
        ("extension", extensions),
        ("tablespace", names(Needed::Tablespace)),
        ("language", languages),
        ("access method", methods),
    ];
    let encoding = toc.text_encoding();
    let parts: Vec<String> = kinds
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(kind, names)| listed(kind, &names, encoding))
        .collect();
    let what = format!("a restore needs {}", parts.join("; "));
    (!parts.is_empty()).then(|| Found::new(Code::Needs, what))
}

/// Such as `roles a, b`.
fn listed(kind: &str, names: &[&[u8]], encoding: Encoding) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    let shown = names.iter().take(TOLD).map(|name| Printable::new(name, encoding).to_string());
    let more = match names.len().saturating_sub(TOLD) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{kind}{plural} {}{more}", shown.collect::<Vec<_>>().join(", "))
}
