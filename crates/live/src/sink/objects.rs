//! Large objects: one after the other, or many at a time.

use pgdmp::script::Outcome;

use super::SessionSink;
use super::held::{Held, failed};
use crate::fatal::Fatal;
use crate::objects::Objects;
use crate::session::Message;

impl SessionSink<'_> {
    pub(super) fn object_failed(&mut self, message: &Message) -> pgdmp::Result<Outcome> {
        self.failed(&[b"could not write to large object: ", &message[..]].concat())
    }

    pub(super) fn large_object(&mut self, oid: u32, create: bool) -> pgdmp::Result<Outcome> {
        let failed = |what: &str, message: Message| {
            let start = format!("could not {what} large object {oid}: ");
            Fatal::server([start.as_bytes(), &message].concat())
        };
        let in_doubt = self.is_in_doubt();
        if create
            && let Err(message) = self.session.lo_create(oid)
            && !in_doubt
        {
            return self.die(failed("create", message));
        }
        match self.session.lo_open(oid) {
            Ok(descriptor) => {
                self.descriptor = descriptor;
                Ok(Outcome::Done)
            }
            Err(message) => self.die(failed("open", message)),
        }
    }

    pub(super) fn large_object_data(&mut self, data: &[u8]) -> pgdmp::Result<Outcome> {
        let written = self.session.lo_write(self.descriptor, data);
        if self.around.voice.is_debug() {
            let (n, s) = (data.len(), if data.len() == 1 { "" } else { "s" });
            let text = format!("wrote {n} byte{s} of large object data (result = {written})");
            self.around.voice.debug(text.as_bytes());
        }
        if usize::try_from(written) == Ok(data.len()) {
            return Ok(Outcome::Done);
        }
        let message = self.session.last_message();
        self.object_failed(&message)
    }

    /// Takes a large object, after a `BEGIN` that was put off.
    pub(super) fn hold_object(&mut self, oid: u32, create: bool) -> pgdmp::Result<Option<Outcome>> {
        if create || !self.around.means.objects || !self.has_since(90_400) {
            return Ok(None);
        }
        if let Held::Begin = self.held {
            self.held = Held::Objects(Objects::default());
        }
        let mut outcome = Outcome::Done;
        if let Held::Objects(objects) = &self.held
            && objects.is_full()
        {
            outcome = failed(self.send_objects()?);
        }
        let Held::Objects(objects) = &mut self.held else { return Ok(None) };
        objects.begin(oid);
        Ok(Some(outcome))
    }

    /// Takes data of a large object.
    pub(super) fn hold_object_data(&mut self, mut data: &[u8]) -> pgdmp::Result<Option<Outcome>> {
        let mut failures = 0;
        loop {
            let Held::Objects(objects) = &mut self.held else { return Ok(None) };
            data = objects.add(data);
            if data.is_empty() && !objects.is_full() {
                break;
            }
            failures += self.send_objects()?;
        }
        Ok(Some(failed(failures)))
    }

    /// A large object is complete.
    pub(super) fn end_object(&mut self) -> bool {
        matches!(self.held, Held::Objects(_))
    }

    /// Sends large objects; gives the number of failures.
    pub(super) fn send_objects(&mut self) -> pgdmp::Result<u64> {
        let Held::Objects(mut objects) = std::mem::take(&mut self.held) else { return Ok(0) };
        let failures = match objects.is_empty() {
            true => 0,
            false => match self.session.execute(Objects::SQL, &objects.values()) {
                Ok(()) => 0,
                Err(message) => self.object_by_object(&objects, &message)?,
            },
        };
        objects.sent();
        self.held = Held::Objects(objects);
        Ok(failures)
    }

    /// Writes large objects one by one, so that errors are those of single ones.
    pub(super) fn object_by_object(
        &mut self,
        objects: &Objects,
        message: &Message,
    ) -> pgdmp::Result<u64> {
        const PIECE: usize = 16 << 10;
        if self.around.server.is_stopped() {
            return self.die(Fatal::Told);
        }
        let mut failures = 0;
        let mut count = |outcome: Outcome| {
            if let Outcome::Failed(n) = outcome {
                failures += n;
            }
        };
        count(self.begin()?);
        let mut open = None;
        for (oid, position, data) in objects.pieces() {
            if position == 0 {
                if open.is_some() {
                    self.session.lo_close(self.descriptor);
                }
                count(self.large_object(oid, false)?);
                open = Some(oid);
            } else if open != Some(oid) {
                // What comes before it is written already.
                count(self.object_failed(message)?);
                continue;
            }
            for piece in data.chunks(PIECE) {
                count(self.large_object_data(piece)?);
            }
        }
        if open.is_some() {
            self.session.lo_close(self.descriptor);
        }
        count(self.commit()?);
        Ok(failures)
    }
}
