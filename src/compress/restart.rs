//! The last place from which what is wanted can be decompressed.
//!
//! Pieces that say how long their plain bytes are need not be read to be passed over: lz4 and zstd
//! frames with the size of their content, and members of a gzip file with the field of their sizes. The
//! parts of a zlib stream say no such thing, so it is decompressed from its beginning, and so is what
//! follows a piece that does not.

use std::io::{self, BufRead};

use super::cutter::{MEMBER, member_sizes, take};
use super::input::fill;
use super::{Algorithm, Frames, Framing};

/// Stored bytes of which some need not be read.
pub(crate) trait Passing: BufRead + Sized {
    /// Moves over so many bytes, or to the end. Says how many they were.
    fn pass(&mut self, most: u64) -> io::Result<u64>;

    /// Another reader that stands at the same place; none, if the bytes are lent.
    fn again(&self) -> Option<Self>;

    /// Reads hardly more than what it does not move over.
    fn for_lengths(self) -> Self;
}

/// Moves to the last place, at or before the plain byte `to`, from which data can be decompressed. Says
/// how many plain bytes are before it.
///
/// # Errors
///
/// Those of reading. Of what is damaged the decoder says it.
pub(crate) fn restart<S: Passing>(
    source: S,
    algorithm: Algorithm,
    framing: Framing,
    to: u64,
) -> io::Result<(S, u64)> {
    let Some(mut ahead) = source.again().filter(|_| to > 0).map(S::for_lengths) else {
        return Ok((source, 0));
    };
    let (mut found, mut before) = (source, 0);
    loop {
        let most = to - before;
        let passed = match (algorithm, framing) {
            (Algorithm::None, _) => Some(ahead.pass(most)?).filter(|passed| *passed > 0),
            (Algorithm::Gzip, Framing::File) => pass_member(&mut ahead, most)?,
            (Algorithm::Lz4 | Algorithm::Zstd, _) => pass_frame(&mut ahead, algorithm, most)?,
            _ => None,
        };
        let (Some(passed), Some(here)) = (passed, ahead.again()) else {
            return Ok((found, before));
        };
        (found, before) = (here, before + passed);
    }
}

/// Moves over a frame that becomes at most so many plain bytes, and says how many. `None` where there is
/// no such frame.
fn pass_frame(
    source: &mut impl Passing,
    algorithm: Algorithm,
    most: u64,
) -> io::Result<Option<u64>> {
    let Some(mut frames) = Frames::new(algorithm) else { return Ok(None) };
    loop {
        let bytes = fill(source)?;
        let needed = bytes.len().min(frames.needed());
        if needed == 0 {
            return Ok(None);
        }
        let Ok(n) = frames.take(&bytes[..needed], false) else { return Ok(None) };
        source.consume(n);
        let content = frames.content().filter(|content| *content <= most);
        if frames.has_header() && content.is_none() {
            return Ok(None);
        }
        let over = frames.over();
        if over > 0 {
            if source.pass(over)? < over {
                return Ok(None);
            }
            frames.passed(over);
        }
        if frames.is_between() {
            return Ok(content);
        }
    }
}

/// The same for a member of a gzip file.
fn pass_member(source: &mut impl Passing, most: u64) -> io::Result<Option<u64>> {
    let mut header = Vec::new();
    take(source, &mut header, MEMBER)?;
    let sizes = member_sizes(&header).map(|(stored, plain)| (stored - MEMBER, plain as u64));
    let Some((left, plain)) = sizes.filter(|(_, plain)| *plain <= most) else { return Ok(None) };
    let passed = source.pass(left as u64)?;
    Ok((passed == left as u64).then_some(plain))
}
