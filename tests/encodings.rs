//! The characters of every encoding, beside those of a server's own conversions.

use std::collections::BTreeMap;

use pgdmp::text::Encoding;

use pgdmp_testkit::server::Server;

const SINGLE: [&str; 27] = [
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "WIN1250",
    "WIN1251",
    "WIN1252",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1256",
    "WIN1257",
    "WIN1258",
    "WIN866",
    "WIN874",
    "KOI8R",
    "KOI8U",
];
const MULTI: [&str; 8] = ["SJIS", "GBK", "EUC_JP", "EUC_CN", "EUC_KR", "UHC", "BIG5", "GB18030"];

/// What nothing can be made of: a server has U+FFFD for seven codes of BIG5, writes the euro in GBK
/// as a byte that it does not read, and the yen and the overline in SJIS as ASCII.
const NEITHER: [(&str, char); 4] =
    [("BIG5", '\u{fffd}'), ("GBK", '€'), ("SJIS", '¥'), ("SJIS", '‾')];

const FUNCTIONS: &str = "
    CREATE FUNCTION decoded(text, text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RETURN convert_from(decode($1, 'hex'), $2);
    EXCEPTION WHEN others THEN RETURN NULL; END $$;
    CREATE FUNCTION encoded(int, text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RETURN encode(convert_to(chr($1), $2), 'hex');
    EXCEPTION WHEN others THEN RETURN NULL; END $$;";

/// All characters of one to three bytes, and the four-byte ones of the first plane.
fn codes(encoding: &str) -> Vec<String> {
    let multi = MULTI.contains(&encoding);
    let one = (0x80..=0xFF).map(|code| format!("{code:02x}"));
    let two = (0x8000..=0xFFFF).filter(|_| multi).map(|code| format!("{code:04x}"));
    let three = (0xA1A1..=0xFEFE).filter(|_| encoding == "EUC_JP");
    let mut codes: Vec<String> =
        one.chain(two).chain(three.map(|code| format!("8f{code:04x}"))).collect();
    if encoding == "GB18030" {
        for (a, b) in (0x81..=0x84).flat_map(|a| (0x30..=0x39).map(move |b| (a, b))) {
            for (c, d) in (0x81..=0xFE).flat_map(|c| (0x30..=0x39).map(move |d| (c, d))) {
                codes.push(format!("{a:02x}{b:02x}{c:02x}{d:02x}"));
            }
        }
    }
    codes
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

#[test]
fn characters_are_those_of_a_server() {
    let Some(server) = Server::start("encodings") else { return };
    server.create("u", "UTF8");
    let query = |sql: &str| {
        let path = server.path("query.sql");
        std::fs::write(&path, sql).unwrap();
        server.client(
            "psql",
            &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-At", "-F", " ", "-f", &path, "u"],
        )
    };
    query(FUNCTIONS);
    let mut compared = 0;
    for name in SINGLE.iter().chain(&MULTI) {
        let encoding = Encoding::find(name.as_bytes()).unwrap();
        let neither = |c: char| NEITHER.contains(&(name, c));
        let codes = codes(name);
        let decoded = query(&format!(
            "SELECT code, ascii(text) FROM (SELECT code, decoded(code, '{name}') AS text FROM \
             unnest('{{{}}}'::text[]) AS code OFFSET 0) AS all_codes WHERE length(text) = 1",
            codes.join(",")
        ));
        let decoded: BTreeMap<&str, char> = decoded
            .lines()
            .map(|line| {
                let (code, c) = line.split_once(' ').unwrap();
                (code, char::from_u32(c.parse().unwrap()).unwrap())
            })
            .collect();
        for code in &codes {
            let bytes = bytes(code);
            let own = encoding.decode(&bytes);
            // What is two characters was not asked for.
            let mut own = own.iter().flat_map(|text| text.chars());
            let own = match (own.next(), own.next()) {
                (c, None) => c,
                _ => None,
            };
            let theirs = decoded.get(&**code).copied().filter(|c| !neither(*c));
            assert_eq!(own, theirs, "{name} {code}");
            compared += 1;
        }
        let encoded = query(&format!(
            "SELECT c, code FROM (SELECT c, encoded(c, '{name}') AS code FROM \
             generate_series(128, 65534) AS c WHERE c NOT BETWEEN 55296 AND 57343 OFFSET 0) AS all_chars \
             WHERE code IS NOT NULL"
        ));
        let encoded: BTreeMap<u32, &str> = encoded
            .lines()
            .map(|line| {
                let (c, code) = line.split_once(' ').unwrap();
                (c.parse().unwrap(), code)
            })
            .collect();
        for c in (128..=65534).filter_map(char::from_u32).filter(|c| !neither(*c)) {
            let own = encoding.encode(c.encode_utf8(&mut [0; 4])).map(|bytes| bytes.into_owned());
            let theirs = encoded.get(&u32::from(c)).map(|code| bytes(code));
            assert_eq!(own, theirs, "{name} U+{:04X}", u32::from(c));
            compared += 1;
        }
    }
    assert!(compared > 2_000_000, "{compared}");
}
