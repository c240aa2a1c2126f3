//! How a command ends.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::hint::hint;
use pgdmp::{Error, ErrorKind};

use crate::message;
use crate::stdio::Stdout;

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// The answer is no.
    Negative,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something about the archive.
    Archive(Error),
    /// The same, about a path that is not the one to be shown.
    Elsewhere { place: PathBuf, shown: PathBuf, error: Error },
    /// The output could not be written.
    Output(io::Error),
    /// What the user asked for makes no sense for this archive.
    Usage(String),
    /// What a server or another program said, on several lines.
    Lines(String),
    /// What the user asked for is not there: a negative answer, and nothing was made of it.
    Nothing(String),
    /// What the user asked for can mean one of these.
    Ambiguous { what: String, choices: Vec<String> },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Archive(error)
    }
}

impl Failure {
    pub(crate) fn is_closed_pipe(&self) -> bool {
        let error = match self {
            Failure::Output(error) => Some(error),
            Failure::Archive(error) | Failure::Elsewhere { error, .. } => match error.kind() {
                ErrorKind::Io(error) => Some(error),
                _ => None,
            },
            Failure::Usage(_)
            | Failure::Lines(_)
            | Failure::Nothing(_)
            | Failure::Ambiguous { .. } => None,
        };
        error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What the user can do about it, where that is known.
    fn hint(&self) -> Option<String> {
        let (Failure::Archive(error) | Failure::Elsewhere { error, .. }) = self else {
            return None;
        };
        hint(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Archive(error) => error.fmt(f),
            Failure::Elsewhere { place, shown, error } => {
                let place = place.as_os_str().as_encoded_bytes();
                let (text, place) = (error.to_string(), message::shown(place));
                match text.strip_prefix(&place) {
                    Some(rest) => write!(f, "{}{rest}", shown.display()),
                    None => f.write_str(&text),
                }
            }
            Failure::Lines(text) => f.write_str(text.lines().next().unwrap_or_default()),
            Failure::Output(error) => write!(f, "could not write: {error}"),
            Failure::Usage(what) | Failure::Nothing(what) | Failure::Ambiguous { what, .. } => {
                f.write_str(what)
            }
        }
    }
}

/// Prints what the parser of arguments has to say, which may be the help that was asked for.
pub(crate) fn parsed(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // A name that the shell found for a pattern may be a stranger's.
        message::parser(&error.render().to_string());
        return ExitCode::from(2);
    }
    let stdout = Stdout::new();
    let printed = match stdout.is_terminal() {
        true => error.print(),
        // The parser would not hear that a closed stream takes nothing.
        false => { stdout }.write_all(error.render().to_string().as_bytes()),
    };
    report(printed.map(|()| Exit::Done).map_err(Failure::Output))
}

/// An error of the operating system in its own words, without the number that Rust adds.
fn without_number(text: &str) -> String {
    let Some((before, after)) = text.split_once(" (os error ") else { return text.to_owned() };
    let end = after.find(')').map_or(after.len(), |end| end + 1);
    format!("{before}{}", &after[end..])
}

/// Prints a failure and makes the exit status.
pub(crate) fn report(result: Result<Exit, Failure>) -> ExitCode {
    crate::signals::wait_if_ending();
    match result {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Negative) => ExitCode::from(1),
        // Whoever closed the pipe has seen enough.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            message::error(without_number(&failure.to_string()));
            if let Failure::Lines(text) = &failure {
                for line in text.lines().skip(1) {
                    // libpq indents with tabs, which would be shown as an escape.
                    let line = line.replace('\t', "        ");
                    message::line(line.as_bytes(), pgdmp::text::Encoding::UTF8);
                }
            }
            if let Failure::Ambiguous { choices, .. } = &failure {
                choices.iter().for_each(message::choice);
            }
            if let Some(hint) = failure.hint() {
                message::hint(hint);
            }
            ExitCode::from(if matches!(failure, Failure::Nothing(_)) { 1 } else { 2 })
        }
    }
}
