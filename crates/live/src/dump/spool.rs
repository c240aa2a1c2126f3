//! What was read of a unit and is not written yet: in memory, and in a temporary file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a piece that is full.
pub(super) const PIECE: usize = 256 << 10;

/// What a piece and its place take besides its bytes.
const OVERHEAD: usize = 256;

/// What was read.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// What follows begins a chunk.
    Chunk,
    /// What follows is of this large object.
    Object(u32),
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Chunk | Piece::Object(_) => 0,
        }
    }

    /// What it takes in memory.
    pub(super) fn memory(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.capacity() + OVERHEAD,
            Piece::Chunk | Piece::Object(_) => OVERHEAD,
        }
    }
}

/// A temporary file, which has no name. One thread appends to it, another one reads it.
#[derive(Debug, Clone)]
pub(super) struct SpoolFile(Arc<Mutex<File>>);

impl SpoolFile {
    /// Makes one in a folder, or in the system's folder of temporary files.
    pub(super) fn new(folder: Option<&Path>) -> io::Result<Self> {
        let file = match folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        };
        file.map(|file| SpoolFile(Arc::new(Mutex::new(file))))
    }

    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::End(0))?;
        file.write_all(bytes)
    }

    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(into)
    }
}

/// What was read of a unit. `before` comes first, then what is in the file, then `after`.
#[derive(Debug, Default)]
pub(super) struct Spool {
    before: VecDeque<Piece>,
    pub(super) file: Option<SpoolFile>,
    /// Bytes in the file, and how many of them were taken.
    written: u64,
    taken: u64,
    /// Where chunks begin in the file.
    chunks: VecDeque<u64>,
    after: VecDeque<Piece>,
    /// What it takes in memory.
    pub(super) held: usize,
    /// Bytes that were read.
    pub(super) len: u64,
    /// Whether all of the unit was read.
    pub(super) done: bool,
    /// Whether the first session reads it.
    pub(super) of_first: bool,
}

/// What comes next out of a spool.
pub(super) enum Next {
    Piece(Piece),
    /// So many bytes of the file.
    InFile {
        file: SpoolFile,
        at: u64,
        len: usize,
    },
    Nothing,
}

impl Spool {
    /// `first`: for what the first session reads.
    pub(super) fn of(first: bool) -> Self {
        Spool { of_first: first, ..Spool::default() }
    }

    /// Keeps a piece in memory.
    pub(super) fn push(&mut self, piece: Piece) {
        self.len += piece.len();
        self.held += piece.memory();
        match self.file.is_some() {
            true => self.after.push_back(piece),
            false => self.before.push_back(piece),
        }
    }

    /// So many bytes more are in the file.
    pub(super) fn spilled(&mut self, bytes: usize) {
        self.written += bytes as u64;
        self.len += bytes as u64;
    }

    /// What comes into the file next begins a chunk.
    pub(super) fn begin_chunk(&mut self) {
        self.chunks.push_back(self.written);
    }

    /// Takes what comes next.
    pub(super) fn next(&mut self) -> Next {
        if let Some(piece) = self.before.pop_front() {
            return self.took(piece);
        }
        let next_chunk = self.chunks.front().copied();
        if next_chunk == Some(self.taken) {
            self.chunks.pop_front();
            return Next::Piece(Piece::Chunk);
        }
        // Up to the next chunk.
        let in_file = next_chunk.unwrap_or(self.written) - self.taken;
        if in_file > 0
            && let Some(file) = self.file.clone()
        {
            let len = usize::try_from(in_file).unwrap_or(PIECE).min(PIECE);
            let at = self.taken;
            self.taken += len as u64;
            return Next::InFile { file, at, len };
        }
        match self.after.pop_front() {
            Some(piece) => self.took(piece),
            None => Next::Nothing,
        }
    }

    fn took(&mut self, piece: Piece) -> Next {
        self.held -= piece.memory();
        Next::Piece(piece)
    }
}
