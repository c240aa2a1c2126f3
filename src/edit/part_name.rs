//! What a part of an archive is of, and the name of a file that says so.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// How an archive is divided into parts.
///
/// See the example of [`parts`](super::parts()).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitBy {
    /// One part for each table, with its data, indexes, constraints, triggers, sequences and
    /// privileges.
    Table,
    /// One part for each schema, with all its objects.
    Schema,
}

/// The name of the table or schema of a [`Part`](super::Part).
///
/// # As the name of a file
///
/// [`file_stem`](Self::file_stem) encodes it so that every file system tells different names apart,
/// and [`from_file_stem`](Self::from_file_stem) decodes it:
///
/// - Small ASCII letters, digits and `_` stand for themselves; a capital ASCII letter is `+` and the
///   small one; every other byte is `%` and two hexadecimal digits (capitals), as in a URL.
/// - A table's schema stands before it, with a dot between. A name without any letter is a lone `%`.
/// - If what stands before the first dot would be a device on Windows (`con`, `nul`, `com1`, …), its
///   last character is written as `%` and two digits.
/// - What would be longer than 200 bytes is cut to at most 167, followed by `-` and the first 32
///   digits of the SHA-256 of the whole. It cannot be read back; the archive has the names.
///
/// So different names differ where case does not matter, and where letters with accents are
/// written in another way; no name begins with a dot, ends with a dot or a blank, or means
/// something to a shell.
///
/// ```
/// use pgdmp::edit::{PartName, SplitBy};
///
/// let name = PartName::table(Some(b"Sales"), b"b.c");
/// assert_eq!(name.file_stem(), "+sales.b%2Ec");
/// assert_eq!(PartName::from_file_stem("+sales.b%2Ec", SplitBy::Table), Some(name));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartName {
    schema: Option<Vec<u8>>,
    table: Option<Vec<u8>>,
}

/// Bytes of the longest name, which leaves room for an extension where names have 255 or fewer.
const LONGEST: usize = 200;
/// Digits of the hash, which are half of its.
const HASH: usize = 32;
/// A part that cannot be empty.
const EMPTY: &str = "%";

impl PartName {
    /// A table and its schema. Archives of servers before 7.3 have no schemas.
    pub fn table(schema: Option<&[u8]>, table: &[u8]) -> PartName {
        PartName { schema: schema.map(<[u8]>::to_vec), table: Some(table.to_vec()) }
    }

    /// A schema.
    pub fn of_schema(schema: &[u8]) -> PartName {
        PartName { schema: Some(schema.to_vec()), table: None }
    }

    /// The schema.
    pub fn schema(&self) -> Option<&[u8]> {
        self.schema.as_deref()
    }

    /// The table; `None` for a schema.
    pub fn table_name(&self) -> Option<&[u8]> {
        self.table.as_deref()
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> {
        [&self.schema, &self.table].into_iter().flatten().map(Vec::as_slice)
    }

    /// The name of a file, without an extension.
    pub fn file_stem(&self) -> String {
        let mut stem = self.whole();
        if stem.len() > LONGEST {
            let hash = Sha256::digest(&stem);
            let mut end = LONGEST - HASH - 1;
            // No escape is cut.
            while stem[..end].ends_with('+') || stem[end - 2..end].contains('%') {
                end -= 1;
            }
            stem.truncate(end);
            stem.push('-');
            for byte in &hash[..HASH / 2] {
                // Writing to a string does not fail.
                let _ = write!(stem, "{byte:02x}");
            }
        }
        stem
    }

    /// The name of a file, however long.
    fn whole(&self) -> String {
        let mut whole = String::new();
        for (n, name) in self.names().enumerate() {
            if n > 0 {
                whole.push('.');
            }
            let device = n == 0 && is_device(name);
            let escaped = if device { name.len() - 1 } else { name.len() };
            encode(&name[..escaped], &mut whole);
            for byte in &name[escaped..] {
                escape(*byte, &mut whole);
            }
            if name.is_empty() {
                whole.push_str(EMPTY);
            }
        }
        whole
    }

    /// Decodes the name of a file without its extension. `None` for a name that was shortened, and
    /// for one that [`file_stem`](Self::file_stem) does not make.
    pub fn from_file_stem(stem: &str, by: SplitBy) -> Option<PartName> {
        let names: Vec<Vec<u8>> = stem.split('.').map(decode).collect::<Option<_>>()?;
        let name = match (by, &names[..]) {
            (SplitBy::Schema, [schema]) => PartName::of_schema(schema),
            (SplitBy::Table, [table]) => PartName::table(None, table),
            (SplitBy::Table, [schema, table]) => PartName::table(Some(schema), table),
            _ => return None,
        };
        (name.file_stem() == stem).then_some(name)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

fn escape(byte: u8, out: &mut String) {
    let _ = write!(out, "%{byte:02X}");
}

fn encode(name: &[u8], out: &mut String) {
    for &byte in name {
        match byte {
            byte if is_plain(byte) => out.push(char::from(byte)),
            b'A'..=b'Z' => out.extend(['+', char::from(byte.to_ascii_lowercase())]),
            byte => escape(byte, out),
        }
    }
}

/// The reverse, which takes more than `encode` makes.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    if text == EMPTY {
        return Some(name);
    }
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            b'+' => bytes.next()?.to_ascii_uppercase(),
            byte => byte,
        });
    }
    Some(name)
}

/// Whether a file of this name, whatever follows a dot behind it, is a device on Windows. With
/// capital letters it would be, too, but those are not written as such.
fn is_device(name: &[u8]) -> bool {
    match name {
        b"con" | b"prn" | b"aux" | b"nul" => true,
        [kind @ .., b'0'..=b'9'] => matches!(kind, b"com" | b"lpt"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn table(schema: &str, table: &str) -> String {
        PartName::table(Some(schema.as_bytes()), table.as_bytes()).file_stem()
    }

    #[test]
    fn names_of_files() {
        for (schema, name, stem) in [
            ("public", "town", "public.town"),
            ("a", "b.c", "a.b%2Ec"),
            ("a.b", "c", "a%2Eb.c"),
            ("public", "Order Items", "public.+order%20+items"),
            ("con", "nul", "co%6E.nul"),
            ("Con", "t", "+con.t"),
            ("com1", "t", "com%31.t"),
            ("com10", "t", "com10.t"),
            ("", "", "%.%"),
            ("x", "trailing. ", "x.trailing%2E%20"),
            ("x", "a/b\\c\n%+-", "x.a%2Fb%5Cc%0A%25%2B%2D"),
            ("x", "größe", "x.gr%C3%B6%C3%9Fe"),
        ] {
            assert_eq!(table(schema, name), stem);
        }
        assert_eq!(PartName::of_schema(b"everything-else").file_stem(), "everything%2Delse");
        assert_eq!(PartName::table(None, b"lpt9").file_stem(), "lpt%39");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let long = "x".repeat(300);
        let stem = table("public", &long);
        assert_eq!(stem.len(), LONGEST);
        assert!(stem.starts_with("public.xxx"));
        assert_ne!(stem, table("public", &format!("{long}x")));
        assert_eq!(PartName::from_file_stem(&stem, SplitBy::Table), None);
        for n in 0..8 {
            let stem = table(&"y".repeat(n), &"щ".repeat(63));
            assert!(stem.len() <= LONGEST && stem.len() > LONGEST - 3, "{stem}");
            let (head, hash) = stem.split_once('-').unwrap();
            assert!(hash.len() == HASH && head.split('.').all(|part| decode(part).is_some()));
            let stem = table(&"y".repeat(n), &"Z".repeat(163));
            assert!(!stem.contains("+-"), "{stem}");
        }
    }

    #[test]
    fn what_no_name_is_written_as() {
        for stem in ["", "a..b", "a.b.c", "con", "A", "a%2eb", "%", "%%", "+", "+1", "a b", "%41"] {
            for by in [SplitBy::Table, SplitBy::Schema] {
                let name = PartName::from_file_stem(stem, by);
                assert!(name.is_none() || stem == "%", "{stem:?}: {name:?}");
            }
        }
    }

    /// Of many names, chosen to be alike, each is read back, and no two are one for a file
    /// system that ignores case and normalises accents: all is ASCII.
    #[test]
    fn names_stay_apart() {
        let words: [&[u8]; 24] = [
            b"a",
            b"A",
            b"b",
            b".",
            b"%",
            b"+",
            b"-",
            b"_",
            b" ",
            b"\"",
            b"con",
            b"CON",
            b"nul",
            b"1",
            b"\xC3\xA9",
            b"e\xCC\x81",
            b"\xC3\x89",
            b"\xFF",
            b"\0",
            b"/",
            b"%2E",
            b"%41",
            b"\n",
            b"",
        ];
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        let mut random = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 33) % below
        };
        let mut seen: HashMap<String, PartName> = HashMap::new();
        for _ in 0..200_000 {
            let mut name = || -> Vec<u8> {
                (0..random(4)).flat_map(|_| words[random(24) as usize]).copied().collect()
            };
            let (schema, table) = (name(), name());
            let (name, by) = match random(4) {
                0 => (PartName::of_schema(&schema), SplitBy::Schema),
                1 => (PartName::table(None, &table), SplitBy::Table),
                _ => (PartName::table(Some(&schema), &table), SplitBy::Table),
            };
            let stem = name.file_stem();
            assert_eq!(PartName::from_file_stem(&stem, by).as_ref(), Some(&name), "{stem}");
            assert!(stem.is_ascii() && !stem.starts_with(['.', '-', '~']), "{stem}");
            // With any extension.
            let device = stem.split('.').next().unwrap_or_default().to_ascii_lowercase();
            assert!(!is_device(device.as_bytes()), "{stem}");
            let key = format!("{by:?} {}", stem.to_ascii_lowercase());
            let first = seen.entry(key).or_insert_with(|| name.clone());
            assert_eq!(*first, name, "{stem}");
        }
        assert!(seen.len() > 50_000);
    }
}
