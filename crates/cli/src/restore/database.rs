//! `-d`: into a database.

use pgdmp::select::Selected;
use pgdmp::toc::Gate;
use pgdmp::{Archive, Format, Input, Toc};
use pgdmp_live::{
    Fatal as Ended, JournalOptions, Libpq, LibpqServer, OnConflict, Parameters, Progress, Restorer,
    Voice,
};

use super::extras::Extras;
use super::messages::{Fatal, Program};
use super::opened::check_compression;
use super::options::Options;
use super::progress::Watcher;
use super::{check, chosen, plan};
use crate::explain::explain;
use crate::signals;

/// The release of PostgreSQL whose pg_restore this is.
const MAJOR: u32 = 18;

/// Restores an archive, and gives it back.
pub(super) fn restore(
    program: &Program,
    mut options: Options,
    input: Input,
    created: String,
) -> Result<Input, Fatal> {
    check_jobs(program, &mut options, &input)?;
    if options.verbose {
        options.set(|script| script.verbose(created));
    }
    match input {
        Input::Archive(archive) => {
            run(program, &mut options, archive.toc(), Some(&archive), |job, selected| {
                job.restorer.archive(&archive, selected, &job.server, &job.speaker)
            })?;
            Ok(Input::Archive(archive))
        }
        Input::Stream(mut stream) => {
            let toc = stream.shared_toc();
            run(program, &mut options, &toc, None, |job, selected| {
                job.restorer.stream(&mut stream, selected, &job.server, &job.speaker)
            })?;
            Ok(Input::Stream(stream))
        }
    }
}

/// What a restore needs besides the archive.
struct Job {
    restorer: Restorer,
    server: LibpqServer,
    speaker: Speaker,
}

fn run(
    program: &Program,
    options: &mut Options,
    toc: &Toc,
    archive: Option<&Archive>,
    restore: impl FnOnce(&Job, &Selected<'_>) -> Result<pgdmp::script::Report, Ended>,
) -> Result<(), Fatal> {
    let (selected, adapted) = chosen(program, options, toc)?;
    if let Some(form) = options.extras.explain {
        return Ok(explain(&selected, form, || crate::json::Entries::of_archive(toc, archive))?);
    }
    let mut selected = adapted.selected(&selected);
    check_compression(&selected)?;
    if options.extras.plan && options.dbname.is_none() {
        let json = options.extras.json;
        let plan = restorer(program, options, None).plan(archive, &selected, 0);
        return plan::report(&plan, selected.toc(), archive, json);
    }
    let database = options.dbname.clone().unwrap_or_default();
    let journal = options.extras.journal(options.input.as_deref(), &database)?;
    let goes_on = journal.as_ref().is_some_and(JournalOptions::goes_on);
    let job = job(program, options, journal)?;
    let stopper = job.server.stopper();
    signals::end_restore(move || stopper.stop(), &program.name);
    let Extras { check: check_alone, plan, no_check, json, force, on_conflict, means, .. } =
        options.extras;
    // What is there already is no news to a restore that goes on.
    let checks_first = means.is_fast() && !goes_on && !no_check;
    if check_alone || plan || on_conflict != OnConflict::Error || checks_first {
        let checked = job.restorer.check(archive, &selected, &job.server, &job.speaker);
        let checked = checked.map_err(|ended| without_database(fatal(ended), &database))?;
        if check_alone {
            return check::report(&checked, selected.toc(), json);
        }
        check::tell(program, &checked, force || plan, options.verbose)?;
        if on_conflict == OnConflict::Skip {
            selected.leave_out_existing(&checked.existing);
        }
        if plan {
            let plan = job.restorer.plan(archive, &selected, checked.server_version);
            return plan::report(&plan, selected.toc(), archive, json);
        }
    }
    let progress = options.extras.watcher.as_ref();
    if let Some(progress) = progress {
        let total = size(archive, &selected);
        progress.begin(total, &program.name, selected.toc().text_encoding());
    }
    let restored = restore(&job, &selected);
    if let Some(progress) = progress {
        progress.finish(restored.as_ref().ok().map(|report| report.errors));
    }
    match restored {
        Ok(report) if report.errors == 0 => Ok(()),
        Ok(report) => {
            program.warning(format!("errors ignored on restore: {}", report.errors));
            Err(Fatal::told())
        }
        Err(Ended::Worker(reason)) => {
            program.fatal(&fatal(*reason));
            Err(Fatal::new("a worker process died unexpectedly"))
        }
        Err(ended) => Err(fatal(ended)),
    }
}

/// How many bytes of data there are to read, if that is known without reading.
fn size(archive: Option<&Archive>, selected: &Selected<'_>) -> Option<u64> {
    let archive = archive?;
    let mut all = 0_u64;
    for (entry, decision) in selected.all() {
        if !decision.wanted.data || !entry.has_data() {
            continue;
        }
        let entry = archive.toc().entry(entry.dump_id())?;
        let size = match archive.format() {
            Format::Custom => archive.stored_size_hint(entry)?,
            // Large objects are a list of files.
            _ => archive.stored_size(entry).ok()??,
        };
        all = all.saturating_add(size);
    }
    Some(all)
}

fn fatal(ended: Ended) -> Fatal {
    match ended {
        Ended::Told => Fatal::told(),
        Ended::Archive(error) => Fatal::from(error),
        Ended::Server { text, detail: Some(detail) } => Fatal::new(text).with_detail(detail),
        Ended::Server { text, detail: None } => Fatal::new(text),
        other => Fatal::new(other.to_string()),
    }
}

/// An error with what to do if it is that there is no such database yet, in English at least.
fn without_database(fatal: Fatal, database: &[u8]) -> Fatal {
    let missing = [b"database \"", database, b"\" does not exist"].concat();
    match memchr::memmem::find(fatal.text(), &missing) {
        Some(_) => fatal.advise(
            "create it, or have it created: --create=NAME with -d postgres; -C names it as the \
             archive does",
        ),
        None => fatal,
    }
}

/// What pg_restore does not restore over several connections. We do, if the archive says what has to
/// wait for what.
fn check_jobs(program: &Program, options: &mut Options, input: &Input) -> Result<(), Fatal> {
    if options.jobs <= 1 {
        return Ok(());
    }
    let refused = if input.format() == Format::Tar {
        "parallel restore is not supported with this archive file format"
    } else if !input.toc().header().version.has(Gate::TableOid) {
        "parallel restore is not supported with archives made by pre-8.0 pg_dump"
    } else if options.input.is_none() {
        "parallel restore from standard input is not supported"
    } else if matches!(input, Input::Stream(_)) {
        "parallel restore from non-seekable file is not supported"
    } else {
        return Ok(());
    };
    if program.is_pg_restore {
        return Err(Fatal::new(refused));
    }
    if !input.toc().header().version.has(Gate::TableOid) {
        program.warning(
            "restoring over one connection: the archive does not say what depends on what",
        );
        options.jobs = 1;
    }
    Ok(())
}

/// The restorer that the options ask for.
fn restorer(program: &Program, options: &mut Options, journal: Option<JournalOptions>) -> Restorer {
    let mut restorer = Restorer::new()
        .options(std::mem::take(&mut options.script))
        .exit_on_error(options.exit_on_error)
        .jobs(options.jobs as usize)
        .means(options.extras.means)
        .on_conflict(options.extras.on_conflict)
        .analyze(options.extras.analyze)
        .force_drop(options.extras.drop_existing)
        .fit_to_server(!program.is_pg_restore);
    for (name, value) in std::mem::take(&mut options.extras.settings) {
        restorer = restorer.set(name, value);
    }
    restorer = restorer.retry(options.extras.retry);
    if let Some(bytes) = options.extras.pipe_buffer {
        restorer = restorer.pipe_buffer(bytes);
    }
    if let Some(journal) = journal {
        restorer = restorer.journal(journal);
    }
    restorer
}

fn job(
    program: &Program,
    options: &mut Options,
    journal: Option<JournalOptions>,
) -> Result<Job, Fatal> {
    let mut parameters = Parameters::new(options.dbname.take().unwrap_or_default());
    let connection = std::mem::take(&mut options.connection);
    parameters.host = connection.host;
    parameters.port = connection.port;
    parameters.user = connection.user;
    parameters.prompt = connection.prompt;
    parameters.application = program.name.clone().into_bytes();
    parameters.newest_server = program.is_pg_restore.then_some(MAJOR);
    let libpq = Libpq::load().map_err(|error| Fatal::new(error.to_string()))?;
    let restorer = restorer(program, options, journal);
    let speaker = Speaker {
        program: program.speaker(),
        progress: options.extras.watcher.clone(),
        verbose: options.verbose,
        debug: options.debug,
    };
    Ok(Job { restorer, server: libpq.server(parameters), speaker })
}

/// Says on standard error what a restore has to say.
struct Speaker {
    program: super::messages::Speaker,
    progress: Option<Watcher>,
    verbose: bool,
    debug: bool,
}

impl Speaker {
    fn say(&self, level: &str, text: &[u8]) {
        match &self.progress {
            Some(progress) => progress.aside(level, text, || self.program.say(level, text)),
            None => self.program.say(level, text),
        }
    }
}

impl Voice for Speaker {
    fn error(&self, text: &[u8]) {
        self.say("error: ", text);
    }

    fn warning(&self, text: &[u8]) {
        self.say("warning: ", text);
    }

    fn progress(&self, progress: &Progress<'_>) {
        if let Some(watcher) = &self.progress {
            watcher.hear(progress);
        }
    }

    fn wants_progress(&self) -> bool {
        self.progress.is_some()
    }

    fn info(&self, text: &[u8]) {
        self.say("", text);
    }

    fn debug(&self, text: &[u8]) {
        self.say("", text);
    }

    fn is_verbose(&self) -> bool {
        self.verbose
    }

    fn now(&self) -> String {
        pgdmp_local_time::now()
    }

    fn is_debug(&self) -> bool {
        self.debug
    }
}
