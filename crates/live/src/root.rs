//! Rows that find their way from the root of partitioned tables (`--load-via-partition-root`).

use pgdmp::{Desc, TocEntry};

/// The table by way of which the rows of a partition find it, as its statement names it.
pub(crate) fn root_of<'t>(entry: &TocEntry<'t>) -> Option<&'t [u8]> {
    if entry.desc() != Desc::TABLE_DATA {
        return None;
    }
    // `COPY schema.root (columns) FROM stdin;`
    let target = name(entry.copy_stmt()?.strip_prefix(b"COPY ")?);
    // Releases before 12 write no comment.
    let defn = entry.defn().unwrap_or_default();
    let says_so = defn.starts_with(b"-- load via partition root ");
    (says_so || !names(entry, target)).then_some(target)
}

/// The name at the beginning of a text, with its schema.
fn name(text: &[u8]) -> &[u8] {
    let mut at = 0;
    let mut within_quotes = false;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => within_quotes = !within_quotes,
            b' ' | b'(' | b'\n' if !within_quotes => break,
            _ => {}
        }
        at += 1;
    }
    &text[..at]
}

/// Whether a name is that of the table of an entry, however it is quoted.
fn names(entry: &TocEntry<'_>, name: &[u8]) -> bool {
    let quote = |name: &[u8]| {
        let doubled = name.iter().flat_map(|byte| match byte {
            b'"' => b"\"\"".iter(),
            _ => std::slice::from_ref(byte).iter(),
        });
        [b"\"", &doubled.copied().collect::<Vec<u8>>()[..], b"\""].concat()
    };
    let forms = |name: &[u8]| [name.to_vec(), quote(name)];
    let tables = forms(entry.tag().unwrap_or_default());
    let schemas = forms(entry.namespace().unwrap_or_default());
    tables.iter().any(|table| {
        name == &table[..]
            || schemas.iter().any(|schema| [schema, &b"."[..], table].concat() == name)
    })
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_ends_outside_of_quotes() {
        for (text, expected) in [
            ("public.t (a, b) FROM stdin;\n", "public.t"),
            ("t FROM stdin;\n", "t"),
            ("\"a (b\".\"c \"\"d\" (e) FROM stdin;\n", "\"a (b\".\"c \"\"d\""),
            ("s.\"T\"", "s.\"T\""),
            ("", ""),
        ] {
            assert_eq!(name(text.as_bytes()), expected.as_bytes());
        }
    }
}
