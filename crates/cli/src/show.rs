//! `pgdmp show`.

mod html;
mod object;
mod overview;

use std::ffi::OsString;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::du::warn_if_cut;
use crate::inputs::Inputs;
use crate::output::Output;
use crate::place::Place;
use crate::{Context, Exit, Failure, input, json};
use overview::Overview;
use pgdmp::Input;

/// Show what an archive has, on one screen, or everything about one object
///
/// Without OBJECT, the output says how and when the archive was made, which releases read it, what must
/// be on a server before it is restored (schemas, extensions, roles), and which tables are the largest.
/// With OBJECT, it has the object's definition, owner, privileges, comment, dependencies in both
/// directions, and the size of its data; of a table also its columns, keys, foreign keys, indexes and
/// triggers. --html writes all of it as one page for a browser.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp show backup.dump
  pgdmp show backup.dump public.orders
  pgdmp show backup.dump 'FUNCTION public.total(integer)'
  pgdmp show --json backup.dump 3457
  pgdmp show --html backup.html backup.dump")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// A name (orders, public.orders), a dump id, or a kind and a name
    objects: Vec<OsString>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write a page for a browser to this file, or - for standard output
    ///
    /// It is one file and loads nothing. It has sizes, all entries with a search, their dependencies and
    /// definitions.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "objects"])]
    html: Option<PathBuf>,
    /// Replace the page if it exists
    #[arg(long, requires = "html")]
    force: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (mut input, _) = input::open(&args.archive, context)?;
    let toc = input.toc();
    let mut entries = Vec::new();
    for object in &args.objects {
        let object = object.as_encoded_bytes();
        entries.extend(crate::object::find_all(toc, object, "is not shown", |_| true)?);
    }
    // Without offsets that would be a walk over all of it, and no size is shown.
    if let Input::Archive(archive) = &input
        && overview::random_access(&input) != Some(false)
    {
        warn_if_cut(archive);
    }
    if let Some(path) = &args.html {
        write_page(args, path, &input)?;
    } else {
        let mut out = Output::new();
        let written = match (entries.is_empty(), args.json) {
            (true, true) => {
                let value = Overview::of(&input, &args.archive).json();
                json::write_pretty(&value, &mut out).and_then(|()| out.write_all(b"\n"))
            }
            (true, false) => Overview::of(&input, &args.archive).text(&mut out),
            (false, true) => object::json(&input, &entries, &mut out),
            (false, false) => object::text(&input, &entries, &mut out),
        };
        written.map_err(Failure::Output)?;
        out.finish()?;
    }
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(Exit::Done)
}

fn write_page(args: &Args, path: &Path, input: &Input) -> Result<(), Failure> {
    let overview = Overview::of(input, &args.archive);
    if path.as_os_str() == "-" {
        let mut out = Output::new();
        html::write(&overview, &mut out).map_err(Failure::Output)?;
        return out.finish();
    }
    let inputs = Inputs::archives([args.archive.as_path()]);
    match Place::of_rows(path, inputs, args.force)? {
        Place::New(new) => {
            new.write(|aside| {
                let file = fs::File::create(aside).map_err(Failure::Output)?;
                let mut out = BufWriter::new(file);
                html::write(&overview, &mut out).map_err(Failure::Output)?;
                out.flush().map_err(Failure::Output)
            })?;
            new.publish()
        }
        Place::Stream(out) => {
            let mut out = BufWriter::new(out);
            html::write(&overview, &mut out).map_err(Failure::Output)?;
            let out = out.into_inner().map_err(|error| Failure::Output(error.into_error()))?;
            out.finish()
        }
    }
}
