//! Any bytes as the text of a value. What is one and printed is the same value again.
#![no_main]

use std::fmt::{Debug, Display};

use libfuzzer_sys::fuzz_target;
use pgdmp::value::*;

// The first byte chooses the type.
fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    match choice % 16 {
        0 => again(text, Date::parse),
        1 => again(text, Timestamp::parse),
        2 => again(text, TimestampTz::parse),
        3 => again(text, Time::parse),
        4 => again(text, TimeTz::parse),
        5 => again(text, Interval::parse),
        6 => numeric(text),
        7 => numbers(text),
        8 => bytes(text),
        9 | 10 => array(text, if choice % 16 == 9 { b',' } else { b';' }),
        11 => composite(text),
        12 => ranges(text),
        13 => hstore(text),
        14 => {
            let mut numbers = Vec::new();
            if vector(text, &mut numbers).is_some() {
                assert!(!numbers.is_empty() && numbers.iter().all(|number| number.is_finite()));
            }
        }
        _ => {
            let _ = (uuid(text), is_bit_string(text), boolean(text));
        }
    }
});

/// A type with a canonical text: printed, a value is the same value again.
fn again<T: Display + PartialEq + Debug>(text: &[u8], parse: fn(&[u8]) -> Option<T>) {
    let Some(value) = parse(text) else { return };
    let printed = value.to_string();
    let second = parse(printed.as_bytes()).expect("what is printed is a value");
    assert_eq!(value, second);
    assert_eq!(second.to_string(), printed);
}

fn numeric(text: &[u8]) {
    let Some(value) = Numeric::parse(text) else { return };
    let printed = value.to_string();
    assert_eq!(Numeric::parse(printed.as_bytes()), Some(value));
    assert_eq!(
        value == Numeric::parse(b"0").unwrap(),
        printed.trim_matches(['0', '.', '-']).is_empty()
    );
    for scale in [-40, -3, 0, 2, 38, 80] {
        let scaled = value.scaled(scale);
        let text = value.scaled_text(scale, 38);
        assert_eq!(scaled.map(|value| value.to_string()), text);
    }
}

fn numbers(text: &[u8]) {
    if let Some(value) = integer(text) {
        assert_eq!(integer(value.to_string().as_bytes()), Some(value));
        assert_eq!(Numeric::parse(text), Numeric::parse(value.to_string().as_bytes()));
    }
    if let Some(value) = unsigned(text) {
        assert_eq!(unsigned(value.to_string().as_bytes()), Some(value));
    }
    if let Some(value) = real(text) {
        let printed = if value.is_infinite() { return } else { format!("{value:e}") };
        assert_eq!(real(printed.as_bytes()).map(f32::to_bits), Some(value.to_bits()));
    }
    if let Some(value) = double_precision(text) {
        let printed = if value.is_infinite() { return } else { format!("{value:e}") };
        assert_eq!(double_precision(printed.as_bytes()).map(f64::to_bits), Some(value.to_bits()));
    }
}

fn bytes(text: &[u8]) {
    let mut value = Vec::new();
    if bytea(text, &mut value).is_none() {
        return;
    }
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut second = Vec::new();
    assert!(bytea(format!("\\x{hex}").as_bytes(), &mut second).is_some());
    assert_eq!(value, second);
}

type Values = Vec<Option<Vec<u8>>>;

fn value_of(text: Option<Text<'_>>) -> Option<Vec<u8>> {
    let text = text?;
    let value = text.value().into_owned();
    assert_eq!(text.value_in(&mut b"before".to_vec()), value);
    Some(value)
}

fn array(text: &[u8], delimiter: u8) {
    let Some(array) = Array::parse(text, delimiter) else { return };
    let values: Values = array.elements().map(value_of).collect();
    let sizes: Vec<usize> = array.dimensions().iter().map(|dimension| dimension.len).collect();
    let count: usize = sizes.iter().product();
    assert_eq!(values.len(), if sizes.is_empty() { 0 } else { count });
    // All in one dimension.
    let mut flat = vec![b'{'];
    for (n, value) in values.iter().enumerate() {
        flat.extend((n > 0).then_some(delimiter));
        match value {
            None => flat.extend_from_slice(b"NULL"),
            Some(value) => quote_element(value, delimiter, &mut flat),
        }
    }
    flat.push(b'}');
    let second = Array::parse(&flat, delimiter).expect("what is printed is an array");
    assert_eq!(second.elements().map(value_of).collect::<Values>(), values);
}

fn composite(text: &[u8]) {
    let Some(composite) = Composite::parse(text) else { return };
    let values: Values = composite.fields().map(value_of).collect();
    let mut printed = vec![b'('];
    for (n, value) in values.iter().enumerate() {
        printed.extend((n > 0).then_some(b','));
        if let Some(value) = value {
            quote_field(value, &mut printed);
        }
    }
    printed.push(b')');
    let second = Composite::parse(&printed).expect("what is printed is a composite");
    assert_eq!(second.fields().map(value_of).collect::<Values>(), values);
}

fn ranges(text: &[u8]) {
    if let Some(range) = Range::parse(text) {
        let printed = print_range(range);
        assert_eq!(print_range(Range::parse(&printed).expect("a range")), printed);
        let multirange = [b"{", &printed[..], b"}"].concat();
        let ranges = Multirange::parse(&multirange).expect("a multirange");
        assert!(ranges.ranges().map(print_range).eq([printed]));
    }
    if let Some(multirange) = Multirange::parse(text) {
        let ranges: Vec<_> = multirange.ranges().map(print_range).collect();
        let printed = [b"{", &ranges.join(&b',')[..], b"}"].concat();
        let second = Multirange::parse(&printed).expect("a multirange");
        assert!(second.ranges().map(print_range).eq(ranges));
    }
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

fn hstore(text: &[u8]) {
    let Some(hstore) = Hstore::parse(text) else { return };
    let pairs: Vec<_> =
        hstore.pairs().map(|(key, value)| (value_of(Some(key)), value_of(value))).collect();
    let mut printed = Vec::new();
    for (n, (key, value)) in pairs.iter().enumerate() {
        printed.extend_from_slice(if n > 0 { b", " } else { b"" });
        quote_key(key.as_deref().unwrap_or_default(), &mut printed);
        printed.extend_from_slice(b"=>");
        match value {
            Some(value) => quote_key(value, &mut printed),
            None => printed.extend_from_slice(b"NULL"),
        }
    }
    let second = Hstore::parse(&printed).expect("what is printed is an hstore");
    assert!(second.pairs().map(|(key, value)| (value_of(Some(key)), value_of(value))).eq(pairs));
}
