//! What an input is that is no archive, and what helps: one line for each kind.

use std::borrow::Cow;
use std::fmt;

/// Makes the enum and its table of texts: for each kind what is said of the input, and what its
/// owner can do.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $what:literal, $advice:literal;)*) => {
        /// A guess at what an input is that is not an archive.
        ///
        /// [`Display`](fmt::Display) describes it, and [`advice`](Self::advice) says what to do.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum NotAnArchive {
            $($(#[$doc])* $kind,)*
            /// A file that was compressed as a whole.
            Compressed {
                /// The kind of file, with its article: `a gzip`.
                name: &'static str,
                /// The command that writes what is in it to standard output: `gunzip -c`.
                command: &'static str,
                /// What is in it, as far as that was looked at.
                content: Content,
            },
            /// A file of another kind.
            Other {
                /// What it is, with its article: `an SQLite database`.
                name: &'static str,
                /// What helps.
                advice: &'static str,
            },
            /// An archive with other bytes in front of it.
            Preceded {
                /// Bytes that stand before the archive.
                offset: u64,
                /// The first line of it, if it is text; made printable.
                line: Option<String>,
            },
            /// A tar with several directory archives, in these folders. The names are printable.
            SeveralDumps(Vec<String>),
            /// A tar with archives as members of these names. The names are printable.
            TarOfDumps(Vec<String>),
        }

        impl NotAnArchive {
            const fn texts(&self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$kind => ($what, $advice),)*
                    Self::Other { name, advice } => (name, advice),
                    _ => ("", ""),
                }
            }
        }
    };
}

/// The content of a file that was compressed as a whole.
///
/// It is a part of [`NotAnArchive::Compressed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Unknown or not examined.
    Unknown,
    /// An archive that can be read through a pipe.
    Archive,
    /// A tar of a directory archive, whose data can only be read from a file.
    DirectoryTar,
    /// A plain SQL dump.
    PlainDump,
}

kinds! {
    /// It has no bytes.
    Empty: "the input is empty",
        "the dump that should have written it failed; look at its messages";
    /// It ends before anything can be recognised.
    TooShort: "the input is too short for an archive",
        "the dump or the copy of it was cut off";
    /// It begins with zeros alone.
    Zeros: "there are only zeros at the beginning of this file",
        "its content was lost, as by a full disk, a crash or a copy that was not completed; copy \
         it again";
    /// An archive that pgdmp did not complete: its first bytes, which come last, are missing.
    Unfinished: "this archive was not completed: its first bytes were never written",
        "the program that wrote it was ended; write it again";
    /// A plain SQL dump of one database (`pg_dump` without `-F`).
    PlainDump: "this is a plain SQL dump",
        "it is no archive; run it with psql -f FILE, or dump with -Fc, -Fd or -Ft";
    /// A plain SQL dump of a whole cluster (`pg_dumpall`).
    ClusterDump: "this is a plain SQL dump of pg_dumpall",
        "it is no archive; run it with psql -f FILE, or dump each database with pg_dump -Fc";
    /// Text in UTF-16, which is what `>` of Windows PowerShell makes of a dump.
    Utf16: "this is text in UTF-16, not an archive",
        "PowerShell's > damages archives; dump again with pg_dump -f NEW instead of > NEW";
    /// An archive whose newlines were translated on the way: LF became CR LF or was lost.
    NewlinesTranslated: "the newlines of this archive were translated",
        "a transfer in text mode or a terminal (docker exec -t, ssh -t, FTP in ASCII mode) damaged \
         it; copy the original in binary mode, or dump again without -t";
    /// An archive without its NUL bytes.
    NulsRemoved: "the NUL bytes of this archive are missing",
        "a program that takes it for text damaged it; copy the original in binary mode";
    /// An archive whose bytes were taken for text and written as UTF-8.
    Recoded: "the bytes of this archive were converted to UTF-8",
        "a program that takes it for text damaged it; copy the original in binary mode";
    /// The `toc.dat` of a directory or tar archive, taken out of it.
    TocFile: "this is the toc.dat of a directory archive",
        "give the directory that holds it instead: FOLDER";
    /// A file of a directory archive with data.
    DataFile: "this is a data file of a directory archive",
        "give the directory that holds it instead: FOLDER";
    /// A `toc.dat` without a byte.
    EmptyToc: "toc.dat is empty",
        "the dump or the copy of it was interrupted, or the disk was full; copy it again";
    /// A directory with nothing in it.
    EmptyDirectory: "this directory is empty",
        "the dump failed before it wrote anything; look at its messages";
    /// A directory without `toc.dat`, but with data files of an archive.
    DirectoryWithoutItsToc: "this directory has data files of an archive, but no toc.dat",
        "the copy of it is not complete, or whatever wrote it was ended; copy toc.dat, too";
    /// A directory without `toc.dat`.
    DirectoryWithoutToc: "there is no toc.dat in this directory",
        "give the directory that pg_dump -Fd made, or one of the files in this one";
    /// A tar file without `toc.dat`, but with data files of an archive.
    TarWithoutItsToc: "this tar file has data files of an archive, but no toc.dat",
        "it was not packed completely; pack the whole directory again";
    /// A tar file without `toc.dat`.
    TarWithoutToc: "there is no toc.dat in this tar file",
        "only a tar file that pg_dump -Ft made is an archive, or one of a directory that pg_dump \
         -Fd made";
    /// A directory made by `pg_basebackup`, or a server's data directory.
    DataDirectory: "this is a server's data directory",
        "it is not a dump; start a server on it to read it";
    /// A tar made by `pg_basebackup`, or of a server's data directory.
    BaseBackup: "this is a base backup of a server's files",
        "it is not a dump; unpack it into an empty directory and start a server on that";
    /// A directory of several archives, made by a `pg_dumpall` that was never released.
    ClusterDirectory: "this directory holds a dump of several databases",
        "give one of the archives in its folder 'databases'";
    /// None of the above.
    Unknown: "this is not an archive of pg_dump",
        "check that this is the file you meant and that it was copied whole";
}

impl NotAnArchive {
    /// Whether the input is a directory without a `toc.dat`, compressed or not.
    pub fn lacks_toc(&self) -> bool {
        matches!(
            self,
            Self::EmptyDirectory
                | Self::DirectoryWithoutItsToc
                | Self::DirectoryWithoutToc
                | Self::DataDirectory
                | Self::ClusterDirectory
        )
    }

    /// Whether it is an archive that was compressed as a whole, which
    /// [`OpenOptions::input`](crate::OpenOptions::input) reads all the same.
    pub fn is_compressed_archive(&self) -> bool {
        matches!(self, Self::Compressed { content: Content::Archive, .. })
    }

    /// Advice for the user. `FILE` in it stands for the input, and `FOLDER` for the directory that
    /// the input is in.
    pub fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::Compressed { command, content, .. } => match content {
                Content::DirectoryTar => {
                    format!("it is a tar of a directory; decompress it first: {command} FILE > NEW")
                }
                Content::PlainDump => format!("it is a plain SQL dump: {command} FILE | psql"),
                _ => format!("decompress it first: {command} FILE | pgdmp list -"),
            }
            .into(),
            Self::Preceded { offset, line } => {
                let messages = line.as_ref().is_some_and(|line| line.contains("pg_dump: "));
                let again = match messages {
                    true => "; its messages may stand within it, too: dump again without 2>&1",
                    false => "",
                };
                let from = offset.saturating_add(1);
                format!("cut that off: tail -c +{from} FILE | pgdmp convert - NEW{again}").into()
            }
            Self::SeveralDumps(folders) => {
                let first = folders.first().map_or("", String::as_str);
                let first = quoted(first.trim_end_matches('/'));
                format!("unpack the one that you want, and give it: tar -xf FILE -- {first}").into()
            }
            Self::TarOfDumps(names) => {
                let first = quoted(names.first().map_or("", String::as_str));
                format!("unpack the one that you want: tar -xOf FILE -- {first} | pgdmp list -")
                    .into()
            }
            _ => self.texts().1.into(),
        }
    }
}

impl fmt::Display for NotAnArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.texts().0;
        match self {
            Self::Compressed { name, .. } => {
                write!(f, "this is {name} file, compressed as a whole")
            }
            Self::Other { .. } => write!(f, "this is {what}, not an archive"),
            Self::Preceded { offset, line: None } => {
                write!(f, "{offset} bytes of something else stand before the archive")
            }
            Self::Preceded { offset, line: Some(line) } => {
                write!(f, "{offset} bytes of text stand before the archive: \"{line}\"")
            }
            Self::SeveralDumps(names) => {
                write!(f, "this tar file holds several archives: {}", listed(names))
            }
            Self::TarOfDumps(names) => {
                write!(f, "this tar file is no archive, but holds some: {}", listed(names))
            }
            _ => f.write_str(what),
        }
    }
}

/// The first few names.
fn listed(names: &[String]) -> String {
    const MOST: usize = 5;
    let shown = names[..names.len().min(MOST)].join(", ");
    match names.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

/// A name as a word of a shell's command. It comes from the input, and must not become more.
pub(crate) fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./,+=@%".contains(c);
    match !name.is_empty() && name.chars().all(plain) {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_a_command() {
        for (name, word) in [
            ("nightly/shop", "nightly/shop"),
            ("", "''"),
            ("my shop", "'my shop'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", "'it'\\''s'"),
        ] {
            assert_eq!(quoted(name), word);
        }
        let names = ["--checkpoint-action=exec=x/".to_owned(), "b/".to_owned()];
        let advice = NotAnArchive::SeveralDumps(names.to_vec()).advice();
        assert!(advice.ends_with("tar -xf FILE -- --checkpoint-action=exec=x"), "{advice}");
    }
}
