//! `--create`: the script goes on in the database that it made.

use super::{Event, Writer};
use crate::error::{Error, Result};
use crate::sql::{self, Encoding};
use crate::toc::TocEntry;

impl Writer<'_> {
    /// Connects to a database, with all that a new session needs.
    ///
    /// The restriction is lifted for one command, so nothing but a database's name may stand in
    /// it, and no line may end within that name.
    pub(super) fn connect(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        self.tell(&Event::Connecting(*entry));
        let key = self.key.as_str();
        self.out.put("\\unrestrict ");
        self.out.put(key);
        self.out.put("\n");
        self.out.put(command(entry.tag().unwrap_or_default())?);
        self.out.put("\\restrict ");
        self.out.put(key);
        self.out.put("\n\n");
        self.state = super::State::default();
        self.prelude();
        Ok(())
    }
}

/// psql's command to connect to a database.
fn command(name: &[u8]) -> Result<Vec<u8>> {
    if name.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        let name = String::from_utf8_lossy(name);
        return Err(Error::usage(format!(
            "database name contains a newline or carriage return: \"{name}\""
        )));
    }
    let mut command = Vec::new();
    let simple = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    if name.iter().all(simple) {
        command.extend_from_slice(b"\\connect ");
        sql::identifier(name, Encoding::SQL_ASCII, &mut command);
    } else {
        // Any bytes may come; psql shall not look for characters in them.
        let mut parameters = b"dbname='".to_vec();
        for byte in name {
            if matches!(byte, b'\'' | b'\\') {
                parameters.push(b'\\');
            }
            parameters.push(*byte);
        }
        parameters.push(b'\'');
        command.extend_from_slice(b"\\encoding SQL_ASCII\n\\connect -reuse-previous=on ");
        sql::identifier(&parameters, Encoding::SQL_ASCII, &mut command);
    }
    command.push(b'\n');
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let text = |name: &str| String::from_utf8(command(name.as_bytes()).unwrap()).unwrap();
        assert_eq!(text("plain"), "\\connect plain\n");
        assert_eq!(text("Up.per"), "\\connect \"Up.per\"\n");
        assert_eq!(text("select"), "\\connect \"select\"\n");
        assert_eq!(text(""), "\\connect \"\"\n");
        assert_eq!(
            text("it's \"x\"\\"),
            "\\encoding SQL_ASCII\n\\connect -reuse-previous=on \
             \"dbname='it\\'s \"\"x\"\"\\\\'\"\n"
        );
        assert!(command(b"a\nb").is_err());
        assert!(command(b"a\r").is_err());
    }
}
