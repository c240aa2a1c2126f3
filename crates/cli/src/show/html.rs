//! `show --html`: an archive as one page for a browser.
//!
//! The page has all of the archive's texts in one block of JSON, where nothing ends the block, and its
//! script sets them as text alone. Its policy allows that one script and no other, and no access to
//! anything outside it.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::overview::Overview;
use crate::json;
use pgdmp::Toc;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

/// The SHA-256 of the script. A test compares them.
const SCRIPT_HASH: &str = "sha256-d2P5bNWgrOROAb21v+D/Fdy80AWg7Las3yjE1DJIRpU=";

/// More bytes of definitions than this are left out of a page.
const DEFINITIONS: usize = 16 << 20;

/// Writes the page.
pub(super) fn write<W: Write>(overview: &Overview<'_>, out: &mut W) -> io::Result<()> {
    let (head, rest) = PAGE.split_once("SCRIPT_HASH").unwrap_or((PAGE, ""));
    let (body, rest) = rest.split_once("PAGE_DATA").unwrap_or((rest, ""));
    let (middle, end) = rest.split_once("SCRIPT").unwrap_or((rest, ""));
    out.write_all(head.as_bytes())?;
    out.write_all(SCRIPT_HASH.as_bytes())?;
    out.write_all(body.as_bytes())?;
    write_data(overview, &mut NoMarkup(&mut *out))?;
    out.write_all(middle.as_bytes())?;
    out.write_all(SCRIPT.as_bytes())?;
    out.write_all(end.as_bytes())
}

/// Spells what markup is made of as `\u003c`: outside of strings, JSON has none of these.
struct NoMarkup<W>(W);

impl<W: Write> Write for NoMarkup<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        for piece in buf.split_inclusive(|byte| matches!(byte, b'<' | b'>' | b'&')) {
            match piece.split_last() {
                Some((last @ (b'<' | b'>' | b'&'), text)) => {
                    self.0.write_all(text)?;
                    write!(self.0, "\\u{last:04x}")?;
                }
                _ => self.0.write_all(piece)?,
            }
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Texts that many entries share.
#[derive(Default)]
struct Names<'t> {
    names: Vec<&'t [u8]>,
    places: HashMap<&'t [u8], usize>,
}

impl<'t> Names<'t> {
    fn place(&mut self, name: &'t [u8]) -> usize {
        *self.places.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }

    fn texts(&self, toc: &Toc) -> Value {
        self.names.iter().map(|name| toc.printable(name).to_string()).collect()
    }
}

/// One entry at a time: there may be very many.
fn write_data<W: Write>(overview: &Overview<'_>, out: &mut W) -> io::Result<()> {
    let toc = overview.toc();
    let encoding = toc.text_encoding();
    let (mut kinds, mut names) = (Names::default(), Names::default());
    let definitions: usize = toc.entries().filter_map(|entry| entry.defn()).map(<[u8]>::len).sum();
    let definitions = definitions <= DEFINITIONS;
    out.write_all(b"{\"entries\":[")?;
    for (n, entry) in toc.entries().enumerate() {
        let schema = entry.namespace().map(|name| names.place(name));
        let owner = entry.owner().filter(|name| !name.is_empty()).map(|name| names.place(name));
        let or_none = |place: Option<usize>| place.map_or_else(|| json!(-1), |place| json!(place));
        let bytes = match entry.has_data() {
            true => overview.entries.stored_size(entry),
            false => None,
        };
        let defn = entry.defn().filter(|defn| definitions && !defn.is_empty());
        let mut needs: Vec<i32> = entry.dependencies().iter().map(|id| id.0).collect();
        needs.sort_unstable();
        needs.dedup();
        let entry = json!([
            entry.dump_id().0,
            kinds.place(entry.desc().0),
            or_none(schema),
            toc.printable(entry.tag().unwrap_or_default()).to_string(),
            or_none(owner),
            bytes,
            needs,
            defn.map(|defn| json::text(defn, encoding)),
        ]);
        out.write_all(if n == 0 { &b"\n"[..] } else { b",\n" })?;
        json::write(&entry, out)?;
    }
    let largest: Vec<usize> = overview.data.iter().map(|(entry, _)| entry.index()).collect();
    let rest = json!({
        "title": overview.title(),
        "facts": overview.facts(),
        "warnings": overview.warnings,
        "kinds": kinds.texts(toc),
        "names": names.texts(toc),
        "data": largest,
        "definitions": definitions,
    });
    out.write_all(b"\n]")?;
    for (key, value) in rest.as_object().into_iter().flatten() {
        write!(out, ",\n\"{key}\":")?;
        json::write(value, out)?;
    }
    out.write_all(b"}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_policy_allows_the_script() {
        let digest = Sha256::digest(SCRIPT.as_bytes());
        assert_eq!(SCRIPT_HASH, format!("sha256-{}", base64(&digest)), "put it into SCRIPT_HASH");
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let bits = chunk
                .iter()
                .enumerate()
                .fold(0, |bits, (n, b)| bits | u32::from(*b) << (16 - 8 * n));
            for n in 0..4 {
                match n <= chunk.len() {
                    true => text.push(char::from(DIGITS[(bits >> (18 - 6 * n) & 63) as usize])),
                    false => text.push('='),
                }
            }
        }
        text
    }
}
