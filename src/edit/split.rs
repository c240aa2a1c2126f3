//! Which entries belong to which table or schema.

use std::collections::HashMap;

use super::part_name::{PartName, SplitBy};
use crate::toc::{Desc, Toc, TocEntry, relation_of};

/// A part of an archive, made by [`parts`].
///
/// See the example of [`parts`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The table or schema; `None` for the part with all other entries.
    pub name: Option<PartName>,
    /// Indexes of its entries in the table of contents ([`TocEntry::index`]). Entries that set up
    /// the session of a restore are in every part.
    pub entries: Vec<usize>,
}

impl Part {
    /// A name for the file of the part, without an extension. It differs between all parts of an
    /// archive, and is the same every time.
    pub fn file_stem(&self) -> String {
        match &self.name {
            Some(name) => name.file_stem(),
            // No name of a table or schema is written with a hyphen and these letters.
            None => "everything-else".to_owned(),
        }
    }
}

/// Divides the entries of an archive by table or schema.
///
/// Every entry is in one part, except that entries which set up the session are in all. The part of
/// entries that belong to no table or schema comes first, because others may need it. A
/// [`Merge`](crate::edit::Merge) of all parts has all entries again.
///
/// ```
/// use pgdmp::{Archive, Conversion, Target};
/// use pgdmp::edit::SplitBy;
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// for part in pgdmp::edit::parts(archive.toc(), SplitBy::Table) {
///     println!("{}", part.file_stem());
///     let part = Conversion::of_part(&archive, &Target::new(), &part)?;
///     part.write(std::io::Cursor::new(Vec::new()))?;
/// }
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub fn parts(toc: &Toc, by: SplitBy) -> Vec<Part> {
    let session = Session::new(toc);
    let mut parts = Parts::new(by);
    match by {
        SplitBy::Table => {
            let tables = tables(toc);
            for entry in toc.entries().filter(|entry| !session.is_everywhere(*entry)) {
                let table = tables[entry.index()].and_then(|table| toc.get(table as usize));
                parts.add(entry, table.map(|table| (table.namespace(), table.tag())));
            }
        }
        SplitBy::Schema => {
            for entry in toc.entries().filter(|entry| !session.is_everywhere(*entry)) {
                parts.add(entry, schema(toc, entry).map(|schema| (Some(schema), None)));
            }
        }
    }
    parts.finish(&session)
}

/// The entries that set up a session and are in every part: the last of each kind, which is the
/// one that counts in the end. Of others, which no pg_dump makes, there might be many.
struct Session(Vec<usize>);

impl Session {
    fn new(toc: &Toc) -> Session {
        let last = |desc| toc.entries().rev().find(|entry| entry.desc() == desc);
        let special = [Desc::ENCODING, Desc::STDSTRINGS, Desc::SEARCHPATH];
        let last = special.into_iter().filter(|desc| toc.has_desc(*desc)).filter_map(last);
        Session(last.map(|entry| entry.index()).collect())
    }

    fn is_everywhere(&self, entry: TocEntry<'_>) -> bool {
        self.0.contains(&entry.index())
    }
}

/// A schema and a table in it, or one of them.
type Owner<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

struct Parts<'a> {
    by: SplitBy,
    /// Where in `entries` those of an owner are; those of none are first.
    places: HashMap<Owner<'a>, usize>,
    entries: Vec<Vec<usize>>,
}

impl<'a> Parts<'a> {
    fn new(by: SplitBy) -> Self {
        Parts { by, places: HashMap::new(), entries: vec![Vec::new()] }
    }

    fn add(&mut self, entry: TocEntry<'a>, owner: Option<Owner<'a>>) {
        let place = match owner {
            None => 0,
            Some(owner) => *self.places.entry(owner).or_insert_with(|| {
                self.entries.push(Vec::new());
                self.entries.len() - 1
            }),
        };
        self.entries[place].push(entry.index());
    }

    fn finish(mut self, session: &Session) -> Vec<Part> {
        let names = self.places.into_iter().map(|((schema, table), place)| {
            let name = match self.by {
                SplitBy::Table => PartName::table(schema, table.unwrap_or_default()),
                SplitBy::Schema => PartName::of_schema(schema.unwrap_or_default()),
            };
            (Some(name), place)
        });
        let mut names: Vec<(Option<PartName>, usize)> = names.collect();
        // None comes first.
        names.push((None, 0));
        names.sort_unstable();
        let parts = names.into_iter().map(|(name, place)| {
            let mut entries = std::mem::take(&mut self.entries[place]);
            if !entries.is_empty() {
                entries.extend_from_slice(&session.0);
                entries.sort_unstable();
            }
            Part { name, entries }
        });
        parts.filter(|part| !part.entries.is_empty()).collect()
    }
}

/// Large objects, and what is about one, belong to no table.
fn is_of_objects(entry: TocEntry<'_>) -> bool {
    matches!(entry.desc(), Desc::BLOB | Desc::BLOBS | Desc::BLOB_METADATA | Desc::BLOB_COMMENTS)
        || entry.tag().is_some_and(|tag| tag.starts_with(b"LARGE OBJECT"))
}

/// The place of the table that each entry belongs to, by place.
fn tables(toc: &Toc) -> Vec<Option<u32>> {
    let mut tables: Vec<Option<u32>> = vec![None; toc.len()];
    let table_of = |entry| needs(toc, entry).find(|needed| needed.desc() == Desc::TABLE);
    for entry in toc.entries() {
        match entry.desc() {
            Desc::TABLE => tables[entry.index()] = Some(entry.index() as u32),
            // Some archives say of it alone whose the sequence is.
            Desc::SEQUENCE_OWNED_BY => {
                let sequence = needs(toc, entry).find(|needed| needed.desc() == Desc::SEQUENCE);
                if let (Some(sequence), Some(table)) = (sequence, table_of(entry)) {
                    tables[sequence.index()] = Some(table.index() as u32);
                }
            }
            _ => {}
        }
    }
    // An entry comes behind what it is about, but not always behind the table of a sequence.
    for entry in toc.entries() {
        if tables[entry.index()].is_none() && belongs_to_others(entry) {
            // Of several tables a foreign key or the like is that of one.
            let own = relation_of(entry).and_then(|relation| tables[relation.index()]);
            let any = || needs(toc, entry).find_map(|needed| tables[needed.index()]);
            tables[entry.index()] = own.or_else(any);
        }
    }
    tables
}

/// The entries that one depends on, as far as the archive has them.
fn needs<'a>(toc: &'a Toc, entry: TocEntry<'a>) -> impl Iterator<Item = TocEntry<'a>> {
    entry.dependencies().iter().filter_map(|id| toc.entry(*id))
}

/// Kinds of entries that make no sense without the one they are about.
fn belongs_to_others(entry: TocEntry<'_>) -> bool {
    const KINDS: [&[u8]; 20] = [
        b"TABLE DATA",
        b"TABLE ATTACH",
        b"INDEX",
        b"INDEX ATTACH",
        b"CONSTRAINT",
        b"CHECK CONSTRAINT",
        b"FK CONSTRAINT",
        b"TRIGGER",
        b"RULE",
        b"POLICY",
        b"ROW SECURITY",
        b"DEFAULT",
        b"SEQUENCE",
        b"SEQUENCE OWNED BY",
        b"SEQUENCE SET",
        b"STATISTICS",
        b"STATISTICS DATA",
        b"COMMENT",
        b"ACL",
        b"SECURITY LABEL",
    ];
    KINDS.contains(&entry.desc().as_bytes()) && !is_of_objects(entry)
}

/// The schema that an entry belongs to.
fn schema<'a>(toc: &'a Toc, entry: TocEntry<'a>) -> Option<&'a [u8]> {
    let own = match entry.desc() {
        Desc::SCHEMA => entry.tag(),
        _ => entry.namespace(),
    };
    own.filter(|own| !own.is_empty()).or_else(|| {
        // A comment or privileges on a schema.
        let mut schemas = needs(toc, entry).filter(|needed| needed.desc() == Desc::SCHEMA);
        schemas.next().filter(|_| belongs_to_others(entry))?.tag()
    })
}
