//! The three standard streams, none of which need be there or take what it is given.
//!
//! Clippy refuses every other way to them (`clippy.toml`).

#![allow(clippy::disallowed_methods)]

use std::borrow::Cow;
#[cfg(unix)]
use std::fs::File;
use std::fs::Metadata;
use std::io::{self, IsTerminal, Write};
use std::sync::LazyLock;

use pgdmp::text::Encoding;

/// Writes to standard error what `message.rs` made fit for that: all that the program says goes
/// through here. Where nobody can read it, nobody is told that.
pub(crate) fn say(text: &str) {
    match says_to_terminal() {
        true => say_bytes(&for_terminal(text)),
        false => say_bytes(text.as_bytes()),
    }
}

/// The same, of bytes that no terminal gets.
pub(crate) fn say_bytes(text: &[u8]) {
    let _ = io::stderr().write_all(text);
}

/// Text as the terminal takes it: in the encoding of the locale. What that does not have is shown by
/// its number; a byte of UTF-8 could be a control character there.
pub(crate) fn for_terminal(text: &str) -> Cow<'_, [u8]> {
    static LOCALE: LazyLock<Option<Encoding>> = LazyLock::new(|| locale_encoding(&locale()?));
    match draws_unicode() || text.is_ascii() {
        true => in_encoding(text, *LOCALE),
        false => in_encoding(&in_ascii(text), *LOCALE).into_owned().into(),
    }
}

/// Lines and blocks as ASCII draws them. Other characters are somebody's text.
fn in_ascii(text: &str) -> String {
    let drawn = |c| match c {
        '─' | '░' => '-',
        '│' | '├' => '|',
        '└' => '`',
        '┌' | '┐' | '┘' | '┬' | '┴' | '┤' | '┼' => '+',
        '█'..='▏' => '#',
        c => c,
    };
    text.chars().map(drawn).collect()
}

/// Whether lines, bars and marks of ours may be drawn with more than ASCII. A locale like `C` says
/// nothing of the terminal, but who sets it wants plain text.
pub(crate) fn draws_unicode() -> bool {
    static UNICODE: LazyLock<bool> =
        LazyLock::new(|| locale().is_some_and(|locale| names_utf8(&locale)));
    *UNICODE
}

/// What the environment says of the locale for characters.
fn locale() -> Option<String> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set)
}

fn names_utf8(locale: &str) -> bool {
    let codeset = locale.split_once('.').and_then(|(_, codeset)| codeset.split('@').next());
    let utf8 = |codeset: &str| locale_encoding(&format!("x.{codeset}")) == Some(Encoding::UTF8);
    codeset.is_some_and(utf8)
}

fn in_encoding(text: &str, encoding: Option<Encoding>) -> Cow<'_, [u8]> {
    if text.is_ascii() || encoding == Some(Encoding::UTF8) {
        return text.as_bytes().into();
    }
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match encoding
            .and_then(|encoding| encoding.encode(c.encode_utf8(&mut [0; 4])).map(Cow::into_owned))
        {
            Some(bytes) => out.extend(bytes),
            None if c.is_ascii() => out.push(c as u8),
            None => out.extend_from_slice(c.escape_unicode().to_string().as_bytes()),
        }
    }
    out.into()
}

/// The encoding that a locale names. Where none is named, as in `C`, terminals are UTF-8's today.
fn locale_encoding(locale: &str) -> Option<Encoding> {
    match locale.split_once('.') {
        Some((_, codeset)) => {
            let codeset = codeset.split('@').next().unwrap_or_default();
            Encoding::find(codeset.as_bytes()).filter(|encoding| *encoding != Encoding::SQL_ASCII)
        }
        None => Some(Encoding::UTF8),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_have_the_encoding_of_the_locale() {
        let latin1 = Encoding::find(b"LATIN1");
        for (locale, encoding) in [
            ("C", Some(Encoding::UTF8)),
            ("C.UTF-8", Some(Encoding::UTF8)),
            ("de_DE.utf8", Some(Encoding::UTF8)),
            ("de_DE.ISO-8859-1", latin1),
            ("de_DE.iso88591@phonebook", latin1),
            ("xx_XX.unheard-of", None),
        ] {
            assert_eq!(locale_encoding(locale), encoding, "{locale}");
        }
        for (locale, unicode) in
            [("C", false), ("POSIX", false), ("C.UTF-8", true), ("de_DE.utf8@x", true)]
        {
            assert_eq!(names_utf8(locale), unicode, "{locale}");
        }
        assert!(!names_utf8("de_DE.ISO-8859-1"));
        assert_eq!(in_ascii("├─ größe │ █▌░\n└─ x…"), "|- größe | ##-\n`- x…");
        assert_eq!(&*in_encoding("größe ⇒", Some(Encoding::UTF8)), "größe ⇒".as_bytes());
        assert_eq!(&*in_encoding("größe ⇒", latin1), b"gr\xf6\xdfe \\u{21d2}");
        // As UTF-8 it would have a byte that begins a sequence.
        assert_eq!(&*in_encoding("Û ⇒", None), b"\\u{db} \\u{21d2}");
    }
}
