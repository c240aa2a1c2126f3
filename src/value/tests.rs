//! Values at the edges of their types. What a server prints is what is printed again.

use super::*;

/// Texts that servers print: `$parse` takes each, and prints it as it was.
fn canonical<T: ToString>(parse: impl Fn(&'static [u8]) -> Option<T>, texts: &[&'static str]) {
    for text in texts {
        let value = parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(value.to_string(), *text);
    }
}

fn refused<T>(parse: impl Fn(&'static [u8]) -> Option<T>, texts: &[&'static str]) {
    for text in texts {
        assert!(parse(text.as_bytes()).is_none(), "{text:?}");
    }
}

#[test]
fn dates() {
    canonical(
        Date::parse,
        &[
            "infinity",
            "-infinity",
            "4714-11-24 BC",
            "4713-01-01 BC",
            "0001-02-29 BC",
            "0001-12-31 BC",
            "0001-01-01",
            "1900-02-28",
            "1969-12-31",
            "2000-02-29",
            "9999-12-31",
            "10000-01-01",
            "5874897-12-31",
        ],
    );
    refused(
        Date::parse,
        &[
            "",
            "4714-11-23 BC",
            "5874898-01-01",
            "0000-01-01",
            "1900-02-29",
            "2023-02-29",
            "2023-13-01",
            "2023-00-01",
            "2023-01-00",
            "2023-04-31",
            "2023-1-1",
            "123-01-01",
            "12345678-01-01",
            "2023-01-01 ",
            "2023-01-01 bc",
            "Infinity",
            "2023-01-01 AD",
            "0002-02-29 BC",
        ],
    );
    assert_eq!(Date::parse(b"5874897-12-31"), Some(Date::Finite(2_145_042_905)));
    assert_eq!(Date::parse(b"4714-11-24 BC"), Some(Date::Finite(-2_440_588)));
    assert_eq!(Date::parse(b"0001-02-29 BC"), Some(Date::Finite(-719_469)));
}

/// Each day from 4714 BC on has the date after that of the day before it.
#[test]
fn the_calendar_has_no_gaps() {
    let mut before = calendar::Civil::of(calendar::FIRST_DAY);
    assert_eq!((before.year, before.month, before.day), (-4713, 11, 24));
    for day in calendar::FIRST_DAY + 1..200_000 {
        let civil = calendar::Civil::of(day);
        assert_eq!(civil.days(), day);
        let next = calendar::Civil { day: before.day + 1, ..before };
        if civil != next {
            assert_eq!(civil.day, 1);
            assert!(calendar::Civil::parse(next.to_string().as_bytes(), next.is_bc()).is_none());
        }
        before = civil;
    }
}

#[test]
fn times() {
    canonical(
        Time::parse,
        &["00:00:00", "23:59:59.999999", "24:00:00", "01:02:03.1", "00:00:00.000001"],
    );
    canonical(
        TimeTz::parse,
        &[
            "00:00:00+00",
            "24:00:00-15:59:59",
            "12:34:56.789+15:59:59",
            "12:00:00+05:30:15",
            "12:00:00-03:30",
        ],
    );
    refused(
        Time::parse,
        &[
            "24:00:00.1",
            "24:00:01",
            "25:00:00",
            "00:60:00",
            "00:00:61",
            "1:00:00",
            "00:00:00.",
            "00:00:00.1234567",
            "00:00:00+00",
        ],
    );
    refused(
        TimeTz::parse,
        &["00:00:00", "00:00:00+16", "00:00:00+1", "00:00:00 +01", "00:00:00+01:60"],
    );
    // What a server with floating-point times may print.
    assert_eq!(Time::parse(b"23:59:60"), Some(Time(86_400_000_000)));
}

#[test]
fn timestamps() {
    canonical(
        Timestamp::parse,
        &[
            "infinity",
            "-infinity",
            "4714-11-24 00:00:00 BC",
            "4713-01-01 00:00:00 BC",
            "0044-03-15 12:00:00 BC",
            "1969-12-31 23:59:59.999999",
            "1500-02-28 01:02:03.1",
            "294247-01-10 04:00:54.775807",
            "294276-12-31 23:59:59.999999",
        ],
    );
    let micros = |text: &str| Timestamp::parse(text.as_bytes()).unwrap().unix_micros();
    assert_eq!(micros("294247-01-10 04:00:54.775807"), Some(i64::MAX));
    assert_eq!(micros("294247-01-10 04:00:54.775808"), None);
    assert_eq!(micros("4714-11-24 00:00:00 BC"), Some(-210_866_803_200_000_000));
    refused(
        Timestamp::parse,
        &[
            "4714-11-23 23:59:59 BC",
            "2020-01-01 00:00:00+00",
            "2020-01-01 BC 00:00:00",
            "2020-01-01  00:00:00",
        ],
    );
    assert_eq!(
        TimestampTz::parse(b"294277-01-01 00:59:59.999999+01").unwrap().to_string(),
        "294276-12-31 23:59:59.999999+00"
    );
    assert_eq!(
        TimestampTz::parse(b"4714-11-23 23:00:00-01 BC").unwrap().to_string(),
        "4714-11-24 00:00:00+00 BC"
    );
    assert_eq!(
        TimestampTz::parse(b"0001-12-31 23:30:00-01 BC").unwrap().to_string(),
        "0001-01-01 00:30:00+00"
    );
    canonical(TimestampTz::parse, &["infinity", "-infinity", "2024-07-01 12:00:00.5+00"]);
    refused(
        TimestampTz::parse,
        &[
            "2024-07-01 12:00:00",
            "2024-07-01",
            "4714-11-24 00:00:00+01 BC",
            "2024-07-01 12:00:00 +00",
        ],
    );
}

#[test]
fn intervals() {
    canonical(
        Interval::parse,
        &[
            "00:00:00",
            "-00:00:00.5",
            "1 year 2 mons -3 days +04:05:06.789",
            "-1 years -2 mons +3 days -04:05:06.000001",
            "178000000 years",
            "2562047:47:16.854776",
            "2562047788:00:54.775807",
            "-2562047788:00:54.775808",
            "infinity",
            "-infinity",
            "1 mon",
            "-1 mons",
            "1 day",
            "-1 days",
            "-178956970 years -8 mons",
            "178956970 years 7 mons",
            "-1 days +00:00:01",
            "1 day -00:00:01",
        ],
    );
    refused(
        Interval::parse,
        &[
            "",
            "1",
            "1 day 1 day",
            "1 day 1 year",
            "1 hour",
            "00:00",
            "00:00:00 1 day",
            "178956971 years",
            "2147483648 days",
            "2562047788:00:54.775808",
            "1  day",
            " 1 day",
            "1 day ",
            "P1D",
            "00:00:00.1234567",
            "99999999999999999999:00:00",
        ],
    );
}

#[test]
fn numerics() {
    canonical(
        Numeric::parse,
        &[
            "NaN",
            "Infinity",
            "-Infinity",
            "0",
            "0.0000",
            "1.50",
            "0.00000000000000000001",
            "-0.01",
            "100000000000000000000000000000000000000000000000000.5",
            "0.00",
        ],
    );
    refused(
        Numeric::parse,
        &["", "-", ".", "1.", ".5", "1e5", "+1", "--1", "nan", "inf", "1,0", "1.0.0"],
    );
    let at = |text: &'static str| Numeric::parse(text.as_bytes()).unwrap();
    assert_eq!(at("-0.00").to_string(), "0.00");
    assert_eq!(at("1234600").scaled(-2), Some(12_346));
    assert_eq!(at("1234601").scaled(-2), None);
    assert_eq!(at("0").scaled(-2), Some(0));
    assert_eq!(at("-100").scaled(-2), Some(-1));
    assert_eq!(at("50").scaled(-2), None);
    assert_eq!(at("0.00099").scaled(5), Some(99));
    assert_eq!(at("1.500").scaled(1), Some(15));
    assert_eq!(at("1.501").scaled(2), None);
    assert_eq!(at("99999999999999999999999999999999999999").scaled(0), Some(MOST - 1));
    assert_eq!(at("100000000000000000000000000000000000000").scaled(0), None);
    assert_eq!(at("1").scaled(38), None);
    assert_eq!(at("0").scaled(i32::MAX), Some(0));
    assert_eq!(at("1").scaled(i32::MAX), None);
    assert_eq!(at("NaN").scaled(2), None);
    assert_eq!(at("-12.5").scaled_text(3, 5).unwrap(), "-12500");
    assert_eq!(at("-12.5").scaled_text(3, 4), None);
    assert_eq!(at("1").scaled_text(i32::MAX, 76), None);
    assert_eq!(at("0.00").scaled_text(1, 76).unwrap(), "0");
    let ordered = [
        "-Infinity",
        "-10",
        "-9.5",
        "-0.1",
        "0",
        "0.05",
        "0.1",
        "9",
        "10",
        "10.01",
        "Infinity",
        "NaN",
    ];
    for (n, low) in ordered.iter().enumerate() {
        for (m, high) in ordered.iter().enumerate() {
            assert_eq!(at(low).cmp(&at(high)), n.cmp(&m), "{low} {high}");
        }
    }
    assert_eq!(at("-0"), at("0.00"));
    assert_eq!(at("007.10"), at("7.1"));
}

const MOST: i128 = 10_i128.pow(38);

#[test]
fn numbers() {
    assert_eq!(integer(b"-1"), Some(-1));
    assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
    refused(
        integer,
        &[
            "",
            "-",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "--1",
            "-9223372036854775809",
            "99999999999999999999999",
        ],
    );
    assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
    refused(unsigned, &["", "-1", "18446744073709551616", "1a"]);
    assert_eq!(real(b"1e-45").unwrap().to_bits(), 1);
    assert_eq!(real(b"-0").unwrap().to_bits(), 1 << 31);
    assert_eq!(real(b"3.4028235e+38"), Some(f32::MAX));
    // By way of f64 it would be rounded to another number.
    assert_eq!(real(b"1.00000017881393432617187499").unwrap().to_bits(), 0x3f80_0001);
    refused(real, &["", "inf", "nan", "infinity", "1e39", "1e-50", "0x1", "1 ", "-"]);
    assert_eq!(double_precision(b"1.7976931348623157e+308"), Some(f64::MAX));
    assert!(double_precision(b"NaN").unwrap().is_nan());
    assert_eq!(double_precision(b"0e-999"), Some(0.0));
    refused(double_precision, &["1e400", "-1e-400", "NAN", "+Infinity"]);
    assert_eq!(boolean(b"t"), Some(true));
    refused(boolean, &["true", "", "T"]);
    refused(
        uuid,
        &[
            "",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g",
            "a0eebc99-9c0b-4ef8-bb6d_6bb9bd380a11",
        ],
    );
}

#[test]
fn bytes() {
    for (text, value) in [
        (&br""[..], &b""[..]),
        (br"\x", b""),
        (br"\xDEad be", b"\xde\xad\xbe"),
        (br"\\x", br"\x"),
        (br"\000\377", b"\x00\xff"),
        (br"a'\\", br"a'\"),
    ] {
        let mut out = Vec::new();
        assert!(bytea(text, &mut out).is_some(), "{text:?}");
        assert_eq!(out, value);
    }
    refused(
        |text| bytea(text, &mut Vec::new()),
        &[r"\xa", r"\xa b", r"\xgg", r"\", r"\400", r"\12", r"\8"],
    );
    assert!(is_bit_string(b"") && is_bit_string(b"101") && !is_bit_string(b"102"));
}

/// The elements of an array, printed again.
fn array_again(text: &'static [u8]) -> Option<String> {
    let array = Array::parse(text, b',')?;
    let mut out = Vec::new();
    if array.dimensions().iter().any(|dimension| dimension.lower != 1) {
        for Dimension { lower, len } in array.dimensions() {
            out.extend(format!("[{lower}:{}]", i64::from(*lower) + *len as i64 - 1).bytes());
        }
        out.push(b'=');
    }
    let sizes: Vec<usize> = array.dimensions().iter().map(|dimension| dimension.len).collect();
    if sizes.is_empty() {
        return Some("{}".to_owned());
    }
    for (n, element) in array.elements().enumerate() {
        out.extend((n > 0).then_some(b','));
        // The arrays that begin here are those whose sizes divide the number.
        let begins = |n: usize| {
            (0..sizes.len())
                .filter(|depth| n.is_multiple_of(sizes[*depth..].iter().product()))
                .count()
        };
        out.extend(std::iter::repeat_n(b'{', begins(n)));
        match element {
            None => out.extend(b"NULL"),
            Some(text) => quote_element(&text.value(), b',', &mut out),
        }
        out.extend(std::iter::repeat_n(b'}', begins(n + 1)));
    }
    Some(String::from_utf8(out).unwrap())
}

#[test]
fn arrays() {
    canonical(
        array_again,
        &[
            "{}",
            "{NULL}",
            r#"{"NULL"}"#,
            r#"{""}"#,
            r#"{"a \"b\"","\\x5c78",c,NULL}"#,
            "[2:4]={1,2,3}",
            "{{1,2},{3,4}}",
            "[-1:0][0:1]={{1,2},{3,4}}",
            "{{{1}},{{2}}}",
            "{{{{{{1}}}}}}",
            r#"{"{1}"}"#,
            "[2147483647:2147483647]={1}",
        ],
    );
    refused(
        array_again,
        &[
            "",
            "{",
            "}",
            "{}}",
            "{1",
            "1}",
            "{1,}",
            "{,1}",
            "{1,,2}",
            "{{1},2}",
            "{2,{1}}",
            "{{1,2},{3}}",
            "{{}}",
            "{{1},{}}",
            "{{{{{{{1}}}}}}}",
            "[1:2]={1}",
            "[1:1][1:1]={1}",
            "[2:1]={}",
            "[1:1]{1}",
            "[1]={1}",
            r#"{a"b"}"#,
            r#"{"a"b}"#,
            r#"{"a}"#,
            r"{a\",
            r"{\}",
            "{1}{2}",
            "{}{}",
            "{1} x",
            "{{1}{2}}",
            "[1:99999999999]={1}",
            "{{1},}",
        ],
    );
    for (text, canonical) in [
        ("{ a b , c }", r#"{"a b",c}"#),
        ("{null,Null}", "{NULL,NULL}"),
        (r"{\a\ }", r#"{"a "}"#),
        (" {1} ", "{1}"),
        (r"{nul\l}", r#"{"null"}"#),
        ("[1:2] = {1,2}", "{1,2}"),
    ] {
        assert_eq!(array_again(text.as_bytes()).as_deref(), Some(canonical), "{text}");
    }
    let boxes = Array::parse(b"{(1,1),(0,0);(2,2),(1,1)}", b';').unwrap();
    assert_eq!(boxes.elements().count(), 2);
}

fn composite_again(text: &'static [u8]) -> Option<String> {
    let mut out = vec![b'('];
    for (n, field) in Composite::parse(text)?.fields().enumerate() {
        out.extend((n > 0).then_some(b','));
        if let Some(field) = field {
            quote_field(&field.value(), &mut out);
        }
    }
    out.push(b')');
    Some(String::from_utf8(out).unwrap())
}

#[test]
fn composites() {
    canonical(
        composite_again,
        &[
            "()",
            "(,,)",
            r#"(5,"",,)"#,
            r#"("a""b\\c")"#,
            r#"("(1,""x"")")"#,
            r#"(" ")"#,
            "(\"\n\")",
        ],
    );
    refused(composite_again, &["", "(", ")", "(1", "1)", "(1)2", r#"("1)"#, r"(1\)", "(1))"]);
    assert_eq!(composite_again(br#"(a"b,c"d\,)"#).as_deref(), Some(r#"("ab,cd,")"#));
}

fn range_again(text: &'static [u8]) -> Option<String> {
    Some(String::from_utf8(print_range(Range::parse(text)?)).unwrap())
}

fn print_range(range: Range<'_>) -> Vec<u8> {
    let Range::Between { lower, upper, lower_inclusive, upper_inclusive } = range else {
        return b"empty".to_vec();
    };
    let mut out = vec![if lower_inclusive { b'[' } else { b'(' }];
    for (bound, end) in [(lower, b','), (upper, if upper_inclusive { b']' } else { b')' })] {
        if let Some(bound) = bound {
            quote_bound(&bound.value(), &mut out);
        }
        out.push(end);
    }
    out
}

#[test]
fn ranges() {
    canonical(
        range_again,
        &[
            "empty",
            "(,)",
            "[1,2)",
            "(,5.0]",
            r#"["2024-01-01 00:00:00",infinity)"#,
            r#"("",")]"]"#,
            r#"["a""\\","(")"#,
        ],
    );
    refused(
        range_again,
        &["", "[", "[1]", "[1,2", "1,2]", "[1,2,3]", "[1,2]x", "{1,2}", r#"["1,2]"#],
    );
    let multirange = |text: &'static [u8]| {
        let ranges: Vec<_> = Multirange::parse(text)?.ranges().map(print_range).collect();
        Some(format!("{{{}}}", String::from_utf8(ranges.join(&b',')).unwrap()))
    };
    canonical(
        multirange,
        &["{}", "{(,)}", "{[1,2),[3,4)}", r#"{["2024-01-01 00:00:00",infinity)}"#, "{empty}"],
    );
    refused(multirange, &["", "{", "{[1,2)", "{[1,2),}", "{,}", "{[1,2)}x", "{[1,2)[3,4)}", "{1}"]);
}

#[test]
fn hstores() {
    let again = |text: &'static [u8]| {
        let mut out = Vec::new();
        for (n, (key, value)) in Hstore::parse(text)?.pairs().enumerate() {
            out.extend_from_slice(if n > 0 { b", " } else { b"" });
            quote_key(&key.value(), &mut out);
            out.extend_from_slice(b"=>");
            match value {
                Some(value) => quote_key(&value.value(), &mut out),
                None => out.extend_from_slice(b"NULL"),
            }
        }
        Some(String::from_utf8(out).unwrap())
    };
    canonical(again, &["", r#""a"=>"1""#, r#""a"=>NULL, "b"=>"NULL""#, r#""\"\\"=>"", ""=>" ""#]);
    assert_eq!(again(b" a => b , c=>null").as_deref(), Some(r#""a"=>"b", "c"=>NULL"#));
    refused(
        again,
        &["a", r#""a"=>"#, r#""a"=>"1","#, r#""a""1""#, r#""a=>1"#, r#""a"=>"1" "b"=>"2""#],
    );
}

#[test]
fn vectors() {
    let mut numbers = Vec::new();
    assert!(vector(b"[0,-0,1e-45]", &mut numbers).is_some());
    let bits: Vec<u32> = numbers.iter().map(|number| number.to_bits()).collect();
    assert_eq!(bits, [0, 1 << 31, 1]);
    refused(
        |text| vector(text, &mut Vec::new()),
        &["", "[]", "[1,]", "[NaN]", "1", "[1", "[Infinity]"],
    );
}
