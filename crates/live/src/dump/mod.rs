//! A database dumped into archives: the catalog by the installed `pg_dump`, the data by sessions of
//! our own, all under one snapshot.
//!
//! `pg_dump -Fc` writes its table of contents before any data. A [`Dumper`] reads that, ends
//! `pg_dump`, and writes an archive with the same entries. Their rows and large objects it reads
//! itself, over several sessions. So all that says what is dumped, and how it is made again, is
//! `pg_dump`'s: its options, its SQL, its order.
//!
//! Each file uses those above it alone:
//!
//! | file | job |
//! |---|---|
//! | `voice.rs` | what a dump has to say |
//! | `target.rs` | what a new archive is to be |
//! | `program.rs` | `pg_dump`: which one, its run, what it says |
//! | `setup.rs` | the settings of a session, and its snapshot |
//! | `tables.rs` | what the server knows of the tables; their locks; that no other definition came between |
//! | `item.rs` | the data of an entry, in units of work |
//! | `board.rs` | which unit is whose, and what was read of it and not written yet |
//! | `reading.rs` | a session: units are read |
//! | `writing.rs` | the archives are written |
//! | `dumper.rs` | the whole |

mod board;
mod dumper;
mod item;
mod program;
mod reading;
mod setup;
mod tables;
mod target;
mod voice;
mod writing;

pub use dumper::{Dump, Dumper};
pub use item::DumpItem;
pub use target::DumpTarget;
pub use voice::{DumpEvent, DumpVoice};
