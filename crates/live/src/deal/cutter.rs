//! Where the rows of a piece of data end, and with them the turn of a session.

use memchr::memchr3;

/// After so many bytes the next row goes to the next session.
const TURN: usize = 1 << 20;

/// Finds where rows end.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// Rows that have ended.
    pub(super) rows: u64,
    /// Whether the next byte stands for itself.
    escaped: bool,
    /// Rows of the archive before this turn, and of this session.
    pub(super) turn: u64,
    had: u64,
    /// Bytes in this turn.
    bytes: usize,
    /// Whether there was something that no pg_dump writes, so that rows may end elsewhere: all that
    /// follows is for one session.
    pub(super) odd: bool,
    /// Whether that would not mean to this session what it means to one that has all rows.
    pub(super) again: bool,
}

impl Cutter {
    pub(super) fn begin_turn(&mut self, had: u64) {
        (self.turn, self.had, self.bytes) = (self.rows, had, 0);
    }

    /// How much of the data belongs to this turn, and whether the turn ends there.
    pub(super) fn cut(&mut self, data: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < data.len() {
            if self.escaped {
                self.escaped = false;
                if data[at] == b'.' {
                    self.is_odd();
                }
                at += 1;
                continue;
            }
            let Some(found) = memchr3(b'\n', b'\\', b'\r', &data[at..]) else { break };
            at += found + 1;
            match data[at - 1] {
                b'\\' => self.escaped = true,
                b'\r' => self.is_odd(),
                _ => {
                    self.rows += 1;
                    if self.bytes + at >= TURN && !self.odd {
                        return (at, true);
                    }
                }
            }
        }
        self.bytes += data.len();
        (data.len(), false)
    }

    fn is_odd(&mut self) {
        // A session learns from its first row how rows end.
        self.again |= self.rows > 0 && self.had + (self.rows - self.turn) == 0;
        self.odd = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_where_they_do_for_the_server() {
        for (data, rows, odd) in [
            (&b"a\tb\nc\n"[..], 2, false),
            (b"a\\\nb\n", 1, false),
            (b"a\\\\\nb\n", 2, false),
            (b"\\N\t\\\\\\\n\\n\n", 1, false),
            (b"no end", 0, false),
            (b"a\\.\nb\n", 2, true),
            (b"a\\\\.\nb\n", 2, false),
            (b"a\r\nb\r\n", 2, true),
            (b"", 0, false),
        ] {
            for at in 0..=data.len() {
                let mut cutter = Cutter::default();
                for piece in [&data[..at], &data[at..]] {
                    assert_eq!(cutter.cut(piece), (piece.len(), false));
                }
                assert_eq!((cutter.rows, cutter.odd), (rows, odd), "{data:?}");
            }
        }
    }

    #[test]
    fn a_turn_ends_with_a_row() {
        let mut data = vec![b'x'; TURN - 10];
        data.extend_from_slice(b"\n0123456\\\nx\\\\\nnext\n");
        for at in [0, 1, TURN - 12, TURN - 9, TURN, TURN + 1] {
            let mut cutter = Cutter::default();
            assert_eq!(cutter.cut(&data[..at]), (at, false), "{at}");
            assert_eq!(cutter.cut(&data[at..]), (TURN + 4 - at, true), "{at}");
            assert_eq!(cutter.rows, 2);
        }
        // A row that is longer than a turn has one of its own.
        let mut cutter = Cutter::default();
        let long = vec![b'x'; 3 * TURN];
        assert_eq!(cutter.cut(&long), (long.len(), false));
        assert_eq!(cutter.cut(b"x\ny\n"), (2, true));
    }

    #[test]
    fn what_is_odd_stays_in_one_session() {
        let mut cutter = Cutter::default();
        cutter.cut(b"a\n\r");
        assert!(cutter.odd && !cutter.again);
        assert_eq!(cutter.cut(&[b'\n'; 3 * TURN]), (3 * TURN, false));
        // In the first row of a session it may mean something else.
        let mut cutter = Cutter::default();
        cutter.cut(b"a\nb\n");
        cutter.begin_turn(0);
        cutter.cut(b"c\\.");
        assert!(cutter.again);
    }
}
