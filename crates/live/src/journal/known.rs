//! What earlier runs noted, line by line.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

use pgdmp::DumpId;

use crate::epoch::Epoch;

/// No line is longer.
const LONGEST_LINE: u64 = 4096;

/// What an earlier run did with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    Begun,
    /// The server said that the object was there before.
    Conflict,
    Done,
}

/// What the earlier runs noted.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) entries: HashMap<DumpId, Past>,
    /// Tables that were analyzed, by their data.
    pub(super) analyzed: HashSet<DumpId>,
    /// The last transactions of rows that only these tell of.
    pub(super) transactions: HashMap<DumpId, u64>,
    /// What a server that did not crash since says of itself.
    pub(super) epoch: Option<Epoch>,
    /// Whether the objects that are to be dropped before all are dropped.
    pub(super) cleaned: bool,
    /// The database that the restore connected to.
    pub(super) database: Option<Vec<u8>>,
    /// Which server, and which database of it, as the first question of `place.rs` says.
    pub(super) servers: Vec<String>,
    /// Sessions that may still run.
    pub(super) sessions: Vec<String>,
}

/// Reads what earlier runs noted, and leaves the file at the end of its last whole line.
pub(super) fn read(mut file: &File, head: &str) -> io::Result<Known> {
    let damaged = |line: &str| {
        let line: String = line.chars().take(60).collect();
        io::Error::new(io::ErrorKind::InvalidData, format!("unexpected line {line:?}"))
    };
    let mut reader = BufReader::new(file);
    let mut known = Known::default();
    let mut expected = head.lines();
    let mut end = 0;
    loop {
        let mut line = Vec::new();
        let len = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        let Some(line) = line.strip_suffix(b"\n") else {
            // A run ended in the middle of it.
            if len as u64 == LONGEST_LINE {
                return Err(damaged(&String::from_utf8_lossy(&line)));
            }
            break;
        };
        end += len as u64;
        let line =
            std::str::from_utf8(line).map_err(|_| damaged(&String::from_utf8_lossy(line)))?;
        if let Some(expected) = expected.next() {
            if line != expected {
                let what = match expected.split(' ').next() {
                    Some("archive") => {
                        "it is that of a restore of another archive; name another one (--journal), \
                         or remove it if that restore is over"
                    }
                    Some("options") => {
                        "it is that of a restore with other options or another list; go on with \
                         those, or remove it and restore into an empty database"
                    }
                    _ => "it is not the journal of a restore",
                };
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            continue;
        }
        known.line(line).ok_or_else(|| damaged(line))?;
    }
    if expected.next().is_some() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not the journal of a restore",
        ));
    }
    file.set_len(end)?;
    file.seek(io::SeekFrom::Start(end))?;
    Ok(known)
}

impl Known {
    /// Takes a line; `None` if it is none.
    fn line(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let id = || rest.parse().ok().map(DumpId);
        match word {
            "begin" => {
                // What was in the way once is not ours.
                self.entries.entry(id()?).or_insert(Past::Begun);
            }
            "conflict" => {
                self.entries.insert(id()?, Past::Conflict);
            }
            "done" => {
                self.entries.insert(id()?, Past::Done);
            }
            "lost" => {
                let id = id()?;
                self.entries.entry(id).and_modify(|past| {
                    if *past == Past::Done {
                        *past = Past::Begun;
                    }
                });
                self.analyzed.remove(&id);
                self.transactions.remove(&id);
            }
            "transaction" => {
                let (id, transaction) = rest.split_once(' ')?;
                self.transactions.insert(DumpId(id.parse().ok()?), transaction.parse().ok()?);
            }
            "epoch" => self.epoch = Some(Epoch::parse(rest)?),
            "analyzed" => drop(self.analyzed.insert(id()?)),
            "cleaned" => self.cleaned = true,
            "server" => self.servers.push(rest.to_owned()),
            "session" => self.sessions.push(plain(rest)?.to_owned()),
            "database" => self.database = Some(unhex(rest)?),
            _ => return None,
        }
        Some(())
    }
}

/// Text that is safe in a query.
fn plain(text: &str) -> Option<&str> {
    text.chars().all(|c| matches!(c, '0'..='9' | '.' | ' ')).then_some(text)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}
