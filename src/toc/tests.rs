use super::*;
use crate::source::Pipe;
use crate::version::ArchiveVersion;

fn header() -> Header {
    Header {
        version: ArchiveVersion::NEWEST,
        int_size: 4,
        off_size: 8,
        format_code: 1,
        compression: Compression { algorithm: crate::compress::Algorithm::None, level: None },
        created: Some(CreationTime::from_fields([0; 7])),
        dbname: None,
        server_version: Some((*b"").into()),
        dump_version: None,
    }
}

fn fields(id: i32, desc: Desc<'static>, tag: &'static [u8]) -> EntryFields<'static> {
    EntryFields { tag: Some(tag), ..EntryFields::new(DumpId(id), desc, Section::PreData) }
}

fn encode(toc: &Toc) -> Vec<u8> {
    let mut bytes = Vec::new();
    toc.write_to(&mut bytes).unwrap();
    bytes
}

fn decode(bytes: &[u8]) -> Result<Toc> {
    let mut input = Pipe::new(bytes);
    let limits = Limits::new();
    let header = Header::decode(&mut input, Format::Custom, &limits)?;
    Toc::decode(&mut input, header, Format::Custom, Statements::Kept, &limits)
}

#[test]
fn what_is_pushed_is_what_is_read() {
    let mut toc = Toc::new(header(), Format::Custom);
    assert!(toc.is_empty());
    let full = EntryFields {
        dump_id: DumpId(i32::MAX),
        had_dumper: true,
        catalog_id: CatalogId { table_oid: Oid(u32::MAX), oid: Oid(0) },
        tag: Some(b"tag"),
        desc: Desc(b"A NEW KIND"),
        section: Section::Other(-7),
        defn: Some(b"defn"),
        drop_stmt: None,
        copy_stmt: Some(b""),
        namespace: Some(b""),
        tablespace: None,
        table_am: Some(b"heap"),
        relkind: -1,
        owner: Some(b"o"),
        with_oids: None,
        dependencies: &[DumpId(1), DumpId(-1), DumpId(1)],
        data_offset: DataOffset::At(u64::MAX),
        file_name: b"not in a custom archive",
    };
    toc.push(&full).unwrap();
    toc.push(&fields(1, Desc::TABLE, b"")).unwrap();
    let bytes = encode(&toc);
    let read = decode(&bytes).unwrap();
    assert_eq!(encode(&read), bytes);
    assert_eq!(read.len(), 2);
    for (a, b) in toc.entries().zip(&read) {
        assert_eq!(format!("{:?}", a.fields()), format!("{:?}", b.fields()));
    }
    let found = read.entries().next().unwrap().fields();
    assert_eq!(format!("{found:?}"), format!("{:?}", EntryFields { file_name: b"", ..full }));
}

/// As strings of C do. None is written that would.
#[test]
fn texts_end_at_a_nul() {
    let toc_of = |text: &'static [u8]| {
        let header = Header { dbname: Some(text.into()), ..header() };
        let mut toc = Toc::new(header, Format::Custom);
        toc.push(&EntryFields {
            tag: Some(text),
            defn: Some(text),
            drop_stmt: Some(text),
            copy_stmt: Some(text),
            namespace: Some(text),
            tablespace: Some(text),
            table_am: Some(text),
            owner: Some(text),
            with_oids: Some(text),
            ..EntryFields::new(DumpId(1), Desc(text), Section::Data)
        })?;
        toc.push(&fields(2, Desc::TABLE, b"behind"))?;
        Ok::<Toc, crate::Error>(toc)
    };
    let expected = toc_of(b"text").unwrap();
    let mut bytes = encode(&toc_of(b"text#evil").unwrap());
    for byte in bytes.iter_mut().filter(|byte| **byte == b'#') {
        *byte = 0;
    }
    let read = decode(&bytes).unwrap();
    assert_eq!(read.header(), expected.header());
    for (a, b) in expected.entries().zip(&read) {
        assert_eq!(format!("{:?}", a.fields()), format!("{:?}", b.fields()));
    }
    assert!(toc_of(b"text\0evil").is_err());
    let header = Header { dbname: Some(b"a\0".as_slice().into()), ..header() };
    assert!(Toc::new(header, Format::Custom).write_to(&mut Vec::new()).is_err());
}

#[test]
fn null_is_not_empty_in_any_text() {
    let texts: [Option<&'static [u8]>; 3] = [None, Some(b""), Some(b"x")];
    let mut toc = Toc::new(header(), Format::Custom);
    let field = |n: usize, shift: usize| texts[(n / 3_usize.pow(shift as u32)) % 3];
    for n in 0..3_usize.pow(9) {
        let entry = EntryFields {
            tag: field(n, 0),
            defn: field(n, 1),
            drop_stmt: field(n, 2),
            copy_stmt: field(n, 3),
            namespace: field(n, 4),
            tablespace: field(n, 5),
            table_am: field(n, 6),
            owner: field(n, 7),
            with_oids: field(n, 8),
            ..EntryFields::new(DumpId(n as i32 + 1), Desc::TABLE, Section::PreData)
        };
        toc.push(&entry).unwrap();
    }
    let bytes = encode(&toc);
    let read = decode(&bytes).unwrap();
    assert_eq!(encode(&read), bytes);
    for (n, entry) in read.entries().enumerate() {
        let found = [
            entry.tag(),
            entry.defn(),
            entry.drop_stmt(),
            entry.copy_stmt(),
            entry.namespace(),
            entry.tablespace(),
            entry.table_am(),
            entry.owner(),
            entry.with_oids(),
        ];
        for (shift, text) in found.into_iter().enumerate() {
            assert_eq!(text, field(n, shift), "{n} {shift}");
        }
    }
}

/// Numbers are stored as text; what they mean is what C makes of them, what they look like is
/// kept.
#[test]
fn odd_numbers_are_kept() {
    let mut toc = Toc::new(header(), Format::Custom);
    let dependencies = [DumpId(1111)];
    let catalog_id = CatalogId { table_oid: Oid(2222), oid: Oid(3333) };
    let entry = fields(1, Desc::TABLE, b"t");
    toc.push(&EntryFields { dependencies: &dependencies, catalog_id, ..entry }).unwrap();
    let bytes = encode(&toc);
    let text = |text: &str| [&[0, text.len() as u8, 0, 0, 0], text.as_bytes()].concat();
    let replaced = |old: &str, new: &str| {
        let old = text(old);
        let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
        [&bytes[..at], &text(new), &bytes[at + old.len()..]].concat()
    };
    for (spelled, as_oid, as_id) in [
        ("0", 0, 0),
        ("7", 7, 7),
        (" 7", 7, 7),
        ("007", 7, 7),
        ("+7", 7, 7),
        ("7 ", 7, 7),
        ("7x", 7, 7),
        ("00", 0, 0),
        ("", 0, 0),
        ("abc", 0, 0),
        ("-", 0, 0),
        ("-4", -4_i32 as u32, -4),
        ("2147483647", i32::MAX as u32, i32::MAX),
        ("2147483648", 1 << 31, i32::MIN),
        ("4294967295", u32::MAX, -1),
        ("4294967296", 0, 0),
        ("99999999999999999999999", u32::MAX, -1),
    ] {
        let oid = decode(&replaced("2222", spelled)).unwrap();
        assert_eq!(encode(&oid), replaced("2222", spelled), "{spelled:?}");
        let other = decode(&replaced("3333", spelled)).unwrap();
        assert_eq!(encode(&other), replaced("3333", spelled), "{spelled:?}");
        let dependency = decode(&replaced("1111", spelled)).unwrap();
        assert_eq!(encode(&dependency), replaced("1111", spelled), "{spelled:?}");
        let found = |toc: &Toc| toc.get(0).unwrap().catalog_id();
        assert_eq!(found(&oid), CatalogId { table_oid: Oid(as_oid), ..catalog_id }, "{spelled:?}");
        assert_eq!(found(&other), CatalogId { oid: Oid(as_oid), ..catalog_id }, "{spelled:?}");
        let dependencies = dependency.get(0).unwrap().dependencies();
        assert_eq!(dependencies, [DumpId(as_id)], "{spelled:?}");
    }
}

#[test]
fn entries_are_found() {
    let mut toc = Toc::new(header(), Format::Custom);
    let in_schema = |id, desc, namespace, tag| EntryFields { namespace, ..fields(id, desc, tag) };
    let public: Option<&'static [u8]> = Some(b"public");
    for entry in [
        in_schema(9, Desc::TABLE, public, b"t"),
        in_schema(4, Desc::TABLE_DATA, public, b"t"),
        in_schema(7, Desc::TABLE, Some(b"other"), b"t"),
        in_schema(4, Desc::VIEW, public, b"v"),
        in_schema(2, Desc::TABLE, public, b"t"),
        in_schema(3, Desc::SCHEMA, None, b"public"),
        EntryFields { tag: None, ..fields(8, Desc::TABLE, b"") },
        fields(6, Desc::TABLE, b""),
    ] {
        toc.push(&entry).unwrap();
    }
    let id = |entry: TocEntry<'_>| (entry.index(), entry.dump_id().0);
    // Of two with one id the last counts.
    assert_eq!(toc.entry(DumpId(4)).map(id), Some((3, 4)));
    for missing in [0, 1, 5, 10, -1, i32::MAX, i32::MIN] {
        assert!(toc.entry(DumpId(missing)).is_none(), "{missing}");
    }
    // Of two with one name the first counts.
    assert_eq!(toc.find(Desc::TABLE, public, b"t").map(id), Some((0, 9)));
    assert_eq!(toc.find(Desc::TABLE, Some(b"other"), b"t").map(id), Some((2, 7)));
    assert_eq!(toc.find(Desc::SCHEMA, None, b"public").map(id), Some((5, 3)));
    for (desc, namespace, tag) in [
        (Desc::VIEW, public, &b"t"[..]),
        (Desc::TABLE, None, b"t"),
        (Desc::TABLE, Some(b""), b"t"),
        (Desc::TABLE, public, b"tt"),
    ] {
        assert!(toc.find(desc, namespace, tag).is_none());
    }
    let tagged: Vec<_> = toc.with_tag(b"t").map(id).collect();
    assert_eq!(tagged, [(2, 7), (0, 9), (4, 2), (1, 4)]);
    // A tag that is empty is not one that is NULL.
    assert_eq!(toc.with_tag(b"").map(id).collect::<Vec<_>>(), [(7, 6)]);
    assert_eq!(toc.with_tag(b"zzz").count(), 0);
    assert!(toc.has_desc(Desc::VIEW) && !toc.has_desc(Desc::INDEX));
    // What is pushed later is found, too.
    toc.push(&in_schema(5, Desc::INDEX, public, b"i")).unwrap();
    assert_eq!(toc.entry(DumpId(5)).map(id), Some((8, 5)));
    assert!(toc.has_desc(Desc::INDEX));
    // A name is no kind.
    assert!(!toc.has_desc(Desc(b"public")));
}

#[test]
fn entries_come_from_both_ends() {
    let mut toc = Toc::new(header(), Format::Custom);
    for id in 1..=5 {
        toc.push(&fields(id, Desc::TABLE, b"t")).unwrap();
    }
    let ids = |entries: &mut dyn Iterator<Item = TocEntry<'_>>| -> Vec<i32> {
        entries.map(|entry| entry.dump_id().0).collect()
    };
    assert_eq!(ids(&mut toc.entries().rev()), [5, 4, 3, 2, 1]);
    assert_eq!(ids(&mut toc.entries().skip(3)), [4, 5]);
    assert_eq!(toc.entries().nth(1).unwrap().dump_id(), DumpId(2));
    assert_eq!(toc.entries().len(), 5);
    assert_eq!((&toc).into_iter().len(), 5);
}

#[test]
fn dependents_turn_dependencies_round() {
    let mut toc = Toc::new(header(), Format::Custom);
    let cases: [(i32, &[DumpId]); 4] = [
        (1, &[DumpId(4)]),
        (2, &[DumpId(1), DumpId(1), DumpId(77), DumpId(-3)]),
        (3, &[DumpId(3), DumpId(1)]),
        (4, &[]),
    ];
    for (id, dependencies) in cases {
        toc.push(&EntryFields { dependencies, ..fields(id, Desc::TABLE, b"t") }).unwrap();
    }
    let dependents = Dependents::new(&toc);
    let of = |id| -> Vec<i32> {
        dependents.of(toc.entry(DumpId(id)).unwrap()).map(|entry| entry.dump_id().0).collect()
    };
    assert_eq!([of(1), of(2), of(3), of(4)], [vec![2, 3], vec![], vec![3], vec![1]]);
}

#[test]
fn session_entries() {
    let with = |desc, defn: Option<&'static [u8]>| {
        let mut toc = Toc::new(header(), Format::Custom);
        toc.push(&EntryFields { defn, ..fields(1, desc, b"x") }).unwrap();
        toc
    };
    let encoding = |defn| with(Desc::ENCODING, defn).encoding().ok().map(|e| e.map(<[u8]>::to_vec));
    assert_eq!(encoding(Some(b"SET client_encoding = 'UTF8';\n")), Some(Some(b"UTF8".to_vec())));
    assert_eq!(encoding(Some(b"'a'b'")), Some(Some(b"a".to_vec())));
    for bad in [None, Some(&b""[..]), Some(b"UTF8"), Some(b"'UTF8")] {
        assert_eq!(encoding(bad), None, "{bad:?}");
    }
    let std = |defn| with(Desc::STDSTRINGS, defn).std_strings().ok();
    assert_eq!(std(Some(b"SET standard_conforming_strings = 'on';\n")), Some(true));
    assert_eq!(std(Some(b"SET standard_conforming_strings = 'off';\n")), Some(false));
    for bad in [None, Some(&b""[..]), Some(b"'yes'"), Some(b"on")] {
        assert_eq!(std(bad), None, "{bad:?}");
    }
    let path = with(Desc::SEARCHPATH, Some(b"SELECT"));
    assert_eq!(path.search_path(), Some(&b"SELECT"[..]));
    let none = Toc::new(header(), Format::Custom);
    assert_eq!((none.encoding().unwrap(), none.std_strings().unwrap()), (None, false));
    assert_eq!(none.search_path(), None);
    // The last of several counts.
    let mut twice = with(Desc::STDSTRINGS, Some(b"'on'"));
    let entry = EntryFields { defn: Some(b"'off'"), ..fields(2, Desc::STDSTRINGS, b"x") };
    twice.push(&entry).unwrap();
    assert!(!twice.std_strings().unwrap());
}

#[test]
fn refused() {
    let mut toc = Toc::new(header(), Format::Custom);
    for id in [0, -1, i32::MIN] {
        assert!(toc.push(&fields(id, Desc::TABLE, b"t")).is_err());
    }
    assert!(toc.is_empty());
}

/// Names of any length are shown in messages, but not all of them.
#[test]
fn names_in_messages_are_short_and_printable() {
    let long: &'static [u8] = Box::leak(vec![b'\x1b'; 1 << 20].into_boxed_slice());
    let mut toc = Toc::new(header(), Format::Custom);
    let entry =
        EntryFields { namespace: Some(long), desc: Desc(long), ..fields(1, Desc(b""), long) };
    toc.push(&entry).unwrap();
    toc.push(&fields(2, Desc::TABLE, b"a\nb\xff\x1b[2J")).unwrap();
    let name = toc.get(0).unwrap().name().to_string();
    assert!(name.len() < 1100, "{}", name.len());
    assert!(!name.contains(char::is_control));
    assert_eq!(toc.get(1).unwrap().name().to_string(), "entry 2 TABLE a\\nb\\xff\\u{1b}[2J");
}

/// An archive may have millions of entries: what one costs is no accident.
#[test]
fn sizes() {
    assert_eq!(size_of::<Record>(), 64);
    assert_eq!(size_of::<TocEntry<'_>>(), 3 * size_of::<usize>());
    let mut toc = Toc::new(header(), Format::Custom);
    const COUNT: usize = 10_000;
    let mut own = 0;
    for n in 1..=COUNT {
        let oid = (16_000 + n).to_string();
        let defn = format!("SELECT pg_catalog.lo_create('{oid}');\n");
        own += oid.len() + defn.len();
        let entry = EntryFields {
            tag: Some(oid.as_bytes()),
            defn: Some(defn.as_bytes()),
            owner: Some(b"postgres"),
            ..EntryFields::new(DumpId(n as i32), Desc::BLOB, Section::PreData)
        };
        toc.push(&entry).unwrap();
    }
    // Beside the texts of each entry nothing but its record; what is the same is there once.
    assert_eq!(toc.text.len(), own);
    assert_eq!(toc.records.len(), COUNT);
    assert!(toc.odd.is_empty() && toc.dependencies.is_empty());
    let read = decode(&encode(&toc)).unwrap();
    assert_eq!(read.text.len(), own);
    assert!(read.odd.is_empty());
}
