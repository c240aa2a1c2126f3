//! Questions to a server, put so that nothing can change there.

use crate::session::{Message, Rows, Session};

/// Asks a server.
pub(super) struct Asker<'s> {
    session: &'s mut dyn Session,
    /// What it did not answer, and why.
    pub(super) unanswered: Vec<(&'static str, Message)>,
}

/// A row of an answer.
pub(super) type Row = Vec<Option<Vec<u8>>>;

impl<'s> Asker<'s> {
    pub(super) fn new(session: &'s mut dyn Session) -> Self {
        Asker { session, unanswered: Vec::new() }
    }

    pub(super) fn version(&self) -> u32 {
        self.session.server_version()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.session.is_lost()
    }

    /// Sends what sets up the session.
    pub(super) fn set(&mut self, sql: &[u8]) -> Result<(), Message> {
        self.session.query(sql).map(|_| ())
    }

    /// Asks about something. `None` if that fails, which is noted.
    pub(super) fn ask(&mut self, about: &'static str, sql: &[u8]) -> Option<Rows> {
        if self.is_lost() {
            return None;
        }
        match self.session.rows(sql) {
            Ok(rows) => Some(rows),
            Err(message) => {
                self.unanswered.push((about, message));
                None
            }
        }
    }
}

/// Puts a query together.
#[derive(Debug, Default)]
pub(super) struct Query(pub(super) Vec<u8>);

impl Query {
    pub(super) fn new(sql: &str) -> Self {
        Query(sql.as_bytes().to_vec())
    }

    pub(super) fn put(mut self, sql: &str) -> Self {
        self.0.extend_from_slice(sql.as_bytes());
        self
    }

    /// A text, as a literal. Backslashes stand for themselves in the session.
    pub(super) fn text(mut self, text: &[u8]) -> Self {
        self.push_text(text);
        self
    }

    fn push_text(&mut self, text: &[u8]) {
        self.0.push(b'\'');
        for byte in text.iter().filter(|byte| **byte != 0) {
            if *byte == b'\'' {
                self.0.push(b'\'');
            }
            self.0.push(*byte);
        }
        self.0.push(b'\'');
    }

    /// A name in double quotes.
    pub(super) fn name(mut self, name: &[u8]) -> Self {
        self.0.push(b'"');
        for byte in name.iter().filter(|byte| **byte != 0) {
            if *byte == b'"' {
                self.0.push(b'"');
            }
            self.0.push(*byte);
        }
        self.0.push(b'"');
        self
    }

    /// An array of texts. Not as one literal: in some encodings a backslash is a part of characters.
    pub(super) fn array<'t>(mut self, texts: impl IntoIterator<Item = &'t [u8]>) -> Self {
        self = self.put("ARRAY[");
        for (n, text) in texts.into_iter().enumerate() {
            if n > 0 {
                self.0.push(b',');
            }
            self.push_text(text);
        }
        self.put("]::pg_catalog.text[]")
    }
}

/// A cell as text; empty if it is null or not there.
pub(super) fn cell(row: &Row, at: usize) -> &[u8] {
    row.get(at).and_then(|cell| cell.as_deref()).unwrap_or_default()
}

/// A cell that is true.
pub(super) fn is_true(row: &Row, at: usize) -> bool {
    cell(row, at) == b"t"
}

/// A cell that is a number.
pub(super) fn number(row: &Row, at: usize) -> Option<i64> {
    std::str::from_utf8(cell(row, at)).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_texts() {
        let query = Query::new("x ").array([&b"it's"[..], b"a\\\0b"]).put(" ").name(b"a\"b");
        assert_eq!(query.0, b"x ARRAY['it''s','a\\b']::pg_catalog.text[] \"a\"\"b\"");
    }
}
