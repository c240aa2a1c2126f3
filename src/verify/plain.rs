//! Values that are quickly seen to be good, as nearly all are. What is not is parsed.

/// Whether a text is an integer of at most so many digits.
pub(super) fn is_integer(text: &[u8], most: usize) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    (1..=most).contains(&digits.len()) && are_digits(digits)
}

/// Whether a text is a number without an exponent, of at most so many characters.
pub(super) fn is_decimal(text: &[u8], most: usize) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.len() > most {
        return false;
    }
    match digits.iter().position(|byte| *byte == b'.') {
        None => !digits.is_empty() && are_digits(digits),
        Some(point) => {
            let (whole, rest) = digits.split_at(point);
            point > 0 && rest.len() > 1 && are_digits(whole) && are_digits(&rest[1..])
        }
    }
}

/// Whether a text is a date of our time, before the 29th of a month.
pub(super) fn is_date(text: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return false };
    let month = number(*m1, *m2);
    let day = number(*d1, *d2);
    // PostgreSQL has no year 0.
    are_digits(&[*y1, *y2, *y3, *y4])
        && [*y1, *y2, *y3, *y4] != *b"0000"
        && (1..=12).contains(&month)
        && (1..=28).contains(&day)
}

/// Whether a text is such a date with a time.
pub(super) fn is_timestamp(text: &[u8]) -> bool {
    timestamp(text).is_some_and(<[u8]>::is_empty)
}

/// Whether a text is such a date with a time and whole hours from UTC.
pub(super) fn is_timestamp_tz(text: &[u8]) -> bool {
    let Some([b'+' | b'-', h1, h2]) = timestamp(text) else { return false };
    number(*h1, *h2) <= 15
}

/// What follows a date and a time.
fn timestamp(text: &[u8]) -> Option<&[u8]> {
    let (date, rest) = text.split_at_checked(10)?;
    let [b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = rest else { return None };
    let good =
        number(*h1, *h2) <= 23 && number(*m1, *m2) <= 59 && number(*s1, *s2) <= 59 && is_date(date);
    if !good {
        return None;
    }
    let Some(fraction) = rest.strip_prefix(b".") else { return Some(rest) };
    let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=6).contains(&digits).then(|| &fraction[digits..])
}

/// The number that two digits are, or one that no field may have.
fn number(tens: u8, ones: u8) -> u8 {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 { u8::MAX } else { 10 * tens + ones }
}

fn are_digits(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{self, Date, Numeric, Timestamp, TimestampTz};

    /// What is taken here would be taken by the parsers, whatever is changed in a good value.
    #[test]
    fn nothing_else_is_taken() {
        let good = [
            "0",
            "-1",
            "2147483647",
            "-999999999",
            "12.50",
            "-0.001",
            "2026-11-28",
            "0001-01-01",
            "1999-12-31 23:59:59",
            "2026-02-28 00:00:00.5",
            "2026-02-28 12:30:59.123456",
            "2026-02-28 12:30:59.5+02",
            "2026-02-28 12:30:59-15",
        ];
        let mut random = fastrand::Rng::with_seed(3);
        let mut taken = [0; 5];
        for _ in 0..100_000 {
            let mut text = good[random.usize(..good.len())].as_bytes().to_vec();
            for _ in 0..random.usize(0..3) {
                let at = random.usize(0..text.len());
                let byte = *random.choice(b"0123456789-.:+ eNx").unwrap();
                match random.u8(0..3) {
                    0 => text[at] = byte,
                    1 => text.insert(at, byte),
                    _ if text.len() > 1 => drop(text.remove(at)),
                    _ => {}
                }
            }
            let checks = [
                (is_integer(&text, 18), value::integer(&text).is_some()),
                (
                    is_decimal(&text, 30),
                    Numeric::parse(&text).is_some()
                        && value::real(&text).is_some()
                        && value::double_precision(&text).is_some(),
                ),
                (is_date(&text), Date::parse(&text).is_some()),
                (is_timestamp(&text), Timestamp::parse(&text).is_some()),
                (is_timestamp_tz(&text), TimestampTz::parse(&text).is_some()),
            ];
            for (n, (quick, parsed)) in checks.into_iter().enumerate() {
                assert!(parsed || !quick, "{n}: {}", String::from_utf8_lossy(&text));
                taken[n] += usize::from(quick);
            }
        }
        assert!(taken.iter().all(|count| *count > 1000), "{taken:?}");
    }
}
