//! Findings: notes, warnings and errors about an archive.

use std::fmt;

use crate::error::{EntryName, Error, write_place};
use crate::text::Clean;

/// The severity of a [`Finding`], from least to worst.
///
/// See the example of [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Harmless, but worth knowing.
    Note,
    /// Something was changed, left out or mended, or may be a problem for other readers of the
    /// archive.
    Warning,
    /// A part of the archive is damaged or lost.
    Error,
}

/// A note, warning or error about an archive, with its place and severity.
///
/// An [`Error`] ends an operation, and a finding does not. [`From`] converts an error into a
/// finding. [`Display`](fmt::Display) writes one line with everything except the severity.
///
/// ```
/// use pgdmp::{Error, ErrorKind};
/// use pgdmp::finding::{Finding, Severity};
///
/// let error = Error::new(ErrorKind::NotFound { what: "entry 7".into() });
/// let finding = Finding::from(&error);
/// assert_eq!(finding.severity, Severity::Error);
/// assert_eq!(finding.to_string(), error.to_string());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// The message, without the place.
    pub what: String,
    /// The entry that the finding is about.
    pub entry: Option<EntryName>,
    /// The file of a directory archive, or the member of a tar, that the finding is about.
    pub member: Option<String>,
    /// Position in bytes from the start of the archive file, or of the [`member`](Self::member).
    pub offset: Option<u64>,
}

impl Finding {
    /// A finding without a place.
    pub fn new(severity: Severity, what: impl Into<String>) -> Self {
        Finding { severity, what: what.into(), entry: None, member: None, offset: None }
    }

    /// Sets the entry.
    #[must_use]
    pub fn in_entry(mut self, entry: EntryName) -> Self {
        self.entry = Some(entry);
        self
    }

    /// Sets the severity.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

impl From<&Error> for Finding {
    /// Makes a finding with the severity [`Severity::Error`].
    fn from(error: &Error) -> Self {
        Finding {
            severity: Severity::Error,
            what: error.kind().to_string(),
            entry: error.entry().cloned(),
            member: error.member().map(str::to_owned),
            offset: error.offset(),
        }
    }
}

impl fmt::Display for Finding {
    /// One line, that a terminal does not obey: see [`Printable`](crate::text::Printable).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut Clean(f);
        fmt::Write::write_str(f, &self.what)?;
        write_place(f, self.entry.as_ref(), self.member.as_deref(), self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_the_same() {
        let name = EntryName { dump_id: 3480, name: "TABLE DATA public.\x1b[2Jevents".into() };
        for error in [
            Error::truncated("a chunk of data"),
            Error::malformed("a\x1b[2Jb").at(7),
            Error::malformed("x").in_member("1.dat").in_entry(|| name.clone()),
            Error::truncated("y").at(8).in_member("m\n").in_entry(|| name),
        ] {
            let text = Finding::from(&error).to_string();
            assert_eq!(text, error.to_string());
            assert!(text.chars().all(crate::text::Printable::shows), "{text:?}");
        }
        assert!(Severity::Error > Severity::Warning && Severity::Warning > Severity::Note);
    }
}
