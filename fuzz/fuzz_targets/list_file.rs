//! Any text as a list file, and as a filter.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use pgdmp::select::UseList;
use pgdmp::{Algorithm, Format, Limits, Listing, Selection, Toc};

fuzz_target!(|input: &[u8]| {
    static TOC: OnceLock<Toc> = OnceLock::new();
    let toc = TOC.get_or_init(|| {
        let header = pgdmp_fuzz::header(16, Format::Custom, Algorithm::None);
        pgdmp_fuzz::toc(header, Format::Custom, None)
    });
    let _ = Selection::new().read_filter(input, &Limits::new());
    let Ok(list) = UseList::read(input, toc) else { return };
    let listed: Vec<_> = toc.entries().filter(|entry| list.contains(*entry)).collect();
    assert!(list.ignored().iter().all(|line| !line.contains(&b';') && !line.contains(&b'\n')));
    let selection = Selection::new().use_list(list);
    let selected = selection.apply(toc).unwrap();
    assert_eq!(selected.all().count(), toc.len());
    assert_eq!(selected.entries().count(), listed.len());
    // The listing of what was listed is a list of the same, in the same order.
    let mut text = Vec::new();
    Listing::new(toc, Format::Custom).write(&selected, &mut text).unwrap();
    let again = UseList::read(&text[..], toc).unwrap();
    assert!(again.ignored().is_empty());
    let selection = Selection::new().use_list(again);
    let again = selection.apply(toc).unwrap();
    assert!(selected.all().map(|(e, _)| e.dump_id()).eq(again.all().map(|(e, _)| e.dump_id())));
});
