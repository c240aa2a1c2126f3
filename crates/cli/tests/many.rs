//! What is printed grows with the archive, and not with its square.

use std::fs;

use crate::support::pgdmp;
use pgdmp_testkit::many::{Shape, archive};

fn printed(folder: &tempfile::TempDir, shape: Shape, entries: u32, args: &[&str]) -> String {
    let name = format!("{shape:?}-{entries}.dump");
    let path = folder.path().join(&name);
    if !path.exists() {
        fs::write(&path, archive(shape, entries)).unwrap();
    }
    let args: Vec<&str> = args.iter().map(|arg| if *arg == "IN" { &name } else { *arg }).collect();
    let output = pgdmp().args(args).current_dir(folder.path()).env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{shape:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn output_grows_with_the_archive() {
    const ENTRIES: u32 = 1000;
    let folder = tempfile::tempdir().unwrap();
    for shape in Shape::ALL {
        for args in [
            &["deps", "IN"][..],
            &["deps", "--reverse", "IN"],
            &["deps", "--dot", "IN"],
            &["deps", "--json", "IN"],
            &["list", "-v", "IN"],
            &["list", "--json", "IN"],
            &["list", "--explain", "IN", "--with-dependencies"],
            &["du", "IN"],
            &["show", "IN"],
            &["restore", "-f", "-", "IN"],
        ] {
            let [once, twice] =
                [1, 2].map(|n| printed(&folder, shape, n * ENTRIES, args).len() as f64);
            // Numbers have more digits.
            assert!(twice < 2.4 * once + 1000.0, "{shape:?} {args:?}: {once} and {twice} bytes");
        }
    }
}

/// However deep, all is shown: each view, and on which one it depends.
#[test]
fn a_deep_tree_is_cut_into_pieces() {
    const VIEWS: u32 = 500;
    let folder = tempfile::tempdir().unwrap();
    let text = printed(&folder, Shape::Chain, VIEWS, &["deps", "IN"]);
    for n in 1..VIEWS {
        let name = format!("VIEW s.v{n}");
        let shown = text.lines().filter(|line| line.trim_end_matches(" …").ends_with(&name));
        // Once more, where the tree goes on.
        assert!((1..=2).contains(&shown.count()), "{name}");
    }
    assert!(text.lines().all(|line| line.chars().count() < 140), "{text}");
    let why = ["deps", "IN", "VIEW s.v499", "--why", "TABLE s.t"];
    let text = printed(&folder, Shape::Chain, VIEWS, &why);
    assert_eq!(text.lines().count(), VIEWS as usize);
    assert!(text.lines().all(|line| line.chars().count() < 140), "{text}");
    // A depth counts through all pieces.
    let text = printed(&folder, Shape::Chain, VIEWS, &["deps", "IN", "--depth", "70"]);
    assert!(text.contains("VIEW s.v429\n") && !text.contains("VIEW s.v428"), "{text}");
}

/// What a limit of depth hides in one place is unfolded in another.
#[test]
fn a_limit_hides_nothing_that_is_nearer() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["deps", "IN", "--reverse", "--depth", "2", "TABLE s.t0"];
    let text = printed(&folder, Shape::Tables, 60, &args);
    let text: Vec<&str> = text.lines().map(|line| line.trim_start_matches(['│', ' '])).collect();
    let sequence = text.iter().position(|line| line.contains(" SEQUENCE s.t0_id_seq")).unwrap();
    assert!(text[sequence + 1].starts_with("├─"), "{text:#?}");
}
