//! The error type: what happened, where, and in which entry.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{self, Write};
use std::io;
use std::path::{Path, PathBuf};

use crate::compression::Algorithm;
use crate::encoding::Encoding;
pub use crate::not_an_archive::NotAnArchive;
use crate::text::{Clean, Printable};
use crate::version::ArchiveVersion;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error type of this crate, with the place in the archive if it is known.
///
/// [`kind`](Error::kind) says what happened; [`offset`](Error::offset), [`member`](Error::member),
/// [`entry`](Error::entry) and [`path`](Error::path) say where. The type is one pointer wide.
///
/// ```
/// use pgdmp::{Archive, ErrorKind};
///
/// let error = Archive::open("Cargo.toml").unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::NotAnArchive(_)));
/// assert!(error.path().is_some());
/// println!("{error}");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    fault: Option<Fault>,
    offset: Option<u64>,
    member: Option<String>,
    entry: Option<EntryName>,
    path: Option<PathBuf>,
}

/// What exactly is wrong, where the [`ErrorKind`] alone does not tell. Verification has codes for
/// these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each compression that is built in has its own")]
pub(crate) enum Fault {
    /// A checksum of compressed data differs.
    Checksum,
    /// Compressed data is longer or shorter than it says.
    Length,
    /// Compressed data ends too early.
    DataCut,
    /// There is not a byte of compressed data.
    Nothing,
    /// Bytes follow the end of compressed data.
    BytesBehind,
    /// A zstd frame begins within a chunk.
    FrameWithinChunk,
    /// Rows without their end marker.
    EndMarker,
    /// Large objects that are missing, come twice, or should not be there.
    LargeObjects,
    /// A list of large objects that cannot be read.
    ObjectList,
    /// A data offset that leads to something else.
    Offset,
    /// No block has the entry's data.
    NoBlock,
    /// A chunk or block that cannot be.
    Framing,
    /// A tar whose members are not what they should be.
    Tar,
    /// A file that is none, or whose name is none.
    Member,
    /// The header of an archive, of which the rest is there.
    Header,
}

/// The kinds of [`Error`]s.
///
/// See the example of [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system failed to read or write.
    Io(io::Error),
    /// The input ends too early: it was cut off, or a length in it is wrong.
    Truncated {
        /// What the input ends in.
        within: Cow<'static, str>,
    },
    /// The input violates the format.
    Malformed {
        /// Which rule, in words.
        what: Cow<'static, str>,
    },
    /// The input is not an archive.
    NotAnArchive(NotAnArchive),
    /// The archive's version is not supported.
    UnsupportedVersion(ArchiveVersion),
    /// The data has an unknown compression, or an unknown form of one.
    UnsupportedCompression(Algorithm),
    /// The compression is not enabled in this build of the crate; see its features.
    NotEnabled(Algorithm),
    /// A bound of [`Limits`](crate::Limits) was exceeded.
    Limit {
        /// What is bounded.
        what: &'static str,
        /// The bound.
        limit: u64,
        /// The method of [`Limits`](crate::Limits) that raises it.
        knob: &'static str,
    },
    /// The data of a table has an invalid row.
    Row {
        /// The number of the row, from 1.
        row: u64,
        /// The position in the table's data, in bytes, decompressed.
        byte: u64,
        /// What is wrong with it.
        what: Cow<'static, str>,
    },
    /// The rows of a table are rewritten, and the rewriter failed: see
    /// [`RewriteRows`](crate::rows::RewriteRows).
    Rewrite {
        /// The number of the row, from 1; 0 before the first.
        row: u64,
        /// The rewriter's error.
        error: Box<dyn StdError + Send + Sync>,
    },
    /// A filter file ([`Selection::read_filter`](crate::Selection::read_filter)) has an invalid
    /// line.
    Filter {
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong with it, in pg_restore's words, with the file's.
        what: Vec<u8>,
    },
    /// The archive uses something that must be allowed explicitly.
    NotAllowed {
        /// What it has.
        what: &'static str,
        /// The method of [`OpenOptions`](crate::OpenOptions) that allows it.
        knob: &'static str,
    },
    /// The requested object is not in the archive.
    NotFound {
        /// What was asked for.
        what: Cow<'static, str>,
    },
    /// The requested operation is not possible with this archive.
    Usage {
        /// What cannot be done, and what can.
        what: Cow<'static, str>,
    },
}

impl ErrorKind {
    fn name(&self) -> &'static str {
        match self {
            ErrorKind::Io(_) => "Io",
            ErrorKind::Truncated { .. } => "Truncated",
            ErrorKind::Malformed { .. } => "Malformed",
            ErrorKind::NotAnArchive(_) => "NotAnArchive",
            ErrorKind::UnsupportedVersion(_) => "UnsupportedVersion",
            ErrorKind::UnsupportedCompression(_) => "UnsupportedCompression",
            ErrorKind::NotEnabled(_) => "NotEnabled",
            ErrorKind::Limit { .. } => "Limit",
            ErrorKind::Row { .. } => "Row",
            ErrorKind::Rewrite { .. } => "Rewrite",
            ErrorKind::Filter { .. } => "Filter",
            ErrorKind::NotAllowed { .. } => "NotAllowed",
            ErrorKind::NotFound { .. } => "NotFound",
            ErrorKind::Usage { .. } => "Usage",
        }
    }
}

/// The name of an entry in messages: its dump id, kind, schema and tag.
///
/// [`TocEntry::name`](crate::TocEntry::name) makes one, and [`Error::entry`] has one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryName {
    /// The dump id as stored.
    pub dump_id: i32,
    /// Kind, schema and tag, as far as they were read, in printable form. Very long ones are
    /// shortened.
    pub name: String,
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Anybody may have made it.
        let f = &mut Clean(f);
        write!(f, "entry {}", self.dump_id)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " {}", self.name) }
    }
}

impl Error {
    /// Makes an error of this kind, without a place.
    pub fn new(kind: ErrorKind) -> Self {
        let (offset, member, entry, path) = (None, None, None, None);
        Error(Box::new(Inner { kind, fault: None, offset, member, entry, path }))
    }

    pub(crate) fn malformed(what: impl Into<Cow<'static, str>>) -> Self {
        Error::new(ErrorKind::Malformed { what: what.into() })
    }

    pub(crate) fn truncated(within: impl Into<Cow<'static, str>>) -> Self {
        Error::new(ErrorKind::Truncated { within: within.into() })
    }

    pub(crate) fn usage(what: impl Into<Cow<'static, str>>) -> Self {
        Error::new(ErrorKind::Usage { what: what.into() })
    }

    pub(crate) fn not_found(what: impl Into<Cow<'static, str>>) -> Self {
        Error::new(ErrorKind::NotFound { what: what.into() })
    }

    /// The kind of the error.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        self.0.fault
    }

    pub(crate) fn with_fault(mut self, fault: Fault) -> Self {
        self.0.fault.get_or_insert(fault);
        self
    }

    /// Converts the error into its kind, without the place.
    pub fn into_kind(self) -> ErrorKind {
        self.0.kind
    }

    /// Position in bytes from the start of the archive file, or of the [`member`](Self::member).
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// The file of a directory archive, or the member of a tar, in which the error happened.
    pub fn member(&self) -> Option<&str> {
        self.0.member.as_deref()
    }

    /// The entry in which the error happened.
    pub fn entry(&self) -> Option<&EntryName> {
        self.0.entry.as_ref()
    }

    /// The file or directory that was being opened.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// Whether the operating system failed.
    pub fn is_io(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Io(_))
    }

    /// Whether the input ends too early.
    pub fn is_truncated(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Truncated { .. })
    }

    /// Whether a newer release or another build of this crate could do it.
    pub fn is_unsupported(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::UnsupportedVersion(_)
                | ErrorKind::UnsupportedCompression(_)
                | ErrorKind::NotEnabled(_)
        )
    }

    /// Whether a bound of [`Limits`](crate::Limits) was met.
    pub fn is_limit(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Limit { .. })
    }

    // A place is attached once, by the innermost layer that knows it.

    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    pub(crate) fn in_member(mut self, name: &str) -> Self {
        self.0.member.get_or_insert_with(|| name.to_owned());
        self
    }

    pub(crate) fn in_entry(mut self, entry: impl FnOnce() -> EntryName) -> Self {
        self.0.entry.get_or_insert_with(entry);
        self
    }

    /// Adds the path of the archive, unless the error has one. This is for programs that open a
    /// file themselves and read it as a [`Source`](crate::source::Source) or a pipe.
    #[must_use]
    pub fn in_path(mut self, path: &Path) -> Self {
        self.0.path.get_or_insert_with(|| path.to_owned());
        self
    }
}

impl fmt::Display for Error {
    /// One line, that a terminal does not obey: see [`Printable`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut Clean(f);
        let inner = &*self.0;
        if let Some(path) = &inner.path {
            write!(f, "{}: ", path.display())?;
        }
        write!(f, "{}", inner.kind)?;
        write_place(f, inner.entry.as_ref(), inner.member.as_deref(), inner.offset)
    }
}

/// Writes where something is, behind what it is.
pub(crate) fn write_place(
    f: &mut impl Write,
    entry: Option<&EntryName>,
    member: Option<&str>,
    offset: Option<u64>,
) -> fmt::Result {
    if let Some(entry) = entry {
        write!(f, ", in {entry}")?;
    }
    match (member, offset) {
        (Some(member), Some(offset)) => write!(f, ", in {member} at offset {offset}"),
        (Some(member), None) => write!(f, ", in {member}"),
        (None, Some(offset)) => write!(f, ", at offset {offset}"),
        (None, None) => Ok(()),
    }
}

impl fmt::Display for ErrorKind {
    /// What happened, without the place; a terminal does not obey it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut Clean(f);
        match self {
            // The cause is part of the message here: "could not read" alone says nothing.
            ErrorKind::Io(error) => write!(f, "{error}"),
            ErrorKind::Truncated { within } => write!(f, "unexpected end of input in {within}"),
            ErrorKind::Malformed { what } | ErrorKind::Usage { what } => f.write_str(what),
            ErrorKind::NotFound { what } => write!(f, "{what} not found"),
            ErrorKind::NotAnArchive(what) => write!(f, "{what}"),
            ErrorKind::UnsupportedVersion(version) => write!(
                f,
                "archive version {version} is not supported, only {}.{} to {}.{}",
                ArchiveVersion::OLDEST.major,
                ArchiveVersion::OLDEST.minor,
                ArchiveVersion::NEWEST.major,
                ArchiveVersion::NEWEST.minor,
            ),
            ErrorKind::UnsupportedCompression(algorithm) => {
                write!(f, "compression {algorithm} is not supported")
            }
            ErrorKind::NotEnabled(algorithm) => {
                write!(f, "this build is without compression {algorithm} (feature \"{algorithm}\")")
            }
            ErrorKind::Row { row, byte, what } => {
                write!(f, "row {row}, at byte {byte} of the data: {what}")
            }
            // The cause is part of the message here, too.
            ErrorKind::Rewrite { row: 0, error } => write!(f, "{error}"),
            ErrorKind::Rewrite { row, error } => write!(f, "row {row}: {error}"),
            ErrorKind::Filter { line, what } => {
                let what = Printable::new(what, Encoding::UTF8);
                write!(f, "line {line} of the filter: {what}")
            }
            ErrorKind::NotAllowed { what, knob } => {
                write!(f, "{what} (OpenOptions::{knob} allows it)")
            }
            ErrorKind::Limit { what, limit, knob } => {
                write!(f, "{what}: more than the limit of {limit} (Limits::{knob})")
            }
        }
    }
}

impl fmt::Debug for Error {
    /// The message and the kind: `fn main() -> pgdmp::Result<()>` shows this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({})", self.0.kind.name())
    }
}

impl StdError for Error {
    /// The [`io::Error`], if the operating system failed. Its text is part of the message, too.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.kind {
            ErrorKind::Io(error) => Some(error),
            ErrorKind::Rewrite { error, .. } => Some(&**error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    /// Takes an [`Error`] that travelled through [`io::Read`] out of its wrapping.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(inner) => inner,
            Err(error) => Error::new(ErrorKind::Io(error)),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Io(error) => error.kind(),
            ErrorKind::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            ErrorKind::UnsupportedVersion(_)
            | ErrorKind::UnsupportedCompression(_)
            | ErrorKind::NotEnabled(_) => io::ErrorKind::Unsupported,
            ErrorKind::NotFound { .. } => io::ErrorKind::NotFound,
            ErrorKind::Usage { .. } => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_says_what_where_and_which() {
        let error = Error::truncated("a chunk of data")
            .at(8000)
            .at(1)
            .in_entry(|| EntryName { dump_id: 3215, name: "TABLE DATA public.orders".into() });
        assert_eq!(
            error.to_string(),
            "unexpected end of input in a chunk of data, \
             in entry 3215 TABLE DATA public.orders, at offset 8000"
        );
    }

    /// Files, members, causes: whatever a stranger may have named.
    #[test]
    fn no_part_of_a_message_is_obeyed() {
        let error = Error::malformed("a\x1b[2Jb\nc")
            .in_path(Path::new("x\u{202e}y"))
            .in_member("m\u{9b}31m")
            .in_entry(|| EntryName { dump_id: 1, name: "n\r".into() });
        let name = EntryName { dump_id: 1, name: "n\u{2066}".into() };
        let io = Error::from(io::Error::other("e\x07"));
        for text in [error.to_string(), name.to_string(), io.to_string()] {
            assert!(
                text.chars().all(crate::text::Printable::shows) && text.contains('\\'),
                "{text:?}"
            );
        }
    }

    #[test]
    fn debug_is_the_message_and_the_kind() {
        let error = Error::truncated("the header").at(127);
        let shown = format!("{error:?}");
        assert_eq!(shown, "unexpected end of input in the header, at offset 127 (Truncated)");
        let error = Error::from(io::Error::from(io::ErrorKind::NotFound));
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::NotFound));
    }

    #[test]
    fn survives_io_error() {
        let error = Error::from(io::Error::from(Error::malformed("x").at(7)));
        assert_eq!(error.offset(), Some(7));
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
