//! `pgdmp restore`, which is also what the program is when it is called `pg_restore`: the same
//! options, output, messages and exit codes as PostgreSQL 18's.

mod check;
mod database;
mod destination;
mod extras;
pub(crate) mod filter;
mod getopt;
mod help;
mod input;
mod messages;
mod opened;
mod options;
mod plan;
mod progress;
mod script;
mod table;

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::inputs::Inputs;
use crate::selection::nothing_named;
use crate::stdio::{self, Stdout};
use crate::{Context, rest};
use destination::{Destination, check_output};
use messages::{Fatal, Program, os};
use opened::{check_session, tell_of_opening, warn_of_archive};
use options::{Options, to_path};
use pgdmp::adapt::Adapted;
use pgdmp::select::{Selected, UseList};
use pgdmp::text::Encoding;
use pgdmp::{ErrorKind, Input, Listing, Toc};
use progress::Watcher;
use script::write_sql;
pub(crate) use table::documented;

/// Restore an archive into a database, or print its SQL, with all options of pg_restore
///
/// The options are those of pg_restore 18, and the SQL is the same, byte for byte. All options are
/// listed by pgdmp restore --help. Linked or copied under the name pg_restore, the program is this
/// command.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct Args {
    /// Options of pg_restore, and the archive
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTION|ARCHIVE")]
    args: Vec<OsString>,
}

/// The release whose behaviour this is.
const RELEASE: &str = "18.6";

/// Whether the program goes by the name of pg_restore.
pub(crate) fn is_called_pg_restore(invoked: &OsStr) -> bool {
    Path::new(invoked).file_stem().is_some_and(|name| name == "pg_restore")
}

/// Runs it under the name of pg_restore. The first argument is how it was called.
pub(crate) fn run_as_pg_restore(
    invoked: OsString,
    args: impl Iterator<Item = OsString>,
) -> ExitCode {
    let program = Program {
        name: "pg_restore".to_owned(),
        invoked: invoked.into_encoded_bytes(),
        command: "pg_restore".to_owned(),
        is_pg_restore: true,
        encoding: Cell::new(Encoding::SQL_ASCII),
    };
    start(&program, args)
}

/// Runs it as a command of pgdmp.
pub(crate) fn run_as_command(args: impl Iterator<Item = OsString>, quiet: bool) -> ExitCode {
    let program = Program {
        name: "pgdmp".to_owned(),
        invoked: b"pgdmp".to_vec(),
        command: "pgdmp restore".to_owned(),
        is_pg_restore: false,
        encoding: Cell::new(Encoding::SQL_ASCII),
    };
    let quiet = quiet.then(|| OsString::from("--quiet"));
    start(&program, quiet.into_iter().chain(args))
}

/// Runs it with arguments that came through the parser of the other commands.
pub(crate) fn run(args: Args, context: &Context) -> ExitCode {
    let before = context.follow_links.then(|| OsString::from("--follow-links"));
    run_as_command(before.into_iter().chain(args.args), context.quiet)
}

fn start(program: &Program, args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<Vec<u8>> = args.map(OsString::into_encoded_bytes).collect();
    // What may come before an option that stands alone.
    let first = args.iter().find(|arg| **arg != b"--quiet");
    let result = match first.map(Vec::as_slice) {
        Some(b"--help" | b"-?") => print(&help::text(&program.command, program.is_pg_restore)),
        Some(b"--version" | b"-V") => print(&format!(
            "pg_restore (PostgreSQL) {RELEASE} (pgdmp {})\n",
            env!("CARGO_PKG_VERSION")
        )),
        _ => restore(program, args),
    };
    crate::signals::wait_if_ending();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever does not want to read it all has seen enough.
        Err(fatal) if fatal.is_quiet() => ExitCode::SUCCESS,
        Err(fatal) => {
            program.fatal(&fatal);
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> Result<(), Fatal> {
    Stdout::new().write_all(text.as_bytes()).map_err(|error| Fatal::output(&error))
}

fn restore(program: &Program, args: Vec<Vec<u8>>) -> Result<(), Fatal> {
    let mut options = Options::parse(args, program.is_pg_restore)?;
    let into_database = (options.dbname.is_some() || options.extras.plan) && !options.list;
    options.inputs = inputs(program, &options);
    if !into_database {
        check_output(options.output.as_deref(), &options.inputs)?;
    }
    if into_database && !options.extras.check && !options.extras.plan {
        options.extras.watcher = options.shown_progress().map(Watcher::new);
    }
    if options.debug {
        tell_of_opening(program, &options);
    }
    let input = input::open(program, &options)?;
    program.encoding.set(input.toc().text_encoding());
    let created = warn_of_archive(program, input.toc(), options.debug);
    check_session(input.toc())?;
    if let Some(list) = use_list(program, &options, input.toc())? {
        options.selection = options.selection.use_list(list);
    }
    let path = to_path(options.input.as_deref().unwrap_or(b"-"));
    let mut input = if options.list {
        list(program, &options, &input, created)?;
        input
    } else if into_database {
        database::restore(program, options, input, created)?
    } else {
        match input {
            Input::Archive(archive) => {
                write_sql(program, options, archive.toc(), created, |restore, selected, sink| {
                    restore.run(&archive, selected, sink)
                })?;
                Input::Archive(archive)
            }
            Input::Stream(mut stream) => {
                let toc = stream.shared_toc();
                write_sql(program, options, &toc, created, |restore, selected, sink| {
                    restore.run_stream(&mut stream, selected, sink)
                })?;
                Input::Stream(stream)
            }
        }
    };
    // pg_restore says nothing of it.
    if let Some(text) = crate::input::surplus(&mut input, &path).filter(|_| !program.is_pg_restore)
    {
        program.warning(text);
    }
    Ok(())
}

/// All that is read.
fn inputs(program: &Program, options: &Options) -> Inputs {
    let archive = match options.input.as_deref() {
        // There it is the name of a file.
        Some(b"-") if program.is_pg_restore => PathBuf::from("./-"),
        name => to_path(name.unwrap_or(b"-")),
    };
    let lists: Vec<_> =
        options.use_list.iter().chain(&options.filters).map(|f| to_path(f)).collect();
    Inputs::archives([&*archive]).with_lists(lists.iter().map(PathBuf::as_path))
}

/// Tells who sits at the terminal what pg_restore is silent about: what a choice by name leaves out,
/// and what an older server will refuse of the script.
fn tell_people(program: &Program, options: &Options, selected: &Selected<'_>) {
    if !speaks_to_people(program, options) {
        return;
    }
    for note in rest::notes(&options.selection, selected, selected.toc()).unwrap_or_default() {
        program.note(note);
    }
    let release = selected.toc().header().server_version.as_deref().and_then(major);
    // The first release with transaction_timeout, which the script sets.
    if let Some(release @ ..17) = release
        && options.extras.server.target.is_none()
        && options.dbname.is_none()
    {
        program.hint(format!(
            "the script is the one of pg_restore 18; for a server like the archive's add \
             --target-version {release}"
        ));
    }
}

fn speaks_to_people(program: &Program, options: &Options) -> bool {
    let extras = &options.extras;
    let asked_for_exact = !extras.means.is_fast();
    stdio::says_to_terminal() && !program.is_pg_restore && !extras.quiet && !asked_for_exact
}

/// The major release in what a server calls itself.
fn major(version: &[u8]) -> Option<u32> {
    let digits = version.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(version.get(..digits)?).ok()?.parse().ok()
}

/// What the options choose, and how it is adapted to the server they name.
fn chosen<'t>(
    program: &Program,
    options: &mut Options,
    toc: &'t Toc,
) -> Result<(Selected<'t>, Adapted), Fatal> {
    let mut selected = options.selection.apply(toc)?;
    check_names(program, options, &selected)?;
    if let Some(target) = options.extras.server.target {
        options.set(|script| script.target(target));
    }
    let adapted = options.extras.server.adapt(&mut selected, |text| program.warning(text))?;
    Ok((selected, adapted))
}

fn use_list(program: &Program, options: &Options, toc: &Toc) -> Result<Option<UseList>, Fatal> {
    let Some(name) = &options.use_list else { return Ok(None) };
    if **name == *b"-" && !program.is_pg_restore {
        let list = UseList::read(io::stdin().lock(), toc)?;
        for line in list.ignored() {
            program.warning([b"line ignored: ", &line[..]].concat());
        }
        return Ok(Some(list));
    }
    let file = File::open(to_path(name)).map_err(|error| {
        let end = format!("\": {}", os(&error));
        Fatal::new([b"could not open TOC file \"", &name[..], end.as_bytes()].concat())
    })?;
    let list = UseList::read(BufReader::new(file), toc).map_err(|error| {
        // The one entry it can be about is the one that the archive lacks.
        match error.entry() {
            Some(entry) => Fatal::new(format!("could not find entry for ID {}", entry.dump_id)),
            None => {
                let error = match error.kind() {
                    ErrorKind::Io(error) => os(error),
                    _ => error.to_string(),
                };
                let end = format!("\": {error}");
                Fatal::new([b"could not read TOC file \"", &name[..], end.as_bytes()].concat())
            }
        }
    })?;
    for line in list.ignored() {
        program.warning([b"line ignored: ", &line[..]].concat());
    }
    Ok(Some(list))
}

fn list(program: &Program, options: &Options, input: &Input, created: String) -> Result<(), Fatal> {
    let toc = input.toc();
    let selected = options.selection.apply(toc)?;
    let mut output = Destination::open(options.output.as_deref(), &options.inputs, toc)?;
    Listing::new(toc, input.format())
        .created(created)
        .verbose(options.verbose)
        .write(&selected, &mut output)
        .and_then(|()| output.finish())
        .map_err(|error| Fatal::output(&error))?;
    check_names(program, options, &selected)
}

/// `--strict-names`. Without it pg_restore does not say that a name matched nothing.
fn check_names(program: &Program, options: &Options, selected: &Selected<'_>) -> Result<(), Fatal> {
    if let Some(unmatched) = selected.unmatched().filter(|_| options.strict_names) {
        let start = format!("{} \"", unmatched.what);
        return Err(Fatal::new([start.as_bytes(), &unmatched.name, b"\" not found"].concat()));
    }
    if !program.is_pg_restore {
        for unmatched in selected.unmatched_names() {
            program.warning(nothing_named(unmatched, selected.toc()));
        }
    }
    Ok(())
}
