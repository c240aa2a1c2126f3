//! What every script begins and ends with, and what sets up each session in it.

use super::Writer;
use super::source::Source;
use crate::error::{Error, Result};
use crate::sql::Encoding;
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
                let Some((canonical, encoding)) = Encoding::find(name) else {
                    let name = name.escape_ascii();
                    return Err(Error::malformed(format!("unrecognized encoding \"{name}\"")));
                };
                (canonical, encoding, encoding)
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

impl Writer<'_> {
    /// The whole script.
    pub(super) fn script(&mut self, source: &mut dyn Source) -> Result<()> {
        let result = self.body(source);
        // What was written before an error is worth seeing.
        let end = self.out.finish();
        result.and(end)
    }

    fn body(&mut self, source: &mut dyn Source) -> Result<()> {
        self.head();
        self.prelude();
        if self.options.clean {
            self.drop_all()?;
        }
        self.passes(source)?;
        self.tail();
        Ok(())
    }

    fn head(&mut self) {
        self.out.put("--\n-- PostgreSQL database dump\n--\n\n\\restrict ");
        self.out.put(self.key.as_str());
        self.out.put("\n\n");
        let header = self.selected.toc().header();
        for (what, version) in [
            ("-- Dumped from database version ", &header.server_version),
            ("-- Dumped by pg_dump version ", &header.dump_version),
        ] {
            if let Some(version) = version {
                self.out.put(what);
                self.out.put(version);
                self.out.put("\n");
            }
        }
        self.out.put("\n");
        if let Some(created) = &self.options.verbose {
            self.out.put(format!("-- Started on {created}\n\n"));
        }
        if self.options.single_transaction {
            self.out.put("BEGIN;\n\n");
        }
    }

    /// Sets up a session.
    pub(super) fn prelude(&mut self) {
        self.out.put("SET statement_timeout = 0;\nSET lock_timeout = 0;\n");
        if self.server_has(9, 6) {
            self.out.put("SET idle_in_transaction_session_timeout = 0;\n");
        }
        if self.server_has(17, 0) {
            self.out.put("SET transaction_timeout = 0;\n");
        }
        let std_strings = self.session.std_strings;
        self.out.put(format!(
            "SET client_encoding = '{}';\nSET standard_conforming_strings = {};\n",
            self.session.encoding,
            if std_strings { "on" } else { "off" },
        ));
        if let Some(role) = &self.options.role {
            self.out.put("SET ROLE ");
            self.put_identifier(role);
            self.out.put(";\n");
        }
        if let Some(search_path) = self.session.search_path {
            self.out.put(search_path);
        }
        self.out.put(
            "SET check_function_bodies = false;\nSET xmloption = content;\n\
             SET client_min_messages = warning;\n",
        );
        if !std_strings {
            self.out.put("SET escape_string_warning = off;\n");
        }
        let row_security = if self.options.enable_row_security { "on" } else { "off" };
        if self.server_has(9, 5) {
            self.out.put(format!("SET row_security = {row_security};\n"));
        }
        if self.in_transactions() {
            self.begin("\nBEGIN;\n");
        }
        self.out.put("\n");
    }

    fn tail(&mut self) {
        if self.options.single_transaction || self.in_transactions() {
            self.out.put("COMMIT;\n\n");
        }
        if self.options.verbose.is_some() {
            let now = self.observer.now();
            self.out.put(format!("-- Completed on {now}\n\n"));
        }
        self.out.put("--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict ");
        self.out.put(self.key.as_str());
        self.out.put("\n\n");
    }
}
