//! A folder of files of rows, and the list in it that says which files are ours.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::Failure;
use pgdmp::Error;

/// The list: the names of all files, each on a line. Other programs pass over names that begin with
/// a point.
const LIST: &str = ".pgdmp-export";
const FIRST_LINE: &str = "pgdmp export made this folder with these files:";
/// No list is longer.
const LONGEST: u64 = 256 << 20;

/// Makes a folder that nobody else can look into.
pub(crate) fn private(path: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(path).map_err(|error| Error::from(error).in_path(path))?)
}

/// Makes a file, which must not be there.
pub(crate) fn file(path: &Path) -> Result<File, Failure> {
    Ok(File::create_new(path).map_err(|error| Error::from(error).in_path(path))?)
}

/// Writes the list of the files in a folder.
pub(crate) fn write_list<'n>(
    folder: &Path,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<(), Failure> {
    let path = folder.join(LIST);
    let mut text = format!("{FIRST_LINE}\n");
    for name in names {
        text.push_str(name);
        text.push('\n');
    }
    let written = file(&path)?.write_all(text.as_bytes());
    Ok(written.map_err(|error| Error::from(error).in_path(&path))?)
}

/// Whether a folder has the list, and nothing but the files that it names.
pub(crate) fn is_made_by_it(folder: &Path) -> bool {
    has_its_files_only(folder).unwrap_or(false)
}

fn has_its_files_only(folder: &Path) -> io::Result<bool> {
    let list = folder.join(LIST);
    if !fs::symlink_metadata(&list)?.is_file() {
        return Ok(false);
    }
    let mut text = String::new();
    File::open(&list)?.take(LONGEST).read_to_string(&mut text)?;
    let mut lines = text.lines();
    if lines.next() != Some(FIRST_LINE) {
        return Ok(false);
    }
    let known: HashSet<&str> = lines.chain([LIST]).collect();
    let folders: HashSet<&str> =
        known.iter().filter_map(|name| Some(name.split_once('/')?.0)).collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let Some(name) = name.to_str() else { return Ok(false) };
        if kind.is_dir() && folders.contains(name) {
            for inner in fs::read_dir(entry.path())? {
                let inner = inner?;
                let path = inner.file_name().to_str().map(|inner| format!("{name}/{inner}"));
                let is_known = path.is_some_and(|path| known.contains(&*path));
                if !is_known || !inner.file_type()?.is_file() {
                    return Ok(false);
                }
            }
        } else if !kind.is_file() || !known.contains(name) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_else_may_be_in_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("out");
        private(&folder).unwrap();
        assert!(!is_made_by_it(&folder));
        private(&folder.join("public.root")).unwrap();
        for name in ["public.a.csv", "public.root/public.leaf.csv"] {
            file(&folder.join(name)).unwrap();
        }
        write_list(&folder, ["public.a.csv", "public.root/public.leaf.csv"]).unwrap();
        assert!(is_made_by_it(&folder));
        // A file that is gone is nothing that could be lost.
        fs::remove_file(folder.join("public.a.csv")).unwrap();
        assert!(is_made_by_it(&folder));
        for name in ["mine.csv", "public.root/mine.csv"] {
            file(&folder.join(name)).unwrap();
            assert!(!is_made_by_it(&folder), "{name}");
            fs::remove_file(folder.join(name)).unwrap();
        }
        private(&folder.join("public.a.csv")).unwrap();
        assert!(!is_made_by_it(&folder));
        fs::remove_dir(folder.join("public.a.csv")).unwrap();
        private(&folder.join("public.root/x")).unwrap();
        assert!(!is_made_by_it(&folder));
    }
}
