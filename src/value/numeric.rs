//! `numeric`.

use std::cmp::Ordering;
use std::fmt;

use super::number::digit;

/// A `numeric` of any size. Numbers are compared by their value, so `1.0` equals `1.00`; NaN is
/// equal to itself and greater than all others, as for a server.
///
/// ```
/// use pgdmp::value::Numeric;
///
/// let price = Numeric::parse(b"-12.50").unwrap();
/// assert_eq!(price.scale(), Some(2));
/// assert_eq!(price.scaled(2), Some(-1250));
/// assert_eq!(price.scaled(1), Some(-125));
/// assert_eq!(price.scaled(0), None);
/// assert!(price < Numeric::parse(b"-12.4").unwrap());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Numeric<'t>(Kind<'t>);

#[derive(Debug, Clone, Copy)]
enum Kind<'t> {
    NegInfinity,
    /// Digits without leading zeros, and all digits behind the point.
    Finite {
        negative: bool,
        integer: &'t [u8],
        fraction: &'t [u8],
    },
    Infinity,
    NaN,
}

impl<'t> Numeric<'t> {
    /// Parses digits with an optional sign and point, `NaN`, `Infinity` or `-Infinity`.
    pub fn parse(text: &'t [u8]) -> Option<Self> {
        match text {
            b"NaN" => return Some(Numeric(Kind::NaN)),
            b"Infinity" => return Some(Numeric(Kind::Infinity)),
            b"-Infinity" => return Some(Numeric(Kind::NegInfinity)),
            _ => {}
        }
        let (negative, digits) = match text.split_first()? {
            (b'-', digits) => (true, digits),
            _ => (false, text),
        };
        let end = digits.iter().position(|byte| digit(*byte).is_none()).unwrap_or(digits.len());
        let (integer, rest) = digits.split_at(end);
        let fraction = match rest.split_first() {
            None => rest,
            Some((b'.', fraction)) if !fraction.is_empty() => fraction,
            Some(_) => return None,
        };
        if integer.is_empty() || fraction.iter().any(|byte| digit(*byte).is_none()) {
            return None;
        }
        let zeros = integer.iter().take_while(|byte| **byte == b'0').count();
        let integer = &integer[zeros..];
        let negative =
            negative && !(integer.is_empty() && fraction.iter().all(|byte| *byte == b'0'));
        Some(Numeric(Kind::Finite { negative, integer, fraction }))
    }

    /// Whether it is neither NaN nor an infinity.
    pub fn is_finite(&self) -> bool {
        matches!(self.0, Kind::Finite { .. })
    }

    /// Whether it is NaN.
    pub fn is_nan(&self) -> bool {
        matches!(self.0, Kind::NaN)
    }

    /// The number of digits behind the point, as printed. `None` for NaN and infinities.
    pub fn scale(&self) -> Option<usize> {
        match self.0 {
            Kind::Finite { fraction, .. } => Some(fraction.len()),
            _ => None,
        }
    }

    /// The number of digits before the point, without leading zeros. `None` for NaN and infinities.
    pub fn integer_digits(&self) -> Option<usize> {
        match self.0 {
            Kind::Finite { integer, .. } => Some(integer.len()),
            _ => None,
        }
    }

    /// The number of digits behind the point that are needed, without zeros at the end. `None` for
    /// NaN and infinities.
    pub fn needed_scale(&self) -> Option<usize> {
        match self.0 {
            Kind::Finite { fraction, .. } => Some(without_zeros(fraction).len()),
            _ => None,
        }
    }

    /// The number times ten to the power of `scale`, if that is an integer of at most 38 digits.
    pub fn scaled(&self, scale: i32) -> Option<i128> {
        let (negative, digits, zeros) = self.scaled_digits(scale)?;
        let mut value = 0_i128;
        for digits in digits {
            for byte in digits {
                // 38 digits are less than 2¹²⁷.
                value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
            }
        }
        if value != 0 {
            value = value.checked_mul(10_i128.checked_pow(u32::try_from(zeros).ok()?)?)?;
        }
        if value >= MOST {
            return None;
        }
        Some(if negative { -value } else { value })
    }

    /// The number times ten to the power of `scale`, if that is an integer: its digits, after `-`
    /// if it is negative. At most `most` digits: otherwise `None`.
    pub fn scaled_text(&self, scale: i32, most: usize) -> Option<String> {
        let (negative, [integer, fraction], zeros) = self.scaled_digits(scale)?;
        let mut text = String::new();
        for byte in integer.iter().chain(fraction) {
            if *byte != b'0' || !text.is_empty() {
                text.push(char::from(*byte));
            }
        }
        if text.is_empty() {
            return Some("0".to_owned());
        }
        if zeros > most || text.len() + zeros > most {
            return None;
        }
        text.extend(std::iter::repeat_n('0', zeros));
        if negative {
            text.insert(0, '-');
        }
        Some(text)
    }

    /// The digits of the number times ten to the power of `scale`, in two parts, and the number of
    /// zeros behind them.
    fn scaled_digits(&self, scale: i32) -> Option<(bool, [&'t [u8]; 2], usize)> {
        let Kind::Finite { negative, integer, fraction } = self.0 else { return None };
        let shift = usize::try_from(scale.unsigned_abs()).ok()?;
        if scale >= 0 {
            let fraction = if fraction.len() > shift { without_zeros(fraction) } else { fraction };
            let zeros = shift.checked_sub(fraction.len())?;
            return Some((negative, [integer, fraction], zeros));
        }
        let kept = integer.len().saturating_sub(shift);
        let gone = integer[kept..].iter().chain(fraction).all(|byte| *byte == b'0');
        gone.then_some((negative, [&integer[..kept], &[]], 0))
    }
}

/// The least number of 39 digits.
const MOST: i128 = 10_i128.pow(38);

fn without_zeros(fraction: &[u8]) -> &[u8] {
    let zeros = fraction.iter().rev().take_while(|byte| **byte == b'0').count();
    &fraction[..fraction.len() - zeros]
}

impl fmt::Display for Numeric<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (negative, integer, fraction) = match self.0 {
            Kind::NaN => return f.write_str("NaN"),
            Kind::Infinity => return f.write_str("Infinity"),
            Kind::NegInfinity => return f.write_str("-Infinity"),
            Kind::Finite { negative, integer, fraction } => (negative, integer, fraction),
        };
        if negative {
            f.write_str("-")?;
        }
        f.write_str(if integer.is_empty() {
            "0"
        } else {
            std::str::from_utf8(integer).unwrap_or("")
        })?;
        if !fraction.is_empty() {
            write!(f, ".{}", std::str::from_utf8(fraction).unwrap_or(""))?;
        }
        Ok(())
    }
}

impl Ord for Numeric<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |kind: &Kind<'_>| match kind {
            Kind::NegInfinity => 0,
            Kind::Finite { .. } => 1,
            Kind::Infinity => 2,
            Kind::NaN => 3,
        };
        let (
            Kind::Finite { negative, integer, fraction },
            Kind::Finite {
                negative: other_negative,
                integer: other_integer,
                fraction: other_fraction,
            },
        ) = (self.0, other.0)
        else {
            return rank(&self.0).cmp(&rank(&other.0));
        };
        if negative != other_negative {
            return other_negative.cmp(&negative);
        }
        let size = (integer.len().cmp(&other_integer.len()))
            .then_with(|| integer.cmp(other_integer))
            .then_with(|| without_zeros(fraction).cmp(without_zeros(other_fraction)));
        if negative { size.reverse() } else { size }
    }
}

impl PartialOrd for Numeric<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric<'_> {}
