//! The content of a table as two numbers: how many rows, and a sum of their hashes.

use std::io::{BufRead, ErrorKind, Read};

use twox_hash::xxhash3_128::Hasher;

use super::columns::Binding;
use crate::error::Result;
use crate::rows::{Row, Rows};

/// The rows of a table, whatever their order. Different contents are equal by chance only, since the
/// seed of the hashes is new for each comparison. It is a sum and not XOR, in which equal rows would
/// cancel each other out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) rows: u64,
    pub(super) sum: u128,
}

impl Content {
    pub(super) fn add(&mut self, hash: u128) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash);
    }

    /// The content of both together.
    pub(super) fn merge(&mut self, other: Content) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// A hash of bytes.
pub(super) fn hash(seed: u64, bytes: &[u8]) -> u128 {
    Hasher::oneshot_with_seed(seed, bytes)
}

/// What is read, as if it were one row: its length in bytes, and its hash.
pub(super) fn of_bytes(seed: u64, mut data: impl Read) -> Result<Content> {
    let mut hasher = Hasher::with_seed(seed);
    let mut buffer = vec![0; 64 << 10];
    let mut len = 0;
    loop {
        match data.read(&mut buffer) {
            Ok(0) => return Ok(Content { rows: len, sum: hasher.finish_128() }),
            Ok(read) => {
                len += read as u64;
                hasher.write(&buffer[..read]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Calls `take` with each row, and the binding that `bind` makes of the names of the columns (where
/// the rows have some) and the number of fields.
pub(super) fn each_row<R: BufRead>(
    rows: &mut Rows<R>,
    bind: impl FnOnce(Option<&[Vec<u8>]>, usize) -> Result<Binding>,
    mut take: impl FnMut(&Row<'_>, &Binding) -> Result<()>,
) -> Result<()> {
    // The columns of INSERT commands are known when the first one was read.
    let Some(fields) = rows.peek_len()? else { return Ok(()) };
    let binding = bind(rows.columns(), fields)?;
    while let Some(row) = rows.next_row()? {
        take(&row, &binding)?;
    }
    Ok(())
}
