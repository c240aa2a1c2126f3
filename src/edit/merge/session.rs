//! The session of a restore must be one for all entries.
//!
//! An archive that says nothing of it has the session of old releases, not that of the archive
//! beside it: pg_restore takes such names and data for bytes without an encoding, lets backslashes
//! escape in literals, and puts the schema of each entry before its statements.

use crate::archive::Archive;
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::toc::Toc;

/// What a restore tells the server before the first entry.
#[derive(Clone, Copy)]
struct Session<'a> {
    encoding: &'a [u8],
    std_strings: bool,
    search_path: Option<&'a [u8]>,
}

impl<'a> Session<'a> {
    fn of(toc: &'a Toc) -> Result<Self> {
        Ok(Session {
            encoding: toc.encoding()?.unwrap_or(b"SQL_ASCII"),
            std_strings: toc.std_strings()?,
            search_path: toc.search_path(),
        })
    }

    /// What the other one has otherwise, as a setting and both of its values.
    fn difference(self, other: Self) -> Option<(&'static str, [String; 2])> {
        let both = |of: fn(Self) -> String| [of(self), of(other)];
        let is_one = Encoding::find(self.encoding).is_some_and(|encoding| {
            Encoding::find(other.encoding).is_some_and(|other| other == encoding)
        });
        if !is_one && self.encoding != other.encoding {
            let names = both(|session| String::from_utf8_lossy(session.encoding).into_owned());
            return Some(("encoding", names));
        }
        if self.std_strings != other.std_strings {
            let on_off = |session: Self| if session.std_strings { "on" } else { "off" }.to_owned();
            return Some(("standard_conforming_strings", both(on_off)));
        }
        if self.search_path.is_some() != other.search_path.is_some() {
            let one = |session: Self| match session.search_path {
                Some(_) => "one for all entries".to_owned(),
                None => "that of each entry".to_owned(),
            };
            return Some(("search path", both(one)));
        }
        None
    }
}

/// Checks that all archives are for one session. Where two say different things of it, that is a
/// conflict of entries like any other.
///
/// # Errors
///
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) where one says something, and another nothing that
/// would be the same; entries that do not say what they should.
pub(super) fn check(archives: &[&Archive], names: &[String]) -> Result<()> {
    let mut first = None;
    for (name, archive) in names.iter().zip(archives) {
        let toc = archive.toc();
        // What restores nothing needs no session.
        if toc.entries().all(|entry| entry.desc().is_special()) {
            continue;
        }
        let session = Session::of(toc)?;
        let (first, of_first) = *first.get_or_insert((name, session));
        if let Some((setting, [one, other])) = of_first.difference(session) {
            return Err(Error::usage(format!(
                "the archives are for different sessions: {setting} is {one} in {first}, and \
                 {other} in {name}"
            )));
        }
    }
    Ok(())
}
