//! Tables for people: aligned, and cut to the width of the terminal.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::Output;
use crate::stdio;

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table that is printed when all of it is known.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Prints headings and rows. The last column takes what room is left.
    pub(crate) fn print(&self, out: &mut Output) -> io::Result<()> {
        let width = out.is_terminal().then(terminal_width).flatten();
        let headings: Vec<String> = self.columns.iter().map(|(name, _)| (*name).into()).collect();
        let mut widths: Vec<usize> = headings.iter().map(|cell| cell.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        for row in std::iter::once(&headings).chain(&self.rows) {
            let line = self.line(row, &widths);
            match width {
                Some(width) => writeln!(out, "{}", cut(&line, width))?,
                None => writeln!(out, "{line}")?,
            }
        }
        Ok(())
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (n, (cell, width)) in row.iter().zip(widths).enumerate() {
            if n > 0 {
                line.push_str("  ");
            }
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            match self.columns.get(n) {
                Some((_, Align::Right)) => {
                    line.push_str(&padding);
                    line.push_str(cell);
                }
                _ => {
                    line.push_str(cell);
                    line.push_str(&padding);
                }
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

pub(crate) fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// As much of a line as fits, with a mark where it was cut.
pub(crate) fn cut(line: &str, width: usize) -> String {
    cut_with(line, width, if stdio::draws_unicode() { '…' } else { '~' })
}

fn cut_with(line: &str, width: usize, mark: char) -> String {
    if line.width() <= width {
        return line.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let mut used = 1;
    let fitting = line.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    let mut text: String = fitting.collect();
    text.push(mark);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_by_width() {
        assert_eq!(cut_with("abcdef", 6, '…'), "abcdef");
        assert_eq!(cut_with("abcdef", 5, '…'), "abcd…");
        assert_eq!(cut_with("日本語", 5, '~'), "日本~");
        assert_eq!(cut_with("日本語", 0, '…'), "");
    }
}
