//! Where the numbers of an archive stand, and where its blocks.
//!
//! A walk of its own, not the crate's: the crate does not say where it found a number.

use std::ops::Range;

use pgdmp::toc::{ArchiveVersion, Gate};

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Byte,
    Int,
    /// A flag byte and a position.
    Offset,
}

/// A number.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) what: &'static str,
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
}

/// The data of an entry in a custom archive.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) at: Range<usize>,
    /// Each with the length before it.
    pub(super) chunks: Vec<Range<usize>>,
}

/// A custom archive, or a `toc.dat`.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) version: ArchiveVersion,
    pub(super) fields: Vec<Field>,
    /// The texts of the table of contents.
    pub(super) texts: Vec<Range<usize>>,
    /// The entries of the table of contents.
    pub(super) entries: Vec<Range<usize>>,
    pub(super) blocks: Vec<Block>,
}

impl Layout {
    /// Of an archive that is whole.
    pub(super) fn of(bytes: &[u8]) -> Layout {
        let version = ArchiveVersion { major: bytes[5], minor: bytes[6], revision: 0 };
        let mut walk = Walk { bytes, at: 7, version, fields: Vec::new(), texts: Vec::new() };
        let format = walk.header();
        let mut layout = Layout {
            version,
            fields: Vec::new(),
            texts: Vec::new(),
            entries: Vec::new(),
            blocks: Vec::new(),
        };
        for _ in 0..walk.int("number of entries") {
            let start = walk.at;
            walk.entry(format == 1);
            layout.entries.push(start..walk.at);
        }
        while format == 1 && walk.at < bytes.len() {
            // A redirected dump has its second table of contents here, which begins with a zero.
            if version.has(Gate::BlockType) && !matches!(bytes[walk.at], 1 | 3) {
                break;
            }
            let start = walk.at;
            let chunks = walk.block();
            layout.blocks.push(Block { at: start..walk.at, chunks });
        }
        layout.fields = walk.fields;
        layout.texts = walk.texts;
        layout
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    version: ArchiveVersion,
    fields: Vec<Field>,
    texts: Vec<Range<usize>>,
}

impl Walk<'_> {
    fn has(&self, gate: Gate) -> bool {
        self.version.has(gate)
    }

    fn field(&mut self, what: &'static str, kind: Kind, len: usize) {
        self.fields.push(Field { what, kind, at: self.at..self.at + len });
        self.at += len;
    }

    fn byte(&mut self, what: &'static str) -> u8 {
        self.field(what, Kind::Byte, 1);
        self.bytes[self.at - 1]
    }

    fn int(&mut self, what: &'static str) -> i64 {
        self.field(what, Kind::Int, int_len(self.version));
        decode(self.version, &self.bytes[self.at - int_len(self.version)..self.at])
    }

    /// The text, if there is one.
    fn text(&mut self, what: &'static str) -> Option<Range<usize>> {
        let len = usize::try_from(self.int(what)).ok()?;
        let text = self.at..self.at + len;
        self.at += len;
        self.texts.push(text.clone());
        Some(text)
    }

    /// The code of the format.
    fn header(&mut self) -> u8 {
        self.fields.push(Field { what: "version", kind: Kind::Byte, at: 6..7 });
        if self.has(Gate::Revision) {
            self.byte("revision");
        }
        self.byte("width of ints");
        if self.has(Gate::OffsetFlag) {
            self.byte("width of offsets");
        }
        let format = self.byte("format");
        if self.has(Gate::CompressionAlgorithm) {
            self.byte("compression");
        } else if self.has(Gate::CreationTime) {
            self.int("compression");
        } else if self.has(Gate::CompressionLevel) {
            self.byte("compression");
        }
        if self.has(Gate::CreationTime) {
            for _ in 0..7 {
                self.int("creation time");
            }
            self.text("length of a header's text");
        }
        if self.has(Gate::ProgramVersions) {
            self.text("length of a header's text");
            self.text("length of a header's text");
        }
        format
    }

    fn entry(&mut self, custom: bool) {
        self.int("dump id");
        self.int("had a dumper");
        let text = "length of a text";
        if self.has(Gate::TableOid) {
            self.text("length of a number's text");
        }
        self.text("length of a number's text");
        self.text("length of a tag");
        self.text("length of a kind");
        if self.has(Gate::Section) {
            self.int("section");
        }
        self.text("length of a definition");
        self.text(text);
        if self.has(Gate::CopyStmt) {
            self.text("length of a COPY statement");
        }
        for gate in [Gate::Namespace, Gate::Tablespace, Gate::TableAm] {
            if self.has(gate) {
                self.text(text);
            }
        }
        if self.has(Gate::Relkind) {
            self.int("relkind");
        }
        self.text(text);
        if self.has(Gate::WithOids) {
            self.text(text);
        }
        if self.has(Gate::Dependencies) {
            while self.text("length of a dependency").is_some() {}
        }
        match (custom, self.has(Gate::OffsetFlag)) {
            (true, true) => self.field("offset", Kind::Offset, 9),
            (true, false) => {
                self.int("old offset");
                self.int("old length");
            }
            (false, _) => drop(self.text("length of a file name")),
        }
    }

    fn block(&mut self) -> Vec<Range<usize>> {
        let objects = self.has(Gate::BlockType) && self.byte("kind of a block") == 3;
        self.int("dump id of a block");
        let mut chunks = Vec::new();
        if !objects {
            self.chunks(&mut chunks);
            return chunks;
        }
        while self.int("OID of a large object") != 0 {
            self.chunks(&mut chunks);
        }
        chunks
    }

    fn chunks(&mut self, chunks: &mut Vec<Range<usize>>) {
        loop {
            let start = self.at;
            let len = self.int("length of a chunk") as usize;
            if len == 0 {
                return;
            }
            self.at += len;
            chunks.push(start..self.at);
        }
    }
}

fn int_len(version: ArchiveVersion) -> usize {
    if version.has(Gate::SignByte) { 5 } else { 4 }
}

/// The value of an int.
pub(super) fn decode(version: ArchiveVersion, bytes: &[u8]) -> i64 {
    let (negative, bytes) = match version.has(Gate::SignByte) {
        true => (bytes[0] != 0, &bytes[1..]),
        false => (false, bytes),
    };
    let value = u32::from_le_bytes(bytes.try_into().unwrap());
    match (negative, version.has(Gate::SignByte)) {
        (true, _) => -i64::from(value),
        (false, true) => i64::from(value),
        // Without a sign -1 is what it is in memory.
        (false, false) => i64::from(value as i32),
    }
}

/// An int; the mirror of `decode`.
pub(super) fn encode(version: ArchiveVersion, value: i64) -> Vec<u8> {
    match version.has(Gate::SignByte) {
        true => crate::build::int(value),
        false => (value as u32).to_le_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn walks_to_the_end() {
        let mut all = fixtures::synthetic();
        all.extend(fixtures::real());
        for fixture in all.iter().filter(|fixture| fixture.format == "custom") {
            let bytes = fixture.bytes();
            let layout = Layout::of(&bytes);
            assert_eq!(layout.entries.len(), fixture.entries, "{}", fixture.name);
            assert_eq!(layout.blocks.len(), fixture.data, "{}", fixture.name);
            let end = layout.blocks.last().map_or(layout.entries.last().unwrap().end, |b| b.at.end);
            assert!(end == bytes.len() || fixture.name.contains("redirected"), "{}", fixture.name);
        }
    }
}
