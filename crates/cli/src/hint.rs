//! What the user can do about an error, where that is known.

use std::path::Path;

use pgdmp::{Error, ErrorKind};

pub(crate) fn hint(error: &Error) -> Option<String> {
    Some(match error.kind() {
        ErrorKind::NotAnArchive(what) => with_names(&what.advice(), error.path()),
        ErrorKind::UnsupportedVersion(_) => "a newer release of pgdmp may know it".to_owned(),
        ErrorKind::NotEnabled(algorithm) => format!("build pgdmp with --features {algorithm}"),
        ErrorKind::UnsupportedCompression(_) => {
            "list, show and deps work without the data".to_owned()
        }
        ErrorKind::Truncated { .. } => "the archive was cut off: compare its size with the \
                                        original's, and look at the messages of the dump"
            .to_owned(),
        _ => return None,
    })
}

/// An advice of the library with the names of the file and of its folder, as words of a shell.
/// Names that would need more than quotes are left out.
fn with_names(advice: &str, path: Option<&Path>) -> String {
    let Some(path) = path else { return advice.to_owned() };
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Some(Path::new(".")),
        folder => folder,
    };
    let words = advice.split(' ').map(|word| {
        let name = match word {
            "FILE" => quoted(path),
            "FOLDER" => folder.and_then(quoted),
            _ => None,
        };
        name.unwrap_or_else(|| word.to_owned())
    });
    words.collect::<Vec<_>>().join(" ")
}

fn quoted(path: &Path) -> Option<String> {
    let name = path.to_str()?;
    if name.chars().any(|c| c.is_control() || !(c.is_ascii() || c.is_alphanumeric())) {
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
        let said = |path: &str| with_names("cat FILE > NEW; ls FOLDER", Some(Path::new(path)));
        assert_eq!(said("a.dump"), "cat a.dump > NEW; ls .");
        assert_eq!(said("/b/my file"), "cat '/b/my file' > NEW; ls /b");
        assert_eq!(said("FILE/it's"), "cat 'FILE/it'\\''s' > NEW; ls FILE");
        assert_eq!(said("x\u{202e}y"), "cat FILE > NEW; ls .");
        assert_eq!(with_names("cat FILE", None), "cat FILE");
    }
}
