//! Deflate: zlib streams and gzip files.

use std::io::{self, BufRead, Read};
use std::mem;

use flate2::{Decompress, FlushDecompress, Status};

use super::Wrapper;
use crate::compress::input::{advance, differs, gather, malformed, peek, trailing, truncated};
use crate::compress::{Contexts, Framing};
use crate::error::Fault;

/// The state of an inflater for zlib streams; one for gzip files cannot be reset without being
/// made anew.
pub(in crate::compress) type Context = Decompress;

const MAGIC: [u8; 2] = [0x1f, 0x8b];

pub(in crate::compress) struct Decoder {
    inflate: Decompress,
    framing: Framing,
    stage: Stage,
    gathered: Gathered,
    /// Came after bytes that had to be handed out first.
    failed: Option<io::Error>,
    /// Whether bytes behind a gzip file are taken for nothing, as by zlib's `gzread`.
    lenient: bool,
    /// Of a zlib stream that is not read from its beginning: its checksum so far.
    resumed: Option<Wrapper>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// At the start of a gzip file, which may be no gzip file at all.
    Start,
    /// As before, after a first byte that may be that of the magic number.
    Started,
    Inflating,
    /// In the checksum of a zlib stream that was not read from its beginning: what was read of it.
    Checksum {
        held: u32,
        bytes: u8,
    },
    /// As zlib's `gzread`, a file that does not start like a gzip file is read as it is.
    Raw,
    /// Between or after the members of a gzip file.
    BetweenMembers,
    /// As before, after a first byte that may be that of another magic number.
    BetweenStarted,
    /// In zeros behind the members, up to the end: tapes and block copies pad with them.
    Padding,
    /// Behind the members, where other bytes stand that are taken for nothing.
    Ignored,
    Ended,
}

impl Decoder {
    pub(in crate::compress) fn new(framing: Framing, contexts: &Contexts) -> Self {
        let (inflate, stage) = match framing {
            Framing::Stream => {
                let inflate = contexts.gzip.take().map(|mut context| {
                    context.reset(true);
                    context
                });
                (inflate.unwrap_or_else(|| Decompress::new(true)), Stage::Inflating)
            }
            Framing::File => (new_gzip(), Stage::Start),
        };
        Decoder {
            inflate,
            framing,
            stage,
            gathered: Gathered::default(),
            failed: None,
            lenient: false,
            resumed: None,
        }
    }

    /// Goes on behind what was decompressed by other means: behind a member of a gzip file, or within
    /// a zlib stream, of which these are the last plain bytes and the checksum so far.
    pub(in crate::compress) fn resume(&mut self, window: &[u8], checksum: u32) -> io::Result<()> {
        if self.framing == Framing::File {
            self.stage = Stage::BetweenMembers;
            return Ok(());
        }
        self.inflate.reset(false);
        let set = self.inflate.set_dictionary(window);
        set.map_err(|error| malformed(self.text(&error.to_string())))?;
        self.resumed = Some(Wrapper::resumed(checksum));
        Ok(())
    }

    pub(in crate::compress) fn give_back(self, contexts: &Contexts) {
        if self.framing == Framing::Stream {
            contexts.gzip.give(self.inflate);
        }
        if !self.gathered.memory.is_empty() {
            contexts.gathered.give(self.gathered.memory);
        }
    }

    /// Takes bytes behind the members of a gzip file for nothing.
    pub(in crate::compress) fn be_lenient(&mut self) {
        self.lenient = true;
    }

    /// Whether there were such bytes.
    pub(in crate::compress) fn has_ignored(&self) -> bool {
        self.stage == Stage::Ignored
    }

    /// Bytes that were taken from the reader and not yet decoded.
    pub(in crate::compress) fn ahead(&self) -> usize {
        self.gathered.len()
    }

    /// Decodes to `out`, which is not empty; 0 is the end.
    pub(in crate::compress) fn read<R: BufRead>(
        &mut self,
        reader: &mut R,
        out: &mut [u8],
        contexts: &Contexts,
    ) -> io::Result<usize> {
        let mut gathered = mem::take(&mut self.gathered);
        let mut input = Gathering { reader, gathered: &mut gathered, contexts };
        let result = self.read_gathered(&mut input, out);
        self.gathered = gathered;
        result
    }

    fn read_gathered(&mut self, reader: &mut impl BufRead, out: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        loop {
            match self.stage {
                Stage::Start => {
                    self.stage = advance(reader, |input| match *input {
                        [] => (0, Err(truncated())),
                        [first, second, ..] if [first, second] == MAGIC => {
                            (0, Ok(Stage::Inflating))
                        }
                        [first] if first == MAGIC[0] => (1, Ok(Stage::Started)),
                        _ => (0, Ok(Stage::Raw)),
                    })??;
                }
                Stage::Started => {
                    match peek(reader, |input| input.first().copied())? {
                        Some(second) if second == MAGIC[1] => {
                            self.stage = Stage::Inflating;
                            self.inflate(&MAGIC[..1], &mut [])?;
                        }
                        Some(_) => {
                            self.stage = Stage::Raw;
                            out[0] = MAGIC[0];
                            return Ok(1);
                        }
                        // Rather half a magic number than one byte of data.
                        None => return Err(truncated()),
                    }
                }
                Stage::Raw => {
                    let (count, error) = gather(reader, out);
                    return match error {
                        Some(error) if count == 0 => Err(error),
                        error => {
                            self.failed = error;
                            Ok(count)
                        }
                    };
                }
                Stage::Inflating => {
                    let progress = advance(reader, |input| {
                        let result = self.inflate(input, out);
                        let used = result.as_ref().map_or(0, |progress| progress.used);
                        (used, result.map(|progress| (progress, input.is_empty())))
                    })?;
                    let (progress, at_end) = progress?;
                    if let Some(checksum) = &mut self.resumed {
                        checksum.update(&out[..progress.made]);
                    }
                    if progress.ended {
                        self.stage = match self.framing {
                            Framing::Stream if self.resumed.is_some() => {
                                Stage::Checksum { held: 0, bytes: 0 }
                            }
                            Framing::Stream => Stage::Ended,
                            Framing::File => Stage::BetweenMembers,
                        };
                    }
                    if progress.made > 0 {
                        return Ok(progress.made);
                    }
                    if at_end && !progress.ended {
                        return Err(truncated());
                    }
                    if progress.used == 0 && !progress.ended {
                        return Err(malformed(self.text("no progress")));
                    }
                }
                Stage::Checksum { held, bytes: 4 } => {
                    let is =
                        self.resumed.is_some_and(|sum| sum.trailer().0[..4] == held.to_be_bytes());
                    if !is {
                        return Err(differs(Fault::Checksum, self.text("incorrect data check")));
                    }
                    self.stage = Stage::Ended;
                }
                Stage::Checksum { held, bytes } => {
                    let next =
                        advance(reader, |input| (input.len().min(1), input.first().copied()))?;
                    let next = u32::from(next.ok_or_else(truncated)?);
                    self.stage = Stage::Checksum { held: held << 8 | next, bytes: bytes + 1 };
                }
                Stage::BetweenMembers => {
                    self.stage = advance(reader, |input| match input.first() {
                        None => (0, Ok(Stage::Ended)),
                        Some(0) => (1, Ok(Stage::Padding)),
                        Some(&first) if first == MAGIC[0] => (1, Ok(Stage::BetweenStarted)),
                        Some(_) => (0, self.trailing()),
                    })??;
                }
                Stage::BetweenStarted => {
                    match peek(reader, |input| input.first().copied())? {
                        Some(second) if second == MAGIC[1] => {
                            self.stage = Stage::Inflating;
                            self.inflate = new_gzip();
                            self.inflate(&MAGIC[..1], &mut [])?;
                        }
                        // Rather half a magic number than a byte too much.
                        None if !self.lenient => return Err(truncated()),
                        _ => self.stage = self.trailing()?,
                    }
                }
                Stage::Padding => {
                    self.stage =
                        advance(reader, |input| match input.iter().position(|byte| *byte != 0) {
                            Some(_) => (0, self.trailing()),
                            None if input.is_empty() => (0, Ok(Stage::Ended)),
                            None => (input.len(), Ok(Stage::Padding)),
                        })??;
                }
                Stage::Ignored => return Ok(0),
                Stage::Ended => {
                    let more = peek(reader, |input| !input.is_empty())?;
                    return if more { Err(trailing()) } else { Ok(0) };
                }
            }
        }
    }

    /// What becomes of other bytes behind the members.
    fn trailing(&self) -> io::Result<Stage> {
        if self.lenient { Ok(Stage::Ignored) } else { Err(trailing()) }
    }

    /// One step. An error that comes after bytes is kept for the next.
    fn inflate(&mut self, input: &[u8], out: &mut [u8]) -> io::Result<Progress> {
        let (input_before, output_before) = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(input, out, FlushDecompress::None);
        let used = self.inflate.total_in().saturating_sub(input_before);
        let made = self.inflate.total_out().saturating_sub(output_before);
        let progress = Progress {
            used: usize::try_from(used).unwrap_or(usize::MAX).min(input.len()),
            made: usize::try_from(made).unwrap_or(usize::MAX).min(out.len()),
            ended: matches!(result, Ok(Status::StreamEnd)),
        };
        if let Err(error) = result {
            let error = if error.needs_dictionary().is_some() {
                malformed(self.text("needs a dictionary"))
            } else {
                // zlib's own words: it has no codes for these.
                match error.message().unwrap_or("damaged") {
                    what @ "incorrect data check" => differs(Fault::Checksum, self.text(what)),
                    what @ "incorrect length check" => differs(Fault::Length, self.text(what)),
                    what => malformed(self.text(what)),
                }
            };
            if progress.made == 0 {
                return Err(error);
            }
            self.failed = Some(error);
        }
        Ok(progress)
    }

    fn text(&self, what: &str) -> String {
        match self.framing {
            Framing::Stream => format!("zlib data: {what}"),
            Framing::File => format!("gzip data: {what}"),
        }
    }
}

/// What was taken from a reader that has little at a time.
#[derive(Default)]
struct Gathered {
    memory: Vec<u8>,
    start: usize,
    end: usize,
    /// Came after these bytes.
    failed: Option<io::Error>,
}

impl Gathered {
    const SIZE: usize = 64 << 10;
    /// As much from the reader is taken where it lies.
    const ENOUGH: usize = 16 << 10;

    fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Makes of chunks what is worth a call of the inflater, which copies its last 32 KiB aside each
/// time: pg_dump cuts a zlib stream into chunks of 4 KiB.
struct Gathering<'a, R> {
    reader: &'a mut R,
    gathered: &'a mut Gathered,
    contexts: &'a Contexts,
}

impl<R: BufRead> BufRead for Gathering<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Gathering { reader, gathered, contexts } = self;
        if gathered.len() == 0 {
            if let Some(error) = gathered.failed.take() {
                return Err(error);
            }
            let len = reader.fill_buf()?.len();
            if len == 0 || len >= Gathered::ENOUGH {
                return reader.fill_buf();
            }
            if gathered.memory.is_empty() {
                let memory = contexts.gathered.take();
                gathered.memory = memory.unwrap_or_else(|| vec![0; Gathered::SIZE]);
            }
            gathered.start = 0;
            (gathered.end, gathered.failed) = gather(*reader, &mut gathered.memory);
        }
        Ok(&gathered.memory[gathered.start..gathered.end])
    }

    fn consume(&mut self, count: usize) {
        match self.gathered.len() {
            0 => self.reader.consume(count),
            len => self.gathered.start += count.min(len),
        }
    }
}

impl<R: BufRead> Read for Gathering<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

struct Progress {
    used: usize,
    made: usize,
    ended: bool,
}

fn new_gzip() -> Decompress {
    Decompress::new_gzip(15)
}
