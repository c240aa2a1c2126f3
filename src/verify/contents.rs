//! What the table of contents itself shows.

use super::code::Code;
use super::report::Found;
use crate::finding::Severity;
use crate::text::Encoding;
use crate::toc::{Desc, DumpId, Section, Toc, TocEntry};
use crate::version::Gate;

/// Looks for what is wrong with the entries of a table of contents.
pub(super) fn check(toc: &Toc, tell: &mut impl FnMut(Found)) {
    session(toc, tell);
    dump_ids(toc, tell);
    dependencies(toc, tell);
    circles(toc, tell);
    texts(toc, tell);
    nulls(toc, tell);
    sections(toc, tell);
}

/// `ENCODING`, `STDSTRINGS` and `SEARCHPATH`, without which pg_restore does not even list.
fn session(toc: &Toc, tell: &mut impl FnMut(Found)) {
    let errors = [toc.encoding().err(), toc.std_strings().err()];
    for error in errors.into_iter().flatten() {
        tell(Found::of(Code::InvalidSession, (&error).into()));
    }
}

fn dump_ids(toc: &Toc, tell: &mut impl FnMut(Found)) {
    for entry in toc.entries() {
        let mut same = toc.with_id(entry.dump_id());
        let first = same.next();
        if first.is_some_and(|first| first.index() == entry.index())
            && let Some(other) = same.next()
        {
            let what = format!("the dump id is also that of {}", other.name());
            tell(Found::new(Code::SameDumpId, what).in_entry(entry));
        }
    }
}

fn dependencies(toc: &Toc, tell: &mut impl FnMut(Found)) {
    let most = toc.entries().map(|entry| entry.dump_id()).max().unwrap_or(DumpId(0));
    // A dump of data alone has no tables, and that of a part lacks what others need.
    let has_tables = toc.has_desc(Desc::TABLE) || toc.has_desc(Desc::FOREIGN_TABLE);
    let mut alone = Vec::new();
    let (mut partial, mut count) = (None, 0_u64);
    for entry in toc.entries() {
        let needed = entry.dependencies();
        let is_data = entry.desc() == Desc::TABLE_DATA;
        if is_data && !needed.is_empty() && (needed[0] > most || needed[0] <= DumpId(0)) {
            let what = format!("the table has dump id {}, which no entry can have", needed[0]);
            tell(Found::new(Code::ImpossibleDependency, what).in_entry(entry));
            continue;
        }
        if is_data && !has_table(toc, entry) {
            alone.push(entry);
        }
        let missing = needed.iter().find(|id| toc.entry(**id).is_none());
        if let Some(missing) = missing.filter(|_| !is_data) {
            partial.get_or_insert((entry, *missing));
            count += 1;
        }
        order(toc, entry, tell);
    }
    if let Some((entry, missing)) = partial {
        let what = format!("depends on {missing}, which is not in the archive");
        let mut found = Found::new(Code::MissingDependency, what).in_entry(entry);
        found.more = count - 1;
        tell(found);
    }
    match &alone[..] {
        [] => {}
        [first, more @ ..] if !has_tables => {
            let what = format!("the rows of {} tables are without their tables", more.len() + 1);
            let found = Found::new(Code::RowsWithoutTable, what).severity(Severity::Note);
            tell(found.in_entry(*first));
        }
        all => {
            for entry in all {
                let what = "the table of the rows is not in the archive";
                // So it is with configuration tables of extensions.
                let severity = match toc.has_desc(Desc(b"EXTENSION")) {
                    true => Severity::Note,
                    false => Severity::Warning,
                };
                let found = Found::new(Code::RowsWithoutTable, what).severity(severity);
                tell(found.in_entry(*entry));
            }
        }
    }
}

/// Whether the table of rows is there: as their dependency, or by its name.
fn has_table(toc: &Toc, rows: TocEntry<'_>) -> bool {
    let is_table = |desc: Desc<'_>| desc == Desc::TABLE || desc == Desc::FOREIGN_TABLE;
    let mut needed = rows.dependencies().iter().flat_map(|id| toc.with_id(*id));
    needed.any(|entry| is_table(entry.desc()))
        || [Desc::TABLE, Desc::FOREIGN_TABLE]
            .into_iter()
            .any(|desc| toc.find(desc, rows.namespace(), rows.tag().unwrap_or_default()).is_some())
}

/// Whether what an entry cannot do without stands before it.
fn order(toc: &Toc, entry: TocEntry<'_>, tell: &mut impl FnMut(Found)) {
    let needs_table = [Desc::TABLE_DATA, Desc::INDEX, Desc::CONSTRAINT].contains(&entry.desc());
    if !needs_table {
        return;
    }
    let later = entry
        .dependencies()
        .iter()
        .filter_map(|id| toc.entry(*id))
        .find(|needed| needed.desc() == Desc::TABLE && needed.index() > entry.index());
    if let Some(table) = later {
        let what = format!("stands before {}", table.name());
        tell(Found::new(Code::WrongOrder, what).in_entry(entry));
    }
}

/// Entries that wait for each other: the strongly connected components, by Tarjan's algorithm
/// without recursion.
fn circles(toc: &Toc, tell: &mut impl FnMut(Found)) {
    const UNSEEN: u32 = u32::MAX;
    let count = toc.len();
    let mut number = vec![UNSEEN; count];
    let mut low = vec![0_u32; count];
    let mut on_path = vec![false; count];
    let mut path: Vec<usize> = Vec::new();
    let mut stack: Vec<(usize, usize)> = Vec::new();
    let mut next = 0;
    for start in 0..count {
        if number[start] != UNSEEN {
            continue;
        }
        stack.push((start, 0));
        while let Some((index, done)) = stack.pop() {
            if done == 0 {
                (number[index], low[index]) = (next, next);
                next += 1;
                path.push(index);
                on_path[index] = true;
            }
            let entry = toc.at(index);
            let needed = entry.dependencies();
            let mut entered = false;
            for (n, id) in needed.iter().enumerate().skip(done) {
                let Some(other) = toc.entry(*id).map(|entry| entry.index()) else { continue };
                if number[other] == UNSEEN {
                    // To come back here when that is done, and to see how far it led.
                    stack.push((index, n + 1));
                    stack.push((other, 0));
                    entered = true;
                    break;
                }
                if on_path[other] {
                    low[index] = low[index].min(low[other]);
                }
            }
            if entered {
                continue;
            }
            // Those that were entered from here are done.
            for id in needed {
                if let Some(other) = toc.entry(*id).map(|entry| entry.index())
                    && on_path[other]
                {
                    low[index] = low[index].min(low[other]);
                }
            }
            if low[index] != number[index] {
                continue;
            }
            let first = path.iter().rposition(|other| *other == index).unwrap_or(0);
            let circle = path.split_off(first);
            for other in &circle {
                on_path[*other] = false;
            }
            told(toc, circle, tell);
        }
    }
}

fn told(toc: &Toc, mut circle: Vec<usize>, tell: &mut impl FnMut(Found)) {
    circle.sort_unstable();
    let entry = toc.at(circle[0]);
    if let [_] = circle[..] {
        if entry.dependencies().contains(&entry.dump_id()) {
            let what = "depends on itself";
            tell(Found::new(Code::DependsOnItself, what).in_entry(entry));
        }
        return;
    }
    let others: Vec<String> =
        circle[1..].iter().take(3).map(|index| toc.at(*index).dump_id().to_string()).collect();
    let more = match circle.len() - 1 - others.len() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let what = format!("depends in a circle on {}{more}", others.join(", "));
    tell(Found::new(Code::Circle, what).in_entry(entry));
}

/// Names and statements that are no text.
fn texts(toc: &Toc, tell: &mut impl FnMut(Found)) {
    let encoding = toc.text_encoding();
    if encoding == Encoding::SQL_ASCII {
        return;
    }
    for entry in toc.entries() {
        let texts = [
            ("name", entry.tag()),
            ("schema", entry.namespace()),
            ("owner", entry.owner()),
            ("definition", entry.defn()),
            ("drop statement", entry.drop_stmt()),
            ("COPY statement", entry.copy_stmt()),
        ];
        let invalid =
            texts.into_iter().find(|(_, text)| text.is_some_and(|text| !encoding.is_valid(text)));
        if let Some((field, _)) = invalid {
            let what = format!("the {field} is not valid {}", encoding.name());
            tell(Found::new(Code::InvalidText, what).in_entry(entry));
        }
    }
}

/// NULL where pg_restore reads without a look.
fn nulls(toc: &Toc, tell: &mut impl FnMut(Found)) {
    let version = toc.header().version;
    for entry in toc.entries() {
        let null = match (entry.tag(), entry.with_oids()) {
            (None, _) => "tag",
            (_, None) if version.has(Gate::WithOids) => "WITH OIDS flag",
            _ => continue,
        };
        let what = format!("the {null} is NULL");
        tell(Found::new(Code::NullText, what).in_entry(entry));
    }
}

fn sections(toc: &Toc, tell: &mut impl FnMut(Found)) {
    for entry in toc.entries() {
        if let Section::Other(code) = entry.section() {
            let what = format!("unknown section {code}");
            tell(Found::new(Code::UnknownSection, what).in_entry(entry));
        }
    }
}
