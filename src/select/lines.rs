//! The lines of a text that somebody wrote, with whatever editor: a list or a filter.
//!
//! Bytes are bytes, but for two things that editors and shells do without being asked: a mark at
//! the front (U+FEFF) is skipped, and UTF-16 becomes UTF-8. That is how PowerShell redirects.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use crate::error::{Error, ErrorKind, Result};

/// What a text may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Bytes of all lines, and of one: what that is, the bound, and its method of `Limits`.
    pub(super) all: (&'static str, u64, &'static str),
    pub(super) line: (&'static str, u64, &'static str),
    /// So many bytes of a line are kept.
    pub(super) kept: usize,
}

/// A text that is read line by line.
pub(super) struct Lines<R> {
    text: Text<R>,
    bounds: Bounds,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R, bounds: Bounds) -> Result<Self> {
        Ok(Lines { text: Text::recognise(input)?, bounds, bytes: 0 })
    }

    /// Puts the next line into `line`, without its `\n`. False at the end.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> Result<bool> {
        line.clear();
        let (mut any, mut len) = (false, 0);
        loop {
            let data = match self.text.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                data => data?,
            };
            if data.is_empty() {
                return Ok(any);
            }
            any = true;
            let end = data.iter().position(|byte| *byte == b'\n');
            let n = end.unwrap_or(data.len());
            let room = self.bounds.kept.saturating_sub(line.len());
            line.extend_from_slice(&data[..n.min(room)]);
            let taken = end.map_or(n, |end| end + 1);
            self.text.consume(taken);
            self.bytes += taken as u64;
            len += n as u64;
            check(self.bounds.line, len)?;
            check(self.bounds.all, self.bytes)?;
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

fn check((what, limit, knob): (&'static str, u64, &'static str), found: u64) -> Result<()> {
    match found > limit {
        true => Err(Error::new(ErrorKind::Limit { what, limit, knob })),
        false => Ok(()),
    }
}

/// Makes a unit of UTF-16 of two bytes.
type Unit = fn([u8; 2]) -> u16;

/// What was looked at, and the rest.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

enum Text<R> {
    Bytes(Whole<R>),
    Wide(BufReader<Utf16<Whole<R>>>),
}

impl<R: BufRead> Text<R> {
    fn recognise(mut input: R) -> Result<Self> {
        let mut start = Vec::with_capacity(4);
        input.by_ref().take(4).read_to_end(&mut start)?;
        let (little, big): (Unit, Unit) = (u16::from_le_bytes, u16::from_be_bytes);
        // Without a mark: two characters of ASCII, or all of one.
        let units = start.len() % 2 == 0;
        let ascii = |place: usize| start.get(place).is_none_or(|byte| *byte > 0);
        let nul = |place: usize| start.get(place).is_none_or(|byte| *byte == 0);
        let (mark, wide) = match start[..] {
            [0xEF, 0xBB, 0xBF, ..] => (3, None),
            [0xFF, 0xFE, ..] => (2, Some(little)),
            [0xFE, 0xFF, ..] => (2, Some(big)),
            [_, 0, ..] if units && ascii(0) && ascii(2) && nul(3) => (0, Some(little)),
            [0, _, ..] if units && ascii(1) && nul(2) && ascii(3) => (0, Some(big)),
            _ => (0, None),
        };
        start.drain(..mark);
        let whole = Cursor::new(start).chain(input);
        Ok(match wide {
            None => Text::Bytes(whole),
            Some(unit) => Text::Wide(BufReader::new(Utf16::new(whole, unit))),
        })
    }

    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Text::Bytes(input) => input.fill_buf(),
            Text::Wide(input) => input.fill_buf(),
        }
    }

    fn consume(&mut self, n: usize) {
        match self {
            Text::Bytes(input) => input.consume(n),
            Text::Wide(input) => input.consume(n),
        }
    }
}

/// UTF-16, read as UTF-8. What is no character becomes U+FFFD.
struct Utf16<R> {
    input: R,
    unit: Unit,
    /// The first half of a unit whose second is still to come.
    half: Option<u8>,
    /// The first unit of a character.
    first: Option<u16>,
    text: Cursor<Vec<u8>>,
}

impl<R: BufRead> Utf16<R> {
    fn new(input: R, unit: Unit) -> Self {
        Utf16 { input, unit, half: None, first: None, text: Cursor::default() }
    }

    /// Makes text of the next bytes. There is none at the end.
    fn advance(&mut self) -> io::Result<()> {
        const PIECE: usize = 4 << 10;
        let mut text = String::new();
        while text.is_empty() {
            let data = self.input.fill_buf()?;
            if data.is_empty() {
                // What is left is half of something.
                if self.half.take().is_some() | self.first.take().is_some() {
                    text.push(char::REPLACEMENT_CHARACTER);
                }
                break;
            }
            let n = data.len().min(PIECE);
            let mut units: Vec<u16> = self.first.take().into_iter().collect();
            for &byte in &data[..n] {
                match self.half.take() {
                    None => self.half = Some(byte),
                    Some(half) => units.push((self.unit)([half, byte])),
                }
            }
            self.input.consume(n);
            self.first = units.pop_if(|unit| (0xD800..0xDC00).contains(unit));
            let chars = char::decode_utf16(units);
            text.extend(chars.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        self.text = Cursor::new(text.into_bytes());
        Ok(())
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.text.position() == self.text.get_ref().len() as u64 {
            self.advance()?;
        }
        self.text.read(buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { all: ("all", 1000, "a"), line: ("line", 100, "l"), kept: 10 };

    fn lines(text: &[u8], capacity: usize) -> Vec<String> {
        let mut lines = Lines::new(BufReader::with_capacity(capacity, text), BOUNDS).unwrap();
        let (mut line, mut all) = (Vec::new(), Vec::new());
        while lines.next(&mut line).unwrap() {
            all.push(String::from_utf8(line.clone()).unwrap());
        }
        all
    }

    #[test]
    fn texts_of_any_editor() {
        let text = "5; é\r\n\n𝄞6";
        let expected = ["5; é\r", "", "𝄞6"];
        let wide =
            |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let (little, big) = (wide(u16::to_le_bytes), wide(u16::to_be_bytes));
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe", &little[..]].concat(),
            [b"\xfe\xff", &big[..]].concat(),
            little,
            big,
        ] {
            for capacity in [1, 2, 3, 5, 100] {
                assert_eq!(lines(&bytes, capacity), expected, "{bytes:x?}");
            }
        }
        assert_eq!(lines(b"5\0", 9), ["5"]);
        assert_eq!(lines(b"", 9), [""; 0]);
        assert_eq!(lines(b"\xff\xfe5\0x", 9), ["5\u{fffd}"]);
        assert_eq!(lines(b"\xff\xfe\0\xd85\0", 9), ["\u{fffd}5"]);
        assert_eq!(lines(b"a\0b", 9), ["a\0b"], "no UTF-16");
    }

    #[test]
    fn bounds() {
        let ends = |text: &[u8]| {
            let mut lines = Lines::new(text, BOUNDS).unwrap();
            let mut line = Vec::new();
            loop {
                match lines.next(&mut line) {
                    Ok(true) => assert!(line.len() <= BOUNDS.kept),
                    Ok(false) => return None,
                    Err(error) => return Some(error.to_string()),
                }
            }
        };
        assert_eq!(ends(&[b'x'; 100]), None);
        assert!(ends(&[b'x'; 101]).unwrap().starts_with("line: more than the limit of 100"));
        assert_eq!(ends(&b"x\n".repeat(500)), None);
        assert!(ends(&b"x\n".repeat(501)).unwrap().contains("Limits::a"));
    }
}
