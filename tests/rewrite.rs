//! Rows that are rewritten on their way into a new archive.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use pgdmp::edit::{Note, Rewrites};
use pgdmp::rows::{Keep, RewriteError, Row, RowEdit, RowsOptions};
use pgdmp::text::Encoding;
use pgdmp::toc::Section;
use pgdmp::write::{EntryFields, WriteOptions};
use pgdmp::{
    Algorithm, Archive, ArchiveBuilder, ArchiveStream, Conversion, Desc, DumpId, ErrorKind, Format,
    Target,
};

use pgdmp_testkit::corpus;
use pgdmp_testkit::effort;
use pgdmp_testkit::fixtures;
use pgdmp_testkit::watchdog::Watchdog;

type Kept = Result<Keep, RewriteError>;
type Rewrite = fn(&Row<'_>, &mut RowEdit<'_>) -> Kept;

fn same(_: &Row<'_>, _: &mut RowEdit<'_>) -> Kept {
    Ok(Keep::Keep)
}

/// Sets every field to what it is.
fn set_all(row: &Row<'_>, edit: &mut RowEdit<'_>) -> Kept {
    for (n, field) in row.fields().enumerate() {
        match field.value() {
            None => edit.set_null(n),
            Some(value) => edit.set(n, &value),
        }
    }
    Ok(Keep::Keep)
}

fn drop_even(row: &Row<'_>, _: &mut RowEdit<'_>) -> Kept {
    Ok(if row.number().is_multiple_of(2) { Keep::Drop } else { Keep::Keep })
}

fn tables(archive: &Archive) -> Vec<DumpId> {
    let tables = archive.entries().filter(|entry| {
        entry.desc() == Desc::TABLE_DATA && archive.has_data(*entry).unwrap_or(false)
    });
    tables.map(|entry| entry.dump_id()).collect()
}

fn rewrites<'a>(archive: &Archive, rewrite: Rewrite) -> Rewrites<'a> {
    tables(archive).into_iter().fold(Rewrites::new(), |all, id| all.table(id, move || rewrite))
}

fn data(archive: &Archive, id: DumpId) -> Vec<u8> {
    let mut data = Vec::new();
    archive.data(id).unwrap().read_to_end(&mut data).unwrap();
    data
}

fn rewritten(archive: &Archive, target: &Target, rewrites: Rewrites<'_>) -> Archive {
    let conversion = Conversion::rewriting(archive.pass(), target, None, rewrites)
        .unwrap_or_else(|error| panic!("{error}"));
    let file = conversion.write(Cursor::new(Vec::new())).unwrap_or_else(|error| panic!("{error}"));
    Archive::read(file.into_inner()).unwrap()
}

/// What changes nothing gives the same bytes of every table, and so does what sets every field to
/// its own value: the escapes and literals are those of pg_dump.
fn identity(path: &Path, made_up: bool) -> usize {
    let Ok(archive) = Archive::open(path) else { return 0 };
    let ids = tables(&archive);
    if ids.iter().any(|id| archive.rows(*id).is_err()) {
        return 0;
    }
    for (n, rewrite) in [same, set_all].into_iter().enumerate() {
        for threads in [1, 3] {
            let target = Target::new().format([Format::Tar, Format::Custom][n]).threads(threads);
            let new = rewritten(&archive, &target, rewrites(&archive, rewrite));
            for id in &ids {
                let (old, new) = (data(&archive, *id), data(&new, *id));
                // Text that people wrote may have other escapes.
                if n == 0 || !made_up {
                    let entry = archive.entry(*id).unwrap().name();
                    assert!(old == new, "{}: {entry}, {threads} threads", path.display());
                }
            }
        }
    }
    ids.len()
}

#[test]
fn identity_of_fixtures() {
    let watchdog = Watchdog::new("rewrite");
    let mut count = 0;
    for fixture in fixtures::real() {
        watchdog.label(fixture.path.display().to_string());
        count += identity(&fixture.path, false);
    }
    assert!(count > 100, "{count}");
}

#[test]
fn identity_of_corpus() {
    let Some(folder) = corpus::folder() else { return };
    let watchdog = Watchdog::new("rewrite");
    let mut count = 0;
    for recorded in
        corpus::archives(&folder).iter().step_by(if effort::is_exhaustive() { 1 } else { 5 })
    {
        watchdog.label(&recorded.name);
        count += identity(&recorded.path, recorded.name.starts_with("wild"));
    }
    assert!(count > 100, "{count}");
}

/// The same through a pipe, a directory and other threads.
#[test]
fn of_all_ways() {
    let path = fixtures::root().join("pg18/small-custom.dump");
    let archive = Archive::open(&path).unwrap();
    let expected = rewritten(&archive, &Target::new(), rewrites(&archive, drop_even));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("dir");
    let target = Target::new().format(Format::Directory).threads(3);
    let conversion =
        Conversion::rewriting(archive.pass(), &target, None, rewrites(&archive, drop_even));
    conversion.unwrap().create(&place).unwrap();
    let bytes = fixtures::bytes(&path);
    let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
    let target = Target::new().compression(Algorithm::Lz4, None).threads(2);
    let of_pipe =
        Conversion::rewriting(stream.pass(), &target, None, rewrites(&archive, drop_even))
            .unwrap()
            .write_pipe(Vec::new())
            .unwrap();
    let (of_pipe, of_folder) = (Archive::read(of_pipe).unwrap(), Archive::open(&place).unwrap());
    let mut dropped = 0;
    for id in tables(&archive) {
        let want = data(&expected, id);
        assert!(want == data(&of_pipe, id) && want == data(&of_folder, id));
        let (mut old, mut new) = (archive.rows(id).unwrap(), expected.rows(id).unwrap());
        while let Some(row) = old.next_row().unwrap() {
            if row.number() % 2 == 1 {
                assert_eq!(new.next_row().unwrap().unwrap().as_bytes(), row.as_bytes());
            } else {
                dropped += 1;
            }
        }
        assert!(new.next_row().unwrap().is_none());
    }
    assert!(dropped > 2);
}

/// Damage is an error, and never a panic, whatever is done with the rows.
#[test]
fn broken_archives() {
    let watchdog = Watchdog::new("rewrite");
    let (mut written, mut failed) = (0, 0);
    for hostile in fixtures::hostile() {
        watchdog.label(&hostile.name);
        let Ok(archive) = Archive::open(&hostile.path) else { continue };
        for (threads, rewrite) in [(1, drop_even as Rewrite), (3, set_all)] {
            let target = Target::new().format(Format::Custom).threads(threads);
            let rewrites = rewrites(&archive, rewrite);
            let conversion = Conversion::rewriting(archive.pass(), &target, None, rewrites);
            match conversion.and_then(|new| new.write(Cursor::new(Vec::new()))) {
                Ok(_) => written += 1,
                Err(_) => failed += 1,
            }
        }
    }
    assert!(written > 5 && failed > 5, "{written} {failed}");
}

/// Each row is given to a rewriter once, whether its table is read ahead or turns out to be too long
/// for that.
#[test]
fn every_row_once() {
    let mut rows = Vec::new();
    for n in 0..60_000 {
        rows.extend_from_slice(format!("{n}\t{}\n", "x".repeat(150)).as_bytes());
    }
    rows.extend_from_slice(b"\\.\n\n\n");
    let copy = Some("COPY public.t (a, b) FROM stdin;\n");
    for algorithm in [Algorithm::Gzip, Algorithm::Zstd] {
        let archive = packed(copy, &rows, algorithm);
        let [id] = tables(&archive)[..] else { panic!() };
        let size = archive.stored_size(archive.entry(id).unwrap()).unwrap().unwrap();
        assert!(size < 512 << 10, "{size}");
        let seen = AtomicU64::new(0);
        let count = &seen;
        let rewrites = Rewrites::new().table(id, || {
            move |_: &Row<'_>, _: &mut RowEdit<'_>| -> Kept {
                count.fetch_add(1, Ordering::Relaxed);
                Ok(Keep::Keep)
            }
        });
        let target = Target::new().threads(3).compression(Algorithm::None, None);
        let new = rewritten(&archive, &target, rewrites);
        assert_eq!(seen.load(Ordering::Relaxed), 60_000);
        assert!(data(&new, id) == rows);
    }
}

/// An archive with one table of these rows.
fn archive_of(copy: Option<&str>, rows: &[u8]) -> Archive {
    packed(copy, rows, Algorithm::None)
}

fn packed(copy: Option<&str>, rows: &[u8], algorithm: Algorithm) -> Archive {
    let options = WriteOptions::new().compression(algorithm, None);
    let mut archive = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    archive.session("UTF8", true).unwrap();
    let fields = EntryFields::new(archive.next_id(), Desc::TABLE_DATA, Section::Data);
    let mut fields = fields.namespace("public").tag("t").had_dumper(true);
    if let Some(copy) = copy {
        fields = fields.copy_stmt(copy);
    }
    let id = archive.entry(&fields).unwrap();
    let mut archive = archive.start(Cursor::new(Vec::new())).unwrap();
    let mut data = archive.data(id).unwrap();
    std::io::Write::write_all(&mut data, rows).unwrap();
    data.finish().unwrap();
    Archive::read(archive.finish().unwrap().into_inner()).unwrap()
}

/// The windows of a large table go to several threads, and come back in order.
#[test]
fn large_tables() {
    let (mut rows, mut commands) = (Vec::new(), Vec::new());
    for n in 0..60_000 {
        let text = "x".repeat(n % 77);
        rows.extend_from_slice(format!("{n}\t{text}\\t\n").as_bytes());
        commands.extend_from_slice(
            match n % 7 {
                0 => format!("INSERT INTO public.t VALUES\n\t({n}, '{text}\t')").into_bytes(),
                6 => format!(",\n\t({n}, '{text}\t') ON CONFLICT DO NOTHING;\n").into_bytes(),
                _ => format!(",\n\t({n}, '{text}\t')").into_bytes(),
            }
            .as_slice(),
        );
    }
    commands.extend_from_slice(b" ON CONFLICT DO NOTHING;\n\n\n");
    rows.extend_from_slice(b"\\.\n\n\n");
    fn change(row: &Row<'_>, edit: &mut RowEdit<'_>) -> Kept {
        let number = row.number();
        // Whole commands, too.
        if number.is_multiple_of(3) || (1000..1100).contains(&number) {
            return Ok(Keep::Drop);
        }
        if number.is_multiple_of(5) {
            edit.set(1, format!("it's {number}\\").as_bytes());
        }
        Ok(Keep::Keep)
    }
    let mut texts = Vec::new();
    for (copy, bytes) in [(Some("COPY public.t (a, b) FROM stdin;\n"), rows), (None, commands)] {
        let archive = archive_of(copy, &bytes);
        let [id] = tables(&archive)[..] else { panic!() };
        assert!(data(&archive, id) == bytes);
        let target = |threads| Target::new().threads(threads);
        let same_again = rewritten(&archive, &target(4), rewrites(&archive, same));
        assert!(data(&same_again, id) == bytes);
        let alone = rewritten(&archive, &target(1), rewrites(&archive, change));
        let together = rewritten(&archive, &target(4), rewrites(&archive, change));
        assert!(data(&alone, id) == data(&together, id));
        let mut rows = alone.rows(id).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            lines.push(row.as_bytes().to_vec());
        }
        assert_eq!(lines.len(), 60_000 - 20_000 - 67);
        assert!(lines.contains(&b"9\tit's 10\\\\".to_vec()));
        if copy.is_none() {
            let text = String::from_utf8(data(&alone, id)).unwrap();
            assert!(
                !text.contains("VALUES;") && !text.contains("VALUES ON") && !text.contains(",;")
            );
            assert!(text.contains("\n\t(9, 'it''s 10\\'),"));
            for command in text.split_terminator(";\n") {
                let begins = command.trim_start().starts_with("INSERT INTO public.t VALUES\n\t(");
                assert!(begins || command == "\n\n", "{command}");
            }
        }
        texts.push(lines);
    }
    assert!(texts[0] == texts[1]);
}

fn rewrite(
    options: RowsOptions,
    copy: bool,
    text: &[u8],
    change: Rewrite,
) -> pgdmp::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut change = change;
    match copy {
        true => options.copy_text(text).rewrite(&mut change, &mut out)?,
        false => options.insert_commands(text).rewrite(&mut change, &mut out)?,
    }
    Ok(out)
}

/// In seven encodings a backslash may be the second byte of a character: it stays one byte.
#[test]
fn backslashes_within_characters() {
    fn second(row: &Row<'_>, edit: &mut RowEdit<'_>) -> Kept {
        let first = row.get(0).and_then(|field| field.value()).unwrap_or_default();
        edit.set(1, &first);
        Ok(Keep::Keep)
    }
    for name in ["SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004"] {
        let encoding = Encoding::find(name.as_bytes()).unwrap();
        let options = || RowsOptions::new().encoding(encoding);
        let text = b"\x95\\\\\\\t\x95\\\n\x95\\\tx\n\\.\n\n\n";
        assert_eq!(rewrite(options(), true, text, same).unwrap(), text, "{name}");
        assert_eq!(rewrite(options(), true, text, set_all).unwrap(), text, "{name}");
        let copied = b"\x95\\\\\\\t\x95\\\\\\\n\x95\\\t\x95\\\n\\.\n\n\n";
        assert_eq!(rewrite(options(), true, text, second).unwrap(), copied, "{name}");
        for (strings, literal) in [(true, &b"'\x95\\\\''"[..]), (false, b"'\x95\\\\\\''")] {
            let text = [b"INSERT INTO t VALUES (", literal, b"', '');\n\n\n"].concat();
            let options = || options().std_strings(strings);
            assert_eq!(rewrite(options(), false, &text, set_all).unwrap(), text, "{name}");
            let copied =
                [b"INSERT INTO t VALUES (", literal, b"', ", literal, b"');\n\n\n"].concat();
            assert_eq!(rewrite(options(), false, &text, second).unwrap(), copied, "{name}");
        }
    }
}

/// Of INSERT commands: each kind of literal stays what it is, and no value can end a command.
#[test]
fn literals() {
    let text: &[u8] = b"INSERT INTO s.t OVERRIDING SYSTEM VALUE VALUES \
        (1, true, B'10', NULL, DEFAULT, 'x');\n\n\n";
    let change: Rewrite = |_, edit| {
        for (n, value) in
            ["-2.5e+07", "f", "011", "a\\'b", "1); DROP TABLE t; --"].iter().enumerate()
        {
            edit.set(n, value.as_bytes());
        }
        Ok(Keep::Keep)
    };
    let out = rewrite(RowsOptions::new(), false, text, change).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "INSERT INTO s.t OVERRIDING SYSTEM VALUE VALUES \
         (-2.5e+07, false, B'011', 'a\\''b', DEFAULT, '1); DROP TABLE t; --');\n\n\n"
    );
    let change: Rewrite = |_, edit| {
        for (n, value) in ["1--", "maybe", "012", "", "NULL"].iter().enumerate() {
            edit.set(n, value.as_bytes());
        }
        edit.set_null(1);
        Ok(Keep::Keep)
    };
    let out = rewrite(RowsOptions::new().std_strings(false), false, text, change).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "INSERT INTO s.t OVERRIDING SYSTEM VALUE VALUES \
         ('1--', NULL, '012', '', DEFAULT, 'NULL');\n\n\n"
    );
    let drop_all: Rewrite = |_, _| Ok(Keep::Drop);
    assert_eq!(rewrite(RowsOptions::new(), false, text, drop_all).unwrap(), b"\n\n");
    let none = b"INSERT INTO t DEFAULT VALUES;\nINSERT INTO t DEFAULT VALUES;\n\n\n";
    assert_eq!(rewrite(RowsOptions::new(), false, none, same).unwrap(), none);
    assert_eq!(
        rewrite(RowsOptions::new(), false, none, drop_even).unwrap(),
        b"INSERT INTO t DEFAULT VALUES;\n\n\n"
    );
}

/// OIDs of rows, tables without columns, other line ends.
#[test]
fn copy_texts() {
    let options = |columns: &[&str]| RowsOptions::new().columns(columns.iter().copied());
    let text = b"16384\ta\n16385\t\\N\n\\.\n\n\n";
    assert_eq!(rewrite(options(&["oid", "a"]), true, text, set_all).unwrap(), text);
    let text = b"\n\n\n\\.\n\n\n";
    assert_eq!(rewrite(options(&[]), true, text, set_all).unwrap(), text);
    assert_eq!(rewrite(options(&[]), true, text, drop_even).unwrap(), b"\n\n\\.\n\n\n");
    let text = b"1\r\n2\r\n3\r\n\\.\r\n\r\n\r\n";
    assert_eq!(rewrite(options(&["a"]), true, text, same).unwrap(), text);
    assert_eq!(rewrite(options(&["a"]), true, text, set_all).unwrap(), text);
    assert_eq!(
        rewrite(options(&["a"]), true, text, drop_even).unwrap(),
        b"1\r\n3\r\n\\.\r\n\r\n\r\n"
    );
    assert_eq!(rewrite(options(&["a"]), true, b"\\.\n\n\n", set_all).unwrap(), b"\\.\n\n\n");
}

/// Errors of the rewriter name the row and the table; what it may not do is one.
#[test]
fn failures() {
    let archive = archive_of(Some("COPY public.t (a, b) FROM stdin;\n"), b"1\t2\n3\t4\n\\.\n\n\n");
    let cases: [(Rewrite, &str); 3] = [
        (
            |row, _| if row.number() == 2 { Err("no way".into()) } else { Ok(Keep::Keep) },
            "row 2: no way",
        ),
        (
            |_, edit| {
                edit.set(2, b"x");
                Ok(Keep::Keep)
            },
            "row 1: a column that the row does not have",
        ),
        (
            |_, edit| {
                edit.set(0, b"a\0b");
                Ok(Keep::Keep)
            },
            "row 1: a value with the byte 0, which no text has",
        ),
    ];
    for (rewrite, message) in cases {
        let conversion = Conversion::rewriting(
            archive.pass(),
            &Target::new(),
            None,
            rewrites(&archive, rewrite),
        );
        let error = conversion.unwrap().write(Cursor::new(Vec::new())).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Rewrite { .. }), "{error:?}");
        assert!(error.to_string().starts_with(&format!("{message}, in entry")), "{error}");
    }
    let other = Rewrites::new().table(DumpId(4711), || same);
    let error = Conversion::rewriting(archive.pass(), &Target::new(), None, other).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound { .. }), "{error}");
    let archive = Archive::open(fixtures::root().join("pg18/small-custom.dump")).unwrap();
    let id = archive.entries().find(|entry| entry.desc() == Desc::TABLE).unwrap().dump_id();
    let other = Rewrites::new().table(id, || same);
    let error = Conversion::rewriting(archive.pass(), &Target::new(), None, other).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Usage { .. }), "{error}");
}

/// Statistics hold values of the rows, so no rewritten archive has them.
#[test]
fn no_statistics() {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    builder.session("UTF8", true).unwrap();
    let mut ids = Vec::new();
    for desc in [Desc::TABLE_DATA, Desc::STATISTICS_DATA, Desc::EXTENDED_STATISTICS_DATA] {
        let fields = EntryFields::new(builder.next_id(), desc, Section::Data).tag("t");
        let fields = fields.namespace("s");
        let fields = match desc {
            Desc::TABLE_DATA => fields.copy_stmt("COPY s.t (a) FROM stdin;\n").had_dumper(true),
            _ => fields.defn("SELECT 'secret';\n"),
        };
        ids.push(builder.entry(&fields).unwrap());
    }
    let mut writer = builder.start(Cursor::new(Vec::new())).unwrap();
    let mut rows = writer.data(ids[0]).unwrap();
    std::io::Write::write_all(&mut rows, b"secret\n\\.\n\n\n").unwrap();
    rows.finish().unwrap();
    let archive = Archive::read(writer.finish().unwrap().into_inner()).unwrap();
    let conversion =
        Conversion::rewriting(archive.pass(), &Target::new(), None, rewrites(&archive, same))
            .unwrap();
    assert_eq!(conversion.notes(), [Note::StatisticsLeftOut { entries: 2 }]);
    let new =
        Archive::read(conversion.write(Cursor::new(Vec::new())).unwrap().into_inner()).unwrap();
    assert!(
        new.entry(ids[0]).is_some() && new.entry(ids[1]).is_none() && new.entry(ids[2]).is_none()
    );
}
