//! What `--force` may replace: a file, a directory archive, an empty folder, by `split` what `split`
//! made, and by `export` what `export` made. All else stays, whatever is asked for.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::inputs::Inputs;
use crate::{Failure, export, split};

/// What is going to take a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An archive.
    Archive,
    /// A folder of archives, which `split` makes.
    Parts,
    /// A file of rows.
    Rows,
    /// A folder of files of rows, which `export` makes.
    Tables,
}

/// What has the name now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Nothing,
    /// What `--force` may replace, if [`check`] agrees.
    Old,
    /// A pipe or a device: it is written to, and stays.
    Node,
}

/// Looks what has a name, and refuses what is read.
pub(crate) fn look(name: &Path, inputs: &Inputs) -> Result<Existing, Failure> {
    let failure = |error: io::Error| Failure::Usage(format!("{}: {error}", name.display()));
    let own = match fs::symlink_metadata(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::Nothing),
        own => own.map_err(failure)?,
    };
    inputs.check(name, name)?;
    // A link that leads nowhere, or in a circle, is a link.
    let metadata = fs::metadata(name).unwrap_or(own);
    match node(&metadata) {
        Some(Node::Socket) => Err(Failure::Usage(format!(
            "{} is a socket, to which no archive can be written",
            name.display()
        ))),
        Some(Node::Stream) => Ok(Existing::Node),
        None => Ok(Existing::Old),
    }
}

enum Node {
    Stream,
    Socket,
}

#[cfg(unix)]
fn node(metadata: &fs::Metadata) -> Option<Node> {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_socket() {
        return Some(Node::Socket);
    }
    let is_stream = kind.is_fifo() || kind.is_char_device() || kind.is_block_device();
    is_stream.then_some(Node::Stream)
}

#[cfg(not(unix))]
fn node(_: &fs::Metadata) -> Option<Node> {
    None
}

/// Refuses what `--force` must not replace. `path` is where it is now, `shown` its name.
pub(crate) fn check(path: &Path, shown: &Path, inputs: &Inputs, by: Kind) -> Result<(), Failure> {
    inputs.check(path, shown)?;
    let refuse = |why: &str| Err(Failure::Usage(format!("{} {why}", shown.display())));
    let metadata = fs::symlink_metadata(path)
        .map_err(|error| Failure::Usage(format!("{}: {error}", shown.display())))?;
    if metadata.is_symlink() {
        // Replaced, such a link is gone for all programs of this machine.
        let of_the_system = |path: &Path| path.starts_with("/proc") || path.starts_with("/dev");
        let folder = shown.parent().and_then(|folder| fs::canonicalize(folder).ok());
        let target = fs::read_link(path).unwrap_or_default();
        return match of_the_system(&target) || folder.is_some_and(|f| of_the_system(&f)) {
            true => refuse("is a link of the system; - is standard output"),
            false => Ok(()),
        };
    }
    if metadata.is_file() {
        return Ok(());
    }
    if !metadata.is_dir() {
        return refuse("is no file; --force does not replace it");
    }
    if by == Kind::Rows {
        return refuse("is a directory; --force replaces it only by another one");
    }
    if by == Kind::Tables && export::folder::is_made_by_it(path) {
        return inputs.check_folder(path, shown);
    }
    let why = match not_an_archive(path) {
        // Of an archive, a folder of other things is no new version.
        None if by == Kind::Tables && !is_empty(path) => {
            return refuse("is an archive; export replaces only directories that it made");
        }
        None => return inputs.check_folder(path, shown),
        Some(why) => why,
    };
    if by == Kind::Tables {
        return refuse(
            "is a directory that export did not make so; --force replaces only what it made",
        );
    }
    if by == Kind::Parts {
        return match split::is_made_by_it(path) {
            true => inputs.check_folder(path, shown),
            false => refuse(
                "is a directory that split did not make so; --force replaces only what it made",
            ),
        };
    }
    refuse(&format!(
        "is a directory, and no archive: {why}; --force replaces only files and archives"
    ))
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Why a folder is neither a directory archive nor empty.
pub(crate) fn not_an_archive(folder: &Path) -> Option<String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return Some(error.to_string()),
    };
    let (mut has_toc, mut is_empty) = (false, true);
    for entry in entries {
        let (name, kind) = match entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?)))
        {
            Ok(entry) => entry,
            Err(error) => return Some(error.to_string()),
        };
        is_empty = false;
        let shown = crate::message::shown(name.as_encoded_bytes());
        let is_member = name.to_str().is_some_and(is_member);
        if !kind.is_file() || !is_member {
            return Some(format!("it has {shown}"));
        }
        let is_toc = name.to_str().is_some_and(|name| member(name) == "toc.dat");
        if is_toc && (name != "toc.dat" || has_magic(&folder.join(&name))) {
            has_toc = true;
        }
    }
    match has_toc || is_empty {
        true => None,
        false => Some("it has no table of contents, toc.dat".to_owned()),
    }
}

/// A name without the suffix of a compression.
fn member(name: &str) -> &str {
    let suffix = [".gz", ".lz4", ".zst"].iter().find_map(|suffix| name.strip_suffix(suffix));
    suffix.unwrap_or(name)
}

/// Whether pg_dump gives a file in a directory archive this name.
fn is_member(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match member(name) {
        "toc.dat" | "blobs.toc" | pgdmp::manifest::MEMBER => true,
        name => match (name.strip_suffix(".dat"), name.strip_suffix(".toc")) {
            (Some(data), _) => number(data.strip_prefix("blob_").unwrap_or(data)),
            (_, Some(list)) => list.strip_prefix("blobs_").is_some_and(number),
            _ => false,
        },
    }
}

fn has_magic(path: &Path) -> bool {
    let mut start = [0; pgdmp::toc::MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *pgdmp::toc::MAGIC
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        for name in
            ["toc.dat", "toc.dat.gz", "12.dat", "12.dat.zst", "blob_7.dat.lz4", "blobs_3.toc"]
        {
            assert!(is_member(name), "{name}");
        }
        for name in ["", ".dat", "a.dat", "blob_.dat", "blobs_.toc", "toc.dat.bak", "toc.dat.gz.gz"]
        {
            assert!(!is_member(name), "{name}");
        }
    }
}
