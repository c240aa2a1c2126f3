//! An archive as the SQL script that `pg_restore -f` of PostgreSQL 18 prints, byte for byte.
//!
//! `RestoreArchive` and what it calls in `pg_backup_archiver.c`. One file for each family of
//! rules: [`prelude`] begins and ends the script, [`passes`] says in which order entries come,
//! [`state`] holds what the script has set so far, [`print`] writes one entry with its [`owner`],
//! [`data`] and [`large_objects`] what is in it, [`drop`] is `--clean`, [`connect`] is `--create`,
//! [`transaction`] is `--transaction-size`, and `sql` makes names safe.

mod connect;
mod data;
mod drop;
mod event;
mod key;
mod large_objects;
mod output;
mod owner;
mod passes;
mod prelude;
mod print;
mod source;
mod state;
mod transaction;

use std::io::{Read, Write};

pub use event::{Event, Observer};
pub use key::RestrictKey;

use crate::adapt::TargetVersion;
use crate::archive::{Archive, ArchiveStream};
use crate::error::Result;
use crate::select::Selected;
use crate::toc::{Format, Toc, TocEntry};
use output::Output;
use prelude::Session;
use source::{AtOnce, OnePass, Source};
use state::State;

/// How a script is written: the options of `pg_restore` that do not choose entries.
///
/// `-C` and all that chooses is part of the [`Selection`](crate::Selection).
#[derive(Debug, Clone, Default)]
pub struct ScriptOptions {
    /// `-c`: drop everything first.
    pub clean: bool,
    /// `--if-exists`: what is dropped need not exist.
    pub if_exists: bool,
    /// `-O`: owners do not matter.
    pub no_owner: bool,
    /// `-1`: one transaction around all.
    pub single_transaction: bool,
    /// `--transaction-size`: a transaction for every so many objects; 0 for none.
    pub transaction_size: u32,
    /// `--disable-triggers`, when there are no definitions.
    pub disable_triggers: bool,
    /// `-S`: who disables triggers.
    pub superuser: Option<Vec<u8>>,
    /// `--role`: who runs the script.
    pub role: Option<Vec<u8>>,
    /// `--enable-row-security`.
    pub enable_row_security: bool,
    /// `--use-set-session-authorization`: objects are made by their owners, not given to them.
    pub use_set_session_authorization: bool,
    /// `--no-tablespaces`.
    pub no_tablespaces: bool,
    /// `--no-table-access-method`.
    pub no_table_access_method: bool,
    /// `--target-version`: settings that servers of this release do not have are left out. What
    /// becomes of the entries is said by an [`Adaptation`](crate::Adaptation).
    pub target: Option<TargetVersion>,
    /// `-v`: ids, dependencies and times as comments. Holds the time when the archive was made,
    /// in words, because this crate has no time zones; see
    /// [`Listing::created`](crate::Listing::created).
    pub verbose: Option<String>,
}

/// Writes archives as SQL scripts.
///
/// ```
/// use pgdmp::{Archive, RestrictKey, Script, Selection};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selected = Selection::default().apply(archive.toc())?;
/// let mut script = Vec::new();
/// Script::new(RestrictKey::new("0123456789abcdef")?).write(&archive, &selected, &mut script)?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Script {
    options: ScriptOptions,
    key: RestrictKey,
}

/// What was done to write a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Entries of which something was written.
    pub entries: u64,
    /// Warnings that the [`Observer`] got.
    pub warnings: u64,
}

impl Script {
    /// Scripts with the default options. The key keeps whatever is in the archive from giving
    /// commands to psql; it should be [random](RestrictKey::random), and is never to be taken
    /// from the archive.
    pub fn new(key: RestrictKey) -> Self {
        Script { options: ScriptOptions::default(), key }
    }

    /// Sets the options.
    pub fn options(&mut self, options: ScriptOptions) -> &mut Self {
        self.options = options;
        self
    }

    /// Writes what was selected of an archive.
    ///
    /// # Errors
    ///
    /// Those of the archive and of `output`. What was written until then is no whole script.
    pub fn write(
        &self,
        archive: &Archive,
        selected: &Selected<'_>,
        output: impl Write,
    ) -> Result<Report> {
        self.write_observed(archive, selected, output, &mut ())
    }

    /// Writes what was selected of an archive, and tells `observer` about it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_observed(
        &self,
        archive: &Archive,
        selected: &Selected<'_>,
        mut output: impl Write,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        self.run(archive.format(), selected, &mut AtOnce::new(archive), &mut output, observer)
    }

    /// Writes what was selected of an archive that comes through a pipe.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and when the order of the selection needs data that has gone by.
    pub fn write_stream<R: Read + Send>(
        &self,
        archive: &mut ArchiveStream<R>,
        selected: &Selected<'_>,
        mut output: impl Write,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        let format = archive.format();
        let mut source = OnePass::new(archive, selected);
        self.run(format, selected, &mut source, &mut output, observer)
    }

    /// Checks the entries that set up the session: encoding and string literals.
    ///
    /// # Errors
    ///
    /// An encoding that PostgreSQL does not have, and entries without what they should hold.
    pub fn check(toc: &Toc) -> Result<()> {
        Session::new(toc).map(|_| ())
    }

    fn run(
        &self,
        format: Format,
        selected: &Selected<'_>,
        source: &mut dyn Source,
        output: &mut dyn Write,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        let mut writer = Writer {
            options: &self.options,
            key: &self.key,
            format,
            session: Session::new(selected.toc())?,
            selected,
            wants_schema: selected.wants_schema() && !selected.implied_no_schema(),
            out: Output::new(output),
            observer,
            state: State::default(),
            transaction_count: 0,
            report: Report::default(),
        };
        writer.script(source)?;
        Ok(writer.report)
    }
}

/// A script on its way.
struct Writer<'a> {
    options: &'a ScriptOptions,
    key: &'a RestrictKey,
    format: Format,
    session: Session<'a>,
    selected: &'a Selected<'a>,
    /// Whether definitions are wanted, and there are some.
    wants_schema: bool,
    out: Output<'a>,
    observer: &'a mut dyn Observer,
    state: State,
    /// Objects in the transaction that is open.
    transaction_count: u32,
    report: Report,
}

impl Writer<'_> {
    /// Whether the server that is to run the script knows what there is since a release.
    fn server_has(&self, major: u16, minor: u16) -> bool {
        self.options.target.is_none_or(|target| target.has(major, minor))
    }

    fn tell(&mut self, event: &Event<'_>) {
        self.report.warnings += u64::from(event.is_warning());
        self.observer.event(event);
    }
}

/// Whether the entry is `DATABASE` or `DATABASE PROPERTIES`.
fn is_database(entry: &TocEntry<'_>) -> bool {
    use crate::toc::Desc;
    matches!(entry.desc(), Desc::DATABASE | Desc::DATABASE_PROPERTIES)
}
