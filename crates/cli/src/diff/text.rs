//! What is printed of differences for people.

use std::io::{self, Write};

use super::report::Report;
use pgdmp::diff::{
    ChangeKind, Comparison, DataState, LargeObjectChange, LineKind, ObjectChange, Part, PartChange,
    RowChange, RowChangeKind, TableComparison,
};
use pgdmp::text::{Encoding, Printable};

impl Report<'_> {
    pub(super) fn object(&mut self, change: &ObjectChange, spelling: bool) -> io::Result<()> {
        let mark = match change.kind {
            ChangeKind::Added => '+',
            ChangeKind::Dropped => '-',
            ChangeKind::Changed => '~',
        };
        let name = named(&change.desc, change.namespace.as_deref(), &change.tag);
        let parts: Vec<&str> = change.parts.iter().map(|part| part.part.name()).collect();
        let parts =
            if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        let renamed = match (&change.maybe_renamed, change.kind) {
            (None, _) => String::new(),
            (Some(other), ChangeKind::Added) => format!(" (renamed from {}?)", shown(other)),
            (Some(other), _) => format!(" (renamed to {}?)", shown(other)),
        };
        writeln!(self.out, "{mark} {name}{parts}{renamed}")?;
        if self.args.brief {
            return Ok(());
        }
        for part in &change.parts {
            self.part(part, spelling)?;
        }
        Ok(())
    }

    fn part(&mut self, part: &PartChange, spelling: bool) -> io::Result<()> {
        // Lines far from what differs are of no interest.
        const AROUND: usize = 2;
        let differs = |n: usize| part.lines.get(n).is_some_and(|l| l.kind != LineKind::Same);
        let is_near = |n: usize| (n.saturating_sub(AROUND)..=n + AROUND).any(differs);
        if spelling && part.part == Part::Definition {
            writeln!(self.out, "    (of different releases: perhaps spelled differently only)")?;
        }
        let mut left_out = false;
        for (n, line) in part.lines.iter().enumerate() {
            if !is_near(n) {
                left_out = true;
                continue;
            }
            if std::mem::take(&mut left_out) && n > 0 {
                writeln!(self.out, "      …")?;
            }
            let mark = match line.kind {
                LineKind::Same => ' ',
                LineKind::Removed => '-',
                LineKind::Added => '+',
            };
            let text = line.text.split(|byte| *byte == b'\t').map(shown).collect::<Vec<_>>();
            writeln!(self.out, "    {mark} {}", text.join("    "))?;
        }
        Ok(())
    }

    pub(super) fn row_text(&mut self, row: &RowChange<'_>) -> io::Result<()> {
        let values = row.before().or(row.after()).unwrap_or_default();
        let cell = |place: &usize| {
            let value = values.get(*place).copied().flatten();
            format!("{}={}", shown(row.column(*place)), cut(value))
        };
        // Without a key, a row is all its columns.
        let all: Vec<usize> = (0..values.len()).collect();
        let places = if row.key().is_empty() { &all[..] } else { row.key() };
        let key = places.iter().map(cell).collect::<Vec<_>>().join(", ");
        let mut notes = String::new();
        if row.times() > 1 {
            notes += &format!(" ({} times)", row.times());
        }
        if row.has_duplicate_key() {
            notes += " (duplicate key)";
        }
        match row.kind() {
            RowChangeKind::Removed => writeln!(self.out, "    - {key}{notes}"),
            RowChangeKind::Added => writeln!(self.out, "    + {key}{notes}"),
            RowChangeKind::Changed => {
                let (before, after) =
                    (row.before().unwrap_or_default(), row.after().unwrap_or_default());
                for place in row.changed() {
                    let of = |values: &[Option<&[u8]>]| cut(values.get(*place).copied().flatten());
                    let column = shown(row.column(*place));
                    let (before, after) = (of(before), of(after));
                    writeln!(self.out, "    ~ {key}  {column}: {before} → {after}{notes}")?;
                }
                Ok(())
            }
        }
    }

    pub(super) fn table(&mut self, table: &TableComparison) -> io::Result<()> {
        let name = named(b"data of", table.namespace.as_deref(), &table.table);
        let rows = |side: usize| table.rows[side].map_or("?".to_owned(), |n| plural(n, "row"));
        let text = match &table.state {
            DataState::Added => format!("+ {name}"),
            DataState::Dropped => format!("- {name}"),
            DataState::Equal if table.is_root => format!("= {name}: equal, in other partitions"),
            DataState::Equal => format!("= {name}: equal in the columns that both have"),
            DataState::Different if table.is_root => {
                format!("~ {name}, all partitions: {} → {}", rows(0), rows(1))
            }
            _ if table.rows[0] == table.rows[1] => format!("~ {name}: {}, not the same", rows(0)),
            _ => format!("~ {name}: {} → {}", rows(0), rows(1)),
        };
        writeln!(self.out, "{text}")?;
        for (mark, names) in ["-", "+"].into_iter().zip(&table.columns_alone) {
            for name in names {
                writeln!(self.out, "    {mark} column {}, not compared", shown(name))?;
            }
        }
        Ok(())
    }

    pub(super) fn large_object(&mut self, change: &LargeObjectChange) -> io::Result<()> {
        let (oid, [a, b]) = (change.oid, change.lens.map(|len| len.unwrap_or(0)));
        match change.kind {
            ChangeKind::Added => {
                writeln!(self.out, "+ data of large object {oid}: {}", plural(b, "byte"))
            }
            ChangeKind::Dropped => {
                writeln!(self.out, "- data of large object {oid}: {}", plural(a, "byte"))
            }
            ChangeKind::Changed if a == b => {
                writeln!(
                    self.out,
                    "~ data of large object {oid}: {}, not the same",
                    plural(a, "byte")
                )
            }
            ChangeKind::Changed => {
                writeln!(
                    self.out,
                    "~ data of large object {oid}: {} → {}",
                    plural(a, "byte"),
                    plural(b, "byte")
                )
            }
        }
    }

    pub(super) fn summary(&self, comparison: &Comparison, differs: bool) -> String {
        let c = &self.counts;
        let mut compared = vec![plural(comparison.compared(), "object")];
        if c.tables_compared > 0 {
            let rows = plural(c.rows_compared, "row");
            compared.push(format!("{} with {rows}", plural(c.tables_compared, "table")));
        }
        if c.large_objects_compared > 0 {
            compared.push(plural(c.large_objects_compared, "large object"));
        }
        let compared = compared.join(", ");
        if !differs {
            return match c.failed {
                0 => format!("equal: {compared}"),
                _ => format!("no difference found in what could be compared: {compared}"),
            };
        }
        let mut parts = Vec::new();
        for (count, what) in [(c.added, "added"), (c.dropped, "dropped"), (c.changed, "changed")] {
            if count > 0 {
                parts.push(format!("{} {what}", plural(count, "object")));
            }
        }
        if c.tables > 0 {
            parts.push(format!("data of {} different", plural(c.tables, "table")));
        }
        if c.large_objects > 0 {
            parts.push(format!("data of {} different", plural(c.large_objects, "large object")));
        }
        format!("different: {}; compared: {compared}", parts.join(", "))
    }
}

/// A number of things.
pub(super) fn plural(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The kind and name of something.
fn named(desc: &[u8], namespace: Option<&[u8]>, tag: &[u8]) -> String {
    let schema = namespace.map(|namespace| format!("{}.", shown(namespace)));
    format!("{} {}{}", shown(desc), schema.unwrap_or_default(), shown(tag))
}

fn shown(text: &[u8]) -> String {
    Printable::new(text, Encoding::UTF8).to_string()
}

/// A value in a line of text.
fn cut(value: Option<&[u8]>) -> String {
    const LONGEST: usize = 80;
    let Some(value) = value else { return "NULL".to_owned() };
    // No character is shown with fewer characters than bytes.
    let text = shown(&value[..value.len().min(4 * LONGEST)]);
    let short: String = text.chars().take(LONGEST).collect();
    let is_cut = short.len() < text.len() || value.len() > 4 * LONGEST;
    // Quotes where it could be taken for something else.
    let quote = if value.is_empty() || value == b"NULL" { "'" } else { "" };
    format!("{quote}{short}{quote}{}", if is_cut { "…" } else { "" })
}
