//! A server that is far away: a socket before the server's, where each message takes some time.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// The time for one way; there and back it is a millisecond.
const DELAY: Duration = Duration::from_micros(500);

pub(crate) struct Far {
    folder: tempfile::TempDir,
}

impl Far {
    pub(crate) fn start(server: &str) -> io::Result<Far> {
        let folder = tempfile::tempdir()?;
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432"))?;
        let server = format!("{server}/.s.PGSQL.5432");
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(&server) else { return };
                let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone())
                else {
                    return;
                };
                delay(from_client, server);
                delay(from_server, client);
            }
        });
        Ok(Far { folder })
    }

    pub(crate) fn host(&self) -> String {
        self.folder.path().display().to_string()
    }
}

/// Passes on what comes, later; any amount may be on its way.
fn delay(mut from: UnixStream, mut to: UnixStream) {
    let (pass, passed) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if pass.send((Instant::now() + DELAY, buffer[..n].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        while let Ok((when, bytes)) = passed.recv() {
            thread::sleep(when.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}
