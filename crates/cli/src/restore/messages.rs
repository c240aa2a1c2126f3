//! What is said on standard error, in pg_restore's words where it has some.

use std::cell::Cell;
use std::io;
use std::path::Path;

use super::super::colour;
use super::super::exit::Failure;
use super::super::hint::{hint, with_names};
use super::super::message::{self, shown};
use super::super::signals;
use pgdmp::error::NotAnArchive;
use pgdmp::text::Encoding;
use pgdmp::{Error, ErrorKind};

/// Under which names the program speaks.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// Before every message.
    pub(super) name: String,
    /// As it was called, which is what getopt uses.
    pub(super) invoked: Vec<u8>,
    /// What to type for help.
    pub(super) command: String,
    /// Whether it was called pg_restore, and is expected to do no more than that.
    pub(super) is_pg_restore: bool,
    /// That of the archive, as soon as it is known.
    pub(super) encoding: Cell<Encoding>,
}

/// Why a restore ends.
#[derive(Debug)]
pub(crate) struct Fatal {
    text: Vec<u8>,
    kind: Kind,
    hint: bool,
    /// More about it.
    detail: Option<Vec<u8>>,
    /// What helps, which pg_restore does not say.
    advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    /// From getopt.
    CommandLine,
    /// With nothing before it.
    Bare,
    /// Whoever read the output has seen enough.
    Quiet,
    /// It was told of before.
    Told,
}

impl Fatal {
    pub(super) fn new(text: impl Into<Vec<u8>>) -> Self {
        Fatal { text: text.into(), kind: Kind::Error, hint: false, detail: None, advice: None }
    }

    /// With the advice to look at the help.
    pub(super) fn with_hint(text: impl Into<Vec<u8>>) -> Self {
        Fatal { hint: true, ..Fatal::new(text) }
    }

    pub(super) fn command_line(text: Vec<u8>) -> Self {
        Fatal { kind: Kind::CommandLine, ..Fatal::with_hint(text) }
    }

    pub(super) fn without_program(self) -> Self {
        Fatal { kind: Kind::Bare, ..self }
    }

    /// All is said, and the end is a failure.
    pub(super) fn told() -> Self {
        Fatal { kind: Kind::Told, ..Fatal::new("") }
    }

    pub(super) fn with_detail(self, detail: Vec<u8>) -> Self {
        Fatal { detail: Some(detail), ..self }
    }

    /// Writing failed.
    pub(super) fn output(error: &io::Error) -> Self {
        let kind =
            if error.kind() == io::ErrorKind::BrokenPipe { Kind::Quiet } else { Kind::Error };
        Fatal { kind, ..Fatal::new(format!("could not write to output file: {}", os(error))) }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// With what helps; see [`with_names`] for the names in it.
    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Fatal { advice: Some(advice.into()), ..self }
    }

    /// Puts the name of the archive into the advice.
    pub(super) fn about(mut self, path: &Path) -> Self {
        self.advice = self.advice.map(|advice| with_names(&advice, Some(path)));
        self
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.kind == Kind::Quiet
    }
}

impl From<Failure> for Fatal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Archive(error) | Failure::Elsewhere { error, .. } => Fatal::from(error),
            Failure::Output(error) => Fatal::output(&error),
            Failure::Usage(what)
            | Failure::Lines(what)
            | Failure::Nothing(what)
            | Failure::Ambiguous { what, .. } => Fatal::new(what),
        }
    }
}

impl From<Fatal> for Failure {
    fn from(fatal: Fatal) -> Self {
        Failure::Usage(shown(&fatal.text))
    }
}

impl From<Error> for Fatal {
    fn from(error: Error) -> Self {
        let text = match error.kind() {
            // Of a member that was cut off pg_restore says nothing, or never ends.
            ErrorKind::Truncated { .. } if error.member().is_none() || error.entry().is_none() => {
                "could not read from input file: end of file".to_owned()
            }
            ErrorKind::UnsupportedVersion(version) => {
                // It prints the numbers as signed bytes.
                let (major, minor) = (version.major as i8, version.minor as i8);
                format!("unsupported version ({major}.{minor}) in file header")
            }
            ErrorKind::UnsupportedCompression(algorithm) | ErrorKind::NotEnabled(algorithm) => {
                format!(
                    "cannot restore from compressed archive ({})",
                    no_compression(algorithm.name())
                )
            }
            ErrorKind::NotAnArchive(NotAnArchive::TarWithoutToc) => {
                "could not find header for file \"toc.dat\" in tar archive".to_owned()
            }
            ErrorKind::Io(cause) => match error.path() {
                Some(path) => {
                    format!("could not open input file \"{}\": {}", path.display(), os(cause))
                }
                None => format!("could not read from input file: {}", os(cause)),
            },
            ErrorKind::NotFound { .. } if error.path().is_some() => {
                let path = error.path().unwrap_or(Path::new(""));
                let name = path.file_name().unwrap_or_default().as_encoded_bytes();
                let what = path.display();
                if name.starts_with(b"blobs") {
                    format!(
                        "could not open large object TOC file \"{what}\" for input: \
                         No such file or directory"
                    )
                } else {
                    format!("could not open input file \"{what}\": No such file or directory")
                }
            }
            ErrorKind::Usage { what } => what.clone().into_owned(),
            _ => error.to_string(),
        };
        Fatal { advice: hint(&error), ..Fatal::new(text) }
    }
}

pub(super) fn no_compression(name: &str) -> String {
    format!("this build does not support compression with {name}")
}

/// An error of the operating system in its own words, without the number that Rust adds.
pub(super) fn os(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

impl Program {
    pub(super) fn fatal(&self, fatal: &Fatal) {
        match fatal.kind {
            Kind::Quiet | Kind::Told => return,
            Kind::Error => self.say("error: ", &fatal.text),
            Kind::Bare => self.line(&[&fatal.text]),
            Kind::CommandLine => self.line(&[&self.invoked, b": ", &fatal.text]),
        }
        if let Some(detail) = &fatal.detail {
            self.say("detail: ", detail);
        }
        if fatal.hint {
            let hint = format!("Try \"{} --help\" for more information.", self.command);
            self.say("hint: ", hint.as_bytes());
        }
        if let Some(advice) = &fatal.advice
            && !self.is_pg_restore
        {
            self.say("hint: ", advice.as_bytes());
        }
    }

    pub(super) fn warning(&self, text: impl AsRef<[u8]>) {
        self.say("warning: ", text.as_ref());
    }

    /// Something that is not the end.
    pub(super) fn error(&self, text: impl AsRef<[u8]>) {
        self.say("error: ", text.as_ref());
    }

    pub(super) fn note(&self, text: impl AsRef<[u8]>) {
        self.say("note: ", text.as_ref());
    }

    pub(super) fn hint(&self, text: impl AsRef<[u8]>) {
        self.say("hint: ", text.as_ref());
    }

    pub(super) fn info(&self, text: impl AsRef<[u8]>) {
        self.say("", text.as_ref());
    }

    fn say(&self, level: &str, text: &[u8]) {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        // pg_restore has colours where PG_COLOR asks for them, which is not looked at here.
        let level = match self.is_pg_restore {
            true => level.to_owned(),
            false => colour::level(level),
        };
        message::levelled_line(&self.name, &level, text, self.encoding.get());
    }

    fn line(&self, parts: &[&[u8]]) {
        message::line(&parts.concat(), self.encoding.get());
    }

    /// Says what a server has to say, from any thread.
    pub(super) fn speaker(&self) -> Speaker {
        Speaker { name: self.name.clone(), encoding: self.encoding.get() }
    }
}

/// Says in the program's name what has several lines.
pub(super) struct Speaker {
    name: String,
    encoding: Encoding,
}

impl Speaker {
    pub(super) fn say(&self, level: &str, text: &[u8]) {
        // What a signal ended is no error to tell of.
        signals::wait_if_ending();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let parts = [self.name.as_bytes(), b": ", level.as_bytes(), text];
        message::text(&parts.concat(), self.encoding);
    }
}
