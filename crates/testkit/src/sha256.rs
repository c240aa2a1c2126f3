//! SHA-256, for outputs of which only the hash is recorded.

/// The hash in hexadecimal digits.
pub fn hex(data: &[u8]) -> String {
    let mut state = first_bits(8, |prime| f64::from(prime).sqrt());
    let keys = first_bits(64, |prime| f64::from(prime).cbrt());
    let mut padded = data.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend_from_slice(&(data.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut words: Vec<u32> =
            block.chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect();
        for i in 16..64 {
            let (a, b) = (words[i - 15], words[i - 2]);
            let a = a.rotate_right(7) ^ a.rotate_right(18) ^ a >> 3;
            let b = b.rotate_right(17) ^ b.rotate_right(19) ^ b >> 10;
            words.push([words[i - 16], a, words[i - 7], b].into_iter().fold(0, u32::wrapping_add));
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state[..] else { panic!() };
        for (key, word) in keys.iter().zip(&words) {
            let x = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = e & f ^ !e & g;
            let t = [h, x, choice, *key, *word].into_iter().fold(0, u32::wrapping_add);
            let x = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = a & b ^ a & c ^ b & c;
            (h, g, f, e) = (g, f, e, d.wrapping_add(t));
            (d, c, b, a) = (c, b, a, t.wrapping_add(x).wrapping_add(majority));
        }
        for (old, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *old = old.wrapping_add(new);
        }
    }
    state.iter().map(|word| format!("{word:08x}")).collect()
}

/// The first 32 bits of the fractions of roots of the first primes.
fn first_bits(count: usize, root: impl Fn(u32) -> f64) -> Vec<u32> {
    let is_prime = |n: &u32| (2..*n).all(|d| !n.is_multiple_of(d));
    let bits = |prime| (root(prime).fract() * 4_294_967_296.0) as u32;
    (2..).filter(is_prime).take(count).map(bits).collect()
}

#[test]
fn hashes() {
    assert_eq!(hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let a = "a".repeat(119);
    assert_eq!(
        hex(a.as_bytes()),
        "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"
    );
}
