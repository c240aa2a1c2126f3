//! The file of a manifest: one JSON object on each line.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read, Write};

use serde_json::{Map, Value};

use super::{DataHash, Digest, EntryRecord, Manifest, MemberRecord, ObjectsRecord};
use crate::error::{Error, Result};
use crate::text::Printable;

/// The version of the file's form.
const VERSION: u64 = 1;

/// No line is longer: of the names in it, none has more than some hundred bytes.
const LONGEST_LINE: u64 = 1 << 20;

impl Manifest {
    /// Writes the file, and returns the checksum that its last line has.
    ///
    /// # Errors
    ///
    /// Those of `output`.
    pub fn write(&self, mut output: impl Write) -> io::Result<Digest> {
        let mut hash = DataHash::new();
        let mut put = |line: Line| {
            let line = line.end();
            hash.update(line.as_bytes());
            output.write_all(line.as_bytes())
        };
        let mut line = Line::new();
        line.number("pgdmp_manifest", VERSION);
        line.text("archive", &self.archive);
        line.text("format", &self.format);
        line.text("version", &self.version);
        line.text("compression", &self.compression);
        line.counted("size", "sha256", self.size.zip(self.sha256));
        line.text("level", &self.level);
        line.text("written", &self.written);
        line.text("by", &self.by);
        put(line)?;
        for entry in &self.entries {
            let mut line = Line::new();
            line.signed("id", entry.id.into());
            line.bytes("desc", Some(&entry.desc));
            line.bytes("schema", entry.schema.as_deref());
            line.bytes("tag", entry.tag.as_deref());
            line.digest("def", &entry.def);
            line.counted("stored", "stored_sha256", entry.stored);
            line.counted("raw", "raw_sha256", entry.raw);
            if let Some(rows) = entry.rows {
                line.number("rows", rows);
            }
            put(line)?;
        }
        if let Some(objects) = &self.large_objects {
            let mut line = Line::new();
            line.number("large_objects", objects.count);
            line.counted("raw", "sha256", Some((objects.raw, objects.sha256)));
            put(line)?;
        }
        for member in &self.members {
            let mut line = Line::new();
            line.text("member", &member.name);
            line.counted("size", "sha256", Some((member.size, member.sha256)));
            put(line)?;
        }
        let (_, digest) = hash.finish();
        let mut line = Line::new();
        line.number("entries", self.entries.len() as u64);
        line.digest("manifest_sha256", &digest);
        output.write_all(line.end().as_bytes())?;
        output.flush()?;
        Ok(digest)
    }

    /// Reads the file. What later versions add to a line, or as further lines, is passed over.
    ///
    /// # Errors
    ///
    /// Errors of reading; a file that is no manifest, or one of a newer form; and one whose
    /// checksum, in its last line, differs.
    pub fn read(mut input: impl BufRead) -> Result<Manifest> {
        let mut hash = DataHash::new();
        let mut line = Vec::new();
        let head = match next(&mut input, &mut line, 1)? {
            Some(head) if head.contains_key("pgdmp_manifest") => Fields { map: head, line: 1 },
            _ => return Err(Error::malformed("this is no manifest of pgdmp")),
        };
        if head.number("pgdmp_manifest")? != Some(VERSION) {
            return Err(Error::malformed("a newer pgdmp made this manifest"));
        }
        let mut manifest = Manifest {
            archive: head.text("archive")?,
            format: head.text("format")?,
            version: head.text("version")?,
            compression: head.text("compression")?,
            size: head.number("size")?,
            sha256: head.digest("sha256")?,
            level: head.text("level")?,
            written: head.text("written")?,
            by: head.text("by")?,
            entries: Vec::new(),
            large_objects: None,
            members: Vec::new(),
            digest: None,
        };
        for number in 2.. {
            hash.update(&line);
            let Some(map) = next(&mut input, &mut line, number)? else { break };
            let fields = Fields { map, line: number };
            if let Some(expected) = fields.digest("manifest_sha256")? {
                let (_, digest) = hash.finish();
                let count = fields.number("entries")?;
                if digest != expected || count != Some(manifest.entries.len() as u64) {
                    let what = "the manifest is damaged: its own checksum differs";
                    return Err(Error::malformed(what));
                }
                if !input.fill_buf()?.is_empty() {
                    return Err(Error::malformed("bytes follow the last line of the manifest"));
                }
                manifest.digest = Some(digest);
                return Ok(manifest);
            }
            manifest.take(&fields)?;
        }
        Err(Error::truncated("the manifest, before its last line"))
    }

    fn take(&mut self, fields: &Fields) -> Result<()> {
        let missing = || fields.wrong("it lacks a checksum");
        if let Some(id) = fields.map.get("id") {
            let id = id.as_i64().and_then(|id| i32::try_from(id).ok());
            self.entries.push(EntryRecord {
                id: id.ok_or_else(|| fields.wrong("\"id\" is no dump id"))?,
                desc: fields.bytes("desc")?.unwrap_or_default(),
                schema: fields.bytes("schema")?,
                tag: fields.bytes("tag")?,
                def: fields.digest("def")?.ok_or_else(missing)?,
                stored: fields.counted("stored", "stored_sha256")?,
                raw: fields.counted("raw", "raw_sha256")?,
                rows: fields.number("rows")?,
            });
        } else if let Some(count) = fields.number("large_objects")? {
            let (raw, sha256) = fields.counted("raw", "sha256")?.ok_or_else(missing)?;
            self.large_objects = Some(ObjectsRecord { count, raw, sha256 });
        } else if fields.map.contains_key("member") {
            let (size, sha256) = fields.counted("size", "sha256")?.ok_or_else(missing)?;
            self.members.push(MemberRecord { name: fields.text("member")?, size, sha256 });
        }
        Ok(())
    }
}

/// Reads a line, and the JSON in it; `None` at the end.
fn next(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    number: u64,
) -> Result<Option<Map<String, Value>>> {
    line.clear();
    input.take(LONGEST_LINE).read_until(b'\n', line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let wrong = |what: &str| Error::malformed(format!("line {number} of the manifest {what}"));
    if !line.ends_with(b"\n") {
        return Err(wrong(match line.len() as u64 {
            LONGEST_LINE => "is too long",
            _ => "is cut",
        }));
    }
    match serde_json::from_slice(line) {
        Ok(Value::Object(map)) => Ok(Some(map)),
        _ => Err(wrong("is no JSON object")),
    }
}

/// The fields of a line that is read.
struct Fields {
    map: Map<String, Value>,
    line: u64,
}

impl Fields {
    fn wrong(&self, what: &str) -> Error {
        Error::malformed(format!("line {} of the manifest: {what}", self.line))
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn number(&self, key: &str) -> Result<Option<u64>> {
        let number = |value: &Value| {
            value.as_u64().ok_or_else(|| self.wrong(&format!("\"{key}\" is no number")))
        };
        self.get(key).map(number).transpose()
    }

    fn text(&self, key: &str) -> Result<String> {
        Ok(self.texts(key)?.unwrap_or_default().to_owned())
    }

    fn texts(&self, key: &str) -> Result<Option<&str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(&format!("\"{key}\" is no text"))),
        }
    }

    /// A text of an archive: in UTF-8, or its bytes in hexadecimal digits.
    fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>> {
        if let Some(text) = self.texts(key)? {
            return Ok(Some(text.as_bytes().to_vec()));
        }
        let key = format!("{key}_hex");
        let Some(digits) = self.texts(&key)? else { return Ok(None) };
        let wrong = || self.wrong(&format!("\"{key}\" has no hexadecimal digits"));
        let value = |digit: u8| char::from(digit).to_digit(16).ok_or_else(wrong);
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(wrong());
        }
        pairs
            .iter()
            .map(|[a, b]| Ok((value(*a)? << 4 | value(*b)?) as u8))
            .collect::<Result<_>>()
            .map(Some)
    }

    fn digest(&self, key: &str) -> Result<Option<Digest>> {
        let digest =
            |text: &str| text.parse().map_err(|error| self.wrong(&format!("\"{key}\": {error}")));
        self.texts(key)?.map(digest).transpose()
    }

    fn counted(&self, count: &str, digest: &str) -> Result<Option<(u64, Digest)>> {
        Ok(self.number(count)?.zip(self.digest(digest)?))
    }
}

/// A line that is written.
struct Line(String);

impl Line {
    fn new() -> Line {
        Line(String::from("{"))
    }

    fn end(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.string(key);
        self.0.push(':');
    }

    /// A string; what a terminal would obey is written as its number.
    fn string(&mut self, text: &str) {
        self.0.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.0.extend(['\\', c]),
                c if Printable::shows(c) => self.0.push(c),
                c => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        // A string takes everything.
                        let _ = write!(self.0, "\\u{unit:04x}");
                    }
                }
            }
        }
        self.0.push('"');
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.string(text);
    }

    fn bytes(&mut self, key: &str, bytes: Option<&[u8]>) {
        match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
            None => {}
            Some((_, Ok(text))) => self.text(key, text),
            Some((bytes, Err(_))) => {
                let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
                self.text(&format!("{key}_hex"), &hex);
            }
        }
    }

    fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        let _ = write!(self.0, "{number}");
    }

    fn signed(&mut self, key: &str, number: i64) {
        self.key(key);
        let _ = write!(self.0, "{number}");
    }

    fn digest(&mut self, key: &str, digest: &Digest) {
        self.key(key);
        let _ = write!(self.0, "\"{digest}\"");
    }

    fn counted(&mut self, count: &str, digest: &str, of: Option<(u64, Digest)>) {
        if let Some((number, sha256)) = of {
            self.number(count, number);
            self.digest(digest, &sha256);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let of = |text: &str| (text.len() as u64, Digest::of(text.as_bytes()));
        Manifest {
            archive: "a \"b\"\u{202e}\n.dump".to_owned(),
            format: "custom".to_owned(),
            version: "1.16".to_owned(),
            compression: "zstd".to_owned(),
            size: Some(7),
            sha256: Some(Digest::of(b"7")),
            level: "rows".to_owned(),
            written: "2026-11-28T06:41:02Z".to_owned(),
            by: "pgdmp".to_owned(),
            entries: vec![
                EntryRecord {
                    id: 3480,
                    desc: b"TABLE DATA".to_vec(),
                    schema: Some(b"public".to_vec()),
                    tag: Some(b"\xffx".to_vec()),
                    def: Digest::of(b"d"),
                    stored: Some(of("s")),
                    raw: Some(of("rr")),
                    rows: Some(1),
                },
                EntryRecord {
                    id: -1,
                    desc: Vec::new(),
                    schema: None,
                    tag: Some("größe".into()),
                    def: Digest::of(b"e"),
                    stored: None,
                    raw: None,
                    rows: None,
                },
            ],
            large_objects: Some(ObjectsRecord { count: 2, raw: 9, sha256: Digest::of(b"o") }),
            members: vec![MemberRecord {
                name: "toc.dat".to_owned(),
                size: 3,
                sha256: Digest::of(b"toc"),
            }],
            digest: None,
        }
    }

    fn written(manifest: &Manifest) -> Vec<u8> {
        let mut text = Vec::new();
        manifest.write(&mut text).unwrap();
        text
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = manifest();
        let text = written(&manifest);
        let read = Manifest::read(&text[..]).unwrap();
        assert!(read.digest.is_some());
        assert_eq!(Manifest { digest: None, ..read }, manifest);
        let lines: Vec<&str> = std::str::from_utf8(&text).unwrap().lines().collect();
        assert_eq!(lines.len(), 6);
        assert!(
            lines[0].starts_with("{\"pgdmp_manifest\":1,\"archive\":\"a \\\"b\\\"\\u202e\\u000a")
        );
        assert!(lines[1].contains("\"tag_hex\":\"ff78\",\"def\":\""), "{}", lines[1]);
        let before: usize = lines[..5].iter().map(|line| line.len() + 1).sum();
        let digest = Digest::of(&text[..before]);
        assert_eq!(lines[5], format!("{{\"entries\":2,\"manifest_sha256\":\"{digest}\"}}"));
    }

    #[test]
    fn each_flipped_bit_and_each_cut_is_noticed() {
        let text = written(&manifest());
        for at in 0..text.len() {
            assert!(Manifest::read(&text[..at]).is_err(), "cut at {at}");
            for bit in [0, 3, 5, 7] {
                let mut flipped = text.clone();
                flipped[at] ^= 1 << bit;
                match Manifest::read(&flipped[..]) {
                    Err(_) => {}
                    // Hexadecimal digits, or a key of the last line, which has no checksum of its own.
                    Ok(read) => {
                        let own = Manifest::read(&text[..]).unwrap();
                        assert_eq!(read, own, "byte {at}, bit {bit}");
                    }
                }
            }
        }
        assert!(Manifest::read(&[&text[..], b"\n"].concat()[..]).is_err());
    }

    #[test]
    fn hostile_files() {
        let deep = format!("{{\"pgdmp_manifest\":1,\"x\":{}}}\n", "[".repeat(100_000));
        let long = format!("{{\"pgdmp_manifest\":1,\"x\":\"{}\"}}\n", "y".repeat(2 << 20));
        let other = b"{\"pgdmp_manifest\":2}\n";
        let id = b"{\"pgdmp_manifest\":1}\n{\"id\":99999999999,\"def\":\"\"}\n";
        let all: [&[u8]; 8] =
            [b"", b"\n", b"{}\n", b"PGDMP\x01\x10", deep.as_bytes(), long.as_bytes(), other, id];
        for bytes in all {
            assert!(Manifest::read(bytes).is_err());
        }
        // Endless, without a line end.
        assert!(Manifest::read(io::BufReader::new(io::repeat(b'{'))).is_err());
    }
}
