//! What the user can do about an error, where that is known.

use std::ffi::OsString;
use std::path::Path;
use std::{fs, io};

use pgdmp::error::NotAnArchive;
use pgdmp::text::Printable;
use pgdmp::{Error, ErrorKind};

pub(crate) fn hint(error: &Error) -> Option<String> {
    Some(match error.kind() {
        ErrorKind::Io(error_of_system) if error_of_system.kind() == io::ErrorKind::NotFound => {
            return swapped(error.path()?, std::env::args_os().skip(1));
        }
        // What can read it through a pipe has done so.
        ErrorKind::NotAnArchive(what @ NotAnArchive::Compressed { command, .. })
            if what.is_compressed_archive() =>
        {
            let advice = format!(
                "this command reads an archive in any order; decompress it first: {command} FILE > NEW"
            );
            with_names(&advice, error.path())
        }
        ErrorKind::NotAnArchive(what) => with_names(&what.advice(), error.path()),
        ErrorKind::UnsupportedVersion(_) => "a newer release of pgdmp may know it".to_owned(),
        ErrorKind::NotEnabled(algorithm) => format!("build pgdmp with --features {algorithm}"),
        ErrorKind::UnsupportedCompression(_) => {
            "list, show and deps work without the data".to_owned()
        }
        ErrorKind::NotAllowed { knob: "follow_links", .. } => {
            "if you know who made the links: --follow-links".to_owned()
        }
        ErrorKind::NotFound { .. } if error.entry().is_some() && error.path().is_some() => {
            "pg_dump -Fd writes toc.dat before the data: the dump, or the copy of it, was interrupted"
                .to_owned()
        }
        ErrorKind::Truncated { .. } => "the archive was cut off: compare its size with the \
                                        original's, and look at the messages of the dump"
            .to_owned(),
        _ => return None,
    })
}

/// What to type where the name of an archive stands behind that of an object.
fn swapped(missing: &Path, args: impl Iterator<Item = OsString>) -> Option<String> {
    let mut words = args.filter(|arg| !arg.as_encoded_bytes().starts_with(b"-"));
    let command = words.next()?.into_string().ok()?;
    if !["show", "info", "cat", "deps", "head", "find", "count", "export"].contains(&&*command) {
        return None;
    }
    let (first, second) = (words.next()?, words.next()?);
    let is_swapped = Path::new(&first) == missing && fs::metadata(&second).is_ok();
    let (archive, object) = (quoted(Path::new(&second))?, quoted(missing)?);
    is_swapped.then(|| format!("the archive comes first: pgdmp {command} {archive} {object}"))
}

/// An advice of the library with the names of the file and of its folder, as words of a shell.
/// Names that would need more than quotes are left out.
pub(crate) fn with_names(advice: &str, path: Option<&Path>) -> String {
    let Some(path) = path else { return advice.to_owned() };
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Some(Path::new(".")),
        folder => folder,
    };
    let words = advice.split(' ').map(|word| {
        let (bare, end) = word.split_at(word.trim_end_matches([',', ';', ':']).len());
        let name = match bare {
            "FILE" => quoted(path),
            "FOLDER" => folder.and_then(quoted),
            _ => None,
        };
        name.map_or_else(|| word.to_owned(), |name| name + end)
    });
    words.collect::<Vec<_>>().join(" ")
}

fn quoted(path: &Path) -> Option<String> {
    let name = path.to_str()?;
    if !name.chars().all(Printable::shows) {
        return None;
    }
    let plain = |c: char| c.is_alphanumeric() || "_-./,+=@%".contains(c);
    Some(match name.chars().all(plain) {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', "'\\''")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_of_a_shell() {
        let said = |path: &str| with_names("cat FILE; ls FOLDER > NEW", Some(Path::new(path)));
        assert_eq!(said("a.dump"), "cat a.dump; ls . > NEW");
        assert_eq!(said("/b/my file"), "cat '/b/my file'; ls /b > NEW");
        assert_eq!(said("FILE/it's"), "cat 'FILE/it'\\''s'; ls FILE > NEW");
        assert_eq!(said("x\u{202e}y"), "cat FILE; ls . > NEW");
        assert_eq!(with_names("cat FILE", None), "cat FILE");
    }
}
