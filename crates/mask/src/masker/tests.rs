//! What masks make of values.

use super::*;

fn masker(mask: &str, way: Way) -> Masker {
    let key = Key::from_bytes(b"a key for the tests").unwrap();
    Masker::new(&mask.parse().unwrap(), &key, Encoding::UTF8, way, None, None)
}

fn masked(masker: &Masker, value: &str) -> String {
    let mut out = Vec::new();
    assert!(masker.apply(value.as_bytes(), None, &mut out).unwrap());
    String::from_utf8(out).unwrap()
}

const SMALL: (i128, i128) = (-32768, 32767);
const BIG: (i128, i128) = (i64::MIN as i128, i64::MAX as i128);

#[test]
fn forms() {
    let hash = masker("hash:20", Way::Text);
    assert_eq!(masked(&hash, "x").len(), 20);
    assert_eq!(masked(&hash, "x"), masked(&hash, "x"));
    assert_ne!(masked(&hash, "x"), masked(&masker("hash:21", Way::Text), "x")[..20]);
    let email = masker("email", Way::Text);
    assert_eq!(masked(&email, "Ann@Home.org"), masked(&email, "ann@home.org"));
    assert!(masked(&email, "ann@home.org").ends_with("@example.com"));
    let kept = masked(&masker("email:keep-domain", Way::Text), "Ann@Home.org");
    assert!(kept.ends_with("@home.org") && kept.len() == 13 + 9, "{kept}");
    assert_eq!(masked(&masker("partial:1,2", Way::Text), "größer"), "g***er");
    assert_eq!(masked(&masker("partial:3,3", Way::Text), "secret"), "******");
    assert_eq!(masked(&masker("fixed:é", Way::Text), "x"), "é");
    let uuid = masked(&masker("uuid", Way::Text), "00000000-0000-0000-0000-000000000001");
    assert!(value::uuid(uuid.as_bytes()).is_some() && &uuid[14..15] == "8", "{uuid}");
    let bytes = masked(&masker("bytes", Way::Bytes), r"\x00ff5c0a");
    assert!(bytes.len() == 10 && bytes.starts_with(r"\x") && bytes != r"\x00ff5c0a");
    assert_eq!(masked(&masker("words", Way::Text), " a b\n c ").split(' ').count(), 3);
    let phone = masked(&masker("digits", Way::Text), "+31 (0)20-1234567");
    assert_eq!(with_digits(&phone, &[0; 12]), "+00 (0)00-0000000");
    assert_ne!(phone, "+31 (0)20-1234567");
    let folded = masker("hash", Way::Folded);
    assert_eq!(masked(&folded, "ÄB"), masked(&folded, "äb"));
    let padded = masker("hash", Way::Padded);
    assert_eq!(masked(&padded, "a   "), masked(&padded, "a"));
}

#[test]
fn the_same_in_every_encoding() {
    let key = Key::from_bytes(b"a key for the tests").unwrap();
    let of = |name: &str, value: &[u8]| {
        let encoding = Encoding::find(name.as_bytes()).unwrap();
        let masker = Masker::new(&Mask::Hash(16), &key, encoding, Way::Text, None, None);
        let mut out = Vec::new();
        masker.apply(value, None, &mut out).unwrap();
        out
    };
    assert_eq!(of("UTF8", "é".as_bytes()), of("LATIN1", b"\xe9"));
    assert_eq!(of("UTF8", "表".as_bytes()), of("SJIS", b"\x95\\"));
    assert_ne!(of("UTF8", "é".as_bytes()), of("SQL_ASCII", b"\xe9"));
}

/// A number stays in the smallest range, so it is the same for all columns of a foreign key.
#[test]
fn integers() {
    let both = masker("int", Way::Integers(vec![SMALL, BIG]));
    let digits = masker("digits", Way::Integers(vec![SMALL, BIG]));
    let mut seen = std::collections::HashSet::new();
    for value in -300..300_i64 {
        let masked: i64 = masked(&both, &value.to_string()).parse().unwrap();
        assert!(i16::try_from(masked).is_ok());
        assert!(seen.insert(masked));
    }
    for value in [i64::MIN, i64::MAX, 32768, -32769, 1 << 40] {
        let number: i64 = masked(&both, &value.to_string()).parse().unwrap();
        assert!(i16::try_from(number).is_err());
        let other = masked(&digits, &value.to_string());
        assert_eq!(other.len(), value.to_string().len());
        assert!(i16::try_from(other.parse::<i64>().unwrap()).is_err());
    }
    let mut seen = std::collections::HashSet::new();
    for value in 0..2000 {
        let other = masked(&digits, &value.to_string());
        assert_eq!(other.len(), value.to_string().len());
        assert!(seen.insert(other));
    }
    let range = masker("int:1-10", Way::Integers(vec![(1, 10)]));
    assert!(range.apply(b"11", None, &mut Vec::new()).is_err());
    assert!((1..=10).contains(&masked(&range, "3").parse::<i32>().unwrap()));
    let numeric = masker("digits", Way::Numeric);
    for value in ["12.50", "0.07", "-1234.5", "NaN", "0", "100000.00"] {
        let other = masked(&numeric, value);
        assert_eq!(other.len(), value.len());
        assert_eq!(other.starts_with('0'), value.starts_with('0'), "{other}");
    }
}

#[test]
fn dates() {
    let date = masker("date:10", Way::Dates);
    let days = |text: &str| match value::Date::parse(text.as_bytes()) {
        Some(value::Date::Finite(days)) => days,
        other => panic!("{other:?}"),
    };
    for n in 0..60 {
        let old = value::Date::Finite(n * 1000 - 30_000).to_string();
        let new = masked(&date, &old);
        let moved = (days(&new) - days(&old)).abs();
        assert!((1..=10).contains(&moved), "{old} {new}");
    }
    let time = masked(&date, "2024-02-29 12:34:56.7+05:30");
    assert!(time.ends_with(" 12:34:56.7+05:30") && !time.starts_with("2024-02-29"), "{time}");
    let bc = masked(&date, "0044-03-15 01:02:03 BC");
    assert!(bc.ends_with(" 01:02:03 BC") && bc.starts_with("0044-"), "{bc}");
    assert_eq!(masked(&date, "infinity"), "infinity");
    let by = masker("date:1000,by=id", Way::Dates);
    let moved = |value: &str, by_value: &[u8]| {
        let mut out = Vec::new();
        by.apply(value.as_bytes(), Some(by_value), &mut out).unwrap();
        days(std::str::from_utf8(&out).unwrap()) - days(value)
    };
    assert_eq!(moved("2024-01-01", b"7"), moved("1999-05-05", b"7"));
    assert_ne!(moved("2024-01-01", b"7"), moved("2024-01-01", b"8"));
}

#[test]
fn arrays() {
    let key = Key::from_bytes(b"a key for the tests").unwrap();
    let mask = "digits".parse().unwrap();
    let array = Masker::new(&mask, &key, Encoding::UTF8, Way::Text, None, Some(b','));
    let one = masker("digits", Way::Text);
    let (a, b) = (masked(&one, "a 12"), masked(&one, "b,34"));
    assert_eq!(masked(&array, r#"{"a 12",NULL,"b,34"}"#), format!(r#"{{"{a}",NULL,"{b}"}}"#));
    assert_eq!(masked(&array, "{}"), "{}");
    let (a, b) = (masked(&one, "12345"), masked(&one, "67890"));
    assert_eq!(
        masked(&array, "[2:3][1:2]={{12345,67890},{67890,12345}}"),
        format!("[2:3][1:2]={{{{{a},{b}}},{{{b},{a}}}}}")
    );
}

#[test]
fn what_does_not_fit() {
    let key = Key::from_bytes(b"a key for the tests").unwrap();
    let with = |mask: &str, encoding: Encoding, most| {
        let mask = mask.parse().unwrap();
        let masker = Masker::new(&mask, &key, encoding, Way::Text, most, None);
        let mut out = Vec::new();
        masker.apply(b"some secret text", None, &mut out).map(|_| out)
    };
    assert!(with("hash", Encoding::UTF8, Some(15)).is_err());
    assert!(with("hash", Encoding::UTF8, Some(16)).is_ok());
    assert_eq!(with("name", Encoding::UTF8, Some(2)).unwrap().len(), 2);
    assert!(with("words", Encoding::UTF8, Some(9)).unwrap().len() <= 9);
    let latin1 = Encoding::find(b"LATIN1").unwrap();
    assert_eq!(with("fixed:é", latin1, None).unwrap(), b"\xe9");
    assert!(with("fixed:表", latin1, None).unwrap_err().contains("LATIN1"));
}

/// Whatever the bytes are, a mask gives a value or says why not, and the same each time.
#[test]
fn any_bytes() {
    let masks = [
        "hash:7",
        "email",
        "email:keep-domain",
        "digits",
        "int",
        "int:-5-500",
        "uuid",
        "date:3",
        "name",
        "words",
        "partial:2,3",
        "bytes",
        "fixed:x",
        "null",
        "keep",
    ];
    let ways = [
        Way::Text,
        Way::Padded,
        Way::Folded,
        Way::Integers(vec![SMALL, BIG]),
        Way::Numeric,
        Way::Dates,
        Way::Bytes,
    ];
    let mut state = 1_u64;
    let mut random = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    const BYTES: &[u8] = b"0123456789-+.:{}[],;\"\\ @abcxNUL\n\x80\x95\xc3\xa9\xff";
    let key = Key::from_bytes(b"a key for the tests").unwrap();
    for mask in masks {
        for way in &ways {
            for name in ["UTF8", "SQL_ASCII", "LATIN1", "SJIS", "GB18030"] {
                let encoding = Encoding::find(name.as_bytes()).unwrap();
                let array = [None, Some(b',')][random(2) as usize];
                let most = [None, Some(8)][random(2) as usize];
                let mask = mask.parse().unwrap();
                let masker = Masker::new(&mask, &key, encoding, way.clone(), most, array);
                for _ in 0..20 {
                    let len = random(12);
                    let value: Vec<u8> =
                        (0..len).map(|_| BYTES[random(BYTES.len() as u64) as usize]).collect();
                    let (mut one, mut other) = (Vec::new(), Vec::new());
                    let first = masker.apply(&value, Some(b"1"), &mut one);
                    assert_eq!(first, masker.apply(&value, Some(b"1"), &mut other));
                    assert!(first.is_err() || one == other);
                }
            }
        }
    }
}
