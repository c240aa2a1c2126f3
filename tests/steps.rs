//! The rules of a restore, without its text: the steps that a sink gets.

use std::fmt::Write as _;
use std::io::Cursor;

use pgdmp::script::{Event, Report, ScriptOptions};
use pgdmp::script::{Outcome, Purpose, Restore, Sink, Statement, Step, TextSink};
use pgdmp::select::Selected;
use pgdmp::{
    Archive, ArchiveStream, Desc, Error, RestrictKey, Result, Script, Selection, TocEntry,
};

use pgdmp_testkit::fixtures;

fn key() -> RestrictKey {
    RestrictKey::new("corpus").unwrap()
}

/// Records steps, one line for each, and the text of each alone.
#[derive(Default)]
struct Recorder {
    lines: Vec<String>,
    texts: Vec<Vec<u8>>,
    rows_alone: bool,
    /// Which steps fail, by their line.
    failing: Option<fn(&str) -> bool>,
    /// Which step ends the restore.
    ending: Option<fn(&str) -> bool>,
}

impl Sink for Recorder {
    fn step(&mut self, step: &Step<'_>) -> Result<Outcome> {
        let line = line(step);
        let mut text = Vec::new();
        let mut sink = TextSink::new(&mut text, key());
        let _ = sink.step(step)?;
        sink.finish()?;
        let failed = self.failing.is_some_and(|fails| fails(&line));
        let ended = self.ending.is_some_and(|ends| ends(&line));
        self.lines.push(line);
        self.texts.push(text);
        if ended {
            return Err(Error::from(std::io::Error::other("the server is gone")));
        }
        Ok(if failed { Outcome::Failed(1) } else { Outcome::Done })
    }

    fn rows_alone(&self) -> bool {
        self.rows_alone
    }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

fn named(entry: &TocEntry<'_>) -> String {
    format!("{} {}", entry.desc(), shown(entry.tag().unwrap_or_default()))
}

/// The first line of a statement says enough.
fn statement(statement: &Statement<'_>) -> String {
    let what = match statement.purpose {
        Purpose::Setting { name, value: Some(value) } => {
            return format!("set {name} to \"{}\"", shown(value));
        }
        Purpose::Setting { name, .. } => format!("set {name} by"),
        Purpose::Drop => "drop:".to_owned(),
        Purpose::Definition => "define:".to_owned(),
        Purpose::Privileges => "grant:".to_owned(),
        Purpose::Owner => "owner:".to_owned(),
        Purpose::AccessMethod => "access method:".to_owned(),
        Purpose::Triggers => "triggers:".to_owned(),
        Purpose::Truncate => "empty:".to_owned(),
        _ => panic!("{statement:?}"),
    };
    assert_eq!(statement.entry.is_none(), what.starts_with("set "), "{statement:?}");
    let text = String::from_utf8_lossy(statement.text);
    format!("{what} {}", text.lines().next().unwrap_or_default())
}

fn line(step: &Step<'_>) -> String {
    match step {
        Step::Stage(stage) => format!("stage {stage:?}"),
        Step::Statement(sql) => statement(sql),
        Step::Begin => "begin".to_owned(),
        Step::Commit => "commit".to_owned(),
        Step::Connect { entry, database } => {
            format!("connect to {} for {}", shown(database), entry.desc())
        }
        Step::CopyBegin { entry, .. } => format!("copy {}", named(entry)),
        Step::CopyData(data) => format!("rows {}", shown(data)),
        Step::CopyEnd { entry } => format!("copied {}", named(entry)),
        Step::InsertBegin { entry } => format!("insert {}", named(entry)),
        Step::InsertData(data) => format!("inserts {}", shown(data)),
        Step::InsertEnd { entry } => format!("inserted {}", named(entry)),
        Step::LargeObjectOpen { oid, create, .. } => {
            format!("{} large object {oid}", if *create { "create" } else { "open" })
        }
        Step::LargeObjectWrite { data, .. } => format!("write {} bytes", data.len()),
        Step::LargeObjectClose => "close".to_owned(),
        Step::Restrict => "\\restrict".to_owned(),
        Step::Unrestrict => "\\unrestrict".to_owned(),
        Step::Heading(heading) => format!("-- {}", named(&heading.entry())),
        Step::Comment(text) => format!("comment {}", shown(text)),
        Step::EmptyLine => String::new(),
        Step::Event(event) => format!("({})", shown(&event.message())),
        _ => panic!("{step:?}"),
    }
}

/// Layout, headings and events left out, unless they are wanted.
fn essential(line: &&String) -> bool {
    !line.is_empty() && !["-- ", "comment ", "("].iter().any(|start| line.starts_with(start))
}

impl Recorder {
    /// What is done with entries, without what sets up and ends the restore.
    fn processing(&self) -> Vec<String> {
        let place = |stage: &str| self.lines.iter().position(|line| line == stage).unwrap();
        let end = "comment --\\n-- PostgreSQL database dump complete\\n--\\n\\n";
        let lines = place("stage Processing") + 1..place(end);
        self.lines[lines].iter().filter(essential).cloned().collect()
    }

    fn all(&self) -> Vec<String> {
        self.lines.iter().filter(essential).cloned().collect()
    }
}

fn open(name: &str) -> Archive {
    Archive::open(fixtures::root().join(name)).unwrap()
}

fn tables(names: &[&str]) -> Selection {
    names.iter().fold(Selection::new(), |all, name| all.table(*name))
}

fn record(name: &str, options: ScriptOptions, selection: &Selection) -> Recorder {
    let archive = open(name);
    let selected = selection.apply(archive.toc()).unwrap();
    let mut recorder = Recorder::default();
    restore(options).run(&archive, &selected, &mut recorder).unwrap();
    recorder
}

fn restore(options: ScriptOptions) -> Restore {
    Restore::new().options(options)
}

#[track_caller]
fn assert_lines(lines: &[String], expected: &str) {
    let mut shown = String::new();
    for line in lines {
        writeln!(shown, "{line}").unwrap();
    }
    let expected: String = expected
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty())
        .fold(String::new(), |text, line| text + line + "\n");
    assert!(shown == expected, "steps:\n{shown}\nexpected:\n{expected}");
}

#[test]
fn a_table_from_beginning_to_end() {
    let recorder = record("pg18/small-custom.dump", ScriptOptions::new(), &tables(&["town"]));
    assert_lines(
        &recorder.lines.iter().filter(|line| !line.is_empty()).cloned().collect::<Vec<_>>(),
        r#"
        comment --\n-- PostgreSQL database dump\n--\n\n
        \restrict
        comment -- Dumped from database version 18.6 (Debian 18.6-3)\n
        comment -- Dumped by pg_dump version 18.6 (Debian 18.6-3)\n
        set statement_timeout to "0"
        set lock_timeout to "0"
        set idle_in_transaction_session_timeout to "0"
        set transaction_timeout to "0"
        set client_encoding to "UTF8"
        set standard_conforming_strings to "on"
        set search_path by SELECT pg_catalog.set_config('search_path', '', false);
        set check_function_bodies to "false"
        set xmloption to "content"
        set client_min_messages to "warning"
        set row_security to "off"
        stage Processing
        (creating TABLE \"public.town\")
        set default_tablespace to ""
        set default_table_access_method to "heap"
        -- TABLE town
        define: CREATE TABLE public.town (
        owner: ALTER TABLE public.town OWNER TO postgres;
        (creating COMMENT \"public.TABLE town\")
        -- COMMENT TABLE town
        define: COMMENT ON TABLE public.town IS 'three rows';
        -- TABLE DATA town
        (processing data for table \"public.town\")
        copy TABLE DATA town
        rows 1\tÅbo\t\\N\n2\ttab\\there\t\n3\tback\\\\slash\\nnewline\t\\\\.\n\\.\n\n\n
        copied TABLE DATA town
        comment --\n-- PostgreSQL database dump complete\n--\n\n
        \unrestrict
        stage Finalizing
        "#,
    );
}

#[test]
fn rows_come_without_their_terminator() {
    let archive = open("pg18/small-custom.dump");
    let selected = tables(&["town", "vacant"]).apply(archive.toc()).unwrap();
    let mut recorder = Recorder { rows_alone: true, ..Recorder::default() };
    restore(ScriptOptions::new()).run(&archive, &selected, &mut recorder).unwrap();
    let rows: Vec<_> = recorder.lines.iter().filter(|line| line.starts_with("rows ")).collect();
    // The table without rows has none.
    let expected = r"rows 1\tÅbo\t\\N\n2\ttab\\there\t\n3\tback\\\\slash\\nnewline\t\\\\.\n";
    assert_eq!(rows, [expected]);
}

#[test]
fn owners_become_session_users() {
    let options = ScriptOptions::new().use_set_session_authorization(true);
    let recorder = record("pg9.5/mini-custom.dump", options, &tables(&["child", "parent"]));
    let lines: Vec<_> =
        recorder.processing().into_iter().filter(|line| !line.starts_with("rows ")).collect();
    // Privileges come last, and whoever granted them is forgotten.
    assert_lines(
        &lines,
        r#"
        set session_authorization to "harbour_owner"
        set default_tablespace to ""
        define: CREATE TABLE mini.child (
        set session_authorization to "postgres"
        define: CREATE TABLE mini.parent (
        set session_authorization to "harbour_owner"
        copy TABLE DATA child
        copied TABLE DATA child
        set session_authorization to "postgres"
        copy TABLE DATA parent
        copied TABLE DATA parent
        set session_authorization to "harbour_owner"
        grant: REVOKE ALL ON TABLE mini.child FROM PUBLIC;
        set session_authorization to "harbour_owner"
        grant: REVOKE ALL(id) ON TABLE mini.child FROM PUBLIC;
        set session_authorization to "harbour_owner"
        grant: REVOKE ALL(v) ON TABLE mini.child FROM PUBLIC;
        "#,
    );
}

#[test]
fn no_owner_names_none() {
    let options = ScriptOptions::new().no_owner(true);
    let selection = Selection::new().schema_only(true);
    let lines = record("pg9.5/mini-custom.dump", options, &selection).processing();
    // The definition would name the owner, too.
    assert_eq!(lines[0], "define: CREATE SCHEMA mini;");
    assert!(lines.iter().any(|line| line.starts_with("grant: REVOKE ALL ON TABLE mini.child")));
    let owner =
        |line: &&String| line.starts_with("owner:") || line.starts_with("set session_author");
    assert_eq!(lines.iter().find(owner), None);
}

#[test]
fn clean_drops_in_the_opposite_order() {
    for if_exists in [false, true] {
        let options = ScriptOptions::new().clean(true).if_exists(if_exists);
        let selection = tables(&["town", "vacant"]).schema_only(true);
        let recorder = record("pg18/small-custom.dump", options, &selection);
        let exists = if if_exists { " IF EXISTS" } else { "" };
        assert_lines(
            &recorder.processing(),
            &format!(
                r#"
                drop: DROP TABLE{exists} public.vacant;
                drop: DROP TABLE{exists} public.town;
                set default_tablespace to ""
                set default_table_access_method to "heap"
                define: CREATE TABLE public.town (
                owner: ALTER TABLE public.town OWNER TO postgres;
                define: COMMENT ON TABLE public.town IS 'three rows';
                define: CREATE TABLE public.vacant (
                owner: ALTER TABLE public.vacant OWNER TO postgres;
                "#
            ),
        );
    }
}

#[test]
fn create_connects_and_begins_again() {
    let selection = Selection::new().create(true).schema_only(true);
    let options = ScriptOptions::new().clean(true);
    let recorder = record("pg18/small-create.dump", options, &selection);
    assert_lines(
        &recorder.all(),
        r#"
        \restrict
        set statement_timeout to "0"
        set lock_timeout to "0"
        set idle_in_transaction_session_timeout to "0"
        set transaction_timeout to "0"
        set client_encoding to "UTF8"
        set standard_conforming_strings to "on"
        set search_path by SELECT pg_catalog.set_config('search_path', '', false);
        set check_function_bodies to "false"
        set xmloption to "content"
        set client_min_messages to "warning"
        set row_security to "off"
        stage Processing
        drop: DROP DATABASE small;
        define: CREATE DATABASE small WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C';
        owner: ALTER DATABASE small OWNER TO postgres;
        \unrestrict
        connect to small for DATABASE
        \restrict
        set statement_timeout to "0"
        set lock_timeout to "0"
        set idle_in_transaction_session_timeout to "0"
        set transaction_timeout to "0"
        set client_encoding to "UTF8"
        set standard_conforming_strings to "on"
        set search_path by SELECT pg_catalog.set_config('search_path', '', false);
        set check_function_bodies to "false"
        set xmloption to "content"
        set client_min_messages to "warning"
        set row_security to "off"
        set default_tablespace to ""
        set default_table_access_method to "heap"
        define: CREATE TABLE public.town (
        owner: ALTER TABLE public.town OWNER TO postgres;
        define: COMMENT ON TABLE public.town IS 'three rows';
        define: ALTER TABLE ONLY public.town
        \unrestrict
        stage Finalizing
        "#,
    );
}

#[test]
fn transactions() {
    let options = ScriptOptions::new().single_transaction(true);
    let recorder = record("pg18/small-custom.dump", options, &tables(&["town"]));
    let all = recorder.all();
    assert_eq!(all[..2], ["\\restrict", "begin"]);
    assert_eq!(all[all.len() - 3..], ["commit", "\\unrestrict", "stage Finalizing"]);
    assert_eq!(all.iter().filter(|line| *line == "begin").count(), 1);

    let options = ScriptOptions::new().transaction_size(2);
    let selection = tables(&["parcel", "town", "vacant"]).schema_only(true);
    let recorder = record("pg18/small-custom.dump", options, &selection);
    let all = recorder.all();
    let start = all.iter().position(|line| line == "begin").unwrap();
    assert_lines(
        &all[start..],
        r#"
        begin
        stage Processing
        set default_tablespace to ""
        define: CREATE TABLE public.parcel (
        owner: ALTER TABLE public.parcel OWNER TO postgres;
        set default_table_access_method to "heap"
        define: CREATE TABLE public.town (
        owner: ALTER TABLE public.town OWNER TO postgres;
        commit
        begin
        define: COMMENT ON TABLE public.town IS 'three rows';
        define: CREATE TABLE public.vacant (
        owner: ALTER TABLE public.vacant OWNER TO postgres;
        commit
        begin
        commit
        \unrestrict
        stage Finalizing
        "#,
    );
}

#[test]
fn large_objects_of_three_eras() {
    let options = || ScriptOptions::new().clean(true);
    // They are made when their data comes.
    let recorder = record("synthetic/lo1.10-gzip-set.dump", options(), &Selection::new());
    assert_lines(
        &recorder.processing(),
        r#"
        set search_path to "pg_catalog"
        begin
        drop: SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '7';
        create large object 7
        close
        drop: SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '8';
        create large object 8
        write 13 bytes
        close
        drop: SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '2147483648';
        create large object 2147483648
        write 400 bytes
        close
        drop: SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '4294967295';
        create large object 4294967295
        write 3 bytes
        close
        commit
        define: COMMENT ON LARGE OBJECT 8 IS 'eight';
        "#,
    );
    // Each is an entry.
    let recorder = record("synthetic/lo1.12-gzip-set.dump", options(), &Selection::new());
    assert_lines(
        &recorder.processing(),
        r#"
        drop: SELECT pg_catalog.lo_unlink('4294967295');
        drop: SELECT pg_catalog.lo_unlink('2147483648');
        drop: SELECT pg_catalog.lo_unlink('8');
        drop: SELECT pg_catalog.lo_unlink('7');
        define: SELECT pg_catalog.lo_create('7');
        owner: ALTER LARGE OBJECT 7 OWNER TO postgres;
        define: SELECT pg_catalog.lo_create('8');
        owner: ALTER LARGE OBJECT 8 OWNER TO postgres;
        define: SELECT pg_catalog.lo_create('2147483648');
        owner: ALTER LARGE OBJECT 2147483648 OWNER TO postgres;
        define: SELECT pg_catalog.lo_create('4294967295');
        owner: ALTER LARGE OBJECT 4294967295 OWNER TO postgres;
        set search_path to "pg_catalog"
        begin
        open large object 7
        close
        open large object 8
        write 13 bytes
        close
        open large object 2147483648
        write 400 bytes
        close
        open large object 4294967295
        write 3 bytes
        close
        commit
        "#,
    );
    // Groups of them are.
    let recorder = record("synthetic/lo1.16-none-set.dump", options(), &Selection::new());
    assert_lines(
        &recorder.processing(),
        r#"
        drop: SELECT pg_catalog.lo_unlink('4294967295');
        drop: SELECT pg_catalog.lo_unlink('7');
        drop: SELECT pg_catalog.lo_unlink('8');
        drop: SELECT pg_catalog.lo_unlink('2147483648');
        define: SELECT pg_catalog.lo_create('7');
        define: SELECT pg_catalog.lo_create('8');
        define: SELECT pg_catalog.lo_create('2147483648');
        owner: ALTER LARGE OBJECT 7 OWNER TO postgres;
        owner: ALTER LARGE OBJECT 8 OWNER TO postgres;
        owner: ALTER LARGE OBJECT 2147483648 OWNER TO postgres;
        define: SELECT pg_catalog.lo_create('4294967295');
        owner: ALTER LARGE OBJECT 4294967295 OWNER TO postgres;
        set search_path to "pg_catalog"
        begin
        open large object 7
        close
        open large object 8
        write 13 bytes
        close
        open large object 2147483648
        write 400 bytes
        close
        commit
        begin
        open large object 4294967295
        write 3 bytes
        close
        commit
        "#,
    );
}

#[test]
fn inserts_are_no_copy() {
    let recorder =
        record("pg18/mini-inserts.dump", ScriptOptions::new(), &tables(&["kinds", "nothing"]));
    let lines: Vec<_> = recorder
        .processing()
        .into_iter()
        .filter(|line| line.contains("insert") || line.contains("cop"))
        .map(|line| line.chars().take(40).collect())
        .collect();
    assert_lines(
        &lines,
        r#"
        insert TABLE DATA kinds
        inserts INSERT INTO mini.kinds VALUES (1
        inserted TABLE DATA kinds
        insert TABLE DATA nothing
        inserts \n\n
        inserted TABLE DATA nothing
        "#,
    );
}

#[test]
fn data_alone_with_disabled_triggers() {
    let options = ScriptOptions::new()
        .disable_triggers(true)
        .superuser(b"Root".to_vec())
        .role(b"loader".to_vec());
    let selection = tables(&["vacant"]).data_only(true);
    let recorder = record("pg18/small-custom.dump", options, &selection);
    assert_lines(
        &recorder.all(),
        r#"
        \restrict
        set statement_timeout to "0"
        set lock_timeout to "0"
        set idle_in_transaction_session_timeout to "0"
        set transaction_timeout to "0"
        set client_encoding to "UTF8"
        set standard_conforming_strings to "on"
        set role to "loader"
        set search_path by SELECT pg_catalog.set_config('search_path', '', false);
        set check_function_bodies to "false"
        set xmloption to "content"
        set client_min_messages to "warning"
        set row_security to "off"
        stage Processing
        set session_authorization to "Root"
        triggers: ALTER TABLE public.vacant DISABLE TRIGGER ALL;
        copy TABLE DATA vacant
        rows \\.\n\n\n
        copied TABLE DATA vacant
        triggers: ALTER TABLE public.vacant ENABLE TRIGGER ALL;
        \unrestrict
        stage Finalizing
        "#,
    );
}

#[test]
fn failures_do_not_end_the_restore() {
    let archive = open("pg18/small-custom.dump");
    let run = |fails: fn(&str) -> bool, options: ScriptOptions| -> (Recorder, Report) {
        let selected = tables(&["town", "vacant"]).apply(archive.toc()).unwrap();
        let mut recorder = Recorder { failing: Some(fails), ..Recorder::default() };
        let report = restore(options).run(&archive, &selected, &mut recorder).unwrap();
        (recorder, report)
    };
    // The server refuses the COPY, or a row: what is left of the data is not read.
    for what in ["copy TABLE DATA town", "rows 1"] {
        let fails: fn(&str) -> bool = match what {
            "rows 1" => |line| line.starts_with("rows 1"),
            _ => |line| line == "copy TABLE DATA town",
        };
        let (recorder, report) = run(fails, ScriptOptions::new());
        assert_eq!(report.errors, 1);
        let lines = recorder.processing();
        let at = lines.iter().position(|line| line.starts_with(what)).unwrap();
        assert_eq!(
            lines[at + 1..],
            ["copy TABLE DATA vacant", "rows \\\\.\\n\\n\\n", "copied TABLE DATA vacant"]
        );
    }
    // What fails while a table is made fails the table, and its data may be left out.
    for fails in [
        (|line| line.starts_with("define: CREATE TABLE public.town")) as fn(&str) -> bool,
        |line| line.starts_with("owner: ALTER TABLE public.town"),
    ] {
        let (recorder, report) = run(fails, ScriptOptions::new());
        assert_eq!(report.errors, 1);
        assert!(recorder.lines.iter().any(|line| line == "copied TABLE DATA town"));
        let no_data = ScriptOptions::new().no_data_for_failed_tables(true);
        let (recorder, report) = run(fails, no_data);
        assert_eq!(report.errors, 1);
        let copied: Vec<_> =
            recorder.lines.iter().filter(|line| line.starts_with("copied ")).collect();
        assert_eq!(copied, ["copied TABLE DATA vacant"]);
        let told = "(table \\\"town\\\" could not be created, will not restore its data)";
        assert!(recorder.lines.iter().any(|line| line == told), "{:#?}", recorder.lines);
    }
}

#[test]
fn data_that_is_left_out_is_passed_over_in_a_pipe() {
    for name in ["pg18/small-custom.dump", "pg18/small-tar.tar"] {
        let bytes = fixtures::bytes(&fixtures::root().join(name));
        let mut stream = ArchiveStream::new(Cursor::new(bytes)).unwrap();
        let toc = stream.shared_toc();
        let selected = Selection::new().apply(&toc).unwrap();
        let mut recorder = Recorder {
            failing: Some(|line| line.starts_with("copy TABLE DATA parcel_")),
            ..Recorder::default()
        };
        let report = Restore::new().run_stream(&mut stream, &selected, &mut recorder).unwrap();
        assert_eq!(report.errors, 2, "{name}");
        let copied: Vec<_> =
            recorder.lines.iter().filter(|line| line.starts_with("copied ")).collect();
        assert_eq!(copied, ["copied TABLE DATA town", "copied TABLE DATA vacant"], "{name}");
    }
}

#[test]
fn an_error_of_the_sink_ends_the_restore() {
    let archive = open("pg18/small-custom.dump");
    let selected = Selection::new().apply(archive.toc()).unwrap();
    for ends in [
        (|line| line == "\\restrict") as fn(&str) -> bool,
        |line| line.starts_with("set xmloption"),
        |line| line.starts_with("(creating TABLE"),
        |line| line.starts_with("-- TABLE town"),
        |line| line.starts_with("rows 1"),
        |line| line.starts_with("write 16384"),
        |line| line.starts_with("grant:"),
        |line| line == "stage Finalizing",
    ] {
        let mut recorder = Recorder { ending: Some(ends), ..Recorder::default() };
        let error = Restore::new().run(&archive, &selected, &mut recorder).unwrap_err();
        assert!(error.to_string().contains("the server is gone"), "{error}");
        assert!(ends(recorder.lines.last().unwrap()));
    }
}

#[test]
fn events_are_steps() {
    struct Counter(u64);
    impl Sink for Counter {
        fn step(&mut self, step: &Step<'_>) -> Result<Outcome> {
            self.0 += u64::from(matches!(step, Step::Event(Event::Creating(entry))
                if entry.desc() == Desc::TABLE));
            Ok(Outcome::Done)
        }
    }
    let archive = open("pg18/small-custom.dump");
    let selected = Selection::new().apply(archive.toc()).unwrap();
    let mut counter = Counter(0);
    // A sink may be lent.
    Restore::new().run(&archive, &selected, &mut &mut counter).unwrap();
    assert_eq!(counter.0, 5);
}

/// The text of each step alone, one behind the other, is the script.
fn steps_make_the_script(archive: &Archive, selected: &Selected<'_>, options: &ScriptOptions) {
    let mut script = Vec::new();
    let written = Script::new(key()).options(options.clone()).write(archive, selected, &mut script);
    let mut recorder = Recorder::default();
    let recorded = restore(options.clone()).run(archive, selected, &mut recorder);
    assert_eq!(written.map_err(|e| e.to_string()), recorded.map_err(|e| e.to_string()));
    assert!(recorder.texts.concat() == script);
}

#[test]
fn texts_of_steps_make_the_script() {
    let all = [
        ScriptOptions::new(),
        ScriptOptions::new()
            .clean(true)
            .if_exists(true)
            .no_owner(true)
            .single_transaction(true)
            .verbose("then".to_owned()),
        ScriptOptions::new()
            .clean(true)
            .transaction_size(3)
            .use_set_session_authorization(true)
            .role(b"a role".to_vec()),
        ScriptOptions::new()
            .disable_triggers(true)
            .no_tablespaces(true)
            .no_table_access_method(true),
    ];
    let mut archives: Vec<_> = fixtures::real().into_iter().map(|one| one.path).collect();
    archives.extend(fixtures::synthetic().into_iter().map(|one| one.path));
    let mut checked = 0;
    for path in archives {
        let archive = Archive::open(&path).unwrap();
        for (n, options) in all.iter().enumerate() {
            let selection = Selection::new().create(n == 2).data_only(n == 3);
            let selected = selection.apply(archive.toc()).unwrap();
            steps_make_the_script(&archive, &selected, options);
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}
