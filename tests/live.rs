//! Dumps made now, by the PostgreSQL that is installed, read back.
//!
//! They take minutes and start a server, so they run when `PGDMP_LIVE` is set, and say that they
//! are skipped otherwise. `PGDMP_PG_BIN` names the folder of PostgreSQL's programs, should it not
//! be found.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use pgdmp::{Archive, ArchiveStream, BlockKind, Desc, Listing, Selection};

use pgdmp_testkit::effort;
use pgdmp_testkit::server::{Server, run};

/// Tables `test_1` to `test_1000`, as in the field's classic tutorial on parallel dumps.
const TABLES: usize = 1000;

/// The text of `-l`, without the two lines that releases print differently.
fn comparable(list: &str) -> String {
    let differs = |line: &&str| {
        !line.starts_with(";     Compression:") && !line.starts_with("; Archive created at")
    };
    list.lines().filter(differs).map(|line| format!("{line}\n")).collect()
}

fn list(archive: &Archive) -> String {
    let selected = Selection::new().apply(archive.toc()).unwrap();
    let mut text = Vec::new();
    Listing::new(archive.toc(), archive.format()).write(&selected, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// Rows by table.
type Tables = Vec<(String, String)>;
/// Bytes by OID.
type Objects = Vec<(u32, Vec<u8>)>;

/// Reads all data of an archive; the rows of tables by name, and the large objects' bytes.
fn drain(archive: &Archive) -> (Tables, Objects) {
    let (mut tables, mut objects) = (Vec::new(), Vec::new());
    for entry in archive.entries().filter(|entry| entry.has_data()) {
        if entry.desc() == Desc::BLOBS {
            let mut all = archive.large_objects(entry.dump_id()).unwrap();
            while let Some(mut object) = all.next_object().unwrap() {
                let mut bytes = Vec::new();
                object.read_to_end(&mut bytes).unwrap();
                objects.push((object.oid().0, bytes));
            }
        } else {
            let mut rows = String::new();
            archive.data(entry.dump_id()).unwrap().read_to_string(&mut rows).unwrap();
            tables.push((String::from_utf8(entry.tag().unwrap().to_vec()).unwrap(), rows));
        }
    }
    (tables, objects)
}

#[test]
fn a_thousand_tables() {
    let Some(server) = Server::start("live") else { return };
    server.sql(&format!(
        "DO $$ BEGIN FOR n IN 1..{TABLES} LOOP
           EXECUTE format('CREATE TABLE test_%s (id int PRIMARY KEY, text text)', n);
           EXECUTE format('INSERT INTO test_%1$s SELECT i, repeat(md5(i::text), %1$s %% 7)
                           FROM generate_series(1, %1$s %% 50) i', n);
         END LOOP; END $$"
    ));
    server.sql(
        "SELECT lo_from_bytea(0, decode(repeat('00ff', n * 5000), 'hex')) \
                FROM generate_series(0, 4) n; SELECT lo_from_bytea(3000000000, 'high')",
    );

    // What the server itself says the rows are.
    let names: Vec<String> = (1..=TABLES).map(|n| format!("test_{n}")).collect();
    let copies: String = names
        .iter()
        .map(|name| {
            format!("\\o {}\nCOPY {name} TO STDOUT;\n", server.path(&format!("{name}.copy")))
        })
        .collect();
    let script = server.path("copies.sql");
    fs::write(&script, copies).unwrap();
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &script, "postgres"]);
    let rows = |name: &str| {
        let rows = fs::read_to_string(server.path(&format!("{name}.copy"))).unwrap();
        format!("{rows}\\.\n\n\n")
    };

    directory_with_ten_jobs(&server, &names, &rows);
    through_a_pipe(&server, &names, &rows);
    one_archive_for_each_table(&server, &names, &rows);
}

fn directory_with_ten_jobs(server: &Server, names: &[String], rows: &dyn Fn(&str) -> String) {
    let path = server.path("all.dir");
    server.client("pg_dump", &["-Fd", "-j", "10", "-f", &path, "postgres"]);
    // Made by another user, for nobody else to read.
    if server.root {
        run(&mut Command::new("chmod"), &["-R", "a+rX", &path]);
    }
    let archive = Archive::open(&path).unwrap();
    let expected = server.run("pg_restore", &["-l", &path]);
    assert_eq!(comparable(&list(&archive)), comparable(&expected));
    let (mut tables, objects) = drain(&archive);
    tables.sort();
    let mut wanted: Vec<_> = names.iter().map(|name| (name.clone(), rows(name))).collect();
    wanted.sort();
    assert_eq!(tables, wanted);
    assert_eq!(objects.len(), 6);
    assert!(objects.contains(&(3_000_000_000, b"high".to_vec())));
    assert!(objects.iter().any(|(_, bytes)| bytes.is_empty()));
    assert!(objects.iter().any(|(_, bytes)| bytes.len() == 40_000));
}

fn through_a_pipe(server: &Server, names: &[String], rows: &dyn Fn(&str) -> String) {
    let socket = server.path("");
    let mut dump = server.command("pg_dump");
    dump.args(["-h", &socket, "-U", "postgres", "-Fc", "postgres"]);
    let mut dump = dump.stdout(Stdio::piped()).spawn().unwrap();
    let mut archive = ArchiveStream::new(dump.stdout.take().unwrap()).unwrap();
    let (mut tables, mut objects) = (0, 0);
    while let Some(mut block) = archive.next_block().unwrap() {
        if block.kind() == BlockKind::LargeObjects {
            while let Some(mut object) = block.next_object().unwrap() {
                object.copy_to(std::io::sink()).unwrap();
                objects += 1;
            }
            continue;
        }
        let name = String::from_utf8(block.entry().unwrap().tag().unwrap().to_vec()).unwrap();
        let mut found = String::new();
        block.data().unwrap().read_to_string(&mut found).unwrap();
        assert_eq!(found, rows(&name), "{name}");
        tables += 1;
    }
    assert_eq!((tables, objects), (names.len(), 6));
    assert!(dump.wait().unwrap().success());
}

fn one_archive_for_each_table(
    server: &Server,
    names: &[String],
    rows: &(dyn Fn(&str) -> String + Sync),
) {
    // Two processes for each.
    let step = if effort::is_endless() { 1 } else { 10 };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(step, Ordering::Relaxed)) {
                    let path = server.path(&format!("{name}.dump"));
                    server.client("pg_dump", &["-Fc", "-t", name, "-f", &path, "postgres"]);
                    check_one(server, Path::new(&path), name, &rows(name));
                }
            });
        }
    });
}

fn check_one(server: &Server, path: &Path, name: &str, rows: &str) {
    let file = path.to_str().unwrap();
    let expected = server.run("pg_restore", &["-l", file]);
    // Read as root, or as the one who made it.
    let archive = Archive::open(path).unwrap();
    assert_eq!(comparable(&list(&archive)), comparable(&expected), "{name}");
    let (tables, objects) = drain(&archive);
    assert_eq!(tables, [(name.to_owned(), rows.to_owned())]);
    assert!(objects.is_empty());
}
