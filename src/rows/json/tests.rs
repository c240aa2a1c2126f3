use super::shape::{Attribute, Numbers, Shape};
use super::value;

fn json(shape: &Shape, text: &str) -> Result<String, &'static str> {
    let mut out = Vec::new();
    value::write(shape, text.as_bytes(), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn number(numbers: Numbers) -> Shape {
    Shape::Integer(64, numbers)
}

fn array(shape: Shape) -> Shape {
    Shape::Array(Box::new(shape), b',')
}

fn composite(fields: Vec<(&str, Shape)>) -> Shape {
    let attribute = |(name, shape): (&str, Shape)| Attribute::new(name.as_bytes(), shape);
    Shape::Composite(fields.into_iter().map(attribute).collect())
}

/// What a server (15) gives for the same values.
#[test]
fn as_the_server() {
    let plain = || number(Numbers::AsPrinted);
    let pair = || composite(vec![("a", plain()), ("b \"x\"", Shape::Text)]);
    for (shape, text, expected) in [
        (Shape::Boolean, "t", "true"),
        (plain(), "-9223372036854775808", "-9223372036854775808"),
        (Shape::Float, "1e-45", "1e-45"),
        (Shape::Float, "-0", "-0"),
        (Shape::Float, "-Infinity", "\"-Infinity\""),
        (Shape::Numeric(Numbers::AsPrinted), "1.50", "1.50"),
        (Shape::Numeric(Numbers::AsPrinted), "NaN", "\"NaN\""),
        (
            Shape::Text,
            "a\"\\/\u{8}\u{c}\n\r\t\u{1}\u{b}\u{7f}ö",
            "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u000b\u{7f}ö\"",
        ),
        (Shape::Bytea, "\\x00ff", "\"\\\\x00ff\""),
        (Shape::Bytea, "\\x00 FF", "\"\\\\x00ff\""),
        (Shape::Bytea, "a\\\\\\377", "\"\\\\x615cff\""),
        (Shape::Bytea, "", "\"\\\\x\""),
        (Shape::Timestamp, "2024-07-01 12:00:00.5", "\"2024-07-01T12:00:00.5\""),
        (Shape::Timestamp, "4713-01-01 00:00:00 BC", "\"4713-01-01T00:00:00 BC\""),
        (Shape::Timestamp, "-infinity", "\"-infinity\""),
        (Shape::TimestampTz, "2024-07-01 14:00:00.5+02", "\"2024-07-01T12:00:00.5+00:00\""),
        (Shape::TimestampTz, "2024-07-01 14:00:00+00", "\"2024-07-01T14:00:00+00:00\""),
        (Shape::TimestampTz, "4714-11-24 12:19:32+00:19:32 BC", "\"4714-11-24T12:00:00+00:00 BC\""),
        (Shape::TimestampTz, "4713-01-01 00:00:00+00 BC", "\"4713-01-01T00:00:00+00:00 BC\""),
        (Shape::TimestampTz, "infinity", "\"infinity\""),
        (Shape::Json, "{\"a\" : [1,\n 2]}", "{\"a\" : [1,  2]}"),
        (array(plain()), "{}", "[]"),
        (array(plain()), "{1,NULL,-3}", "[1,null,-3]"),
        (array(plain()), "{{1,2},{3,4}}", "[[1,2],[3,4]]"),
        (array(plain()), "[-1:0][2:2][1:2]={{{1,2}},{{3,4}}}", "[[[1,2]],[[3,4]]]"),
        (array(plain()), "{{{1},{2}},{{3},{4}}}", "[[[1],[2]],[[3],[4]]]"),
        (
            array(Shape::Text),
            "{\"NULL\",NULL,\"\",\"a\\\"b\\\\\"}",
            "[\"NULL\",null,\"\",\"a\\\"b\\\\\"]",
        ),
        (
            Shape::Array(Box::new(Shape::Text), b';'),
            "{(1,1),(0,0);(2,2),(1,1)}",
            "[\"(1,1),(0,0)\",\"(2,2),(1,1)\"]",
        ),
        (
            array(Shape::TimestampTz),
            "{\"2024-07-01 14:00:00+02\"}",
            "[\"2024-07-01T12:00:00+00:00\"]",
        ),
        (array(Shape::Json), "{\"{\\\"a\\\": 1}\",null}", "[{\"a\": 1},null]"),
        (pair(), "(5,)", "{\"a\":5,\"b \\\"x\\\"\":null}"),
        (pair(), "(,\"\")", "{\"a\":null,\"b \\\"x\\\"\":\"\"}"),
        (
            array(pair()),
            "{\"(1,\\\"a\\\"\\\"b,(c)\\\\\\\\d\\\")\"}",
            "[{\"a\":1,\"b \\\"x\\\"\":\"a\\\"b,(c)\\\\d\"}]",
        ),
        (
            composite(vec![("x", array(pair()))]),
            "(\"{\"\"(1,z)\"\"}\")",
            "{\"x\":[{\"a\":1,\"b \\\"x\\\"\":\"z\"}]}",
        ),
        (composite(vec![]), "()", "{}"),
        (composite(vec![("a", plain())]), "()", "{\"a\":null}"),
        (Shape::Numbers(Box::new(Shape::Integer(16, Numbers::AsPrinted))), "1 -2", "[1,-2]"),
        (Shape::Numbers(Box::new(Shape::Text)), "1 2", "[\"1\",\"2\"]"),
        (Shape::Numbers(Box::new(Shape::Text)), "", "[]"),
        (Shape::Hstore, "\"a\"=>\"1\", \"b\"=>NULL", "{\"a\": \"1\", \"b\": null}"),
        (Shape::Hstore, "", "{}"),
        (Shape::Vector, "[1,2.5,-3e-05]", "[1,2.5,-3e-05]"),
    ] {
        assert_eq!(json(&shape, text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn numbers_of_readers_with_doubles() {
    let big = number(Numbers::BigAsStrings);
    for (shape, text, expected) in [
        (&big, "9007199254740992", "9007199254740992"),
        (&big, "-9007199254740993", "\"-9007199254740993\""),
        (&Shape::Numeric(Numbers::BigAsStrings), "1.50", "\"1.50\""),
    ] {
        assert_eq!(json(shape, text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_not_of_the_type() {
    let pair = composite(vec![("a", Shape::Boolean), ("b", Shape::Text)]);
    for (shape, text) in [
        (&Shape::Boolean, "true"),
        (&Shape::Integer(16, Numbers::AsPrinted), "32768"),
        (&Shape::Integer(32, Numbers::AsPrinted), "007"),
        (&Shape::Integer(32, Numbers::AsPrinted), "+7"),
        (&Shape::Integer(64, Numbers::AsPrinted), "NaN"),
        (&Shape::Float, "1,2"),
        (&Shape::Float, ""),
        (&Shape::Numeric(Numbers::AsPrinted), "0x10"),
        (&Shape::Bytea, "\\x0"),
        (&Shape::Bytea, "\\9"),
        (&Shape::Timestamp, "2024-02-30 00:00:00"),
        (&Shape::Timestamp, "hello world"),
        (&Shape::TimestampTz, "2024-02-01 00:00:00"),
        (&Shape::Json, "{\"a\":}"),
        (&Shape::Json, ""),
        (&array(Shape::Boolean), "{t,f"),
        (&array(Shape::Boolean), "{t,x}"),
        (&array(Shape::Boolean), "t"),
        (&pair, "(t)"),
        (&pair, "(t,,)"),
        (&pair, "t,f"),
        (&composite(vec![]), "(a)"),
        (&Shape::Hstore, "a=b"),
        (&Shape::Vector, "[1,NaN]"),
    ] {
        assert!(json(shape, text).is_err(), "{text}");
    }
}
