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
