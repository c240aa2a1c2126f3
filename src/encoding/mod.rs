//! PostgreSQL's encodings: their names, which bytes are a character, and which character that is.
//!
//! `pg_encname_tbl` and the functions `pg_*_mblen` and `pg_*_verifychar` of PostgreSQL 18; the
//! characters are those of the server's own conversions: see [`convert`].

mod convert;
#[cfg(feature = "encodings")]
mod overrides;

use std::fmt;

pub(crate) use convert::Decoder;

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

/// A character encoding of PostgreSQL, in which an archive has its names, SQL and data.
///
/// [`Printable`](crate::text::Printable) shows text in it, and [`encode`](Self::encode) converts
/// names from UTF-8 into it, if its characters are known. UTF8 and LATIN1 are always known. The
/// feature `encodings` adds all encodings of PostgreSQL except EUC_JIS_2004, EUC_TW, JOHAB,
/// MULE_INTERNAL and SHIFT_JIS_2004. In SQL_ASCII, bytes beyond ASCII have no meaning and are shown
/// as UTF-8 where possible.
///
/// ```
/// use pgdmp::text::Encoding;
///
/// let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
/// assert_eq!(archive.toc().text_encoding(), Encoding::UTF8);
/// assert_eq!(Encoding::find(b"latin-1").unwrap().name(), "LATIN1");
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    name: &'static str,
    scheme: Scheme,
}

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
    /// SQL_ASCII: bytes without a meaning beyond ASCII.
    pub const SQL_ASCII: Encoding = Encoding { name: "SQL_ASCII", scheme: Scheme::Single };
    /// UTF8.
    pub const UTF8: Encoding = Encoding { name: "UTF8", scheme: Scheme::Utf8 };

    /// The encoding with this name, in any spelling that PostgreSQL accepts.
    pub fn find(name: &[u8]) -> Option<Encoding> {
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
            found.then_some(Encoding { name: canonical, scheme: *scheme })
        })
    }

    /// PostgreSQL's own name for it, for example `LATIN1`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Whether each byte is a character.
    fn is_single(self) -> bool {
        self.scheme == Scheme::Single
    }

    /// Whether a backslash may be the second byte of a character.
    pub(crate) fn has_backslash_trails(self) -> bool {
        matches!(self.scheme, Scheme::Sjis | Scheme::Pair | Scheme::Gb18030 | Scheme::Johab)
    }

    /// Bytes of the character that `text` begins with, by its first, whatever the others are:
    /// `pg_encoding_mblen`.
    pub(crate) fn len_of_next(self, text: &[u8]) -> usize {
        match text.first() {
            Some(first) if !first.is_ascii() => self.claimed_len(text),
            _ => 1,
        }
    }

    /// Bytes of the character that `text` begins with, unless it is none. The first byte is not
    /// ASCII.
    pub(crate) fn character(self, text: &[u8]) -> Option<usize> {
        let len = self.claimed_len(text);
        let character = text.get(..len)?;
        self.is_character(character).then_some(len)
    }

    /// Whether a text consists of characters.
    pub(crate) fn is_valid(self, text: &[u8]) -> bool {
        if self.has_characters() {
            return self.decode(text).is_some();
        }
        let mut rest = text;
        while let Some(first) = rest.first() {
            let len = if first.is_ascii() { Some(1) } else { self.character(rest) };
            let Some(len) = len else { return false };
            rest = &rest[len..];
        }
        true
    }

    /// How many bytes its first byte (in GB18030: its first two) says it has.
    fn claimed_len(self, text: &[u8]) -> usize {
        let first = text.first().copied().unwrap_or_default();
        match self.scheme {
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
        match (self.scheme, character) {
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
        match self.scheme {
            Scheme::Utf8 => [0xC0, b' '],
            _ => NEVER,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoding({self})")
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
        Encoding::find(name.as_bytes()).unwrap()
    }

    #[test]
    fn names() {
        assert_eq!(Encoding::find(b"utf-8").unwrap().name(), "UTF8");
        assert_eq!(Encoding::find(b"UNICODE").unwrap().name(), "UTF8");
        assert_eq!(Encoding::find(b"iso 8859-15").unwrap().name(), "LATIN9");
        assert_eq!(Encoding::find(b"ISO_8859_5").unwrap().name(), "ISO_8859_5");
        assert_eq!(Encoding::find(b"Windows-1252").unwrap().name(), "WIN1252");
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

    #[test]
    fn texts() {
        for (encoding, bytes, text) in [
            ("UTF8", &b"gr\xc3\xb6\xc3\x9fe"[..], "größe"),
            ("LATIN1", b"gr\xf6\xdfe\x9b", "größe\u{9b}"),
            ("LATIN5", b"\xdd\xfe\xe9", "İşé"),
        ] {
            assert_eq!(of(encoding).decode(bytes).as_deref(), Some(text), "{encoding}");
            assert_eq!(of(encoding).encode(text).as_deref(), Some(bytes), "{encoding}");
        }
        for (encoding, text) in [("LATIN1", "€"), ("LATIN5", "Ð"), ("JOHAB", "가")] {
            assert_eq!(of(encoding).encode(text), None, "{encoding}");
        }
        assert_eq!(of("UTF8").decode(b"gr\xf6"), None);
        assert_eq!(of("EUC_TW").decode(b"plain").as_deref(), Some("plain"));
    }

    /// The places where a server and browsers differ, and one where they do not.
    #[cfg(feature = "encodings")]
    #[test]
    fn texts_of_other_encodings() {
        for (encoding, bytes, text) in [
            ("LATIN9", &b"\xa4"[..], "€"),
            ("WIN1252", b"\x80\x9c", "€œ"),
            ("KOI8U", b"\xae\xc1", "╝а"),
            ("SJIS", b"\x95\x5c\xb1\\", "表ｱ\\"),
            ("SJIS", b"\xfa\x4a", "Ⅰ"),
            ("EUC_JP", b"\xc6\xfc\x8f\xb0\xc3", "日仃"),
            ("EUC_JP", b"\x8f\xa2\xc3", "￤"),
            ("EUC_CN", b"\xa1\xa4", "・"),
            ("EUC_KR", b"\xa2\xe8", "㉾"),
            ("UHC", b"\xc9\xa2\xfe\xfe", "\u{e001}\u{e0bb}"),
            ("BIG5", b"\xc6\xe7", "ゃ"),
            ("GB18030", b"\xfe\x59\x82\x35\x90\x37\x94\x39\xda\x33", "\u{e81e}龴\u{1f4a9}"),
        ] {
            assert_eq!(of(encoding).decode(bytes).as_deref(), Some(text), "{encoding}");
            assert_eq!(of(encoding).encode(text).as_deref(), Some(bytes), "{encoding}");
        }
        for (encoding, bytes) in [
            ("WIN1252", &b"\x81"[..]),
            ("WIN1255", b"\xca"),
            ("EUC_CN", b"\xa2\xa1"),
            ("BIG5", b"\x87\x40"),
            ("BIG5", b"\x88\x62"),
            ("SJIS", b"\xf0\x40"),
            ("GBK", b"\xa1\x40"),
            ("EUC_TW", b"\xc4\xe3"),
        ] {
            assert_eq!(of(encoding).decode(bytes), None, "{encoding}");
        }
    }
}
