//! What every restore begins and ends with, and what sets up each session in it.

use super::feed::DataFeed;
use super::sink::Stage;
use super::statement::Sql;
use super::{Purpose, Run, Step};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::text::shown;
use crate::toc::Toc;

/// What the archive says about the session that restores it.
pub(super) struct Session<'a> {
    encoding: &'static str,
    /// Of string literals.
    pub(super) literal_encoding: Encoding,
    /// Of names: in archives that do not say, they are taken for UTF-8.
    pub(super) quote_encoding: Encoding,
    pub(super) std_strings: bool,
    pub(super) search_path: Option<&'a [u8]>,
}

impl<'a> Session<'a> {
    pub(super) fn new(toc: &'a Toc) -> Result<Self> {
        toc.require_statements()?;
        let (encoding, literal_encoding, quote_encoding) = match toc.encoding()? {
            None => ("SQL_ASCII", Encoding::SQL_ASCII, Encoding::UTF8),
            Some(name) => {
                let Some(encoding) = Encoding::find(name) else {
                    let name = shown(name);
                    return Err(Error::malformed(format!("unrecognized encoding \"{name}\"")));
                };
                (encoding.name(), encoding, encoding)
            }
        };
        Ok(Session {
            encoding,
            literal_encoding,
            quote_encoding,
            std_strings: toc.std_strings()?,
            search_path: toc.search_path(),
        })
    }
}

impl Run<'_> {
    /// The whole restore.
    pub(super) fn all(&mut self, feed: &mut dyn DataFeed) -> Result<()> {
        self.begin_all()?;
        self.passes(feed)?;
        self.tail()
    }

    /// What comes before the first entry.
    pub(super) fn begin_all(&mut self) -> Result<()> {
        self.head()?;
        self.prelude()?;
        self.step(&Step::Stage(Stage::Processing))?;
        if self.options.clean { self.drop_all() } else { Ok(()) }
    }

    fn head(&mut self) -> Result<()> {
        self.step(&Step::Comment(b"--\n-- PostgreSQL database dump\n--\n\n"))?;
        self.step(&Step::Restrict)?;
        let header = self.selected.toc().header();
        for (what, version) in [
            ("-- Dumped from database version ", &header.server_version),
            ("-- Dumped by pg_dump version ", &header.dump_version),
        ] {
            if let Some(version) = version {
                self.step(&Step::Comment(&[what.as_bytes(), &version[..], b"\n"].concat()))?;
            }
        }
        self.step(&Step::EmptyLine)?;
        if let Some(created) = &self.options.verbose {
            self.step(&Step::Comment(format!("-- Started on {created}\n\n").as_bytes()))?;
        }
        if self.options.single_transaction {
            self.step(&Step::Begin)?;
            self.step(&Step::EmptyLine)?;
        }
        Ok(())
    }

    /// Sets up a session.
    pub(super) fn prelude(&mut self) -> Result<()> {
        self.set("statement_timeout", "0")?;
        self.set("lock_timeout", "0")?;
        if self.server_has(9, 6) {
            self.set("idle_in_transaction_session_timeout", "0")?;
        }
        if self.server_has(17, 0) {
            self.set("transaction_timeout", "0")?;
        }
        let encoding = self.session.encoding;
        let mut sql = self.sql();
        sql.put("SET client_encoding = '").put(encoding).put("';\n");
        self.send_setting("client_encoding", Some(encoding.as_bytes()), sql)?;
        let std_strings = self.session.std_strings;
        self.set("standard_conforming_strings", if std_strings { "on" } else { "off" })?;
        if let Some(role) = &self.options.role {
            let mut sql = self.sql();
            sql.put("SET ROLE ").identifier(role).put(";\n");
            self.send_setting("role", Some(role), sql)?;
        }
        if let Some(statement) = self.session.search_path {
            let purpose = Purpose::Setting { name: "search_path", value: None };
            self.statement(None, purpose, statement, 0)?;
        }
        self.set("check_function_bodies", "false")?;
        self.set("xmloption", "content")?;
        self.set("client_min_messages", "warning")?;
        if !std_strings {
            self.set("escape_string_warning", "off")?;
        }
        if self.server_has(9, 5) {
            let row_security = if self.options.enable_row_security { "on" } else { "off" };
            self.set("row_security", row_security)?;
        }
        if self.in_transactions() {
            self.step(&Step::EmptyLine)?;
            self.begin()?;
        }
        self.step(&Step::EmptyLine)
    }

    fn set(&mut self, name: &'static str, value: &str) -> Result<()> {
        let mut sql = self.sql();
        sql.put("SET ").put(name).put(" = ").put(value).put(";\n");
        self.send_setting(name, Some(value.as_bytes()), sql)
    }

    fn send_setting(&mut self, name: &'static str, value: Option<&[u8]>, sql: Sql) -> Result<()> {
        self.send(None, Purpose::Setting { name, value }, sql, 0)
    }

    pub(super) fn tail(&mut self) -> Result<()> {
        if self.options.single_transaction || self.in_transactions() {
            self.step(&Step::Commit)?;
            self.step(&Step::EmptyLine)?;
        }
        if self.options.verbose.is_some() {
            let now = self.sink.now();
            self.step(&Step::Comment(format!("-- Completed on {now}\n\n").as_bytes()))?;
        }
        self.step(&Step::Comment(b"--\n-- PostgreSQL database dump complete\n--\n\n"))?;
        self.step(&Step::Unrestrict)?;
        self.step(&Step::EmptyLine)?;
        self.step(&Step::Stage(Stage::Finalizing))
    }
}
