//! Statements that go to the server many at a time, in one query.
//!
//! Such a query is one transaction. If a statement in it fails, nothing of it is done, and its
//! statements go to the server one after the other. So what is joined must be able to be done
//! twice: only what pg_dump writes for kinds of objects that are known, whose statements begin with
//! words that are known, and which does not take long. And each text must end where its last
//! statement does, or it would change what follows.

mod joins;

use std::ops::Range;

use pgdmp::script::{Purpose, Statement};

use crate::context::Place;
use crate::small::SmallTable;

pub(crate) use joins::{changes_reading, joins, joins_others};

/// The most of one query, in bytes and statements.
const MOST_BYTES: usize = 64 << 10;
pub(crate) const MOST_STATEMENTS: usize = 100;

/// The release of the server that knows `lock_timeout`.
pub(crate) const LOCK_TIMEOUT: u32 = 90_300;

/// A batch beside other sessions keeps the locks of all its statements until its end. So it must not
/// wait for a lock for as long as a server does (`deadlock_timeout`) until it looks for sessions that
/// wait for each other: it fails then, and its statements go one after the other.
const IMPATIENT: &[u8] = b"SET LOCAL lock_timeout = '200ms';\n";

/// Statements that wait.
#[derive(Debug)]
pub(crate) struct Batch {
    text: Vec<u8>,
    queued: Vec<Queued>,
    /// How many statements may wait: fewer after a failure, more after a success.
    most: usize,
    /// Whether others restore at the same time.
    beside_others: bool,
}

/// A statement that waits, and what is needed to send it alone.
#[derive(Debug)]
pub(crate) struct Queued {
    /// Where the restore was.
    pub(crate) place: Option<Place>,
    /// Whether the entry there needs it.
    pub(crate) of_entry: bool,
    text: Range<usize>,
    pub(crate) empty_lines: u8,
    purpose: Purpose<'static>,
    value: Option<Vec<u8>>,
    /// The rows that are loaded, if it does that.
    pub(crate) table: Option<Box<SmallTable>>,
}

impl Queued {
    pub(crate) fn purpose(&self) -> Purpose<'_> {
        match self.purpose {
            Purpose::Setting { name, .. } => {
                Purpose::Setting { name, value: self.value.as_deref() }
            }
            purpose => purpose,
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Batch { text: Vec::new(), queued: Vec::new(), most: MOST_STATEMENTS, beside_others: false }
    }
}

impl Batch {
    /// Of a session beside others, on a server that knows `lock_timeout`.
    pub(crate) fn beside_others() -> Self {
        Batch { beside_others: true, ..Batch::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// Whether nothing more should wait.
    pub(crate) fn is_full(&self) -> bool {
        self.queued.len() >= self.most
    }

    /// Whether there is room for a text of so many bytes.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        self.text.len() + len < MOST_BYTES
    }

    /// Lets a statement wait.
    pub(crate) fn push(&mut self, statement: &Statement<'_>, place: Option<Place>) {
        let text = self.add(statement.text);
        let (purpose, value) = match statement.purpose {
            Purpose::Setting { name, value } => {
                (Purpose::Setting { name, value: None }, value.map(<[u8]>::to_vec))
            }
            Purpose::Drop => (Purpose::Drop, None),
            Purpose::Privileges => (Purpose::Privileges, None),
            Purpose::Owner => (Purpose::Owner, None),
            Purpose::AccessMethod => (Purpose::AccessMethod, None),
            _ => (Purpose::Definition, None),
        };
        let (of_entry, empty_lines) = (statement.entry.is_some(), statement.empty_lines);
        let table = None;
        self.queued.push(Queued { place, of_entry, text, empty_lines, purpose, value, table });
    }

    /// Lets commands wait that load the rows of a table.
    pub(crate) fn push_rows(&mut self, commands: &[u8], place: Option<Place>, table: SmallTable) {
        let text = self.add(commands);
        self.queued.push(Queued {
            place,
            of_entry: true,
            text,
            empty_lines: 0,
            purpose: Purpose::Definition,
            value: None,
            table: Some(Box::new(table)),
        });
    }

    /// Adds to the query; says where.
    fn add(&mut self, text: &[u8]) -> Range<usize> {
        if self.text.is_empty() && self.beside_others {
            self.text.extend_from_slice(IMPATIENT);
        }
        let start = self.text.len();
        self.text.extend_from_slice(text);
        let end = self.text.len();
        if self.text.last() != Some(&b'\n') {
            self.text.push(b'\n');
        }
        start..end
    }

    /// All of them as one query.
    pub(crate) fn query(&self) -> &[u8] {
        &self.text
    }

    /// Each, and its text.
    pub(crate) fn each(&self) -> impl ExactSizeIterator<Item = (&Queued, &[u8])> {
        self.queued.iter().map(|queued| (queued, &self.text[queued.text.clone()]))
    }

    /// They were sent. Where many fail, joining them is work for nothing.
    pub(crate) fn sent(&mut self, at_once: bool) {
        self.most = match at_once {
            true => (self.most * 2).min(MOST_STATEMENTS),
            false => (self.most / 4).max(1),
        };
        self.text.clear();
        self.queued.clear();
    }
}
