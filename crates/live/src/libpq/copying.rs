//! Rows on their way to a server, which may refuse them before the last one.
//!
//! libpq tells of the failure of a `COPY` at its end. While it waits to send, it takes what the
//! server says, and keeps that to itself. So this waits in its place: it looks at what has come
//! without taking it, and if that is an error, the rest of the rows need not be sent, nor read.
//!
//! That is seen where the connection is not encrypted, from PostgreSQL 9.6 on. If it is missed, all
//! rows are sent, as `pg_restore` does.

use super::raw::Raw;

/// The rows of a `COPY`.
#[derive(Debug, Default)]
pub(crate) struct Copying {
    /// So many bytes may not have been sent yet.
    unsent: usize,
    has_failed: bool,
}

impl Copying {
    /// Whether the server has said that the `COPY` fails.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Sends data; says whether the connection took it.
    pub(crate) fn send(&mut self, raw: &mut Raw<'_>, data: &[u8]) -> bool {
        /// More than libpq can count, or has to keep and to move when a part of it is sent.
        const PIECE: usize = 256 << 10;
        /// What libpq puts together until it sends it.
        const LITTLE: usize = 8 << 10;
        let waits_itself = cfg!(not(unix)) || !raw.set_nonblocking(true);
        for piece in data.chunks(PIECE) {
            if self.has_failed {
                break;
            }
            if !raw.put_copy_data(piece) {
                return false;
            }
            self.unsent += piece.len();
            if self.unsent >= LITTLE && !waits_itself && !self.flush(raw) {
                return false;
            }
        }
        true
    }

    /// Waits until all is sent, or the server has said that it wants no more of it.
    fn flush(&mut self, raw: &mut Raw<'_>) -> bool {
        loop {
            // What could be sent at once libpq has sent.
            match raw.look() {
                Seen::Nothing => {}
                Seen::Failure => {
                    self.has_failed = true;
                    return true;
                }
                Seen::Other if raw.consume() => {}
                Seen::Other => return false,
            }
            match raw.flush() {
                Some(true) => {
                    self.unsent = 0;
                    return true;
                }
                Some(false) => {}
                None => return false,
            }
        }
    }

    /// Ends the data; says whether the connection took that.
    pub(crate) fn end(&mut self, raw: &mut Raw<'_>) -> bool {
        // Whatever was seen: if rows were left out, none may stay.
        let gives_up = self.has_failed.then_some(c"not all rows were sent");
        if !raw.put_copy_end(gives_up) {
            return false;
        }
        while raw.flush() == Some(false) {
            if raw.look() != Seen::Nothing && !raw.consume() {
                break;
            }
        }
        raw.set_nonblocking(false);
        true
    }
}

/// What a server has said that libpq has not heard yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "there libpq waits by itself"))]
enum Seen {
    Nothing,
    /// A statement has failed.
    Failure,
    Other,
}

impl Raw<'_> {
    /// Waits until the server says something, or can be sent more, and looks at what it has said.
    #[cfg(unix)]
    fn look(&self) -> Seen {
        use rustix::event::{PollFd, PollFlags, poll};
        use rustix::net::{RecvFlags, recv};

        let Some(socket) = self.socket() else { return Seen::Other };
        let mut polled = [PollFd::from_borrowed_fd(socket, PollFlags::IN | PollFlags::OUT)];
        match poll(&mut polled, None) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Seen::Nothing,
            Err(_) => return Seen::Other,
            Ok(_) if (polled[0].revents() - PollFlags::OUT).is_empty() => return Seen::Nothing,
            Ok(_) => {}
        }
        let mut said = [0; 4096];
        match recv(socket, &mut said[..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((len, _)) if tells_of_failure(&said[..len]) => Seen::Failure,
            _ => Seen::Other,
        }
    }

    #[cfg(not(unix))]
    fn look(&self) -> Seen {
        Seen::Nothing
    }
}

/// Whether an error is among messages of the server: `ErrorResponse` with a severity, as it is
/// shown and as it is always called, of which `FATAL` is the end of more than a statement. What is
/// encrypted begins with none of these letters (`protocol.h`).
#[cfg(any(unix, test))]
fn tells_of_failure(mut said: &[u8]) -> bool {
    while let [kind, a, b, c, d, rest @ ..] = said {
        let len = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        match kind {
            b'E' => {
                let mut fields = rest.split(|byte| *byte == 0);
                let shown = fields.next().is_some_and(|field| field.starts_with(b"S"));
                return shown && fields.next() == Some(b"VERROR");
            }
            // A notice, a setting, a notification.
            b'N' | b'S' | b'A' => match rest.get(len.saturating_sub(4)..) {
                Some(next) => said = next,
                None => return false,
            },
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, text: &[u8]) -> Vec<u8> {
        let len = u32::try_from(text.len() + 4).unwrap().to_be_bytes();
        [&[kind], &len[..], text].concat()
    }

    #[test]
    fn an_error_is_found_behind_notices() {
        let error = message(b'E', b"SFEHLER\0VERROR\0C22P02\0Mno\0\0");
        let notice = message(b'N', b"SNOTICE\0VNOTICE\0Mhello\0\0");
        let fatal = message(b'E', b"SFATAL\0VFATAL\0C57P01\0Mend\0\0");
        let before = message(b'E', b"SERROR\0C22P02\0Mno\0\0");
        for (said, expected) in [
            (error.clone(), true),
            ([&notice[..], &error].concat(), true),
            ([&notice[..], &notice, &message(b'S', b"a\0b\0"), &error].concat(), true),
            (fatal, false),
            (before, false),
            (notice.clone(), false),
            (notice[..notice.len() - 1].to_vec(), false),
            (error[..9].to_vec(), false),
            (message(b'C', b"COPY 1\0"), false),
            (vec![0x17, 3, 3, 0, 0x45], false),
            (b"N\0\0\0\0E".to_vec(), false),
            (vec![b'N'; 4096], false),
            (Vec::new(), false),
        ] {
            assert_eq!(tells_of_failure(&said), expected, "{:?}", said.escape_ascii().to_string());
        }
        assert!(!tells_of_failure(&[b'N', 0, 0, 0, 0].repeat(800)));
    }
}
