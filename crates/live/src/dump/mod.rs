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
//! | `spool.rs` | what was read of a unit and is not written yet |
//! | `board.rs` | which unit is whose, and who waits for whom |
//! | `reading.rs` | a session: units are read |
//! | `plan.rs` | in which order all is read and written |
//! | `writing.rs` | the archives are written |
//! | `begun.rs` | a dump that has begun |
//! | `dumper.rs` | how it begins: its options, and what is done before any data is read |

mod begun;
mod board;
mod dumper;
mod item;
mod plan;
mod program;
mod reading;
mod setup;
mod spool;
mod tables;
mod target;
mod voice;
mod writing;

pub use begun::Dump;
pub use dumper::Dumper;
pub use item::DumpItem;
pub use target::DumpTarget;
pub use voice::{DumpEvent, DumpVoice};
