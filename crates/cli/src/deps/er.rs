//! `deps --er`: tables with their columns and foreign keys, as a diagram of Mermaid or Graphviz.
//!
//! Names come from the archive and may be anything. Both languages get them as entities of HTML wherever
//! a character could mean something to them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, Write};

use pgdmp::Desc;
use pgdmp::types::{Columns, Definitions, Keys, QualifiedName};
use pgdmp::{Toc, TocEntry};

/// The languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Mermaid,
    Graphviz,
}

struct Table<'t> {
    entry: TocEntry<'t>,
    columns: Columns,
    keys: Keys,
}

/// Tables, and which of them refer to which.
struct Diagram<'t> {
    toc: &'t Toc,
    tables: Vec<Table<'t>>,
    /// From a table to the one that it refers to, with the names of the columns and whether each row
    /// there has one row here at most.
    references: Vec<(usize, usize, String, bool)>,
}

/// Writes a diagram of all tables, or of one and those that its foreign keys lead to and from, in this many
/// steps.
pub(super) fn write<W: Write>(
    toc: &Toc,
    start: Option<TocEntry<'_>>,
    steps: usize,
    language: Language,
    out: &mut W,
) -> io::Result<()> {
    let mut diagram = Diagram::new(toc);
    if let Some(start) = start {
        diagram.keep_near(start, steps);
    }
    match language {
        Language::Mermaid => diagram.mermaid(out),
        Language::Graphviz => diagram.graphviz(out),
    }
}

impl<'t> Diagram<'t> {
    fn new(toc: &'t Toc) -> Self {
        let definitions = Definitions::new(toc);
        let mut tables = Vec::new();
        for entry in toc.entries() {
            if ![Desc::TABLE, Desc::FOREIGN_TABLE].contains(&entry.desc()) {
                continue;
            }
            let (Ok(columns), Ok(keys)) = (definitions.columns(entry), definitions.keys(entry))
            else {
                continue;
            };
            // Its table stands for it.
            if keys.partition_of.is_empty() {
                tables.push(Table { entry, columns, keys });
            }
        }
        let mut diagram = Diagram { toc, tables, references: Vec::new() };
        diagram.references = diagram.find_references();
        diagram
    }

    fn find_references(&self) -> Vec<(usize, usize, String, bool)> {
        let name = |table: &Table<'t>| {
            QualifiedName::new(table.entry.namespace(), table.entry.tag().unwrap_or_default())
        };
        let places: HashMap<QualifiedName, usize> =
            self.tables.iter().enumerate().map(|(n, table)| (name(table), n)).collect();
        let mut references = Vec::new();
        for (n, table) in self.tables.iter().enumerate() {
            for key in &table.keys.foreign_keys {
                let Some(to) = places.get(&key.referenced) else { continue };
                let columns = key.columns.iter().map(|name| self.text(name));
                let set: BTreeSet<&Vec<u8>> = key.columns.iter().collect();
                let is_unique =
                    table.keys.primary_key.iter().chain(&table.keys.unique).any(|unique| {
                        unique.is_plain && unique.columns.iter().collect::<BTreeSet<_>>() == set
                    });
                references.push((n, *to, columns.collect::<Vec<_>>().join(", "), is_unique));
            }
        }
        references
    }

    /// Leaves what is no further than this many foreign keys away.
    fn keep_near(&mut self, start: TocEntry<'_>, steps: usize) {
        let same = |table: &Table<'_>| {
            table.entry.tag() == start.tag() && table.entry.namespace() == start.namespace()
        };
        let mut near: HashSet<usize> = self.tables.iter().position(same).into_iter().collect();
        let mut next = near.clone();
        for _ in 0..steps {
            let mut found = HashSet::new();
            for (from, to, ..) in &self.references {
                let other = match (next.contains(from), next.contains(to)) {
                    (true, _) => to,
                    (_, true) => from,
                    _ => continue,
                };
                if near.insert(*other) {
                    found.insert(*other);
                }
            }
            if found.is_empty() {
                break;
            }
            next = found;
        }
        let mut places = HashMap::new();
        let tables = std::mem::take(&mut self.tables);
        for (n, table) in tables.into_iter().enumerate().filter(|(n, _)| near.contains(n)) {
            places.insert(n, self.tables.len());
            self.tables.push(table);
        }
        self.references.retain_mut(|(from, to, ..)| match (places.get(from), places.get(to)) {
            (Some(new_from), Some(new_to)) => {
                (*from, *to) = (*new_from, *new_to);
                true
            }
            _ => false,
        });
    }

    fn text(&self, bytes: &[u8]) -> String {
        self.toc.printable(bytes).to_string()
    }

    fn name(&self, table: &Table<'_>) -> String {
        table.entry.qualified_name().to_string()
    }

    /// The columns of a table: name, type, and the keys that they are in.
    fn columns(&self, table: &Table<'_>) -> Vec<(String, String, Vec<&'static str>)> {
        let column = |column: &pgdmp::types::Column| {
            let is_in = |columns: &[Vec<u8>]| columns.contains(&column.name);
            let keys = &table.keys;
            let mut marks = Vec::new();
            if keys.primary_key.iter().any(|key| is_in(&key.columns)) {
                marks.push("PK");
            }
            if keys.foreign_keys.iter().any(|key| is_in(&key.columns)) {
                marks.push("FK");
            }
            if keys.unique.iter().any(|key| is_in(&key.columns)) {
                marks.push("UK");
            }
            let spelling = match column.spelling.is_empty() {
                true => "?".to_owned(),
                false => self.text(&column.spelling),
            };
            (self.text(&column.name), spelling, marks)
        };
        table.columns.columns.iter().map(column).collect()
    }

    fn mermaid<W: Write>(&self, out: &mut W) -> io::Result<()> {
        writeln!(out, "erDiagram")?;
        for (n, table) in self.tables.iter().enumerate() {
            writeln!(out, "    t{n}[\"{}\"] {{", quoted(&self.name(table), Language::Mermaid))?;
            for (name, spelling, marks) in self.columns(table) {
                let (word, kind) = (word(&name), word(&spelling));
                write!(out, "        {kind} {word}")?;
                if !marks.is_empty() {
                    write!(out, " {}", marks.join(", "))?;
                }
                // What a word of this language cannot say.
                if (&*word, &*kind) != (&*name, &*spelling) {
                    let text = quoted(&format!("{name} {spelling}"), Language::Mermaid);
                    write!(out, " \"{text}\"")?;
                }
                writeln!(out)?;
            }
            writeln!(out, "    }}")?;
        }
        for (from, to, columns, is_unique) in &self.references {
            let many = if *is_unique { "|o" } else { "}o" };
            let columns = quoted(columns, Language::Mermaid);
            writeln!(out, "    t{from} {many}--|| t{to} : \"{columns}\"")?;
        }
        Ok(())
    }

    fn graphviz<W: Write>(&self, out: &mut W) -> io::Result<()> {
        let quoted = |text: &str| quoted(text, Language::Graphviz);
        writeln!(out, "digraph tables {{\n  rankdir=LR;\n  node [shape=plain];")?;
        for (n, table) in self.tables.iter().enumerate() {
            let name = quoted(&self.name(table));
            write!(out, "  t{n} [label=<<table border=\"0\" cellborder=\"1\" cellspacing=\"0\">")?;
            write!(out, "<tr><td colspan=\"3\" bgcolor=\"#dddddd\"><b>{name}</b></td></tr>")?;
            for (name, spelling, marks) in self.columns(table) {
                let (name, spelling, marks) = (quoted(&name), quoted(&spelling), marks.join(" "));
                write!(out, "<tr><td align=\"left\">{name}</td>")?;
                write!(out, "<td align=\"left\">{spelling}</td><td>{marks}</td></tr>")?;
            }
            writeln!(out, "</table>>];")?;
        }
        for (from, to, columns, is_unique) in &self.references {
            let tail = if *is_unique { "teeodot" } else { "crowodot" };
            let columns = quoted(columns);
            writeln!(
                out,
                "  t{from} -> t{to} [label=<{columns}>, dir=both, arrowtail={tail}, arrowhead=tee];"
            )?;
        }
        writeln!(out, "}}")
    }
}

/// A text with entities for all that could be more than text.
fn quoted(text: &str, language: Language) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        match language {
            _ if c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | ',' | '(' | ')' | '-') => {
                quoted.push(c);
            }
            Language::Mermaid => quoted.push_str(&format!("#{};", u32::from(c))),
            Language::Graphviz => quoted.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    match quoted.trim().is_empty() {
        // Neither takes an empty text everywhere.
        true => "?".to_owned(),
        false => quoted,
    }
}

/// A word of Mermaid, as similar as can be.
fn word(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let word: String = text.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    match word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => word,
        false => format!("c_{word}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_more_than_text() {
        let odd = "a\"] %%{init: {}}%% <b>&\\n#quot;\u{1b}|";
        let mermaid = quoted(odd, Language::Mermaid);
        let code = mermaid.replace(|c: char| c.is_ascii_digit(), "").replace("#;", "");
        assert!(!code.contains(|c: char| "\"[]{}%<>&\\#;|\u{1b}".contains(c)), "{mermaid}");
        let graphviz = quoted(odd, Language::Graphviz);
        let code = graphviz.replace(|c: char| c.is_ascii_digit(), "").replace("&#;", "");
        assert!(!code.contains(|c: char| "\"<>&\\#\u{1b}".contains(c)), "{graphviz}");
        assert_eq!(word("character varying(20)"), "character_varying_20_");
        assert_eq!((&*word("1 \"x"), &*word("")), ("c_1__x", "c_"));
    }
}
