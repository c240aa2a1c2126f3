//! Strings that many entries share: kinds, schemas, owners and the like.

use std::collections::HashMap;

/// Number of a shared string. 0 is NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
