//! Names and literals in SQL.

use crate::encoding::Encoding;

/// Words that PostgreSQL 18 takes for something else than a name in some place, so that they are
/// quoted everywhere: `fmtId` and the categories of `kwlist.h` but unreserved. Sorted.
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// Writes a name, in double quotes where it needs them.
pub(crate) fn identifier(name: &[u8], encoding: Encoding, out: &mut Vec<u8>) {
    if is_plain(name) {
        out.extend_from_slice(name);
        return;
    }
    out.push(b'"');
    quoted(name, encoding, |byte| byte == b'"', out);
    out.push(b'"');
}

fn is_plain(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| matches!(byte, b'a'..=b'z' | b'_'))
        && name.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && KEYWORDS.binary_search_by(|keyword| keyword.as_bytes().cmp(name)).is_err()
}

/// A name in double quotes, which is right for any name.
pub(crate) fn quote(name: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in name {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
    out
}

/// Writes a string literal. `std_strings`: whether a backslash in it is just a backslash.
pub(crate) fn literal(text: &[u8], encoding: Encoding, std_strings: bool, out: &mut Vec<u8>) {
    out.push(b'\'');
    let doubled = |byte| byte == b'\'' || (byte == b'\\' && !std_strings);
    quoted(text, encoding, doubled, out);
    out.push(b'\'');
}

/// Writes the inside of quotes. A character that is cut off must not take the closing quote with
/// it, so what is no character is replaced by what surely is none.
fn quoted(text: &[u8], encoding: Encoding, doubled: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at).copied() {
        if byte.is_ascii() {
            if doubled(byte) {
                out.push(byte);
            }
            out.push(byte);
            at += 1;
        } else if let Some(len) = encoding.character(&text[at..]) {
            out.extend_from_slice(&text[at..at + len]);
            at += len;
        } else {
            out.extend_from_slice(&encoding.invalid());
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(name: &[u8], encoding: Encoding) -> Vec<u8> {
        let mut out = Vec::new();
        identifier(name, encoding, &mut out);
        out
    }

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn identifiers() {
        for (name, text) in [
            (&b"staff"[..], &b"staff"[..]),
            (b"_x9", b"_x9"),
            (b"9x", b"\"9x\""),
            (b"", b"\"\""),
            (b"Order", b"\"Order\""),
            (b"select", b"\"select\""),
            (b"name", b"name"),
            (b"a$b", b"\"a$b\""),
            (b"a\"b", b"\"a\"\"b\""),
            ("né".as_bytes(), "\"né\"".as_bytes()),
            (b"x\xC3", b"\"x\xC0 \""),
            (b"\xE2\x82\"", b"\"\xC0 \xC0 \"\"\""),
        ] {
            assert_eq!(quote(name, Encoding::UTF8), text);
        }
        assert_eq!(quote(b"x\xC3", Encoding::SQL_ASCII), b"\"x\xC3\"");
    }
}
