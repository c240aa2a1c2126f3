//! Connections over libpq, with `pg_restore`'s rules of how they come about.

use std::ffi::{CStr, CString};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::copying::Copying;
use crate::fatal::Fatal;
use crate::libpq::{Canceller, Libpq, Raw, Status};
use crate::prompt;
use crate::session::{Copied, Login, Message, Reply, Rows, Server, Session, SqlState};
use crate::stop::Stopper;
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

/// What keeps others from slipping in functions of theirs.
const SECURE_SEARCH_PATH: &str = "SELECT pg_catalog.set_config('search_path', '', false);";

impl Server for LibpqServer {
    fn connect<'a>(
        &'a self,
        database: Option<&[u8]>,
        voice: &'a dyn Voice,
    ) -> Result<Box<dyn Session + 'a>, Fatal> {
        let raw = self.authenticated(database)?;
        self.check_version(&raw)?;
        let canceller = raw.canceller().map(Arc::new);
        if let Some(canceller) = &canceller {
            self.stopper.add(canceller);
        }
        let mut connection = Connection {
            raw,
            stopper: &self.stopper,
            _canceller: canceller,
            sql: Vec::new(),
            copying: Copying::default(),
            refused: None,
        };
        if voice.is_verbose() {
            voice.info(format!("executing {SECURE_SEARCH_PATH}").as_bytes());
        }
        connection.must(SECURE_SEARCH_PATH)?;
        connection.must("SELECT pg_catalog.pg_is_in_recovery()")?;
        connection.hear(voice);
        Ok(Box::new(connection))
    }

    fn stop(&self) {
        self.stopper.stop();
    }

    fn is_stopped(&self) -> bool {
        self.stopper.is_stopped()
    }
}

/// A session over libpq.
#[derive(Debug)]
struct Connection<'v> {
    raw: Raw<'v>,
    stopper: &'v Stopper,
    /// Cancels reach it as long as the session lasts.
    _canceller: Option<Arc<Canceller>>,
    /// A query as libpq wants it, in memory that is used again.
    sql: Vec<u8>,
    copying: Copying,
    /// What the connection itself did not say.
    refused: Option<Message>,
}

impl<'v> Connection<'v> {
    /// A query without which nothing else makes sense.
    fn must(&mut self, sql: &str) -> Result<(), Fatal> {
        match self.query(sql.as_bytes()) {
            Ok(_) => Ok(()),
            Err(message) => Err(Fatal::Server {
                text: [b"query failed: ", &message[..]].concat(),
                detail: Some(format!("Query was: {sql}").into_bytes()),
            }),
        }
    }

    /// Refuses what would begin after the end.
    fn may_begin(&mut self) -> Result<(), Message> {
        if !self.stopper.is_stopped() {
            return Ok(());
        }
        let message = b"the restore was stopped\n".to_vec();
        self.refused = Some(message.clone());
        Err(message)
    }

    /// Sends a query as libpq wants it.
    fn send<T>(
        &mut self,
        sql: &[u8],
        send: impl FnOnce(&mut Raw<'v>, &CStr) -> T,
    ) -> Result<T, Message> {
        self.refused = None;
        self.copying = Copying::default();
        self.may_begin()?;
        let mut text = std::mem::take(&mut self.sql);
        text.clear();
        text.extend_from_slice(sql);
        let text = match CString::new(text) {
            Ok(text) => text,
            Err(error) => {
                self.sql = error.into_vec();
                // What is behind it would be left out.
                let message = b"ERROR:  the query has a NUL byte\n".to_vec();
                self.refused = Some(message.clone());
                return Err(message);
            }
        };
        let result = send(&mut self.raw, &text);
        self.sql = text.into_bytes();
        // One long definition is no reason to keep its memory.
        self.sql.shrink_to(1 << 20);
        Ok(result)
    }

    /// From now on what the server says below an error is said.
    fn hear(&mut self, voice: &'v dyn Voice) {
        let verbose = voice.is_verbose();
        self.raw.on_notice(Box::new(move |text| {
            if verbose {
                voice.info(text);
            }
        }));
    }
}

impl Session for Connection<'_> {
    fn query(&mut self, sql: &[u8]) -> Result<Reply, Message> {
        match self.send(sql, Raw::exec)? {
            Status::Fine => Ok(Reply::Done),
            Status::CopyIn => Ok(Reply::CopyIn),
            Status::CopyOut | Status::Failed => Err(self.raw.message()),
        }
    }

    fn rows(&mut self, sql: &[u8]) -> Result<Rows, Message> {
        self.send(sql, Raw::rows)?.ok_or_else(|| self.raw.message())
    }

    fn execute(&mut self, sql: &[u8], values: &[Vec<u8>]) -> Result<(), Message> {
        match self.send(sql, |raw, sql| raw.execute(sql, values))? {
            Status::Fine => Ok(()),
            _ => Err(self.raw.message()),
        }
    }

    fn copy_data(&mut self, data: &[u8]) -> Result<(), Message> {
        self.may_begin()?;
        if self.copying.send(&mut self.raw, data) { Ok(()) } else { Err(self.raw.message()) }
    }

    fn copy_has_failed(&self) -> bool {
        self.copying.has_failed()
    }

    fn copy_end(&mut self) -> Result<Copied, Message> {
        self.may_begin()?;
        if !self.copying.end(&mut self.raw) {
            return Err(self.raw.message());
        }
        let failure = match self.raw.next_result() {
            Some(Status::Fine) => None,
            _ => Some(self.raw.message()),
        };
        let surplus = self.raw.has_another();
        Ok(Copied { failure, surplus })
    }

    fn last_words(&mut self) -> Option<Message> {
        // Whether or not it can be sent: behind it libpq tells what it has heard.
        self.copying.end(&mut self.raw);
        let failed = self.raw.next_result() == Some(Status::Failed);
        (failed && self.raw.state().is_some()).then(|| self.raw.message())
    }

    fn copy_out(&mut self, sql: &[u8], take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Message> {
        match self.send(sql, Raw::exec)? {
            Status::CopyOut => {}
            Status::Failed => return Err(self.raw.message()),
            Status::Fine | Status::CopyIn => return Err(b"no data comes of this\n".to_vec()),
        }
        while let Some(goes_on) = self.raw.copy_data(take) {
            if !goes_on {
                return Err(Message::new());
            }
        }
        match self.raw.next_result() {
            Some(Status::Fine) => {}
            _ => return Err(self.raw.message()),
        }
        // Until there is none, the next query is refused.
        while self.raw.next_result().is_some() {}
        Ok(())
    }

    fn lo_create(&mut self, oid: u32) -> Result<(), Message> {
        self.may_begin()?;
        if self.raw.lo_create(oid) == oid && oid != 0 { Ok(()) } else { Err(self.raw.message()) }
    }

    fn lo_open(&mut self, oid: u32) -> Result<i32, Message> {
        self.may_begin()?;
        match self.raw.lo_open(oid) {
            -1 => Err(self.raw.message()),
            descriptor => Ok(descriptor),
        }
    }

    fn lo_write(&mut self, descriptor: i32, data: &[u8]) -> i32 {
        if self.may_begin().is_err() {
            return -1;
        }
        self.raw.lo_write(descriptor, data)
    }

    fn lo_close(&mut self, descriptor: i32) {
        self.raw.lo_close(descriptor);
    }

    fn last_message(&self) -> Message {
        self.refused.clone().unwrap_or_else(|| self.raw.message())
    }

    fn last_state(&self) -> Option<SqlState> {
        if self.refused.is_some() { None } else { self.raw.state() }
    }

    fn server_version(&self) -> u32 {
        self.raw.server_version()
    }

    fn in_transaction(&self) -> bool {
        self.raw.in_transaction()
    }

    fn parameter(&self, name: &CStr) -> Vec<u8> {
        self.raw.parameter(name)
    }

    fn login(&self) -> Login {
        let (settings, secrets) = self.raw.settings();
        Login { settings, password: self.raw.used_password(), secrets }
    }

    fn is_lost(&self) -> bool {
        !self.raw.is_ok()
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
