//! Deflate, with the two wrappers around it. Only these differ between custom and directory
//! archives, so they are written here and the compressor makes the bare data.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::Wrapper;
use crate::compress::Framing;
use crate::compress::encoder::{EncoderPool, OUTPUT, give, take};
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

impl Encoder {
    pub(in crate::compress) fn new(
        level: Option<i32>,
        framing: Framing,
        pool: &EncoderPool,
    ) -> Self {
        let level = level.unwrap_or(-1);
        let effort = if level < 0 { DEFAULT } else { level } as u32;
        let way = match &pool.workers {
            Some(workers) => Way::Together(Blocks::new(Deflate { effort }, Arc::clone(workers))),
            None => {
                let state = match take(&pool.gzip) {
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
            give(&pool.gzip, (self.level, state));
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
