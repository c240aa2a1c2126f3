//! What reaches rows of tables that it does not name comes behind all rows.

use std::io::Write;

use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{Archive, ArchiveBuilder, ArchiveStream, Desc, DumpId, Format, Selection};
use pgdmp_live::{Means, Restorer};
use pgdmp_testkit::watchdog::Watchdog;

use crate::played::{Happened, Played};

/// What waits for the rows of all tables, and what for those of its own at most.
const BEHIND_ALL: &[(Desc<'_>, &str)] = &[
    (Desc::TRIGGER, "CREATE TRIGGER t AFTER INSERT ON public.root FOR EACH ROW"),
    (Desc::CONSTRAINT, "ALTER TABLE public.root\n    ADD CONSTRAINT n NOT NULL n NOT VALID"),
    (Desc::CHECK_CONSTRAINT, "ALTER TABLE public.root\n    ADD CONSTRAINT c CHECK (n > 0)"),
    (Desc::FK_CONSTRAINT, "ALTER TABLE public.root\n    ADD CONSTRAINT f FOREIGN KEY"),
    (Desc::RULE, "CREATE RULE r AS ON INSERT TO public.root DO ALSO"),
];
const NOT_BEHIND: &[(Desc<'_>, &str)] = &[
    (Desc::INDEX, "CREATE INDEX i ON ONLY public.root USING btree (n)"),
    (Desc::CONSTRAINT, "ALTER TABLE ONLY public.root\n    ADD CONSTRAINT k UNIQUE (n)"),
];

/// A partitioned table, two partitions with rows, and what is defined behind them.
fn archive() -> Vec<u8> {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    let tables = [(1, "root"), (2, "part"), (3, "other")];
    for (id, name) in tables {
        let defn = format!("CREATE TABLE public.{name} (n int);\n");
        let fields = EntryFields::new(DumpId(id), Desc::TABLE, Section::PreData).tag(name);
        builder.entry(&fields.namespace("public").owner("o").defn(&defn)).unwrap();
    }
    for (id, name) in &tables[1..] {
        let copy = format!("COPY public.{name} (n) FROM stdin;\n");
        let fields = EntryFields::new(DumpId(10 + id), Desc::TABLE_DATA, Section::Data).tag(*name);
        let fields = fields.namespace("public").owner("o").copy_stmt(&copy).had_dumper(true);
        builder.entry(&fields.dependencies(&[DumpId(*id)])).unwrap();
    }
    for (id, (desc, defn)) in (20..).zip(BEHIND_ALL.iter().chain(NOT_BEHIND)) {
        let defn = format!("{defn};\n");
        let fields = EntryFields::new(DumpId(id), *desc, Section::PostData).tag("root");
        let fields = fields.namespace("public").owner("o").defn(&defn);
        builder.entry(&fields.dependencies(&[DumpId(1)])).unwrap();
    }
    builder.session("UTF8", true).unwrap();
    let mut writer = builder.start_pipe(Vec::new()).unwrap();
    for id in [12, 13] {
        let mut data = writer.data(DumpId(id)).unwrap();
        (0..100_000).for_each(|row| writeln!(data, "{row:08}").unwrap());
        data.write_all(b"\\.\n\n\n").unwrap();
        data.finish().unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn what_reaches_further_waits_for_all_rows() {
    let _watchdog = Watchdog::new("what_reaches_further_waits_for_all_rows");
    let bytes = archive();
    for pipe in [false, true] {
        for (means, jobs) in [(Means::exact(), 2), (Means::exact(), 8), (Means::fast(), 4)] {
            let restorer = Restorer::new().jobs(jobs).means(means);
            let played = Played { slow: true, ..Played::default() };
            let report = if pipe {
                let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
                let toc = stream.shared_toc();
                let selected = Selection::default().apply(&toc).unwrap();
                restorer.stream(&mut stream, &selected, &played, &played)
            } else {
                let archive = Archive::read(bytes.clone()).unwrap();
                let selected = Selection::default().apply(archive.toc()).unwrap();
                restorer.archive(&archive, &selected, &played, &played)
            };
            assert_eq!(report.unwrap().errors, 0);
            let mut at = 0;
            let mut ended = 0;
            let mut begun = Vec::new();
            for happened in played.happened() {
                at += 1;
                match happened {
                    Happened::Ended { what, .. } if what == "end of data" => ended = at,
                    Happened::Began { what, .. } => begun.push((at, what)),
                    _ => {}
                }
            }
            for (_, defn) in BEHIND_ALL {
                let begun = begun.iter().find(|(_, what)| what.contains(defn));
                let begun = begun.expect("everything is restored").0;
                assert!(begun > ended, "{defn}, pipe: {pipe}, jobs: {jobs}: {begun} {ended}");
            }
            if jobs == 8 {
                for (_, defn) in NOT_BEHIND {
                    let begun = begun.iter().find(|(_, what)| what.contains(defn)).unwrap().0;
                    assert!(begun < ended, "{defn}, pipe: {pipe}: {begun} {ended}");
                }
            }
        }
    }
}
