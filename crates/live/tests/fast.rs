//! The means of being faster: what they send.

use pgdmp::script::Report;
use pgdmp::{Archive, Selection};
use pgdmp_live::{Fatal, Means, Restorer};
use pgdmp_testkit::fixtures;

use crate::played::{Fate, Happened, Played};

fn restore(name: &str, restorer: &Restorer, played: &Played) -> Result<Report, Fatal> {
    let archive = Archive::open(fixtures::root().join(name)).unwrap();
    let selected = Selection::default().apply(archive.toc()).unwrap();
    restorer.archive(&archive, &selected, played, played)
}

/// All that was sent in a session.
fn sent_in(played: &Played, wanted: usize) -> Vec<String> {
    let happened = played.happened().into_iter().filter_map(|happened| match happened {
        Happened::Began { session, what } if session == wanted => Some(what),
        _ => None,
    });
    happened.collect()
}

const ASYNC: Means = Means::exact().async_commit(true);

#[test]
fn no_session_waits_for_its_log_but_the_last_waits_for_all() {
    for version in [0, 180_006, 100_023, 90_624, 90_512] {
        let played = Played { version, ..Played::default() };
        let restorer = Restorer::new().means(ASYNC).jobs(2);
        assert_eq!(restore("pg18/small-custom.dump", &restorer, &played).unwrap().errors, 0);
        let sessions = 4;
        for session in 0..sessions {
            let sent = sent_in(&played, session);
            let off = sent.iter().position(|sql| sql == "SET synchronous_commit = off;\n").unwrap();
            let first = sent.iter().position(|sql| !sql.starts_with("SET ")).unwrap();
            let prelude = sent.iter().position(|sql| sql.contains("row_security"));
            assert!(prelude.is_none_or(|prelude| prelude < off), "{sent:?}");
            let does = |sql: &String| sql.starts_with("CREATE ") || sql.starts_with("COPY ");
            assert!(sent.iter().position(does).is_none_or(|does| off < does), "{first} {sent:?}");
            let waits = |sql: &String| sql.starts_with("RESET synchronous_commit; ");
            assert_eq!(sent.iter().any(waits), session == sessions - 1, "{sent:?}");
        }
        let end = sent_in(&played, sessions - 1).split_off(0);
        let end: Vec<_> = end.iter().skip_while(|sql| !sql.starts_with("RESET ")).collect();
        let (writes, looks) = match version {
            90_512 => ("lo_unlink", None),
            90_624 => ("emit_message", Some("pg_current_xlog_flush_location() >= '0/16B3740'")),
            _ => ("emit_message", Some("pg_current_wal_flush_lsn() >= '0/16B3740'")),
        };
        assert!(end[0].contains(writes), "{end:?}");
        assert_eq!(end.len(), 1 + usize::from(looks.is_some()));
        assert!(looks.is_none_or(|looks| end[1].contains(looks)), "{end:?}");
    }
    let played = Played::default();
    restore("pg18/small-custom.dump", &Restorer::new().jobs(2), &played).unwrap();
    let text = format!("{:?}", played.happened());
    assert!(!text.contains("synchronous_commit") && !text.contains("emit_message"));
}

#[test]
fn a_log_that_is_not_on_disk_is_an_error() {
    let what = "error: could not make sure that the restored data is on disk: ";
    for (fates, unflushed, error) in [
        (vec![], true, "the server's log did not get to disk"),
        (vec![("emit_message", Fate::Refused)], false, "ERROR:  no emit_message"),
        (vec![("wal_flush", Fate::Lost)], false, "server closed the connection unexpectedly"),
    ] {
        let played = Played { fates, unflushed, ..Played::default() };
        let restorer = Restorer::new().means(ASYNC);
        let report = restore("pg18/small-custom.dump", &restorer, &played).unwrap();
        assert_eq!(report.errors, 1);
        assert!(played.said().contains(&format!("{what}{error}")), "{:?}", played.said());
        let restorer = restorer.exit_on_error(true);
        let end = restore("pg18/small-custom.dump", &restorer, &played);
        assert!(matches!(end, Err(Fatal::Told)), "{end:?}");
    }
    // Errors on the way are no reason not to wait.
    let fates = vec![("CREATE TABLE public.town", Fate::Refused)];
    let played = Played { fates, ..Played::default() };
    let report = restore("pg18/small-custom.dump", &Restorer::new().means(ASYNC), &played).unwrap();
    assert_eq!(report.errors, 1);
    assert!(format!("{:?}", played.happened()).contains("emit_message"));
}

#[test]
fn sessions_share_what_the_server_has() {
    let settings = vec![
        ["shared_buffers", "1048576", "8kB"],
        ["maintenance_work_mem", "65536", "kB"],
        ["max_parallel_workers", "8", ""],
        ["max_parallel_maintenance_workers", "2", ""],
    ];
    let played = Played { settings, ..Played::default() };
    let means = Means::exact().tuning(true);
    let restorer = Restorer::new().means(means).jobs(4).set("work_mem", "1GB");
    restore("pg18/small-custom.dump", &restorer, &played).unwrap();
    let asked = |sql: &String| sql.contains("FROM pg_catalog.pg_settings");
    assert_eq!(played.sent().iter().filter(|sql| asked(sql)).count(), 1);
    for session in 1..6 {
        let sent = sent_in(&played, session);
        let at = |text: &str| sent.iter().position(|sql| sql == text).expect(text);
        let memory = at("SET maintenance_work_mem = '1048576kB';\n");
        let wanted = at("SELECT pg_catalog.set_config(E'work_mem', E'1GB', false);");
        assert!(memory < wanted);
    }
    // One that does not say has no more than it has.
    let played = Played::default();
    restore("pg18/small-custom.dump", &Restorer::new().means(means), &played).unwrap();
    assert!(!format!("{:?}", played.happened()).contains("SET maintenance_work_mem"));
}

#[test]
fn a_setting_that_is_refused_is_the_end() {
    for restorer in [Restorer::new(), Restorer::new().means(Means::fast())] {
        let played = Played { fates: vec![("nonsense", Fate::Refused)], ..Played::default() };
        let end = restore("pg18/small-custom.dump", &restorer.set("nonsense", "1"), &played);
        let Err(Fatal::Server { text, .. }) = end else { panic!("{end:?}") };
        assert_eq!(text, b"could not set \"nonsense\" to \"1\": ERROR:  no nonsense\n");
        assert!(!played.sent().iter().any(|sql| sql.starts_with("CREATE ")));
    }
}

/// What was said of failures.
fn told(played: &Played) -> Vec<String> {
    let starts = ["while", "from TOC", "error"];
    let is_told = |line: &String| starts.iter().any(|start| line.starts_with(start));
    played.said().into_iter().filter(is_told).collect()
}

const BATCHES: Means = Means::exact().batches(true);

/// The statements of a session, one a line end; what sets up a session is not among them.
fn joined(sent: &[String]) -> String {
    let all = sent.join("\n");
    let lines = all.lines().filter(|line| !line.is_empty() && !line.starts_with("SET "));
    lines.map(|line| format!("{}\n", line.trim_end_matches(';'))).collect()
}

#[test]
fn definitions_go_many_at_a_time_in_their_order() {
    for name in ["pg18/core-custom.dump", "pg18/small-custom.dump", "pg9.6/small-custom.dump"] {
        if !fixtures::root().join(name).exists() {
            continue;
        }
        let [one, many] = [Means::exact(), BATCHES].map(|means| {
            let played = Played::default();
            let restorer = Restorer::new().means(means.tuning(true)).jobs(1);
            assert_eq!(restore(name, &restorer, &played).unwrap().errors, 0);
            sent_in(&played, 0)
        });
        assert_eq!(joined(&many), joined(&one), "{name}");
        assert!(many.len() * 4 < one.len(), "{name}: {} of {}", many.len(), one.len());
        let reads = |sql: &&String| sql.contains("client_encoding");
        assert!(many.iter().find(reads).unwrap().ends_with("SET client_encoding = 'UTF8';\n"));
    }
}

#[test]
fn failures_in_a_batch_are_those_of_single_statements() {
    let cases: &[&[(&'static str, Fate)]] = &[
        &[("CREATE TABLE public.town", Fate::Refused)],
        &[("CREATE TABLE public.town", Fate::Refused), ("CREATE VIEW", Fate::Refused)],
        &[("OWNER TO", Fate::Refused)],
        &[("SET default_tablespace", Fate::Refused), ("SET row_security", Fate::Refused)],
        &[("SET default_table_access_method", Fate::Refused)],
        &[("SELECT pg_catalog.set_config('search_path'", Fate::Refused)],
        &[("CREATE ", Fate::Refused), ("ALTER ", Fate::Refused)],
    ];
    for fates in cases {
        let answers = [Means::exact(), BATCHES].map(|means| {
            let played = Played { fates: fates.to_vec(), ..Played::default() };
            // With any of the means one session restores as several do.
            let restorer = Restorer::new().means(means.tuning(true));
            let report = restore("pg18/small-custom.dump", &restorer, &played).unwrap();
            // In the first session; in others it may be another order.
            let told = told(&played);
            let at = told.iter().position(|line| line.contains(" INDEX ")).unwrap_or(told.len());
            (told[..at].to_vec(), report.errors)
        });
        assert_eq!(answers[0], answers[1], "{fates:?}");
        assert!(answers[0].1 > 0);
    }
}

/// Those of sessions beside others: what comes after the data.
#[test]
fn failures_in_batches_of_several_sessions_are_those_of_single_statements() {
    use pgdmp_testkit::many::{Shape, archive};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.dump");
    std::fs::write(&path, archive(Shape::Tables, 550)).unwrap();
    let many = Archive::open(&path).unwrap();
    let small = Archive::open(fixtures::root().join("pg18/small-custom.dump")).unwrap();
    let cases: &[&[(&'static str, Fate)]] = &[
        &[],
        &[("GRANT ", Fate::Refused)],
        &[("setval", Fate::Refused)],
        &[("GRANT SELECT ON TABLE s.t7 ", Fate::Refused), ("TRIGGER", Fate::Refused)],
        &[("COMMENT ON ", Fate::RefusedWith(*b"42704"))],
        &[("SET default_tablespace", Fate::Refused), ("setval", Fate::Refused)],
    ];
    let mut failed = 0;
    for archive in [&small, &many] {
        let selected = Selection::default().apply(archive.toc()).unwrap();
        for fates in cases {
            for jobs in [1, 3] {
                let [one, many] = [Means::exact(), BATCHES].map(|means| {
                    let played = Played { fates: fates.to_vec(), ..Played::default() };
                    let restorer = Restorer::new().means(means.tuning(true)).jobs(jobs);
                    let report = restorer.archive(archive, &selected, &played, &played).unwrap();
                    let mut told = told(&played);
                    // Each session says that once.
                    told.retain(|line| !line.starts_with("while "));
                    told.sort();
                    let count = |what: &Happened| matches!(what, Happened::Began { .. });
                    let sent = played.happened().iter().filter(|what| count(what)).count();
                    ((told, report.errors, report.entries), sent)
                });
                assert!(one.0 == many.0, "{fates:?} -j{jobs}: {:?} {:?}", one.0.1, many.0.1);
                failed += one.0.1;
                assert!(!fates.is_empty() || many.1 < one.1, "{} of {}", many.1, one.1);
            }
        }
    }
    assert!(failed > 100, "{failed}");
}

/// A batch beside other sessions does not wait for locks for long: it would keep its own.
#[test]
fn batches_beside_other_sessions_are_impatient() {
    use pgdmp_testkit::many::{Shape, archive};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.dump");
    std::fs::write(&path, archive(Shape::Schemas, 200)).unwrap();
    let archive = Archive::open(&path).unwrap();
    let selected = Selection::default().apply(archive.toc()).unwrap();
    for (version, impatient) in [(0, true), (150_004, true), (90_224, false)] {
        let played = Played { version, ..Played::default() };
        let restorer = Restorer::new().means(BATCHES).jobs(2);
        restorer.archive(&archive, &selected, &played, &played).unwrap();
        let happened = played.happened();
        let mut batches = 0;
        for what in &happened {
            let Happened::Began { what, session } = what else { continue };
            let is_batch = what.matches("GRANT ").count() > 1;
            assert!(!is_batch || (*session > 0 && what.starts_with("SET LOCAL lock_timeout = ")));
            batches += usize::from(is_batch);
        }
        assert_eq!(batches > 0, impatient, "{happened:?}");
    }
}

#[test]
fn the_first_error_in_a_batch_can_be_the_end() {
    let fates = vec![("CREATE TABLE public.parcel", Fate::Refused)];
    let played = Played { fates, ..Played::default() };
    let restorer = Restorer::new().means(BATCHES).exit_on_error(true);
    let end = restore("pg18/small-custom.dump", &restorer, &played);
    assert!(matches!(end, Err(Fatal::Told)), "{end:?}");
    let sent = sent_in(&played, 0);
    // The batch, and then up to there.
    let batch = sent.iter().rposition(|sql| sql.matches("CREATE TABLE").count() > 1).unwrap();
    assert!(sent.last().unwrap().starts_with("CREATE TABLE public.parcel"), "{sent:?}");
    let tables = |sql: &String| sql.matches("CREATE TABLE").count();
    assert!(sent[batch + 1..].iter().all(|sql| tables(sql) < 2), "{sent:?}");
    assert_eq!(
        played.happened().iter().filter(|h| matches!(h, Happened::Opened { .. })).count(),
        1
    );
}

#[test]
fn what_failed_in_a_batch_is_known_before_the_data() {
    use pgdmp::script::ScriptOptions;
    for (holds_back, stream) in [(false, false), (true, false), (false, true), (true, true)] {
        let fates = vec![("CREATE TABLE public.town", Fate::Refused)];
        let played = Played { fates, ..Played::default() };
        let options = ScriptOptions::new().no_data_for_failed_tables(holds_back);
        let restorer = Restorer::new().means(BATCHES).options(options);
        let name = "pg18/small-custom.dump";
        let report = match stream {
            false => restore(name, &restorer, &played),
            true => {
                let bytes = std::fs::read(fixtures::root().join(name)).unwrap();
                let mut stream = pgdmp::ArchiveStream::new(&bytes[..]).unwrap();
                let toc = stream.shared_toc();
                let selected = Selection::default().apply(&toc).unwrap();
                restorer.stream(&mut stream, &selected, &played, &played)
            }
        };
        assert_eq!(report.unwrap().errors, 1);
        let sent = played.sent();
        let copies = sent.iter().any(|sql| sql.starts_with("COPY public.town "));
        assert_eq!(copies, !holds_back);
        // Others may have put something there.
        assert!(!sent.iter().any(|sql| sql.starts_with("TRUNCATE TABLE ONLY public.town;")));
        assert_eq!(sent.iter().filter(|sql| sql.starts_with("TRUNCATE TABLE ONLY ")).count(), 3);
        let says = "table \"town\" could not be created, will not restore its data";
        assert_eq!(played.said().contains(&says.to_owned()), holds_back);
    }
}

#[test]
fn a_batch_that_is_lost_is_an_error_for_each_statement() {
    let fates = vec![("CREATE TABLE public.vacant", Fate::Lost)];
    let played = Played { fates, ..Played::default() };
    let report =
        restore("pg18/small-custom.dump", &Restorer::new().means(BATCHES), &played).unwrap();
    let told = told(&played);
    let count = |what: &str| told.iter().filter(|line| line.contains(what)).count();
    assert_eq!(count("server closed the connection unexpectedly"), 1);
    assert!(count("no connection to the server") > 3);
    assert_eq!(report.errors, told.iter().filter(|line| line.starts_with("error")).count() as u64);
}

/// What one waits for over a network: how often something is sent to the server.
#[test]
fn there_are_few_round_trips() {
    use pgdmp_testkit::many::{Shape, archive};
    for (shape, entries, least) in [
        (Shape::BareTables, 2000, 45),
        (Shape::Schemas, 2000, 30),
        (Shape::Tables, 1100, 1),
        (Shape::LargeObjects, 2000, 3),
        (Shape::Groups, 2000, 13),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("many.dump");
        std::fs::write(&path, archive(shape, entries)).unwrap();
        let archive = Archive::open(&path).unwrap();
        let selected = Selection::default().apply(archive.toc()).unwrap();
        let [one, many] = [Means::exact(), Means::fast()].map(|means| {
            let played = Played::default();
            let restorer = Restorer::new().means(means);
            restorer.archive(&archive, &selected, &played, &played).unwrap();
            let began = |happened: &Happened| matches!(happened, Happened::Began { .. });
            played.happened().iter().filter(|happened| began(happened)).count()
        });
        assert!(many * least < one, "{shape:?}: {many} of {one}");
    }
}
