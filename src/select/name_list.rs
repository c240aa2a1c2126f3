//! The names of one option, looked up for every entry of an archive.
//!
//! Names without wildcards are found by hash, so that a list of as many names as there are entries
//! takes no longer than reading both.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::Unmatched;
use super::pattern::{NamePattern, Place, Way};
use crate::toc::{Desc, Toc};

/// Names of one option.
#[derive(Debug)]
pub(super) struct NameList<'s> {
    names: &'s [NamePattern],
    lookup: Lookup<'s>,
    /// Those that an entry was met for, for `--strict-names`.
    met: BTreeSet<usize>,
    /// Those that were given before. To pg_restore only the first of them is ever met.
    repeated: BTreeSet<usize>,
}

impl<'s> NameList<'s> {
    pub(super) fn new(names: &'s [NamePattern], exact: bool, place: Place, toc: &Toc) -> Self {
        let encoding = toc.text_encoding();
        let mut present = None;
        let mut lookup = Lookup::default();
        for (n, name) in names.iter().enumerate() {
            let mut ways = Way::all(name, exact, place, encoding);
            // A name that can be read in one way need not be looked for.
            let last = ways.len() - 1;
            let first_found = if last == 0 {
                0
            } else {
                let present = present.get_or_insert_with(|| Present::new(place, toc));
                ways[..last].iter().position(|way| present.has(way)).unwrap_or(last)
            };
            lookup.insert(n, ways.swap_remove(first_found));
        }
        let mut seen = HashSet::new();
        let is_repeated = |n: &usize| !seen.insert(names[*n].as_bytes());
        let repeated = (0..names.len()).filter(is_repeated).collect();
        NameList { names, lookup, met: BTreeSet::new(), repeated }
    }

    /// Whether one of the names is the one of `tag` in `namespace`.
    pub(super) fn matches(&mut self, namespace: Option<&[u8]>, tag: &[u8]) -> bool {
        let mut any = false;
        self.lookup.each(namespace, tag, |n| {
            any = true;
            if !self.repeated.contains(&n) {
                self.met.insert(n);
            }
        });
        any
    }

    /// The first name that was never met, which is one that was given before, too.
    pub(super) fn first_unmatched(&self, what: &'static str) -> Option<Unmatched> {
        let name = (0..self.names.len()).find(|n| !self.met.contains(n))?;
        Some(self.unmatched_name(what, name, false))
    }

    /// The names that were never met.
    pub(super) fn unmatched(&self, what: &'static str) -> impl Iterator<Item = Unmatched> {
        let new = |n: &usize| !self.met.contains(n) && !self.repeated.contains(n);
        (0..self.names.len()).filter(new).map(move |n| self.unmatched_name(what, n, false))
    }

    /// The names of no schema that the archive has. It does not matter whether something else
    /// leaves its objects out, too.
    pub(super) fn unknown_schemas(&self, toc: &Toc) -> impl Iterator<Item = Unmatched> {
        let mut known = vec![false; self.names.len()];
        let mut seen = HashSet::new();
        let entries = if self.names.is_empty() { None } else { Some(toc.entries()) };
        for entry in entries.into_iter().flatten() {
            let own = (entry.desc() == Desc::SCHEMA).then(|| entry.tag()).flatten();
            for name in [entry.namespace(), own].into_iter().flatten() {
                if seen.insert(name) {
                    self.lookup.each(None, name, |n| known[n] = true);
                }
            }
        }
        let is_new = |n: &usize| !self.repeated.contains(n);
        let unknown = (0..known.len()).filter(move |n| !known[*n]).filter(is_new);
        unknown.map(|n| self.unmatched_name("schema", n, true)).collect::<Vec<_>>().into_iter()
    }

    fn unmatched_name(&self, what: &'static str, n: usize, excluded: bool) -> Unmatched {
        Unmatched { what, name: self.names[n].as_bytes().to_vec(), excluded }
    }
}

/// Names by what they are compared with.
#[derive(Debug, Default)]
struct Lookup<'s> {
    /// Whole tags.
    tags: HashMap<Cow<'s, [u8]>, Vec<usize>>,
    /// `schema.tag`, as it is written.
    dotted: HashMap<Cow<'s, [u8]>, Vec<usize>>,
    /// Patterns without wildcards: [`pair`] of schema and tag.
    pairs: HashMap<Vec<u8>, Vec<usize>>,
    /// Patterns with wildcards, each of which is tried.
    globs: Vec<(usize, Way<'s>)>,
}

impl<'s> Lookup<'s> {
    fn insert(&mut self, n: usize, way: Way<'s>) {
        match (way.literal(), way) {
            (Some((Some(schema), name)), _) => {
                self.pairs.entry(pair(&schema, &name)).or_default().push(n);
            }
            (Some((None, name)), _) => self.tags.entry(Cow::Owned(name)).or_default().push(n),
            (None, Way::Tag(tag)) => self.tags.entry(tag).or_default().push(n),
            (None, Way::Qualified(name)) => self.dotted.entry(name).or_default().push(n),
            (None, glob) => self.globs.push((n, glob)),
        }
    }

    /// Calls `met` with each name that is the one of `tag` in `namespace`.
    fn each(&self, namespace: Option<&[u8]>, tag: &[u8], mut met: impl FnMut(usize)) {
        let mut all =
            |found: Option<&Vec<usize>>| found.into_iter().flatten().for_each(|n| met(*n));
        all(self.tags.get(tag));
        if let Some(namespace) = namespace {
            if !self.dotted.is_empty() {
                all(self.dotted.get(&dotted(namespace, tag)[..]));
            }
            if !self.pairs.is_empty() {
                all(self.pairs.get(&pair(namespace, tag)));
            }
        }
        for (n, _) in self.globs.iter().filter(|(_, glob)| glob.matches(namespace, tag)) {
            met(*n);
        }
    }
}

/// The names that the entries of an archive have.
struct Present<'t> {
    names: Vec<(Option<&'t [u8]>, &'t [u8])>,
    tags: HashSet<&'t [u8]>,
    dotted: HashSet<Vec<u8>>,
    pairs: HashSet<Vec<u8>>,
}

impl<'t> Present<'t> {
    fn new(place: Place, toc: &'t Toc) -> Self {
        let entries = toc.entries().filter(|entry| place.holds(*entry));
        let all: HashSet<_> = entries
            .map(|entry| match place {
                Place::Schema => (None, entry.namespace().unwrap_or_default()),
                _ => (entry.namespace(), entry.tag().unwrap_or_default()),
            })
            .collect();
        let names: Vec<_> = all.into_iter().collect();
        let in_schema = || names.iter().filter_map(|(schema, tag)| Some(((*schema)?, *tag)));
        Present {
            tags: names.iter().map(|(_, tag)| *tag).collect(),
            dotted: in_schema().map(|(schema, tag)| dotted(schema, tag)).collect(),
            pairs: in_schema().map(|(schema, tag)| pair(schema, tag)).collect(),
            names,
        }
    }

    fn has(&self, way: &Way<'_>) -> bool {
        match (way.literal(), way) {
            (Some((Some(schema), name)), _) => self.pairs.contains(&pair(&schema, &name)),
            (Some((None, name)), _) => self.tags.contains(&name[..]),
            (None, Way::Tag(tag)) => self.tags.contains(&tag[..]),
            (None, Way::Qualified(name)) => self.dotted.contains(&name[..]),
            (None, glob) => self.names.iter().any(|(schema, tag)| glob.matches(*schema, tag)),
        }
    }
}

/// `schema.tag`.
fn dotted(schema: &[u8], tag: &[u8]) -> Vec<u8> {
    [schema, b".", tag].concat()
}

/// Schema and tag as one key: names have any bytes, so the length of the first tells them apart.
fn pair(schema: &[u8], tag: &[u8]) -> Vec<u8> {
    [&schema.len().to_le_bytes(), schema, tag].concat()
}
