//! What a command reads, so that it writes to none of it.
//!
//! Files are the same by device and inode, whatever names and links lead to them.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::{Failure, stdio};

/// The archives, lists and filters that a command reads.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    inputs: Vec<Input>,
    /// Which of them a file is, or a member of which; made when a folder is compared.
    all: OnceCell<HashMap<FileId, usize>>,
}

#[derive(Debug)]
struct Input {
    path: PathBuf,
    is_archive: bool,
    /// From the beginning: it may get another name while it is read.
    id: Option<FileId>,
    /// The folders that it is in, at any depth.
    around: Vec<FileId>,
}

/// What two names of one file have in common.
#[cfg(unix)]
type FileId = (u64, u64);
#[cfg(not(unix))]
type FileId = PathBuf;

impl Input {
    fn new(path: &Path, is_archive: bool) -> Self {
        let id_of = |path: &Path| id(&fs::metadata(path).ok()?, path);
        // What cannot be looked at cannot be read either; who opens it says why.
        let (id, around) = match path.as_os_str() == "-" {
            true => (stdio::stdin().and_then(|metadata| id(&metadata, path)), Vec::new()),
            false => {
                let full = fs::canonicalize(path).unwrap_or_default();
                (id_of(path), full.ancestors().skip(1).filter_map(id_of).collect())
            }
        };
        Input { path: path.to_owned(), is_archive, id, around }
    }

    /// The members of a directory, whatever links lead to them.
    fn members(&self) -> impl Iterator<Item = fs::DirEntry> + use<> {
        let is_folder = self.path.as_os_str() != "-" && self.path.is_dir();
        let entries = is_folder.then(|| fs::read_dir(&self.path)).and_then(io::Result::ok);
        entries.into_iter().flatten().flatten()
    }

    /// Whether a file is it, or a member of it.
    fn is(&self, file: &FileId) -> bool {
        self.id.as_ref() == Some(file)
            || self
                .members()
                .any(|member| may_be(&member, file) && member_id(&member).as_ref() == Some(file))
    }
}

fn member_id(member: &fs::DirEntry) -> Option<FileId> {
    let path = member.path();
    id(&fs::metadata(&path).ok()?, &path)
}

/// Whether it is worth a closer look, of a directory that may have a million members.
#[cfg(unix)]
fn may_be(member: &fs::DirEntry, file: &FileId) -> bool {
    use std::os::unix::fs::DirEntryExt;
    member.ino() == file.1 || !member.file_type().is_ok_and(|kind| kind.is_file())
}

#[cfg(not(unix))]
fn may_be(_: &fs::DirEntry, _: &FileId) -> bool {
    true
}

impl Inputs {
    /// Archives: files, directories, or `-` for standard input.
    pub(crate) fn archives<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        Inputs::default().and(paths, true)
    }

    /// With lists and filters, too.
    pub(crate) fn with_lists<'p>(self, paths: impl IntoIterator<Item = &'p Path>) -> Self {
        self.and(paths, false)
    }

    fn and<'p>(mut self, paths: impl IntoIterator<Item = &'p Path>, is_archive: bool) -> Self {
        self.inputs.extend(paths.into_iter().map(|path| Input::new(path, is_archive)));
        self
    }

    /// Two of them that are one.
    pub(crate) fn same(&self) -> Option<(&Path, &Path)> {
        let mut known: HashMap<&FileId, &Path> = HashMap::new();
        let mut ids =
            self.inputs.iter().filter_map(|input| Some((input.id.as_ref()?, &*input.path)));
        ids.find_map(|(id, path)| Some((known.insert(id, path)?, path)))
    }

    /// Refuses an output that is what is read, or a folder around it. `path` is where it is now,
    /// `shown` its name.
    pub(crate) fn check(&self, path: &Path, shown: &Path) -> Result<(), Failure> {
        // Whatever link leads there.
        let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
        self.check_file(&metadata, path, &shown.display().to_string())?;
        let Some(id) = id(&metadata, path).filter(|_| metadata.is_dir()) else { return Ok(()) };
        match self.inputs.iter().find(|input| input.around.contains(&id)) {
            Some(input) => Err(contains(shown, &input.path)),
            None => Ok(()),
        }
    }

    /// Refuses a folder in which there is another name of what is read.
    pub(crate) fn check_folder(&self, path: &Path, shown: &Path) -> Result<(), Failure> {
        let all = self.all.get_or_init(|| self.all());
        let mut todo = vec![path.to_owned()];
        while let Some(folder) = todo.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(metadata) = entry.metadata() else { continue };
                let path = entry.path();
                if let Some(input) = id(&metadata, &path).and_then(|id| all.get(&id)) {
                    return Err(contains(shown, &self.inputs[*input].path));
                }
                if metadata.is_dir() {
                    todo.push(path);
                }
            }
        }
        Ok(())
    }

    fn all(&self) -> HashMap<FileId, usize> {
        let mut all = HashMap::new();
        for (n, input) in self.inputs.iter().enumerate() {
            if let Some(id) = &input.id {
                all.entry(id.to_owned()).or_insert(n);
            }
            for id in input.members().filter_map(|member| member_id(&member)) {
                all.entry(id).or_insert(n);
            }
        }
        all
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
        let Some(id) = id(file, path) else { return Ok(()) };
        match self.inputs.iter().find(|input| input.is(&id)) {
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
