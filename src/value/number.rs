//! Integers, floating-point numbers, and boolean.

/// An integer: `smallint`, `integer` or `bigint`, which the caller narrows.
///
/// ```
/// use pgdmp::value::integer;
///
/// assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
/// assert_eq!(integer(b"9223372036854775808"), None);
/// ```
pub fn integer(text: &[u8]) -> Option<i64> {
    match text.split_first()? {
        (b'-', digits) => 0_i64.checked_sub_unsigned(unsigned(digits)?),
        _ => i64::try_from(unsigned(text)?).ok(),
    }
}

/// An integer without a sign: `oid`, `xid`, `cid` or `xid8`, which the caller narrows.
///
/// ```
/// assert_eq!(pgdmp::value::unsigned(b"4294967295"), Some(4_294_967_295));
/// ```
pub fn unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    // Nothing of 19 digits overflows.
    if text.len() <= 19 {
        return text
            .iter()
            .try_fold(0_u64, |value, byte| Some(value * 10 + u64::from(digit(*byte)?)));
    }
    text.iter()
        .try_fold(0_u64, |value, byte| value.checked_mul(10)?.checked_add(u64::from(digit(*byte)?)))
}

/// The value of a decimal digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    let value = byte.wrapping_sub(b'0');
    (value <= 9).then_some(value)
}

/// A `boolean`: `t` or `f`.
pub fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"t" => Some(true),
        b"f" => Some(false),
        _ => None,
    }
}

/// A `real`: the nearest number, or NaN or an infinity where that is what the text says.
///
/// ```
/// use pgdmp::value::real;
///
/// assert_eq!(real(b"16777217"), Some(16_777_216.0));
/// assert_eq!(real(b"-Infinity"), Some(f32::NEG_INFINITY));
/// assert_eq!(real(b"1e39"), None);
/// ```
pub fn real(text: &[u8]) -> Option<f32> {
    match text {
        b"NaN" => Some(f32::NAN),
        b"Infinity" => Some(f32::INFINITY),
        b"-Infinity" => Some(f32::NEG_INFINITY),
        _ => {
            // Not by way of f64, which would round twice.
            let value: f32 = decimal(text)?.parse().ok()?;
            let fits = value.is_finite() && (value != 0.0 || is_zero(text));
            fits.then_some(value)
        }
    }
}

/// A `double precision`: the nearest number, or NaN or an infinity where that is what the text says.
///
/// ```
/// use pgdmp::value::double_precision;
///
/// assert_eq!(double_precision(b"5e-324"), Some(f64::from_bits(1)));
/// assert_eq!(double_precision(b"1e-400"), None);
/// ```
pub fn double_precision(text: &[u8]) -> Option<f64> {
    match text {
        b"NaN" => Some(f64::NAN),
        b"Infinity" => Some(f64::INFINITY),
        b"-Infinity" => Some(f64::NEG_INFINITY),
        _ => {
            let value: f64 = decimal(text)?.parse().ok()?;
            let fits = value.is_finite() && (value != 0.0 || is_zero(text));
            fits.then_some(value)
        }
    }
}

/// The text, if no letter but an exponent's is in it. Rust knows other names of infinity.
fn decimal(text: &[u8]) -> Option<&str> {
    let plain =
        text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { std::str::from_utf8(text).ok() } else { None }
}

/// Whether zero is what the text says, not what is left of it.
fn is_zero(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
    digits.into_iter().all(|byte| !matches!(byte, b'1'..=b'9'))
}
