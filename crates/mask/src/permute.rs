//! Keyed permutations of digits and of numbers: different values become different values.
//!
//! Both are Feistel networks whose round function is BLAKE3. What leaves the set of values that are
//! allowed goes round again until it is back, which ends where it began at the latest.

/// Rounds of each network.
const ROUNDS: u8 = 10;

/// Bytes without end, from a key and what is hashed.
pub(crate) fn stream(key: &[u8; 32], parts: &[&[u8]]) -> blake3::OutputReader {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize_xof()
}

/// Replaces digits, each 0 to 9, by as many others.
pub(crate) fn digits(key: &[u8; 32], digits: &mut [u8]) {
    match digits {
        [] => {}
        [digit] => *digit = table(key)[usize::from(*digit % 10)],
        _ => {
            let (left, right) = digits.split_at_mut(digits.len() / 2);
            for round in 0..ROUNDS {
                match round % 2 {
                    0 => add(key, round, left, right),
                    _ => add(key, round, right, left),
                }
            }
        }
    }
}

/// Adds digits to `to` that `from` says, each without a carry.
fn add(key: &[u8; 32], round: u8, to: &mut [u8], from: &[u8]) {
    let len = (to.len() + from.len()) as u64;
    let mut bytes = stream(key, &[&[round], &len.to_le_bytes(), from]);
    let (mut buffer, mut at) = ([0; 64], 64);
    for digit in to {
        let more = loop {
            if at == buffer.len() {
                bytes.fill(&mut buffer);
                at = 0;
            }
            at += 1;
            // 250 is a multiple of 10.
            if buffer[at - 1] < 250 {
                break buffer[at - 1] % 10;
            }
        };
        *digit = (*digit + more) % 10;
    }
}

/// What each single digit becomes.
fn table(key: &[u8; 32]) -> [u8; 10] {
    let mut table = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let mut bytes = stream(key, &[b"one digit"]);
    for n in (1..table.len()).rev() {
        let mut word = [0; 8];
        bytes.fill(&mut word);
        table.swap(n, (u64::from_le_bytes(word) % (n as u64 + 1)) as usize);
    }
    table
}

/// Replaces a number below `count` by another. `count` is at most 2⁶⁴.
pub(crate) fn number(key: &[u8; 32], count: u128, value: u128) -> u128 {
    let bits = u128::BITS - count.saturating_sub(1).leading_zeros();
    let half = bits.div_ceil(2).max(1);
    let mask = (1_u64 << half) - 1;
    let mut value = value;
    loop {
        let (mut left, mut right) = ((value >> half) as u64, value as u64 & mask);
        for round in 0..ROUNDS {
            let mut word = [0; 8];
            let parts: &[&[u8]] = &[&[round], &count.to_le_bytes(), &right.to_le_bytes()];
            stream(key, parts).fill(&mut word);
            (left, right) = (right, left ^ (u64::from_le_bytes(word) & mask));
        }
        value = u128::from(left) << half | u128::from(right);
        if value < count {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn digits_are_permuted() {
        for len in 1..=4_u32 {
            let mut seen = HashSet::new();
            let mut moved = 0;
            for value in 0..10_u32.pow(len) {
                let old: Vec<u8> = format!("{value:0>width$}", width = len as usize)
                    .bytes()
                    .map(|b| b - b'0')
                    .collect();
                let mut new = old.clone();
                digits(&[7; 32], &mut new);
                assert!(new.iter().all(|digit| *digit < 10));
                moved += u32::from(new != old);
                seen.insert(new);
            }
            assert_eq!(seen.len() as u32, 10_u32.pow(len));
            assert!(len < 2 || moved > 10_u32.pow(len) / 2, "{moved}");
        }
    }

    #[test]
    fn numbers_are_permuted() {
        for count in [1, 2, 3, 10, 255, 256, 257, 1000] {
            let seen: HashSet<u128> =
                (0..count).map(|value| number(&[7; 32], count, value)).collect();
            assert_eq!(seen.len() as u128, count);
            assert!(seen.iter().all(|value| *value < count));
        }
        let most = 1 << 64;
        assert!(number(&[7; 32], most, most - 1) < most);
        assert_ne!(number(&[7; 32], most, 1), number(&[8; 32], most, 1));
    }
}
