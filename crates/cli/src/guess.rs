//! Command lines in which something is left out that can be nothing else.

use std::ffi::OsString;
use std::fs;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::args::Cli;
use crate::stdio;

/// Takes a command line apart, without the program's name. `pgdmp FILE` shows the file, and a
/// command without its archive reads standard input, where something may come from there.
pub(crate) fn parse(invoked: OsString, args: Vec<OsString>) -> Result<Cli, clap::Error> {
    let line = |args: &[OsString]| -> Vec<OsString> {
        [invoked.clone()].into_iter().chain(args.iter().cloned()).collect()
    };
    let error = match Cli::try_parse_from(line(&args)) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    let guess = match error.kind() {
        ErrorKind::InvalidSubcommand => shown(&args),
        ErrorKind::MissingRequiredArgument if lacks_archive(&error) && may_read_stdin() => {
            Some(args.into_iter().chain(["-".into()]).collect())
        }
        _ => None,
    };
    match guess {
        // What is wrong with a guess is nothing to tell of.
        Some(guess) => Cli::try_parse_from(line(&guess)).map_err(|_| error),
        None => Err(error),
    }
}

/// The command line with `show` before the name of a file.
fn shown(args: &[OsString]) -> Option<Vec<OsString>> {
    let at = args.iter().position(|arg| !arg.as_encoded_bytes().starts_with(b"-") || arg == "-")?;
    let is_there = args[at] == "-" || fs::metadata(&args[at]).is_ok();
    let is_command = Cli::command().find_subcommand(&args[at]).is_some();
    if !is_there || is_command {
        return None;
    }
    let mut guess = args.to_vec();
    guess.insert(at, "show".into());
    Some(guess)
}

/// Whether the archive is all that is missing.
fn lacks_archive(error: &clap::Error) -> bool {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(missing)) => missing[..] == ["<ARCHIVE>"],
        _ => false,
    }
}

/// Whether an archive may come from standard input: from a pipe or a file. Nothing comes from
/// `/dev/null`, and from a terminal only by mistake.
fn may_read_stdin() -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = stdio::stdin().map(|metadata| metadata.file_type());
        kind.is_some_and(|kind| kind.is_fifo() || kind.is_file() || kind.is_socket())
    }
    #[cfg(not(unix))]
    {
        use std::io::IsTerminal;
        !std::io::stdin().is_terminal()
    }
}
