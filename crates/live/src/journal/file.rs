//! The file of a journal: one that this user alone writes to, and no two restores at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// The file that lines go to.
#[derive(Debug)]
pub(super) struct Output {
    file: File,
    synced: Instant,
    /// Whether the file is of no use any more.
    pub(super) removed: bool,
    /// Whether nothing more can be written.
    failed: bool,
}

impl Output {
    /// The file is open, and at its end.
    pub(super) fn new(file: File) -> Self {
        Output { file, synced: Instant::now(), removed: false, failed: false }
    }

    /// Writes a line. The kernel has it when this returns; it is on disk a second later, or after
    /// the next line.
    pub(super) fn note(&mut self, line: &str) -> io::Result<()> {
        const PAUSE: Duration = Duration::from_secs(1);
        if self.failed {
            return Err(io::Error::other("an earlier line could not be written"));
        }
        let line = format!("{line}\n");
        let written = self.file.write_all(line.as_bytes()).and_then(|()| {
            if self.synced.elapsed() >= PAUSE {
                self.file.sync_data()?;
                self.synced = Instant::now();
            }
            Ok(())
        });
        self.failed |= written.is_err();
        written
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.removed {
            let _ = self.file.sync_data();
        }
    }
}

/// Opens a file that this user made and nobody else writes to.
pub(super) fn own_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = no_link(&mut options).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let own = rustix::process::geteuid().as_raw();
        if metadata.uid() != own || metadata.mode() & 0o022 != 0 {
            let what = "other users could have written it";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        }
    }
    Ok(file)
}

pub(super) fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// A link could lead anywhere, and a FIFO would block.
fn no_link(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    }
    options
}

pub(super) fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(fs::TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another restore uses it"))
        }
        // Some file systems have no locks.
        Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}
