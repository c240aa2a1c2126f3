//! `pgdmp reindex`.

use std::path::PathBuf;

use crate::{Context, Exit, Failure, message};

/// Write missing data offsets into a custom archive
///
/// An archive that pg_dump wrote through a pipe, or since PostgreSQL 16 with > FILE, does not
/// say where in it each table's data is. Whoever wants one table has to look for it, and
/// pg_restore -j cannot tell large tables from small ones. The offsets are found by walking over
/// the file, without reading its data, and written into it in place.
///
/// What it is about to write it first notes in a journal, ARCHIVE.pgdmp-journal. Whenever it is
/// killed it leaves the old table of contents, or the new one, or the journal, with which running
/// it again completes the new one. Until then the archive is read as ever.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp reindex backup.dump")]
pub(crate) struct Args {
    /// File in custom format
    archive: PathBuf,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.archive.as_os_str() == "-" {
        return Err(Failure::Usage(
            "offsets are written into a file; convert - FILE writes one that has them".to_owned(),
        ));
    }
    let done = pgdmp::edit::reindex(&args.archive)?;
    if !context.quiet {
        if done.resumed {
            message::info("an earlier run had been ended; this one completed it");
        }
        match done.written {
            0 => {
                let entries = done.entries;
                message::info(format_args!("all {entries} entries with data have their offset"));
            }
            n => message::info(format_args!("{n} offsets written")),
        }
    }
    Ok(Exit::Done)
}
