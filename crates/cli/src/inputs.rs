//! What a command reads, so that it writes to none of it.
//!
//! Files are the same by device and inode, whatever names and links lead to them.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use crate::{Failure, stdio};

/// The archives, lists and filters that a command reads.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    files: HashMap<FileId, Input>,
    /// The folders that have an input in them, at any depth.
    around: HashMap<FileId, PathBuf>,
}

#[derive(Debug, Clone)]
struct Input {
    path: PathBuf,
    is_archive: bool,
}

/// What two names of one file have in common.
#[cfg(unix)]
type FileId = (u64, u64);
#[cfg(not(unix))]
type FileId = PathBuf;

impl Inputs {
    /// Archives: files, directories, or `-` for standard input.
    pub(crate) fn archives<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let mut inputs = Inputs::default();
        paths.into_iter().for_each(|path| inputs.add(path, true));
        inputs
    }

    /// With lists and filters, too.
    pub(crate) fn with_lists<'p>(mut self, paths: impl IntoIterator<Item = &'p Path>) -> Self {
        paths.into_iter().for_each(|path| self.add(path, false));
        self
    }

    fn add(&mut self, path: &Path, is_archive: bool) {
        let input = Input { path: path.to_owned(), is_archive };
        if path.as_os_str() == "-" {
            if let Some(id) = stdio::stdin().and_then(|metadata| id(&metadata, path)) {
                self.files.entry(id).or_insert(input);
            }
            return;
        }
        // What cannot be looked at cannot be read either; who opens it says why.
        let Ok(metadata) = fs::metadata(path) else { return };
        if let Some(id) = id(&metadata, path) {
            self.files.entry(id).or_insert_with(|| input.clone());
        }
        if metadata.is_dir() {
            for member in fs::read_dir(path).into_iter().flatten().flatten() {
                let path = member.path();
                let metadata = fs::metadata(&path);
                if let Some(id) = metadata.ok().and_then(|metadata| id(&metadata, &path)) {
                    self.files.entry(id).or_insert_with(|| input.clone());
                }
            }
        }
        let full = fs::canonicalize(path).unwrap_or_default();
        for folder in full.ancestors().skip(1) {
            let metadata = fs::metadata(folder);
            if let Some(id) = metadata.ok().and_then(|metadata| id(&metadata, folder)) {
                self.around.entry(id).or_insert_with(|| path.to_owned());
            }
        }
    }

    /// Refuses an output that is what is read, or a folder around it. `path` is where it is now,
    /// `shown` its name.
    pub(crate) fn check(&self, path: &Path, shown: &Path) -> Result<(), Failure> {
        // Whatever link leads there.
        let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
        self.check_file(&metadata, path, &shown.display().to_string())?;
        match id(&metadata, path).and_then(|id| self.around.get(&id)) {
            Some(input) if metadata.is_dir() => Err(contains(shown, input)),
            _ => Ok(()),
        }
    }

    /// Refuses a folder in which there is another name of what is read.
    pub(crate) fn check_folder(&self, path: &Path, shown: &Path) -> Result<(), Failure> {
        let mut todo = vec![path.to_owned()];
        while let Some(folder) = todo.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(metadata) = entry.metadata() else { continue };
                let path = entry.path();
                if let Some(input) = id(&metadata, &path).and_then(|id| self.files.get(&id)) {
                    return Err(contains(shown, &input.path));
                }
                if metadata.is_dir() {
                    todo.push(path);
                }
            }
        }
        Ok(())
    }

    /// Refuses standard output that is a file that is read: `>> FILE`.
    pub(crate) fn check_stdout(&self) -> Result<(), Failure> {
        match stdio::stdout().filter(Metadata::is_file) {
            Some(metadata) => self.check_file(&metadata, Path::new("-"), "standard output"),
            None => Ok(()),
        }
    }

    /// Refuses to write to a file that is read.
    pub(crate) fn check_file(
        &self,
        file: &Metadata,
        path: &Path,
        shown: &str,
    ) -> Result<(), Failure> {
        match id(file, path).and_then(|id| self.files.get(&id)) {
            None => Ok(()),
            Some(Input { is_archive: true, .. }) => {
                Err(Failure::Usage(format!("{shown} is the archive that is read")))
            }
            Some(Input { path, .. }) => {
                Err(Failure::Usage(format!("{shown} is {}, which is read", path.display())))
            }
        }
    }
}

fn contains(output: &Path, input: &Path) -> Failure {
    Failure::Usage(format!("{} contains {}, which is read", output.display(), input.display()))
}

/// What a file has in common with its other names. A terminal or `/dev/null` may well be read and
/// written to.
#[cfg(unix)]
fn id(metadata: &Metadata, _: &Path) -> Option<FileId> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let is_its_own = metadata.file_type().is_char_device();
    (!is_its_own).then(|| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn id(_: &Metadata, path: &Path) -> Option<FileId> {
    fs::canonicalize(path).ok()
}
