//! The rows of a table in parts, by the hash of their key: what is equal in both archives need not be
//! looked at again.

/// How many parts there are: with 16 bytes each, 1 MiB for a table.
const COUNT: usize = 1 << 16;

/// The sums of the hashes of the rows of each part.
pub(super) struct Buckets {
    sums: Vec<u128>,
}

impl Buckets {
    pub(super) fn new() -> Self {
        Buckets { sums: vec![0; COUNT] }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, key: u64, row: u128) {
        let sum = &mut self.sums[key as usize % COUNT];
        *sum = sum.wrapping_add(row);
    }

    /// The parts that differ.
    pub(super) fn differing(&self, other: &Buckets) -> Parts {
        let mut parts = Parts { bits: vec![0; COUNT / 64] };
        for (n, (a, b)) in self.sums.iter().zip(&other.sums).enumerate() {
            if a != b {
                parts.bits[n / 64] |= 1 << (n % 64);
            }
        }
        parts
    }
}

/// Parts of a table.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    bits: Vec<u64>,
}

impl Parts {
    /// Whether the rows with this hash of their key are in them.
    pub(super) fn has(&self, key: u64) -> bool {
        let n = key as usize % COUNT;
        self.bits[n / 64] >> (n % 64) & 1 == 1
    }
}
