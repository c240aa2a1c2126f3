//! What many entries share: kinds, schemas, owners and the like.

use std::collections::HashMap;
use std::hash::Hash;

use crate::wire::until_nul;

/// Number of a shared string. 0 is NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Shared(pub(super) u32);

impl Shared {
    pub(super) const NULL: Shared = Shared(0);
}

/// Each distinct string once. There are few of them, but any number of uses.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    strings: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32>,
    recent: Recent<(Ends, u32)>,
}

/// What was used of late, each in a place that a few of its bits say. Looking there comes before
/// the hash table, whose hashing is safe from chosen names, and slow. Two have room in a place:
/// of the few names that most entries share, some two nearly always meet.
#[derive(Debug, Clone)]
struct Recent<T>([[T; 2]; PLACES]);

const PLACES: usize = 128;

impl<T: Copy + Default> Default for Recent<T> {
    fn default() -> Self {
        Recent([[T::default(); 2]; PLACES])
    }
}

impl<T: Copy> Recent<T> {
    /// The one in this place that is wanted. It comes first from now on.
    #[inline]
    fn find(&mut self, bits: u32, is_wanted: impl Fn(T) -> bool) -> Option<T> {
        let place = &mut self.0[bits as usize % PLACES];
        if !is_wanted(place[0]) {
            place.swap(0, 1);
            if !is_wanted(place[0]) {
                return None;
            }
        }
        Some(place[0])
    }

    /// Puts one into its place instead of the one that came first there.
    fn put(&mut self, bits: u32, new: T) {
        self.0[bits as usize % PLACES][0] = new;
    }
}

/// The length of a string, and its first and last bytes: up to 16 of them, that is the string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    len: usize,
    first: u64,
    last: u64,
}

impl Default for Ends {
    /// Of no string.
    fn default() -> Self {
        Ends { len: usize::MAX, first: 0, last: 0 }
    }
}

impl Ends {
    #[inline]
    fn of(string: &[u8]) -> Ends {
        let (first, last) = if let Some((first, last)) = chunks::<8>(string) {
            (u64::from_le_bytes(first), u64::from_le_bytes(last))
        } else if let Some((first, last)) = chunks::<4>(string) {
            (u32::from_le_bytes(first).into(), u32::from_le_bytes(last).into())
        } else {
            (string.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0)
        };
        Ends { len: string.len(), first, last }
    }

    fn is_all(self) -> bool {
        self.len <= 16
    }

    fn bits(self) -> u32 {
        let mixed = (self.first ^ self.last.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u32 ^ self.len as u32
    }
}

fn chunks<const N: usize>(string: &[u8]) -> Option<([u8; N], [u8; N])> {
    Some((*string.first_chunk()?, *string.last_chunk()?))
}

impl Interner {
    pub(super) fn get(&self, shared: Shared) -> Option<&[u8]> {
        get(&self.strings, shared)
    }

    /// The number of a string, cut at its first NUL byte.
    pub(super) fn intern(&mut self, string: Option<&[u8]>) -> Shared {
        let Some(string) = string else {
            return Shared::NULL;
        };
        let ends = Ends::of(string);
        let strings = &self.strings;
        let is_it = |(recent, number)| {
            recent == ends && (ends.is_all() || get(strings, Shared(number)) == Some(string))
        };
        if let Some((_, number)) = self.recent.find(ends.bits(), is_it) {
            return Shared(number);
        }
        let number = self.numbers.get(string).copied();
        let number = number.unwrap_or_else(|| self.add(string));
        self.recent.put(ends.bits(), (ends, number));
        Shared(number)
    }

    fn add(&mut self, string: &[u8]) -> u32 {
        let string = until_nul(string);
        if let Some(number) = self.numbers.get(string) {
            return *number;
        }
        self.strings.push(string.into());
        // There are fewer strings than bytes of a table of contents in memory.
        let number = self.strings.len() as u32;
        self.numbers.insert(string.into(), number);
        number
    }

    /// The number of a string, if any entry has it.
    pub(super) fn find(&self, string: &[u8]) -> Option<Shared> {
        self.numbers.get(string).map(|number| Shared(*number))
    }
}

fn get(strings: &[Box<[u8]>], shared: Shared) -> Option<&[u8]> {
    // Number 0 wraps to an index that no string has.
    strings.get(shared.0.wrapping_sub(1) as usize).map(|string| &**string)
}

/// Each distinct value once, with a number from 0.
#[derive(Debug, Clone)]
pub(super) struct Distinct<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
    recent: Recent<u32>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct { values: Vec::new(), numbers: HashMap::new(), recent: Recent::default() }
    }
}

impl<T: Copy + Eq + Hash> Distinct<T> {
    pub(super) fn values(&self) -> &[T] {
        &self.values
    }

    /// The number of a value. `bits` are some that most often tell values apart.
    pub(super) fn intern(&mut self, value: T, bits: u32) -> u32 {
        let values = &self.values;
        let is_it = |number: u32| values.get(number as usize) == Some(&value);
        self.recent.find(bits, is_it).unwrap_or_else(|| {
            let number = *self.numbers.entry(value).or_insert_with(|| {
                self.values.push(value);
                self.values.len() as u32 - 1
            });
            self.recent.put(bits, number);
            number
        })
    }
}
