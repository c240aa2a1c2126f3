//! What a restore needs of a server.

use std::ffi::CStr;
use std::fmt;

use crate::fatal::Fatal;
pub use crate::libpq::{Rows, SqlState};
use crate::voice::Voice;

/// What a server, or the connection to it, says about a failure: severity, text, detail, hint and
/// context, as libpq puts them together. Usually ends with a line end.
pub type Message = Vec<u8>;

/// A server that sessions can be had of.
pub trait Server: Sync {
    /// Opens a session, ready for the first statement of a restore. What the server says below an
    /// error goes to the voice.
    ///
    /// `database`: instead of the one that the parameters name; a name, never a connection string.
    /// Nobody is asked for a password after the first session.
    ///
    /// # Errors
    ///
    /// No connection, and what forbids to work with this server.
    fn connect<'a>(
        &'a self,
        database: Option<&[u8]>,
        voice: &'a dyn Voice,
    ) -> Result<Box<dyn Session + 'a>, Fatal>;

    /// Stops all sessions: what they do is cancelled, and they begin nothing more. Comes from
    /// another thread, and more than once.
    fn stop(&self);

    /// Whether they were stopped. What fails after that is nothing to tell of.
    fn is_stopped(&self) -> bool;
}

/// How a query ended, if nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// The last statement is done, or there was none. Rows are thrown away.
    Done,
    /// The server waits for COPY data.
    CopyIn,
}

/// How a COPY ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// What the server says if no row is in the table; `None` if all are.
    pub failure: Option<Message>,
    /// Whether the server says more than it should.
    pub surplus: bool,
}

/// How a database is reached.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Login {
    /// libpq's settings by their keywords, without secrets and without what is libpq's default.
    pub settings: Vec<(Vec<u8>, Vec<u8>)>,
    /// The password, if the server wanted one.
    pub password: Option<Vec<u8>>,
    /// Settings that are secret, as `sslpassword`, by their keywords.
    pub secrets: Vec<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for Login {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// A session on a server.
///
/// A session that is dropped ends; what it was doing, and a COPY that was not ended, is given up.
pub trait Session: Send {
    /// Sends a query of any number of statements and waits for its end. If one statement fails the
    /// rest is not run. A COPY that an earlier query began is given up.
    ///
    /// # Errors
    ///
    /// What the server says.
    fn query(&mut self, sql: &[u8]) -> Result<Reply, Message>;

    /// Sends a query that asks for rows, and gives those of its last statement.
    ///
    /// # Errors
    ///
    /// What the server says.
    fn rows(&mut self, sql: &[u8]) -> Result<Rows, Message>;

    /// Sends one statement with values for its parameters, in binary form. Rows are thrown away.
    ///
    /// # Errors
    ///
    /// What the server says.
    fn execute(&mut self, sql: &[u8], values: &[Vec<u8>]) -> Result<(), Message>;

    /// Sends COPY data, of any length.
    ///
    /// # Errors
    ///
    /// The connection is lost. What else is wrong is said at the end.
    fn copy_data(&mut self, data: &[u8]) -> Result<(), Message>;

    /// Whether the server has said already that the COPY fails, so that more data is of no use. Not
    /// every session sees that before the end.
    fn copy_has_failed(&self) -> bool {
        false
    }

    /// Ends the COPY data, and waits for the server's verdict.
    ///
    /// # Errors
    ///
    /// The connection is lost.
    fn copy_end(&mut self) -> Result<Copied, Message>;

    /// What the server said before the connection was lost while rows, or their end, were sent;
    /// `None` if it said nothing.
    fn last_words(&mut self) -> Option<Message> {
        None
    }

    /// Runs a `COPY … TO STDOUT`, and hands over its data as it comes, usually a row at a time. If
    /// `take` says `false`, it ends early, and the session is good for nothing more.
    ///
    /// # Errors
    ///
    /// What the server says; nothing if it ended early.
    fn copy_out(&mut self, sql: &[u8], take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Message> {
        let _ = (sql, take);
        Err(b"this session gives no data\n".to_vec())
    }

    /// Makes an empty large object.
    ///
    /// # Errors
    ///
    /// What the server says.
    fn lo_create(&mut self, oid: u32) -> Result<(), Message>;

    /// Opens a large object for writing, and gives its descriptor.
    ///
    /// # Errors
    ///
    /// What the server says.
    fn lo_open(&mut self, oid: u32) -> Result<i32, Message>;

    /// Writes to a large object; gives the number of bytes, which is negative after a failure.
    fn lo_write(&mut self, descriptor: i32, data: &[u8]) -> i32;

    /// Closes a large object. Nobody cares how that ends.
    fn lo_close(&mut self, descriptor: i32);

    /// What was said last about a failure.
    fn last_message(&self) -> Message;

    /// What kind of failure the last one was; `None` if the server did not say.
    fn last_state(&self) -> Option<SqlState>;

    /// The release of the server, as 180006; 0 if it is not known.
    fn server_version(&self) -> u32;

    /// Whether a transaction is open, one that failed, too.
    fn in_transaction(&self) -> bool;

    /// A setting that the server reports by itself, as `client_encoding`; empty if it does not.
    fn parameter(&self, name: &CStr) -> Vec<u8> {
        let _ = name;
        Vec::new()
    }

    /// How another program reaches the same database.
    fn login(&self) -> Login {
        Login::default()
    }

    /// Whether the connection is lost for good.
    fn is_lost(&self) -> bool;
}
