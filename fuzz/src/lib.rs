//! What the fuzz targets share: everything of an archive is read, and nothing is believed.

pub mod made;

use std::io::{BufRead, Read};

use pgdmp::toc::{
    ArchiveVersion, Compression, CreationTime, DataOffset, Dependents, EntryFields, Gate, Header,
    Oid, Section,
};
use pgdmp::{
    Algorithm, Archive, ArchiveStream, BlockKind, Desc, DumpId, Format, Listing, Selection, Toc,
    TocEntry,
};

/// Decompressed bytes that are read of one input; some claim to be without end.
const MOST: usize = 256 << 10;

/// Reads up to what is left of `budget`.
fn drain(mut data: impl BufRead, budget: &mut usize) {
    while *budget > 0 {
        let Ok(bytes) = data.fill_buf() else {
            // Final: nothing comes after an error.
            assert!(data.fill_buf().is_err(), "data after an error");
            return;
        };
        if bytes.is_empty() {
            assert!(data.fill_buf().is_ok_and(<[u8]>::is_empty), "data after the end");
            return;
        }
        // Not always all of it.
        let n = if *budget % 3 == 0 { bytes.len().div_ceil(2) } else { bytes.len() };
        *budget = budget.saturating_sub(n);
        data.consume(n);
    }
}

/// Looks at all that a table of contents says.
pub fn read_toc(toc: &Toc, format: Format) {
    let _ = (toc.encoding(), toc.std_strings(), toc.search_path());
    for selection in [
        Selection::new(),
        Selection::new().data_only(true).table(b"t".to_vec()),
        Selection::new().create(true).schema(b"public".to_vec()),
    ] {
        let Ok(selected) = selection.apply(toc) else { continue };
        assert_eq!(selected.all().count(), toc.len());
        for verbose in [false, true] {
            let mut text = Vec::new();
            let written = Listing::new(toc, format).verbose(verbose).write(&selected, &mut text);
            assert!(written.is_ok() && text.starts_with(b";"));
        }
    }
    let dependents = Dependents::new(toc);
    for entry in toc {
        let _ = (entry.fields(), dependents.of(entry).count());
        assert!(toc.entry(entry.dump_id()).is_some());
        let tag = entry.tag().unwrap_or_default();
        let _ = (toc.with_tag(tag).count(), toc.find(entry.desc(), entry.namespace(), tag));
        assert!(!entry.name().to_string().contains(char::is_control));
    }
    // What was read can be written, and read as the same.
    let mut written = Vec::new();
    if toc.write_to(&mut written).is_ok() && format == Format::Custom {
        let again = Archive::read(written.clone()).unwrap();
        let mut twice = Vec::new();
        again.toc().write_to(&mut twice).unwrap();
        assert_eq!(written, twice);
    }
}

/// Reads all data of an archive, as far as `MOST` allows.
pub fn read_archive(archive: &Archive) {
    read_toc(archive.toc(), archive.format());
    let _ = archive.stored_sizes();
    if let Ok(blocks) = archive.blocks() {
        assert!(blocks.count() < 1 << 20);
    }
    let mut budget = MOST;
    for entry in archive.entries().filter(TocEntry::has_data).take(64) {
        let id = entry.dump_id();
        if let Ok(data) = archive.data(id) {
            drain(data, &mut budget);
        }
        if let Ok(stored) = archive.stored(id) {
            let _ = stored.take(MOST as u64).read_to_end(&mut Vec::new());
        }
        if let Ok(mut objects) = archive.large_objects(id) {
            while budget > 0 {
                match objects.next_object() {
                    Ok(Some(object)) => {
                        let _ = object.oid();
                        budget -= 1;
                        drain(object, &mut budget);
                    }
                    Ok(None) => break,
                    Err(_) => {
                        assert!(matches!(objects.next_object(), Ok(None)), "after an error");
                        break;
                    }
                }
            }
        }
    }
}

/// Reads a stream to its end, as far as `MOST` allows; every third block is skipped.
pub fn read_stream(reader: impl Read + Send) {
    let Ok(mut stream) = ArchiveStream::new(reader) else { return };
    read_toc(stream.toc(), stream.format());
    let (mut budget, mut count) = (MOST, 0);
    loop {
        let before = stream.position();
        // What borrows the stream is gone before it is asked again.
        let ended = match stream.next_block() {
            Ok(Some(mut block)) => {
                count += 1;
                if count % 3 == 0 {
                    continue;
                }
                if block.kind() == BlockKind::Data {
                    if let Ok(data) = block.data() {
                        drain(data, &mut budget);
                    }
                }
                while let Ok(Some(object)) = block.next_object() {
                    drain(object, &mut budget);
                }
                false
            }
            Ok(None) => break,
            Err(_) => true,
        };
        if ended {
            assert!(matches!(stream.next_block(), Ok(None)), "after an error");
            break;
        }
        assert!(stream.position() > before, "no progress");
    }
}

/// Bytes, one at a time.
pub struct OneByte<'a>(pub &'a [u8]);

impl Read for OneByte<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = buf.len().min(1);
        self.0.read(&mut buf[..n])
    }
}

/// A header of version 1.`minor`.
pub fn header(minor: u8, format: Format, algorithm: Algorithm) -> Header {
    let version = ArchiveVersion::new(1, minor);
    let level = if algorithm == Algorithm::None { 0 } else { 6 };
    let mut header = Header::new(version, format);
    header.off_size = if version.has(Gate::OffsetFlag) { 8 } else { 4 };
    header.compression = Compression::new(algorithm, Some(level));
    header.created = Some(CreationTime::from_fields([0; 7]));
    header.dbname = Some(b"d".as_slice().into());
    header
}

/// Two entries with data and one with large objects.
pub fn toc(header: Header, format: Format, offset: Option<u64>) -> Toc {
    let mut toc = Toc::new(header, format);
    let entries: [(i32, Desc<'static>, &[u8]); 3] = [
        (1, Desc::TABLE_DATA, b"1.dat"),
        (2, Desc::TABLE_DATA, b"2.dat"),
        (3, Desc::BLOBS, b"blobs_3.toc"),
    ];
    for (id, desc, file_name) in entries {
        let fields = EntryFields::new(DumpId(id), desc, Section::Data)
            .had_dumper(true)
            .tag(b"7")
            .namespace(b"public")
            .copy_stmt(b"COPY t FROM stdin;\n")
            .catalog_id(pgdmp::toc::CatalogId { table_oid: Oid(0), oid: Oid(7) })
            .file_name(file_name)
            .data_offset(match offset {
                Some(offset) if id == 1 => DataOffset::At(offset),
                _ => DataOffset::NotSet,
            });
        toc.push(&fields).unwrap();
    }
    toc
}

/// The bytes of header and table of contents.
pub fn encoded(toc: &Toc) -> Vec<u8> {
    let mut bytes = Vec::new();
    toc.write_to(&mut bytes).unwrap();
    bytes
}

/// The names that members may have, in an order that seeds rely on.
pub const NAMES: [&str; 16] = [
    "1.dat",
    "1.dat.gz",
    "1.dat.lz4",
    "1.dat.zst",
    "2.dat",
    "2.dat.gz",
    "2.dat.lz4",
    "2.dat.zst",
    "blobs_3.toc",
    "blobs_3.toc.gz",
    "blobs.toc",
    "blob_7.dat",
    "blob_7.dat.gz",
    "blob_7.dat.lz4",
    "blob_7.dat.zst",
    "toc.dat",
];

/// Splits an input into members: a name, two bytes of length, the bytes.
pub fn members(mut input: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut members = Vec::new();
    while let [name, low, high, rest @ ..] = input {
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let name = NAMES[usize::from(*name) % NAMES.len()];
        members.push((name.to_owned(), rest[..len].to_vec()));
        input = &rest[len..];
    }
    members
}
