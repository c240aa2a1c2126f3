//! Large objects that are written many at a time.

use std::ops::Range;

/// The most of one query: bytes, and objects or pieces of them.
const MOST_BYTES: usize = 1 << 20;
const MOST_PIECES: usize = 1000;
/// The most bytes of one piece: whole pages of large objects.
const PIECE: usize = 256 << 10;

/// Pieces of large objects that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pieces: Vec<Piece>,
    data: Vec<u8>,
    /// The object that gets data.
    oid: u32,
    position: u64,
}

#[derive(Debug)]
struct Piece {
    oid: u32,
    /// In the object.
    position: u64,
    data: Range<usize>,
}

impl Objects {
    /// Writes pieces of large objects: their OIDs, positions and data are its values. Since
    /// PostgreSQL 9.4.
    pub(crate) const SQL: &'static [u8] =
        b"SELECT pg_catalog.count(pg_catalog.lo_put(o, p, d)) FROM ROWS FROM \
          (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.int8[]), \
          pg_catalog.unnest($3::pg_catalog.bytea[])) AS pieces (o, p, d)";

    /// Begins an object. One without data is looked for on the server, too.
    pub(crate) fn begin(&mut self, oid: u32) {
        self.oid = oid;
        self.position = 0;
        self.piece();
    }

    fn piece(&mut self) {
        let (oid, position, end) = (self.oid, self.position, self.data.len());
        self.pieces.push(Piece { oid, position, data: end..end });
    }

    /// Takes data of the object, as much as there is room for, and gives the rest.
    pub(crate) fn add<'d>(&mut self, data: &'d [u8]) -> &'d [u8] {
        let mut rest = data;
        while !rest.is_empty() && self.data.len() < MOST_BYTES {
            let begun = self.pieces.last().map(|piece| piece.data.len());
            let Some(len) = begun.filter(|len| *len < PIECE) else {
                self.piece();
                continue;
            };
            let room = (PIECE - len).min(MOST_BYTES - self.data.len());
            let (taken, left) = rest.split_at(room.min(rest.len()));
            self.data.extend_from_slice(taken);
            self.position += taken.len() as u64;
            if let Some(piece) = self.pieces.last_mut() {
                piece.data.end = self.data.len();
            }
            rest = left;
        }
        rest
    }

    /// Whether it is time to write them.
    pub(crate) fn is_full(&self) -> bool {
        self.data.len() >= MOST_BYTES || self.pieces.len() >= MOST_PIECES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// They are written. What follows of the object that got data last goes behind it.
    pub(crate) fn sent(&mut self) {
        self.pieces.clear();
        self.data.clear();
    }

    /// OID, position and data of each piece.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (u32, u64, &[u8])> {
        self.pieces.iter().map(|piece| (piece.oid, piece.position, &self.data[piece.data.clone()]))
    }

    /// Arrays of OIDs, positions and data, as `array_recv` takes them.
    pub(crate) fn values(&self) -> [Vec<u8>; 3] {
        const OID: u32 = 26;
        const INT8: u32 = 20;
        const BYTEA: u32 = 17;
        let count = self.pieces.len();
        let mut oids = Array::new(OID, count, 4 * count);
        let mut positions = Array::new(INT8, count, 8 * count);
        let mut data = Array::new(BYTEA, count, self.data.len());
        for (oid, position, bytes) in self.pieces() {
            oids.push(&oid.to_be_bytes());
            positions.push(&position.to_be_bytes());
            data.push(bytes);
        }
        [oids.0, positions.0, data.0]
    }
}

/// An array of one dimension in binary form.
struct Array(Vec<u8>);

impl Array {
    fn new(element: u32, count: usize, bytes: usize) -> Self {
        let mut array = Vec::with_capacity(20 + 4 * count + bytes);
        let len = u32::try_from(count).unwrap_or(u32::MAX);
        // Dimensions, whether there are NULLs, type, length, lower bound.
        for number in [1, 0, element, len, 1] {
            array.extend_from_slice(&u32::to_be_bytes(number));
        }
        Array(array)
    }

    fn push(&mut self, element: &[u8]) {
        let len = u32::try_from(element.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(element);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects objects as a sink does; gives what each query writes.
    fn collected(objects: &[(u32, usize)]) -> Vec<Vec<(u32, u64, usize)>> {
        let mut waiting = Objects::default();
        let mut queries = Vec::new();
        let mut send = |waiting: &mut Objects| {
            let pieces = waiting.pieces().map(|(oid, at, data)| (oid, at, data.len())).collect();
            queries.push(pieces);
            waiting.sent();
        };
        for (oid, len) in objects {
            waiting.begin(*oid);
            let data = vec![7; *len];
            let mut rest = &data[..];
            loop {
                rest = waiting.add(rest);
                if rest.is_empty() && !waiting.is_full() {
                    break;
                }
                send(&mut waiting);
            }
        }
        send(&mut waiting);
        queries
    }

    #[test]
    fn objects_are_cut_into_pieces_and_queries() {
        assert_eq!(collected(&[(5, 3), (6, 0), (7, 1)]), [[(5, 0, 3), (6, 0, 0), (7, 0, 1)]]);
        let pieces: Vec<_> = (0..4_u64).map(|n| (9, n * PIECE as u64, PIECE)).collect();
        let end = MOST_BYTES as u64;
        assert_eq!(collected(&[(9, MOST_BYTES + 1)]), [pieces.clone(), vec![(9, end, 1)]]);
        assert_eq!(collected(&[(9, MOST_BYTES)]), [pieces, vec![]]);
        let mixed = collected(&[(1, MOST_BYTES - 2), (2, 5), (3, 1)]);
        assert_eq!(mixed.len(), 2);
        assert_eq!(mixed[0].last(), Some(&(2, 0, 2)));
        assert_eq!(mixed[1], [(2, 2, 3), (3, 0, 1)]);
        let many: Vec<_> = (0..2500).map(|oid| (oid, 1)).collect();
        let counts: Vec<_> = collected(&many).iter().map(Vec::len).collect();
        assert_eq!(counts, [1000, 1000, 500]);
    }

    #[test]
    fn arrays_are_as_the_server_takes_them() {
        let mut objects = Objects::default();
        objects.begin(258);
        assert!(objects.add(b"ab").is_empty());
        let [oids, positions, data] = objects.values();
        let head = |element: u8| {
            [[0, 0, 0, 1], [0; 4], [0, 0, 0, element], [0, 0, 0, 1], [0, 0, 0, 1]].concat()
        };
        assert_eq!(oids, [&head(26)[..], &[0, 0, 0, 4, 0, 0, 1, 2]].concat());
        assert_eq!(positions, [&head(20)[..], &[0, 0, 0, 8], &[0; 8]].concat());
        assert_eq!(data, [&head(17)[..], &[0, 0, 0, 2], b"ab"].concat());
    }
}
