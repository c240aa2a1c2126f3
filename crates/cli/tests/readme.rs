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
