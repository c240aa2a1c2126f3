//! Restores PostgreSQL's dump archives into a database, as `pg_restore -d` does, and
//! [dumps](dump) databases into archives.
//!
//! The rules of a restore are those of [`pgdmp::script`]; this crate carries their steps out on a
//! server. Each layer uses the one below it alone:
//!
//! | layer | job |
//! |---|---|
//! | [`Restorer`] | a whole restore: one session, or many at once |
//! | [`Restorer::plan`] | what a restore would do, in its order, without a server |
//! | [`Restorer::check`] | what a restore would stumble over, before anything is written |
//! | [`Sink`](pgdmp::script::Sink) of a session | a step as queries, COPY and large objects; errors with their context, counted or final |
//! | [`Server`], [`Session`] | what a restore needs of a server: traits, so that a test plays the server |
//! | [`Libpq`], `Connection` | libpq: connection strings, services, password files, TLS, messages. It is loaded when the first connection is wanted. All `unsafe` of the crate is in `libpq/ffi.rs` |
//!
//! Everything is bytes: SQL, names and messages are in the encoding of the archive.
//!
//! What a restore has to say goes to a [`Voice`], in the words of `pg_restore` 18. A restore that
//! cannot go on ends with a [`Fatal`]; other errors are counted ([`Report::errors`](pgdmp::script::Report)).
//!
//! ```no_run
//! use pgdmp::{Archive, Selection};
//! use pgdmp_live::{Libpq, Parameters, Restorer, Silent};
//!
//! let archive = Archive::open("shop.dump")?;
//! let selected = Selection::new().apply(archive.toc())?;
//! let server = Libpq::load()?.server(Parameters::new("host=/run/postgresql dbname=shop"));
//! let report = Restorer::new().archive(&archive, &selected, &server, &Silent)?;
//! assert_eq!(report.errors, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// What is linked has to be named once.
#[cfg(feature = "bundled-libpq")]
use pq_src as _;

mod analyze;
mod backend;
mod batch;
mod check;
mod conflict;
mod constraint;
mod context;
mod deal;
pub mod dump;
mod epoch;
mod existing;
mod fatal;
mod flush;
mod graph;
mod insert;
mod journal;
mod leader;
mod libpq;
mod locks;
mod means;
mod objects;
mod parallel;
mod parts;
mod pipe;
mod plan;
mod progress;
mod restore;
mod retry;
mod root;
mod session;
mod sink;
mod small;
mod split;
mod telling;
mod text;
mod tune;
mod unlogged;
mod voice;
mod watch;
mod weight;
mod worker;

pub use check::{Checked, Concern};
pub use conflict::OnConflict;
pub use fatal::Fatal;
pub use journal::JournalOptions;
pub use libpq::{Libpq, LibpqServer, Parameters, Prompt, Stopper};
pub use means::{Means, Split};
pub use plan::{Plan, PlanItem, PlanStage};
pub use progress::Progress;
pub use restore::Restorer;
pub use session::{Copied, Login, Message, Reply, Rows, Server, Session, SqlState};
pub use voice::{Silent, Voice};
