//! The program's integration tests, as one program.
//!
//! | module | what is proved |
//! |---|---|
//! | `cli` | the program as its users run it |
//! | `edit_cli` | convert, reindex, split and merge as their users run them |
//! | `completions` | what shells are told could come next |
//! | `export` | rows as CSV and JSON lines, as their users export them |
//! | `help` | every example of the help and of README works |
//! | `habits` | what people type, and what they are told |
//! | `show` | one screen, one table, a page for a browser, diagrams; names in them are text alone |
//! | `json` | all JSON is as `docs/json.md` says |
//! | `grep` | what is found in rows and definitions, where, and how a search ends |
//! | `extras` | what pg_restore cannot do |
//! | `many` | output that grows with the archive, and no faster |
//! | `nul` | a text of the table of contents ends at a NUL byte |
//! | `pg_restore` | under that name: every recorded answer of the real one |
//! | `differential` | the program beside PostgreSQL's pg_restore 18, where that is at hand |
//! | `damaged` | damaged archives: nothing is laundered, left behind or touched |
//! | `moves` | damage that shows when data is moved is refused by writers and told by lookers |
//! | `killed` | full disks, killed processes and signals: no half output has the name |
//! | `place` | where an output goes, what it may replace, and what is never touched |
//! | `readme` | the output that README shows is what the program prints |
//! | `recognise` | what is no archive, or surrounds one, is named with what helps |
//! | `reindex` | killed at any instant; without permission |
//! | `streams` | standard streams that are full, closed or not there |
//! | `names` | names in any encoding, quoted names, names of nothing |
//! | `terminal` | no text of an archive is obeyed by a terminal |
//! | `versions` | the version of a new archive: as it was, or as new as it must be |
//! | `live_scripts` | scripts beside the installed pg_restore's, and in its server |
//! | `live_restore` | restores into databases, beside the installed pg_restore |
//! | `live_fast` | restores into databases by faster means: the same database |
//! | `live_fast_deal` | the rows of a table over several sessions: all or none, and errors as in one |
//! | `live_fast_order` | constraints in two parts: the same catalogs, and errors as of the whole |
//! | `live_fast_small` | the rows of small tables, many at a time: the same rows and errors, each row once |
//! | `live_faults` | restores of odd archives, lost connections, signals |
//! | `live_analyze` | tables are analyzed when they are complete |
//! | `live_catalogs` | restores of the corpus by faster means: the same catalogs |
//! | `live_check` | what a check says before a restore, and what the restore then does |
//! | `live_crash` | a server that crashes, and restores that go on |
//! | `live_create` | the database that is made, and one that is there |
//! | `live_disk` | a server whose disk is full |
//! | `live_upgrade` | pg_upgrade with this program as its pg_restore |
//! | `live_tls` | connections by TLS, beside the installed pg_restore |
//! | `live_connect` | how a restore finds its server, and asks for a password |
//! | `live_pipe` | restores from a pipe over several sessions: the same database, and pipes that break |
//! | `live_resume` | restores that are killed, and go on |
//! | `live_export` | rows as CSV and JSON lines, beside the server's COPY and `row_to_json` |
//! | `live_retry` | connections that are lost, servers that are restarted, and restores that go on |
//! | `live_edit` | what convert and merge make of them, restored by its pg_restore |
//! | `live_progress` | how far a restore is, for people and for machines |
//! | `live_mask` | masked archives, restored by it: keys hold, no original value is left |
//! | `live_parquet` | rows as Parquet and Arrow IPC, read by pyarrow and DuckDB, are the server's |
//! | `diff` | rows that differ are found exactly, in bounded memory, in files and pipes |
//! | `live_diff` | dumps of equal databases are equal, and each change of a database is found |
//! | `live_older` | an archive of PostgreSQL 18 for an older server, which takes all of it |
//! | `live_needs` | each table with what it needs, restored by it |

// Helpers, too, may fail a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// What a test says is for who runs it.
#![allow(clippy::disallowed_macros)]

mod cli;
mod completions;
mod damaged;
mod diff;
#[cfg(unix)]
mod differential;
mod edit_cli;
mod export;
mod extras;
mod grep;
mod habits;
#[cfg(unix)]
mod help;
mod json;
#[cfg(unix)]
mod killed;
#[cfg(unix)]
mod live_analyze;
#[cfg(unix)]
mod live_catalogs;
#[cfg(unix)]
mod live_check;
#[cfg(target_os = "linux")]
mod live_connect;
#[cfg(unix)]
mod live_crash;
#[cfg(unix)]
mod live_create;
#[cfg(unix)]
mod live_diff;
#[cfg(target_os = "linux")]
mod live_disk;
#[cfg(unix)]
mod live_docs;
#[cfg(unix)]
mod live_dump;
#[cfg(unix)]
mod live_dump_faults;
#[cfg(unix)]
mod live_dump_moment;
mod live_edit;
mod live_export;
#[cfg(unix)]
mod live_fast;
#[cfg(unix)]
mod live_fast_deal;
#[cfg(unix)]
mod live_fast_order;
#[cfg(unix)]
mod live_fast_small;
#[cfg(unix)]
mod live_faults;
mod live_mask;
mod live_needs;
mod live_older;
#[cfg(all(unix, feature = "arrow"))]
mod live_parquet;
#[cfg(unix)]
mod live_pipe;
#[cfg(target_os = "linux")]
mod live_progress;
#[cfg(unix)]
mod live_restore;
#[cfg(unix)]
mod live_resume;
#[cfg(unix)]
mod live_retry;
mod live_salvage;
#[cfg(unix)]
mod live_scripts;
#[cfg(target_os = "linux")]
mod live_tls;
#[cfg(unix)]
mod live_upgrade;
mod manifest;
#[cfg(unix)]
mod many;
#[cfg(unix)]
mod moves;
mod names;
mod nul;
#[cfg(unix)]
mod pg_restore;
#[cfg(unix)]
mod place;
#[cfg(unix)]
mod readme;
mod recognise;
mod reindex;
mod salvage;
mod show;
#[cfg(unix)]
mod streams;
mod support;
#[cfg(target_os = "linux")]
mod terminal;
mod verify;
mod versions;
