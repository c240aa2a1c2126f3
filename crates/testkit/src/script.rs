//! The data in a script of `pg_restore -f`, which prints it as it is stored.

use memchr::memmem;
use pgdmp::{Toc, TocEntry};

use crate::contents::{Content, Contents, from_hex, has_objects};

/// Checks that the script holds the data of all entries, in their order; says of how many.
///
/// `script` must be of a restore of everything.
pub fn check(toc: &Toc, contents: &Contents, script: &[u8]) -> Result<usize, String> {
    let mut at = 0;
    let mut checked = 0;
    for entry in toc.entries().filter(TocEntry::has_data) {
        let name = entry.name();
        let content = contents.get(&entry.dump_id().0).ok_or(format!("no data of {name}"))?;
        // The head of the entry, so that nothing before it is taken for its data.
        at = after(script, at, &head(entry)).ok_or(format!("no head of {name}"))?;
        at = after(script, at, b"\n--\n\n").ok_or(format!("no end of the head of {name}"))?;
        match content {
            Content::Data(data) => {
                let start = match entry.copy_stmt().filter(|copy| !copy.is_empty()) {
                    Some(copy) => after(script, at, copy),
                    None => Some(at),
                };
                let start = start.ok_or(format!("no COPY statement of {name}"))?;
                if !script[start..].starts_with(data) {
                    return Err(format!("the data of {name} differs: {content:?}"));
                }
                at = start + data.len();
            }
            Content::Objects(objects) => at = check_objects(script, at, objects, &name.name)?,
        }
        checked += 1;
    }
    // Nothing but the data of these entries.
    let last = if toc.entries().filter(TocEntry::has_data).any(has_objects) { at } else { 0 };
    if memmem::find(&script[last..], b"pg_catalog.lo_open('").is_some() {
        return Err("the script has more large objects".to_owned());
    }
    Ok(checked)
}

/// The place behind `needle`.
fn after(script: &[u8], at: usize, needle: &[u8]) -> Option<usize> {
    memmem::find(&script[at..], needle).map(|found| at + found + needle.len())
}

/// The comment above an entry.
fn head(entry: TocEntry<'_>) -> Vec<u8> {
    let line = |text: &[u8]| -> Vec<u8> {
        text.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }).collect()
    };
    let owner = entry.owner().unwrap_or_default();
    [
        b"\n-- Data for Name: ",
        &line(entry.tag().unwrap_or_default())[..],
        b"; Type: ",
        entry.desc().as_bytes(),
        b"; Schema: ",
        &line(entry.namespace().unwrap_or(b"-")),
        b"; Owner: ",
        &line(owner),
    ]
    .concat()
}

fn check_objects(
    script: &[u8],
    mut at: usize,
    objects: &[(u32, Vec<u8>)],
    name: &str,
) -> Result<usize, String> {
    for (oid, data) in objects {
        let wrong = |what: &str| format!("{name}, large object {oid}: {what}");
        let found = after(script, at, b"SELECT pg_catalog.lo_open(").ok_or(wrong("missing"))?;
        let line_end = after(script, found, b"\n").ok_or(wrong("no end"))?;
        let line = &script[found..line_end];
        let plain = format!("'{oid}', 131072);\n");
        let create = format!("pg_catalog.lo_create('{oid}'), 131072);\n");
        if line != plain.as_bytes() && line != create.as_bytes() {
            return Err(wrong(&format!("there is {}", line.escape_ascii())));
        }
        at = line_end;
        let mut restored = Vec::new();
        while let Some(rest) = script[at..].strip_prefix(b"SELECT pg_catalog.lowrite(0, '") {
            let end = memmem::find(rest, b"');\n").ok_or(wrong("no end"))?;
            let hex = rest[..end].trim_start_with_backslashes();
            restored.extend_from_slice(&from_hex(hex.strip_prefix(b"x").ok_or(wrong("no hex"))?));
            at = script.len() - rest.len() + end + 4;
        }
        if restored != *data {
            return Err(wrong(&format!("{} bytes instead of {}", data.len(), restored.len())));
        }
        let close = b"SELECT pg_catalog.lo_close(0);\n\n";
        if !script[at..].starts_with(close) {
            return Err(wrong("is not closed"));
        }
        at += close.len();
    }
    Ok(at)
}

trait Backslashes {
    fn trim_start_with_backslashes(&self) -> &[u8];
}

impl Backslashes for [u8] {
    fn trim_start_with_backslashes(&self) -> &[u8] {
        let start = self.iter().position(|byte| *byte != b'\\').unwrap_or(self.len());
        &self[start..]
    }
}
