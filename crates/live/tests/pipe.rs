//! Restores from a pipe over several sessions.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;

use pgdmp::script::Report;
use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{Archive, ArchiveBuilder, ArchiveStream, Desc, DumpId, Format, Selection};
use pgdmp_live::{Fatal, Means, Restorer, Split};
use pgdmp_testkit::fixtures;
use pgdmp_testkit::watchdog::Watchdog;

use crate::held::{COPY, FROZEN, loading, table};
use crate::played::{Fate, Happened, Played};

fn piped(bytes: &[u8], restorer: &Restorer, played: &Played) -> Result<Report, Fatal> {
    let mut stream = ArchiveStream::new(bytes).unwrap();
    let toc = stream.shared_toc();
    let selected = Selection::default().apply(&toc).unwrap();
    restorer.stream(&mut stream, &selected, played, played)
}

/// What a session was sent for each of its COPYs and large objects, and the sessions.
fn data(played: &Played) -> (BTreeMap<String, String>, HashSet<usize>) {
    let mut all = BTreeMap::new();
    let mut now: BTreeMap<usize, String> = BTreeMap::new();
    let mut sessions = HashSet::new();
    for happened in played.happened() {
        let Happened::Began { session, what } = happened else { continue };
        let rows = what.strip_prefix("data ");
        match rows {
            Some(rows) => {
                all.entry(now[&session].clone()).or_insert_with(String::new).push_str(rows);
            }
            None if what.starts_with("write ") => {
                all.entry(now[&session].clone()).or_insert_with(String::new).push_str(&what);
            }
            None if what.starts_with("COPY ") || what.starts_with("open ") => {
                sessions.insert(session);
                now.insert(session, what);
            }
            None => {}
        }
    }
    (all, sessions)
}

#[test]
fn all_sessions_restore_what_comes() {
    let _watchdog = Watchdog::new("all_sessions_restore_what_comes");
    for name in ["pg18/core-custom.dump", "pg18/small-tar.tar", "pg15/mini-pipe.dump"] {
        let bytes = std::fs::read(fixtures::root().join(name)).unwrap();
        let archive = Archive::read(bytes.clone()).unwrap();
        let selected = Selection::default().apply(archive.toc()).unwrap();
        for jobs in [1, 3, 8] {
            let restorer = Restorer::new().jobs(jobs);
            let file = Played::default();
            restorer.archive(&archive, &selected, &file, &file).unwrap();
            // With one session in the order of the archive.
            let restorer = restorer.means(Means::exact().longest_path(jobs == 1));
            let pipe = Played { slow: true, ..Played::default() };
            assert_eq!(piped(&bytes, &restorer, &pipe).unwrap().errors, 0);
            let [mut expected, mut sent] = [&file, &pipe].map(|played| {
                let sent = played.sent().into_iter();
                let others = |sql: &String| {
                    !sql.starts_with("data ")
                        && !sql.starts_with("SELECT pg_catalog.set_config('search_path'")
                        && !sql.starts_with("TRUNCATE ")
                        // Whether the server crashes meanwhile.
                        && !sql.ends_with("FROM pg_catalog.pg_stat_bgwriter")
                        && !["BEGIN", "COMMIT"].contains(&&**sql)
                };
                sent.filter(others).collect::<Vec<_>>()
            });
            expected.sort();
            sent.sort();
            assert_eq!(sent, expected, "{name}, {jobs}");
            let (rows, sessions) = data(&pipe);
            assert_eq!(rows, data(&file).0, "{name}, {jobs}");
            assert!(sessions.len() > 1 || jobs == 1 || !name.contains("core"), "{sessions:?}");
        }
    }
}

#[test]
fn rows_that_wait_in_memory_can_come_again_and_others_cannot() {
    let freeze = Restorer::new().means(Means::exact().freeze(true));
    for (rows, buffer, comes_again) in [
        (100_000, 128 << 20, true),
        (400_000, 128 << 20, true),
        // No more than a MiB of one table waits.
        (400_000, 0, false),
    ] {
        let (folder, _) = table(rows);
        let bytes = std::fs::read(folder.path().join("a.dump")).unwrap();
        let fates = vec![("end of data", Fate::RefusedOnce(*b"55000"))];
        let played = Played { fates, ..Played::default() };
        let report = piped(&bytes, &freeze.clone().pipe_buffer(buffer), &played).unwrap();
        let loading = loading(&played);
        let size = &loading[1];
        match comes_again {
            true => assert_eq!(loading, [FROZEN, size, "end of data", COPY, size, "end of data"]),
            false => assert_eq!(loading, [FROZEN, size, "end of data"]),
        }
        assert_eq!(report.errors, u64::from(!comes_again));
    }
}

/// An archive of tables whose data depends on one another: of each, its number, the numbers of
/// those whose data it needs, and how many rows it has.
fn tables(tables: &[(i32, &[i32], usize)]) -> Vec<u8> {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    for (number, _, _) in tables {
        let name = format!("t{number}");
        let fields = EntryFields::new(DumpId(*number), Desc::TABLE, Section::PreData);
        let defn = format!("CREATE TABLE public.{name} (n int);\n");
        let fields = fields.tag(&name).namespace("public").owner("o").defn(&defn);
        builder.entry(&fields).unwrap();
    }
    for (number, needs, _) in tables {
        let name = format!("t{number}");
        let needs: Vec<DumpId> = std::iter::once(DumpId(*number))
            .chain(needs.iter().map(|need| DumpId(100 + need)))
            .collect();
        let fields = EntryFields::new(DumpId(100 + number), Desc::TABLE_DATA, Section::Data);
        let copy = format!("COPY public.{name} (n) FROM stdin;\n");
        let fields = fields.tag(&name).namespace("public").owner("o").copy_stmt(&copy);
        builder.entry(&fields.had_dumper(true).dependencies(&needs)).unwrap();
    }
    builder.session("UTF8", true).unwrap();
    let mut writer = builder.start_pipe(Vec::new()).unwrap();
    for (number, _, rows) in tables {
        let mut data = writer.data(DumpId(100 + number)).unwrap();
        for row in 0..*rows {
            writeln!(data, "{row:08}").unwrap();
        }
        data.write_all(b"\\.\n\n\n").unwrap();
        data.finish().unwrap();
    }
    writer.finish().unwrap()
}

/// An archive need not have its data in the order in which it would be best restored.
#[test]
fn data_that_waits_for_later_data_is_restored() {
    let _watchdog = Watchdog::new("data_that_waits_for_later_data_is_restored");
    const LARGE: usize = 300_000;
    for shape in [
        &[(1, &[2][..], 10), (2, &[][..], 10)][..],
        &[(1, &[2], LARGE), (2, &[], 10)],
        &[(1, &[2], 10), (2, &[], LARGE)],
        // Together more than there is room for.
        &[
            (1, &[7], 100_000),
            (2, &[7], 100_000),
            (3, &[7], 100_000),
            (4, &[7], 100_000),
            (5, &[7], 100_000),
            (6, &[7], 100_000),
            (7, &[], 10),
        ],
        // Each waits for the other.
        &[(1, &[2], 10), (2, &[1], 10)],
        &[(1, &[1], LARGE)],
    ] {
        let bytes = tables(shape);
        for jobs in [1, 2, 5] {
            for split in [Split::Never, Split::Always] {
                let restorer = Restorer::new().jobs(jobs).pipe_buffer(0);
                let restorer = restorer.means(Means::exact().batches(true).split(split));
                let played = Played { slow: jobs == 2, ..Played::default() };
                let report = piped(&bytes, &restorer, &played).unwrap();
                assert_eq!(report.errors, 0);
                let rows: usize = played
                    .sent()
                    .iter()
                    .filter_map(|sql| sql.strip_prefix("data "))
                    .map(|data| data.matches('\n').count())
                    .sum();
                let rows_there: usize = shape.iter().map(|(_, _, rows)| rows).sum();
                assert!(rows >= rows_there && rows <= rows_there + 3 * shape.len(), "{rows}");
                let copies = played.sent().iter().filter(|sql| sql.starts_with("COPY ")).count();
                assert!(copies >= shape.len());
            }
        }
    }
}

/// However little comes, what came whole is restored, nothing else is, and the end is an error.
#[test]
fn a_pipe_that_ends_too_early_is_an_error() {
    let _watchdog = Watchdog::new("a_pipe_that_ends_too_early_is_an_error");
    let bytes = tables(&[(1, &[], 1000), (2, &[], 300_000), (3, &[], 1000), (4, &[], 1000)]);
    for percent in [30, 50, 90, 99] {
        let cut = &bytes[..bytes.len() * percent / 100];
        for jobs in [1, 3] {
            let restorer = Restorer::new().jobs(jobs).pipe_buffer(0).means(Means::fast());
            let played = Played { slow: true, ..Played::default() };
            let error = piped(cut, &restorer, &played).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("end"), "{percent}, {jobs}: {text}");
            // Nothing was ended that was not whole.
            let begun = played.sent().iter().filter(|sql| sql.contains("COPY ")).count();
            let ended = played.sent().iter().filter(|sql| **sql == "end of data").count();
            assert!(ended <= begun && ended < 4, "{percent}, {jobs}");
            assert!(ended > 0 || percent < 50, "{percent}, {jobs}");
        }
    }
}

/// A session that ends leaves nobody waiting, neither for it nor for the pipe.
#[test]
fn a_lost_session_ends_the_restore() {
    let _watchdog = Watchdog::new("a_lost_session_ends_the_restore");
    let bytes = tables(&[
        (1, &[], 100_000),
        (2, &[], 300_000),
        (3, &[], 100_000),
        (4, &[], 100_000),
        (5, &[], 100_000),
        (6, &[], 100_000),
        (7, &[], 100_000),
        (8, &[], 100_000),
    ]);
    for table in ["public.t1", "public.t2", "public.t8"] {
        for jobs in [1, 3] {
            let restorer = Restorer::new().jobs(jobs).pipe_buffer(0).exit_on_error(true);
            let fates = vec![(table, Fate::Lost)];
            let played = Played { fates, ..Played::default() };
            piped(&bytes, &restorer.means(Means::exact().freeze(true)), &played).unwrap_err();
        }
    }
}
