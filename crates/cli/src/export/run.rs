//! All tables: one after the other, or several at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::folder;
use super::output::{Format, Named};
use super::table::{Export, Written};
use super::tables::{self, Table, Wanted};
use super::{Args, Partitions};
use crate::input;
use crate::inputs::Inputs;
use crate::output::Output;
use crate::place::{self, NewArchive, Place};
use crate::replace::Kind;
use crate::{Context, Exit, Failure, message};
use pgdmp::read::Block;
use pgdmp::types::Definitions;
use pgdmp::{Archive, DumpId, Error, ErrorKind, Input, Toc, TocEntry};

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.objects.is_empty() && !args.all {
        return Err(Failure::Usage("name tables, or use --all".to_owned()));
    }
    let inputs = Inputs::archives([&*args.archive].into_iter().chain(args.types.as_deref()));
    place::check(&args.output, &inputs)?;
    let (mut input, progress) = input::open(&args.archive, context)?;
    let toc = input.shared_toc();
    let others = match &args.types {
        Some(path) => Some(context.options().open(path)?.shared_toc()),
        None => None,
    };
    let mut definitions = Definitions::new(&toc);
    if let Some(others) = &others {
        definitions = definitions.with(others);
    }
    let wanted = Wanted {
        objects: &args.objects,
        schemas: &args.schemas,
        excluded_schemas: &args.excluded_schemas,
        together: args.partitions == Partitions::Together,
    };
    let tables = tables::chosen(&toc, &definitions, &wanted)?;
    let place = To::of(args, &tables)?;
    let format = match args.format {
        Some(format) => format,
        None => Format::of_output(&args.output)?,
    };
    if args.tag_table && !format.takes_tags() {
        return Err(Failure::Usage("--tag-table is for JSON lines: --format jsonl".to_owned()));
    }
    let mut options = args.values.options(format, toc.text_encoding())?;
    let jobs = options.fit(args.jobs);
    let export = Export {
        definitions: &definitions,
        columns: columns(args, &toc)?,
        conditions: &args.conditions,
        limit: args.limit,
        tagged: args.tag_table,
        options,
    };
    for (table, id) in
        tables.iter().flat_map(|table| table.entries.iter().map(move |id| (table, *id)))
    {
        if let Some(entry) = toc.entry(id) {
            export.check(table, entry)?;
        }
    }
    if let Input::Archive(archive) = &input {
        progress.expect(Some(total(archive, &tables)));
    }
    let done = match place {
        To::Stdout => {
            let mut out = Output::new();
            if out.is_terminal() {
                if format.is_binary() {
                    return Err(Failure::Usage(
                        "the format is not for a terminal: name a file with -o".to_owned(),
                    ));
                }
                progress.stay_silent();
            }
            let done = to_stream(&export, &mut input, &tables, &mut out);
            out.finish().and(done)
        }
        To::File => match Place::of_rows(&args.output, inputs, args.force)?.synced(!args.no_sync) {
            Place::Stream(mut stream) => {
                let done = to_stream(&export, &mut input, &tables, &mut stream);
                done.and(stream.finish())
            }
            Place::New(new) => {
                new.write(|path| {
                    let name = args.output.display().to_string();
                    let mut file = Named { inner: folder::file(path)?, name };
                    to_stream(&export, &mut input, &tables, &mut file)
                })?;
                new.publish()
            }
        },
        To::Folder => {
            let new = NewArchive::new(&args.output, inputs, args.force, Kind::Tables)?;
            let new = new.synced(!args.no_sync);
            let mut made = Made::default();
            new.write(|path| {
                made = to_folder(&export, &mut input, &tables, path, (&args.output, jobs))?;
                Ok(())
            })?;
            let (shown, all) = (args.output.display(), tables.len());
            let failed = made.failed;
            if failed > 0 && args.output.symlink_metadata().is_ok() {
                let what = format!("{failed} of {all} tables failed, so {shown} stays as it was");
                return Err(Failure::Usage(what));
            }
            // What is not complete replaces nothing, should something have come there meanwhile.
            let new = if failed > 0 { new.replacing_nothing() } else { new };
            new.publish()?;
            if !context.quiet {
                let count = all - failed;
                let s = if count == 1 { "" } else { "s" };
                message::info(format_args!("{count} table{s} with {} rows written", made.rows));
            }
            match failed {
                0 => Ok(()),
                _ => Err(Failure::Usage(format!(
                    "{failed} of {all} tables failed; {shown} has the others alone"
                ))),
            }
        }
    };
    done?;
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(Exit::Done)
}

/// Where rows go.
enum To {
    Stdout,
    File,
    Folder,
}

impl To {
    fn of(args: &Args, tables: &[Table]) -> Result<To, Failure> {
        if args.output.as_os_str() == "-" {
            return match tables.len() > 1 && !args.tag_table {
                true => Err(Failure::Usage(
                    "several tables go into a directory: -o DIRECTORY; or, as JSON lines with \
                     --tag-table, to standard output"
                        .to_owned(),
                )),
                false => Ok(To::Stdout),
            };
        }
        let asks_for_folder = args.output.as_os_str().as_encoded_bytes().ends_with(b"/");
        let is_one = tables.len() == 1 && !args.all;
        Ok(if (is_one || args.tag_table) && !asks_for_folder { To::File } else { To::Folder })
    }
}

/// The names of columns that are asked for, in the encoding of the archive.
fn columns(args: &Args, toc: &Toc) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    if args.columns.is_empty() {
        return Ok(None);
    }
    let mut names: Vec<Vec<u8>> = Vec::new();
    for list in &args.columns {
        for name in split_names(list.as_encoded_bytes()) {
            let name = toc.text_encoding().translate(&name).unwrap_or(name);
            if names.contains(&name) {
                let name = toc.printable(&name);
                return Err(Failure::Usage(format!("--columns has {name} twice")));
            }
            names.push(name);
        }
    }
    Ok(Some(names))
}

/// Names with commas between them; those in double quotes may have commas, too.
fn split_names(list: &[u8]) -> Vec<Vec<u8>> {
    let mut names = vec![Vec::new()];
    let mut quoted = false;
    let mut rest = list;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' if quoted && after.first() == Some(&b'"') => {
                rest = &after[1..];
                if let Some(name) = names.last_mut() {
                    name.push(b'"');
                }
            }
            b'"' => quoted = !quoted,
            b',' if !quoted => names.push(Vec::new()),
            byte => {
                if let Some(name) = names.last_mut() {
                    name.push(*byte);
                }
            }
        }
    }
    names
}

/// The bytes there are to read.
fn total(archive: &Archive, tables: &[Table]) -> u64 {
    let sizes = tables.iter().map(|table| size(archive, table));
    sizes.fold(0, u64::saturating_add)
}

fn size(archive: &Archive, table: &Table) -> u64 {
    let of = |id: &DumpId| archive.stored_size_hint(archive.entry(*id)?);
    table.entries.iter().filter_map(of).fold(0, u64::saturating_add)
}

/// Writes all tables to one output. There is one, or each row says its table.
fn to_stream(
    export: &Export<'_>,
    input: &mut Input,
    tables: &[Table],
    out: &mut (dyn Write + Send),
) -> Result<(), Failure> {
    match input {
        Input::Archive(archive) => {
            for table in tables {
                let mut slot: Option<Box<dyn Write + Send + '_>> = Some(Box::new(&mut *out));
                let mut written = export.scanned(archive, table)?;
                for id in &table.entries {
                    let Some(entry) = archive.entry(*id) else { continue };
                    let rows = &mut archive.rows(*id)?;
                    export.rows(table, entry, rows, &mut written, || taken(&mut slot))?;
                }
                export.finish(table, written)?;
            }
            Ok(())
        }
        Input::Stream(_) => {
            if let [table] = tables {
                let mut slot: Option<Box<dyn Write + Send + '_>> = Some(Box::new(&mut *out));
                let mut written = Written::nothing();
                pass(input, tables, |_, entry, block| {
                    let rows = &mut block.rows()?;
                    export.rows(table, entry, rows, &mut written, || taken(&mut slot))
                })?;
                return export.finish(table, written).map(drop);
            }
            // Partitions may come between those of others.
            let mut counts = vec![0; tables.len()];
            pass(input, tables, |n, entry, block| {
                let mut slot: Option<Box<dyn Write + Send + '_>> = Some(Box::new(&mut *out));
                let mut written = Written::after(counts[n]);
                let rows = &mut block.rows()?;
                export.rows(&tables[n], entry, rows, &mut written, || taken(&mut slot))?;
                counts[n] = export.finish(&tables[n], written)?;
                Ok(())
            })
        }
    }
}

fn taken<'o>(
    slot: &mut Option<Box<dyn Write + Send + 'o>>,
) -> Result<Box<dyn Write + Send + 'o>, Failure> {
    slot.take().ok_or_else(|| Failure::Usage("the output is in use".to_owned()))
}

/// Goes through a pipe until all is read that is wanted. `take` gets the place of the table, the
/// entry and its data.
pub(crate) fn pass(
    input: &mut Input,
    tables: &[Table],
    mut take: impl FnMut(usize, TocEntry<'_>, &mut Block<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let toc = input.shared_toc();
    let mut wanted: HashMap<DumpId, usize> = HashMap::new();
    for (n, table) in tables.iter().enumerate() {
        wanted.extend(table.entries.iter().map(|id| (*id, n)));
    }
    let mut pass = input.pass();
    while !wanted.is_empty() {
        let Some(mut block) = pass.next_block()? else { break };
        let id = block.dump_id();
        if let Some(n) = wanted.remove(&id)
            && let Some(entry) = toc.entry(id)
        {
            take(n, entry, &mut block)?;
        }
    }
    match wanted.values().min() {
        None => Ok(()),
        Some(n) => {
            Err(Failure::Usage(format!("the archive ends before the data of {}", tables[*n].shown)))
        }
    }
}

/// What there is of a folder of tables.
#[derive(Debug, Default, Clone, Copy)]
struct Made {
    /// Rows of the tables that did not fail.
    rows: u64,
    /// Tables that failed, of which there is no file.
    failed: usize,
}

/// Writes each table to a file in a new folder.
fn to_folder(
    export: &Export<'_>,
    input: &mut Input,
    tables: &[Table],
    folder: &Path,
    (output, jobs): (&Path, u32),
) -> Result<Made, Failure> {
    let suffix = export.options.format.suffix();
    folder::private(folder)?;
    let folders: BTreeSet<String> =
        tables.iter().filter_map(|table| table.folder(suffix)).collect();
    for inner in &folders {
        folder::private(&folder.join(inner))?;
    }
    let files = Files { folder, shown: output, suffix };
    let (rows, failed) = match input {
        Input::Archive(archive) => several(export, archive, tables, &files, jobs)?,
        Input::Stream(_) => piped(export, input, tables, &files)?,
    };
    let made = Made { rows, failed: failed.len() };
    all_failed(failed, tables.len())?;
    for inner in &folders {
        // If all tables in it failed; else it stays.
        let _ = fs::remove_dir(folder.join(inner));
    }
    let names: Vec<String> = tables.iter().map(|table| table.file_name(suffix)).collect();
    folder::write_list(folder, names.iter().map(String::as_str))?;
    Ok(made)
}

/// The files of a folder.
struct Files<'a> {
    /// Where it is made.
    folder: &'a Path,
    /// What it is going to be.
    shown: &'a Path,
    suffix: &'static str,
}

impl Files<'_> {
    fn open(&self, table: &Table) -> Result<Box<dyn Write + Send + 'static>, Failure> {
        let name = table.file_name(self.suffix);
        let inner = folder::file(&self.folder.join(&name))?;
        Ok(Box::new(Named { inner, name: self.shown.join(name).display().to_string() }))
    }

    /// Removes what there is of a table that failed.
    fn remove(&self, table: &Table) -> Result<(), Failure> {
        let path = self.folder.join(table.file_name(self.suffix));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::from(error).in_path(&path).into())
            }
            _ => Ok(()),
        }
    }
}

/// The rows that were written, and which tables failed.
type Rows = (u64, Vec<(usize, Failure)>);

/// Writes tables as they come, and several at once if several threads are allowed.
fn several(
    export: &Export<'_>,
    archive: &Archive,
    tables: &[Table],
    files: &Files<'_>,
    jobs: u32,
) -> Result<Rows, Failure> {
    // The largest begin first, so that no thread is left alone with one.
    let mut order: Vec<usize> = (0..tables.len()).collect();
    if jobs > 1 {
        order.sort_by_key(|n| Reverse(size(archive, &tables[*n])));
    }
    let (next, total) = (AtomicUsize::new(0), AtomicU64::new(0));
    let failed = Mutex::new(Vec::new());
    let end = Mutex::new(None);
    let work = || {
        while let Some(n) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let table = &tables[*n];
            let failure = match one(export, archive, table, files) {
                Ok(rows) => {
                    total.fetch_add(rows, Ordering::Relaxed);
                    continue;
                }
                Err(failure) => failure,
            };
            let removed = match is_of_one_table(&failure) {
                true => files.remove(table).map(|()| failure),
                false => Err(failure),
            };
            match removed {
                Ok(failure) => {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).push((*n, failure));
                }
                Err(failure) => {
                    next.store(order.len(), Ordering::Relaxed);
                    end.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
                }
            }
        }
    };
    let threads = usize::try_from(jobs).unwrap_or(1).min(tables.len());
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    if let Some(failure) = end.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(failure);
    }
    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort_by_key(|(n, _)| *n);
    Ok((total.into_inner(), failed))
}

fn one(
    export: &Export<'_>,
    archive: &Archive,
    table: &Table,
    files: &Files<'_>,
) -> Result<u64, Failure> {
    let mut written = export.scanned(archive, table)?;
    for id in &table.entries {
        let Some(entry) = archive.entry(*id) else { continue };
        let rows = &mut archive.rows(*id)?;
        export.rows(table, entry, rows, &mut written, || files.open(table))?;
    }
    export.finish(table, written)
}

/// Writes tables as a pipe brings them.
fn piped(
    export: &Export<'_>,
    input: &mut Input,
    tables: &[Table],
    files: &Files<'_>,
) -> Result<Rows, Failure> {
    let mut open: HashMap<usize, (usize, Written<'static>)> = HashMap::new();
    let mut failed: BTreeMap<usize, Failure> = BTreeMap::new();
    let mut total = 0;
    pass(input, tables, |n, entry, block| {
        let table = &tables[n];
        let (count, mut written) = open.remove(&n).unwrap_or((0, Written::nothing()));
        if failed.contains_key(&n) {
            return Ok(());
        }
        let done = block.rows().map_err(Failure::from).and_then(|mut rows| {
            export.rows(table, entry, &mut rows, &mut written, || files.open(table))
        });
        let done = done.and_then(|()| {
            if count + 1 < table.entries.len() {
                open.insert(n, (count + 1, written));
                return Ok(0);
            }
            export.finish(table, written)
        });
        match done {
            Ok(rows) => total += rows,
            Err(failure) if is_of_one_table(&failure) => {
                files.remove(table)?;
                failed.insert(n, failure);
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    })?;
    Ok((total, failed.into_iter().collect()))
}

/// Whether another table may do better: not where a file could not be read or written.
fn is_of_one_table(failure: &Failure) -> bool {
    matches!(failure, Failure::Archive(error) if !matches!(error.kind(), ErrorKind::Io(_)))
}

/// Says what is wrong with which tables. It is a failure if that is all of them.
fn all_failed(mut failed: Vec<(usize, Failure)>, tables: usize) -> Result<(), Failure> {
    let count = failed.len();
    let last = if count == tables { failed.pop() } else { None };
    for (_, failure) in &failed {
        message::error(failure);
    }
    match last {
        None => Ok(()),
        Some((_, last)) if count == 1 => Err(last),
        Some((_, last)) => {
            message::error(last);
            Err(Failure::Usage(format!("all {count} tables failed, so there is no output")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names() {
        for (list, names) in [
            ("a,b", &["a", "b"][..]),
            ("\"a,b\",c d", &["a,b", "c d"]),
            ("\"say \"\"x\"\"\"", &["say \"x\""]),
            ("", &[""]),
        ] {
            let found = split_names(list.as_bytes());
            let found: Vec<_> = found.iter().map(|name| str::from_utf8(name).unwrap()).collect();
            assert_eq!(found, names);
        }
    }
}
