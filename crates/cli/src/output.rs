//! Standard output: buffered, and safe for a terminal.

use std::io::{self, BufWriter, Write};

use crate::Failure;
use crate::stdio::{Stdout, for_terminal};
use pgdmp::text::{Encoding, Printable};

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
    /// For text in Unicode.
    pub(crate) fn new() -> Self {
        Output::of(Encoding::UTF8)
    }

    /// For text in an encoding, which a terminal gets in Unicode.
    pub(crate) fn of(encoding: Encoding) -> Self {
        let stdout = Stdout::new();
        let terminal = stdout.is_terminal();
        let screen = match terminal {
            true => Screen::Safe(TerminalSafe::new(stdout, encoding)),
            false => Screen::Raw(stdout),
        };
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

/// Shows what a terminal would obey, and bytes that are no character, instead of sending them
/// there. Line ends and tabs are what they are.
#[derive(Debug)]
struct TerminalSafe<W> {
    inner: W,
    encoding: Encoding,
    /// A line whose end is still to come.
    partial: Vec<u8>,
}

/// Longer lines are shown in pieces.
const LINE: usize = 64 << 10;

impl<W: Write> TerminalSafe<W> {
    fn new(inner: W, encoding: Encoding) -> Self {
        TerminalSafe { inner, encoding, partial: Vec::new() }
    }

    fn show(&mut self, text: &[u8]) -> io::Result<()> {
        // No character of any encoding has such a byte inside.
        for piece in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\t')) {
            let (text, end) = match piece.split_last() {
                Some((b'\n', text)) => (text, "\n"),
                Some((b'\t', text)) => (text, "\t"),
                _ => (piece, ""),
            };
            let text = format!("{}{end}", Printable::new(text, self.encoding));
            self.inner.write_all(&for_terminal(&text))?;
        }
        Ok(())
    }
}

impl<W: Write> Write for TerminalSafe<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut text = std::mem::take(&mut self.partial);
        text.extend_from_slice(buf);
        let lines = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if text.len() - lines <= LINE {
            self.partial = text.split_off(lines);
        }
        self.show(&text)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.partial);
        self.show(&text)?;
        self.inner.flush()
    }
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

/// A number with commas, and what it counts.
pub(crate) fn counted(count: u64, one: &str, several: &str) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {}", if count == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]], encoding: &str) -> String {
        let encoding = Encoding::find(encoding.as_bytes()).unwrap();
        let mut out = TerminalSafe::new(Vec::new(), encoding);
        for piece in pieces {
            out.write_all(piece).unwrap();
        }
        out.flush().unwrap();
        String::from_utf8(out.inner).unwrap()
    }

    #[test]
    fn numbers_have_commas() {
        for (count, text) in [
            (1, "1 entry"),
            (0, "0 entries"),
            (999, "999 entries"),
            (1_234_567, "1,234,567 entries"),
        ] {
            assert_eq!(counted(count, "entry", "entries"), text);
        }
    }

    #[test]
    fn terminals_are_not_obeyed() {
        assert_eq!(shown(&[b"a\x1b[2Jb\n\tc\r"], "UTF8"), "a\\u{1b}[2Jb\n\tc\\r");
        let marks = "\u{9b}31m\u{202e}x".as_bytes();
        assert_eq!(shown(&[marks], "UTF8"), "\\u{9b}31m\\u{202e}x");
        assert_eq!(shown(&[b"\xff\xe9 x"], "UTF8"), "\\xff\\xe9 x");
        assert_eq!(shown(&[b"gr\xf6\xdfe\x9b"], "LATIN1"), "größe\\u{9b}");
    }

    #[test]
    fn characters_may_be_cut() {
        for (text, encoding) in [("äöü€😀".as_bytes(), "UTF8"), (b"\x95\x5c\x83\x5c", "SJIS")]
        {
            let whole = shown(&[text], encoding);
            for at in 0..text.len() {
                assert_eq!(shown(&[&text[..at], &text[at..]], encoding), whole);
            }
            let single: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(shown(&single, encoding), whole);
        }
        assert_eq!(shown(&[b"\xe2\x82"], "UTF8"), "\\xe2\\x82");
    }

    #[test]
    fn long_lines_are_not_kept() {
        let mut out = TerminalSafe::new(Vec::new(), Encoding::UTF8);
        for _ in 0..10 {
            out.write_all(&[b'x'; LINE / 2]).unwrap();
            assert!(out.partial.len() <= LINE);
        }
        out.flush().unwrap();
        assert_eq!(out.inner.len(), 5 * LINE);
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
