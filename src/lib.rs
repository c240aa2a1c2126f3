//! PostgreSQL's dump archives, what `pg_dump -Fc`, `-Fd` and `-Ft` make: read, edited, turned into
//! SQL.
//!
//! An *archive* is a header, a table of contents of *entries* with their SQL and dependencies,
//! and the data of some of them. This crate opens the archives of every PostgreSQL release since
//! 7.1, in all three formats and all four compressions, without a server and without
//! `pg_restore`.
//!
//! - [`Archive`] opens a file or directory whose bytes can be read at any position, by any number
//!   of threads at once. This is what most programs want.
//! - [`ArchiveStream`] reads an archive that comes through a pipe, in one pass.
//! - [`Input`] is either; a [`Pass`] goes through the data of either.
//! - [`Toc`] is the table of contents of either, [`TocEntry`] one line of it: found by dump id,
//!   by name, or one after the other.
//! - [`EntryData`] and [`LargeObjects`] stream the data of an entry, decompressed, through fixed
//!   buffers: memory does not grow with the data.
//! - [`Selection`] is which entries are wanted, with the rules of `pg_restore`'s options and list
//!   files; [`Listing`] writes the text of `pg_restore -l`, [`Script`] the SQL of `pg_restore -f`;
//!   [`script`] has a restore's steps for something else than text.
//! - [`ArchiveBuilder`] makes archives; [`Conversion`], [`Merge`], [`split`] and [`reindex`] make
//!   archives of archives, and move stored data as it is where they can.
//!
//! # Examples
//!
//! List the tables:
//!
//! ```
//! use pgdmp::{Archive, Desc};
//!
//! let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
//! for entry in archive.entries().filter(|entry| entry.desc() == Desc::TABLE) {
//!     let name = entry.tag().unwrap_or_default();
//!     println!("{}: {}", entry.dump_id(), String::from_utf8_lossy(name));
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! Stream the rows of one, found by name, to standard output:
//!
//! ```
//! use pgdmp::{Archive, Desc};
//!
//! let archive = Archive::open("fixtures/pg18/small-dir")?;
//! if let Some(table) = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town") {
//!     archive.data(table.dump_id())?.copy_to(std::io::stdout())?;
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! Read everything that comes through a pipe, large objects among it:
//!
//! ```
//! use std::io;
//! use pgdmp::{ArchiveStream, BlockKind};
//!
//! # let stdin = std::fs::File::open("fixtures/pg18/small-tar.tar")?;
//! # /*
//! let stdin = io::stdin();
//! # */
//! let mut archive = ArchiveStream::new(stdin)?;
//! let mut bytes = 0;
//! while let Some(mut block) = archive.next_block()? {
//!     if block.kind() == BlockKind::LargeObjects {
//!         while let Some(mut object) = block.next_object()? {
//!             bytes += object.copy_to(io::sink())?;
//!         }
//!     } else {
//!         bytes += block.data()?.copy_to(io::sink())?;
//!     }
//! }
//! assert!(bytes > 0);
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Untrusted input
//!
//! Any bytes may be an archive. No input makes this crate panic, loop without end, hold more in
//! memory than a small multiple of its length (and a decompressor's window, at most 128 MiB), or open a file outside
//! a directory archive. [`Limits`] are finite and can be lowered. Names and SQL are bytes in the
//! encoding of the dump: what an archive says is not safe to run, nor to print on a terminal, for
//! being readable. [`Printable`] shows it there; what this crate says itself went through that. How large data becomes when it is decompressed is not bounded: it is streamed,
//! so stop reading when it is enough.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `gzip`, `lz4`, `zstd` | yes | that compression; without it data so compressed is [`ErrorKind::NotEnabled`], and everything else works |
//! | `random` | yes | [`RestrictKey::random`] |
//! | `encodings` | yes | the characters of encodings besides UTF8, LATIN1 and LATIN5; without it their bytes are shown as numbers |
//! | `mmap` | no | `MappedFile` |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod adapt;
mod archive;
mod compress;
mod compression;
mod edit;
mod encoding;
mod error;
mod finding;
mod format;
mod limits;
mod list;
mod not_an_archive;
pub mod rows;
pub mod script;
mod select;
mod source;
mod sql;
mod surplus;
mod text;
mod toc;
mod version;
mod wire;

pub use adapt::{Adaptation, Adapted, Mapping, Service, TargetVersion};
pub use archive::{
    Archive, ArchiveBuilder, ArchiveStream, ArchiveWriter, Block, BlockInfo, DataWriter, EntryData,
    Input, LargeObject, LargeObjectWriter, LargeObjects, LargeObjectsWriter, OpenOptions, Pass,
    StoredData, Table, WriteOptions,
};
pub use compression::Algorithm;
pub use edit::{
    Conversion, Merge, Note, Part, PartName, Reindexed, SplitBy, Target, VersionNeed, reindex,
    split,
};
pub use encoding::Encoding;
pub use error::{EntryName, Error, ErrorKind, Result};
pub use finding::{Finding, Severity};
pub use limits::Limits;
pub use list::Listing;
pub use not_an_archive::NotAnArchive;
pub use script::{Event, Report, RestrictKey, Script, ScriptOptions};
pub use select::{Decision, NamePattern, Rule, Selected, Selection, Unmatched, UseList, Wanted};
#[cfg(feature = "mmap")]
pub use source::MappedFile;
pub use source::{FileSource, Members, Source};
pub use surplus::Surplus;
pub use text::Printable;
pub use toc::{
    BlockKind, CatalogId, Compression, CreationTime, DataOffset, Dependents, Desc, DumpId, Entries,
    EntryFields, Format, Header, MAGIC, Oid, Section, Toc, TocEntry,
};
pub use version::{ArchiveVersion, Gate};
pub use wire::{Dialect, LastField};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
