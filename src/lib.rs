//! Read, write, edit and convert PostgreSQL dump archives (`pg_dump -Fc`, `-Fd`, `-Ft`) without a
//! server.
//!
//! An *archive* has a header, a table of contents and data. Each *entry* of the table of contents
//! has SQL and dependencies; some entries have data. This crate opens the archives of every
//! PostgreSQL release since 7.1, in all three formats and all four compressions, without
//! `pg_restore`.
//!
//! - [`Archive`] opens a file or directory. Any number of threads can read it at once. Most programs
//!   want this type.
//! - [`ArchiveStream`] reads an archive from a pipe, in one pass. [`Input`] is either of the two.
//! - [`Toc`] is the table of contents, and [`TocEntry`] one line of it. The kind of an entry is a
//!   [`Desc`], its number a [`DumpId`].
//! - [`Archive::data`] streams the data of an entry, decompressed, through buffers of a fixed size:
//!   memory does not grow with the data. [`rows`] takes it apart into rows and fields, and [`types`]
//!   says what their texts mean.
//! - [`Selection`] chooses entries with the rules of `pg_restore`'s options and list files.
//!   [`Listing`] writes the text of `pg_restore -l`, and [`Script`] the SQL of `pg_restore -f`.
//! - [`Conversion`] makes an archive of another one, and [`ArchiveBuilder`] makes one from scratch.
//!
//! More types are in the modules below. The [`cookbook`] has recipes, and `examples/` whole programs.
//!
//! # Examples
//!
//! List the tables, and the size of their data as it is stored:
//!
//! ```
//! let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
//! for table in archive.tables() {
//!     let size = table.stored_size()?.unwrap_or(0);
//!     println!("{size:>8}  {}", table.entry().qualified_name());
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! Stream the data of one, found by name, to standard output:
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
//! Read everything that comes through a pipe, large objects included:
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
//! Any bytes may be an archive. No input makes this crate panic, loop without end, or open a file
//! outside a directory archive. Memory stays within a small multiple of the input's length, plus the
//! window of a decompressor (at most 128 MiB). [`Limits`] are finite and can be lowered.
//!
//! Names and SQL are bytes in the encoding of the dump, and a stranger may have chosen them. SQL of
//! an archive is not safe to run because it was read without an error, and names are not safe to
//! print on a terminal. [`Printable`](text::Printable) shows them safely; the messages of this crate
//! use it. The size of decompressed data is not bounded: data is streamed, so stop reading when you
//! have enough.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `gzip`, `lz4`, `zstd` | yes | that compression; without it, reading such data is [`ErrorKind::NotEnabled`], and everything else works |
//! | `random` | yes | [`RestrictKey::random`](script::RestrictKey::random) |
//! | `encodings` | yes | the characters of encodings besides UTF8, LATIN1 and LATIN5; without it their bytes are shown as numbers |
//! | `diff` | no | the module `diff`, which compares two archives |
//! | `manifest` | no | `Manifest::read` and `Manifest::write` of [`manifest`](mod@manifest), the checksums of an archive as a file |
//! | `mmap` | no | [`MappedFile`](source), a source in mapped memory |

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod adapt;
mod archive;
mod compress;
mod compression;
pub mod cookbook;
#[cfg(feature = "diff")]
pub mod diff;
pub mod edit;
mod encoding;
pub mod error;
pub mod finding;
mod format;
mod limits;
mod list;
pub mod manifest;
pub mod needs;
mod not_an_archive;
pub mod read;
pub mod rows;
pub mod salvage;
pub mod script;
pub mod select;
pub mod source;
mod sql;
mod surplus;
pub mod text;
pub mod toc;
pub mod types;
pub mod value;
pub mod verify;
mod version;
mod wire;
pub mod write;

#[doc(inline)]
pub use archive::{Archive, ArchiveBuilder, ArchiveStream, Input, OpenOptions};
#[doc(inline)]
pub use compression::Algorithm;
#[doc(inline)]
pub use edit::{Conversion, Target};
#[doc(inline)]
pub use error::{Error, ErrorKind, Result};
#[doc(inline)]
pub use limits::Limits;
#[doc(inline)]
pub use list::Listing;
#[doc(inline)]
pub use script::{RestrictKey, Script};
#[doc(inline)]
pub use select::Selection;
#[doc(inline)]
pub use toc::{BlockKind, Desc, DumpId, Format, Toc, TocEntry};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
