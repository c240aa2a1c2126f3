//! Which rows of the archive a session has had, and the lines of its errors there.

use crate::session::Message;

/// The turns of a session, and all rows that it had in those that are over.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) all: Vec<Turn>,
    pub(super) rows: u64,
}

/// Where a turn begins: rows that the session had before, and rows that the archive has before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) had: u64,
    pub(super) before: u64,
}

/// A failure of a part with its line in the archive, which comes first; the last of all if it has
/// none.
pub(super) fn in_stream(message: Message, table: &[u8], turns: &[Turn]) -> (u64, Message) {
    // `CONTEXT:  COPY table, line 3, column x: …`, in any language.
    let copy = [b"COPY ", table, b", "].concat();
    let found = memchr::memmem::find(&message, &copy).map(|at| at + copy.len());
    let Some(start) = found else { return (u64::MAX, message) };
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let end_of_line = memchr::memchr(b'\n', &message[start..]).unwrap_or(message.len() - start);
    let Some(first) = message[start..start + end_of_line].iter().position(is_digit) else {
        return (u64::MAX, message);
    };
    let first = start + first;
    let digits = message[first..].iter().take_while(|byte| is_digit(byte)).count();
    let number = std::str::from_utf8(&message[first..first + digits]);
    let Some(line) = number.ok().and_then(|text| text.parse::<u64>().ok()) else {
        return (u64::MAX, message);
    };
    let turn = turns.iter().rev().find(|turn| turn.had < line).or(turns.first());
    let line = turn.map_or(line, |turn| turn.before + line.saturating_sub(turn.had));
    let (before, after) = (&message[..first], &message[first + digits..]);
    let text = [before, line.to_string().as_bytes(), after].concat();
    (line, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_line_of_the_archive() {
        let turns = [(0, 0), (100, 300), (150, 450)].map(|(had, before)| Turn { had, before });
        let message = |line: u64| {
            format!("ERROR:  bad 12\nCONTEXT:  COPY a.b, line {line}, column x: \"99\"\n")
                .into_bytes()
        };
        for (line, there) in [(1, 1), (100, 100), (101, 301), (150, 350), (151, 451), (999, 1299)] {
            assert_eq!(in_stream(message(line), b"a.b", &turns), (there, message(there)));
        }
        let german = "KONTEXT:  COPY t, Zeile 101\n".as_bytes().to_vec();
        let expected = "KONTEXT:  COPY t, Zeile 301\n".as_bytes().to_vec();
        assert_eq!(in_stream(german, b"t", &turns), (301, expected));
        for other in ["ERROR:  disk full\n", "ERROR: COPY t, nothing\n9", ""] {
            let other = other.as_bytes().to_vec();
            assert_eq!(in_stream(other.clone(), b"t", &turns), (u64::MAX, other));
        }
    }
}
