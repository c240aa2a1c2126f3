//! What is said on standard error, and how it is made fit for a terminal.
//!
//! Whatever a message is made of, names and texts of an archive among it, it is cleaned here, so
//! that no terminal obeys it.

use std::fmt::Display;

use crate::{colour, stdio};
use pgdmp::text::{Encoding, Printable};

/// What did not work.
pub(crate) fn error(text: impl Display) {
    say("error: ", &text);
}

/// What works, and is perhaps not what was meant.
pub(crate) fn warning(text: impl Display) {
    say("warning: ", &text);
}

/// What can be done about an error.
pub(crate) fn hint(text: impl Display) {
    say("hint: ", &text);
}

/// What is worth knowing of what is written.
pub(crate) fn note(text: impl Display) {
    say("note: ", &text);
}

/// What was done.
pub(crate) fn info(text: impl Display) {
    say("", &text);
}

fn say(level: &str, text: &dyn Display) {
    let text = shown(text.to_string().as_bytes());
    stdio::say(&format!("pgdmp: {}{text}\n", colour::level(level)));
}

/// Text that is not from the archive but may hold anything: arguments, lines of lists.
pub(crate) fn shown(text: &[u8]) -> String {
    Printable::new(text, Encoding::UTF8).to_string()
}

/// One of several things that an error can be about.
pub(crate) fn choice(text: impl Display) {
    stdio::say(&format!("  {}\n", shown(text.to_string().as_bytes())));
}

/// What the parser of arguments has to say, in the words of all other messages.
pub(crate) fn parser(text: &str) {
    let mut said = String::new();
    for line in clean(text).lines() {
        let levelled = [("error: ", "error: "), ("  tip: ", "hint: ")].into_iter();
        let mut level =
            levelled.filter_map(|(theirs, ours)| Some((line.strip_prefix(theirs)?, ours)));
        match level.next_back() {
            Some((text, level)) => said += &format!("pgdmp: {}{text}\n", colour::level(level)),
            // Around a tip they leave a line free.
            None if line.is_empty() && said.ends_with("\n\n") => {}
            None => said += &format!("{line}\n"),
        }
    }
    stdio::say(&said);
}

/// Text on as many lines as it has.
pub(crate) fn clean(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| shown(line.as_bytes())).collect();
    lines.join("\n")
}

/// A line in pg_restore's words, in which texts of the archive stand as they are stored.
///
/// A terminal gets it in Unicode, and nothing that it would obey. Elsewhere the bytes are
/// pg_restore's, but for the beginnings of sequences that terminals obey, and marks that erase or
/// turn the direction of writing: no name has them, and the line may be shown on a terminal later.
pub(crate) fn line(text: &[u8], encoding: Encoding) {
    levelled_line("", "", text, encoding);
}

/// The same, with the program's name before it, and a level of messages.
pub(crate) fn levelled_line(name: &str, level: &str, text: &[u8], encoding: Encoding) {
    let start = match name {
        "" => String::new(),
        name => format!("{}: {}", shown(name.as_bytes()), level),
    };
    if stdio::says_to_terminal() {
        stdio::say(&format!("{start}{}\n", Printable::new(text, encoding)));
    } else {
        let text = harmless(text, encoding);
        stdio::say_bytes(&[start.as_bytes(), &text, b"\n"].concat());
    }
}

/// The same, of what is several lines by its nature: what a server says, and statements.
pub(crate) fn text(text: &[u8], encoding: Encoding) {
    if !stdio::says_to_terminal() {
        return line(text, encoding);
    }
    let mut shown = String::new();
    for line in text.split(|byte| *byte == b'\n') {
        let parts = line.split(|byte| *byte == b'\t');
        let parts: Vec<_> = parts.map(|part| Printable::new(part, encoding).to_string()).collect();
        shown.push_str(&parts.join("\t"));
        shown.push('\n');
    }
    stdio::say(&shown);
}

/// The bytes, with what a terminal obeys shown by its number.
fn harmless(text: &[u8], encoding: Encoding) -> Vec<u8> {
    let is_unicode = matches!(encoding, Encoding::UTF8 | Encoding::SQL_ASCII);
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            // In other encodings its bytes may be parts of other characters.
            let known = c.is_ascii() || is_unicode;
            match known && is_obeyed(c) {
                true => out.extend_from_slice(c.escape_unicode().to_string().as_bytes()),
                false => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        out.extend_from_slice(chunk.invalid());
    }
    out
}

fn is_obeyed(c: char) -> bool {
    matches!(c,
        '\u{8}' | '\u{1b}' | '\u{7f}'..='\u{9f}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ours_stay_lines() {
        assert_eq!(clean("a\n  b\x1b[2J\u{202e}\tc"), "a\n  b\\u{1b}[2J\\u{202e}\\tc");
    }

    #[test]
    fn names_stay_as_pg_restore_shows_them() {
        let bytes = "a\nb\tgröße\u{200c}\u{1}\r".as_bytes();
        assert_eq!(harmless(bytes, Encoding::UTF8), bytes);
        assert_eq!(harmless(b"gr\xf6\xdfe", Encoding::UTF8), b"gr\xf6\xdfe");
        assert_eq!(harmless(b"a\x1b[2J\x7f", Encoding::UTF8), b"a\\u{1b}[2J\\u{7f}");
        let marks = "\u{9b}31m\u{202e}".as_bytes();
        assert_eq!(harmless(marks, Encoding::UTF8), b"\\u{9b}31m\\u{202e}");
        // Two characters of another encoding.
        let sjis = Encoding::find(b"SJIS").unwrap();
        assert_eq!(harmless(b"\xe2\x80\xae", sjis), b"\xe2\x80\xae");
    }
}
