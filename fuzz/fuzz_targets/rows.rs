//! Any bytes as the rows of a table: COPY text, and INSERT commands.
#![no_main]

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use pgdmp::Limits;
use pgdmp::rows::{CopyStatement, Keep, RewriteError, Row, RowEdit, RowWriter, Rows, RowsOptions};
use pgdmp::text::Encoding;

/// The values of a row.
type Values = Vec<Option<Vec<u8>>>;

// The first byte says what the rest is.
fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    if *choice == 0xff {
        if let Ok(statement) = CopyStatement::parse(text) {
            let _ = statement.field_names();
        }
        return;
    }
    let names: [&[u8]; 8] =
        [b"SQL_ASCII", b"UTF8", b"SJIS", b"BIG5", b"GBK", b"UHC", b"GB18030", b"JOHAB"];
    let encoding = Encoding::find(names[usize::from(choice & 7)]).unwrap();
    let is_insert = choice & 8 != 0;
    let options = RowsOptions::new()
        .encoding(encoding)
        .end_marker(choice & 16 != 0)
        .std_strings(choice & 32 != 0)
        .limits(Limits::new().row_bytes(1 << 16));
    // A part of the text at a time, which must not matter.
    let open = |window: usize| {
        let text = BufReader::with_capacity(window, text);
        match is_insert {
            true => options.clone().insert_commands(text),
            false => options.clone().copy_text(text),
        }
    };
    let (values, lines, failed) = read(open(1 << 20));
    let (others, other_lines, others_failed) = read(open(1 + usize::from(choice >> 6)));
    assert_eq!(values, others);
    assert_eq!(lines, other_lines);
    assert_eq!(failed, others_failed);
    // What is rewritten to what it was is the same text; of many line ends at the end only some.
    let mut same = Vec::new();
    let mut rewriter = |_: &Row<'_>, _: &mut RowEdit<'_>| -> Result<Keep, RewriteError> {
        Ok(Keep::Keep)
    };
    let rewritten = open(1 << 20).rewrite(&mut rewriter, &mut same);
    assert_eq!(rewritten.is_err(), failed);
    assert!(failed || text.starts_with(&same));
    let mut other = Vec::new();
    let mut rewriter = |row: &Row<'_>, edit: &mut RowEdit<'_>| -> Result<Keep, RewriteError> {
        for (n, field) in row.fields().enumerate() {
            match field.value() {
                Some(value) if !value.contains(&0) => edit.set(n, &value),
                Some(_) => {}
                None => edit.set_null(n),
            }
        }
        Ok(Keep::Keep)
    };
    if open(1 << 20).rewrite(&mut rewriter, &mut other).is_ok() {
        let again = match is_insert {
            true => read(options.clone().insert_commands(&other[..])),
            false => read(options.clone().copy_text(&other[..])),
        };
        assert_eq!(values, again.0);
    }
    // A row of INSERT commands may have no fields, without a list of columns.
    let has_fields = values.iter().all(|row| !row.is_empty());
    if !failed && has_fields && encoding.name() == "SQL_ASCII" {
        // Written again, field by field or as they came, they are the same rows.
        let mut writer = RowWriter::new(Vec::new()).encoding(encoding);
        for row in &values {
            writer.write(row.iter().map(Option::as_deref)).unwrap();
        }
        for text in [writer.finish().unwrap(), lines] {
            let (again, _, failed) =
                read(RowsOptions::new().encoding(encoding).copy_text(&text[..]));
            assert!(!failed);
            assert_eq!(values, again);
        }
    }
});

/// The rows before the end, or before what is wrong; their lines; and whether anything is.
fn read<R: std::io::BufRead>(mut rows: Rows<R>) -> (Vec<Values>, Vec<u8>, bool) {
    let mut values = Vec::new();
    let mut lines = RowWriter::new(Vec::new());
    let failed = loop {
        match rows.next_row() {
            Ok(Some(row)) => {
                let fields: Values =
                    row.fields().map(|field| field.value().map(|value| value.to_vec())).collect();
                assert_eq!(fields.len(), row.len());
                lines.write_row(&row).unwrap();
                values.push(fields);
            }
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    // After the end, or an error, there are no more rows.
    assert!(matches!(rows.next_row(), Ok(None)));
    (values, lines.finish().unwrap(), failed)
}
