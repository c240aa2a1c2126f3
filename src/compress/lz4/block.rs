//! LZ4 blocks: sequences of literals and of matches, which repeat earlier output.
//!
//! Written here because it is measured to matter: `lz4_flex` can only decode a whole block at
//! once, and after what it must remember of earlier ones; this decodes to any length, in one
//! window, a fifth faster, and without `unsafe`. What makes it fast:
//!
//! * Short sequences are copied in pieces of fixed size; what is too much is overwritten by the
//!   next sequence. So [`decode`](Sequence::decode) writes beyond what it has decoded.
//! * What has to be known for the next sequence, where its token is, is found in few steps.
//! * What a window holds is a power of two, so that `at & mask(SIZE)` needs no further bounds check.

/// Bytes of history a match can reach.
pub(super) const REACH: usize = 64 << 10;

/// Bytes of a window that are decoded to.
pub(super) const WINDOW: usize = 256 << 10;

/// More than a fixed-size copy writes.
pub(super) const SLACK: usize = 64;

/// For places in a window of so many bytes, the slack included.
const fn mask(size: usize) -> usize {
    size - SLACK - 1
}

/// Bytes of output that one round of the fast loop stays below.
const ROUND: usize = 96;

/// What is wrong with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// It ends within a sequence.
    Cut,
    /// A match begins before the data, or at their end.
    Match,
}

impl Damage {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Cut => "lz4 data: a block ends too early",
            Self::Match => "lz4 data: a match begins before the data",
        }
    }
}

/// What is left to do of the sequence at which the room ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sequence {
    token: u8,
    /// The literals come from the block.
    in_literals: bool,
    literals: usize,
    /// The match comes from the output, this far back.
    offset: usize,
    length: usize,
}

impl Sequence {
    /// Whether the block is decoded as far as `input` was used.
    pub(super) fn is_done(&self) -> bool {
        !self.in_literals && self.length == 0
    }

    /// Decodes `input` to `window[at..end]`, after the output `window[..at]` that it may refer
    /// to, until either is used up. Returns the new `at`, and what is left of `input`. `SIZE` is a
    /// power of two and the slack.
    ///
    /// The block is complete when nothing is left of `input`.
    pub(super) fn decode<'a, const SIZE: usize>(
        &mut self,
        mut input: &'a [u8],
        window: &mut [u8; SIZE],
        mut at: usize,
        end: usize,
    ) -> Result<(usize, &'a [u8]), Damage> {
        let end = end.min(SIZE - SLACK);
        loop {
            if self.is_done() {
                (at, input) = rounds(input, window, at, end)?;
                let Some((&token, rest)) = input.split_first() else { return Err(Damage::Cut) };
                self.token = token;
                self.in_literals = true;
                (self.literals, input) = length(token >> 4, rest)?;
                if self.literals > input.len() {
                    return Err(Damage::Cut);
                }
            }
            if self.in_literals {
                let count = self.literals.min(end.saturating_sub(at));
                let (literals, rest) = input.split_at(count);
                window[at..at + count].copy_from_slice(literals);
                input = rest;
                at += count;
                self.literals -= count;
                if self.literals > 0 {
                    return Ok((at, input));
                }
                self.in_literals = false;
                // A block ends with literals.
                let Some((&[low, high], rest)) = input.split_first_chunk() else {
                    return if input.is_empty() { Ok((at, input)) } else { Err(Damage::Cut) };
                };
                self.offset = u16::from_le_bytes([low, high]).into();
                if self.offset == 0 || self.offset > at {
                    return Err(Damage::Match);
                }
                (self.length, input) = length(self.token & 15, rest)?;
                if input.is_empty() {
                    return Err(Damage::Cut);
                }
                self.length += 4;
            }
            let count = self.length.min(end.saturating_sub(at));
            repeat(window, at, self.offset, count);
            at += count;
            self.length -= count;
            if self.length > 0 {
                return Ok((at, input));
            }
        }
    }
}

/// Decodes sequences as long as neither end is near.
#[inline]
fn rounds<'a, const SIZE: usize>(
    mut input: &'a [u8],
    window: &mut [u8; SIZE],
    mut at: usize,
    end: usize,
) -> Result<(usize, &'a [u8]), Damage> {
    let near = end.saturating_sub(ROUND);
    while at < near
        && let Some(next) = input.first_chunk::<64>()
    {
        let short = usize::from(next[0] >> 4);
        let to = at & mask(SIZE);
        // Twice the same, and the input used in two steps, since it is the way from one token to
        // the next that takes the time.
        let step = if short < 15 {
            window[to..to + 16].copy_from_slice(&next[1..17]);
            repeat_near(next, 1 + short, &input[short..], window, at + short, near)
        } else {
            let more = usize::from(next[1]);
            if more > 32 {
                break;
            }
            window[to..to + 48].copy_from_slice(&next[2..50]);
            repeat_near(next, 17 + more, &input[16 + more..], window, at + 15 + more, near)
        };
        let Some((rest, made)) = step? else { break };
        input = rest;
        at = made;
    }
    Ok((at, input))
}

/// The match of a sequence, its offset being at `offset_at` of `next` and one byte into `rest`,
/// unless it overlaps, or is long and does not end before `near`. Returns what is left of `rest`,
/// and the new `at`.
#[inline(always)]
fn repeat_near<'a, const SIZE: usize>(
    next: &[u8; 64],
    offset_at: usize,
    rest: &'a [u8],
    window: &mut [u8; SIZE],
    at: usize,
    near: usize,
) -> Result<Option<(&'a [u8], usize)>, Damage> {
    // Two bytes by one load.
    let Some(&offset) = next[offset_at..].first_chunk() else { return Ok(None) };
    let offset = usize::from(u16::from_le_bytes(offset));
    let Some(from) = at.checked_sub(offset) else { return Err(Damage::Match) };
    let length = usize::from(next[0] & 15);
    if length < 15 {
        if offset < 8 {
            return Ok(None);
        }
        let (from, to) = (from & mask(SIZE), at & mask(SIZE));
        // In eights, since a processor waits when it loads what was just stored in pieces.
        window.copy_within(from..from + 8, to);
        window.copy_within(from + 8..from + 16, to + 8);
        window.copy_within(from + 16..from + 18, to + 16);
        return Ok(Some((&rest[3..], at + 4 + length)));
    }
    let more = next[offset_at + 2];
    let made = at + 19 + usize::from(more);
    if more == 255 || offset < 16 || made > near {
        return Ok(None);
    }
    let (mut from, mut at) = (from, at);
    loop {
        let (start, to) = (from & mask(SIZE), at & mask(SIZE));
        window.copy_within(start..start + 16, to);
        window.copy_within(start + 16..start + 32, to + 16);
        (from, at) = (from + 32, at + 32);
        if at >= made {
            return Ok(Some((&rest[4..], made)));
        }
    }
}

/// A length of which a token has the first four bits.
fn length(first: u8, mut input: &[u8]) -> Result<(usize, &[u8]), Damage> {
    let mut length = usize::from(first);
    if first == 15 {
        loop {
            let Some((&more, rest)) = input.split_first() else { return Err(Damage::Cut) };
            input = rest;
            length += usize::from(more);
            if more < 255 {
                break;
            }
        }
    }
    Ok((length, input))
}

/// Repeats `count` bytes from `offset` back; more than `offset` bytes are a pattern.
fn repeat(window: &mut [u8], at: usize, offset: usize, count: usize) {
    let from = at - offset;
    let mut done = 0;
    while done < count {
        // What the pattern has grown to.
        let piece = (offset + done).min(count - done);
        window.copy_within(from..from + piece, at + done);
        done += piece;
    }
}
