//! Numbers as decimal text.

/// Appends the digits of a number. A listing and a table of contents have several for each entry,
/// and may have a million entries: worth not going through `fmt`.
pub(crate) fn write_number(number: u32, out: &mut Vec<u8>) {
    const EIGHT_DIGITS: u32 = 100_000_000;
    let (high, low) = (number / EIGHT_DIGITS, number % EIGHT_DIGITS);
    let digits = digits(low);
    let zeros = match high {
        0 => (digits.trailing_zeros() / 8).min(7),
        _ => {
            write_number(high, out);
            0
        }
    };
    let end = out.len() + 8 - zeros as usize;
    let text = (digits | u64::from_le_bytes([b'0'; 8])) >> (8 * zeros);
    // A copy whose length is known needs no call.
    out.extend_from_slice(&text.to_le_bytes());
    out.truncate(end);
}

/// The number of two to eight digits; `None` for any other text. Digits become pairs, fours and a
/// number by multiplication, all at once.
pub(crate) fn decimal(text: &[u8]) -> Option<u32> {
    let missing = 8_usize.checked_sub(text.len())?;
    // The first byte in the lowest place. The two halves may overlap, in equal bytes.
    let bytes = match (text.first_chunk::<4>(), text.last_chunk::<4>(), text) {
        (Some(first), Some(last), _) => {
            u64::from(u32::from_le_bytes(*first))
                | u64::from(u32::from_le_bytes(*last)) << (8 * (4 - missing))
        }
        (_, _, [first, .., last]) => {
            u64::from(*first) | u64::from(text[1]) << 8 | u64::from(*last) << (8 * (text.len() - 1))
        }
        _ => return None,
    };
    // Zeros in front, then digits as numbers.
    let ascii = u64::from_le_bytes([b'0'; 8]) << (8 * missing);
    let digits = (bytes << (8 * missing)) ^ ascii;
    if (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) as u32)
}

/// The eight digits of a number, the first in the lowest byte. Quotients of all fours, pairs and
/// digits are taken at once, by multiplication.
fn digits(number: u32) -> u64 {
    let fours = u64::from(number / 10_000) | (u64::from(number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_printed() {
        let spread = (10..100_000_000).step_by(9_973).chain(10..100_000).chain([99_999_999]);
        for number in spread {
            let text = number.to_string();
            assert_eq!(decimal(text.as_bytes()), Some(number), "{text}");
            for at in 0..text.len() {
                for byte in [b'/', b':', b' ', 0, 0x80 | b'1', 0xff] {
                    let mut other = text.clone().into_bytes();
                    other[at] = byte;
                    assert_eq!(decimal(&other), None, "{other:?}");
                }
            }
        }
        for text in ["", "1", "123456789"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_they_are_printed() {
        let ends = (0..10).flat_map(|power| {
            let one = 10_u32.pow(power);
            [one - 1, one, one + 1, one.saturating_mul(4), one * 2 - 1]
        });
        let spread = (0..100_000).map(|n: u32| n.wrapping_mul(42_949) ^ (n << 15));
        for number in ends.chain(spread).chain([u32::MAX, 999_999_999]).chain(0..100_000) {
            let mut text = Vec::new();
            write_number(number, &mut text);
            assert_eq!(String::from_utf8(text).unwrap(), number.to_string());
        }
    }
}
