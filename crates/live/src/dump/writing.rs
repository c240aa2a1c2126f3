//! The archives of a dump: what sessions read is written, entry after entry.

use std::io::Write;

use pgdmp::write::{ArchiveWriter, CompressedSink};
use pgdmp::{Error, Toc};

use super::board::{Board, Stopped};
use super::item::{Item, What};
use super::spool::Piece;
use super::voice::{DumpEvent, DumpVoice};
use crate::fatal::Fatal;

/// Why no more is written.
pub(super) enum Ended {
    /// Reading failed.
    Stopped,
    Failed(Fatal),
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Self {
        Ended::Stopped
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Ended::Failed(Fatal::Archive(error))
    }
}

/// Who writes.
#[derive(Clone, Copy)]
pub(super) struct Writing<'a> {
    pub(super) toc: &'a Toc,
    pub(super) items: &'a [Item],
    pub(super) board: &'a Board<'a>,
    pub(super) voice: &'a dyn DumpVoice,
}

impl Writing<'_> {
    /// Writes the data of an archive, given by its number, which has so many items, and completes
    /// it.
    pub(super) fn archive<W: Write>(
        &self,
        archive: usize,
        items: usize,
        mut writer: ArchiveWriter<W>,
    ) -> Result<W, Ended> {
        for _ in 0..items {
            let number = self.board.pick(archive)?;
            let item = &self.items[number];
            self.item(number, item, &mut writer)?;
            if let Some(entry) = self.toc.get(item.place) {
                self.voice.event(&DumpEvent::Ended { entry });
            }
        }
        Ok(writer.finish()?)
    }

    fn item<W: Write>(
        &self,
        number: usize,
        item: &Item,
        writer: &mut ArchiveWriter<W>,
    ) -> Result<(), Ended> {
        let board = self.board;
        if item.is_apart() {
            let len = board.follow((number, 0));
            let mut out = writer.compressed(item.id, len)?;
            while let Some(piece) = board.take()? {
                match piece {
                    Piece::Bytes(bytes) => {
                        out.write_all(&bytes).map_err(Error::from)?;
                        board.give_back(bytes);
                    }
                    Piece::Chunk => out.begin_chunk().map_err(Error::from)?,
                    Piece::Object(_) => {}
                }
            }
            return Ok(out.finish()?);
        }
        if let What::Table(_) = &item.what {
            let mut out = writer.data(item.id)?;
            for unit in 0..item.units() {
                board.follow((number, unit));
                while let Some(piece) = board.take()? {
                    if let Piece::Bytes(bytes) = piece {
                        out.write_all(&bytes).map_err(Error::from)?;
                        board.give_back(bytes);
                    }
                }
            }
            return Ok(out.finish()?);
        }
        let mut objects = writer.large_objects(item.id)?;
        let mut next = None;
        for unit in 0..item.units() {
            board.follow((number, unit));
            loop {
                let piece = match next.take() {
                    Some(piece) => Some(piece),
                    None => board.take()?,
                };
                let Some(piece) = piece else { break };
                let Piece::Object(oid) = piece else { continue };
                let mut object = objects.object(pgdmp::toc::Oid(oid))?;
                loop {
                    match board.take()? {
                        Some(Piece::Bytes(bytes)) => {
                            object.write_all(&bytes).map_err(Error::from)?;
                        }
                        other => {
                            next = other;
                            break;
                        }
                    }
                }
                object.finish()?;
                // The unit has ended with it.
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(objects.finish()?)
    }
}
