//! A connection: what a restore needs of libpq, and what libpq's numbers mean.

use std::ffi::{CStr, CString, c_int};
use std::fmt;

use super::ffi::{Answer, Canceller, Conn, OnNotice};
use super::{Libpq, Rows, SqlState};

/// libpq's `ConnStatusType`, `PGTransactionStatusType`, and flags of `lo_open`.
const CONNECTION_OK: c_int = 0;
const PQTRANS_ACTIVE: c_int = 1;
const PQTRANS_INTRANS: c_int = 2;
const PQTRANS_INERROR: c_int = 3;
const INV_WRITE: c_int = 0x20000;
/// The field of an error that has its SQLSTATE.
const PG_DIAG_SQLSTATE: c_int = b'C' as c_int;

/// What of libpq's `ExecStatusType` a restore tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done, rows, or nothing to do.
    Fine,
    CopyIn,
    /// Data comes.
    CopyOut,
    Failed,
}

/// A connection, which may have failed. One thread at a time uses it.
pub(crate) struct Raw<'v> {
    conn: Conn<'v>,
    /// The SQLSTATE of the last result that failed, if the server gave one.
    state: Option<SqlState>,
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw")
    }
}

impl Libpq {
    /// Connects. Keywords are libpq's; a value that has a NUL byte is refused with a message.
    pub(crate) fn connect<'v>(
        &'static self,
        parameters: &[(&'static CStr, &[u8])],
    ) -> Result<Raw<'v>, Vec<u8>> {
        let mut texts = Vec::with_capacity(parameters.len());
        for (keyword, value) in parameters {
            texts.push(CString::new(*value).map_err(|_| {
                let keyword = keyword.to_bytes();
                [b"connection parameter \"", keyword, b"\" has a NUL byte"].concat()
            })?);
        }
        let keywords: Vec<&CStr> = parameters.iter().map(|(keyword, _)| *keyword).collect();
        let values: Vec<&CStr> = texts.iter().map(|value| &**value).collect();
        match Conn::connect(&self.loaded, &keywords, &values) {
            Some(conn) => Ok(Raw { conn, state: None }),
            None => Err(b"could not connect to database".to_vec()),
        }
    }
}

impl<'v> Raw<'v> {
    pub(super) fn conn(&self) -> &Conn<'v> {
        &self.conn
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.conn.status() == CONNECTION_OK
    }

    /// Whether a query runs, or COPY data is awaited.
    fn is_active(&self) -> bool {
        self.conn.transaction_status() == PQTRANS_ACTIVE
    }

    /// Whether a transaction is open, and nothing runs.
    pub(crate) fn in_transaction(&self) -> bool {
        matches!(self.conn.transaction_status(), PQTRANS_INTRANS | PQTRANS_INERROR)
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        self.conn.error_message()
    }

    /// Whether the server wanted a password and there was none.
    pub(crate) fn needs_password(&self) -> bool {
        self.conn.needs_password() != 0
    }

    /// The password that the server took, wherever it came from.
    pub(crate) fn used_password(&self) -> Option<Vec<u8>> {
        (self.conn.used_password() != 0).then(|| self.conn.password())
    }

    pub(crate) fn server_version(&self) -> u32 {
        u32::try_from(self.conn.server_version()).unwrap_or(0)
    }

    /// A setting that the server reports by itself, as `server_version`.
    pub(crate) fn parameter(&self, name: &CStr) -> Vec<u8> {
        self.conn.parameter_status(name)
    }

    /// From now on these notices go there.
    pub(crate) fn on_notice(&mut self, on_notice: OnNotice<'v>) {
        self.conn.set_notice_processor(on_notice);
    }

    /// Sends a query and waits for its end. What libpq says of several results is what counts.
    pub(crate) fn exec(&mut self, sql: &CStr) -> Status {
        let answer = self.conn.exec(sql);
        self.status(&answer)
    }

    /// Sends a statement with values in binary form, and waits for its end.
    pub(crate) fn execute(&mut self, sql: &CStr, values: &[Vec<u8>]) -> Status {
        match self.conn.exec_params(sql, values) {
            Some(answer) => self.status(&answer),
            None => Status::Failed,
        }
    }

    /// Sends a query, and gives the rows of its last statement.
    pub(crate) fn rows(&mut self, sql: &CStr) -> Option<Rows> {
        let answer = self.conn.exec(sql);
        (self.status(&answer) == Status::Fine).then(|| answer.rows())
    }

    /// The SQLSTATE of the last result that failed.
    pub(crate) fn state(&self) -> Option<SqlState> {
        self.state
    }

    /// The next result; `None` when there is none.
    pub(crate) fn next_result(&mut self) -> Option<Status> {
        let answer = self.conn.get_result()?;
        Some(self.status(&answer))
    }

    /// Whether there is another result, which says nothing of the last one's failure.
    pub(crate) fn has_another(&mut self) -> bool {
        self.conn.get_result().is_some()
    }

    fn status(&mut self, answer: &Answer) -> Status {
        let status = match answer.status() {
            // PGRES_EMPTY_QUERY, PGRES_COMMAND_OK, PGRES_TUPLES_OK.
            0..=2 => Status::Fine,
            3 => Status::CopyOut,
            4 => Status::CopyIn,
            _ => Status::Failed,
        };
        if status == Status::Failed {
            self.state = SqlState::try_from(answer.error_field(PG_DIAG_SQLSTATE)).ok();
        }
        status
    }

    /// Takes the next data of a `COPY … TO STDOUT`, usually a row; `None` at its end, or when it
    /// failed.
    pub(crate) fn copy_data(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> Option<bool> {
        self.conn.get_copy_data(take)
    }

    /// Sends COPY data, no more than libpq can count; says whether the connection took it.
    pub(crate) fn put_copy_data(&mut self, data: &[u8]) -> bool {
        self.conn.put_copy_data(data) > 0
    }

    /// Ends COPY data, or gives it up for a reason; says whether the connection took that.
    pub(crate) fn put_copy_end(&mut self, gives_up: Option<&CStr>) -> bool {
        self.conn.put_copy_end(gives_up) > 0
    }

    /// Whether libpq comes back before it has sent all; says whether it does as it is told.
    pub(crate) fn set_nonblocking(&mut self, nonblocking: bool) -> bool {
        self.conn.set_nonblocking(nonblocking.into()) == 0
    }

    /// Sends what waits; says whether that was all of it. `None`: the connection is lost.
    pub(crate) fn flush(&mut self) -> Option<bool> {
        match self.conn.flush() {
            0 => Some(true),
            1 => Some(false),
            _ => None,
        }
    }

    /// Has libpq take what has come; says whether the connection is still there.
    pub(crate) fn consume(&mut self) -> bool {
        self.conn.consume_input() == 1
    }

    #[cfg(unix)]
    pub(crate) fn socket(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.conn.socket()
    }

    pub(crate) fn lo_create(&mut self, oid: u32) -> u32 {
        self.conn.lo_create(oid)
    }

    pub(crate) fn lo_open(&mut self, oid: u32) -> i32 {
        self.conn.lo_open(oid, INV_WRITE)
    }

    pub(crate) fn lo_write(&mut self, descriptor: i32, data: &[u8]) -> i32 {
        self.conn.lo_write(descriptor, data)
    }

    pub(crate) fn lo_close(&mut self, descriptor: i32) {
        self.conn.lo_close(descriptor);
    }

    /// What cancels this connection's query, from any thread.
    pub(crate) fn canceller(&self) -> Option<Canceller> {
        self.conn.canceller()
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        if self.is_active() && self.is_ok() {
            // What runs is not wanted any more.
            if let Some(canceller) = self.canceller() {
                canceller.cancel();
            }
        }
    }
}
