//! One piece of data, compressed by several threads.
//!
//! Plain bytes are cut into blocks, which are compressed each on its own and put one behind the
//! other: as parts of one deflate stream, each primed with the end of the block before, as pigz
//! does; or as the independent blocks of one LZ4 frame. What comes out is read by everything that
//! reads what one thread makes. zstd has threads of its own.
//!
//! At most two blocks for each thread are on their way, so memory is bounded.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use super::workers::{Workers, ended};

/// Bytes of a block. What is shorter is compressed by the thread that has it.
pub(super) const BLOCK: usize = 256 << 10;

/// How to compress blocks, with what can be used again for the next.
pub(super) trait BlockCodec: Send + Sync + 'static {
    /// Bytes of the block before that help with the next one.
    const OVERLAP: usize;

    /// What a thread keeps from block to block.
    type State: Send;

    fn state(&self) -> Self::State;

    /// Compresses `block`; `before` is the end of what came before it.
    fn compress(
        &self,
        state: &mut Self::State,
        before: &[u8],
        block: &[u8],
        last: bool,
    ) -> io::Result<Vec<u8>>;
}

/// Cuts what is written into blocks and has them compressed.
pub(super) struct Blocks<C: BlockCodec> {
    codec: Arc<C>,
    workers: Arc<Workers>,
    states: Arc<Mutex<Vec<C::State>>>,
    /// The end of the block before, then the bytes of the next.
    input: Vec<u8>,
    overlap: usize,
    pending: VecDeque<Receiver<io::Result<Vec<u8>>>>,
}

impl<C: BlockCodec> Blocks<C> {
    pub(super) fn new(codec: C, workers: Arc<Workers>) -> Self {
        Blocks {
            codec: Arc::new(codec),
            workers,
            states: Arc::new(Mutex::new(Vec::new())),
            input: Vec::new(),
            overlap: 0,
            pending: VecDeque::new(),
        }
    }

    pub(super) fn write(&mut self, mut buf: &[u8], writer: &mut impl Write) -> io::Result<()> {
        while !buf.is_empty() {
            // Only when there are more bytes is a full block known not to be the last.
            if self.input.len() - self.overlap == BLOCK {
                self.submit(writer)?;
            }
            let room = BLOCK - (self.input.len() - self.overlap);
            let n = buf.len().min(room);
            self.input.extend_from_slice(&buf[..n]);
            buf = &buf[n..];
        }
        Ok(())
    }

    fn submit(&mut self, writer: &mut impl Write) -> io::Result<()> {
        if self.pending.len() >= 2 * self.workers.count() {
            self.write_first(writer)?;
        }
        let mut next = Vec::with_capacity(C::OVERLAP + BLOCK);
        next.extend_from_slice(&self.input[self.input.len().saturating_sub(C::OVERLAP)..]);
        let overlap = std::mem::replace(&mut self.overlap, next.len());
        let input = std::mem::replace(&mut self.input, next);
        let (reply, result): (SyncSender<_>, _) = mpsc::sync_channel(1);
        let (codec, states) = (Arc::clone(&self.codec), Arc::clone(&self.states));
        self.workers.submit(Box::new(move || {
            let done = compress(&*codec, &states, &input, overlap, false);
            // Whoever waited may have given up.
            let _ = reply.send(done);
        }))?;
        self.pending.push_back(result);
        Ok(())
    }

    fn write_first(&mut self, writer: &mut impl Write) -> io::Result<()> {
        match self.pending.pop_front() {
            Some(result) => writer.write_all(&result.recv().map_err(|_| ended())??),
            None => Ok(()),
        }
    }

    pub(super) fn finish(&mut self, writer: &mut impl Write) -> io::Result<()> {
        let last = compress(&*self.codec, &self.states, &self.input, self.overlap, true)?;
        while !self.pending.is_empty() {
            self.write_first(writer)?;
        }
        writer.write_all(&last)
    }
}

fn compress<C: BlockCodec>(
    codec: &C,
    states: &Mutex<Vec<C::State>>,
    input: &[u8],
    overlap: usize,
    last: bool,
) -> io::Result<Vec<u8>> {
    let kept = states.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut state = kept.unwrap_or_else(|| codec.state());
    let (before, block) = input.split_at(overlap);
    let result = codec.compress(&mut state, before, block, last);
    states.lock().unwrap_or_else(PoisonError::into_inner).push(state);
    result
}
