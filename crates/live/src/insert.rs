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
        Statements { std_strings, begun: Vec::new(), state: State::Plain }
    }

    /// Takes a piece of data, and gives the statements that end in it, each with its `;`.
    pub(crate) fn piece<E: From<TooLong>>(
        &mut self,
        piece: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
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
                    if self.begun.is_empty() {
                        take(last)?;
                    } else {
                        self.keep(last)?;
                        take(&self.begun)?;
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
                .piece(piece.as_bytes(), |statement| {
                    found.push(String::from_utf8(statement.to_vec()).unwrap());
                    Ok::<(), String>(())
                })
                .unwrap();
        }
        (found, String::from_utf8(statements.rest().to_vec()).unwrap())
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
