//! The integration tests, as one program.
//!
//! | module | what is proved |
//! |---|---|
//! | `read` | every fixture is read as `pg_restore` reads it, through every kind of source |
//! | `ranges` | a part of a table is what it is of the whole, and is read without the rest |
//! | `versions` | every archive version, both directions |
//! | `hostile` | broken input gives an error: no panic, no hang, no unbounded memory |
//! | `recognise` | what is no archive, or surrounds one, is named with what helps |
//! | `limits` | each knob of `Limits` works and is named by its error |
//! | `forged` | sections and kinds that no pg_dump gives: restored as before, or refused |
//! | `framed` | data in pieces that stand alone: read by every pg_restore and by all threads, and moved so |
//! | `growth` | work grows with the archive, and no faster |
//! | `write` | archives made from nothing: every format, version and compression; wrong use |
//! | `convert` | every fixture in every form; unchanged copies are the same bytes |
//! | `reindex` | offsets written in place, whatever comes in between |
//! | `interrupted` | full disks, bad spots, killed processes: no input changes, no half output has the name |
//! | `merge` | archives divided and joined |
//! | `moved_damage` | damage of stored data, from every format into every other |
//! | `moves` | what is wrong with data is found when it is moved, or told |
//! | `corpus` | a larger collection of archives, where it is at hand |
//! | `matrix` | every one of them in every form: the script stays, by us and by the real pg_restore |
//! | `extras` | what pg_restore cannot do |
//! | `needs` | what a chosen object needs |
//! | `progress` | what is read is told, once and of all; sources choose the size of reads |
//! | `encodings` | the characters of every encoding, beside a server |
//! | `live` | dumps made now by an installed PostgreSQL |
//! | `live_types` | columns, types and keys, beside the catalogs of a server |
//! | `manifest` | checksums of an archive prove it and its copies, and show every change |
//! | `kinds` | the kinds of damage of which pg_restore says nothing are found |
//! | `detection` | how many flipped bits are found: the table in SECURITY.md |
//! | `script` | archives become the SQL that `pg_restore` prints |
//! | `steps` | the rules of a restore, without its text |
//! | `diff` | dumps of one database are equal, however they were made |
//! | `rows` | what is read of tables and written again is the same |
//! | `rewrite` | rows that are rewritten; what changes nothing gives the same bytes |
//! | `salvage` | what is left of a damaged archive becomes a new one |
//! | `salvaged` | salvage beside pg_restore: never less, and what is made of it is good |
//! | `verify` | each kind of damage is found, with its code |
//! | `relations` | what an archive names and does not have is found |
//! | `regressions` | one test per bug that was found |

// Helpers, too, may fail a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod convert;
mod corpus;
mod detection;
#[cfg(feature = "diff")]
mod diff;
mod encodings;
mod extras;
mod forged;
mod framed;
mod growth;
mod hostile;
mod interrupted;
mod kinds;
mod limits;
mod live;
mod live_types;
mod made;
mod manifest;
mod matrix;
mod merge;
mod moved_damage;
mod moves;
mod needs;
mod progress;
mod ranges;
mod read;
mod recognise;
mod regressions;
mod reindex;
mod relations;
mod rewrite;
mod rows;
mod salvage;
mod salvaged;
mod script;
mod steps;
mod verify;
mod versions;
mod write;
