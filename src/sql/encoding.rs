//! PostgreSQL's encodings: their names, and which bytes are a character.
//!
//! `pg_encname_tbl` and the functions `pg_*_mblen` and `pg_*_verifychar` of PostgreSQL 18.

/// How characters of several bytes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// One byte each; any is one.
    Single,
    Utf8,
    EucJp,
    EucCn,
    EucKr,
    EucTw,
    Johab,
    Mule,
    Sjis,
    /// Big5, GBK and UHC: two bytes.
    Pair,
    Gb18030,
}

/// An encoding, as far as quoting needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding(Scheme);

/// Canonical name, scheme, and other names. A name counts by its letters and digits, whatever
/// their case.
const ENCODINGS: &[(&str, Scheme, &[&str])] = &[
    ("SQL_ASCII", Scheme::Single, &[]),
    ("EUC_JP", Scheme::EucJp, &[]),
    ("EUC_CN", Scheme::EucCn, &[]),
    ("EUC_KR", Scheme::EucKr, &[]),
    ("EUC_TW", Scheme::EucTw, &[]),
    ("EUC_JIS_2004", Scheme::EucJp, &[]),
    ("UTF8", Scheme::Utf8, &["unicode"]),
    ("MULE_INTERNAL", Scheme::Mule, &[]),
    ("LATIN1", Scheme::Single, &["iso88591"]),
    ("LATIN2", Scheme::Single, &["iso88592"]),
    ("LATIN3", Scheme::Single, &["iso88593"]),
    ("LATIN4", Scheme::Single, &["iso88594"]),
    ("LATIN5", Scheme::Single, &["iso88599"]),
    ("LATIN6", Scheme::Single, &["iso885910"]),
    ("LATIN7", Scheme::Single, &["iso885913"]),
    ("LATIN8", Scheme::Single, &["iso885914"]),
    ("LATIN9", Scheme::Single, &["iso885915"]),
    ("LATIN10", Scheme::Single, &["iso885916"]),
    ("WIN1256", Scheme::Single, &["windows1256"]),
    ("WIN1258", Scheme::Single, &["windows1258", "abc", "tcvn", "tcvn5712", "vscii"]),
    ("WIN866", Scheme::Single, &["windows866", "alt"]),
    ("WIN874", Scheme::Single, &["windows874"]),
    ("KOI8R", Scheme::Single, &["koi8"]),
    ("WIN1251", Scheme::Single, &["windows1251", "win"]),
    ("WIN1252", Scheme::Single, &["windows1252"]),
    ("ISO_8859_5", Scheme::Single, &[]),
    ("ISO_8859_6", Scheme::Single, &[]),
    ("ISO_8859_7", Scheme::Single, &[]),
    ("ISO_8859_8", Scheme::Single, &[]),
    ("WIN1250", Scheme::Single, &["windows1250"]),
    ("WIN1253", Scheme::Single, &["windows1253"]),
    ("WIN1254", Scheme::Single, &["windows1254"]),
    ("WIN1255", Scheme::Single, &["windows1255"]),
    ("WIN1257", Scheme::Single, &["windows1257"]),
    ("KOI8U", Scheme::Single, &[]),
    ("SJIS", Scheme::Sjis, &["shiftjis", "mskanji", "win932", "windows932"]),
    ("BIG5", Scheme::Pair, &["win950", "windows950"]),
    ("GBK", Scheme::Pair, &["win936", "windows936"]),
    ("UHC", Scheme::Pair, &["win949", "windows949"]),
    ("GB18030", Scheme::Gb18030, &[]),
    ("JOHAB", Scheme::Johab, &[]),
    ("SHIFT_JIS_2004", Scheme::Sjis, &[]),
];

/// Names of servers are not longer.
const LONGEST: usize = 63;

impl Encoding {
    /// Bytes without a meaning.
    pub(crate) const SQL_ASCII: Encoding = Encoding(Scheme::Single);
    pub(crate) const UTF8: Encoding = Encoding(Scheme::Utf8);

    /// The canonical name of an encoding and what is to be known of it.
    pub(crate) fn find(name: &[u8]) -> Option<(&'static str, Encoding)> {
        let plain = |name: &[u8]| -> Vec<u8> {
            let kept = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
            kept.map(u8::to_ascii_lowercase).collect()
        };
        if name.len() > LONGEST {
            return None;
        }
        let wanted = plain(name);
        ENCODINGS.iter().find_map(|(canonical, scheme, others)| {
            let found = plain(canonical.as_bytes()) == wanted
                || others.iter().any(|other| other.as_bytes() == wanted);
            found.then_some((*canonical, Encoding(*scheme)))
        })
    }

    /// Bytes of the character that `text` begins with, unless it is none. The first byte is not
    /// ASCII.
    pub(crate) fn character(self, text: &[u8]) -> Option<usize> {
        let len = self.claimed_len(text);
        let character = text.get(..len)?;
        self.is_character(character).then_some(len)
    }

    /// How many bytes its first byte (in GB18030: its first two) says it has.
    fn claimed_len(self, text: &[u8]) -> usize {
        let first = text.first().copied().unwrap_or_default();
        match self.0 {
            Scheme::Single => 1,
            Scheme::Utf8 => match first {
                0xC0..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0..=0xF7 => 4,
                _ => 1,
            },
            Scheme::EucJp | Scheme::EucKr | Scheme::Johab if first == SS3 => 3,
            Scheme::EucTw if first == SS2 => 4,
            Scheme::EucTw if first == SS3 => 3,
            Scheme::Mule => match first {
                0x81..=0x8D => 2,
                0x90..=0x9B => 3,
                0x9C..=0x9D => 4,
                _ => 1,
            },
            Scheme::Sjis if (0xA1..=0xDF).contains(&first) => 1,
            Scheme::Gb18030 if text.get(1).is_some_and(u8::is_ascii_digit) => 4,
            _ => 2,
        }
    }

    fn is_character(self, character: &[u8]) -> bool {
        let euc = |byte: &u8| (0xA1..=0xFE).contains(byte);
        match (self.0, character) {
            (Scheme::Single, _) => true,
            (Scheme::Utf8, _) => std::str::from_utf8(character).is_ok(),
            (Scheme::EucJp, [SS2, second]) => (0xA1..=0xDF).contains(second),
            (Scheme::EucJp, [SS3, rest @ ..]) => rest.iter().all(euc),
            (Scheme::EucTw, [SS2, plane, rest @ ..]) => {
                (0xA1..=0xA7).contains(plane) && rest.iter().all(euc)
            }
            (Scheme::EucTw, [SS3, ..]) => false,
            (Scheme::EucJp | Scheme::EucCn | Scheme::EucKr | Scheme::EucTw, _) => {
                character.len() == 2 && character.iter().all(euc)
            }
            (Scheme::Johab, [_, rest @ ..]) => rest.iter().all(euc),
            (Scheme::Mule, [_, rest @ ..]) => rest.iter().all(|byte| !byte.is_ascii()),
            (Scheme::Sjis, [first, second]) => {
                matches!(first, 0x81..=0x9F | 0xE0..=0xFC)
                    && matches!(second, 0x40..=0x7E | 0x80..=0xFC)
            }
            (Scheme::Sjis, _) => true,
            (Scheme::Pair, [first, second]) => *second != 0 && [*first, *second] != NEVER,
            (Scheme::Gb18030, [first, _, third, fourth]) => {
                let lead = |byte: &u8| (0x81..=0xFE).contains(byte);
                lead(first) && lead(third) && fourth.is_ascii_digit()
            }
            (Scheme::Gb18030, [first, second]) => {
                (0x81..=0xFE).contains(first) && matches!(second, 0x40..=0x7E | 0x80..=0xFE)
            }
            _ => false,
        }
    }

    /// What stands in for a byte that is no part of a character: two bytes that the server
    /// refuses.
    pub(crate) fn invalid(self) -> [u8; 2] {
        match self.0 {
            Scheme::Utf8 => [0xC0, b' '],
            _ => NEVER,
        }
    }
}

/// "Single shift" to another set for one character.
const SS2: u8 = 0x8E;
const SS3: u8 = 0x8F;

/// No character in any encoding but UTF-8.
const NEVER: [u8; 2] = [0x8D, b' '];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Encoding {
        Encoding::find(name.as_bytes()).unwrap().1
    }

    #[test]
    fn names() {
        assert_eq!(Encoding::find(b"utf-8").unwrap().0, "UTF8");
        assert_eq!(Encoding::find(b"UNICODE").unwrap().0, "UTF8");
        assert_eq!(Encoding::find(b"iso 8859-15").unwrap().0, "LATIN9");
        assert_eq!(Encoding::find(b"ISO_8859_5").unwrap().0, "ISO_8859_5");
        assert_eq!(Encoding::find(b"Windows-1252").unwrap().0, "WIN1252");
        assert_eq!(Encoding::find(b""), None);
        assert_eq!(Encoding::find(b"EBCDIC"), None);
    }

    #[test]
    fn characters() {
        for (encoding, text, len) in [
            ("UTF8", &b"\xC3\xA9"[..], Some(2)),
            ("UTF8", b"\xC3\"", None),
            ("UTF8", b"\xC0\x80", None),
            ("UTF8", b"\xED\xA0\x80", None),
            ("UTF8", b"\xF0\x9F\x90\x98x", Some(4)),
            ("UTF8", b"\xE2\x82", None),
            ("SQL_ASCII", b"\xFF", Some(1)),
            ("LATIN1", b"\xE9", Some(1)),
            ("SJIS", b"\xB1", Some(1)),
            ("SJIS", b"\x83\x5C", Some(2)),
            ("SJIS", b"\x83\"", None),
            ("BIG5", b"\xA4\x5C", Some(2)),
            ("BIG5", b"\x8D ", None),
            ("GB18030", b"\x81\x30\x81\x30", Some(4)),
            ("GB18030", b"\x81\x30\x81", None),
            ("EUC_JP", b"\x8F\xA1\xA1", Some(3)),
            ("EUC_JP", b"\xA1\"", None),
            ("EUC_TW", b"\x8E\xA1\xA1\xA1", Some(4)),
        ] {
            assert_eq!(of(encoding).character(text), len, "{encoding} {text:x?}");
        }
    }
}
