//! `pgdmp reindex`.

use std::path::PathBuf;

use crate::{Context, Exit, Failure, message};

/// Write missing data offsets into a custom archive, in place
///
/// pg_dump leaves out the data offsets when it writes to a pipe, and since PostgreSQL 16 also when
/// its output is redirected (> FILE). Without offsets, reading one table takes a search, and
/// pg_restore -j cannot start with the largest tables. reindex finds the offsets by walking over
/// the file, without reading the data, and writes them into it.
///
/// Each change is first noted in a journal, ARCHIVE.pgdmp-journal. If the program is killed, the
/// archive has its old table of contents, the new one, or the journal beside it. In each case it can
/// be read as before, and running reindex again completes the change.
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
