//! Records in memory, or divided over temporary files where they are too many.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use crate::diff::form::{put_len, take_len};
use crate::error::{Error, Result};

/// Into how many files records are divided at once.
const FILES: usize = 64;

/// How often what does not fit is divided again.
pub(super) const LEVELS: u32 = 8;

/// Memory is taken in pieces of this size.
const PIECE: usize = 256 << 10;

/// What it takes to sort a record, beside its bytes.
const BESIDE: usize = 32;

/// Records, at most so many bytes of them in memory.
pub(in crate::diff) struct Spool<'d> {
    pub(super) memory: usize,
    pub(super) folder: Option<&'d Path>,
    /// How often they were divided before.
    pub(super) level: u32,
    pieces: Vec<Vec<u8>>,
    held: usize,
    count: usize,
    files: Option<Files>,
}

/// What was written.
pub(super) enum Stored {
    /// All of it, as pieces of memory with whole records.
    Memory(Vec<Vec<u8>>),
    Files(Vec<File>),
}

impl<'d> Spool<'d> {
    pub(super) fn new(memory: usize, folder: Option<&'d Path>, level: u32) -> Self {
        Spool { memory, folder, level, pieces: Vec::new(), held: 0, count: 0, files: None }
    }

    /// Adds a record with the hash by which it is divided.
    pub(super) fn push(&mut self, hash: u64, record: &[u8]) -> Result<()> {
        if let Some(files) = &mut self.files {
            return files.write(hash, record, self.level, self.folder);
        }
        let len = record.len() + 8;
        let fits = |piece: &Vec<u8>| piece.capacity() - piece.len() >= len;
        if !self.pieces.last().is_some_and(fits) {
            self.pieces.push(Vec::with_capacity(PIECE.max(len)));
        }
        if let Some(piece) = self.pieces.last_mut() {
            put_len(record.len(), piece);
            piece.extend_from_slice(record);
        }
        self.held += len + BESIDE;
        self.count += 1;
        // A row of each archive has to be in memory together, and so has what cannot be divided.
        let is_divided = self.held > self.memory && self.count > 2 && self.level < LEVELS;
        if is_divided { self.divide() } else { Ok(()) }
    }

    fn divide(&mut self) -> Result<()> {
        let buffer = (self.memory / (4 * FILES)).clamp(1 << 10, 64 << 10);
        let mut files = Files { writers: (0..FILES).map(|_| None).collect(), buffer };
        for piece in std::mem::take(&mut self.pieces) {
            let mut rest = &piece[..];
            while let Some(record) = next_record(&mut rest) {
                let hash = super::Record::parse(record).map_or(0, |record| record.hash);
                files.write(hash, record, self.level, self.folder)?;
            }
        }
        self.held = 0;
        self.files = Some(files);
        Ok(())
    }

    /// All of it, to be read.
    pub(super) fn finish(self) -> Result<Stored> {
        let Some(files) = self.files else { return Ok(Stored::Memory(self.pieces)) };
        let mut all = Vec::new();
        for writer in files.writers.into_iter().flatten() {
            let mut file = writer.into_inner().map_err(|error| Error::from(error.into_error()))?;
            file.rewind()?;
            all.push(file);
        }
        Ok(Stored::Files(all))
    }
}

struct Files {
    writers: Vec<Option<BufWriter<File>>>,
    buffer: usize,
}

impl Files {
    fn write(&mut self, hash: u64, record: &[u8], level: u32, folder: Option<&Path>) -> Result<()> {
        // The lowest 16 bits say which part of the table it is in, and are much alike here.
        let n = (hash >> (58 - 6 * level.min(LEVELS - 1))) as usize % FILES;
        let writer = match &mut self.writers[n] {
            Some(writer) => writer,
            none => {
                // Of nobody else, without a name, and gone with the process.
                let file = match folder {
                    Some(folder) => {
                        tempfile::tempfile_in(folder).map_err(|e| Error::from(e).in_path(folder))
                    }
                    None => tempfile::tempfile().map_err(Error::from),
                }?;
                none.insert(BufWriter::with_capacity(self.buffer, file))
            }
        };
        writer.write_all(&(record.len() as u64).to_le_bytes())?;
        writer.write_all(record)?;
        Ok(())
    }
}

/// The next record of a piece of memory.
pub(super) fn next_record<'p>(piece: &mut &'p [u8]) -> Option<&'p [u8]> {
    let len = take_len(piece)?;
    let (record, rest) = piece.split_at_checked(len)?;
    *piece = rest;
    Some(record)
}

/// Calls `take` with each record of a file.
pub(super) fn each_record(file: File, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut file = BufReader::with_capacity(64 << 10, file);
    let mut record = Vec::new();
    let mut len = [0; 8];
    loop {
        let mut first = [0];
        if file.read(&mut first)? == 0 {
            return Ok(());
        }
        len[0] = first[0];
        file.read_exact(&mut len[1..])?;
        record.resize(u64::from_le_bytes(len) as usize, 0);
        file.read_exact(&mut record)?;
        take(&record)?;
    }
}
