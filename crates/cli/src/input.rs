//! The archive a command works on: a file, a directory, or a pipe.

use std::fs::{self, File};
use std::path::Path;

use crate::hint::with_names;
use crate::inputs::Inputs;
use crate::message::warning;
use crate::progress::Progress;
use crate::{Context, Failure};
use pgdmp::{Input, OpenOptions};

/// Opens an archive; `-` is standard input. All that is read of it shows in the progress.
pub(crate) fn open(path: &Path, context: &Context) -> Result<(Input, Progress), Failure> {
    open_with(path, context.options(), context)
}

pub(crate) fn open_with(
    path: &Path,
    options: OpenOptions,
    context: &Context,
) -> Result<(Input, Progress), Failure> {
    let progress = Progress::new(context);
    Inputs::archives([path]).check_stdout()?;
    progress.expect(file_len(path));
    let options = options.on_read(progress.on_read());
    let input = options.input(path)?;
    Ok((input, progress))
}

/// The bytes of a file; of a directory and a pipe they are not known.
pub(crate) fn file_len(path: &Path) -> Option<u64> {
    let metadata = match path.as_os_str() == "-" {
        true => Input::seekable_stdin().as_ref().and_then(|file: &File| file.metadata().ok()),
        false => fs::metadata(path).ok(),
    };
    metadata.filter(|metadata| metadata.is_file()).map(|metadata| metadata.len())
}

/// Warns of another archive in the same file or stream, which is not read: after all that is to be
/// read.
pub(crate) fn warn_of_surplus(input: &mut Input, path: &Path) {
    if let Some(text) = surplus(input, path) {
        warning(text);
    }
}

/// What there is to say of another archive.
pub(crate) fn surplus(input: &mut Input, path: &Path) -> Option<String> {
    let surplus = match input {
        Input::Archive(archive) => archive.surplus_hint(),
        // What is wrong with the data is no matter to who did not ask for it.
        Input::Stream(stream) => stream.find_surplus().ok().flatten().cloned(),
    }?;
    let path = (path.as_os_str() != "-").then_some(path);
    Some(format!("{surplus}, and is not read: {}", with_names(&surplus.advice(), path)))
}
