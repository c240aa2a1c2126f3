//! The integration tests, as one program.
//!
//! | module | what is proved |
//! |---|---|
//! | `read` | every fixture is read as `pg_restore` reads it, through every kind of source |
//! | `versions` | every archive version, both directions |
//! | `hostile` | broken input gives an error: no panic, no hang, no unbounded memory |
//! | `limits` | each knob of `Limits` works and is named by its error |
//! | `write` | archives made from nothing: every format, version and compression; wrong use |
//! | `convert` | every fixture in every form; unchanged copies are the same bytes |
//! | `reindex` | offsets written in place, whatever comes in between |
//! | `interrupted` | full disks, bad spots, killed processes: no input changes, no half output has the name |
//! | `merge` | archives divided and joined |
//! | `corpus` | a larger collection of archives, where it is at hand |
//! | `matrix` | every one of them in every form: the script stays, by us and by the real pg_restore |
//! | `extras` | what pg_restore cannot do |
//! | `live` | dumps made now by an installed PostgreSQL |
//! | `live_scripts` | scripts beside the installed pg_restore's, and in its server |
//! | `live_edit` | what convert and merge make of them, restored by its pg_restore |
//! | `script` | archives become the SQL that `pg_restore` prints |
//! | `differential` | the program beside PostgreSQL's pg_restore 18, where that is at hand |
//! | `cli` | the program as its users run it |
//! | `edit_cli` | convert, reindex, split and merge as their users run them |
//! | `regressions` | one test per bug that was found |

// Helpers, too, may fail a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "cli")]
mod cli;
mod convert;
mod corpus;
#[cfg(all(unix, feature = "cli"))]
mod differential;
#[cfg(feature = "cli")]
mod edit_cli;
mod extras;
mod hostile;
mod interrupted;
mod limits;
mod live;
mod live_edit;
#[cfg(all(unix, feature = "cli"))]
mod live_scripts;
mod matrix;
mod merge;
mod read;
mod regressions;
mod reindex;
mod script;
mod support;
mod versions;
mod write;
