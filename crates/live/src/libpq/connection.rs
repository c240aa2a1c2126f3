//! A session over libpq.

use std::ffi::{CStr, CString};
use std::sync::Arc;

use super::copying::Copying;
use super::ffi::Canceller;
use super::raw::{Raw, Status};
use super::stop::Stopper;
use crate::fatal::Fatal;
use crate::session::{Copied, Login, Message, Reply, Rows, Session, SqlState};
use crate::voice::Voice;

/// What keeps others from slipping in functions of theirs.
const SECURE_SEARCH_PATH: &str = "SELECT pg_catalog.set_config('search_path', '', false);";

/// A session over libpq.
#[derive(Debug)]
pub(super) struct Connection<'v> {
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
    /// A session that is ready for the first statement of a restore.
    pub(super) fn begin(
        raw: Raw<'v>,
        stopper: &'v Stopper,
        voice: &'v dyn Voice,
    ) -> Result<Self, Fatal> {
        let canceller = raw.canceller().map(Arc::new);
        if let Some(canceller) = &canceller {
            stopper.add(canceller);
        }
        let mut connection = Connection {
            raw,
            stopper,
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
        Ok(connection)
    }

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
