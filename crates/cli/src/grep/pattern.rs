//! What is searched for.

use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};

use crate::Failure;
use pgdmp::text::Encoding;

/// A pattern, for values in the encoding of an archive.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// The pattern, if it is but a text.
    text: Option<memmem::Finder<'static>>,
    /// Whether COPY text has this text in it wherever a value has it.
    is_raw: bool,
    /// The encoding, if its texts have to be converted before they are compared.
    encoding: Option<Encoding>,
}

impl Pattern {
    pub(super) fn new(
        pattern: &str,
        fixed: bool,
        ignore_case: bool,
        encoding: Encoding,
    ) -> Result<Self, Failure> {
        let is_unicode = matches!(encoding, Encoding::UTF8 | Encoding::SQL_ASCII);
        if !encoding.has_characters() && !pattern.is_ascii() {
            return Err(Failure::Usage(format!(
                "the archive is in {encoding}, in which characters beyond ASCII cannot be searched \
                 for"
            )));
        }
        let escaped = regex::escape(pattern);
        let is_text = (fixed || escaped == pattern) && !ignore_case;
        let regex = RegexBuilder::new(if fixed { &escaped } else { pattern })
            .case_insensitive(ignore_case)
            .build()
            .map_err(|error| Failure::Lines(error.to_string()))?;
        // Beyond ASCII several byte sequences may be one character, and COPY text has escapes for
        // these bytes.
        let is_raw = (is_unicode || pattern.is_ascii())
            && !pattern.bytes().any(|byte| matches!(byte, 8..=13 | b'\\'));
        let text = is_text.then(|| memmem::Finder::new(pattern).into_owned());
        Ok(Pattern { regex, text, is_raw, encoding: (!is_unicode).then_some(encoding) })
    }

    /// Whether a value of rows in COPY text may match.
    pub(super) fn may_match(&self, rows: &[u8]) -> bool {
        match &self.text {
            Some(text) if self.is_raw => text.find(rows).is_some(),
            _ => true,
        }
    }

    /// Whether a text matches.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        // What is no text is compared as it is.
        let converted = self.encoding.filter(|_| !text.is_ascii());
        match converted.and_then(|encoding| encoding.decode(text)) {
            Some(text) => self.matches_bytes(text.as_bytes()),
            None => self.matches_bytes(text),
        }
    }

    fn matches_bytes(&self, bytes: &[u8]) -> bool {
        match &self.text {
            Some(text) => text.find(bytes).is_some(),
            None => self.regex.is_match(bytes),
        }
    }
}
