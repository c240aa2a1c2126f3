//! Writes inputs to begin with into `corpus/`, made of the fixtures.

use std::fs;
use std::path::{Path, PathBuf};

use pgdmp::{Archive, Desc, Format, Toc};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixtures = root.join("../fixtures");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = root.join("corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    };
    for path in files(&fixtures) {
        let name = path.strip_prefix(&fixtures).unwrap().to_str().unwrap().replace('/', "-");
        let is = |suffix: &str| name.ends_with(suffix);
        let bytes = fs::read(&path).unwrap();
        if bytes.len() > 45_000 {
            continue;
        }
        if is(".list") {
            write("list_file", &name, &bytes);
        }
        if !(is(".dump") || is(".tar")) {
            continue;
        }
        write("open", &name, &bytes);
        let Ok(archive) = Archive::read(bytes.clone()) else { continue };
        for entry in archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA) {
            let mut text = Vec::new();
            let read = archive.data(entry.dump_id()).and_then(|mut data| data.copy_to(&mut text));
            if read.is_err() || text.len() > 4000 {
                continue;
            }
            let copy = entry.copy_stmt().filter(|copy| !copy.is_empty());
            // The end marker is asked for; a backslash in a string is just one.
            let choice = 16 | 32 | if copy.is_none() { 8 } else { 0 };
            for encoding in 0..3 {
                let name = format!("{name}-{}-{encoding}", entry.dump_id());
                write("rows", &name, &[&[choice | encoding], &text[..]].concat());
            }
            if let Some(copy) = copy {
                let name = format!("{name}-{}-copy", entry.dump_id());
                write("rows", &name, &[&[0xff], copy].concat());
            }
        }
        // The definitions of a few tables and types, with all that belongs to them.
        let mut input = vec![0];
        for entry in archive.entries() {
            let Some(kind) = DEFINED.iter().position(|desc| *desc == entry.desc()) else { continue };
            let statement = entry.defn().or(entry.copy_stmt()).unwrap_or_default();
            if input.len() + statement.len() < 8000 {
                let number = entry.tag().unwrap_or_default().len() as u8;
                input.extend([kind as u8 + 10, number | 8]);
                input.extend(statement.iter().chain(&[0]));
            }
        }
        write("create_table", &name, &input);
        if archive.format() != Format::Custom {
            continue;
        }
        // Header, table of contents, blocks.
        let (version, toc) = (archive.header().version, pgdmp_fuzz::encoded(archive.toc()));
        let header = pgdmp_fuzz::encoded(&Toc::new(archive.header().clone(), Format::Custom));
        let int = if version.minor == 0 { 4 } else { 5 };
        write("toc", &name, &[&[version.minor], &toc[header.len() - int..]].concat());
        let minors = [16, 14, 6, 2, 0, 15, 12, 3];
        if let Some(choice) = minors.iter().position(|minor| *minor == version.minor) {
            let algorithm = archive.header().compression.algorithm.code();
            for offset in [0, 4] {
                let choice = (choice as u8) << 3 | offset | algorithm;
                let blocks = bytes.get(toc.len()..).unwrap_or_default();
                write("block", &format!("{name}-{offset}"), &[&[choice], blocks].concat());
            }
        }
    }
    let values = [
        "4713-01-01 BC",
        "294276-12-31 23:59:59.999999",
        "4714-11-24 12:19:32+00:19:32 BC",
        "23:59:59.999999",
        "12:00:00+05:30:15",
        "1 year 2 mons -3 days +04:05:06.789",
        "-1234.5600",
        "-1.5e-45",
        "a\\\\\\001",
        "[0:1][1:2]={{1,NULL},{\"a \\\"b\",c}}",
        "{(1,1),(0,0);(2,2),(1,1)}",
        "(5,\"\",,\"a\"\"b\\\\c\")",
        "{[1,3),[\"2024-01-01 00:00:00\",infinity)}",
        "\"a\"=>\"1\", \"b\"=>NULL",
        "[1,2.5,-3e-05]",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ];
    for (choice, text) in (0..).zip(values) {
        write("value", &choice.to_string(), &[&[choice], text.as_bytes()].concat());
    }
    // The files of a directory archive, under the names that the target knows.
    for folder in fs::read_dir(fixtures.join("pg18")).unwrap().map(|file| file.unwrap().path()) {
        if !folder.is_dir() {
            continue;
        }
        let mut input = vec![16];
        for file in files(&folder) {
            let name = file.file_name().unwrap().to_str().unwrap();
            let suffix = name.rsplit('.').next().unwrap();
            let kind = match name {
                "toc.dat" => continue,
                _ if name.starts_with("blobs") => 8,
                _ if name.starts_with("blob") => 11,
                _ => [0, 4][usize::from(input.len() > 100)],
            };
            let suffix = ["dat", "gz", "lz4", "zst"].iter().position(|s| *s == suffix);
            let mut bytes = fs::read(&file).unwrap();
            bytes.truncate(4000);
            if kind == 8 {
                bytes = b"7 blob_7.dat\n".to_vec();
            }
            input.push(kind + suffix.unwrap_or(0) as u8);
            input.extend((bytes.len() as u16).to_le_bytes());
            input.extend(bytes);
        }
        write("members", folder.file_name().unwrap().to_str().unwrap(), &input);
    }
    write(
        "list_file",
        "lines",
        b"; a comment\n1; 0 7 TABLE DATA public 7\n\n 3 ;x\r\n2x\n+1\n-1\n99",
    );
}

/// The kinds of the target `create_table`.
const DEFINED: [Desc<'static>; 10] = [
    Desc::TABLE,
    Desc::TYPE,
    Desc::DOMAIN,
    Desc::FOREIGN_TABLE,
    Desc::TABLE_DATA,
    Desc::CONSTRAINT,
    Desc::INDEX,
    Desc::SEQUENCE,
    Desc::TABLE_ATTACH,
    Desc::COMMENT,
];

/// The files in a folder and those below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all
}
