//! The manifest beside an archive: found, read, and written for a new one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::thread;

use crate::inputs::Inputs;
use crate::place::{NewArchive, Place, new_file};
use crate::{Context, Failure, message};
use pgdmp::Format;
use pgdmp::finding::Severity;
use pgdmp::manifest::{MEMBER, Manifest, SUFFIX};
use pgdmp::verify::{Event, Level, Verification};

/// The options of commands that make archives.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ManifestArgs {
    /// Write a manifest of the new archive: checksums of everything in it, for pgdmp verify
    ///
    /// The new archive is read and verified for it. FILE is by default the name of the new archive
    /// with .pgdmp-manifest behind it, or manifest.pgdmp in a directory archive. An input that has a
    /// manifest there is compared with it first, and its copy gets one unasked.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    manifest: Option<Option<PathBuf>>,
    /// Do not look for manifests of the input, and write none unasked
    #[arg(long, conflicts_with = "manifest")]
    no_manifest: bool,
}

/// The manifest of an archive to be made.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Where it goes; `None`: into the directory of the archive.
    file: Option<PathBuf>,
    /// What the archive will be called.
    name: String,
    inputs: Vec<PathBuf>,
    force: bool,
    text: Option<Vec<u8>>,
}

impl ManifestArgs {
    /// What is asked of a command whose input is no archive.
    pub(crate) fn new(manifest: Option<Option<PathBuf>>) -> Self {
        ManifestArgs { manifest, no_manifest: false }
    }

    /// Compares inputs with their manifests, where they have some. Says whether a manifest is to be
    /// written.
    pub(crate) fn asked(&self, inputs: &[&Path], context: &Context) -> Result<bool, Failure> {
        if self.no_manifest {
            return Ok(false);
        }
        let mut found = false;
        for input in inputs {
            found |= check_input(input, context)?;
        }
        Ok(found || self.manifest.is_some())
    }

    /// Refuses the name of a file where several archives are made.
    pub(crate) fn refuse_name(&self) -> Result<(), Failure> {
        match self.manifest.iter().flatten().next() {
            None => Ok(()),
            Some(_) => Err(Failure::Usage(
                "each of the archives gets a manifest beside it: --manifest without a name"
                    .to_owned(),
            )),
        }
    }

    /// The same for one new archive. `output` may be a pipe, of which no manifest can be made.
    pub(crate) fn wanted(
        &self,
        inputs: &[&Path],
        output: &Path,
        format: Format,
        force: bool,
        context: &Context,
    ) -> Result<Option<Wanted>, Failure> {
        if self.no_manifest {
            return Ok(None);
        }
        let to_pipe = output.as_os_str() == "-"
            || fs::metadata(output).is_ok_and(|m| !m.is_file() && !m.is_dir());
        if to_pipe {
            return match self.manifest {
                None => Ok(None),
                Some(_) => Err(Failure::Usage(
                    "a manifest is made of a file or a directory; of a pipe, pgdmp verify \
                     --write-manifest=FILE - makes one"
                        .to_owned(),
                )),
            };
        }
        let asked = self.asked(inputs, context)?;
        self.wanted_if(asked, inputs, output, format, force)
    }

    /// The same of inputs that are not compared with their manifests, because they are damaged.
    pub(crate) fn wanted_of_damaged(
        &self,
        input: &Path,
        output: &Path,
        format: Format,
        force: bool,
    ) -> Result<Option<Wanted>, Failure> {
        match self.no_manifest {
            true => Ok(None),
            false => self.wanted_if(self.manifest.is_some(), &[input], output, format, force),
        }
    }

    fn wanted_if(
        &self,
        asked: bool,
        inputs: &[&Path],
        output: &Path,
        format: Format,
        force: bool,
    ) -> Result<Option<Wanted>, Failure> {
        // A manifest of what was replaced would say that the new archive is damaged.
        let replaced = force && find(output).is_ok_and(|found| found.is_some());
        if !asked && !replaced {
            return Ok(None);
        }
        let file = match self.manifest.iter().flatten().next() {
            Some(file) => Some(file.to_owned()),
            None if format == Format::Directory => None,
            None => Some(beside(output)),
        };
        if let Some(file) = &file {
            Inputs::archives(inputs.iter().copied().chain([output])).check(file, file)?;
            if !force && fs::symlink_metadata(file).is_ok() {
                return Err(Failure::Usage(format!(
                    "{} exists; --force replaces it, and --manifest=FILE names another file",
                    file.display()
                )));
            }
        }
        let inputs = inputs.iter().map(|input| (*input).to_owned()).collect();
        Ok(Some(Wanted { file, name: name(output), inputs, force, text: None }))
    }
}

impl Wanted {
    /// Verifies the archive at `path`, which does not have its name yet, and makes its manifest.
    fn make(&mut self, path: &Path, context: &Context) -> Result<(), Failure> {
        let text = record(path, &self.name, context)?;
        match self.file {
            None => write_member(path, &text)?,
            Some(_) => self.text = Some(text),
        }
        Ok(())
    }

    /// Writes it, after the archive has its name.
    fn publish(self) -> Result<(), Failure> {
        let (Some(file), Some(text)) = (self.file, self.text) else { return Ok(()) };
        let inputs = Inputs::archives(self.inputs.iter().map(PathBuf::as_path));
        write(&file, inputs, self.force, &text)
    }
}

/// Lets `write` make an archive in its place, and makes its manifest, if one is wanted. Then both
/// get their names.
pub(crate) fn create(
    new: &NewArchive,
    mut wanted: Option<Wanted>,
    context: &Context,
    write: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    new.write(|path| {
        write(path)?;
        wanted.as_mut().map_or(Ok(()), |wanted| wanted.make(path, context))
    })?;
    new.publish()?;
    wanted.map_or(Ok(()), Wanted::publish)
}

/// Makes the manifest of each of the archives that are the parts in a folder.
pub(crate) fn of_parts(folder: &Path, context: &Context) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Usage(format!("{}: {error}", folder.display()));
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        parts.push(entry.map_err(failed)?.path());
    }
    parts.iter().try_for_each(|part| of_part(part, context))
}

/// Makes the manifest of an archive that has the name that it is going to keep.
pub(crate) fn of_part(part: &Path, context: &Context) -> Result<(), Failure> {
    let text = record(part, &name(part), context)?;
    match part.is_dir() {
        true => write_member(part, &text),
        false => new_file(&beside(part), &text).map_err(Failure::Output),
    }
}

/// Whether a file in a folder of parts is the manifest of one.
pub(crate) fn is_of_part(path: &Path) -> bool {
    let part = path.to_str().and_then(|path| path.strip_suffix(SUFFIX));
    part.is_some_and(|part| Path::new(part).is_file())
}

/// The text of an archive's manifest.
fn record(path: &Path, name: &str, context: &Context) -> Result<Vec<u8>, Failure> {
    let threads = thread::available_parallelism().map_or(1, |n| n.get());
    let mut input = context.options().damaged(true).input(path)?;
    let mut first = None;
    let tell = |event| {
        if let Event::Found(found) = event
            && found.finding.severity == Severity::Error
        {
            first.get_or_insert(found.to_string());
        }
    };
    let (_, manifest) = Verification::new().threads(threads).record(&mut input, name, tell)?;
    match manifest {
        Some(manifest) => text(&manifest),
        None => Err(Failure::Usage(format!(
            "no manifest is made of an archive that is not good: {}",
            first.unwrap_or_default()
        ))),
    }
}

/// A manifest as a file.
pub(crate) fn text(manifest: &Manifest) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    manifest.write(&mut text).map_err(Failure::Output)?;
    Ok(text)
}

/// Writes the file of a manifest, which gets its name when it is complete.
pub(crate) fn write(file: &Path, inputs: Inputs, force: bool, text: &[u8]) -> Result<(), Failure> {
    Place::of_rows(file, inputs, force)?.fill(text)
}

/// Writes the manifest of a directory archive that nobody else knows of yet.
fn write_member(folder: &Path, text: &[u8]) -> Result<(), Failure> {
    new_file(&folder.join(MEMBER), text).map_err(Failure::Output)
}

/// The last part of a name.
pub(crate) fn name(archive: &Path) -> String {
    archive.file_name().unwrap_or(archive.as_os_str()).to_string_lossy().into_owned()
}

/// The name of the manifest beside a file.
pub(crate) fn beside(archive: &Path) -> PathBuf {
    let mut name: OsString = archive.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

/// Where an archive's manifest is looked for.
pub(crate) fn default_place(archive: &Path) -> PathBuf {
    match archive.is_dir() {
        true => archive.join(MEMBER),
        false => beside(archive),
    }
}

/// Compares the files of an input with its manifest, if it has one.
fn check_input(input: &Path, context: &Context) -> Result<bool, Failure> {
    let Some(manifest) = find(input)? else { return Ok(false) };
    let mut archive = context.options().damaged(true).input(input)?;
    let mut first = None;
    Verification::new().level(Level::Framing).manifest(manifest).run(&mut archive, |event| {
        if let Event::Found(found) = event
            && found.code.id() == "D6"
            && found.finding.severity == Severity::Error
        {
            first.get_or_insert(found.to_string());
        }
    })?;
    match first {
        None => Ok(true),
        Some(found) => Err(Failure::Usage(format!(
            "{} is not what its manifest says: {found} (pgdmp verify tells all; --no-manifest does \
             not look)",
            input.display()
        ))),
    }
}

/// Reads the manifest of an archive, if it has one where it is looked for unasked.
pub(crate) fn find(archive: &Path) -> Result<Option<Manifest>, Failure> {
    if archive.as_os_str() == "-" {
        return Ok(None);
    }
    let path = default_place(archive);
    let ignored = |why: &str| {
        message::warning(format_args!(
            "{} {why}, and is not used; --manifest={0} uses it",
            path.display()
        ));
        Ok(None)
    };
    let file = match open(&path) {
        Ok(file) => file,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(_) if path.is_symlink() => return ignored("is a link"),
        Err(error) => return Err(Failure::Usage(format!("{}: {error}", path.display()))),
    };
    let metadata =
        file.metadata().map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
    if !metadata.is_file() {
        return ignored("is no file");
    }
    if !is_trusted(&metadata, archive) {
        return ignored("belongs to another user");
    }
    parse(&path, file).map(Some)
}

/// Reads a manifest that was named.
pub(crate) fn read(path: &Path) -> Result<Manifest, Failure> {
    let file = File::open(path).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
    parse(path, file)
}

fn parse(path: &Path, file: File) -> Result<Manifest, Failure> {
    Manifest::read(BufReader::new(file))
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

/// Opens a file that anybody may have put there: no link, and without waiting for the other end of
/// a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags =
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Whether a manifest is the user's, the administrator's, or of the archive's owner.
#[cfg(unix)]
fn is_trusted(manifest: &fs::Metadata, archive: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = manifest.uid();
    owner == 0
        || owner == rustix::process::geteuid().as_raw()
        || fs::metadata(archive).is_ok_and(|archive| archive.uid() == owner)
}

#[cfg(not(unix))]
fn is_trusted(_: &fs::Metadata, _: &Path) -> bool {
    true
}
