//! pgvector's vectors.

use super::number::real;

/// A `vector` or `halfvec`: `[1,2.5,-3e-05]`, appended to `out`. `None` may leave a part of it
/// there.
///
/// ```
/// let mut numbers = Vec::new();
/// assert!(pgdmp::value::vector(b"[1,-3e-05]", &mut numbers).is_some());
/// assert_eq!(numbers, [1.0, -3e-5]);
/// ```
pub fn vector(text: &[u8], out: &mut Vec<f32>) -> Option<()> {
    let inner = text.strip_prefix(b"[")?.strip_suffix(b"]")?;
    for number in inner.split(|byte| *byte == b',') {
        out.push(real(number).filter(|number| number.is_finite())?);
    }
    Some(())
}
