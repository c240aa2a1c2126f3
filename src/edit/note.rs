//! Changes that a conversion makes beyond its target, told before anything is written.

use std::fmt;

use super::draft::Draft;
use crate::archive::WriteOptions;
use crate::compress::Algorithm;
use crate::error::EntryName;
use crate::finding::Finding;
use crate::toc::{Desc, EntryFields};
use crate::version::{ArchiveVersion, Gate};

/// A reason why the archive version was raised.
///
/// It is a part of [`Note::NewerVersion`](Note::NewerVersion).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionNeed {
    /// Older versions cannot be written.
    Oldest,
    /// The compression of the data.
    Compression(Algorithm),
    /// Large objects of several archives, each with its entries.
    LargeObjects,
}

impl VersionNeed {
    /// The oldest version that will do.
    pub(super) fn version(self) -> ArchiveVersion {
        match self {
            VersionNeed::Oldest => WriteOptions::OLDEST,
            VersionNeed::Compression(algorithm) => algorithm.oldest_version(),
            VersionNeed::LargeObjects => {
                let (major, minor) = Gate::LargeObjectGroups.since();
                ArchiveVersion::new(major, minor)
            }
        }
    }
}

impl fmt::Display for VersionNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VersionNeed::Oldest => f.write_str("older ones are not written"),
            VersionNeed::Compression(algorithm) => write!(f, "{algorithm} needs it"),
            VersionNeed::LargeObjects => {
                f.write_str("it keeps the large objects of several archives apart")
            }
        }
    }
}

/// A change that a conversion or merge makes beyond the settings of its target.
///
/// See the example of [`Conversion`](crate::Conversion).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The archive version was raised, because something needs it.
    NewerVersion {
        /// The version of the old archive, or the newest of several.
        old: ArchiveVersion,
        /// The version of the new archive.
        new: ArchiveVersion,
        /// What needs it.
        need: VersionNeed,
    },
    /// The version has no table access methods, so tables get the default of the server.
    TableAccessMethods {
        /// How many entries lose theirs.
        entries: usize,
        /// One that has another than `heap`, if any has.
        not_heap: Option<EntryName>,
    },
    /// The version has no `relkind`, so partitioned tables lose their access method.
    Relkinds {
        /// How many entries lose a partitioned table's.
        entries: usize,
    },
    /// Groups of large objects became one `BLOB` entry for each, and one `BLOBS` entry.
    GroupsResolved {
        /// How many groups there were.
        groups: usize,
        /// How many large objects they had.
        objects: usize,
    },
    /// `BLOB` entries were made for large objects, which had none before version 1.12.
    ObjectEntries {
        /// For how many.
        objects: usize,
    },
    /// Dependencies were left out, because before version 1.8 they are OIDs and not dump ids.
    Dependencies,
    /// The table of contents is damaged, and the new archive has only the entries before the
    /// damage; see [`OpenOptions::damaged`](crate::OpenOptions::damaged).
    Damaged {
        /// What is wrong with it, and where.
        damage: Finding,
    },
    /// An entry lost its data: its dumper wrote some, but the archive has no block for it.
    LostData {
        /// The entry.
        entry: EntryName,
    },
    /// Statistics of the planner were left out, because rows are rewritten: they hold values of the
    /// rows as these were. `ANALYZE` makes them anew.
    StatisticsLeftOut {
        /// How many entries.
        entries: usize,
    },
    /// The archive keeps entries that only newer servers can restore.
    Statistics {
        /// How many.
        entries: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::NewerVersion { old, new, need } => write!(
                f,
                "archive version {}.{} instead of {}.{}: {need}; pg_restore {} and newer read it",
                new.major,
                new.minor,
                old.major,
                old.minor,
                new.first_reader()
            ),
            Note::TableAccessMethods { entries, not_heap } => {
                write!(f, "table access methods are left out, of {entries} in all")?;
                match not_heap {
                    None => f.write_str("; each is heap"),
                    Some(name) => write!(f, "; not each is heap: {name}"),
                }
            }
            Note::Relkinds { entries } => {
                write!(f, "access methods of partitioned tables are left out, of {entries} in all")
            }
            Note::GroupsResolved { groups, objects } => write!(
                f,
                "large objects got entries of their own, {objects} in all, and one for their data, \
                 instead of groups, {groups} in all"
            ),
            Note::ObjectEntries { objects } => {
                write!(f, "large objects got entries, {objects} in all")
            }
            Note::Dependencies => {
                f.write_str("dependencies are left out: in this old archive they are not dump ids")
            }
            Note::Damaged { damage } => {
                write!(f, "what follows the damage of the table of contents is lost: {damage}")
            }
            Note::LostData { entry } => {
                write!(
                    f,
                    "the data of {entry} is not in the archive, which says so; none is written"
                )
            }
            Note::StatisticsLeftOut { entries } => write!(
                f,
                "statistics are left out, {entries} in all, for they hold values of the rows as \
                 these were; run ANALYZE after the restore"
            ),
            Note::Statistics { entries } => {
                write!(f, "statistics, {entries} in all, need PostgreSQL 18 to be restored")
            }
        }
    }
}

/// Notes the fields that the new version does not have.
pub(super) fn note_losses(
    drafts: &[Draft<'_>],
    old: ArchiveVersion,
    new: ArchiveVersion,
    notes: &mut Vec<Note>,
) {
    let loses = |gate| old.has(gate) && !new.has(gate);
    let fields = || drafts.iter().map(Draft::fields);
    let count =
        |is: &dyn Fn(&EntryFields<'_>) -> bool| fields().filter(|fields| is(fields)).count();
    if loses(Gate::TableAm) {
        let entries = count(&|fields| fields.table_am.is_some_and(|am| !am.is_empty()));
        if entries > 0 {
            let is_other = |draft: &&Draft<'_>| {
                draft.fields().table_am.is_some_and(|am| !matches!(am, b"" | b"heap"))
            };
            let not_heap = drafts.iter().find(is_other).map(Draft::name);
            notes.push(Note::TableAccessMethods { entries, not_heap });
        }
    }
    if loses(Gate::Relkind) {
        let partitioned = i32::from(b'p');
        let entries = count(&|fields| fields.relkind == partitioned && fields.table_am.is_some());
        if entries > 0 {
            notes.push(Note::Relkinds { entries });
        }
    }
    if loses(Gate::LargeObjectGroups) {
        let entries = count(&|fields| {
            matches!(fields.desc, Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA)
        });
        if entries > 0 {
            notes.push(Note::Statistics { entries });
        }
    }
}
