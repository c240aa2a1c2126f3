use std::io::{self, BufRead, BufReader, Read};

use super::*;
use crate::encoding::Encoding;
use crate::limits::Limits;
use crate::types::MOST_COLUMNS;

/// Gives no more than so many bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.0.len().min(self.1).min(buf.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

type Values = Vec<Vec<Option<Vec<u8>>>>;

/// All rows up to an error, and the error.
fn read<R: BufRead>(mut rows: Rows<R>) -> (Values, Option<String>) {
    let mut values = Values::new();
    loop {
        match rows.next_row() {
            Ok(Some(row)) => {
                assert_eq!(row.number(), values.len() as u64 + 1);
                values.push(row.fields().map(|field| field.value().map(Into::into)).collect());
            }
            Ok(None) => return (values, None),
            Err(error) => {
                assert!(rows.next_row().unwrap().is_none());
                return (values, Some(error.to_string()));
            }
        }
    }
}

fn shown(values: &Values) -> Vec<String> {
    let field = |field: &Option<Vec<u8>>| match field {
        None => "NULL".to_owned(),
        Some(value) => value.escape_ascii().to_string(),
    };
    values.iter().map(|row| row.iter().map(field).collect::<Vec<_>>().join("|")).collect()
}

/// The same however the text comes.
fn copy(text: &[u8], options: &RowsOptions) -> (Vec<String>, Option<String>) {
    let whole = read(options.clone().copy_text(text));
    for step in [1, 2, 3, 64, 65] {
        let trickle = BufReader::with_capacity(step, Trickle(text, step));
        assert_eq!(read(options.clone().copy_text(trickle)), whole, "{step}");
    }
    (shown(&whole.0), whole.1)
}

fn encoding(name: &str) -> Encoding {
    Encoding::find(name.as_bytes()).unwrap()
}

#[test]
fn copy_text() {
    let two = RowsOptions::new().columns(["a", "b"]);
    let one = RowsOptions::new().columns(["a"]);
    let zero = RowsOptions::new().columns([""; 0]);
    let any = RowsOptions::new();
    let bare = RowsOptions::new().end_marker(false);
    type Case<'a> = (&'a RowsOptions, &'a [u8], &'a [&'a str], Option<&'a str>);
    let cases: &[Case<'_>] = &[
        (&two, b"1\tx\n2\t\\N\n\\.\n\n\n", &["1|x", "2|NULL"], None),
        (&two, b"\\.\n\n\n", &[], None),
        (&one, b"\n\\N\n\\\\N\nx\\N\n\\\\.\n\\.\n", &["", "NULL", "\\\\N", "xN", "\\\\."], None),
        (&zero, b"\n\n\\.\n\n\n", &["", ""], None),
        (&one, b"\\b\\f\\n\\r\\t\\v\\\\\n\\.\n", &["\\x08\\x0c\\n\\r\\t\\x0b\\\\"], None),
        // What only people write.
        (&one, b"\\101\\x41\\x4g\\xg\\8\\\tx\\\ny\n\\.\n", &["AA\\x04gxg8\\tx\\ny"], None),
        (&any, b"1\r\n2\t\r\n\\.\r\n", &["1", "2|"], None),
        (&any, b"1\r2\r\\.\r", &["1", "2"], None),
        (&any, b"1\t\\\r\n\\.\n", &["1|\\r"], None),
        (&bare, b"1\n2", &["1", "2"], None),
        (&bare, b"1\n\\.\n\n", &["1"], None),
        (&bare, b"", &[], None),
        // Faults.
        (
            &two,
            b"1\tx\n2\n3\ty\n\\.\n",
            &["1|x"],
            Some("row 2, at byte 4 of the data: missing data for column \"b\" (1 instead of 2)"),
        ),
        (
            &two,
            b"1\tx\ty\n\\.\n",
            &[],
            Some(
                "row 1, at byte 0 of the data: extra data after last expected column (3 instead of 2)",
            ),
        ),
        (
            &zero,
            b"x\n\\.\n",
            &[],
            Some(
                "row 1, at byte 0 of the data: extra data after last expected column (1 instead of 0)",
            ),
        ),
        (
            &any,
            b"1\n2\r\n\\.\n",
            &["1"],
            Some("row 2, at byte 3 of the data: literal carriage return found in data"),
        ),
        (
            &any,
            b"1\r\n2\n\\.\n",
            &["1"],
            Some("row 2, at byte 4 of the data: literal newline found in data"),
        ),
        (
            &any,
            b"1\n2",
            &["1"],
            Some("unexpected end of input in the rows of a table, before their end marker"),
        ),
        (
            &any,
            b"",
            &[],
            Some("unexpected end of input in the rows of a table, before their end marker"),
        ),
        (
            &any,
            b"1\nx\\.\n\\.\n",
            &["1"],
            Some("row 2, at byte 3 of the data: end-of-copy marker is not alone on its line"),
        ),
        (
            &any,
            b"1\n\\.x\n",
            &["1"],
            Some("row 2, at byte 2 of the data: end-of-copy marker is not alone on its line"),
        ),
        (
            &any,
            b"1\n\\.\n\n2\n",
            &["1"],
            Some("row 2, at byte 6 of the data: data follows the end marker"),
        ),
        (
            &any,
            b"1\n\\0\n\\.\n",
            &["1"],
            Some(
                "row 2, at byte 2 of the data: an escape stands for the byte 0, which no text has",
            ),
        ),
        (
            &any,
            b"1\n\\x00\n\\.\n",
            &["1"],
            Some(
                "row 2, at byte 2 of the data: an escape stands for the byte 0, which no text has",
            ),
        ),
        (
            &bare,
            b"1\n2\\",
            &["1"],
            Some("row 2, at byte 3 of the data: the data ends in an escape"),
        ),
    ];
    for (options, text, rows, error) in cases {
        let (found, failed) = copy(text, options);
        let text = text.escape_ascii();
        assert_eq!(found, *rows, "{text}");
        assert_eq!(failed.as_deref(), *error, "{text}");
    }
}

/// 0x5C is the second byte of some characters, which may be the last before a TAB or a line end.
#[test]
fn backslashes_within_characters() {
    for (name, text, rows) in [
        (
            "SJIS",
            &b"\x95\x5c\t\xb1\\\\\n\x95\x5c\n\\.\n"[..],
            &["\\x95\\\\|\\xb1\\\\", "\\x95\\\\"][..],
        ),
        ("BIG5", b"a\xa4\x5c\x5cn\n\\.\n", &["a\\xa4\\\\\\n"]),
        ("GB18030", b"\x81\x30\x81\x30\\N\n\\N\n\\.\n", &["\\x810\\x810N", "NULL"]),
        // There, they are not.
        ("UTF8", b"\xc3\xa9\\\\\n\\.\n", &["\\xc3\\xa9\\\\"]),
    ] {
        let (found, error) = copy(text, &RowsOptions::new().encoding(encoding(name)));
        assert_eq!(found, rows, "{name}");
        assert_eq!(error, None, "{name}");
        let mut writer = RowWriter::new(Vec::new()).encoding(encoding(name));
        for row in read(RowsOptions::new().encoding(encoding(name)).copy_text(text)).0 {
            writer.write(row.iter().map(|field| field.as_deref())).unwrap();
        }
        let again = writer.finish().unwrap();
        if name != "GB18030" {
            assert_eq!(again, [text, b"\n\n"].concat(), "{name}");
        }
    }
}

#[test]
fn insert_commands() {
    let text = b"INSERT INTO s.t VALUES (1, 'a''b\\c', NULL, true, B'101', -1.5e+10);\n\
        INSERT INTO s.t VALUES (2, 'line\nand\ttab', 'Infinity', false, B'', 0);\n\n\n";
    let all = &["1|a\\'b\\\\c|NULL|t|101|-1.5e+10", "2|line\\nand\\ttab|Infinity|f||0"][..];
    assert_eq!(insert(text, true), (all.iter().map(|s| s.to_string()).collect(), None));
    for (text, std_strings, rows) in [
        (&b"INSERT INTO \"S\".\"t\"\"(\" (\"a)\") OVERRIDING SYSTEM VALUE VALUES\n\t(1),\n\t('x')\n ON CONFLICT DO NOTHING;\n\n\n"[..], true, &["1", "x"][..]),
        (b"INSERT INTO t DEFAULT VALUES;\nINSERT INTO t DEFAULT VALUES;\n", true, &["", ""]),
        (b"INSERT INTO t VALUES ('a\\\\b\\n', E'c\\td');", false, &["a\\\\b\\n|c\\td"]),
        (b"INSERT INTO t VALUES (1, DEFAULT), (DEFAULT, 'x');\n", true, &["1", "x"]),
        (b"INSERT INTO t VALUES (DEFAULT);\n", true, &[""]),
        (b"\n\n", true, &[]),
    ] {
        let (found, error) = insert(text, std_strings);
        assert_eq!((found, error), (rows.iter().map(|row| (*row).into()).collect(), None), "{}", text.escape_ascii());
    }
    for (text, what) in [
        (
            &b"INSERT INTO t VALUES (1"[..],
            "row 1, at byte 23 of the data: the data ends within an INSERT command",
        ),
        (
            b"INSERT INTO t VALUES (1, now());",
            "row 1, at byte 25 of the data: an expression that pg_dump does not write",
        ),
        (
            b"DELETE FROM t;",
            "row 1, at byte 0 of the data: INSERT expected, as in what pg_dump writes",
        ),
        (
            b"INSERT INTO t (a) VALUES (1); INSERT INTO t (b) VALUES (2);",
            "row 2, at byte 54 of the data: an INSERT command of other columns",
        ),
    ] {
        assert_eq!(insert(text, true).1.as_deref(), Some(what), "{}", text.escape_ascii());
    }
    // A reader takes memory for each column.
    let wide = |count: usize| {
        let (names, values) = (vec!["a"; count].join(","), vec!["1"; count].join(","));
        let text = format!("INSERT INTO t ({names}) VALUES ({values});\n");
        read(RowsOptions::new().insert_commands(text.as_bytes())).1
    };
    assert_eq!(wide(MOST_COLUMNS), None);
    let error = wide(MOST_COLUMNS + 1).unwrap();
    assert!(error.ends_with("more columns than any table has"), "{error}");
    // In SJIS a quote is never a second byte, but a backslash may be.
    let options = RowsOptions::new().encoding(encoding("SJIS")).std_strings(false);
    let (found, error) =
        read(options.insert_commands(&b"INSERT INTO t VALUES ('\x95\x5c');\n"[..]));
    assert_eq!((shown(&found), error), (vec!["\\x95\\\\".to_owned()], None));
}

fn insert(text: &[u8], std_strings: bool) -> (Vec<String>, Option<String>) {
    let options = RowsOptions::new().std_strings(std_strings);
    let whole = read(options.clone().insert_commands(text));
    for step in [1, 3, 64] {
        let trickle = BufReader::with_capacity(step, Trickle(text, step));
        assert_eq!(read(options.clone().insert_commands(trickle)), whole);
    }
    (shown(&whole.0), whole.1)
}

#[test]
fn long_rows() {
    let long = vec![b'x'; 1 << 20];
    let mut writer = RowWriter::new(Vec::new());
    writer.write([Some(&b"1"[..])]).unwrap();
    writer.write([Some(&long[..])]).unwrap();
    writer.write([Some(&b"3"[..])]).unwrap();
    let text = writer.finish().unwrap();
    let (rows, error) = read(RowsOptions::new().copy_text(&text[..]));
    assert_eq!((rows.len(), error), (3, None));
    assert_eq!(rows[1][0].as_deref(), Some(&long[..]));
    let (rows, error) =
        read(RowsOptions::new().limits(Limits::new().row_bytes(1 << 19)).copy_text(&text[..]));
    assert_eq!(rows.len(), 1);
    let what = "bytes of a row: more than the limit of 524288 (Limits::row_bytes)";
    assert_eq!(error.as_deref(), Some(what));
}

/// Whatever the bytes: no panic, and the same however they come.
#[test]
fn any_bytes() {
    let letters = b"\\\\\\\n\n\t\r.N0x7'\x95\x5c\x81\x30a";
    let mut state = 1_u64;
    for _ in 0..500 {
        let mut text = Vec::new();
        for _ in 0..state % 90 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text.push(letters[(state >> 33) as usize % letters.len()]);
        }
        state = state.wrapping_add(1);
        for name in ["UTF8", "SJIS", "GB18030"] {
            let options = RowsOptions::new().encoding(encoding(name)).end_marker(state & 1 == 0);
            copy(&text, &options);
        }
        insert(&text, true);
        let _ = CopyStatement::parse(&text);
    }
}

#[test]
fn stretches_that_are_not_wanted_are_passed_over() {
    let wanted = |text: &[u8]| text.windows(4).any(|part| part == b"gold");
    let found = |text: &[u8], passes: bool| {
        let mut rows = RowsOptions::new().copy_text(text);
        let (mut found, mut seen) = (Vec::new(), 0);
        loop {
            let next = if passes { rows.next_row_in(wanted) } else { rows.next_row() };
            match next {
                Ok(Some(row)) if wanted(row.as_bytes()) => {
                    found.push((row.number(), row.offset(), row.as_bytes().to_vec()));
                }
                Ok(Some(_)) => {}
                Ok(None) => return (found, None, seen),
                Err(error) => return (found, Some(error.to_string()), seen),
            }
            seen += 1;
        }
    };
    // Windows without any, with escapes of all kinds, the last of which hide what is no row end.
    let plain = "1\tplain \\t text\\\\ and \\N\n".repeat(30_000);
    let odd = "2\t\\x41 and a row end\\\nwithin\n".repeat(10_000);
    for ending in ["\\.\n\n\n", "", "\\.\ngold\n", "gold\n\\.\n"] {
        let rows = [&plain, "3\tgold\n", &plain, &odd, "4\tgold\n", &plain, &plain].concat();
        let text = [&rows, ending].concat();
        let [all, passed] = [false, true].map(|passes| found(text.as_bytes(), passes));
        assert_eq!((&all.0, &all.1), (&passed.0, &passed.1), "{ending:?}");
        assert!(all.0.len() >= 2);
        assert!(passed.2 < all.2 / 2, "{} of {}", passed.2, all.2);
    }
}
