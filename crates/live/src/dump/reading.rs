//! A session of a dump: it takes units of work, and reads them.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};

use pgdmp::Toc;
use pgdmp::write::{CompressedSink, Compressor};

use super::board::{Board, Unit};
use super::item::{Item, OBJECTS, Table, What};
use super::setup::failed;
use super::spool::{PIECE, Piece};
use super::tables::NOT_AVAILABLE;
use super::voice::{DumpEvent, DumpVoice};
use crate::fatal::Fatal;
use crate::session::{Message, Session};

/// What stands behind the rows of a table.
const END: &[u8] = b"\\.\n\n\n";

/// Bytes that go to a compressor at once.
const PLAIN: usize = 64 << 10;

/// Bytes that are read of a large object at once: of the first ones of several at once, of one.
const FIRST: usize = 64 << 10;
const NEXT: usize = 1 << 20;

/// Large objects that are read with one query.
const TOGETHER: usize = 16;

/// What all sessions of a dump have.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) toc: &'a Toc,
    pub(super) items: &'a [Item],
    pub(super) board: &'a Board<'a>,
    pub(super) compressor: &'a Compressor,
    pub(super) voice: &'a dyn DumpVoice,
}

/// Reads until there is no more. `first`: the session has all locks.
pub(super) fn read(session: &mut dyn Session, first: bool, reading: Reading<'_>) {
    let mut reader = Reader { session, first, locked: HashSet::new(), reading };
    while let Some(unit) = reading.board.deal(first) {
        match reader.unit(unit) {
            Ok(()) => {}
            Err(Ended::Stopped) => return,
            Err(Ended::Failed(reason)) => return reading.board.fail(reason),
        }
    }
}

struct Reader<'a, 's> {
    session: &'s mut dyn Session,
    first: bool,
    /// Items whose tables this session has locked.
    locked: HashSet<usize>,
    reading: Reading<'a>,
}

enum Ended {
    /// By somebody else, who knows why.
    Stopped,
    Failed(Fatal),
}

impl Reader<'_, '_> {
    fn unit(&mut self, unit: Unit) -> Result<(), Ended> {
        let Reading { items, board, .. } = self.reading;
        let item = &items[unit.0];
        if let What::Table(table) = &item.what
            && !self.lock(unit.0, table)?
        {
            board.refuse(unit);
            return Ok(());
        }
        if unit.1 == 0
            && let Some(entry) = self.reading.toc.get(item.place)
        {
            self.reading.voice.event(&DumpEvent::Began { entry });
        }
        match &item.what {
            What::Table(table) if item.is_apart() => self.apart(unit, item, table)?,
            What::Table(table) => self.range(unit, item, table)?,
            What::Objects(oids) => self.objects(unit, oids)?,
        }
        board.done(unit);
        Ok(())
    }

    /// Locks a table. That cannot be waited for: who waits to change it waits for the first session,
    /// and that one for us. The first session has the lock, so it reads what this says `false` of.
    fn lock(&mut self, item: usize, table: &Table) -> Result<bool, Ended> {
        if self.first || table.is_foreign || self.locked.contains(&item) {
            return Ok(true);
        }
        let sql = [
            b"SAVEPOINT pgdmp; LOCK TABLE ONLY ",
            &table.name[..],
            b" IN ACCESS SHARE MODE NOWAIT; RELEASE SAVEPOINT pgdmp",
        ]
        .concat();
        let Err(message) = self.session.query(&sql) else {
            self.locked.insert(item);
            return Ok(true);
        };
        if self.session.last_state().as_ref() != Some(NOT_AVAILABLE) {
            return Err(Ended::Failed(failed(&message, &sql)));
        }
        let back = b"ROLLBACK TO SAVEPOINT pgdmp; RELEASE SAVEPOINT pgdmp";
        match self.session.query(back) {
            Ok(_) => Ok(false),
            Err(message) => Err(Ended::Failed(failed(&message, back))),
        }
    }

    /// Reads a whole table, and compresses it.
    fn apart(&mut self, unit: Unit, item: &Item, table: &Table) -> Result<(), Ended> {
        let pieces = Pieces { board: self.reading.board, unit, bytes: Vec::new() };
        let started = self.reading.compressor.start(pieces);
        let out = started.map_err(|error| self.broken(item, &error))?;
        let mut out = BufWriter::with_capacity(PLAIN, out);
        self.copy(item, &table.copy(0), &mut out)?;
        let ended = out.write_all(END).and_then(|()| {
            let pieces = out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
            pieces.finish()
        });
        ended.map_err(|error| self.broken(item, &error))
    }

    /// Reads a part of a table.
    fn range(&mut self, unit: Unit, item: &Item, table: &Table) -> Result<(), Ended> {
        let mut pieces = Pieces { board: self.reading.board, unit, bytes: Vec::new() };
        self.copy(item, &table.copy(unit.1), &mut pieces)?;
        let ended = match unit.1 + 1 >= item.units() {
            true => pieces.write_all(END),
            false => Ok(()),
        };
        ended.and_then(|()| pieces.finish()).map_err(|error| self.broken(item, &error))
    }

    /// Copies rows out of the server.
    fn copy(&mut self, item: &Item, sql: &[u8], out: &mut dyn Write) -> Result<(), Ended> {
        let voice = self.reading.voice;
        let (mut error, mut count) = (None, 0);
        let copied = self.session.copy_out(sql, &mut |row| {
            count += row.len();
            if count >= PIECE {
                voice.event(&DumpEvent::Read { bytes: count as u64 });
                count = 0;
            }
            match out.write_all(row) {
                Ok(()) => true,
                Err(failed) => {
                    error = Some(failed);
                    false
                }
            }
        });
        voice.event(&DumpEvent::Read { bytes: count as u64 });
        match (copied, error) {
            (_, Some(error)) => Err(self.broken(item, &error)),
            (Err(message), None) => Err(Ended::Failed(self.refused(item, &message, sql))),
            (Ok(()), None) => Ok(()),
        }
    }

    /// Why data of an entry could not be read.
    fn refused(&self, item: &Item, message: &Message, sql: &[u8]) -> Fatal {
        const LONGEST: usize = 2000;
        let name = self.name(item);
        let shown = &sql[..sql.len().min(LONGEST)];
        let mut detail = [b"Query was: ", shown].concat();
        // A standby removed rows that the dump still had to read.
        if self.session.last_state().as_ref() == Some(b"40001") {
            detail.extend_from_slice(
                b"\nhint: on a standby, hot_standby_feedback or a longer max_standby_streaming_delay \
                  lets long dumps end",
            );
        }
        Fatal::Server {
            text: [format!("reading {name} failed: ").as_bytes(), &message[..]].concat(),
            detail: Some(detail),
        }
    }

    fn name(&self, item: &Item) -> String {
        self.reading.toc.get(item.place).map(|entry| entry.name().to_string()).unwrap_or_default()
    }

    fn broken(&self, item: &Item, error: &io::Error) -> Ended {
        if self.reading.board.is_stopped() {
            return Ended::Stopped;
        }
        Ended::Failed(Fatal::server(format!("{}: {error}", self.name(item))))
    }

    /// Reads large objects.
    fn objects(&mut self, unit: Unit, oids: &[u32]) -> Result<(), Ended> {
        let Reading { items, board, .. } = self.reading;
        let item = &items[unit.0];
        let from = usize::try_from(unit.1).unwrap_or(usize::MAX).saturating_mul(OBJECTS);
        let of_unit = oids.iter().skip(from).take(OBJECTS).copied().collect::<Vec<_>>();
        for some in of_unit.chunks(TOGETHER) {
            let firsts =
                self.parts(item, &some.iter().map(|oid| (*oid, 0, FIRST)).collect::<Vec<_>>())?;
            for (oid, first) in some.iter().zip(firsts) {
                board.put(unit, Piece::Object(*oid)).map_err(|_| Ended::Stopped)?;
                let (mut at, mut goes_on) = (first.len(), first.len() == FIRST);
                self.put(unit, first)?;
                while goes_on {
                    let next = self.parts(item, &[(*oid, at, NEXT)])?.pop().unwrap_or_default();
                    at += next.len();
                    goes_on = next.len() == NEXT;
                    self.put(unit, next)?;
                }
            }
        }
        Ok(())
    }

    fn put(&self, unit: Unit, bytes: Vec<u8>) -> Result<(), Ended> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.reading.voice.event(&DumpEvent::Read { bytes: bytes.len() as u64 });
        self.reading.board.put(unit, Piece::Bytes(bytes)).map_err(|_| Ended::Stopped)
    }

    /// Parts of large objects: of which, from where, and how long at most.
    fn parts(
        &mut self,
        item: &Item,
        wanted: &[(u32, usize, usize)],
    ) -> Result<Vec<Vec<u8>>, Ended> {
        let parts = wanted.iter().map(|(oid, at, len)| {
            format!("pg_catalog.encode(pg_catalog.lo_get({oid}, {at}, {len}), 'hex')")
        });
        let sql = format!("SELECT {}", parts.collect::<Vec<_>>().join(", "));
        let rows = self.session.rows(sql.as_bytes());
        let rows =
            rows.map_err(|message| Ended::Failed(self.refused(item, &message, sql.as_bytes())))?;
        let parts: Option<Vec<Vec<u8>>> =
            rows.into_iter().flatten().map(|part| decode(&part?)).collect();
        parts.filter(|parts| parts.len() == wanted.len()).ok_or_else(|| {
            let text = b"the server gave no large object\n".to_vec();
            Ended::Failed(self.refused(item, &text, sql.as_bytes()))
        })
    }
}

/// Hexadecimal digits as bytes.
fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// Makes pieces of what is written.
struct Pieces<'a> {
    board: &'a Board<'a>,
    unit: Unit,
    bytes: Vec<u8>,
}

impl Pieces<'_> {
    fn put(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.bytes);
        Ok(self.board.put(self.unit, Piece::Bytes(bytes))?)
    }

    /// Puts what may be short: it may wait long, with many others as short.
    fn last(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        if self.bytes.len() < PIECE / 2 {
            let short = self.bytes.clone();
            self.board.give_back(std::mem::replace(&mut self.bytes, short));
        }
        self.put()
    }

    fn finish(mut self) -> io::Result<()> {
        self.last()
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if !self.bytes.is_empty() && self.bytes.len() + buf.len() > PIECE {
            self.put()?;
        }
        if self.bytes.capacity() == 0 {
            self.bytes = self.board.buffer();
        }
        self.bytes.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl CompressedSink for Pieces<'_> {
    fn begin_chunk(&mut self) -> io::Result<()> {
        self.last()?;
        Ok(self.board.put(self.unit, Piece::Chunk)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits() {
        assert_eq!(decode(b"00ff7A"), Some(vec![0, 255, 0x7a]));
        assert_eq!(decode(b""), Some(Vec::new()));
        assert_eq!(decode(b"0"), None);
        assert_eq!(decode(b"zz"), None);
    }
}
