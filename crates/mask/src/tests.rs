//! Plans for archives that are made here: what is masked, what goes on, and what is refused.

use std::io::{Cursor, Write};

use pgdmp::toc::Section;
use pgdmp::write::{EntryFields, WriteOptions};
use pgdmp::{Archive, ArchiveBuilder, Conversion, Desc, DumpId, Format, Target};

use crate::{Key, Plan, PlanOptions, Rules};

/// An archive with these tables, each with its definition, columns and rows, and these constraints.
fn archive(
    encoding: &str,
    tables: &[(&str, &str, &str, &[u8])],
    constraints: &[(Desc<'static>, &str, &str)],
) -> Archive {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    builder.session(encoding, true).unwrap();
    let mut data = Vec::new();
    let mut ids: Vec<(&str, DumpId)> = Vec::new();
    for (name, definition, _, _) in tables {
        // A child depends on its parents.
        let needs: Vec<DumpId> =
            ids.iter().filter(|(other, _)| definition.contains(other)).map(|(_, id)| *id).collect();
        let fields = EntryFields::new(builder.next_id(), Desc::TABLE, Section::PreData);
        let fields = fields.namespace("s").tag(name).defn(definition).dependencies(&needs);
        ids.push((name, builder.entry(&fields).unwrap()));
    }
    for (n, (name, _, columns, rows)) in tables.iter().enumerate() {
        let copy = format!("COPY s.{name} ({columns}) FROM stdin;\n");
        let needs = [ids[n].1];
        let fields = EntryFields::new(builder.next_id(), Desc::TABLE_DATA, Section::Data);
        let fields = fields.namespace("s").tag(name).copy_stmt(&copy).dependencies(&needs);
        data.push((builder.entry(&fields.had_dumper(true)).unwrap(), *rows));
    }
    for (desc, tag, definition) in constraints {
        let needs: Vec<DumpId> = ids
            .iter()
            .filter(|(name, _)| definition.contains(&format!("s.{name}")))
            .map(|(_, id)| *id)
            .collect();
        let fields = EntryFields::new(builder.next_id(), *desc, Section::PostData);
        let fields = fields.namespace("s").tag(tag).defn(definition).dependencies(&needs);
        builder.entry(&fields).unwrap();
    }
    let mut writer = builder.start(Cursor::new(Vec::new())).unwrap();
    for (id, rows) in data {
        let mut out = writer.data(id).unwrap();
        out.write_all(rows).unwrap();
        out.write_all(b"\\.\n\n\n").unwrap();
        out.finish().unwrap();
    }
    Archive::read(writer.finish().unwrap().into_inner()).unwrap()
}

const USERS: &str = "CREATE TABLE s.users (\n    id integer NOT NULL,\n    email text NOT NULL,\n    \
     name character varying(10),\n    born date,\n    boss integer\n);\n";
const POSTS: &str = "CREATE TABLE s.posts (\n    id smallint,\n    author bigint,\n    mail text,\n    \
     tags text[],\n    CONSTRAINT short CHECK ((length(mail) < 30))\n);\n";
const STAFF: &str = "CREATE TABLE s.staff (\n    room text\n)\nINHERITS (s.users);\n";

fn shop() -> Archive {
    let key = Desc::CONSTRAINT;
    let foreign = Desc::FK_CONSTRAINT;
    archive(
        "UTF8",
        &[
            (
                "users",
                USERS,
                "id, email, name, born, boss",
                b"1\ta@b.c\tAnn\t2000-01-01\t\\N\n2\tx@y.z\tBob\t\\N\t1\n",
            ),
            ("posts", POSTS, "id, author, mail, tags", b"1\t2\tx@y.z\t{a,b}\n2\t1\t\\N\t\\N\n"),
            (
                "staff",
                STAFF,
                "id, email, name, born, boss, room",
                b"9\tq@q.q\tCleo\t\\N\t\\N\tcellar\n",
            ),
        ],
        &[
            (
                key,
                "users users_pkey",
                "ALTER TABLE ONLY s.users\n    ADD CONSTRAINT users_pkey PRIMARY KEY (id);\n",
            ),
            (
                key,
                "users users_email",
                "ALTER TABLE ONLY s.users\n    ADD CONSTRAINT users_email UNIQUE (email);\n",
            ),
            (
                foreign,
                "users boss",
                "ALTER TABLE ONLY s.users\n    ADD CONSTRAINT boss FOREIGN KEY (boss) REFERENCES s.users(id);\n",
            ),
            (
                foreign,
                "posts author",
                "ALTER TABLE ONLY s.posts\n    ADD CONSTRAINT author FOREIGN KEY (author) REFERENCES s.users(id);\n",
            ),
            (
                foreign,
                "posts mail",
                "ALTER TABLE ONLY s.posts\n    ADD CONSTRAINT mail FOREIGN KEY (mail) REFERENCES s.users(email);\n",
            ),
        ],
    )
}

fn plan(archive: &Archive, rules: &str, options: &PlanOptions) -> Plan {
    Plan::new(archive.toc(), &Rules::parse(rules).unwrap(), options).unwrap()
}

/// `table.column mask`, and why if another column is the reason.
fn masked(plan: &Plan) -> Vec<String> {
    let of = |column: &crate::MaskedColumn| {
        let because = column.because_of.as_deref().map(|of| format!(" < {of}")).unwrap_or_default();
        format!("{}.{} {}{because}", column.table, column.column, column.mask)
    };
    plan.columns().map(of).collect()
}

fn rows(archive: &Archive, plan: &Plan, key: &str) -> Vec<String> {
    assert!(plan.refusals().is_empty(), "{:?}", plan.refusals());
    let counts = plan.counts();
    let rewrites = plan.rewrites(&Key::from_bytes(key.as_bytes()).unwrap(), &counts);
    let conversion = Conversion::rewriting(archive.pass(), &Target::new(), None, rewrites).unwrap();
    let file = conversion.write(Cursor::new(Vec::new())).unwrap();
    let new = Archive::read(file.into_inner()).unwrap();
    plan.verify(&new, &counts).unwrap();
    let mut all = Vec::new();
    for entry in new.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA) {
        let mut rows = new.rows(entry.dump_id()).unwrap();
        while let Some(row) = rows.next_row().unwrap() {
            all.push(String::from_utf8(row.as_bytes().to_vec()).unwrap());
        }
    }
    all
}

const KEY: &str = "a key for the tests of plans";

#[test]
fn masks_go_on_over_foreign_keys() {
    let shop = shop();
    let rules = "[tables.posts]\nmail = 'email'\n[tables.users]\nid = 'int'\n";
    let made = plan(&shop, rules, &PlanOptions::new());
    assert_eq!(
        masked(&made),
        [
            "s.users.id int",
            "s.users.email email < s.posts.mail",
            "s.users.boss int < s.users.id",
            "s.posts.author int < s.users.id",
            "s.posts.mail email",
            // A child of the table that the rules name; what references is not inherited.
            "s.staff.id int",
        ]
    );
    let all = rows(&shop, &made, KEY);
    let cells: Vec<Vec<&str>> = all.iter().map(|row| row.split('\t').collect()).collect();
    assert_eq!((cells[2][1], cells[3][1]), (cells[1][0], cells[0][0]));
    assert_eq!((cells[2][2], cells[1][4]), (cells[1][1], cells[0][0]));
    assert!(cells[2][2].ends_with("@example.com") && cells[3][2] == "\\N");
    assert_eq!((cells[2][0], cells[2][3], cells[0][2]), ("1", "{a,b}", "Ann"));
    assert_eq!(all, rows(&shop, &made, KEY));
    assert_ne!(all, rows(&shop, &made, "another key for the tests of plans"));

    let refused = plan(&shop, rules, &PlanOptions::new().cascade(false));
    let columns: Vec<_> = refused.refusals().iter().map(|r| r.column.clone().unwrap()).collect();
    assert_eq!(columns, ["boss", "author", "email"]);
    // NULL references nothing, so it stays where it is.
    let null = plan(&shop, "[tables.posts]\nmail = 'null'\n", &PlanOptions::new().cascade(false));
    assert!(null.refusals().is_empty());
    assert_eq!(masked(&null), ["s.posts.mail null"]);
}

/// Equal values of two types may have different texts, which would break a foreign key.
#[test]
fn foreign_keys_of_other_types() {
    let cases = [
        ("integer", "bigint", "digits", None),
        ("integer", "bigint", "int", None),
        ("text", "character(20)", "hash", None),
        ("public.citext", "public.citext", "hash", None),
        ("date", "date", "date:9", None),
        ("numeric(9,2)", "numeric(9,2)", "digits", None),
        ("numeric(9,0)", "integer", "digits", Some(())),
        ("numeric(9,0)", "integer", "fixed:1", None),
        ("numeric(9,0)", "integer", "int:1-9", None),
        ("numeric(9,0)", "numeric(9,2)", "digits", Some(())),
        ("text", "public.citext", "hash:16", Some(())),
        ("date", "timestamp with time zone", "date:9", Some(())),
    ];
    for (one, other, mask, refused) in cases {
        let definitions = [
            format!("CREATE TABLE s.one (\n    a {one} NOT NULL\n);\n"),
            format!("CREATE TABLE s.two (\n    b {other}\n);\n"),
        ];
        let archive = archive(
            "UTF8",
            &[("one", &definitions[0], "a", b""), ("two", &definitions[1], "b", b"")],
            &[(
                Desc::FK_CONSTRAINT,
                "two two_b",
                "ALTER TABLE ONLY s.two\n    ADD CONSTRAINT two_b FOREIGN KEY (b) REFERENCES s.one(a);\n",
            )],
        );
        let made = plan(&archive, &format!("[tables.one]\na = '{mask}'\n"), &PlanOptions::new());
        let said: Vec<_> = made.refusals().iter().map(ToString::to_string).collect();
        let expected = refused.map_or_else(Vec::new, |()| {
            vec![format!(
                "s.two.b: it is {other}, and s.one.a, which a foreign key joins with it, is {one}: \
                 {mask} makes different values of equal ones"
            )]
        });
        assert_eq!(said, expected, "{one}, {other}, {mask}");
        assert_eq!(made.not_covered().len(), 1);
    }
    // Numbers of any scale: 1 is 1.0, which the archive may have.
    let numbers = "CREATE TABLE s.one (\n    a numeric,\n    b numeric\n);\n";
    let key = "ALTER TABLE ONLY s.one\n    ADD CONSTRAINT b FOREIGN KEY (b) REFERENCES s.one(a);\n";
    let archive =
        archive("UTF8", &[("one", numbers, "a, b", b"")], &[(Desc::FK_CONSTRAINT, "one b", key)]);
    let made = plan(&archive, "[tables.one]\na = 'digits'\n", &PlanOptions::new());
    assert!(made.refusals().is_empty() && made.warnings().len() == 2, "{:?}", made.warnings());
    let others = plan(&archive, "", &PlanOptions::new());
    assert_eq!(others.not_covered()[0], "the rows of 1 table without a rule");
}

#[test]
fn what_is_refused() {
    let shop = shop();
    // Rules, what is refused of them, and whether it may be done all the same.
    let cases: &[(&str, &str, bool)] = &[
        ("[tables.users]\nid = 'null'", "s.users.id: it is NOT NULL", false),
        (
            "[tables.users]\nemail = 'name'",
            "s.users.email: name makes different values equal",
            true,
        ),
        ("[tables.users]\nemail = 'hash:11'", "s.users.email: hash:11 makes different", true),
        (
            "[tables.users]\nborn = 'words'",
            "s.users.born: words does not make values of date",
            false,
        ),
        ("[tables.users]\nname = 'hash'", "s.users.name: hash:16 makes 16 characters", false),
        ("[tables.users]\nname = 'fixed:01234567890'", "s.users.name: the text is longer", false),
        (
            "[tables.users]\nborn = 'fixed:soon'",
            "s.users.born: the text is no value of date",
            false,
        ),
        (
            "[tables.users]\nborn = 'date:9,by=nobody'",
            "s.users.born: the table has no column",
            false,
        ),
        ("[tables.users]\nnope = 'null'", "s.users.nope: the table has no such column", false),
        ("[tables.\"t.users\"]\nid = 'int'", "t.users: the archive has no such table", false),
        ("[tables.posts]\nid = 'int:1-40000'", "s.posts.id: smallint does not have", false),
        (
            "[tables.posts]\nmail = 'hash'\n[tables.users]\nemail = 'keep'",
            "s.users.email: its mask is keep",
            true,
        ),
        ("[drop]\nusers = 'all'", "s.users: rows are dropped that s.posts may reference", true),
        ("[drop]\nposts = 'x=1'", "s.posts: the data has no column \"x\"", false),
    ];
    for (rules, why, can_be_forced) in cases {
        let plan = plan(&shop, rules, &PlanOptions::new());
        let found: Vec<String> = plan.refusals().iter().map(ToString::to_string).collect();
        let refusal = plan.refusals().iter().find(|refusal| refusal.to_string().starts_with(why));
        let refusal = refusal.unwrap_or_else(|| panic!("{rules}: {found:?}"));
        assert_eq!(refusal.can_be_forced, *can_be_forced, "{rules}");
    }
    let plan_of = |options: PlanOptions| plan(&shop, "[tables.posts]\nmail = 'hash'", &options);
    let warned = plan_of(PlanOptions::new());
    assert!(warned.warnings().iter().any(|warning| warning.contains("CHECK constraint short")));
    assert!(warned.refusals().is_empty());
    let refused = plan_of(PlanOptions::new().strict(true));
    assert!(refused.refusals().iter().any(|refusal| refusal.why.contains("CHECK")));
}

#[test]
fn rows_are_dropped() {
    let shop = shop();
    let made = plan(
        &shop,
        "[drop]\nposts = ['id=1', 'mail IS NULL']\n[columns]\ntags = 'hash'\n",
        &PlanOptions::new(),
    );
    assert_eq!(rows(&shop, &made, KEY).len(), 3);
    let made = plan(&shop, "[drop]\nposts = 'id!=1'\n", &PlanOptions::new());
    let all = rows(&shop, &made, KEY);
    assert_eq!(all.iter().filter(|row| row.starts_with("1\t2\t")).count(), 1);
    assert_eq!(all.len(), 4);
}

/// Names and values count by their characters, whatever the encoding.
#[test]
fn other_encodings() {
    let (one, other) = ("größe", b"gr\xf6\xdfe");
    let table = |name: &[u8]| [b"CREATE TABLE s.t (\n    ", name, b" text\n);\n"].concat();
    let of = |encoding: &str, name: &[u8]| {
        let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
        builder.session(encoding, true).unwrap();
        let definition = table(name);
        let fields = EntryFields::new(builder.next_id(), Desc::TABLE, Section::PreData);
        let fields = fields.namespace("s").tag("t").defn(&definition);
        let needs = [builder.entry(&fields).unwrap()];
        let copy = [b"COPY s.t (", name, b") FROM stdin;\n"].concat();
        let fields = EntryFields::new(builder.next_id(), Desc::TABLE_DATA, Section::Data);
        let fields = fields.namespace("s").tag("t").copy_stmt(&copy).dependencies(&needs);
        let id = builder.entry(&fields.had_dumper(true)).unwrap();
        let mut writer = builder.start(Cursor::new(Vec::new())).unwrap();
        let mut out = writer.data(id).unwrap();
        out.write_all(&[name, b"\n\\.\n\n\n"].concat()).unwrap();
        out.finish().unwrap();
        let archive = Archive::read(writer.finish().unwrap().into_inner()).unwrap();
        let made = plan(&archive, "[tables.t]\n\"größe\" = 'hash'", &PlanOptions::new());
        rows(&archive, &made, KEY)
    };
    assert_eq!(of("UTF8", one.as_bytes()), of("LATIN1", other));
}

/// An archive that has data only takes types, keys and foreign keys from another one.
#[test]
fn types_of_another_archive() {
    let all = shop();
    let selected = pgdmp::Selection::new().data_only(true).apply(all.toc()).unwrap();
    let data = Conversion::of_pass(all.pass(), &Target::new(), Some(&selected)).unwrap();
    let data = Archive::read(data.write(Cursor::new(Vec::new())).unwrap().into_inner()).unwrap();
    let rules = "[tables.\"s.users\"]\nid = \"int\"\nborn = \"date:30\"\n";
    let options = PlanOptions::new();
    let known = plan(&all, rules, &options);
    assert_eq!(masked(&plan(&data, rules, &options)), ["s.users.id int", "s.users.born date:30"]);
    let options = options.types(all.shared_toc());
    let typed = plan(&data, rules, &options);
    assert_eq!(masked(&typed), masked(&known));
    let key = "0123456789abcdef";
    assert_eq!(rows(&data, &typed, key), rows(&all, &known, key));
    let refused = plan(&data, "[tables.\"s.users\"]\nid = \"null\"\n", &options);
    assert_eq!(refused.refusals()[0].why, "it is NOT NULL");
}
