//! A long stream of short chunks, walked over by several threads in turn.
//!
//! Most of the time of a walk goes to reading. So each thread reads stretches of the file while
//! another walks, and goes on walking where that one left its stretch.

use std::num::NonZero;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::block::ChunkReader;
use crate::error::Result;
use crate::limits::Limits;
use crate::source::{AtHand, Positioned, Source, SourceReader, read_some};
use crate::wire::{Decoder, Dialect};

/// Moves to the end of the stream; what [`ChunkReader::skip_rest`] does, but faster.
pub(crate) fn skip_rest(chunks: &mut ChunkReader<&mut SourceReader>) -> Result<()> {
    Plan::USUAL.skip_rest(chunks)
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    /// Bytes that one thread walks over first: most streams end there.
    alone: u64,
    /// Of so many bytes in a row chunks are read, on average, rather than jumped over.
    short: u64,
    /// Bytes that a thread reads at a time. The cache of a core should hold them.
    stretch: u64,
    threads: fn() -> usize,
}

impl Plan {
    const USUAL: Plan = Plan { alone: 4 << 20, short: 32 << 10, stretch: 512 << 10, threads };

    fn skip_rest(self, chunks: &mut ChunkReader<&mut SourceReader>) -> Result<()> {
        while let Some(passed) = chunks.skip_some(self.alone)? {
            let source = chunks.input().source();
            let short = self.short.min(chunks.input().long_skip());
            if source.bytes().is_some() || passed < self.alone / short {
                continue;
            }
            let threads = (self.threads)();
            if threads < 2 {
                return chunks.skip_rest();
            }
            let start = chunks.position();
            let relay = self.relay(&*source, start, chunks.dialect());
            relay.run(threads);
            let reached = relay.lock().reached;
            chunks.input().skip(reached - start)?;
        }
        Ok(())
    }

    fn relay(self, source: &dyn Source, start: u64, dialect: Dialect) -> Relay<'_> {
        Relay {
            source,
            dialect,
            stretch: self.stretch,
            len: source.len(),
            state: Mutex::new(State { unread: start, turn: start, reached: start, over: false }),
            passed_on: Condvar::new(),
        }
    }
}

/// As the walking itself cannot be shared, more than a few are no use.
fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(4)
}

struct Relay<'a> {
    source: &'a dyn Source,
    dialect: Dialect,
    stretch: u64,
    len: u64,
    state: Mutex<State>,
    passed_on: Condvar,
}

#[derive(Debug)]
struct State {
    /// Start of the first stretch that no thread has taken.
    unread: u64,
    /// Start of the stretch to be walked over next.
    turn: u64,
    /// Position of the length of a chunk: all before it were walked over.
    reached: u64,
    /// Whether the stream's end was found, or what a single thread must see to.
    over: bool,
}

impl Relay<'_> {
    fn run(&self, threads: usize) {
        thread::scope(|scope| {
            for _ in 1..threads {
                let thread = thread::Builder::new().name("pgdmp-walk".to_owned());
                // Without it the others do its part.
                let _ = thread.spawn_scoped(scope, || self.take_part());
            }
            self.take_part();
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_part(&self) {
        let _give_up = GiveUp(self);
        let int_len = self.dialect.int_len();
        // A length may begin in one stretch and end in the next.
        let mut buffer = vec![0; self.stretch as usize + int_len - 1];
        while let Some(start) = self.take_stretch() {
            let stretch = self.read(&mut buffer, start);
            let Some(reached) = self.wait_for_turn(start) else { return };
            let end = start + self.stretch;
            let (reached, goes_on) = self.walk(stretch, start..end, reached);
            let mut state = self.lock();
            state.reached = reached;
            state.turn = end;
            // Behind a long chunk it is time to see anew what comes.
            state.over |= !goes_on || reached >= end + self.stretch;
            self.passed_on.notify_all();
        }
    }

    fn take_stretch(&self) -> Option<u64> {
        let mut state = self.lock();
        let start = state.unread;
        if state.over || start >= self.len {
            return None;
        }
        state.unread += self.stretch;
        Some(start)
    }

    /// Waits until the stretches before `start` are walked over; where to go on, if there is a
    /// point in that.
    fn wait_for_turn(&self, start: u64) -> Option<u64> {
        let waiting = |state: &mut State| !state.over && state.turn != start;
        let state = self.passed_on.wait_while(self.lock(), waiting);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        (!state.over).then_some(state.reached)
    }

    /// What lies at `start`, as far as it can be read.
    fn read<'b>(&self, buffer: &'b mut [u8], start: u64) -> &'b [u8] {
        let mut filled = 0;
        while filled < buffer.len() {
            match read_some(self.source, &mut buffer[filled..], start + filled as u64) {
                Ok(n @ 1..) => filled += n,
                _ => break,
            }
        }
        &buffer[..filled]
    }

    /// Walks over the chunks whose lengths begin in a stretch. Says where the next length is, and
    /// whether the walk goes on there: not at the end of the stream or where something is wrong.
    fn walk(&self, bytes: &[u8], stretch: Range<u64>, mut reached: u64) -> (u64, bool) {
        while reached < stretch.end {
            let rest = bytes.get((reached - stretch.start) as usize..).unwrap_or_default();
            let mut input = AtHand::new(rest, reached);
            let len = Decoder::new(&mut input, self.dialect, "a block of data", &LIMITS).int();
            match len.map(|len| input.position() + len.max(0) as u64) {
                Ok(next) if next > input.position() && next <= self.len => reached = next,
                _ => return (reached, false),
            }
        }
        (reached, true)
    }
}

static LIMITS: Limits = Limits::new();

/// Keeps the others from waiting for a thread that panicked, in a `Source` that is not ours.
struct GiveUp<'a>(&'a Relay<'a>);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().over = true;
            self.0.passed_on.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::version::ArchiveVersion;
    use crate::wire::{Encoder, LastField};

    /// Small enough for streams that a test can make by the thousand.
    const SMALL: Plan = Plan { alone: 64, short: 16, stretch: 32, threads: || 3 };

    /// Bytes that are read, at most so many at a time, and not borrowed.
    #[derive(Debug)]
    struct Unmapped {
        bytes: Vec<u8>,
        most: usize,
        reads: AtomicUsize,
        read: AtomicUsize,
        /// The read that panics.
        panics: usize,
    }

    impl Unmapped {
        fn new(bytes: Vec<u8>, most: usize) -> Self {
            let [reads, read] = Default::default();
            Unmapped { bytes, most, reads, read, panics: usize::MAX }
        }
    }

    impl Source for Unmapped {
        fn len(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            let read = self.reads.fetch_add(1, Ordering::Relaxed);
            assert!(read != self.panics, "as the test wants it");
            let most = buf.len().min(self.most);
            let n = self.bytes.read_at(&mut buf[..most], offset)?;
            self.read.fetch_add(n, Ordering::Relaxed);
            Ok(n)
        }
    }

    fn dialect(int_size: u8) -> Dialect {
        let version = ArchiveVersion::new(1, 14);
        Dialect { version, int_size, off_size: 8, last_field: LastField::Offset }
    }

    fn stream(dialect: Dialect, lens: &[usize]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for len in lens {
            Encoder::new(&mut bytes, dialect).int(*len as i32)?;
            bytes.resize(bytes.len() + len, b'x');
        }
        Encoder::new(&mut bytes, dialect).int(0)?;
        Ok(bytes)
    }

    /// Where both ways lead: a position, or an error.
    fn ends(source: &Arc<dyn Source>, dialect: Dialect) -> [std::result::Result<u64, String>; 2] {
        [false, true].map(|shared| {
            let mut reader = SourceReader::from(Arc::clone(source), 0);
            let mut chunks = ChunkReader::new(&mut reader, dialect);
            let end = if shared { SMALL.skip_rest(&mut chunks) } else { chunks.skip_rest() };
            end.map(|()| chunks.position()).map_err(|error| error.to_string())
        })
    }

    #[test]
    fn leads_where_a_single_walk_leads() -> io::Result<()> {
        let mut random = 1_u32;
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % below
        };
        for round in 0..400 {
            let dialect = dialect([4, 4, 2, 8][round % 4]);
            // Mostly short ones, and some that are longer than several stretches.
            let lens: Vec<usize> = (0..next(200))
                .map(|_| 1 + if next(20) == 0 { next(300) } else { next(12) } as usize)
                .collect();
            let mut bytes = stream(dialect, &lens)?;
            let len = bytes.len() as u64;
            bytes.extend_from_slice(&b"behind"[..next(7) as usize]);
            match round % 5 {
                3 => bytes.truncate(next(len as u32) as usize),
                4 => bytes[next(len as u32) as usize] ^= 1 << next(8),
                _ => {}
            }
            let most = 1 + next(40) as usize;
            let source: Arc<dyn Source> = Arc::new(Unmapped::new(bytes, most));
            let [alone, relay] = ends(&source, dialect);
            assert_eq!(alone, relay, "{lens:?}");
            assert!(round % 5 > 2 || alone == Ok(len), "{alone:?}");
        }
        Ok(())
    }

    #[test]
    fn takes_part_in_all_of_a_long_stream() -> io::Result<()> {
        let dialect = dialect(4);
        let bytes = stream(dialect, &[7; 5_000])?;
        let end = bytes.len() as u64 - dialect.int_len() as u64;
        let source = Unmapped::new(bytes, usize::MAX);
        let relay = SMALL.relay(&source, 0, dialect);
        relay.run(3);
        assert_eq!(relay.lock().reached, end);
        assert!(relay.lock().over);
        Ok(())
    }

    #[test]
    fn of_long_chunks_hardly_more_than_the_lengths_is_read() -> io::Result<()> {
        let dialect = dialect(4);
        // The length of chunks, their number, the most that may be read of a thousand bytes, and the
        // most reads of a thousand chunks.
        for (len, count, bytes, reads) in
            [(4091, 3_000, 20, 1_001), (100_000, 30, 1, 1_100), (100, 100_000, 1_150, 10)]
        {
            let stream = stream(dialect, &vec![len; count])?;
            let end = stream.len();
            let source = Arc::new(Unmapped::new(stream, usize::MAX));
            let mut reader = SourceReader::from(Arc::clone(&source) as Arc<dyn Source>, 0);
            reader = reader.for_lengths();
            let mut chunks = ChunkReader::new(&mut reader, dialect);
            skip_rest(&mut chunks)?;
            assert_eq!(chunks.position(), end as u64);
            let read = [&source.read, &source.reads].map(|n| n.load(Ordering::Relaxed) * 1_000);
            assert!(read[0] / end <= bytes, "{len}: {} of {end} bytes", read[0] / 1_000);
            assert!(read[1] / count <= reads, "{len}: {} reads", read[1] / 1_000);
        }
        Ok(())
    }

    #[test]
    fn a_panic_of_one_thread_ends_all() -> io::Result<()> {
        let dialect = dialect(4);
        let bytes = stream(dialect, &[7; 5_000])?;
        for panics in [0, 1, 2, 50] {
            let source = Unmapped { panics, ..Unmapped::new(bytes.clone(), usize::MAX) };
            let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                SMALL.relay(&source, 0, dialect).run(3);
            }));
            assert!(run.is_err());
        }
        Ok(())
    }
}
