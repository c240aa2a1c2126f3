//! Asking for a password.

use std::io;

/// Asks for a password: on the terminal, without showing what is typed; without a terminal, on
/// standard error and input, as `pg_restore` does.
pub(crate) fn password() -> io::Result<Vec<u8>> {
    #[cfg(unix)]
    return unix::password();
    #[cfg(not(unix))]
    rpassword::prompt_password(PROMPT).map(String::into_bytes)
}

const PROMPT: &str = "Password: ";

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, BufRead, BufReader, Read, Write};

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    use super::PROMPT;

    /// Longer than any password is.
    const LONGEST: u64 = 1 << 20;

    pub(super) fn password() -> io::Result<Vec<u8>> {
        let terminal = File::options().read(true).write(true).open("/dev/tty");
        let Ok(terminal) = terminal else {
            write(&mut io::stderr())?;
            return line(&mut io::stdin().lock());
        };
        let hidden = Hidden::new(&terminal)?;
        write(&mut &terminal)?;
        let password = line(&mut BufReader::new(&terminal));
        drop(hidden);
        // The line end that was typed was not shown.
        (&terminal).write_all(b"\n")?;
        password
    }

    fn write(to: &mut impl Write) -> io::Result<()> {
        to.write_all(PROMPT.as_bytes())?;
        to.flush()
    }

    fn line(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        from.take(LONGEST).read_until(b'\n', &mut line)?;
        while let Some(b'\n' | b'\r') = line.last() {
            line.pop();
        }
        Ok(line)
    }

    /// A terminal that does not show what is typed, until this is dropped.
    struct Hidden<'a> {
        terminal: &'a File,
        before: Termios,
    }

    impl<'a> Hidden<'a> {
        fn new(terminal: &'a File) -> io::Result<Self> {
            let before = tcgetattr(terminal)?;
            let mut hidden = before.clone();
            hidden.local_modes.remove(LocalModes::ECHO);
            tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
            Ok(Hidden { terminal, before })
        }
    }

    impl Drop for Hidden<'_> {
        fn drop(&mut self) {
            let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
        }
    }
}
