//! `-d`: into a database.

use pgdmp::{Input, Selected, Toc};
use pgdmp_live::{Fatal as Ended, Libpq, LibpqServer, Parameters, Restorer, Voice};

use super::messages::{Fatal, Program};
use super::options::Options;
use super::{check_compression, chosen};
use crate::explain::explain;
use crate::signals;

/// The release of PostgreSQL whose pg_restore this is.
const MAJOR: u32 = 18;

/// Restores an archive, and gives it back.
pub(super) fn restore(
    program: &Program,
    mut options: Options,
    input: Input,
) -> Result<Input, Fatal> {
    match input {
        Input::Archive(archive) => {
            run(program, &mut options, archive.toc(), |job, selected| {
                job.restorer.archive(&archive, selected, &job.server, &job.speaker)
            })?;
            Ok(Input::Archive(archive))
        }
        Input::Stream(mut stream) => {
            let toc = stream.shared_toc();
            run(program, &mut options, &toc, |job, selected| {
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
    restore: impl FnOnce(&Job, &Selected<'_>) -> Result<pgdmp::Report, Ended>,
) -> Result<(), Fatal> {
    let (selected, adapted) = chosen(program, options, toc)?;
    if let Some(form) = options.extras.explain {
        return Ok(explain(&selected, form)?);
    }
    let selected = adapted.selected(&selected);
    check_compression(&selected)?;
    let job = job(program, options)?;
    let cancels = job.server.cancels();
    let name = program.name.clone();
    signals::end_restore(move || cancels.cancel_all(), &name);
    match restore(&job, &selected) {
        Ok(report) if report.errors == 0 => Ok(()),
        Ok(report) => {
            program.warning(format!("errors ignored on restore: {}", report.errors));
            Err(Fatal::told())
        }
        Err(Ended::Told) => Err(Fatal::told()),
        Err(Ended::Archive(error)) => Err(Fatal::from(error)),
        Err(Ended::Server { text, detail }) => {
            let fatal = Fatal::new(text);
            Err(match detail {
                Some(detail) => fatal.with_detail(detail),
                None => fatal,
            })
        }
        Err(error) => Err(Fatal::new(error.to_string())),
    }
}

fn job(program: &Program, options: &mut Options) -> Result<Job, Fatal> {
    let mut parameters = Parameters::new(options.dbname.take().unwrap_or_default());
    let connection = std::mem::take(&mut options.connection);
    parameters.host = connection.host;
    parameters.port = connection.port;
    parameters.user = connection.user;
    parameters.prompt = connection.prompt;
    parameters.application = program.name.clone().into_bytes();
    parameters.newest_server = program.is_pg_restore.then_some(MAJOR);
    let libpq = Libpq::load().map_err(|error| Fatal::new(error.to_string()))?;
    let mut restorer = Restorer::new();
    restorer
        .options(std::mem::take(&mut options.script))
        .exit_on_error(options.exit_on_error)
        .fit_to_server(!program.is_pg_restore);
    let speaker =
        Speaker { program: program.speaker(), verbose: options.verbose, debug: options.debug };
    Ok(Job { restorer, server: libpq.server(parameters), speaker })
}

/// Says on standard error what a restore has to say.
struct Speaker {
    program: super::messages::Speaker,
    verbose: bool,
    debug: bool,
}

impl Voice for Speaker {
    fn error(&self, text: &[u8]) {
        self.program.say("error: ", text);
    }

    fn warning(&self, text: &[u8]) {
        self.program.say("warning: ", text);
    }

    fn info(&self, text: &[u8]) {
        self.program.say("", text);
    }

    fn debug(&self, text: &[u8]) {
        self.program.say("", text);
    }

    fn is_verbose(&self) -> bool {
        self.verbose
    }

    fn is_debug(&self) -> bool {
        self.debug
    }
}
