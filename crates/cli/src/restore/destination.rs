//! Where a script or a list goes.

use std::fs::{self, File};
use std::io::{self, Write};

use super::messages::{Fatal, os};
use super::options::to_path;
use crate::inputs::Inputs;
use crate::output::Output;
use pgdmp::Toc;

/// Refuses to write to what is read, which pg_restore empties.
pub(super) fn check_output(name: Option<&[u8]>, inputs: &Inputs) -> Result<(), Fatal> {
    match name {
        None | Some(b"-") => inputs.check_stdout()?,
        Some(name) => {
            let path = to_path(name);
            if let Ok(metadata) = fs::metadata(&path) {
                inputs.check_file(&metadata, &path, &path.display().to_string())?;
            }
        }
    }
    Ok(())
}

/// Where the SQL goes.
#[derive(Debug)]
pub(super) enum Destination {
    Stdout(Output),
    File(File),
}

impl Destination {
    pub(super) fn open(
        name: Option<&[u8]>,
        inputs: &Inputs,
        toc: &Toc,
    ) -> Result<Destination, Fatal> {
        let Some(name) = name.filter(|name| *name != b"-") else {
            return Ok(Destination::Stdout(Output::of(toc.text_encoding())));
        };
        let failed = |error: io::Error| {
            let end = format!("\": {}", os(&error));
            Fatal::new([b"could not open output file \"", name, end.as_bytes()].concat())
        };
        let path = to_path(name);
        // Nothing is lost of a file before it is known to be none that is read.
        let mut file = File::options();
        let file = file.write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        inputs.check_file(&metadata, &path, &path.display().to_string())?;
        if metadata.is_file() {
            file.set_len(0).map_err(failed)?;
        }
        Ok(Destination::File(file))
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Destination::Stdout(mut output) => output.flush(),
            Destination::File(mut file) => file.flush(),
        }
    }
}

impl Write for Destination {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Stdout(output) => output.write(buf),
            Destination::File(file) => file.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Destination::Stdout(output) => output.flush(),
            Destination::File(file) => file.flush(),
        }
    }
}

/// Remembers whether it was writing that failed.
pub(super) struct Target<'a> {
    pub(super) inner: &'a mut Destination,
    pub(super) failed: bool,
}

impl Write for Target<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(buf);
        self.failed |= result.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted);
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.failed |= result.is_err();
        result
    }
}
