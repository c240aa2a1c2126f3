//! How connections come about, with `pg_restore`'s rules.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::connection::Connection;
use super::raw::Raw;
use super::stop::Stopper;
use super::{Libpq, prompt};
use crate::fatal::Fatal;
use crate::session::{Server, Session};
use crate::voice::Voice;

/// Whether to ask for a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prompt {
    /// When the server wants one and none is found.
    #[default]
    Needed,
    /// Before the first connection (`-W`).
    Always,
    /// Never (`-w`).
    Never,
}

/// Where to connect to. What is not said here comes from libpq's environment variables, service and
/// password files, and defaults.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Parameters {
    /// The name of a database, or a connection string or URI, whose settings then win over those
    /// below.
    pub dbname: Vec<u8>,
    /// Host, or folder of the socket.
    pub host: Option<Vec<u8>>,
    /// Port.
    pub port: Option<Vec<u8>>,
    /// User.
    pub user: Option<Vec<u8>>,
    /// Whether to ask for a password.
    pub prompt: Prompt,
    /// What the server shall call the program, unless that is set elsewhere.
    pub application: Vec<u8>,
    /// The newest release of PostgreSQL whose servers are taken, as 18; the oldest then is 9.2, as
    /// it is to `pg_restore` 18. `None` takes all.
    pub newest_server: Option<u32>,
}

impl fmt::Debug for Parameters {
    /// Without the database: a connection string may have a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Parameters {
    /// Only a database, connection string or URI.
    pub fn new(dbname: impl Into<Vec<u8>>) -> Self {
        Parameters { dbname: dbname.into(), application: b"pgdmp".to_vec(), ..Self::default() }
    }
}

impl Libpq {
    /// The server that these parameters lead to. Nothing is connected yet.
    pub fn server(&'static self, parameters: Parameters) -> LibpqServer {
        LibpqServer {
            libpq: self,
            parameters,
            password: Mutex::default(),
            connected: AtomicBool::new(false),
            stopper: Stopper::default(),
        }
    }
}

/// A server that libpq connects to.
pub struct LibpqServer {
    libpq: &'static Libpq,
    parameters: Parameters,
    /// What a server took, for later connections.
    password: Mutex<Option<Vec<u8>>>,
    /// Whether there was a session.
    connected: AtomicBool,
    stopper: Stopper,
}

impl fmt::Debug for LibpqServer {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibpqServer").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl LibpqServer {
    /// What stops all sessions, those that are still to come, too.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    fn password(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.password.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_connect<'v>(
        &self,
        password: Option<&[u8]>,
        database: Option<&[u8]>,
    ) -> Result<Raw<'v>, Fatal> {
        let Parameters { dbname, host, port, user, application, .. } = &self.parameters;
        // Later ones win. Of the names of databases the first alone may be a connection string.
        let all = [
            (c"host", host.as_deref()),
            (c"port", port.as_deref()),
            (c"user", user.as_deref()),
            (c"password", password),
            (c"dbname", Some(&dbname[..])),
            (c"dbname", database),
            (c"fallback_application_name", Some(&application[..])),
        ];
        let all: Vec<_> =
            all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        self.libpq.connect(&all).map_err(Fatal::server)
    }

    /// Connects, and asks for a password where that is wanted.
    fn authenticated<'v>(&self, database: Option<&[u8]>) -> Result<Raw<'v>, Fatal> {
        let prompt = match self.connected.load(Ordering::SeqCst) {
            true => Prompt::Never,
            false => self.parameters.prompt,
        };
        let mut password = self.password().clone();
        if prompt == Prompt::Always && password.is_none() {
            password = Some(ask()?);
        }
        let raw = self.try_connect(password.as_deref(), database)?;
        let raw = if !raw.is_ok()
            && raw.needs_password()
            && password.is_none()
            && prompt != Prompt::Never
        {
            drop(raw);
            self.try_connect(Some(&ask()?), database)?
        } else {
            raw
        };
        if !raw.is_ok() {
            return Err(Fatal::server(raw.message()));
        }
        self.connected.store(true, Ordering::SeqCst);
        if let Some(used) = raw.used_password() {
            *self.password() = Some(used);
        }
        Ok(raw)
    }

    /// Refuses servers that `pg_restore` of a release refuses.
    fn check_version(&self, raw: &Raw<'_>) -> Result<(), Fatal> {
        const OLDEST: u32 = 90_200;
        let Some(newest) = self.parameters.newest_server else { return Ok(()) };
        let version = raw.server_version();
        if (OLDEST..(newest + 1) * 10_000).contains(&version) {
            return Ok(());
        }
        let server = raw.parameter(c"server_version");
        let ours = format!(" version: {newest}");
        let application = &self.parameters.application;
        let detail = [b"server version: ", &server[..], b"; ", application, ours.as_bytes()];
        Err(Fatal::Server {
            text: b"aborting because of server version mismatch".to_vec(),
            detail: Some(detail.concat()),
        })
    }
}

fn ask() -> Result<Vec<u8>, Fatal> {
    prompt::password()
        .map_err(|error| Fatal::server(format!("could not read the password: {error}")))
}

impl Server for LibpqServer {
    fn connect<'a>(
        &'a self,
        database: Option<&[u8]>,
        voice: &'a dyn Voice,
    ) -> Result<Box<dyn Session + 'a>, Fatal> {
        let raw = self.authenticated(database)?;
        self.check_version(&raw)?;
        Ok(Box::new(Connection::begin(raw, &self.stopper, voice)?))
    }

    fn stop(&self) {
        self.stopper.stop();
    }

    fn is_stopped(&self) -> bool {
        self.stopper.is_stopped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        let parameters = Parameters::new("host=h password=hunter2");
        assert!(!format!("{parameters:?}").contains("hunter2"));
        // As numbers, too, which is how bytes are shown.
        assert!(!format!("{parameters:?}").contains("104, 117"));
    }
}
