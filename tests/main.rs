//! The integration tests, as one program.
//!
//! | module | what is proved |
//! |---|---|
//! | `read` | every fixture is read as `pg_restore` reads it, through every kind of source |
//! | `versions` | every archive version, both directions |
//! | `hostile` | broken input gives an error: no panic, no hang, no unbounded memory |
//! | `limits` | each knob of `Limits` works and is named by its error |
//! | `corpus` | a larger collection of archives, where it is at hand |
//! | `extras` | what pg_restore cannot do |
//! | `live` | dumps made now by an installed PostgreSQL |
//! | `cli` | the program as its users run it |
//! | `regressions` | one test per bug that was found |

// Helpers, too, may fail a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "cli")]
mod cli;
mod corpus;
mod extras;
mod hostile;
mod limits;
mod live;
mod read;
mod regressions;
mod support;
mod versions;
