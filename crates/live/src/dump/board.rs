//! Which unit of work is whose, and what was read of it and not written yet.
//!
//! Sessions take units in one order. One thread writes, and *follows* one unit at a time, the unit
//! that must come next. What other sessions read meanwhile waits: in memory, and what is compressed
//! already in a temporary file. Where there is no room any more they wait themselves. Who is
//! followed never waits for anybody else, and units of an entry are given out in the order in which
//! they are followed; so there is always somebody who goes on.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::item::Item;
use super::spool::{Next, PIECE, Piece, Spool, SpoolFile};
use crate::fatal::Fatal;

/// Bytes that wait in memory: so many, more for each session, and no more than that.
const MEMORY: usize = 8 << 20;
const MEMORY_OF_SESSION: usize = 1 << 20;
const MOST_MEMORY: usize = 32 << 20;

/// Bytes that wait of the unit that is followed.
const FOLLOWED: usize = 2 << 20;

/// A unit of an item, by their numbers.
pub(super) type Unit = (usize, u64);

/// The dump has failed elsewhere.
#[derive(Debug)]
pub(super) struct Stopped;

impl From<Stopped> for io::Error {
    fn from(_: Stopped) -> Self {
        io::Error::other("the dump was stopped")
    }
}

/// In which order items are dealt, and written.
#[derive(Debug)]
pub(super) struct Order {
    /// The numbers of the items, as they are dealt.
    pub(super) items: Vec<usize>,
    /// The archive of each item, by its number.
    pub(super) archives: Vec<usize>,
    /// Whether they are written in the same order.
    pub(super) is_strict: bool,
}

#[derive(Default)]
struct State {
    /// Place in the order, and unit, of what is dealt next.
    next: Unit,
    spools: HashMap<Unit, Spool>,
    /// Items with the numbers of their archives: of which the first unit is dealt, and that are
    /// read wholly.
    begun: BTreeSet<(usize, usize)>,
    ready: BTreeSet<(usize, usize)>,
    memory: usize,
    files: usize,
    following: Option<Unit>,
    /// Units whose tables somebody wants to change, which the first session has locked already.
    refused: VecDeque<Unit>,
    /// Sessions besides the first that may still refuse one.
    others: usize,
    failure: Option<Fatal>,
    stopped: bool,
}

pub(super) struct Board<'a> {
    items: &'a [Item],
    order: Order,
    /// Bytes that wait in memory at most, besides those of the unit that is followed.
    most_memory: usize,
    /// Temporary files at most.
    most_files: usize,
    folder: Option<PathBuf>,
    state: Mutex<State>,
    changed: Condvar,
    /// Buffers of full pieces, to be used again: freed by another thread than the one that
    /// allocated it, memory would stay with the latter.
    spare: Mutex<Vec<Vec<u8>>>,
}

impl<'a> Board<'a> {
    pub(super) fn new(
        items: &'a [Item],
        order: Order,
        sessions: usize,
        folder: Option<PathBuf>,
    ) -> Self {
        let state = State { others: sessions.saturating_sub(1), ..State::default() };
        Board {
            items,
            order,
            most_memory: (MEMORY + sessions * MEMORY_OF_SESSION).min(MOST_MEMORY),
            most_files: 4 * sessions + 16,
            folder,
            state: Mutex::new(state),
            changed: Condvar::new(),
            spare: Mutex::default(),
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer for a piece.
    pub(super) fn buffer(&self) -> Vec<u8> {
        self.spare().pop().unwrap_or_else(|| Vec::with_capacity(PIECE))
    }

    /// Takes the buffer of a piece that is done with.
    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() == PIECE {
            buffer.clear();
            self.spare().push(buffer);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, state: MutexGuard<'g, State>) -> MutexGuard<'g, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next unit for a session; `None` if there is no more. `first`: for the session that has
    /// all locks.
    pub(super) fn deal(&self, first: bool) -> Option<Unit> {
        let mut state = self.state();
        loop {
            if state.stopped {
                return None;
            }
            if first && let Some(unit) = state.refused.pop_front() {
                state.spools.entry(unit).or_default().of_first = true;
                return Some(unit);
            }
            let (place, unit) = state.next;
            if let Some(item) = self.order.items.get(place).copied() {
                let last = unit + 1 >= self.items[item].units();
                state.next = if last { (place + 1, 0) } else { (place, unit + 1) };
                state.spools.insert((item, unit), Spool::of(first));
                if unit == 0 {
                    state.begun.insert((self.order.archives[item], item));
                }
                self.changed.notify_all();
                return Some((item, unit));
            }
            if !first {
                state.others = state.others.saturating_sub(1);
                self.changed.notify_all();
                return None;
            }
            if state.others == 0 {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// Gives a unit, of which nothing was read, to the first session.
    pub(super) fn refuse(&self, unit: Unit) {
        self.state().refused.push_back(unit);
        self.changed.notify_all();
    }

    /// Takes what was read of a unit.
    pub(super) fn put(&self, unit: Unit, piece: Piece) -> Result<(), Stopped> {
        let takes = piece.memory();
        let apart = self.items[unit.0].is_apart();
        let mut state = self.state();
        loop {
            if state.stopped {
                return Err(Stopped);
            }
            let followed = state.following == Some(unit);
            let (memory, files) = (state.memory, state.files);
            // What was refused is perhaps followed, and waits for the first session.
            let is_awaited = !state.refused.is_empty();
            let spool = state.spools.get_mut(&unit).ok_or(Stopped)?;
            let room = match followed {
                true => spool.held < FOLLOWED,
                false => memory + takes <= self.most_memory && spool.file.is_none(),
            };
            let room = room || (is_awaited && spool.of_first && !apart);
            if room {
                spool.push(piece);
                state.memory += takes;
                self.changed.notify_all();
                return Ok(());
            }
            if !followed && apart && (spool.file.is_some() || is_awaited || files < self.most_files)
            {
                let file = match spool.file.clone() {
                    Some(file) => file,
                    None => {
                        let file = match SpoolFile::new(self.folder.as_deref()) {
                            Ok(file) => file,
                            Err(error) => {
                                drop(state);
                                return Err(self.spill_failed(&error));
                            }
                        };
                        spool.file = Some(file.clone());
                        state.files += 1;
                        file
                    }
                };
                let Piece::Bytes(bytes) = piece else {
                    if let Some(spool) = state.spools.get_mut(&unit) {
                        spool.begin_chunk();
                    }
                    return Ok(());
                };
                drop(state);
                self.spill(unit, &file, &bytes)?;
                self.give_back(bytes);
                return Ok(());
            }
            state = self.wait(state);
        }
    }

    fn spill(&self, unit: Unit, file: &SpoolFile, bytes: &[u8]) -> Result<(), Stopped> {
        file.append(bytes).map_err(|error| self.spill_failed(&error))?;
        let mut state = self.state();
        state.spools.get_mut(&unit).ok_or(Stopped)?.spilled(bytes.len());
        self.changed.notify_all();
        Ok(())
    }

    fn spill_failed(&self, error: &io::Error) -> Stopped {
        self.fail(Fatal::server(format!("a temporary file for data that waits: {error}")));
        Stopped
    }

    /// All of a unit was read.
    pub(super) fn done(&self, unit: Unit) {
        let mut state = self.state();
        if let Some(spool) = state.spools.get_mut(&unit) {
            spool.done = true;
        }
        let item = (self.order.archives[unit.0], unit.0);
        // Unless it is being written already.
        if self.items[unit.0].is_apart() && state.begun.contains(&item) {
            state.ready.insert(item);
        }
        self.changed.notify_all();
    }

    /// Ends all. The first reason counts.
    pub(super) fn fail(&self, failure: Fatal) {
        let mut state = self.state();
        if !state.stopped {
            state.failure = Some(failure);
        }
        state.stopped = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Why it ended, if it failed.
    pub(super) fn failure(&self) -> Option<Fatal> {
        self.state().failure.take()
    }

    /// The item of an archive that is to be written next: one that is ready, or else one that was
    /// begun. Waits until there is one.
    pub(super) fn pick(&self, archive: usize) -> Result<usize, Stopped> {
        let mut state = self.state();
        loop {
            if state.stopped {
                return Err(Stopped);
            }
            let of_it = (archive, 0)..(archive + 1, 0);
            let first = |set: &BTreeSet<(usize, usize)>| set.range(of_it.clone()).next().copied();
            let found = match self.order.is_strict {
                true => first(&state.begun),
                false => first(&state.ready).or_else(|| first(&state.begun)),
            };
            if let Some(found) = found {
                state.begun.remove(&found);
                state.ready.remove(&found);
                return Ok(found.1);
            }
            state = self.wait(state);
        }
    }

    /// Follows a unit from now on. If all of it is read, gives its length.
    pub(super) fn follow(&self, unit: Unit) -> Option<u64> {
        let mut state = self.state();
        state.following = Some(unit);
        let spool = state.spools.get(&unit);
        let len = spool.filter(|spool| spool.done).map(|spool| spool.len);
        self.changed.notify_all();
        len
    }

    /// The next piece of the unit that is followed; `None` at its end.
    pub(super) fn take(&self) -> Result<Option<Piece>, Stopped> {
        let mut state = self.state();
        loop {
            if state.stopped {
                return Err(Stopped);
            }
            let Some(unit) = state.following else { return Ok(None) };
            if let Some(spool) = state.spools.get_mut(&unit) {
                let held = spool.held;
                match spool.next() {
                    Next::Piece(piece) => {
                        state.memory -= held - spool.held;
                        self.changed.notify_all();
                        return Ok(Some(piece));
                    }
                    Next::InFile { file, at, len } => {
                        drop(state);
                        return self.read(&file, at, len).map(Some);
                    }
                    Next::Nothing => {}
                }
                if spool.done {
                    if spool.file.is_some() {
                        state.files -= 1;
                    }
                    state.spools.remove(&unit);
                    state.following = None;
                    self.changed.notify_all();
                    return Ok(None);
                }
            }
            // It may be dealt only later.
            state = self.wait(state);
        }
    }

    fn read(&self, file: &SpoolFile, at: u64, len: usize) -> Result<Piece, Stopped> {
        let mut bytes = self.buffer();
        bytes.resize(len, 0);
        file.read(at, &mut bytes).map_err(|error| self.spill_failed(&error))?;
        Ok(Piece::Bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::item::{Table, What};
    use super::*;
    use pgdmp::DumpId;

    fn item(units: u64) -> Item {
        let table = Table { units, ..Table::default() };
        Item { id: DumpId(1), place: 0, what: What::Table(table), bytes: 0 }
    }

    struct Ends<'a>(&'a Board<'a>);

    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                self.0.fail(Fatal::server("the test has failed"));
            }
        }
    }

    /// Whatever waits where, the pieces of each item come out whole and in their order.
    #[test]
    fn all_comes_out_in_order() {
        const PIECE: usize = 1 << 20;
        let cases = [(1, false, true), (3, false, true), (3, true, true), (3, false, false)];
        for (sessions, is_strict, refuses) in cases {
            // The first are many times what memory takes.
            let items: Vec<Item> = [1, 9, 1, 1, 30, 1, 1].map(item).into();
            let archives = vec![0, 0, 0, 1, 1, 2, 2];
            let order = Order { items: (0..7).collect(), archives, is_strict };
            let board = Board::new(&items, order, sessions, None);
            let pieces = |item: usize| if items[item].is_apart() { 40 } else { 2 };
            thread::scope(|scope| {
                // Who waits must not wait for a test that has failed.
                let _ends = Ends(&board);
                for n in 0..sessions {
                    let board = &board;
                    scope.spawn(move || {
                        while let Some(unit) = board.deal(n == 0) {
                            if refuses && n != 0 && unit.1 == 3 {
                                board.refuse(unit);
                                continue;
                            }
                            for piece in 0..pieces(unit.0) {
                                // Each is a chunk.
                                let _ = board.put(unit, Piece::Chunk);
                                let mut bytes = vec![0; PIECE];
                                bytes[..3].copy_from_slice(&[unit.0 as u8, unit.1 as u8, piece]);
                                if board.put(unit, Piece::Bytes(bytes)).is_err() {
                                    return;
                                }
                            }
                            board.done(unit);
                        }
                    });
                }
                let mut seen = Vec::new();
                for (archive, count) in [(0, 3), (1, 2), (2, 2)] {
                    for _ in 0..count {
                        let item = board.pick(archive).unwrap();
                        seen.push(item);
                        for unit in 0..items[item].units() {
                            board.follow((item, unit));
                            let (mut all, mut chunks) = (Vec::new(), 0);
                            while let Some(piece) = board.take().unwrap() {
                                // What is refused may take more.
                                let most = board.most_memory + FOLLOWED + 2 * PIECE;
                                assert!(refuses || board.state().memory <= most);
                                match piece {
                                    Piece::Bytes(bytes) => all.extend_from_slice(&bytes),
                                    _ => assert_eq!(all.len(), chunks * PIECE),
                                }
                                chunks = all.len().div_ceil(PIECE);
                            }
                            let starts: Vec<&[u8]> =
                                all.chunks(PIECE).map(|piece| &piece[..3]).collect();
                            let expected: Vec<[u8; 3]> = (0..pieces(item))
                                .map(|piece| [item as u8, unit as u8, piece])
                                .collect();
                            assert_eq!(starts, expected);
                        }
                    }
                }
                if is_strict {
                    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
                }
                seen.sort_unstable();
                assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
            });
            let state = board.state();
            assert_eq!((state.memory, state.files, state.spools.len()), (0, 0, 0));
        }
    }

    #[test]
    fn a_failure_ends_all_who_wait() {
        let items = [item(2)];
        let order = Order { items: vec![0], archives: vec![0], is_strict: false };
        let board = Board::new(&items, order, 2, None);
        assert_eq!(board.deal(true), Some((0, 0)));
        assert_eq!(board.deal(false), Some((0, 1)));
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                loop {
                    if board.put((0, 1), Piece::Bytes(vec![0; 1 << 20])).is_err() {
                        return;
                    }
                }
            });
            board.follow((0, 0));
            let follows = scope.spawn(|| board.take().is_err());
            board.fail(Fatal::server("first"));
            board.fail(Fatal::server("second"));
            waits.join().unwrap();
            assert!(follows.join().unwrap());
        });
        assert_eq!(board.failure().unwrap().to_string(), "first");
        assert!(board.deal(true).is_none());
    }
}
