//! The text of `--help`.

use std::fmt::Write;

use super::table::{FIRST, Row, Section, Told, rows};

/// What `--help` prints, under the command that was typed.
pub(super) fn text(command: &str, is_pg_restore: bool) -> String {
    let mut text = format!(
        "{command} restores a pg_dump archive into a database, or prints its SQL.\n\n\
         Usage:\n  {command} [OPTION]... [FILE]\n"
    );
    for section in Section::ALL {
        // Writing to memory does not fail.
        let _ = writeln!(text, "\n{}:", section.title());
        put_section(&mut text, section);
        if section == Section::Own {
            text += "\
-t, -I, -n, -N, -P and -T take names as pg_restore does. If no object has the
name, they also take schema.name and patterns with * and ?, quoted as in psql.
";
        }
    }
    let mut text = text
        + "
-I, -n, -N, -P, -t, -T and --section can be combined and repeated. Without FILE,
the archive is read from standard input.
";
    if !is_pg_restore {
        text += EXAMPLES;
    }
    text
}

/// For manual page and help.
pub(super) const EXAMPLES: &str = "
Examples:
  pgdmp restore -f app.sql backup.dump                    as SQL, in a file
  pgdmp restore -f - --target-version 15 backup.dump | psql -d app
                                                          SQL for a server 15
  pgdmp restore -f - -t orders --with-dependents backup.dump | psql -d app
                                                          one table with indexes
  pgdmp list backup.dump | grep -v INDEX | pgdmp restore -L - -f - backup.dump
                                                          all but the indexes

Into a database, over 4 connections:
  pgdmp restore -d app -j 4 backup.dump
";

fn put_section(text: &mut String, section: Section) {
    // Where what is said begins.
    let column = match section {
        Section::What | Section::How => 31,
        Section::General | Section::Own | Section::Connection => 27,
    };
    for row in rows(section) {
        if let Told::With(told) = row.told {
            put(text, &name(row), told, column);
        }
    }
    if section == Section::General {
        for (short, long, told) in FIRST {
            put(text, &format!("-{}, --{long}", char::from(*short)), told, column);
        }
    }
}

fn name(row: &Row) -> String {
    let short = row.short.map(|short| format!("-{}, ", char::from(short))).unwrap_or_default();
    let value = row.value.map(|value| format!("={value}")).unwrap_or_default();
    format!("{short}--{}{value}", row.long)
}

fn put(text: &mut String, name: &str, told: &str, column: usize) {
    let mut start = format!("  {name}");
    if start.len() >= column {
        *text += &start;
        *text += "\n";
        start.clear();
    }
    for line in told.lines() {
        let _ = writeln!(text, "{start:column$}{line}");
        start.clear();
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_fit_a_terminal() {
        assert!(super::text("pgdmp restore", false).lines().all(|line| line.len() <= 80));
    }
}
