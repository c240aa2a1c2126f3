//! Reads SQL as pg_dump writes it, byte by byte: each space where pg_dump puts it. Anything else is
//! not recognised.

/// SQL that is left to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) rest: &'a [u8],
}

/// A name, perhaps with its schema, as it is written: in quotes where it needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub(crate) schema: Option<&'a [u8]>,
    pub(crate) name: &'a [u8],
}

impl<'a> Text<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Text { rest }
    }

    /// Exactly this.
    pub(crate) fn skip(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word.as_bytes())?;
        Some(())
    }

    /// This, if it is there.
    pub(crate) fn skips(&mut self, word: &str) -> bool {
        self.skip(word).is_some()
    }

    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(n);
        self.rest = rest;
        taken
    }

    /// A name: without quotes it has lower case letters, digits and underscores alone.
    pub(crate) fn identifier(&mut self) -> Option<&'a [u8]> {
        let n = match self.rest {
            [b'"', inside @ ..] => {
                let mut at = 0;
                loop {
                    at += inside[at..].iter().position(|byte| *byte == b'"')? + 1;
                    if inside.get(at) != Some(&b'"') {
                        break at + 1;
                    }
                    at += 1;
                }
            }
            [b'a'..=b'z' | b'_', ..] => {
                let plain = |byte: &u8| matches!(byte, b'a'..=b'z' | b'_' | b'0'..=b'9');
                self.rest.iter().position(|byte| !plain(byte)).unwrap_or(self.rest.len())
            }
            _ => return None,
        };
        Some(self.take(n))
    }

    pub(crate) fn name(&mut self) -> Option<Name<'a>> {
        let first = self.identifier()?;
        if self.skips(".") {
            Some(Name { schema: Some(first), name: self.identifier()? })
        } else {
            Some(Name { schema: None, name: first })
        }
    }

    /// `(a, b)`: each of them.
    pub(crate) fn columns(&mut self) -> Option<Vec<&'a [u8]>> {
        self.skip("(")?;
        let mut columns = Vec::new();
        loop {
            columns.push(self.identifier()?);
            if self.skips(")") {
                return Some(columns);
            }
            self.skip(", ")?;
        }
    }

    /// `(fillfactor='70', fastupdate=off)`, as it is.
    pub(crate) fn settings(&mut self) -> Option<&'a [u8]> {
        let before = self.rest;
        self.skip("(")?;
        loop {
            self.identifier()?;
            self.skip("=")?;
            if self.skips("'") {
                let plain = |byte: &u8| !matches!(byte, b'\'' | b'\\' | b'\n');
                let n = self.rest.iter().position(|byte| !plain(byte))?;
                self.take(n);
                self.skip("'")?;
            } else {
                let plain = |byte: &u8| matches!(byte, b'a'..=b'z' | b'_' | b'0'..=b'9' | b'.');
                let n = self.rest.iter().position(|byte| !plain(byte))?;
                self.take(n);
            }
            if self.skips(")") {
                return Some(&before[..before.len() - self.rest.len()]);
            }
            self.skip(", ")?;
        }
    }
}

/// A name without its quotes.
pub(crate) fn bare(name: &[u8]) -> Vec<u8> {
    match name {
        [b'"', inside @ .., b'"'] => {
            let mut bare = Vec::with_capacity(inside.len());
            let mut quoted = false;
            for byte in inside {
                quoted = *byte == b'"' && !quoted;
                if !quoted {
                    bare.push(*byte);
                }
            }
            bare
        }
        _ => name.to_vec(),
    }
}

/// Whether the definition of a table says in the line of a column that it is `NOT NULL`. `false`
/// if that is not plain to see.
pub(crate) fn is_not_null(defn: &[u8], column: &[u8]) -> bool {
    let Some(start) = defn.iter().position(|byte| *byte == b'(') else { return false };
    let mut text = Text::new(&defn[start + 1..]);
    let mut depth = 1;
    // The words of the present column: whether it is the one, and the last word.
    let (mut first, mut this, mut not, mut found) = (true, false, false, false);
    while let Some(byte) = text.rest.first().copied() {
        if let Some(word) = text.identifier() {
            if depth == 1 {
                this = if first { word == column } else { this };
                first = false;
            }
            not = false;
            continue;
        }
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return found,
            b')' => depth -= 1,
            b',' if depth == 1 => {
                if found {
                    return true;
                }
                (first, this) = (true, false);
            }
            b'\'' => {
                // A string without anything odd, up to its end.
                let Some(end) =
                    text.rest[1..].iter().position(|byte| matches!(byte, b'\'' | b'\\'))
                else {
                    return false;
                };
                if text.rest[1 + end] == b'\\' {
                    return false;
                }
                text.take(end + 1);
            }
            // Quotes of other kinds, and comments.
            b'\\' | b'$' | b'-' | b'/' => return false,
            b'A'..=b'Z' => {
                let end = text.rest.iter().position(|byte| !byte.is_ascii_alphanumeric());
                let word = text.take(end.unwrap_or(text.rest.len()));
                if depth == 1 && this {
                    found |= not && word == b"NULL";
                    if found && word == b"INHERIT" {
                        return false;
                    }
                }
                not = word == b"NOT";
                first = false;
                continue;
            }
            b' ' | b'\n' => {}
            _ => first = false,
        }
        text.take(1);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_quoted() {
        for (text, raw, name) in [
            ("a_1 b", "a_1", "a_1"),
            ("\"A b\".c", "\"A b\"", "A b"),
            ("\"a\"\"b\"\"\" x", "\"a\"\"b\"\"\"", "a\"b\""),
            ("\"\"\"\"", "\"\"\"\"", "\""),
            ("\"ä\n\"", "\"ä\n\"", "ä\n"),
        ] {
            let found = Text::new(text.as_bytes()).identifier().unwrap();
            assert_eq!(found, raw.as_bytes());
            assert_eq!(bare(found), name.as_bytes());
        }
        for text in ["", "\"", "\"a", "\"a\"\"", "A", "1", "ä", "'a'"] {
            assert_eq!(Text::new(text.as_bytes()).identifier(), None, "{text}");
        }
    }

    #[test]
    fn columns_that_are_never_null() {
        const TABLE: &str = "CREATE TABLE public.t (\n    \
            a integer NOT NULL,\n    \
            b text DEFAULT 'x NOT NULL, c'::text,\n    \
            \"C d\" numeric(10,2) DEFAULT 0 NOT NULL,\n    \
            e integer GENERATED ALWAYS AS ((a + 1)) STORED,\n    \
            f integer CONSTRAINT f_there NOT NULL,\n    \
            g integer NOT NULL NO INHERIT,\n    \
            h integer,\n    \
            CONSTRAINT c CHECK ((h IS NOT NULL)),\n    \
            i integer DEFAULT 5 NOT NULL\n)\nWITH (fillfactor='70');\n";
        let not_null = |column: &str| is_not_null(TABLE.as_bytes(), column.as_bytes());
        for column in ["a", "\"C d\"", "f", "i"] {
            assert!(not_null(column), "{column}");
        }
        for column in ["b", "c", "e", "g", "h", "x", "\"a\""] {
            assert!(!not_null(column), "{column}");
        }
        // Nothing is made of what is not plain.
        for odd in ["E'\\' NOT NULL'", "$$ NOT NULL $$", "-1", "/* */ 1"] {
            let table =
                format!("CREATE TABLE t (\n    a text DEFAULT {odd},\n    b int NOT NULL\n);\n");
            assert!(!is_not_null(table.as_bytes(), b"b"), "{odd}");
        }
        for cut in 0..TABLE.len() {
            is_not_null(&TABLE.as_bytes()[..cut], b"i");
        }
    }
}
