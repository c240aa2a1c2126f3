//! Standard output: buffered, and safe for a terminal.

use std::io::{self, BufWriter, Write};

use crate::Failure;
use crate::stdio::Stdout;

/// Standard output. On a terminal, what would control it is shown instead of obeyed; elsewhere
/// bytes go through as they are.
#[derive(Debug)]
pub(crate) struct Output {
    inner: BufWriter<Screen>,
    terminal: bool,
}

#[derive(Debug)]
enum Screen {
    Raw(Stdout),
    Safe(TerminalSafe<Stdout>),
}

impl Output {
    pub(crate) fn new() -> Self {
        let stdout = Stdout::new();
        let terminal = stdout.is_terminal();
        let screen =
            if terminal { Screen::Safe(TerminalSafe::new(stdout)) } else { Screen::Raw(stdout) };
        Output { inner: BufWriter::with_capacity(128 << 10, screen), terminal }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Ends the output. Errors that come this late count, too.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.inner.flush().map_err(Failure::Output)
    }
}

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.inner.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Write for Screen {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Screen::Raw(inner) => inner.write(buf),
            Screen::Safe(inner) => inner.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Screen::Raw(inner) => inner.flush(),
            Screen::Safe(inner) => inner.flush(),
        }
    }
}

/// Shows control characters, marks that turn the direction of writing, and bytes that are no
/// UTF-8 instead of sending them to a terminal.
#[derive(Debug)]
pub(crate) struct TerminalSafe<W> {
    inner: W,
    /// The beginning of a character whose end is still to come.
    partial: Vec<u8>,
}

impl<W: Write> TerminalSafe<W> {
    pub(crate) fn new(inner: W) -> Self {
        TerminalSafe { inner, partial: Vec::new() }
    }
}

impl<W: Write> Write for TerminalSafe<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend_from_slice(buf);
        let mut text = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            safe_into(chunk.valid(), &mut text);
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && may_continue(invalid) {
                self.partial = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.inner.write_all(text.as_bytes())?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.partial).is_empty() {
            write!(self.inner, "{}", char::REPLACEMENT_CHARACTER)?;
        }
        self.inner.flush()
    }
}

/// Whether bytes are the beginning of a character that more bytes could complete.
fn may_continue(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.len() < 4
        && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

fn safe_into(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() || is_bidi(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name on one line, as text that can be measured and cut.
pub(crate) fn printable(name: &[u8]) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(name).chars() {
        match c {
            '\n' | '\t' => text.extend(c.escape_default()),
            c if c.is_control() || is_bidi(c) => text.extend(c.escape_unicode()),
            c => text.push(c),
        }
    }
    text
}

/// A number of bytes with a unit, about four digits wide.
pub(crate) fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let mut out = TerminalSafe::new(Vec::new());
        for piece in pieces {
            out.write_all(piece).unwrap();
        }
        out.flush().unwrap();
        String::from_utf8(out.inner).unwrap()
    }

    #[test]
    fn terminals_are_not_obeyed() {
        assert_eq!(shown(&[b"a\x1b[2Jb\n"]), "a\\u{1b}[2Jb\n");
        assert_eq!(shown(&["\u{9b}31m\u{202e}x".as_bytes()]), "\\u{9b}31m\\u{202e}x");
        assert_eq!(shown(&[b"\xff\xe9 x"]), "\u{fffd}\u{fffd} x");
    }

    #[test]
    fn characters_may_be_cut() {
        let text = "äöü€😀".as_bytes();
        for at in 0..text.len() {
            assert_eq!(shown(&[&text[..at], &text[at..]]), "äöü€😀");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(shown(&single), "äöü€😀");
        assert_eq!(shown(&[b"\xe2\x82"]), "\u{fffd}");
    }

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (5 << 40, "5.0 TiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(human_size(bytes), text);
        }
    }
}
