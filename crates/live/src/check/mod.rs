//! What a restore would stumble over, found out before anything is written.
//!
//! What is needed comes from [`Needs`], which runs the rules of the restore; here one session asks the
//! server for it, in few queries and without writing. Each file has one kind of questions.

mod ask;
mod concern;
mod database;
mod objects;
mod roles;
mod room;
mod service;
mod things;

use std::collections::HashSet;

use pgdmp::finding::Severity;
use pgdmp::needs::{Needed, Needs, ObjectKind};
use pgdmp::script::ScriptOptions;
use pgdmp::select::Selected;
use pgdmp::text::Encoding;
use pgdmp::{Archive, DumpId, Toc};

pub use concern::Concern;

use crate::conflict::OnConflict;
use crate::fatal::Fatal;
use crate::restore::Restorer;
use crate::session::{Server, Session};
use crate::voice::Voice;
use ask::{Asker, Query};
use room::Session as Facts;

/// What a check found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Checked {
    /// What there is to say, the worst first.
    pub concerns: Vec<Concern>,
    /// The entries that make what is there already, and those that restore rows into tables among
    /// that.
    pub existing: Vec<DumpId>,
    /// The release of the server, as 180006; 0 if it is not known.
    pub server_version: u32,
}

impl Checked {
    /// How many concerns are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.concerns.iter().filter(|concern| concern.severity == severity).count()
    }
}

impl Restorer {
    /// What happens to objects that the database has already. Of the library's functions
    /// [`check`](Self::check) alone looks at it: that they are to be [dropped](OnConflict::Replace) or
    /// [left out](Selected::leave_out_existing) is said by the options and the selection.
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Finds out what a restore of a selection would stumble over. Nothing is written, and the session
    /// on the server could not write.
    ///
    /// An [error](Severity::Error) is what the restore would fail at. There is none where it
    /// would not. What the server does not say, because the role may not know it, is a warning.
    ///
    /// `archive`: where the data is, for its size.
    ///
    /// # Errors
    ///
    /// No connection, or a lost one; an archive that a restore could not begin with.
    pub fn check(
        &self,
        archive: Option<&Archive>,
        selected: &Selected<'_>,
        server: &dyn Server,
        voice: &dyn Voice,
    ) -> Result<Checked, Fatal> {
        let mut session = server.connect(None, voice)?;
        let rules = self.rules(&*session);
        let options = rules.script_options();
        let mut check = Check::new(self, options, selected, &mut *session)?;
        check.all(archive);
        if check.asker.is_lost() {
            let message = check.asker.unanswered.pop().map(|(_, message)| message);
            let message = message.filter(|message| !message.is_empty());
            let unknown = || b"the connection is lost".to_vec();
            return Err(Fatal::server(message.unwrap_or_else(unknown)));
        }
        Ok(check.finish())
    }
}

/// A check on its way.
struct Check<'a, 's> {
    restorer: &'a Restorer,
    options: &'a ScriptOptions,
    selected: &'a Selected<'a>,
    toc: &'a Toc,
    needs: Needs,
    asker: Asker<'s>,
    facts: Facts,
    /// Whether extensions are restored that may bring anything: languages, schemas, tables. The one
    /// that every database has does not count, nor do those that the server lacks.
    has_extensions: bool,
    checked: Checked,
}

/// The oldest release whose catalogs are asked.
const OLDEST: u32 = 90_400;

impl<'a, 's> Check<'a, 's> {
    fn new(
        restorer: &'a Restorer,
        options: &'a ScriptOptions,
        selected: &'a Selected<'a>,
        session: &'s mut dyn Session,
    ) -> Result<Self, Fatal> {
        Ok(Check {
            restorer,
            options,
            selected,
            toc: selected.toc(),
            needs: Needs::of(selected, options)?,
            asker: Asker::new(session),
            facts: Facts::default(),
            has_extensions: false,
            checked: Checked::default(),
        })
    }

    fn all(&mut self, archive: Option<&Archive>) {
        self.checked.server_version = self.asker.version();
        if (1..OLDEST).contains(&self.asker.version()) {
            let what = "the server is older than PostgreSQL 9.4: nothing was checked";
            self.say(Concern::warning("not-checked", what));
            return;
        }
        let encodes = self.set_up();
        self.facts = Facts::ask(&mut self.asker);
        self.server_may_write();
        self.encoding(encodes);
        self.database();
        self.roles();
        self.things();
        self.objects();
        self.room();
        self.costs();
        self.service();
        self.size(archive);
    }

    fn say(&mut self, concern: Concern) {
        self.checked.concerns.push(concern);
    }

    /// Sets up the session as that of a restore; says whether it has the encoding of the archive.
    fn set_up(&mut self) -> bool {
        // All names are written with their schemas. Locks of others are no reason to wait forever.
        let _ = self.asker.set(
            b"SET standard_conforming_strings = on; SET search_path = ''; \
              SET statement_timeout = 0; SET lock_timeout = '10s'; \
              SET client_min_messages = error; SET default_transaction_read_only = on",
        );
        let encoding = self.encoding_name();
        let encodes =
            self.asker.set(&Query::new("SET client_encoding = ").text(encoding.as_bytes()).0);
        if encodes.is_err() {
            let _ = self.asker.set(b"SET client_encoding = 'SQL_ASCII'");
        }
        if let Some(role) = self.options.role_name()
            && let Err(message) = self.asker.set(&Query::new("SET ROLE ").name(role).0)
        {
            let what = format!(
                "the role \"{}\" of --role cannot be taken on: {}",
                self.toc.printable(role),
                self.said(&message)
            );
            self.say(Concern::error("role", what));
        }
        encodes.is_ok()
    }

    /// The encoding of the archive, as the restore sets it.
    fn encoding_name(&self) -> &'static str {
        let name = self.toc.encoding().ok().flatten();
        name.and_then(Encoding::find).map_or("SQL_ASCII", Encoding::name)
    }

    /// What a server said, on one line and without its severity.
    fn said(&self, message: &[u8]) -> String {
        let line = message.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text = self.toc.printable(line).to_string();
        match text.split_once(":  ") {
            Some((_, text)) => text.to_owned(),
            None => text,
        }
    }

    /// Whether objects go into a database that is there, rather than one that the restore makes.
    fn is_into_existing(&self) -> bool {
        !self.selected.creates_database()
    }

    /// The names of what the restore makes of a kind.
    fn made(&self, kind: ObjectKind) -> HashSet<&[u8]> {
        let objects = self.needs.objects.iter();
        let made = objects.filter(|object| object.kind == kind).map(|object| &object.name[..]);
        let mut made: HashSet<&[u8]> = made.collect();
        if kind == ObjectKind::Language {
            // It is extensions that bring these.
            for (name, _) in self.needs.of_kind(Needed::Extension) {
                made.remove(name);
            }
        }
        made
    }

    fn finish(mut self) -> Checked {
        for (about, message) in std::mem::take(&mut self.asker.unanswered) {
            let what = format!("the server did not say {about}: {}", self.said(&message));
            self.say(Concern::warning("not-asked", what));
        }
        let mut checked = self.checked;
        checked.concerns.sort_by_key(|concern| std::cmp::Reverse(concern.severity));
        checked
    }
}
