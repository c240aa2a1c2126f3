//! Why a restore ends before its end.

use std::fmt;

use pgdmp::text::{Encoding, Printable};

/// Why a restore could not go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fatal {
    /// The archive, or an option that does not fit it.
    Archive(pgdmp::Error),
    /// The server, the connection to it, or libpq: in the words of `pg_restore`, and in the
    /// encoding of the archive or of the connection.
    Server {
        /// What happened.
        text: Vec<u8>,
        /// More about it.
        detail: Option<Vec<u8>>,
    },
    /// An error that the [`Voice`](crate::Voice) was told of, and that ends the restore because
    /// [such an end](crate::Restorer::exit_on_error) was wanted.
    Told,
    /// One of several sessions could not go on, for this reason; the others were stopped.
    Worker(Box<Fatal>),
}

impl Fatal {
    pub(crate) fn server(text: impl Into<Vec<u8>>) -> Self {
        Fatal::Server { text: text.into(), detail: None }
    }
}

impl From<pgdmp::Error> for Fatal {
    fn from(error: pgdmp::Error) -> Self {
        Fatal::Archive(error)
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |f: &mut fmt::Formatter<'_>, text: &[u8]| {
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            for (n, line) in text.split(|byte| *byte == b'\n').enumerate() {
                if n > 0 {
                    f.write_str("\n")?;
                }
                Printable::new(line, Encoding::UTF8).fmt(f)?;
            }
            Ok(())
        };
        match self {
            Fatal::Archive(error) => error.fmt(f),
            Fatal::Server { text, detail } => {
                show(f, text)?;
                match detail {
                    Some(detail) => {
                        f.write_str("\n")?;
                        show(f, detail)
                    }
                    None => Ok(()),
                }
            }
            Fatal::Told => f.write_str("the restore ended at an error"),
            Fatal::Worker(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for Fatal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Fatal::Archive(error) => Some(error),
            Fatal::Worker(reason) => reason.source(),
            _ => None,
        }
    }
}
