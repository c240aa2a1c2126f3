//! `show` on one screen, of one table, and as a page; `deps --er`. Names are text and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{ArchiveBuilder, Desc, DumpId, Format};
use serde_json::Value;

use crate::support::pgdmp;
use pgdmp_testkit::{effort, fixtures};

fn text(folder: &Path, args: &[&str]) -> String {
    let output = pgdmp().current_dir(folder).env("TZ", "UTC").args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Names that would do something in a page, a script, a diagram or a terminal.
const NAMES: &[&str] = &[
    "</script><script>document.title=\"done by a name\"</script>",
    "<img src=x onerror=\"document.title='done by a name'\">",
    "<!--<script>",
    "a\"] { } %%{init: {\"theme\": \"forest\"}}%% t9[\"b",
    "\">]; evil -> x; <b>&amp;",
    "line\nend\u{2028}\u{1b}[31mred\u{202e}",
    "it's \\\"quoted\\\" `${1+1}`",
    "#quot;;",
];

/// An archive with such names, and with many tables.
fn odd_archive(folder: &Path, tables: usize) -> PathBuf {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    let mut id = 0;
    let mut names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    names.extend((0..tables).map(|n| format!("table_{n}")));
    for name in &names {
        id += 1;
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let defn =
            format!("CREATE TABLE public.{quoted} (\n    {quoted} integer,\n    b text\n);\n");
        let fields = EntryFields::new(DumpId(id), Desc::TABLE, Section::PreData)
            .namespace(b"public")
            .owner(name.as_bytes())
            .tag(name.as_bytes())
            .defn(defn.as_bytes())
            .drop_stmt("DROP TABLE x;\n");
        builder.entry(&fields).unwrap();
    }
    let path = folder.join("odd.dump");
    builder.create(&path).unwrap().finish().unwrap();
    path
}

#[test]
fn one_screen_says_what_matters() {
    let shown = text(&fixtures::root(), &["show", "pg17/small-custom.dump"]);
    for line in [
        "Database      small\n",
        "Random access yes\n",
        "Read by       pg_restore 17 and newer\n",
        "Schemas       public\n",
        "Roles         harbour_clerk, harbour_owner, postgres\n",
        "  public.town\n",
    ] {
        assert!(shown.contains(line), "{line:?} in {shown}");
    }
    assert!(shown.lines().count() <= 24, "{shown}");
    let shown = text(&fixtures::root(), &["show", "pg17/small-redirected.dump"]);
    assert!(shown.contains("Random access no\n") && shown.contains("\nWarning: "), "{shown}");
    let shown = text(&fixtures::root(), &["show", "cases/shop.dump"]);
    assert!(shown.contains("\nExtensions    "), "{shown}");
    // The largest of many, and that there are more.
    let folder = tempfile::tempdir().unwrap();
    odd_archive(folder.path(), 300);
    let shown = text(folder.path(), &["show", "odd.dump"]);
    assert!(shown.lines().count() <= 24, "{shown}");
    assert!(shown.contains(" and 296 more\n"), "{shown}");
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'));
}

#[test]
fn a_table_has_what_belongs_to_it() {
    let list = text(&fixtures::root(), &["list", "--json", "pg18/core-custom.dump"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    let entries = list["entries"].as_array().unwrap();
    for (kind, label) in [("INDEX", "Indexes"), ("TRIGGER", "Triggers"), ("POLICY", "Policies")] {
        let part = entries.iter().find(|entry| entry["desc"] == kind).unwrap();
        let needs = part["dependencies"].as_array().unwrap();
        let table = entries
            .iter()
            .find(|entry| entry["desc"] == "TABLE" && needs.contains(&entry["dump_id"]))
            .unwrap();
        let shown = text(
            &fixtures::root(),
            &["show", "pg18/core-custom.dump", &table["dump_id"].to_string()],
        );
        // The name of a trigger and of a policy has that of its table in front.
        let name = part["tag"].as_str().unwrap().rsplit(' ').next().unwrap();
        let start = shown.find(&format!("\n  {label:<13} ")).expect(&shown);
        assert!(shown[start..].contains(name), "{label} {name}: {shown}");
    }
}

/// The JSON in a page.
fn data(page: &str) -> Value {
    let start = "<script type=\"application/json\" id=\"data\">";
    let (_, rest) = page.split_once(start).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_page_has_names_as_text_alone() {
    let folder = tempfile::tempdir().unwrap();
    odd_archive(folder.path(), 3);
    text(folder.path(), &["show", "--html", "odd.html", "odd.dump"]);
    let page = fs::read_to_string(folder.path().join("odd.html")).unwrap();
    // One block of data, one script, and nothing from elsewhere.
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (2, 2));
    let (head, rest) = page.split_once("id=\"data\">").unwrap();
    let markup = [head, rest.split_once("</script>").unwrap().1].concat();
    for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!markup.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'") && !page.contains("<!--"));
    let data = data(&page);
    let entries = data["entries"].as_array().unwrap();
    assert_eq!(entries.len(), NAMES.len() + 3);
    assert_eq!(entries[0][3], NAMES[0]);
    assert!(entries[0][7].as_str().unwrap().starts_with("CREATE TABLE public.\"</script>"));
    // It is not replaced unasked, and goes to standard output, too.
    let again = ["show", "--html", "odd.html", "odd.dump"];
    let output = pgdmp().current_dir(folder.path()).args(again).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    text(folder.path(), &[&again[..], &["--force"]].concat());
    assert_eq!(text(folder.path(), &["show", "--html", "-", "odd.dump"]), page);
    // Sizes and dependencies are there.
    let page = text(&fixtures::root(), &["show", "--html", "-", "pg18/small-dir"]);
    let data = self::data(&page);
    assert!(data["data"].as_array().unwrap().len() > 2);
    assert!(data["entries"].as_array().unwrap().iter().any(|entry| entry[5].as_u64() > Some(0)));
}

/// In a browser, where one is there: the page runs, shows what it should, and no name does anything.
#[test]
fn a_page_in_a_browser() {
    let browsers = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let works = |name: &&&str| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let Some(browser) = browsers.iter().find(works) else {
        effort::skipped("no Chromium is there");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    odd_archive(folder.path(), 2000);
    text(folder.path(), &["show", "--html", "odd.html", "odd.dump"]);
    let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", &profile])
        .arg(format!("file://{}", folder.path().join("odd.html").display()))
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.contains("2008 entries"), "{dom}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(dom.contains("&lt;/script&gt;&lt;script&gt;document.title="), "{dom}");
    assert!(!dom.contains("<title>done by a name"), "{dom}");
    // Only what can be seen is in the list.
    let rows = dom.matches("role=\"option\"").count();
    assert!((5..60).contains(&rows), "{rows}");
}

#[test]
fn diagrams_of_tables() {
    let core = |args: &[&str]| text(&fixtures::root(), &[&["deps", "--er"], args].concat());
    let shop = core(&["cases/needs.dump"]);
    assert!(shop.starts_with("erDiagram\n") && shop.contains("--|| t"), "{shop}");
    assert!(shop.contains(" PK") && shop.contains(" FK"), "{shop}");
    let dot = core(&["--dot", "cases/needs.dump"]);
    assert!(dot.starts_with("digraph tables {\n") && dot.contains(" -> t"), "{dot}");
    // One table, and its neighbours.
    let one = core(&["pg18/small-dir", "town"]);
    assert!(one.contains("[\"public.town\"]") && !one.contains("[\"public.vacant\"]"), "{one}");
    let output = pgdmp()
        .current_dir(fixtures::root())
        .args(["deps", "--er", "pg18/small-dir", "TABLE DATA town"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));

    let folder = tempfile::tempdir().unwrap();
    odd_archive(folder.path(), 0);
    for language in [&[][..], &["--dot"]] {
        let text = text(folder.path(), &[&["deps", "--er", "odd.dump"], language].concat());
        // A line for each table and column, and no other.
        let mermaid = 1 + 4 * NAMES.len();
        let lines = if language.is_empty() { mermaid } else { 4 + NAMES.len() };
        assert_eq!(text.lines().count(), lines, "{text}");
        assert!(!text.contains("%%") && !text.contains("evil ->") && !text.contains('\u{1b}'));
        let known = ["<table", "</table", "<tr", "</tr", "<td", "</td", "<b>", "</b>"];
        for (at, _) in text.match_indices('<').filter(|_| !language.is_empty()) {
            let rest = &text[at..];
            assert!(
                rest.starts_with("<<") || known.iter().any(|tag| rest.starts_with(tag)),
                "{text}"
            );
        }
    }
}
