//! What many entries share: kinds, schemas, owners and the like.

use std::collections::HashMap;
use std::hash::Hash;

/// Number of a shared string. 0 is NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Shared(u32);

impl Shared {
    pub(super) const NULL: Shared = Shared(0);
}

/// Each distinct string once. There are few of them, but any number of uses.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    strings: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32>,
}

impl Interner {
    pub(super) fn get(&self, shared: Shared) -> Option<&[u8]> {
        // Number 0 wraps to an index that no string has.
        self.strings.get(shared.0.wrapping_sub(1) as usize).map(|string| &**string)
    }

    /// The number of a string. `last` is the number that the entry before had in the same
    /// place: most often it is the same again, and comparing is cheaper than hashing.
    pub(super) fn intern(&mut self, string: Option<&[u8]>, last: Shared) -> Shared {
        let Some(string) = string else {
            return Shared::NULL;
        };
        if self.get(last) == Some(string) {
            return last;
        }
        if let Some(&number) = self.numbers.get(string) {
            return Shared(number);
        }
        self.strings.push(string.into());
        // There are fewer strings than bytes of a table of contents in memory.
        let number = self.strings.len() as u32;
        self.numbers.insert(string.into(), number);
        Shared(number)
    }

    /// The number of a string, if any entry has it.
    pub(super) fn find(&self, string: &[u8]) -> Option<Shared> {
        self.numbers.get(string).map(|number| Shared(*number))
    }
}

/// Each distinct value once, with a number from 0.
#[derive(Debug, Clone)]
pub(super) struct Distinct<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Copy + Eq + Hash> Distinct<T> {
    pub(super) fn values(&self) -> &[T] {
        &self.values
    }

    /// The number of a value. `last` is one that is worth a comparison before hashing.
    pub(super) fn intern(&mut self, value: T, last: u32) -> u32 {
        if self.values.get(last as usize) == Some(&value) {
            return last;
        }
        *self.numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            self.values.len() as u32 - 1
        })
    }
}
