//! The three standard streams, none of which need be there or take what it is given.
//!
//! Clippy refuses every other way to them (`clippy.toml`).

#![allow(clippy::disallowed_methods)]

#[cfg(unix)]
use std::fs::File;
use std::fs::Metadata;
use std::io::{self, IsTerminal, Write};

/// Writes to standard error what `message.rs` made fit for that: all that the program says goes
/// through here. Where nobody can read it, nobody is told that.
pub(crate) fn say(text: &[u8]) {
    let _ = io::stderr().write_all(text);
}

/// Whether people read standard error directly.
pub(crate) fn says_to_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Standard output, without the standard library's leniency: there a stream that is closed takes
/// all that is written to it.
#[derive(Debug)]
pub(crate) struct Stdout(#[cfg(unix)] Result<File, i32>, #[cfg(not(unix))] io::Stdout);

impl Stdout {
    #[cfg(unix)]
    pub(crate) fn new() -> Self {
        use std::os::fd::AsFd;
        if closed::stdout() {
            return Stdout(Err(rustix::io::Errno::BADF.raw_os_error()));
        }
        let copy = io::stdout().as_fd().try_clone_to_owned();
        Stdout(copy.map(File::from).map_err(|error| error.raw_os_error().unwrap_or_default()))
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Self {
        Stdout(io::stdout())
    }

    pub(crate) fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    #[cfg(unix)]
    fn inner(&mut self) -> io::Result<&mut File> {
        self.0.as_mut().map_err(|code| io::Error::from_raw_os_error(*code))
    }

    #[cfg(not(unix))]
    fn inner(&mut self) -> io::Result<&mut io::Stdout> {
        Ok(&mut self.0)
    }
}

impl Write for Stdout {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.inner()?.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner()?.flush()
    }
}

/// What standard input is.
pub(crate) fn stdin() -> Option<Metadata> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        File::from(io::stdin().as_fd().try_clone_to_owned().ok()?).metadata().ok()
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// What standard output is.
pub(crate) fn stdout() -> Option<Metadata> {
    #[cfg(unix)]
    {
        Stdout::new().0.ok()?.metadata().ok()
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// Before `main` the standard library opens `/dev/null` in the place of a stream that is closed,
/// and that it was is then known no more. So this looks before.
#[cfg(unix)]
mod closed {
    use std::sync::atomic::{AtomicBool, Ordering};

    static STDOUT: AtomicBool = AtomicBool::new(false);

    // One system call, which needs nothing of what is not ready before `main`.
    #[ctor::ctor(unsafe)]
    fn look() {
        let closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
        STDOUT.store(closed, Ordering::Relaxed);
    }

    pub(super) fn stdout() -> bool {
        STDOUT.load(Ordering::Relaxed)
    }
}
