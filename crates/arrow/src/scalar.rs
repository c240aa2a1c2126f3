//! Texts of values as numbers and bytes of Arrow's, exactly.

use arrow_buffer::i256;
use pgdmp::value::{self, Date, Interval, Numeric, Time, Timestamp};

use crate::column::{Result, invalid, unrepresentable};
use crate::geometry::{self, NoGeometry};
use crate::kind::{Decimal, DecimalText};

const NO_INTEGER: &str = "is no integer of the type";
const INFINITE: &str = "it is infinite";

pub(crate) fn integer<T: TryFrom<i64>>(text: &[u8]) -> Result<T> {
    let number = value::integer(text).and_then(|number| T::try_from(number).ok());
    number.map_or_else(|| invalid(NO_INTEGER), Ok)
}

pub(crate) fn unsigned<T: TryFrom<u64>>(text: &[u8]) -> Result<T> {
    let number = value::unsigned(text).and_then(|number| T::try_from(number).ok());
    number.map_or_else(|| invalid(NO_INTEGER), Ok)
}

pub(crate) fn date(text: &[u8]) -> Result<i32> {
    match Date::parse(text) {
        Some(Date::Finite(days)) => Ok(days),
        Some(_) => unrepresentable(INFINITE),
        None => invalid("is no date"),
    }
}

pub(crate) fn time(text: &[u8]) -> Result<i64> {
    const DAY: i64 = 86_400_000_000;
    match Time::parse(text) {
        Some(Time(micros)) if micros < DAY => Ok(micros),
        Some(_) => unrepresentable("a day ends before 24:00:00"),
        None => invalid("is no time"),
    }
}

pub(crate) fn micros(moment: Timestamp) -> Result<i64> {
    match moment {
        Timestamp::Finite { .. } => moment
            .unix_micros()
            .map_or_else(|| unrepresentable("it is beyond 64 bits of microseconds since 1970"), Ok),
        _ => unrepresentable(INFINITE),
    }
}

pub(crate) fn interval(text: &[u8]) -> Result<(i32, i32, i64)> {
    match Interval::parse(text) {
        Some(Interval::Finite { months, days, micros }) => Ok((months, days, micros)),
        Some(_) => unrepresentable(INFINITE),
        None => invalid("is no interval"),
    }
}

const NO_NUMERIC: &str = "is no numeric of the type";
const TOO_MANY_DIGITS: &str = "it needs more digits than the decimal has";

/// The number, if it has as many digits behind the point as it must.
fn numeric<'t>(text: &'t [u8], decimal: Decimal) -> Result<Numeric<'t>> {
    let Some(number) = Numeric::parse(text) else { return invalid(NO_NUMERIC) };
    let Some(scale) = number.scale() else { return unrepresentable("it is not finite") };
    match decimal.text {
        DecimalText::Typed if usize::try_from(decimal.scale) != Ok(scale) => invalid(NO_NUMERIC),
        _ => Ok(number),
    }
}

fn too_long<T>(decimal: Decimal) -> Result<T> {
    match decimal.text {
        DecimalText::Untyped => unrepresentable(TOO_MANY_DIGITS),
        _ => invalid(NO_NUMERIC),
    }
}

pub(crate) fn decimal_128(text: &[u8], decimal: Decimal) -> Result<i128> {
    if let DecimalText::Money(sign) = decimal.text {
        return money(text, sign, decimal.scale);
    }
    if let Some(number) = short_decimal(text, decimal) {
        return Ok(number);
    }
    let number = numeric(text, decimal)?.scaled(i32::from(decimal.scale));
    let most = 10_u128.pow(u32::from(decimal.precision));
    match number.filter(|number| number.unsigned_abs() < most) {
        Some(number) => Ok(number),
        None => too_long(decimal),
    }
}

/// Most numbers have few digits, and as many behind the point as the type says.
fn short_decimal(text: &[u8], decimal: Decimal) -> Option<i128> {
    let scale = usize::try_from(decimal.scale).ok()?;
    if text.len() > 18 || text.len() > usize::from(decimal.precision) {
        return None;
    }
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (integer, fraction) = match scale {
        0 => (digits, &digits[..0]),
        _ => {
            let point = digits.len().checked_sub(scale + 1)?;
            if digits[point] != b'.' {
                return None;
            }
            (&digits[..point], &digits[point + 1..])
        }
    };
    if integer.is_empty() {
        return None;
    }
    let mut number = 0_i64;
    for byte in integer.iter().chain(fraction) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(i128::from(if negative { -number } else { number }))
}

pub(crate) fn decimal_256(text: &[u8], decimal: Decimal) -> Result<i256> {
    let number = numeric(text, decimal)?;
    let digits = number.scaled_text(i32::from(decimal.scale), usize::from(decimal.precision));
    match digits.and_then(|digits| i256::from_string(&digits)) {
        Some(number) => Ok(number),
        None => too_long(decimal),
    }
}

/// Everything but digits and signs is decoration: a currency, and what groups digits. The decimal
/// sign has to be where it was said to be.
fn money(text: &[u8], sign: u8, digits: i8) -> Result<i128> {
    const NO_MONEY: &str = "is no money with this decimal sign and these digits";
    let mut number = 0_i128;
    let mut behind = None;
    let mut any = false;
    for byte in text {
        if *byte == sign && digits == 0 {
            return invalid(NO_MONEY);
        }
        if byte.is_ascii_digit() {
            number = number.saturating_mul(10).saturating_add(i128::from(byte - b'0'));
            behind = behind.map(|count: i32| count.saturating_add(1));
            any = true;
        } else if *byte == sign {
            // Groups of digits may be separated by the same sign in no currency.
            if behind.is_some() {
                return invalid(NO_MONEY);
            }
            behind = Some(0);
        }
    }
    if !any || behind.unwrap_or(0) != i32::from(digits) || number >= 10_i128.pow(19) {
        return invalid(NO_MONEY);
    }
    // Some locales have the minus sign U+2212.
    let negative = text.iter().any(|byte| matches!(byte, b'-' | b'('))
        || text.windows(3).any(|three| three == "\u{2212}".as_bytes());
    Ok(if negative { -number } else { number })
}

/// The floating-point number that is exactly the number that is printed.
pub(crate) fn exact_double(text: &[u8]) -> Result<f64> {
    let Some(number) = Numeric::parse(text) else { return invalid(NO_NUMERIC) };
    if !number.is_finite() {
        return value::double_precision(text).map_or_else(|| invalid(NO_NUMERIC), Ok);
    }
    let Some(double) = value::double_precision(text) else {
        return unrepresentable("no floating-point number is it");
    };
    let shortest = double.to_string();
    match Numeric::parse(shortest.as_bytes()) {
        Some(same) if same == number => Ok(double),
        _ => unrepresentable("no floating-point number has its digits"),
    }
}

pub(crate) fn geometry<'s>(
    text: &[u8],
    srid: Option<i32>,
    [ewkb, iso]: &'s mut [Vec<u8>; 2],
) -> Result<&'s [u8]> {
    const NO_GEOMETRY: &str = "is no geometry, which the name of the type says";
    ewkb.clear();
    iso.clear();
    if geometry::ewkb(text, ewkb).is_none() {
        return invalid(NO_GEOMETRY);
    }
    let Some(srid) = srid else { return Ok(ewkb) };
    match geometry::iso_wkb(ewkb, srid, iso) {
        Ok(()) => Ok(iso),
        Err(NoGeometry::OtherSrid) => unrepresentable("it has another SRID than the column"),
        Err(NoGeometry::Malformed) => invalid(NO_GEOMETRY),
    }
}
