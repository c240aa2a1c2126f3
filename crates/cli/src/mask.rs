//! `pgdmp mask`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::convert::tell;
use crate::input;
use crate::inputs::Inputs;
use crate::json;
use crate::output::Output;
use crate::place::{self, Place};
use crate::table::{Align, Table};
use crate::target::StorageArgs;
use crate::{Context, Exit, Failure, message};
use pgdmp::{Archive, Conversion, Error, Input};
use pgdmp_mask::{Counts, Key, Personal, Plan, PlanOptions, Rules, Search};

/// Bytes of the rules, at most.
const MOST_RULES: u64 = 16 << 20;

/// Mask columns of an archive: names, addresses and the like become others
///
/// The output is an archive with the same tables, in which the columns that the rules name have
/// other values. Equal values become equal, so foreign keys stay intact: a mask goes on to the
/// columns that reference the column, or that it references. NULL stays NULL. With the same key, the
/// same value becomes the same every time.
///
/// The rules are a file in TOML:
///
///   [tables."public.users"]         # schema and table, or the table alone
///   email = "email"                 # column = "mask"
///   born = "date:30,by=id"
///   [columns]                       # columns of this name in every table
///   phone = "digits"
///   [drop]                          # rows that are left out
///   "public.sessions" = "all"
///   "public.orders" = ["state=cancelled", "total IS NULL"]
///
/// The masks:
///
///   keep               the value stays; a mask that would have to go on to it is refused
///   null               NULL
///   fixed:TEXT         TEXT
///   hash, hash:N       16 or N hexadecimal digits
///   email              u, 12 hexadecimal digits and @example.com; email:keep-domain
///   digits             other digits in their places, all else stays; different values stay different
///   int, int:A-B       another number of the column's type, or from A to B; these stay different
///   uuid               a UUID
///   date:DAYS          up to DAYS days earlier or later; date:DAYS,by=COLUMN moves all dates with the
///                      same value in COLUMN together
///   name               a name from a list; name:first, name:last
///   words              as many words from a list
///   partial:A,B        all but the first A and the last B characters become *
///   bytes              as many other bytes
///
/// Elements of arrays are masked one by one.
///
/// What would not restore is refused before anything is written: NULL where the column is NOT NULL,
/// equal values in a unique column, a result that the type or the length of the column does not
/// take. CHECK constraints and domains are warnings.
///
/// Not masked are large objects, comments, and definitions with their defaults. Statistics of the
/// planner are left out. Afterwards the rows of the output are counted; in a pipe they are not.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples:
  pgdmp mask backup.dump --check                         which columns look personal
  pgdmp mask backup.dump --check --rules rules.toml      which of them have no rule
  pgdmp mask backup.dump test.dump --rules rules.toml    with a random key
  openssl rand -hex 32 > key; chmod 600 key
  pgdmp mask backup.dump test.dump --rules rules.toml --key-file key
  ssh db pg_dump -Fc app | pgdmp mask - test.dump --rules rules.toml

Exit status of --check: 0 if every column that looks personal has a rule and no rule is refused,
else 1."
)]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    input: PathBuf,
    /// New file or directory, or - for standard output
    #[arg(required_unless_present = "check")]
    output: Option<PathBuf>,
    /// File with the rules
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    rules: Option<PathBuf>,
    /// File with the key: 16 bytes or more, secret and random. Without it the key is random, and
    /// nobody has it afterwards
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    key_file: Option<PathBuf>,
    /// Write nothing; list the columns that look personal, by their names and the values of the
    /// first rows, and the rules that are refused
    #[arg(long, conflicts_with = "output")]
    check: bool,
    /// Print the list as JSON
    #[arg(long, requires = "check")]
    json: bool,
    /// Take the types and keys of tables from this archive, where the first does not define them, as
    /// one that has data only
    #[arg(long, value_name = "ARCHIVE")]
    types: Option<PathBuf>,
    /// Refuse masks that would go on over foreign keys to columns without a rule
    #[arg(long)]
    no_cascade: bool,
    /// Refuse what cannot be proved to restore, instead of warning
    #[arg(long)]
    strict: bool,
    /// Do what is refused all the same, where that is possible
    #[arg(long)]
    allow_refused: bool,
    /// Replace an existing output, if it is a file or a directory archive
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    storage: StorageArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let files = args.rules.iter().chain(&args.key_file).map(PathBuf::as_path);
    let archives = [&*args.input].into_iter().chain(args.types.as_deref());
    let inputs = Inputs::archives(archives).with_lists(files);
    if let Some(output) = &args.output {
        place::check(output, &inputs)?;
    }
    let rules = match &args.rules {
        Some(path) => read_rules(path)?,
        None => Rules::default(),
    };
    let (mut input, progress) = input::open(&args.input, context)?;
    let mut options = PlanOptions::new().cascade(!args.no_cascade).strict(args.strict);
    if let Some(path) = &args.types {
        options = options.types(context.options().open(path)?.shared_toc());
    }
    let plan = Plan::new(input.toc(), &rules, &options)?;
    // The parser asks for it, unless it is to be checked.
    let Some(output) = &args.output else { return check(args, &mut input, &plan) };
    if rules.is_empty() {
        return Err(Failure::Usage("the rules mask nothing".to_owned()));
    }
    refuse(args, &plan)?;
    let key = match &args.key_file {
        Some(path) => read_key(path)?,
        None => {
            message::note("the key is random and not kept: the next run gives other values");
            Key::random().map_err(|error| Failure::Usage(error.to_string()))?
        }
    };
    let format = args.storage.format_of(output, input.format());
    let place = Place::open(output, inputs, args.force, format)?.synced(args.storage.syncs());
    let counts = plan.counts();
    let rewrites = plan.rewrites(&key, &counts);
    let mut conversion =
        Conversion::rewriting(input.pass(), &args.storage.target().format(format), None, rewrites)?;
    tell(conversion.notes());
    conversion.on_warning(progress.warn());
    conversion.on_entry(progress.on_entry());
    match place {
        Place::New(new) => {
            new.write(|path| {
                conversion.create(path)?;
                let archive = Archive::open(path)?;
                plan.verify(&archive, &counts).map_err(|error| match error.downcast::<Error>() {
                    Ok(error) => Failure::Archive(*error),
                    Err(error) => Failure::Usage(error.to_string()),
                })
            })?;
            new.publish()?;
        }
        Place::Stream(out) => conversion.write_pipe(out)?.finish()?,
    }
    report(&plan, &counts);
    Ok(Exit::Done)
}

fn read_key(path: &Path) -> Result<Key, Failure> {
    let failed = |error| Failure::Usage(format!("{}: {error}", path.display()));
    let key = Key::read(path).map_err(failed)?;
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(path)
        && std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
    {
        message::note(format_args!("{} is not only yours to read: chmod 600", path.display()));
    }
    Ok(key)
}

fn read_rules(path: &Path) -> Result<Rules, Failure> {
    let failed =
        |what: &dyn std::fmt::Display| Failure::Usage(format!("{}: {what}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(MOST_RULES + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
    if text.len() as u64 > MOST_RULES {
        return Err(failed(&"rules are not longer than 16 MiB"));
    }
    Rules::parse(&text).map_err(|error| failed(&error))
}

/// Says what happens beyond the rules, and what speaks against it.
fn refuse(args: &Args, plan: &Plan) -> Result<(), Failure> {
    for column in plan.columns() {
        if let Some(because_of) = &column.because_of {
            message::note(format_args!(
                "{}.{} is masked, too, because of {because_of}: {}",
                column.table, column.column, column.mask
            ));
        }
    }
    plan.warnings().iter().for_each(message::warning);
    let (mut refused, mut can_be_forced) = (0, true);
    for refusal in plan.refusals() {
        if args.allow_refused && refusal.can_be_forced {
            message::warning(refusal);
            continue;
        }
        message::error(refusal);
        refused += 1;
        can_be_forced &= refusal.can_be_forced;
    }
    match (refused, can_be_forced) {
        (0, _) => Ok(()),
        (_, true) => Err(Failure::Usage(format!(
            "refused, for {refused} reasons in all; --allow-refused does it all the same"
        ))),
        (_, false) => Err(Failure::Usage(format!("refused, for {refused} reasons in all"))),
    }
}

/// Says what was done, and what not.
fn report(plan: &Plan, counts: &Counts) {
    let masked = plan.masked(counts);
    let rows: u64 = masked.iter().map(|table| table.rows).sum();
    let dropped: u64 = masked.iter().map(|table| table.dropped).sum();
    message::info(format_args!(
        "masked: {} columns of {} tables with {rows} rows, of which {dropped} were dropped",
        plan.columns().len(),
        masked.len()
    ));
    message::note(format_args!("not masked: {}", plan.not_covered().join("; ")));
}

fn check(args: &Args, input: &mut Input, plan: &Plan) -> Result<Exit, Failure> {
    let personal = personal(input, plan)?;
    let is_negative = personal.iter().any(|column| !column.has_rule) || !plan.refusals().is_empty();
    let mut out = Output::new();
    match args.json {
        true => write_json(&personal, plan, &mut out),
        false => write_text(&personal, plan, &mut out),
    }
    .map_err(Failure::Output)?;
    out.finish()?;
    Ok(if is_negative { Exit::Negative } else { Exit::Done })
}

/// The columns that look personal, of all tables with rows.
fn personal(input: &mut Input, plan: &Plan) -> Result<Vec<Personal>, Failure> {
    let toc = input.shared_toc();
    let search = Search::new(&toc, plan);
    let mut found = Vec::new();
    match input {
        Input::Archive(archive) => {
            for entry in archive.entries().filter(|entry| Search::has_rows(*entry)) {
                if archive.has_data(entry)? {
                    let mut rows = archive.rows(entry.dump_id())?;
                    found.extend(search.columns(entry, Some(&mut rows))?);
                }
            }
        }
        Input::Stream(stream) => {
            let mut pass = stream.pass();
            while let Some(mut block) = pass.next_block()? {
                let Some(entry) = toc.entry(block.dump_id()) else { continue };
                if Search::has_rows(entry) {
                    let mut rows = block.rows()?;
                    found.extend(search.columns(entry, Some(&mut rows))?);
                }
            }
        }
    }
    Ok(found)
}

/// What the rules say of a column that looks personal, or could say.
fn rule(column: &Personal, plan: &Plan) -> String {
    let is_same = |masked: &&pgdmp_mask::MaskedColumn| {
        masked.table == column.table && masked.column == column.column
    };
    match plan.columns().find(is_same) {
        Some(masked) => masked.mask.to_string(),
        None if column.has_rule => "keep".to_owned(),
        None => format!("none; {} fits", column.suggestion),
    }
}

fn write_text(personal: &[Personal], plan: &Plan, out: &mut Output) -> io::Result<()> {
    use std::io::Write;

    let left = Align::Left;
    let mut table = Table::new(&[
        ("TABLE", left),
        ("COLUMN", left),
        ("TYPE", left),
        ("LOOKS LIKE", left),
        ("BY", left),
        ("RULE", left),
    ]);
    for column in personal {
        table.row(vec![
            column.table.clone(),
            column.column.clone(),
            column.data_type.clone(),
            column.looks_like.to_owned(),
            if column.by_values { "values" } else { "name" }.to_owned(),
            rule(column, plan),
        ]);
    }
    match personal {
        [] => writeln!(out, "no column looks personal")?,
        _ => table.print(out)?,
    }
    for column in plan.columns() {
        if let Some(because_of) = &column.because_of {
            let (table, name) = (&column.table, &column.column);
            writeln!(out, "masked, too: {table}.{name}, because of {because_of}")?;
        }
    }
    for refusal in plan.refusals() {
        let how = if refusal.can_be_forced { " (--allow-refused does it)" } else { "" };
        writeln!(out, "refused: {refusal}{how}")?;
    }
    plan.warnings().iter().try_for_each(|warning| writeln!(out, "warning: {warning}"))
}

fn write_json(personal: &[Personal], plan: &Plan, out: &mut Output) -> io::Result<()> {
    let personal: Vec<_> = personal
        .iter()
        .map(|column| {
            serde_json::json!({
                "table": column.table,
                "column": column.column,
                "type": column.data_type,
                "looks_like": column.looks_like,
                "by": if column.by_values { "values" } else { "name" },
                "has_rule": column.has_rule,
                "suggestion": column.suggestion,
            })
        })
        .collect();
    let masked: Vec<_> = plan
        .columns()
        .map(|column| {
            serde_json::json!({
                "table": column.table,
                "column": column.column,
                "mask": column.mask.to_string(),
                "because_of": column.because_of,
            })
        })
        .collect();
    let refused: Vec<_> = plan
        .refusals()
        .iter()
        .map(|refusal| {
            serde_json::json!({
                "table": refusal.table,
                "column": refusal.column,
                "why": refusal.why,
                "can_be_forced": refusal.can_be_forced,
            })
        })
        .collect();
    let all = serde_json::json!({
        "personal": personal,
        "masked": masked,
        "refused": refused,
        "warnings": plan.warnings(),
        "not_masked": plan.not_covered(),
    });
    json::write_pretty(&json::numbered(all), out)
}
