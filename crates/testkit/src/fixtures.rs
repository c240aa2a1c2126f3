//! The tables of `fixtures/`. What they name and is not there is a failure.

use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// A file that must be there.
pub fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("fixture {}: {error}", path.display()))
}

/// The lines of a table of `N` columns. `-` means none.
fn table<const N: usize>(path: &Path) -> Vec<[Option<String>; N]> {
    let text = String::from_utf8(bytes(path)).unwrap();
    let rows: Vec<_> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<_> =
                line.split('\t').map(|column| (column != "-").then(|| column.to_owned())).collect();
            <[_; N]>::try_from(columns).unwrap_or_else(|_| panic!("{}: {line}", path.display()))
        })
        .collect();
    assert!(!rows.is_empty(), "{} is empty", path.display());
    rows
}

/// An archive and what is known of it.
#[derive(Debug)]
pub struct Fixture {
    /// Relative to `fixtures/`.
    pub name: String,
    pub path: PathBuf,
    pub format: String,
    /// As `1.16`.
    pub version: String,
    pub compression: String,
    pub entries: usize,
    /// Entries with data.
    pub data: usize,
    pub list: Option<PathBuf>,
    pub verbose: Option<PathBuf>,
    pub script: Option<PathBuf>,
    /// Of synthetic archives: what their data is.
    pub expected: Option<PathBuf>,
    /// Of custom archives: whether they have offsets.
    pub offsets: bool,
}

impl Fixture {
    /// The bytes of a custom or tar archive.
    pub fn bytes(&self) -> Vec<u8> {
        bytes(&self.path)
    }

    pub fn is_directory(&self) -> bool {
        self.format == "directory"
    }

    /// The files of a directory archive.
    pub fn members(&self) -> Vec<(String, Vec<u8>)> {
        members(&self.path)
    }
}

/// The files of a folder.
pub fn members(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut members: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("fixture {}: {error}", folder.display()))
        .map(|file| {
            let path = file.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), bytes(&path))
        })
        .collect();
    members.sort();
    members
}

/// The archives of real servers.
pub fn real() -> Vec<Fixture> {
    let root = root();
    table::<11>(&root.join("fixtures.tsv"))
        .into_iter()
        .map(|row| {
            let [
                path,
                format,
                version,
                compression,
                written,
                entries,
                data,
                list,
                verbose,
                script,
                _,
            ] = row;
            let path = path.unwrap();
            let file = |name: Option<String>| name.map(|name| root.join(name));
            Fixture {
                path: root.join(&path),
                offsets: format.as_deref() == Some("custom") && written.as_deref() == Some("file"),
                name: path,
                format: format.unwrap(),
                version: version.unwrap(),
                compression: compression.unwrap(),
                entries: entries.unwrap().parse().unwrap(),
                data: data.unwrap().parse().unwrap(),
                list: file(list),
                verbose: file(verbose),
                script: file(script),
                expected: None,
            }
        })
        .collect()
}

/// The archives that a script wrote, one or more for each archive version.
pub fn synthetic() -> Vec<Fixture> {
    let root = root().join("synthetic");
    table::<10>(&root.join("synthetic.tsv"))
        .into_iter()
        .map(|row| {
            let [path, format, version, compression, offsets, entries, data, list, expected, _] =
                row;
            let path = path.unwrap();
            Fixture {
                path: root.join(&path),
                name: format!("synthetic/{path}"),
                format: format.unwrap(),
                version: version.unwrap(),
                compression: compression.unwrap(),
                entries: entries.unwrap().parse().unwrap(),
                data: data.unwrap().parse().unwrap(),
                list: list.map(|name| root.join(name)),
                verbose: None,
                script: None,
                expected: expected.map(|name| root.join(name)),
                offsets: offsets.as_deref() == Some("set"),
            }
        })
        .collect()
}

/// A broken or odd input.
#[derive(Debug)]
pub struct Hostile {
    pub name: String,
    pub path: PathBuf,
    /// `open-error`, `data-error`, `error` or `valid`.
    pub class: String,
}

pub fn hostile() -> Vec<Hostile> {
    let root = root().join("hostile");
    table::<3>(&root.join("hostile.tsv"))
        .into_iter()
        .map(|[path, class, _]| {
            let name = path.unwrap();
            Hostile { path: root.join(&name), name, class: class.unwrap() }
        })
        .collect()
}
