//! `pgdmp grep`.

mod pattern;
mod table;
mod turns;

use std::collections::HashSet;
use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

use crate::input;
use crate::message;
use crate::output::Output;
use crate::selection::nothing_named;
use crate::{Context, Exit, Failure, object};
use pattern::Pattern;
use pgdmp::rows::CopyStatement;
use pgdmp::select::NamePattern;
use pgdmp::{Archive, Desc, DumpId, Input, Selection, Toc, TocEntry};
use table::{Search, Shown, label};
use turns::Turns;

/// Search the rows of tables, or the definitions of objects
///
/// Prints schema.table:row:column: value for each value that the pattern matches. Rows are counted
/// from 1. The pattern is a regular expression, as of ripgrep. It is compared with the text of each
/// value, as psql shows it; NULL never matches. Line ends in a value are shown as \n and \r.
///
/// The exit status is 0 if something was found, 1 if not, and 2 after an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp grep -i 'ann +smith' backup.dump        every table, whatever the case
  pgdmp grep -F Smith backup.dump orders items  a fixed text in two tables, which is faster
  pgdmp grep -l Smith backup.dump               the names of tables
  pgdmp grep --columns a '^1$' backup.dump      in columns of this name
  pgdmp grep --schema 'CREATE .* AS' backup.dump    in the definitions
  ssh db pg_dump -Fc app | pgdmp grep Smith -   while the dump is made")]
pub(crate) struct Args {
    /// Regular expression, in UTF-8
    pattern: String,
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// Search only these: a name (orders, public.orders) or a dump id
    #[arg(value_name = "TABLE")]
    objects: Vec<OsString>,
    /// Search only tables of this name, in any schema; may be given more than once
    #[arg(short = 't', long = "table", value_name = "NAME", conflicts_with = "schema")]
    tables: Vec<OsString>,
    /// The pattern is a text, not a regular expression
    #[arg(short = 'F', long)]
    fixed_strings: bool,
    /// Make no difference between upper and lower case
    #[arg(short, long)]
    ignore_case: bool,
    /// Print how many rows match in each table that has some
    #[arg(short, long)]
    count: bool,
    /// Print the names of tables with a match, and nothing else
    #[arg(short = 'l', long, conflicts_with = "count")]
    tables_with_matches: bool,
    /// Stop in each table after this many rows that match
    #[arg(short, long, value_name = "N")]
    max_count: Option<u64>,
    /// Search only in these columns
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Search the lines of definitions instead of rows, and print object: line
    #[arg(long, conflicts_with = "columns")]
    schema: bool,
    /// Search this many tables at the same time [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (mut input, progress) = input::open(&args.archive, context)?;
    let found =
        search(args, &mut input, || progress.stay_silent()).map_err(|failure| match failure {
            // That nothing has this name is not the answer that nothing was found.
            Failure::Nothing(what) => Failure::Usage(what),
            failure => failure,
        })?;
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(if found { Exit::Done } else { Exit::Negative })
}

fn search(args: &Args, input: &mut Input, stay_silent: impl FnOnce()) -> Result<bool, Failure> {
    let encoding = input.toc().text_encoding();
    let pattern = Pattern::new(&args.pattern, args.fixed_strings, args.ignore_case, encoding)?;
    let shown = match (args.tables_with_matches, args.count) {
        (true, _) => Shown::Names,
        (_, true) => Shown::Counts,
        _ => Shown::Values,
    };
    let mut search = Search { pattern, shown, columns: None, most: args.max_count };
    let out = Output::of(encoding);
    if out.is_terminal() {
        stay_silent();
    }
    if args.schema {
        let entries = definitions(args, input.toc())?;
        let turns = Turns::new(out);
        for (n, entry) in entries.into_iter().enumerate() {
            turns.take(n, |give| search.definition(entry, give));
        }
        return turns.finish();
    }
    let tables = tables(args, input.toc())?;
    search.columns = columns(args, input.toc(), &tables)?;
    let turns = Turns::new(out);
    match input {
        Input::Archive(archive) => {
            let jobs = args.jobs.map_or_else(cores, |jobs| jobs as usize).min(tables.len());
            in_parallel(archive, &tables, &search, &turns, jobs);
        }
        Input::Stream(stream) => {
            let mut pass = stream.pass();
            let mut left: HashSet<DumpId> = tables.into_iter().collect();
            let mut turn = 0;
            while !left.is_empty() && !turns.is_over() {
                let Some(mut block) = pass.next_block()? else { break };
                if !left.remove(&block.dump_id()) {
                    continue;
                }
                let Some(name) = block.entry().map(label) else { continue };
                turns.take(turn, |give| search.rows(&mut block.rows()?, &name, &turns, give));
                turn += 1;
            }
        }
    }
    turns.finish()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Searches tables on several threads.
fn in_parallel(archive: &Archive, tables: &[DumpId], search: &Search, turns: &Turns, jobs: usize) {
    let take_part = || {
        while let Some(n) = turns.next(tables.len()) {
            turns.take(n, |give| {
                let entry = archive.entry(tables[n]);
                let name = entry.map(label).unwrap_or_default();
                search.rows(&mut archive.rows(tables[n])?, &name, turns, give)
            });
        }
    };
    thread::scope(|scope| {
        for _ in 1..jobs {
            let thread = thread::Builder::new().name("pgdmp-grep".to_owned());
            // Without it the others do its part.
            let _ = thread.spawn_scoped(scope, take_part);
        }
        take_part();
    });
}

/// The entries whose rows are searched, in the order of the archive.
fn tables(args: &Args, toc: &Toc) -> Result<Vec<DumpId>, Failure> {
    let has_rows = |entry: &TocEntry<'_>| entry.desc() == Desc::TABLE_DATA && entry.has_data();
    let mut tables: Vec<TocEntry<'_>> = Vec::new();
    for object in &args.objects {
        for found in object::find_all(toc, object.as_encoded_bytes(), "has no rows", has_rows)? {
            // By its number a table may have been meant, whose rows have an entry of their own.
            let data = match found.desc() {
                Desc::TABLE => {
                    toc.find(Desc::TABLE_DATA, found.namespace(), found.tag().unwrap_or_default())
                }
                _ => Some(found),
            };
            let lacks = || Failure::Usage(object::lacks(found, "has no rows"));
            tables.push(data.filter(has_rows).ok_or_else(lacks)?);
        }
    }
    if !args.tables.is_empty() {
        let mut selection = Selection::new();
        for name in &args.tables {
            selection = selection.table(NamePattern::new(name.as_encoded_bytes()));
        }
        let selected = selection.apply(toc)?;
        if let Some(unmatched) = selected.unmatched_names().first() {
            return Err(Failure::Usage(nothing_named(unmatched, toc)));
        }
        tables.extend(selected.entries().filter(has_rows));
    } else if tables.is_empty() {
        tables.extend(toc.entries().filter(has_rows));
    }
    tables.sort_by_key(TocEntry::index);
    tables.dedup_by_key(|entry| entry.index());
    Ok(tables.iter().map(TocEntry::dump_id).collect())
}

/// The entries whose definitions are searched.
fn definitions<'a>(args: &Args, toc: &'a Toc) -> Result<Vec<TocEntry<'a>>, Failure> {
    let mut entries: Vec<TocEntry<'a>> = Vec::new();
    for object in &args.objects {
        let object = object.as_encoded_bytes();
        entries.extend(object::find_all(toc, object, "has no definition", |_| true)?);
    }
    if entries.is_empty() {
        entries.extend(toc.entries().filter(|entry| !entry.desc().is_special()));
    }
    entries.sort_by_key(TocEntry::index);
    entries.dedup_by_key(|entry| entry.index());
    Ok(entries)
}

/// The columns to search in, in the encoding of the archive.
fn columns(args: &Args, toc: &Toc, tables: &[DumpId]) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    if args.columns.is_empty() {
        return Ok(None);
    }
    let encoding = toc.text_encoding();
    let encoded = |name: &String| {
        encoding.translate(name.as_bytes()).unwrap_or_else(|| name.as_bytes().to_vec())
    };
    let wanted: Vec<Vec<u8>> = args.columns.iter().map(encoded).collect();
    let mut missing: Vec<&Vec<u8>> = wanted.iter().collect();
    for entry in tables.iter().filter_map(|id| toc.entry(*id)) {
        let statement = entry.copy_stmt().unwrap_or_default();
        let known = CopyStatement::parse(statement).ok().and_then(|copy| copy.field_names());
        // What the columns of INSERT commands are shows when they are read.
        let Some(known) = known else { return Ok(Some(wanted)) };
        missing.retain(|name| !known.contains(name));
    }
    match missing.first() {
        None => Ok(Some(wanted)),
        Some(name) => {
            let name = message::shown(encoding.decode(name).unwrap_or_default().as_bytes());
            Err(Failure::Usage(format!("no table that is searched has a column {name}")))
        }
    }
}
