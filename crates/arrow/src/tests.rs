//! Values of all kinds, at the edges of Arrow's types.

use std::fs::File;
use std::io::BufWriter;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, IntervalUnit};
use pgdmp::rows::{OnInvalid, RowWriter};
use pgdmp::toc::{ArchiveVersion, Section};
use pgdmp::types::Definitions;
use pgdmp::write::{EntryFields, WriteOptions};
use pgdmp::{Archive, ArchiveBuilder, Desc, Format};

use crate::*;

/// Types that the tables here have.
const TYPES: &str = "CREATE TYPE public.mood AS ENUM (\n    'sad',\n    'it''s ok'\n);\n";
const COMPOSITE: &str = "CREATE TYPE public.pair AS (\n\ta integer,\n\t\"B c\" text\n);\n";

/// An archive of a table with one column `v` of a type, in an encoding.
pub(crate) fn archive(encoding: &str, of: &str, values: &[Option<&[u8]>]) -> Archive {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.dump");
    let options = WriteOptions::new().version(ArchiveVersion::new(1, 14)).dbname("app");
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    builder.session(encoding, true).unwrap();
    let attributes: Vec<String> = (0..1_000).map(|n| format!("\tc{n} integer")).collect();
    let wide = format!("CREATE TYPE public.wide AS (\n{}\n);\n", attributes.join(",\n"));
    for (tag, defn) in [("mood", TYPES), ("pair", COMPOSITE), ("wide", &wide)] {
        let fields = EntryFields::new(builder.next_id(), Desc::TYPE, Section::PreData);
        builder.entry(&fields.namespace("public").tag(tag).defn(defn)).unwrap();
    }
    let defn = format!("CREATE TABLE public.t (\n    v {of}\n);\n");
    let fields = EntryFields::new(builder.next_id(), Desc::TABLE, Section::PreData);
    let table = builder.entry(&fields.namespace("public").tag("t").defn(&*defn)).unwrap();
    let needs = [table];
    let fields = EntryFields::new(builder.next_id(), Desc::TABLE_DATA, Section::Data)
        .namespace("public")
        .tag("t")
        .copy_stmt("COPY public.t (v) FROM stdin;\n")
        .had_dumper(true)
        .dependencies(&needs);
    let data = builder.entry(&fields).unwrap();
    let mut writer = builder.start(BufWriter::new(File::create(&path).unwrap())).unwrap();
    let mut rows = RowWriter::new(writer.data(data).unwrap());
    for value in values {
        rows.write([*value]).unwrap();
    }
    rows.finish().unwrap().finish().unwrap();
    writer.finish().unwrap();
    Archive::read(std::fs::read(&path).unwrap()).unwrap()
}

pub(crate) fn table(archive: &Archive, options: &ArrowOptions) -> Result<ArrowTable> {
    let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"t").unwrap();
    let columns = Definitions::new(archive.toc()).columns(entry).unwrap();
    ArrowTable::new(&columns, archive.toc().text_encoding(), options)
}

/// The values as a column, with a scan before where one is needed.
pub(crate) fn read(
    archive: &Archive,
    options: &ArrowOptions,
) -> Result<(RecordBatch, Vec<u64>, Vec<u64>)> {
    let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"t").unwrap();
    let mut table = table(archive, options)?;
    if table.needs_scan() {
        let mut scan = Scan::new(&table);
        let mut rows = archive.rows(entry.dump_id())?;
        while let Some(row) = rows.next_row()? {
            scan.push(&row, None)?;
        }
        table = scan.finish();
    }
    let mut builder = BatchBuilder::new(table);
    let mut rows = archive.rows(entry.dump_id())?;
    while let Some(row) = rows.next_row()? {
        builder.push(&row, None)?;
    }
    let batch = builder.finish()?;
    Ok((batch, builder.nulled().to_vec(), builder.replaced().to_vec()))
}

/// A value in short.
pub(crate) fn show(array: &ArrayRef, at: usize) -> String {
    if array.is_null(at) {
        return "NULL".to_owned();
    }
    let list = |values: &ArrayRef| {
        let values: Vec<String> = (0..values.len()).map(|at| show(values, at)).collect();
        format!("[{}]", values.join(","))
    };
    macro_rules! number {
        ($type:ty) => {
            array.as_primitive::<$type>().value(at).to_string()
        };
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(at).to_string(),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => format!("{:?}", array.as_primitive::<Float32Type>().value(at)),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(at)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(at),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value_as_string(at),
        DataType::Utf8 => format!("'{}'", array.as_string::<i32>().value(at)),
        DataType::Binary => format!("{:02x?}", array.as_binary::<i32>().value(at)),
        DataType::FixedSizeBinary(_) => format!("{:02x?}", array.as_fixed_size_binary().value(at)),
        DataType::Date32 => number!(Date32Type),
        DataType::Time64(_) => number!(Time64MicrosecondType),
        DataType::Timestamp(..) => number!(TimestampMicrosecondType),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(at);
            format!("{} {} {}", value.months, value.days, value.nanoseconds)
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_dictionary::<Int32Type>();
            show(dictionary.values(), dictionary.keys().value(at) as usize)
        }
        DataType::List(_) => list(&array.as_list::<i32>().value(at)),
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(at)),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().zip(fields);
            let shown: Vec<String> = columns
                .map(|(column, field)| format!("{}:{}", field.name(), show(column, at)))
                .collect();
            format!("{{{}}}", shown.join(","))
        }
        DataType::Map(..) => {
            let entries: ArrayRef = std::sync::Arc::new(array.as_map().value(at));
            list(&entries)
        }
        other => panic!("{other}"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    /// This value.
    Value(&'static str),
    Unrepresentable,
    Invalid,
}
use Is::{Invalid, Unrepresentable, Value};

/// Each text alone, with the policy error; then all of them with NULL before, between and behind, and
/// both policies null; then with both policies text.
fn check(of: &str, options: &ArrowOptions, cases: &[(&str, Is)]) {
    let mut texts: Vec<Option<&[u8]>> = vec![None];
    let mut expected = vec!["NULL"];
    let (mut nulled, mut replaced) = (0, 0);
    for (text, is) in cases {
        let one = archive("UTF8", of, &[Some(text.as_bytes())]);
        match (read(&one, options), is) {
            (Ok((batch, ..)), Value(value)) => {
                assert_eq!(show(batch.column(0), 0), *value, "{of} {text}")
            }
            (Ok((batch, ..)), _) => panic!("{of} {text}: {}", show(batch.column(0), 0)),
            (Err(error), Value(_)) => panic!("{of} {text}: {error}"),
            (Err(error), is) => {
                let unrepresentable = error.to_string().contains("has no exact value");
                assert_eq!(unrepresentable, *is == Unrepresentable, "{of} {text}: {error}");
                assert!(
                    matches!(&error, Error::Archive(error) if matches!(error.kind(), pgdmp::ErrorKind::Row { row: 1, .. }))
                );
            }
        }
        texts.extend([Some(text.as_bytes()), None]);
        match is {
            Value(value) => expected.push(value),
            _ => expected.push("NULL"),
        }
        nulled += u64::from(*is == Unrepresentable);
        replaced += u64::from(*is == Invalid);
        expected.push("NULL");
    }
    let all = archive("UTF8", of, &texts);
    let nulls =
        options.clone().on_unrepresentable(OnUnrepresentable::Null).on_invalid(OnInvalid::Null);
    let (batch, counted, invalid) = read(&all, &nulls).unwrap();
    let found: Vec<String> = (0..batch.num_rows()).map(|at| show(batch.column(0), at)).collect();
    assert_eq!(found, expected, "{of}");
    assert_eq!((counted, invalid), (vec![nulled], vec![replaced]), "{of}");
    let text =
        options.clone().on_unrepresentable(OnUnrepresentable::Text).on_invalid(OnInvalid::Text);
    let (batch, ..) = read(&all, &text).unwrap();
    if nulled + replaced > 0 {
        assert_eq!(batch.column(0).data_type(), &DataType::Utf8, "{of}");
        for (at, text) in texts.iter().enumerate() {
            let wanted = text
                .map_or("NULL".to_owned(), |text| format!("'{}'", str::from_utf8(text).unwrap()));
            assert_eq!(show(batch.column(0), at), wanted);
        }
    } else {
        assert_eq!(
            batch.column(0).data_type(),
            table(&all, options).unwrap().schema().field(0).data_type()
        );
    }
    // Parquet writes all of it.
    let written = options
        .clone()
        .target(Target::Parquet)
        .on_unrepresentable(OnUnrepresentable::Null)
        .on_invalid(OnInvalid::Null);
    let entry = all.toc().find(Desc::TABLE_DATA, Some(b"public"), b"t").unwrap();
    let mut file =
        ParquetFile::new(table(&all, &written).unwrap(), &ParquetOptions::new(), Vec::new())
            .unwrap();
    let mut rows = all.rows(entry.dump_id()).unwrap();
    while let Some(row) = rows.next_row().unwrap() {
        file.write_row(&row, None).unwrap();
    }
    let bytes = file.finish().unwrap().0;
    let again = ::parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(
        bytes::Bytes::from(bytes),
        1000,
    )
    .unwrap();
    let batches: Vec<RecordBatch> = again.map(Result::unwrap).collect();
    let (direct, ..) = read(&all, &written).unwrap();
    assert_eq!(batches.len(), 1);
    for at in 0..direct.num_rows() {
        assert_eq!(show(batches[0].column(0), at), show(direct.column(0), at), "{of}");
    }
}

#[test]
fn scalars() {
    let options = ArrowOptions::new();
    let check = |of: &str, cases: &[(&str, Is)]| check(of, &options, cases);
    check("smallint", &[("-32768", Value("-32768")), ("32768", Invalid), ("", Invalid)]);
    check("bigint", &[("9223372036854775807", Value("9223372036854775807"))]);
    check("oid", &[("4294967295", Value("4294967295")), ("-1", Invalid)]);
    check("xid8", &[("18446744073709551615", Value("18446744073709551615"))]);
    check("boolean", &[("t", Value("true")), ("f", Value("false")), ("true", Invalid)]);
    check(
        "real",
        &[
            ("16777217", Value("16777216.0")),
            ("NaN", Value("NaN")),
            ("-0", Value("-0.0")),
            ("1e39", Invalid),
        ],
    );
    check("double precision", &[("5e-324", Value("5e-324")), ("-Infinity", Value("-inf"))]);
    check(
        "numeric(10,2)",
        &[
            ("99999999.99", Value("99999999.99")),
            ("-0.01", Value("-0.01")),
            ("NaN", Unrepresentable),
            ("1.5", Invalid),
            ("1", Invalid),
            ("1.500", Invalid),
            ("100000000.00", Invalid),
            ("1e5", Invalid),
            ("0.00", Value("0.00")),
            ("-.01", Invalid),
            (".01", Invalid),
        ],
    );
    check(
        "numeric(5,-2)",
        &[("1234600", Value("1234600")), ("-100", Value("-100")), ("12345678", Invalid)],
    );
    check("numeric(2,5)", &[("0.00099", Value("0.00099")), ("1.00000", Invalid)]);
    check(
        "numeric(38,0)",
        &[(
            "99999999999999999999999999999999999999",
            Value("99999999999999999999999999999999999999"),
        )],
    );
    check("numeric(18,18)", &[("-0.123456789012345678", Value("-0.123456789012345678"))]);
    check(
        "numeric(39,2)",
        &[(
            "-9999999999999999999999999999999999999.99",
            Value("-9999999999999999999999999999999999999.99"),
        )],
    );
    check("numeric(77,2)", &[("1.00", Value("'1.00'"))]);
    check("numeric", &[("1e5", Value("'1e5'")), ("NaN", Value("'NaN'"))]);
    check(
        "uuid",
        &[
            (
                "00000000-0000-0000-0000-0000000000ff",
                Value("[00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, ff]"),
            ),
            ("x", Invalid),
        ],
    );
    check(
        "bytea",
        &[
            (r"\x00ff", Value("[00, ff]")),
            (r"a\\\001", Value("[61, 5c, 01]")),
            (r"\xf", Invalid),
            ("", Value("[]")),
        ],
    );
    check(
        "date",
        &[
            ("1970-01-02", Value("1")),
            ("4713-01-01 BC", Value("-2440550")),
            ("5874897-12-31", Value("2145042905")),
            ("infinity", Unrepresentable),
            ("-infinity", Unrepresentable),
            ("2023-02-29", Invalid),
        ],
    );
    check(
        "time without time zone",
        &[
            ("23:59:59.999999", Value("86399999999")),
            ("24:00:00", Unrepresentable),
            ("25:00:00", Invalid),
        ],
    );
    check(
        "timestamp without time zone",
        &[
            ("294247-01-10 04:00:54.775807", Value("9223372036854775807")),
            ("294247-01-10 04:00:54.775808", Unrepresentable),
            ("294276-12-31 23:59:59.999999", Unrepresentable),
            ("infinity", Unrepresentable),
            ("0044-03-15 12:00:00 BC", Value("-63517780800000000")),
            ("1970-01-01 00:00:00+00", Invalid),
        ],
    );
    check(
        "timestamp with time zone",
        &[("1970-01-01 00:00:01+00:19:32", Value("-1171000000")), ("1970-01-01 00:00:00", Invalid)],
    );
    check(
        "interval",
        &[
            ("1 year 2 mons -3 days +04:05:06.789", Value("14 -3 14706789000000")),
            ("2562047:47:16.854775", Value("0 0 9223372036854775000")),
            ("2562047:47:16.854776", Unrepresentable),
            ("infinity", Unrepresentable),
            ("1 fortnight", Invalid),
        ],
    );
    check("json", &[(r#"{"a": 1, "a": 2}"#, Value(r#"'{"a": 1, "a": 2}'"#))]);
    check("jsonb", &[("1e400", Value("'1e400'")), ("{a: 1}", Invalid), ("", Invalid)]);
    check(
        "text",
        &[
            ("NULL", Value("'NULL'")),
            ("\\N", Value("'\\N'")),
            ("", Value("''")),
            ("\t\n\\", Value("'\t\n\\'")),
        ],
    );
    check(
        "public.mood",
        &[("it's ok", Value("'it's ok'")), ("sad", Value("'sad'")), ("glad", Invalid)],
    );
    check("inet", &[("::1", Value("'::1'"))]);
    check("int2vector", &[("1 2 -3", Value("[1,2,-3]")), ("", Value("[]")), ("1  2", Invalid)]);
}

#[test]
fn nested() {
    let options = ArrowOptions::new();
    let check = |of: &str, options: &ArrowOptions, cases: &[(&str, Is)]| check(of, options, cases);
    check(
        "integer[]",
        &options,
        &[
            ("{}", Value("[]")),
            ("{1,NULL,-2}", Value("[1,NULL,-2]")),
            ("[2:4]={1,2,3}", Unrepresentable),
            ("{{1,2},{3,4}}", Unrepresentable),
            ("{1,x}", Invalid),
            ("{1", Invalid),
            ("{99999999999}", Invalid),
        ],
    );
    check(
        "text[]",
        &options,
        &[(r#"{"NULL",NULL,"","a\"b\\"}"#, Value(r#"['NULL',NULL,'','a"b\']"#))],
    );
    check("bytea[]", &options, &[(r#"{"\\x5c78"}"#, Value("[[5c, 78]]"))]);
    check(
        "timestamp without time zone[]",
        &options,
        &[
            (r#"{"1970-01-01 00:00:00.000001",infinity,"1970-01-01 00:00:00"}"#, Unrepresentable),
            (r#"{"1970-01-01 00:00:00.000001"}"#, Value("[1]")),
        ],
    );
    let two = options.clone().array_dimensions(b"v", 2);
    check(
        "integer[]",
        &two,
        &[
            ("{{1,2},{3,NULL}}", Value("[[1,2],[3,NULL]]")),
            ("{}", Value("[]")),
            ("{1}", Unrepresentable),
            ("{{1},{x}}", Invalid),
            ("{{5}}", Value("[[5]]")),
        ],
    );
    check(
        "public.pair",
        &options,
        &[
            ("(1,a)", Value("{a:1,B c:'a'}")),
            ("(,)", Value("{a:NULL,B c:NULL}")),
            (r#"(-5,"x ""y""\\")"#, Value(r#"{a:-5,B c:'x "y"\'}"#)),
            ("(1)", Invalid),
            ("(1,a,2)", Invalid),
            ("(x,a)", Invalid),
            ("()", Invalid),
        ],
    );
    check(
        "public.pair[]",
        &options,
        &[(r#"{"(1,\"a,b\")",NULL}"#, Value("[{a:1,B c:'a,b'},NULL]")), (r#"{"(x,1)"}"#, Invalid)],
    );
    check("public.mood[]", &options, &[(r#"{sad,"it's ok"}"#, Value("['sad','it's ok']"))]);
    check("int4range", &options, &[("[1,2)", Value("'[1,2)'"))]);
    let structs = options.clone().range_struct(true);
    check(
        "int4range",
        &structs,
        &[
            ("[1,)", Value("{lower:1,upper:NULL,lower_inc:true,upper_inc:false,empty:false}")),
            ("empty", Value("{lower:NULL,upper:NULL,lower_inc:false,upper_inc:false,empty:true}")),
            ("[1]", Invalid),
            ("[x,2)", Invalid),
        ],
    );
    check("tsrange", &structs, &[(r#"["1970-01-01 00:00:00",infinity)"#, Unrepresentable)]);
    check(
        "int4multirange",
        &structs,
        &[
            (
                "{[1,2),[5,6)}",
                Value(
                    "[{lower:1,upper:2,lower_inc:true,upper_inc:false,empty:false},{lower:5,upper:6,lower_inc:true,upper_inc:false,empty:false}]",
                ),
            ),
            ("{}", Value("[]")),
            ("{x}", Invalid),
        ],
    );
    check(
        "public.hstore",
        &options,
        &[
            (r#""a"=>"1", "b"=>NULL"#, Value("[{key:'a',value:'1'},{key:'b',value:NULL}]")),
            ("", Value("[]")),
            ("x", Invalid),
        ],
    );
    check(
        "public.vector(3)",
        &options,
        &[("[0,-0,1e-45]", Value("[0.0,-0.0,1e-45]")), ("[1]", Invalid)],
    );
    check("public.vector", &options, &[("[1]", Value("[1.0]")), ("[1,2]", Value("[1.0,2.0]"))]);
    check(
        "public.geometry(Point,4326)",
        &options,
        &[
            (
                "0101000020E6100000000000000000F03F0000000000000040",
                Value(
                    "[01, 01, 00, 00, 00, 00, 00, 00, 00, 00, 00, f0, 3f, 00, 00, 00, 00, 00, 00, 00, 40]",
                ),
            ),
            ("0101000000000000000000F03F0000000000000040", Unrepresentable),
            ("01", Invalid),
        ],
    );
    // Inside of others, values say their SRID themselves, so that it is not lost.
    check(
        "public.geometry(Point,4326)[]",
        &options,
        &[(
            "{0101000020E6100000000000000000F03F0000000000000040}",
            Value(
                "[[01, 01, 00, 00, 20, e6, 10, 00, 00, 00, 00, 00, 00, 00, 00, f0, 3f, 00, 00, 00, 00, 00, 00, 00, 40]]",
            ),
        )],
    );
}

#[test]
fn options() {
    let decimal = ArrowOptions::new().numeric(NumericAs::Decimal(5, 2));
    check(
        "numeric",
        &decimal,
        &[
            ("1.5", Value("1.50")),
            ("123.450", Value("123.45")),
            ("1234", Unrepresentable),
            ("0.001", Unrepresentable),
            ("NaN", Unrepresentable),
            ("x", Invalid),
        ],
    );
    let double = ArrowOptions::new().numeric(NumericAs::Double);
    check(
        "numeric",
        &double,
        &[
            ("0.10", Value("0.1")),
            ("NaN", Value("NaN")),
            ("-Infinity", Value("-inf")),
            ("9007199254740993", Unrepresentable),
            ("0.1000000000000000000001", Unrepresentable),
            ("100000000000000000000000", Value("1e23")),
        ],
    );
    let money = ArrowOptions::new().money(b'.', 2);
    check(
        "money",
        &money,
        &[
            ("-$92,233,720,368,547,758.08", Value("-92233720368547758.08")),
            ("($1.00)", Value("-1.00")),
            ("1.234,56 €", Invalid),
            ("$1", Invalid),
            ("$", Invalid),
        ],
    );
    check(
        "money",
        &ArrowOptions::new().money(b',', 2),
        &[
            ("1.234.567,89 €", Value("1234567.89")),
            // Minus signs of locales: that of Unicode, behind the number, and brackets.
            ("\u{2212}1.234,50 kr", Value("-1234.50")),
            ("1,00- €", Value("-1.00")),
            ("(kr 0,05)", Value("-0.05")),
            ("1,234,50", Invalid),
        ],
    );
    check(
        "money",
        &ArrowOptions::new().money(b'.', 0),
        &[
            ("-¥1,234", Value("-1234")),
            // Digits behind the point, where there are to be none, would make it a thousand times as much.
            ("$1.234", Invalid),
        ],
    );
    check(
        "interval",
        &ArrowOptions::new().interval_text(true),
        &[("infinity", Value("'infinity'"))],
    );
    let parquet = ArrowOptions::new().target(Target::Parquet);
    check(
        "interval",
        &parquet,
        &[(
            "1 mon 2562047788:00:54.775807",
            Value("{months:1,days:0,microseconds:9223372036854775807}"),
        )],
    );
    check("numeric(39,2)", &parquet, &[("1.00", Value("'1.00'"))]);
    check("numeric(39,2)", &parquet.clone().decimal256(true), &[("1.00", Value("1.00"))]);
    assert!(
        table(&archive("UTF8", "text", &[]), &ArrowOptions::new().array_dimensions(b"v", 2))
            .is_err()
    );
    assert!(
        table(
            &archive("UTF8", "numeric", &[]),
            &ArrowOptions::new().numeric(NumericAs::Decimal(39, 0))
        )
        .is_err()
    );
}

#[test]
fn the_smallest_decimal_is_found() {
    let scan = ArrowOptions::new().numeric(NumericAs::Scan);
    let of = |values: &[&str], options: &ArrowOptions| {
        let values: Vec<Option<&[u8]>> =
            values.iter().map(|value| Some(value.as_bytes())).chain([None]).collect();
        read(&archive("UTF8", "numeric", &values), options)
            .map(|(batch, ..)| batch.column(0).data_type().clone())
    };
    assert_eq!(of(&["1.50", "-123", "0.025"], &scan).unwrap(), DataType::Decimal128(6, 3));
    assert_eq!(of(&[], &scan).unwrap(), DataType::Decimal128(1, 0));
    assert_eq!(of(&["1e"], &scan.clone().on_invalid(OnInvalid::Text)).unwrap(), DataType::Utf8);
    let long = "1".repeat(39);
    assert_eq!(of(&[&long], &scan).unwrap(), DataType::Utf8);
    assert!(of(&["1", "NaN"], &scan).is_err());
    assert_eq!(
        of(&["1", "NaN"], &scan.clone().on_unrepresentable(OnUnrepresentable::Null)).unwrap(),
        DataType::Decimal128(1, 0)
    );
    assert_eq!(
        of(&["1", "NaN"], &scan.clone().on_unrepresentable(OnUnrepresentable::Text)).unwrap(),
        DataType::Utf8
    );
}

#[test]
fn encodings() {
    let read_one = |encoding: &str, of: &str, text: &[u8], options: &ArrowOptions| {
        let archive = archive(encoding, of, &[Some(text)]);
        read(&archive, options).map(|(batch, ..)| show(batch.column(0), 0))
    };
    let options = ArrowOptions::new();
    assert_eq!(read_one("LATIN1", "text", b"gr\xfc\xdf", &options).unwrap(), "'grüß'");
    // The second byte of this character is a backslash, also inside of an array.
    assert_eq!(read_one("SJIS", "text[]", b"{\x95\x5c,a}", &options).unwrap(), "['表','a']");
    assert!(read_one("UTF8", "text", b"a\xff", &options).is_err());
    assert!(read_one("SQL_ASCII", "text[]", b"{a\xff}", &options).is_err());
    assert_eq!(
        read_one("SQL_ASCII", "text[]", b"{a\xff}", &options.clone().on_invalid(OnInvalid::Text))
            .unwrap(),
        "['a\u{fffd}']"
    );
    assert_eq!(
        read_one("UTF8", "text", b"a\xff", &options.clone().on_invalid(OnInvalid::Null)).unwrap(),
        "NULL"
    );
    let latin = options.clone().encoding(pgdmp::text::Encoding::find(b"LATIN1").unwrap());
    assert_eq!(read_one("SQL_ASCII", "text", b"gr\xfc\xdf", &latin).unwrap(), "'grüß'");
    assert_eq!(
        read_one("SQL_ASCII", "text", b"gr\xfc\xdf", &options.clone().raw(true)).unwrap(),
        "[67, 72, fc, df]"
    );
    assert_eq!(read_one("SQL_ASCII", "integer", b"5", &options.clone().raw(true)).unwrap(), "5");
    assert!(read_one("EUC_TW", "text", b"\xc4\xe3", &options).is_err());
}

#[test]
fn not_null_is_required() {
    let archive = archive("UTF8", "integer NOT NULL", &[Some(b"1"), None]);
    assert!(!table(&archive, &ArrowOptions::new()).unwrap().schema().field(0).is_nullable());
    let error = read(&archive, &ArrowOptions::new()).unwrap_err().to_string();
    assert!(error.contains("NOT NULL") && error.contains('2'), "{error}");
    for options in [
        ArrowOptions::new().nullable(true),
        ArrowOptions::new().on_unrepresentable(OnUnrepresentable::Null),
    ] {
        assert!(table(&archive, &options).unwrap().schema().field(0).is_nullable());
        assert_eq!(read(&archive, &options).unwrap().0.num_rows(), 2);
    }
}

#[test]
fn metadata() {
    let archive = archive("UTF8", "numeric(10,2)", &[]);
    let schema = table(&archive, &ArrowOptions::new()).unwrap().schema();
    assert_eq!(schema.metadata()["pgdmp.table"], "public.t");
    assert_eq!(schema.metadata()["pgdmp.encoding"], "UTF8");
    assert_eq!(schema.field(0).metadata()["pgdmp.type"], "numeric(10,2)");
    // Comments, and a primary key.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/pg18/small-dir");
    let archive = Archive::open(path).unwrap();
    let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
    let definitions = Definitions::new(archive.toc());
    let columns = definitions.columns(entry).unwrap();
    let table =
        ArrowTable::new(&columns, archive.toc().text_encoding(), &ArrowOptions::new()).unwrap();
    let schema = table.describe(archive.toc(), &definitions.keys(entry).unwrap()).schema();
    assert_eq!(schema.metadata()["comment"], "three rows");
    assert_eq!(schema.metadata()["pgdmp.primary_key"], "[\"id\"]");
    assert!(schema.metadata()["pgdmp.server_version"].starts_with("18"));
}

#[test]
fn ipc() {
    let archive = archive("UTF8", "public.mood", &[Some(b"sad"), None, Some(b"it's ok")]);
    let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"t").unwrap();
    for format in [IpcFormat::File, IpcFormat::Stream] {
        let options = ArrowOptions::new().batch_rows(1);
        let mut output =
            IpcOutput::new(table(&archive, &options).unwrap(), format, Vec::new()).unwrap();
        let mut rows = archive.rows(entry.dump_id()).unwrap();
        while let Some(row) = rows.next_row().unwrap() {
            output.write_row(&row, None).unwrap();
        }
        let bytes = std::io::Cursor::new(output.finish().unwrap().0);
        let batches: Vec<RecordBatch> = match format {
            IpcFormat::File => arrow_ipc::reader::FileReader::try_new(bytes, None)
                .unwrap()
                .map(Result::unwrap)
                .collect(),
            IpcFormat::Stream => arrow_ipc::reader::StreamReader::try_new(bytes, None)
                .unwrap()
                .map(Result::unwrap)
                .collect(),
        };
        let shown: Vec<String> = batches.iter().map(|batch| show(batch.column(0), 0)).collect();
        assert_eq!(shown, ["'sad'", "NULL", "'it's ok'"]);
    }
}

/// The reader's batches are cut, and say how many rows there are, also without columns.
#[test]
fn batches() {
    let values: Vec<Option<&[u8]>> = vec![Some(b"1"); 10];
    let archive = archive("UTF8", "integer", &values);
    let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"t").unwrap();
    let options = ArrowOptions::new().batch_rows(4);
    let rows =
        ArrowRows::new(archive.rows(entry.dump_id()).unwrap(), table(&archive, &options).unwrap());
    assert_eq!(rows.map(|batch| batch.unwrap().num_rows()).collect::<Vec<_>>(), [4, 4, 2]);
    let options = ArrowOptions::new().batch_bytes(1);
    let rows =
        ArrowRows::new(archive.rows(entry.dump_id()).unwrap(), table(&archive, &options).unwrap());
    assert_eq!(rows.count(), 10);
}

/// All rows of the fixtures' tables come back from Parquet and Arrow IPC as they went in.
#[test]
fn fixtures_come_back() {
    let policies =
        ArrowOptions::new().on_unrepresentable(OnUnrepresentable::Null).on_invalid(OnInvalid::Null);
    let (mut tables, mut values) = (0, 0);
    for fixture in pgdmp_testkit::fixtures::real() {
        let Ok(archive) = Archive::open(&fixture.path) else { continue };
        let definitions = Definitions::new(archive.toc());
        for entry in archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA) {
            let Ok(columns) = definitions.columns(entry) else { continue };
            if columns.columns.is_empty()
                || !archive.rows(entry.dump_id()).is_ok_and(|mut rows| {
                    rows.peek_len().is_ok_and(|len| len == Some(columns.columns.len()))
                })
            {
                continue;
            }
            tables += 1;
            for target in [Target::Arrow, Target::Parquet] {
                let options = policies.clone().target(target);
                let table =
                    ArrowTable::new(&columns, archive.toc().text_encoding(), &options).unwrap();
                let mut builder = BatchBuilder::new(table.clone());
                let mut parquet = (target == Target::Parquet).then(|| {
                    ParquetFile::new(
                        table.clone(),
                        &ParquetOptions::new().row_group_rows(7),
                        Vec::new(),
                    )
                    .unwrap()
                });
                let mut ipc = IpcOutput::new(table, IpcFormat::Stream, Vec::new()).unwrap();
                let mut rows = archive.rows(entry.dump_id()).unwrap();
                while let Some(row) = rows.next_row().unwrap() {
                    builder.push(&row, None).unwrap();
                    ipc.write_row(&row, None).unwrap();
                    if let Some(file) = &mut parquet {
                        file.write_row(&row, None).unwrap();
                    }
                }
                let direct = builder.finish().unwrap();
                let bytes = std::io::Cursor::new(ipc.finish().unwrap().0);
                let mut read = vec![
                    arrow_ipc::reader::StreamReader::try_new(bytes, None)
                        .unwrap()
                        .map(Result::unwrap)
                        .collect::<Vec<_>>(),
                ];
                if let Some(file) = parquet {
                    let bytes = bytes::Bytes::from(file.finish().unwrap().0);
                    let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(
                        bytes,
                        1 << 20,
                    )
                    .unwrap();
                    read.push(reader.map(Result::unwrap).collect());
                }
                for batches in read {
                    assert_eq!(
                        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
                        direct.num_rows()
                    );
                    let mut at = 0;
                    for batch in batches {
                        for row in 0..batch.num_rows() {
                            for (column, wanted) in batch.columns().iter().zip(direct.columns()) {
                                assert_eq!(show(column, row), show(wanted, at));
                                values += 1;
                            }
                            at += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(tables > 20 && values > 2_000, "{tables} tables, {values} values");
}

/// NULL is four letters, and a thousand numbers in an array of a composite type.
#[test]
fn elements_that_take_more_than_their_text() {
    let nulls = |count: usize| format!("{{{}}}", vec!["NULL"; count].join(","));
    let (some, many) = (nulls(500), nulls(100_000));
    let some: Vec<Option<&[u8]>> = vec![Some(some.as_bytes()); 8];
    let made = archive("UTF8", "public.wide[]", &some);
    let entry = made.toc().find(Desc::TABLE_DATA, Some(b"public"), b"t").unwrap();
    let options = ArrowOptions::new();
    let mut builder = BatchBuilder::new(table(&made, &options).unwrap());
    let mut rows = made.rows(entry.dump_id()).unwrap();
    let mut batches = Vec::new();
    while let Some(row) = rows.next_row().unwrap() {
        builder.push(&row, None).unwrap();
        if builder.is_full() {
            batches.push(builder.finish().unwrap().num_rows());
        }
    }
    assert_eq!(batches, [5]);
    let error = read(&archive("UTF8", "public.wide[]", &[Some(many.as_bytes())]), &options);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("its elements take too much memory"), "{error}");
}
