//! The output that README.md shows is what the program prints.

use std::fs;
use std::path::Path;

use crate::support::pgdmp;

#[test]
fn output_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let blocks = readme.split("```console\n").skip(1).filter_map(|text| text.split("```").next());
    let mut count = 0;
    for block in blocks {
        let (command, expected) = block.split_once('\n').unwrap();
        let mut words = command.strip_prefix("$ pgdmp ").unwrap().split(' ');
        let output = pgdmp().current_dir(&root).args(&mut words).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        // What ends with empty lines is shown without.
        assert_eq!(printed.trim_end_matches('\n'), expected.trim_end_matches('\n'), "{command}");
        count += 1;
    }
    assert!(count >= 3);
}

/// The recipe of docs/lake.md: two nights, and what changed between them.
#[cfg(all(target_os = "linux", feature = "arrow"))]
#[test]
fn lake_of_nights() {
    use std::process::Command;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("docs/lake.md")).unwrap();
    let blocks: Vec<&str> =
        text.split("```bash\n").skip(1).filter_map(|text| text.split("```").next()).collect();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("nightly.sh"), blocks[0]).unwrap();
    for name in ["app.dump", "yesterday.dump"] {
        fs::copy(root.join("fixtures/pg17/small-custom.dump"), place(name)).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_pgdmp")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let bash = |args: &[&str]| {
        let mut bash = Command::new("bash");
        let output =
            bash.args(args).current_dir(folder.path()).env("PATH", &path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let latest = place("lake/latest");
    let mut nights = Vec::new();
    for _ in 0..2 {
        bash(&["nightly.sh", "app.dump", "lake"]);
        nights.push(fs::read_link(&latest).unwrap());
        for file in ["public.town.parquet", "public.parcel/public.parcel_0.parquet"] {
            assert!(fs::read(latest.join(file)).unwrap().starts_with(b"PAR1"), "{file}");
        }
    }
    assert_ne!(nights[0], nights[1]);
    // Two nights and the name of the newest.
    assert_eq!(fs::read_dir(place("lake")).unwrap().count(), 3);
    fs::write(place("rules.toml"), "[tables.town]\nname = 'hash'\n").unwrap();
    bash(&["-c", "pgdmp mask yesterday.dump app.dump --force --rules rules.toml"]);
    bash(&["-c", blocks[1]]);
    let changes = fs::read_to_string(place("changes.jsonl")).unwrap();
    let of_rows = changes.lines().filter(|line| line.contains("\"row\":\"changed\""));
    assert_eq!(of_rows.count(), 3, "{changes}");
    // The last one comes from a server.
    assert!(blocks[2].starts_with("ssh db pg_dump") && blocks.len() == 3);
}
