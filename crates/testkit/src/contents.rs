//! All data of an archive, drained.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};

use pgdmp::read::Pass;
use pgdmp::{Archive, ArchiveStream, BlockKind, Desc, Error, TocEntry};

/// The data of one entry.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    Data(Vec<u8>),
    Objects(Vec<(u32, Vec<u8>)>),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = |bytes: &[u8]| bytes[..bytes.len().min(60)].escape_ascii().to_string();
        match self {
            Content::Data(data) => write!(f, "{} bytes: {}", data.len(), start(data)),
            Content::Objects(objects) => f
                .debug_map()
                .entries(objects.iter().map(|(oid, data)| (oid, (data.len(), start(data)))))
                .finish(),
        }
    }
}

/// By dump id.
pub type Contents = BTreeMap<i32, Content>;

/// No entry of any archive here has more.
const MOST: usize = 256 << 20;

/// Takes in a number of bytes, and answers more of them with this error.
#[derive(Debug)]
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Bounded {
    fn new(most: usize) -> Self {
        Bounded { bytes: Vec::new(), most }
    }
}

const TOO_MUCH: &str = "more data than a test wants";

impl Write for Bounded {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + buf.len() > self.most {
            return Err(io::Error::other(TOO_MUCH));
        }
        self.bytes.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether reading was given up because there is too much.
pub fn is_too_much(error: &Error) -> bool {
    error.is_io() && error.to_string().contains(TOO_MUCH)
}

pub fn has_objects(entry: TocEntry<'_>) -> bool {
    entry.desc() == Desc::BLOBS
}

/// The data of one entry.
pub fn content(archive: &Archive, entry: TocEntry<'_>) -> Result<Content, Error> {
    content_up_to(archive, entry, MOST)
}

fn content_up_to(archive: &Archive, entry: TocEntry<'_>, most: usize) -> Result<Content, Error> {
    if !has_objects(entry) {
        let mut out = Bounded::new(most);
        archive.data(entry.dump_id())?.copy_to(&mut out)?;
        return Ok(Content::Data(out.bytes));
    }
    let mut all = Vec::new();
    let mut objects = archive.large_objects(entry.dump_id())?;
    while let Some(mut object) = objects.next_object()? {
        let mut out = Bounded::new(most);
        object.copy_to(&mut out)?;
        all.push((object.oid().0, out.bytes));
    }
    Ok(Content::Objects(all))
}

/// The data of all entries that have some.
pub fn read_all(archive: &Archive) -> Result<Contents, Error> {
    read_up_to(archive, MOST)
}

/// The same, giving up where an entry, or a large object, has more bytes than `most`.
pub fn read_up_to(archive: &Archive, most: usize) -> Result<Contents, Error> {
    let mut contents = Contents::new();
    for entry in archive.entries().filter(TocEntry::has_data) {
        if archive.has_data(entry)? {
            contents.insert(entry.dump_id().0, content_up_to(archive, entry, most)?);
        }
    }
    Ok(contents)
}

/// The same from a stream.
pub fn stream_all(reader: impl Read + Send) -> Result<Contents, Error> {
    drain(ArchiveStream::new(reader)?)
}

pub fn drain(stream: ArchiveStream<impl Read + Send>) -> Result<Contents, Error> {
    drain_up_to(stream, MOST)
}

/// The same, giving up where an entry, or a large object, has more bytes than `most`.
pub fn drain_up_to(
    mut stream: ArchiveStream<impl Read + Send>,
    most: usize,
) -> Result<Contents, Error> {
    Ok(blocks_up_to(stream.pass(), most)?.into_iter().collect())
}

/// All blocks, in the order in which they come.
pub fn blocks(pass: Pass<'_>) -> Result<Vec<(i32, Content)>, Error> {
    blocks_up_to(pass, MOST)
}

fn blocks_up_to(mut pass: Pass<'_>, most: usize) -> Result<Vec<(i32, Content)>, Error> {
    let mut blocks = Vec::new();
    while let Some(mut block) = pass.next_block()? {
        let content = match block.kind() {
            BlockKind::LargeObjects => {
                let mut all = Vec::new();
                while let Some(mut object) = block.next_object()? {
                    let mut out = Bounded::new(most);
                    object.copy_to(&mut out)?;
                    all.push((object.oid().0, out.bytes));
                }
                Content::Objects(all)
            }
            _ => {
                let mut out = Bounded::new(most);
                block.data()?.copy_to(&mut out)?;
                Content::Data(out.bytes)
            }
        };
        blocks.push((block.dump_id().0, content));
    }
    Ok(blocks)
}

/// What the `expected` file of a synthetic archive says.
pub fn parse_expected(text: &[u8]) -> Contents {
    let mut contents = Contents::new();
    for line in std::str::from_utf8(text).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [kind, id, oid, hex] = words[..] else { panic!("{line}") };
        let data = if hex == "-" { Vec::new() } else { from_hex(hex.as_bytes()) };
        let id = id.parse().unwrap();
        match kind {
            "table" => {
                contents.insert(id, Content::Data(data));
            }
            "object" => {
                let entry = contents.entry(id).or_insert_with(|| Content::Objects(Vec::new()));
                let Content::Objects(objects) = entry else { panic!("{line}") };
                objects.push((oid.parse().unwrap(), data));
            }
            other => panic!("{other}"),
        }
    }
    contents
}

pub fn from_hex(hex: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
