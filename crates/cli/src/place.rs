//! Where an output goes: under its name when it is complete and on the disk, and made
//! [aside](crate::aside) until then; into a pipe or a device as it is made.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::aside::{ARCHIVE, Aside, REPLACED};
use crate::folder::Folder;
use crate::inputs::Inputs;
use crate::replace::{self, Existing, Kind};
use crate::{Failure, signals, stdio};
use pgdmp::{Error, Format};

/// Where an archive is written.
pub(crate) enum Place {
    /// A file or a folder.
    New(NewArchive),
    /// Standard output, a pipe or a device: front to back.
    Stream(Stream),
}

/// Refuses an output that is what is read. [`Place::open`] does, too; but to be asked before what
/// is read is opened, for a pipe would be waited for.
pub(crate) fn check(name: &Path, inputs: &Inputs) -> Result<(), Failure> {
    if name.as_os_str() == "-" {
        return inputs.check_stdout();
    }
    check_name(name)?;
    inputs.check(name, name)
}

impl Place {
    /// The place of an archive in this format; `-` is standard output.
    ///
    /// # Errors
    ///
    /// An output that exists, unless `force`; what `force` does not replace; what is read. Then
    /// nothing was opened to be written to.
    pub(crate) fn open(
        name: &Path,
        inputs: Inputs,
        force: bool,
        format: Format,
    ) -> Result<Place, Failure> {
        let to_stdout = name.as_os_str() == "-";
        if !to_stdout && replace::look(name, &inputs)? != Existing::Node {
            return NewArchive::new(name, inputs, force, Kind::Archive).map(Place::New);
        }
        let shown = match to_stdout {
            true => "standard output".to_owned(),
            false => name.display().to_string(),
        };
        if format == Format::Directory {
            return Err(Failure::Usage(format!(
                "a directory archive does not go to {shown}; --format c or t does"
            )));
        }
        if to_stdout {
            if stdio::Stdout::new().is_terminal() {
                return Err(terminal());
            }
            let inner = Inner::Stdout(stdio::Stdout::new());
            return Ok(Place::Stream(Stream { inner, name: shown, is_archive: true }));
        }
        let inner = Inner::Node(open_node(name, &inputs, force)?);
        Ok(Place::Stream(Stream { inner, name: shown, is_archive: true }))
    }
}

impl Place {
    /// Whether it is to be on disk when it gets its name.
    pub(crate) fn synced(self, synced: bool) -> Place {
        match self {
            Place::New(new) => Place::New(new.synced(synced)),
            Place::Stream(stream) => Place::Stream(stream),
        }
    }

    /// The place of a file of rows.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn of_rows(name: &Path, inputs: Inputs, force: bool) -> Result<Place, Failure> {
        if replace::look(name, &inputs)? != Existing::Node {
            return NewArchive::new(name, inputs, force, Kind::Rows).map(Place::New);
        }
        let inner = Inner::Node(open_node(name, &inputs, force)?);
        let name = name.display().to_string();
        Ok(Place::Stream(Stream { inner, name, is_archive: false }))
    }

    /// Writes a small file that says something about an archive.
    pub(crate) fn fill(self, text: &[u8]) -> Result<(), Failure> {
        match self {
            Place::New(new) => {
                new.write(|path| new_file(path, text).map_err(Failure::Output))?;
                new.publish()
            }
            Place::Stream(mut out) => {
                out.write_all(text).map_err(Failure::Output)?;
                out.finish()
            }
        }
    }
}

/// Writes a file of which nobody else knows yet. It is as secret as the archive that it is about,
/// because it has the names of all tables.
pub(crate) fn new_file(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text)
}

/// An output that is written as it is made. Its errors say which it is.
#[derive(Debug)]
pub(crate) struct Stream {
    inner: Inner,
    name: String,
    is_archive: bool,
}

#[derive(Debug)]
enum Inner {
    Stdout(stdio::Stdout),
    Node(File),
}

impl Stream {
    /// Makes sure that all is where it should be.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let done = self.flush().and_then(|()| match &self.inner {
            Inner::Node(file) if is_block_device(&file.metadata()?) => file.sync_all(),
            _ => Ok(()),
        });
        done.map_err(Failure::Output)
    }

    fn inner(&mut self) -> &mut dyn Write {
        match &mut self.inner {
            Inner::Stdout(stdout) => stdout,
            Inner::Node(file) => file,
        }
    }

    fn named(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::Interrupted => error,
            // Rows may be seen in part; half an archive is none, so this does not end quietly.
            io::ErrorKind::BrokenPipe if self.is_archive => io::Error::other(format!(
                "{} was closed before the archive was complete",
                self.name
            )),
            kind => io::Error::new(kind, format!("could not write to {}: {error}", self.name)),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.inner().write(buf).map_err(|error| self.named(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().flush().map_err(|error| self.named(error))
    }
}

/// Where a new output is written says nothing to anybody: an error names what it is going to be.
pub(crate) fn named(written: &Path, name: &Path, error: Error) -> Failure {
    let Some(place) = error.path().map(Path::to_owned) else { return error.into() };
    match place.strip_prefix(written) {
        Ok(inside) => {
            let shown = match inside.as_os_str().is_empty() {
                true => name.to_owned(),
                false => name.join(inside),
            };
            Failure::Elsewhere { place, shown, error }
        }
        Err(_) => error.into(),
    }
}

/// The last part of a name.
fn check_name(name: &Path) -> Result<&OsStr, Failure> {
    let no_name = || Failure::Usage(format!("{} is no name of a file", name.display()));
    name.file_name().ok_or_else(no_name)
}

fn terminal() -> Failure {
    Failure::Usage("an archive is nothing to show on a terminal".to_owned())
}

/// Opens a pipe or a device. A block device has something in it, as a file has.
fn open_node(name: &Path, inputs: &Inputs, force: bool) -> Result<File, Failure> {
    let failed = |error: io::Error| Failure::Usage(format!("{}: {error}", name.display()));
    let before = fs::metadata(name).map_err(failed)?;
    if !force && is_block_device(&before) {
        return Err(Failure::Usage(format!(
            "{} is a device; --force writes over what is on it",
            name.display()
        )));
    }
    // Neither made nor cut: should it have become a file meanwhile, that stays as it is.
    let mut options = File::options();
    options.write(true);
    #[cfg(target_os = "linux")]
    if is_block_device(&before) {
        // Not one that is mounted.
        let flags = rustix::fs::OFlags::EXCL.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let file = options.open(name).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.file_type() != before.file_type() {
        return Err(Failure::Usage(format!("{} has just been replaced", name.display())));
    }
    inputs.check_file(&metadata, name, &name.display().to_string())?;
    if file.is_terminal() {
        return Err(terminal());
    }
    Ok(file)
}

#[cfg(unix)]
fn is_block_device(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_block_device(_: &fs::Metadata) -> bool {
    false
}

/// An output that does not have its name yet. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct NewArchive {
    name: PathBuf,
    /// The last part of it.
    file_name: OsString,
    aside: Arc<Aside>,
    inputs: Inputs,
    force: bool,
    kind: Kind,
    synced: bool,
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(format!("{}: {error}", path.display()))
}

impl NewArchive {
    /// # Errors
    ///
    /// See [`Place::open`]; and a pipe or device.
    pub(crate) fn new(
        name: &Path,
        inputs: Inputs,
        force: bool,
        kind: Kind,
    ) -> Result<Self, Failure> {
        let file_name = check_name(name)?;
        let folder = match name.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let parent = Folder::open(folder).map_err(|error| failure(folder, &error))?;
        // First, for what was to be replaced may come back.
        #[cfg(unix)]
        crate::leftovers::remove(&parent);
        match replace::look(name, &inputs)? {
            Existing::Nothing => {}
            Existing::Node => {
                return Err(Failure::Usage(format!(
                    "{} is a pipe or a device, and no place for several files",
                    name.display()
                )));
            }
            Existing::Old if force => replace::check(name, name, &inputs, kind)?,
            Existing::Old => return Err(exists(name)),
        }
        let aside = signals::aside(parent, folder).map_err(|error| failure(folder, &error))?;
        let (name, file_name) = (name.to_owned(), file_name.to_owned());
        Ok(NewArchive { name, file_name, aside, inputs, force, kind, synced: true })
    }

    /// Whether it is to be on disk when it gets its name.
    pub(crate) fn synced(mut self, synced: bool) -> Self {
        self.synced = synced;
        self
    }

    /// Takes the name only if nothing has it.
    pub(crate) fn replacing_nothing(mut self) -> Self {
        self.force = false;
        self
    }

    /// The folder that it is written in, for other files that are soon gone.
    pub(crate) fn folder(&self) -> PathBuf {
        let mut path = self.aside.path();
        path.pop();
        path
    }

    /// Lets `write` write it, to the path that it gets.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let path = self.aside.path();
        write(&path).map_err(|failure| match failure {
            Failure::Archive(error) => named(&path, &self.name, error),
            failure => failure,
        })
    }

    /// Makes sure that it is on disk, unless that is not wanted, and gives it its name.
    pub(crate) fn publish(&self) -> Result<(), Failure> {
        let failed = |error: io::Error| failure(&self.name, &error);
        if self.synced {
            self.aside.folder.sync_all(OsStr::new(ARCHIVE)).map_err(failed)?;
        }
        // What takes several steps is not to be stopped between them.
        let ending = signals::hold();
        self.take_name()?;
        drop(ending);
        match self.synced {
            true => self.aside.parent.sync().map_err(failed),
            false => Ok(()),
        }
    }

    fn take_name(&self) -> Result<(), Failure> {
        const ATTEMPTS: usize = 100;
        let failed = |error: io::Error| failure(&self.name, &error);
        let (new, name) = (OsStr::new(ARCHIVE), &*self.file_name);
        let Aside { folder, parent, .. } = &*self.aside;
        for _ in 0..ATTEMPTS {
            match folder.rename_new(new, parent, name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => return result.map_err(failed),
            }
            if !self.force {
                return Err(exists(&self.name));
            }
            match folder.exchange(new, parent, name) {
                // Something had the name, and has gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    return self.take_name_in_steps();
                }
                Err(error) => return Err(failed(error)),
                // It may be something else than at the beginning.
                Ok(()) => {
                    return self.check_old(&self.aside.path()).inspect_err(|_| {
                        let _ = folder.exchange(new, parent, name);
                    });
                }
            }
        }
        Err(Failure::Usage(format!("{} comes and goes", self.name.display())))
    }

    fn check_old(&self, path: &Path) -> Result<(), Failure> {
        match replace::look(path, &Inputs::default())? {
            Existing::Node => Err(Failure::Usage(format!(
                "{} has become a pipe or a device meanwhile",
                self.name.display()
            ))),
            _ => replace::check(path, &self.name, &self.inputs, self.kind),
        }
    }

    /// Where two names cannot be swapped. A file takes the place of a file all the same; else,
    /// killed in the middle, the next run gives the old one its name back.
    fn take_name_in_steps(&self) -> Result<(), Failure> {
        let failed = |error: io::Error| failure(&self.name, &error);
        let (new, name) = (OsStr::new(ARCHIVE), &*self.file_name);
        let Aside { folder, parent, .. } = &*self.aside;
        let is_folder = |folder: &Folder, name| folder.is_folder(name).map_err(failed);
        if is_folder(folder, new)? != Some(true) && is_folder(parent, name)? == Some(false) {
            self.check_old(&self.name)?;
            return folder.rename(new, parent, name).map_err(failed);
        }
        let replaced = folder.make_folder(OsStr::new(REPLACED)).map_err(failed)?;
        parent.rename(name, &replaced, name).map_err(failed)?;
        let path = self.aside.path().with_file_name(REPLACED).join(name);
        let done = self
            .check_old(&path)
            .and_then(|()| folder.rename_new(new, parent, name).map_err(failed));
        done.inspect_err(|_| {
            let _ = replaced.rename_new(name, parent, name);
        })
    }
}

impl Drop for NewArchive {
    fn drop(&mut self) {
        self.aside.remove();
    }
}

fn exists(name: &Path) -> Failure {
    Failure::Usage(format!("{} exists; --force replaces it", name.display()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
