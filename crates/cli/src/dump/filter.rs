//! Filter files for pg_dump, which may be run more than once.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use tempfile::{NamedTempFile, TempPath};

use crate::Failure;

/// What is longer is no filter.
const LONGEST: u64 = 64 << 20;

/// A filter file.
#[derive(Debug)]
pub(super) enum Filter {
    Named(OsString),
    /// A copy of what can be read once: standard input, or a pipe.
    Kept(TempPath),
}

impl Filter {
    pub(super) fn new(name: &OsStr) -> Result<Filter, Failure> {
        let path = Path::new(name);
        let failed =
            |error: io::Error| Failure::Usage(format!("the filter {}: {error}", path.display()));
        if name == "-" {
            return keep(io::stdin().lock()).map_err(failed);
        }
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
                File::open(path).and_then(keep).map_err(failed)
            }
            // Of what there is not, pg_dump says so.
            _ => Ok(Filter::Named(name.to_owned())),
        }
    }

    /// As an option of pg_dump.
    pub(super) fn option(&self) -> OsString {
        let mut option = OsString::from("--filter=");
        option.push(match self {
            Filter::Named(name) => name.as_os_str(),
            Filter::Kept(path) => path.as_os_str(),
        });
        option
    }
}

fn keep(input: impl Read) -> io::Result<Filter> {
    let mut file = NamedTempFile::new()?;
    if io::copy(&mut input.take(LONGEST + 1), &mut file)? > LONGEST {
        return Err(io::Error::other("is too long for a filter"));
    }
    Ok(Filter::Kept(file.into_temp_path()))
}
