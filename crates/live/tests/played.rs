//! A server that is played: it takes everything, unless it is told to refuse something, and writes
//! down what happens.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use pgdmp_live::{Copied, Fatal, Message, Reply, Rows, Server, Session, SqlState, Voice};

/// What happened, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    Opened { session: usize, database: Option<String> },
    Began { session: usize, what: String },
    Ended { session: usize, what: String },
    Closed { session: usize },
}

/// What a query that contains a text comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Refused,
    /// With this SQLSTATE.
    RefusedWith(SqlState),
    /// Once, with this SQLSTATE.
    RefusedOnce(SqlState),
    /// The connection is lost.
    Lost,
    /// It takes until all is stopped.
    Endless,
}

#[derive(Default)]
pub(crate) struct Played {
    pub(crate) fates: Vec<(&'static str, Fate)>,
    /// Whether queries take a moment, another one each time.
    pub(crate) slow: bool,
    pub(crate) version: u32,
    /// Name, value and unit of what it is asked for.
    pub(crate) settings: Vec<[&'static str; 3]>,
    /// What it answers to questions that contain a text.
    pub(crate) answers: Vec<(&'static str, Vec<Vec<&'static str>>)>,
    /// Whether its log never gets to disk.
    pub(crate) unflushed: bool,
    /// Whether it says at the first rows that they will be refused in the end.
    pub(crate) early: bool,
    pub(crate) was_refused: AtomicBool,
    pub(crate) happened: Mutex<Vec<Happened>>,
    pub(crate) said: Mutex<Vec<String>>,
    pub(crate) sessions: AtomicUsize,
    pub(crate) stopped: AtomicBool,
}

impl Played {
    pub(crate) fn happened(&self) -> Vec<Happened> {
        self.happened.lock().unwrap().clone()
    }

    /// What was sent, in the order in which it began, but for what sets up a session.
    pub(crate) fn sent(&self) -> Vec<String> {
        let began = self.happened().into_iter().filter_map(|happened| match happened {
            Happened::Began { what, .. } => Some(what),
            _ => None,
        });
        began.filter(|what| !what.starts_with("SET ")).collect()
    }

    /// What was said.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    fn note(&self, happened: Happened) {
        self.happened.lock().unwrap().push(happened);
    }

    fn say(&self, level: &str, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        self.said.lock().unwrap().push(format!("{level}{}", text.trim_end_matches('\n')));
    }
}

impl Voice for Played {
    fn error(&self, text: &[u8]) {
        self.say("error: ", text);
    }

    fn warning(&self, text: &[u8]) {
        self.say("warning: ", text);
    }

    fn info(&self, text: &[u8]) {
        self.say("", text);
    }

    fn is_verbose(&self) -> bool {
        true
    }
}

impl Server for Played {
    fn connect<'a>(
        &'a self,
        database: Option<&[u8]>,
        _: &'a dyn Voice,
    ) -> Result<Box<dyn Session + 'a>, Fatal> {
        let number = self.sessions.fetch_add(1, Ordering::SeqCst);
        let database = database.map(|name| String::from_utf8(name.to_vec()).unwrap());
        self.note(Happened::Opened { session: number, database });
        Ok(Box::new(Line {
            server: self,
            number,
            lost: false,
            transaction: false,
            last: Vec::new(),
            state: None,
            open: HashSet::new(),
        }))
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

struct Line<'a> {
    server: &'a Played,
    number: usize,
    lost: bool,
    transaction: bool,
    last: Message,
    state: Option<SqlState>,
    /// Large objects.
    open: HashSet<i32>,
}

impl Line<'_> {
    fn does(&mut self, what: String) -> Result<(), Message> {
        let session = self.number;
        self.server.note(Happened::Began { session, what: what.clone() });
        if self.server.slow {
            // No two take the same time.
            let seed = what.bytes().fold(self.number, |seed, byte| {
                seed.wrapping_mul(31).wrapping_add(usize::from(byte))
            });
            thread::sleep(Duration::from_micros(u64::try_from(seed % 3000).unwrap()));
        }
        let fate = self.server.fates.iter().find(|(text, _)| what.contains(text));
        let result = match fate {
            _ if self.lost => Err(b"no connection to the server\n".to_vec()),
            None => Ok(()),
            Some((text, Fate::RefusedWith(state))) => {
                self.state = Some(*state);
                Err(format!("ERROR:  no {text}\n").into_bytes())
            }
            Some((_, Fate::RefusedOnce(_)))
                if self.server.was_refused.swap(true, Ordering::SeqCst) =>
            {
                Ok(())
            }
            Some((text, Fate::RefusedOnce(state))) => {
                self.state = Some(*state);
                Err(format!("ERROR:  no {text}\n").into_bytes())
            }
            Some((text, Fate::Refused)) => Err(format!("ERROR:  no {text}\n").into_bytes()),
            Some((_, Fate::Lost)) => {
                self.lost = true;
                Err(b"server closed the connection unexpectedly\n".to_vec())
            }
            Some((_, Fate::Endless)) => {
                while !self.server.is_stopped() {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(b"ERROR:  canceling statement due to user request\n".to_vec())
            }
        };
        if let Err(message) = &result {
            self.last.clone_from(message);
        }
        self.server.note(Happened::Ended { session, what });
        result
    }
}

impl Session for Line<'_> {
    fn query(&mut self, sql: &[u8]) -> Result<Reply, Message> {
        self.does(String::from_utf8_lossy(sql).into_owned())?;
        match sql {
            b"BEGIN" => self.transaction = true,
            b"COMMIT" => self.transaction = false,
            _ => {}
        }
        let last = sql.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let copies = last.is_some_and(|line| line.starts_with(b"COPY "));
        Ok(if copies { Reply::CopyIn } else { Reply::Done })
    }

    fn rows(&mut self, sql: &[u8]) -> Result<Rows, Message> {
        let sql = String::from_utf8_lossy(sql).into_owned();
        self.does(sql.clone())?;
        let answer = self.server.answers.iter().find(|(text, _)| sql.contains(text));
        let texts: Vec<Vec<&str>> = if let Some((_, rows)) = answer {
            rows.clone()
        } else if sql.contains("pg_logical_emit_message") {
            vec![vec!["0/16B3740"]]
        } else if sql.contains(" >= '0/16B3740'") {
            vec![vec![if self.server.unflushed { "f" } else { "t" }]]
        } else if sql.contains("FROM pg_catalog.pg_settings") {
            self.server.settings.iter().map(|setting| setting.to_vec()).collect()
        } else {
            Vec::new()
        };
        let row = |row: Vec<&str>| row.iter().map(|text| Some(text.as_bytes().to_vec())).collect();
        Ok(texts.into_iter().map(row).collect())
    }

    fn execute(&mut self, sql: &[u8], values: &[Vec<u8>]) -> Result<(), Message> {
        let bytes: usize = values.iter().map(Vec::len).sum();
        self.does(format!("{bytes} bytes: {}", String::from_utf8_lossy(sql)))
    }

    fn copy_data(&mut self, data: &[u8]) -> Result<(), Message> {
        self.does(format!("data {}", String::from_utf8_lossy(data)))
    }

    fn copy_has_failed(&self) -> bool {
        self.server.early && !self.server.was_refused.load(Ordering::SeqCst)
    }

    fn copy_end(&mut self) -> Result<Copied, Message> {
        let failure = self.does("end of data".to_owned()).err();
        Ok(Copied { failure, surplus: false })
    }

    fn lo_create(&mut self, oid: u32) -> Result<(), Message> {
        self.does(format!("create {oid}"))
    }

    fn lo_open(&mut self, oid: u32) -> Result<i32, Message> {
        self.does(format!("open {oid}"))?;
        let descriptor = i32::try_from(self.open.len()).unwrap();
        self.open.insert(descriptor);
        Ok(descriptor)
    }

    fn lo_write(&mut self, descriptor: i32, data: &[u8]) -> i32 {
        assert!(self.open.contains(&descriptor));
        match self.does(format!("write {}", data.len())) {
            Ok(()) => i32::try_from(data.len()).unwrap(),
            Err(_) => -1,
        }
    }

    fn lo_close(&mut self, descriptor: i32) {
        assert!(self.open.remove(&descriptor));
    }

    fn last_message(&self) -> Message {
        self.last.clone()
    }

    fn last_state(&self) -> Option<SqlState> {
        self.state
    }

    fn server_version(&self) -> u32 {
        self.server.version
    }

    fn in_transaction(&self) -> bool {
        self.transaction
    }

    fn is_lost(&self) -> bool {
        self.lost
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.server.note(Happened::Closed { session: self.number });
    }
}
