//! A whole restore.

use std::io::Read;

use pgdmp::script::ScriptOptions;
use pgdmp::script::{Report, Restore, Sink};
use pgdmp::select::Selected;
use pgdmp::{Archive, ArchiveStream, Toc};

use crate::conflict::OnConflict;
use crate::fatal::Fatal;
use crate::graph::analysis::{Analysis, analyses_of};
use crate::journal::{Journal, JournalOptions};
use crate::means::Means;
use crate::parallel;
use crate::pipe::BUFFER;
use crate::session::{Server, Session};
use crate::sink::{SessionSink, Surroundings};
use crate::telling::Telling;
use crate::tune::Settings;
use crate::voice::Voice;

/// Encodings that no server has (`pg_wchar.h`).
const CLIENT_ONLY: &[&[u8]] =
    &[b"BIG5", b"GB18030", b"GBK", b"JOHAB", b"SHIFT_JIS_2004", b"SJIS", b"UHC"];

/// Restores archives into a database.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[must_use]
pub struct Restorer {
    pub(crate) options: ScriptOptions,
    exit_on_error: bool,
    fit_to_server: bool,
    pub(crate) means: Means,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) journal: Option<JournalOptions>,
    pub(crate) jobs: usize,
    pub(crate) on_conflict: OnConflict,
    pub(crate) analyze: bool,
    pub(crate) pipe_buffer: usize,
    pub(crate) forces_drop: bool,
    retry: usize,
}

impl Default for Restorer {
    fn default() -> Self {
        Restorer::new()
    }
}

impl Restorer {
    /// Restores with the default options, over one session.
    pub fn new() -> Self {
        Restorer {
            options: ScriptOptions::default(),
            exit_on_error: false,
            fit_to_server: false,
            means: Means::default(),
            settings: Vec::new(),
            journal: None,
            jobs: 0,
            on_conflict: OnConflict::default(),
            analyze: false,
            pipe_buffer: BUFFER,
            forces_drop: false,
            retry: 0,
        }
    }

    /// Sets the options. One transaction around all, and transactions of several objects, end a
    /// restore at the first error.
    pub fn options(mut self, options: ScriptOptions) -> Self {
        self.options = options;
        self
    }

    /// Whether the first error is the end (`--exit-on-error`).
    pub fn exit_on_error(mut self, exit: bool) -> Self {
        self.exit_on_error = exit;
        self
    }

    /// Whether the rules are those for the server's release, as by [`ScriptOptions::target`].
    /// Settings that the server does not have are left out in any case.
    pub fn fit_to_server(mut self, fit: bool) -> Self {
        self.fit_to_server = fit;
        self
    }

    /// How many sessions restore at once (`--jobs`); 0 and 1 are one.
    ///
    /// Several do not go together with one transaction around all, which is then refused. Not all
    /// errors are counted once: `pg_restore` counts an entry that had some as one more.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// By which means it is faster than `pg_restore`; by default there are none. One transaction
    /// around all goes without them.
    pub fn means(mut self, means: Means) -> Self {
        self.means = means;
        self
    }

    /// Has each session change a setting of the server, as by `SET`, before it restores anything;
    /// may be called for several. A setting that the server refuses ends the restore.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Whether a database that is to be [dropped](ScriptOptions::clean) and made again is dropped even
    /// if others are connected to it (`DROP DATABASE … WITH (FORCE)`, PostgreSQL 13 and newer). If
    /// it cannot be dropped, as by a session in it, the restore ends.
    pub fn force_drop(mut self, force: bool) -> Self {
        self.forces_drop = force;
        self
    }

    /// Whether each table whose rows are restored is analyzed (`ANALYZE`), unless its statistics are
    /// restored; partitions with the table at their root, which the server never analyzes by itself: when its rows and indexes are there, beside other work. One session that restores in
    /// the order of the archive does it in the end, behind the last transaction. A table that cannot
    /// be analyzed is an error.
    pub fn analyze(mut self, analyze: bool) -> Self {
        self.analyze = analyze;
        self
    }

    /// How many bytes of data that came through a pipe may wait in memory for a session,
    /// decompressed; 128 MiB by default, and never less than 4 MiB. What is on its way to the server
    /// comes on top: some 3 MiB for each session.
    pub fn pipe_buffer(mut self, bytes: usize) -> Self {
        self.pipe_buffer = bytes;
        self
    }

    /// How often a connection that is lost is tried to be made again; 0 by default. It waits 1 second,
    /// then 2, 4 and so on, at most 30. What the session did when it was lost is then done again, so
    /// that nothing is there twice: what exists already is done, a table that the restore made is
    /// emptied before its rows come again, and one that it did not make must be empty, or the
    /// restore ends.
    ///
    /// The restore ends as well where the server has crashed and may have forgotten something:
    /// commits that did not [wait for its log](Means::async_commit), and rows of unlogged tables; and
    /// where data is lost that came through a pipe and is not kept in memory. The first connection
    /// is tried once. Transactions of several objects cannot be done again, and are refused with it.
    pub fn retry(mut self, tries: usize) -> Self {
        self.retry = tries;
        self
    }

    /// How often a lost connection is tried again.
    pub(crate) fn tries(&self) -> usize {
        if self.options.uses_transactions() { 0 } else { self.retry }
    }

    /// Whether the options go together.
    fn check_options(&self) -> Result<(), Fatal> {
        if self.retry > 0 && self.options.uses_transactions() {
            let what = "lost connections are not made again with transactions of several objects";
            return Err(pgdmp::Error::new(pgdmp::ErrorKind::Usage { what: what.into() }).into());
        }
        Ok(())
    }

    /// Keeps a journal, with which another restore goes on where this one ended: after an error, a
    /// lost connection, or the end of the process. What failed is tried again then. A restore
    /// without errors removes the journal in the end.
    ///
    /// The log of the server is written as the server is set up to, so that what the journal has as
    /// done survives a crash of the server. Transactions around several objects are refused.
    pub fn journal(mut self, journal: JournalOptions) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Whether the work is dealt out. One session alone does it in the order of the archive, unless
    /// it may be faster.
    pub(crate) fn deals_out(&self) -> bool {
        self.jobs > 1
            || self.journal.is_some()
            || self.tries() > 0
            || self.means.is_fast() && !self.options.uses_transactions()
    }

    /// Restores what was selected of an archive.
    ///
    /// # Errors
    ///
    /// What ends a restore. Unless all was one transaction, what was restored until then stays.
    pub fn archive(
        &self,
        archive: &Archive,
        selected: &Selected<'_>,
        server: &dyn Server,
        voice: &dyn Voice,
    ) -> Result<Report, Fatal> {
        self.check_options()?;
        if self.deals_out() {
            return parallel::restore(self, archive, selected, server, voice);
        }
        self.serial(selected, server, voice, |restore, sink| restore.run(archive, selected, sink))
    }

    /// Restores what was selected of an archive that comes through a pipe. One thread reads it, and
    /// all sessions restore data as it comes: small tables and groups of large objects wait in
    /// [memory](Self::pipe_buffer) for a session; a large one keeps one busy, or several if its rows
    /// may be [split](Means::split). The rest is restored beside that, and after it.
    ///
    /// If something ends the restore while nothing comes through the pipe, this returns when the
    /// next bytes come, or the pipe is closed.
    ///
    /// # Errors
    ///
    /// As [`archive`](Self::archive). With one session and no [means](Self::means), also when the
    /// order of the selection needs data that has gone by.
    pub fn stream<R: Read + Send>(
        &self,
        archive: &mut ArchiveStream<R>,
        selected: &Selected<'_>,
        server: &dyn Server,
        voice: &dyn Voice,
    ) -> Result<Report, Fatal> {
        self.check_options()?;
        if self.deals_out() {
            return parallel::restore_stream(self, archive, selected, server, voice);
        }
        self.serial(selected, server, voice, |restore, sink| {
            restore.run_stream(archive, selected, sink)
        })
    }

    /// The means that this restore has.
    pub(crate) fn used_means(&self) -> Means {
        if self.options.uses_transactions() {
            Means::exact()
        } else if self.journal.is_some() {
            // What is noted as done is to be safe.
            self.means.async_commit(false)
        } else {
            self.means
        }
    }

    fn serial(
        &self,
        selected: &Selected<'_>,
        server: &dyn Server,
        voice: &dyn Voice,
        run: impl FnOnce(&Restore, &mut dyn Sink) -> pgdmp::Result<Report>,
    ) -> Result<Report, Fatal> {
        let session = self.connect(None, selected, server, voice)?;
        let restore = self.rules(&*session);
        let settings = Settings::wanted(&self.settings);
        let around = self.around(selected.toc(), server, voice, &settings, None)?;
        let mut sink = SessionSink::new(around, session);
        let entries = selected.all().filter(|(_, decision)| decision.wanted.is_listed()).count();
        let mut telling = Telling::new(&mut sink, entries);
        let report = run(&restore, &mut telling);
        telling.end();
        let report = report.map_err(|error| sink.fatal(error))?;
        self.analyze_all(selected, &mut sink, report).map_err(|error| sink.fatal(error))
    }

    /// Analyzes what is to be analyzed, in the session that has restored it.
    fn analyze_all(
        &self,
        selected: &Selected<'_>,
        sink: &mut SessionSink<'_>,
        mut report: Report,
    ) -> pgdmp::Result<Report> {
        if self.analyze {
            let entries = selected.all().map(|(entry, decision)| (entry, decision.wanted));
            let entries: Vec<_> = entries.collect();
            for Analysis { table, .. } in analyses_of(&entries) {
                report.errors += sink.analyze(&entries[table].0)?;
            }
        }
        Ok(report)
    }

    /// `database`: the one that an earlier run has made, and connected to.
    pub(crate) fn connect<'a>(
        &self,
        database: Option<&[u8]>,
        selected: &Selected<'_>,
        server: &'a dyn Server,
        voice: &'a dyn Voice,
    ) -> Result<Box<dyn Session + 'a>, Fatal> {
        if voice.is_verbose() {
            voice.info(b"connecting to database for restore");
        }
        let session = server.connect(database, voice)?;
        if voice.is_verbose() && selected.implied_no_schema() {
            voice.info(b"implied no-schema restore");
        }
        Ok(session)
    }

    /// The rules, as this server needs them.
    pub(crate) fn rules(&self, session: &dyn Session) -> Restore {
        let mut options = self.options.clone();
        if self.fit_to_server && options.target_version().is_none() {
            let version = session.server_version();
            let text = match version / 10_000 {
                major @ 10.. => major.to_string(),
                major => format!("{major}.{}", version / 100 % 100),
            };
            // Of one that is not known, all is expected.
            if let Ok(version) = text.parse() {
                options = options.target(version);
            }
        }
        Restore::new().options(options)
    }

    pub(crate) fn around<'a>(
        &self,
        toc: &Toc,
        server: &'a dyn Server,
        voice: &'a dyn Voice,
        settings: &'a Settings,
        journal: Option<&'a Journal>,
    ) -> Result<Surroundings<'a>, Fatal> {
        let at_once = self.options.uses_transactions();
        let mut means = self.used_means();
        if toc.encoding()?.is_some_and(|name| CLIENT_ONLY.contains(&name)) {
            // Where a statement ends cannot be seen in these: a letter may have a byte of ASCII.
            means = means.batches(false).small_tables(false);
        }
        Ok(Surroundings {
            server,
            voice,
            exit_on_error: self.exit_on_error || at_once,
            means,
            settings,
            journal,
            forces_drop: self.forces_drop,
            retry: None,
            data_comes_again: false,
            std_strings: toc.std_strings()?,
        })
    }
}
