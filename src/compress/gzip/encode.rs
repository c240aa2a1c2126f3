//! Deflate, with the two wrappers around it. Only these differ between custom and directory
//! archives, so they are written here and the compressor makes the bare data.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::Wrapper;
use crate::compress::Framing;
use crate::compress::encoder::{EncoderPool, OUTPUT, States, give, take};
use crate::compress::parallel::{BlockCodec, Blocks};

/// What zlib-rs needs for the size that zlib's default, 6, gives: measured.
const DEFAULT: i32 = 5;

pub(in crate::compress) type State = Compress;

pub(in crate::compress) struct Encoder {
    way: Way,
    /// As asked for; -1 for the default.
    level: i32,
    wrapper: Wrapper,
    begun: bool,
}

enum Way {
    Alone { state: State, output: Vec<u8> },
    Together(Blocks<Deflate>),
}

/// Parts of one deflate stream.
struct Deflate {
    effort: u32,
}

impl BlockCodec for Deflate {
    /// As far back as deflate reaches.
    const OVERLAP: usize = 32 << 10;

    type State = State;

    fn state(&self) -> State {
        Compress::new(Compression::new(self.effort), false)
    }

    fn compress(
        &self,
        state: &mut State,
        before: &[u8],
        block: &[u8],
        last: bool,
    ) -> io::Result<Vec<u8>> {
        let failed = |error| io::Error::other(format!("deflate: {error}"));
        state.reset();
        if !before.is_empty() {
            state.set_dictionary(before).map_err(failed)?;
        }
        // A block that is not the last ends at a whole byte.
        let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
        let mut output = Vec::with_capacity(block.len() / 2 + 1024);
        loop {
            let used = state.total_in() as usize;
            let status = state.compress_vec(&block[used..], &mut output, flush).map_err(failed)?;
            let room = output.len() < output.capacity();
            if status == Status::StreamEnd
                || (!last && state.total_in() as usize == block.len() && room)
            {
                return Ok(output);
            }
            output.reserve(block.len() / 4 + 1024);
        }
    }
}

fn effort(level: i32) -> u32 {
    if level < 0 { DEFAULT as u32 } else { level as u32 }
}

/// One part of a deflate stream, which refers to none before it. The last one ends the stream; the
/// others end with an empty block, `00 00 ff ff`.
pub(in crate::compress) fn part(
    level: Option<i32>,
    plain: &[u8],
    last: bool,
    states: &States,
) -> io::Result<Vec<u8>> {
    let level = level.unwrap_or(-1);
    let deflate = Deflate { effort: effort(level) };
    let kept = take(&states.gzip).filter(|(kept, _)| *kept == level);
    let mut state = kept.map_or_else(|| deflate.state(), |(_, state)| state);
    let part = deflate.compress(&mut state, &[], plain, last);
    give(&states.gzip, (level, state));
    part
}

/// A member of a gzip file (RFC 1952). `sized`: its header says how long it is, and what it becomes,
/// in an extra field `PD` of two numbers of 4 bytes.
pub(in crate::compress) fn member(
    level: Option<i32>,
    plain: &[u8],
    sized: bool,
    states: &States,
) -> io::Result<Vec<u8>> {
    let deflated = part(level, plain, true, states)?;
    let mut wrapper = Wrapper::new(Framing::File);
    wrapper.update(plain);
    let header = wrapper.header(level.unwrap_or(-1));
    let (trailer, trailer_len) = wrapper.trailer();
    let extra = if sized { 2 + SIZES } else { 0 };
    let len = header.len() + extra + deflated.len() + trailer_len;
    let mut member = Vec::with_capacity(len);
    member.extend_from_slice(header);
    if sized {
        member[3] |= HAS_EXTRA;
        member.extend_from_slice(&(SIZES as u16).to_le_bytes());
        member.extend_from_slice(SIZES_FIELD);
        member.extend_from_slice(&(len as u32).to_le_bytes());
        member.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    }
    member.extend_from_slice(&deflated);
    member.extend_from_slice(&trailer[..trailer_len]);
    Ok(member)
}

/// The flag of a gzip header with an extra field, the bytes of ours, and those before its numbers:
/// two letters, and how many bytes follow.
pub(in crate::compress) const HAS_EXTRA: u8 = 4;
pub(in crate::compress) const SIZES: usize = 12;
pub(in crate::compress) const SIZES_FIELD: &[u8; 4] = b"PD\x08\0";

impl Encoder {
    pub(in crate::compress) fn new(
        level: Option<i32>,
        framing: Framing,
        pool: &EncoderPool,
    ) -> Self {
        let level = level.unwrap_or(-1);
        let effort = effort(level);
        let way = match &pool.workers {
            Some(workers) => Way::Together(Blocks::new(Deflate { effort }, Arc::clone(workers))),
            None => {
                let state = match take(&pool.states.gzip) {
                    Some((kept, mut state)) if kept == level => {
                        state.reset();
                        state
                    }
                    _ => Compress::new(Compression::new(effort), false),
                };
                Way::Alone { state, output: vec![0; OUTPUT] }
            }
        };
        Encoder { way, level, wrapper: Wrapper::new(framing), begun: false }
    }

    pub(in crate::compress) fn give_back(self, pool: &EncoderPool) {
        if let Way::Alone { state, .. } = self.way {
            give(&pool.states.gzip, (self.level, state));
        }
    }

    fn begin(&mut self, writer: &mut impl Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            writer.write_all(self.wrapper.header(self.level))?;
        }
        Ok(())
    }

    pub(in crate::compress) fn write(
        &mut self,
        writer: &mut impl Write,
        buf: &[u8],
    ) -> io::Result<()> {
        self.begin(writer)?;
        self.wrapper.update(buf);
        match &mut self.way {
            Way::Together(blocks) => blocks.write(buf, writer),
            Way::Alone { state, output } => {
                let mut left = buf;
                while !left.is_empty() {
                    let (used, _) = step(state, output, writer, left, FlushCompress::None)?;
                    left = &left[used..];
                }
                Ok(())
            }
        }
    }

    pub(in crate::compress) fn finish(&mut self, writer: &mut impl Write) -> io::Result<()> {
        self.begin(writer)?;
        match &mut self.way {
            Way::Together(blocks) => blocks.finish(writer)?,
            Way::Alone { state, output } => {
                while !step(state, output, writer, &[], FlushCompress::Finish)?.1 {}
            }
        }
        let (trailer, len) = self.wrapper.trailer();
        writer.write_all(&trailer[..len])
    }
}

/// One step: how many bytes were used, and whether the data is complete.
fn step(
    state: &mut State,
    output: &mut [u8],
    writer: &mut impl Write,
    input: &[u8],
    flush: FlushCompress,
) -> io::Result<(usize, bool)> {
    let (before_in, before_out) = (state.total_in(), state.total_out());
    let status = state
        .compress(input, output, flush)
        .map_err(|error| io::Error::other(format!("deflate: {error}")))?;
    let used = (state.total_in() - before_in) as usize;
    let made = (state.total_out() - before_out) as usize;
    writer.write_all(&output[..made])?;
    let ended = status == Status::StreamEnd;
    if used == 0 && made == 0 && !ended {
        return Err(io::Error::other("deflate: no progress"));
    }
    Ok((used, ended))
}
