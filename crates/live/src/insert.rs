//! The statements in data that was dumped as INSERT statements.

/// More than a server takes as one query.
const LONGEST: usize = (1 << 30) - 1;

/// Takes data apart into its statements. Each ends with a `;` that is not in quotes. No other
/// rule of SQL is known here, as none is to `pg_restore`: no comment, and no quotes with dollars.
#[derive(Debug)]
pub(crate) struct Statements {
    /// Whether a backslash in a string stands for itself.
    std_strings: bool,
    /// What there is of the statement that did not end yet.
    begun: Vec<u8>,
    state: State,
    /// Whether the statement has what could begin a comment or a quote with dollars.
    is_odd: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    /// In a string; whether a backslash makes the next byte an ordinary one.
    String {
        escaped: bool,
    },
    Identifier,
}

/// A statement that no server could take.
#[derive(Debug)]
pub(crate) struct TooLong;

impl Statements {
    pub(crate) fn new(std_strings: bool) -> Self {
        Statements { std_strings, begun: Vec::new(), state: State::Plain, is_odd: false }
    }

    /// Takes a piece of data, and gives the statements that end in it, each with its `;`, and
    /// whether it is plain: no comment, and no quote with dollars, can begin in it.
    pub(crate) fn piece<E: From<TooLong>>(
        &mut self,
        piece: &[u8],
        mut take: impl FnMut(&[u8], bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = piece;
        while !rest.is_empty() {
            if self.begun.is_empty() && self.state == State::Plain {
                let start = rest.iter().position(|byte| *byte != b'\n').unwrap_or(rest.len());
                rest = &rest[start..];
            }
            match self.end(rest) {
                Some(end) => {
                    let (last, after) = rest.split_at(end);
                    let is_plain = !std::mem::take(&mut self.is_odd);
                    if self.begun.is_empty() {
                        take(last, is_plain)?;
                    } else {
                        self.keep(last)?;
                        take(&self.begun, is_plain)?;
                        self.begun.clear();
                        self.begun.shrink_to(1 << 20);
                    }
                    rest = after;
                }
                None => {
                    self.keep(rest)?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// What is left without an end.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.begun
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLong> {
        if self.begun.len() + part.len() > LONGEST {
            return Err(TooLong);
        }
        self.begun.extend_from_slice(part);
        Ok(())
    }

    /// Where the statement ends, behind its `;`.
    fn end(&mut self, text: &[u8]) -> Option<usize> {
        for (at, byte) in text.iter().enumerate() {
            self.state = match (self.state, *byte) {
                (State::Plain, b';') => return Some(at + 1),
                (State::Plain, b'\'') => State::String { escaped: false },
                (State::Plain, b'"') => State::Identifier,
                (State::Plain, b'$' | b'*') => {
                    self.is_odd = true;
                    State::Plain
                }
                (State::Identifier, b'"') | (State::String { escaped: false }, b'\'') => {
                    State::Plain
                }
                (State::String { escaped }, b'\\') if !self.std_strings => {
                    State::String { escaped: !escaped }
                }
                (State::String { .. }, _) => State::String { escaped: false },
                (state, _) => state,
            };
        }
        None
    }
}

/// INSERT statements that wait, to go to the server many at a time, in one query. That is one
/// transaction: if one of them fails, each is sent alone.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    text: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Waiting {
    /// The most of one query, in bytes and statements.
    const MOST_BYTES: usize = 256 << 10;
    const MOST: usize = 1000;

    /// Whether a statement can wait: it can be sent twice if the first time failed, and changes
    /// nothing of how others are read.
    pub(crate) fn takes(statement: &[u8], is_plain: bool) -> bool {
        is_plain && statement.starts_with(b"INSERT INTO ") && statement.len() < Self::MOST_BYTES
    }

    pub(crate) fn push(&mut self, statement: &[u8]) {
        self.text.extend_from_slice(statement);
        self.ends.push(self.text.len());
        self.text.push(b'\n');
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.ends.len() >= Self::MOST || self.text.len() >= Self::MOST_BYTES
    }

    /// All of them as one query.
    pub(crate) fn query(&self) -> &[u8] {
        &self.text
    }

    /// Each.
    pub(crate) fn each(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|end| end + 1));
        self.ends.iter().zip(starts).map(|(end, start)| &self.text[start..*end])
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl From<TooLong> for String {
        fn from(_: TooLong) -> String {
            "too long".to_owned()
        }
    }

    /// The statements, and what is left, with the data cut there.
    fn split(data: &str, std_strings: bool, at: usize) -> (Vec<String>, String) {
        let mut found = Vec::new();
        let mut statements = Statements::new(std_strings);
        for piece in [&data[..at], &data[at..]] {
            statements
                .piece(piece.as_bytes(), |statement, _| {
                    found.push(String::from_utf8(statement.to_vec()).unwrap());
                    Ok::<(), String>(())
                })
                .unwrap();
        }
        (found, String::from_utf8(statements.rest().to_vec()).unwrap())
    }

    #[test]
    fn statements_that_wait_are_plain() {
        for (data, expected) in [
            ("INSERT INTO t VALUES (-1, '$$ /* -- ;', \"*\");", true),
            ("INSERT INTO t VALUES ($$a;", false),
            ("INSERT INTO t VALUES (1 /* ;", false),
            ("COMMIT;", false),
        ] {
            let mut waits = None;
            Statements::new(true)
                .piece(data.as_bytes(), |statement, is_plain| {
                    waits = Some(Waiting::takes(statement, is_plain));
                    Ok::<(), String>(())
                })
                .unwrap();
            assert_eq!(waits, Some(expected), "{data}");
        }
        let mut waiting = Waiting::default();
        waiting.push(b"INSERT INTO a;");
        waiting.push(b"INSERT INTO b\nc;");
        let each: Vec<_> = waiting.each().collect();
        assert_eq!(each, [&b"INSERT INTO a;"[..], b"INSERT INTO b\nc;"]);
    }

    #[test]
    fn statements_end_outside_of_quotes() {
        for (data, std_strings, expected, rest) in [
            ("INSERT 1;\nINSERT 2;\n\n\n", true, &["INSERT 1;", "INSERT 2;"][..], ""),
            ("\n\na;b;", true, &["a;", "b;"], ""),
            ("v('a;''b');w(\"x;'\");", true, &["v('a;''b');", "w(\"x;'\");"], ""),
            ("v('a\\');w;", true, &["v('a\\');", "w;"], ""),
            ("v('a\\';b\\\\');w;", false, &["v('a\\';b\\\\');", "w;"], ""),
            ("a\n\nb;\n", true, &["a\n\nb;"], ""),
            ("a; no end", true, &["a;"], " no end"),
            ("", true, &[], ""),
        ] {
            for at in 0..=data.len() {
                let (found, left) = split(data, std_strings, at);
                assert_eq!(
                    (&found[..], &left[..]),
                    (&expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..], rest),
                    "{data:?} at {at}"
                );
            }
        }
    }
}
