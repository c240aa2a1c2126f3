//! Archives made in a test: by the crate's table of contents and by hand.

use pgdmp::Algorithm;
use pgdmp::toc::{
    ArchiveVersion, CatalogId, Compression, CreationTime, DataOffset, EntryFields, Gate, Header,
    Oid, Section,
};
use pgdmp::{Desc, DumpId, Format, Toc};

/// A header of a version, with all that the version has.
pub fn header(version: ArchiveVersion, format: Format) -> Header {
    let has = |gate| version.has(gate);
    let level = has(Gate::CompressionLevel) && !has(Gate::CompressionAlgorithm);
    // Before there was a level data was always compressed; the archives made here have none.
    let algorithm = if has(Gate::CompressionLevel) { Algorithm::None } else { Algorithm::Gzip };
    let mut header = Header::new(version, format);
    header.off_size = if has(Gate::OffsetFlag) { 8 } else { 4 };
    header.compression = Compression::new(algorithm, level.then_some(0));
    header.created =
        has(Gate::CreationTime).then(|| CreationTime::from_fields([3, 42, 6, 22, 10, 126, 0]));
    header.dbname = has(Gate::CreationTime).then(|| b"d\xe4ta".as_slice().into());
    header.server_version = has(Gate::ProgramVersions).then(|| b"17.11".as_slice().into());
    header.dump_version = has(Gate::ProgramVersions).then(|| b"18.6".as_slice().into());
    header
}

/// An entry with something in every field.
pub fn full_entry() -> EntryFields<'static> {
    EntryFields::new(DumpId(3), Desc::TABLE_DATA, Section::Data)
        .had_dumper(true)
        .catalog_id(CatalogId { table_oid: Oid(1259), oid: Oid(3_000_000_000) })
        .tag(b"t\xff\n")
        .defn("CREATE")
        .drop_stmt("")
        .copy_stmt("COPY t FROM stdin;\n")
        .namespace("public")
        .tablespace("")
        .table_am("heap")
        .relkind(114)
        .dependencies(&[DumpId(2), DumpId(2), DumpId(999)])
        .data_offset(DataOffset::At(0x1234))
        .file_name(b"3.dat")
}

/// The data of an entry, for `custom`.
pub enum Block<'a> {
    Data(&'a [&'a [u8]]),
    Objects(&'a [(u32, &'a [u8])]),
}

/// An int as archives since 1.1 have it.
pub fn int(value: i64) -> Vec<u8> {
    let mut bytes = vec![u8::from(value < 0)];
    bytes.extend_from_slice(&(value.unsigned_abs() as u32).to_le_bytes());
    bytes
}

/// A string, or NULL.
pub fn string(text: Option<&[u8]>) -> Vec<u8> {
    match text {
        None => int(-1),
        Some(text) => [int(text.len() as i64), text.to_vec()].concat(),
    }
}

/// The bytes of a block.
pub fn block(version: ArchiveVersion, id: i32, block: &Block<'_>) -> Vec<u8> {
    let int = |value: u32| {
        let mut bytes = if version.has(Gate::SignByte) { vec![0] } else { Vec::new() };
        // Here, as in PostgreSQL, the upper half of the OIDs is negative.
        if version.has(Gate::SignByte) && value > i32::MAX as u32 {
            bytes[0] = 1;
            bytes.extend_from_slice(&value.wrapping_neg().to_le_bytes());
        } else {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes
    };
    let chunks = |chunks: &[&[u8]]| -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            out.extend(int(chunk.len() as u32));
            out.extend_from_slice(chunk);
        }
        out.extend(int(0));
        out
    };
    let mut out = Vec::new();
    if version.has(Gate::BlockType) {
        out.push(if matches!(block, Block::Data(_)) { 1 } else { 3 });
    }
    out.extend(int(id as u32));
    match block {
        Block::Data(data) => out.extend(chunks(data)),
        Block::Objects(objects) => {
            for (oid, data) in *objects {
                out.extend(int(*oid));
                out.extend(chunks(&[data]));
            }
            out.extend(int(0));
        }
    }
    out
}

/// A custom archive of these entries. Those that have a block get its offset, if `offsets`.
pub fn custom(
    header: Header,
    entries: &[(EntryFields<'_>, Option<Block<'_>>)],
    offsets: bool,
) -> Vec<u8> {
    let version = header.version;
    let bytes = |offset: &mut dyn FnMut() -> u64| {
        let mut toc = Toc::new(header.clone(), Format::Custom);
        for (fields, block) in entries {
            let data_offset = match block {
                Some(_) if offsets => DataOffset::At(offset()),
                Some(_) => DataOffset::NotSet,
                None => DataOffset::NoData,
            };
            toc.push(&fields.data_offset(data_offset)).unwrap();
        }
        let mut out = Vec::new();
        toc.write_to(&mut out).unwrap();
        out
    };
    // The length does not depend on the offsets.
    let mut at = bytes(&mut || 1).len() as u64;
    let blocks: Vec<Vec<u8>> = entries
        .iter()
        .filter_map(|(fields, data)| Some(block(version, fields.dump_id.0, data.as_ref()?)))
        .collect();
    let mut lens = blocks.iter().map(Vec::len);
    let mut out = bytes(&mut || {
        let start = at;
        at += lens.next().unwrap() as u64;
        start
    });
    out.extend(blocks.concat());
    out
}

/// A small custom archive of the newest version: a table, its data and two large objects.
pub fn small() -> Vec<u8> {
    small_of(ArchiveVersion::NEWEST, true)
}

pub fn small_of(version: ArchiveVersion, offsets: bool) -> Vec<u8> {
    let table = EntryFields::new(DumpId(1), Desc::TABLE, Section::PreData)
        .defn(b"CREATE TABLE t ();\n")
        .tag(b"t");
    let data = full_entry().dump_id(DumpId(3)).tag(b"t");
    let blobs = EntryFields::new(DumpId(4), Desc::BLOBS, Section::Data)
        .had_dumper(true)
        .tag(b"17..3000000000");
    custom(
        header(version, Format::Custom),
        &[
            (table, None),
            (data, Some(Block::Data(&[b"1\tone\n", b"2\ttwo\n\\.\n\n\n"]))),
            (blobs, Some(Block::Objects(&[(17, b"seventeen"), (3_000_000_000, b"")]))),
        ],
        offsets,
    )
}

/// A header of a tar member.
pub fn tar_header(name: &str, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000600 ");
    block[108..116].copy_from_slice(b"0004000 ");
    block[116..124].copy_from_slice(b"0002000 ");
    block[124..136].copy_from_slice(format!("{size:011o} ").as_bytes());
    block[136..148].copy_from_slice(b"00000000000 ");
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:07o} ").as_bytes());
    block
}

/// A tar of these members.
pub fn tar<'a>(members: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, data) in members {
        out.extend(tar_header(name, data.len() as u64));
        out.extend_from_slice(data);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// The `toc.dat` of a directory or tar archive with these entries.
pub fn toc_dat(version: ArchiveVersion, entries: &[EntryFields<'_>]) -> Vec<u8> {
    let mut toc = Toc::new(header(version, Format::Tar), Format::Tar);
    for fields in entries {
        toc.push(fields).unwrap();
    }
    let mut out = Vec::new();
    toc.write_to(&mut out).unwrap();
    out
}

/// A zstd frame of one block that is not compressed.
pub fn zstd_frame(plain: &[u8]) -> Vec<u8> {
    let len = plain.len() as u32;
    assert!(len < 1 << 17, "a block has at most 128 KiB");
    let mut stored = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    stored.extend_from_slice(&(len << 3 | 1).to_le_bytes()[..3]);
    stored.extend_from_slice(plain);
    stored
}

/// A zstd frame that decoders pass over.
pub fn zstd_skippable(content: &[u8]) -> Vec<u8> {
    [&b"\x50\x2a\x4d\x18"[..], &(content.len() as u32).to_le_bytes(), content].concat()
}
