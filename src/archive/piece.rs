//! The stored bytes of one table or large object, to be read or moved.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::data::EntryData;
use super::stored::Stored;
use super::stored_check::{StoredCheck, Tail, no_end_marker};
use crate::compress::{Algorithm, Contexts, Framing, PieceReader, restart};
use crate::error::{EntryName, Error, Result};
use crate::format::members::Member;
use crate::limits::Limits;

/// The stored bytes of one table or large object, with all that is needed to read or move them.
#[derive(Debug)]
pub(crate) struct StoredPiece<'a> {
    stored: Stored<'a>,
    pub(crate) algorithm: Algorithm,
    pub(crate) framing: Framing,
    pub(crate) member: Option<Member>,
    pub(crate) entry: EntryName,
    /// Whether the plain data ends with an end marker.
    pub(crate) marked: bool,
}

impl<'a> StoredPiece<'a> {
    /// What chunks hold.
    pub(super) fn chunks(
        stored: Stored<'a>,
        algorithm: Algorithm,
        entry: EntryName,
        marked: bool,
    ) -> Self {
        StoredPiece { stored, algorithm, framing: Framing::Stream, member: None, entry, marked }
    }

    /// A file.
    pub(crate) fn member(member: Member, entry: EntryName, marked: bool) -> Self {
        let stored = Stored::Member(member.reader());
        let (algorithm, framing) = (member.algorithm, Framing::File);
        StoredPiece { stored, algorithm, framing, member: Some(member), entry, marked }
    }

    /// A look at the bytes while they go by.
    pub(crate) fn check(&self) -> StoredCheck {
        StoredCheck::new(self.algorithm, self.framing, self.marked)
    }

    /// Checks the last plain bytes.
    ///
    /// # Errors
    ///
    /// An end marker that is missing.
    pub(crate) fn check_tail(&self, tail: &Tail) -> Result<()> {
        match self.marked && !tail.is_end_marker() {
            true => Err(self.placed(no_end_marker())),
            false => Ok(()),
        }
    }

    /// Whether a zstd frame began within a chunk, in what was read.
    pub(crate) fn frame_within_chunk(&self) -> bool {
        self.stored.frame_within_chunk()
    }

    /// The bytes, if that many are known to be there.
    pub(crate) fn len(&self) -> Option<u64> {
        self.member.as_ref().map(Member::len)
    }

    /// Gives an error its place: what is wrong with the data is where reading has come to.
    pub(crate) fn placed(&self, error: impl Into<Error>) -> Error {
        let mut error = error.into();
        // What the output says has another place.
        if !error.is_io() {
            error = error.at(self.stored.position());
        }
        let error = match &self.member {
            Some(member) => error.in_member(&member.name),
            None => error,
        };
        error.in_entry(|| self.entry.clone())
    }

    /// The plain bytes.
    pub(crate) fn decode(self, contexts: &Arc<Contexts>, limits: &Limits) -> Result<EntryData<'a>> {
        let new = |stored, algorithm, framing| {
            PieceReader::new(stored, algorithm, framing, limits, contexts)
        };
        self.decode_by(new)
    }

    /// The plain bytes from the last place on from which they can be had, at or before the plain byte
    /// `from`, and how many there are before that place. Their end is not checked.
    pub(crate) fn decode_from(
        self,
        from: u64,
        contexts: &Arc<Contexts>,
        limits: &Limits,
    ) -> Result<(EntryData<'a>, u64)> {
        let mut before = 0;
        let new = |stored, algorithm, framing| {
            let (stored, passed) = restart(stored, algorithm, framing, from)?;
            before = passed;
            let reader = PieceReader::new(stored, algorithm, framing, limits, contexts)?;
            if passed > 0 { Ok(reader.resumed()?) } else { Ok(reader) }
        };
        let data = StoredPiece { marked: false, ..self }.decode_by(new)?;
        Ok((data, before))
    }

    fn decode_by(
        self,
        new: impl FnOnce(Stored<'a>, Algorithm, Framing) -> Result<PieceReader<Stored<'a>>>,
    ) -> Result<EntryData<'a>> {
        let StoredPiece { stored, algorithm, framing, member, entry, marked } = self;
        match new(stored, algorithm, framing) {
            Ok(decoder) => {
                Ok(EntryData::new(decoder, entry, member.map(|member| member.name), marked))
            }
            Err(error) => {
                let error = match &member {
                    Some(member) => error.in_member(&member.name),
                    None => error,
                };
                Err(error.in_entry(|| entry))
            }
        }
    }
}

impl Read for StoredPiece<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stored.read(buf)
    }
}

impl BufRead for StoredPiece<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.stored.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.stored.consume(n);
    }
}
