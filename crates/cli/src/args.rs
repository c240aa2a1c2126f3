//! The commands, and what all of them share.

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    cat, colour, completions, convert, count, deps, diff, du, dump, export, find, grep, head, list,
    man, mask, merge, reindex, restore, salvage, show, split, verify,
};

/// Read, edit, convert and restore PostgreSQL dump archives (pg_dump -Fc, -Fd, -Ft)
#[derive(Debug, Parser)]
#[command(
    name = "pgdmp",
    version,
    long_version = LONG_VERSION,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  pgdmp backup.dump                     what it is, as pgdmp show backup.dump
  pgdmp list backup.dump                the table of contents, as pg_restore -l prints it
  pgdmp cat backup.dump public.orders   the rows of one table
  pgdmp du backup/                      the size of each table
  pgdmp convert a.dump b.dump -n sales  a new archive with one schema
  ssh db pg_dump -Fc app | pgdmp du -   sizes, read from a pipe

ARCHIVE is a file (custom or tar format), a directory, or - for standard input.
Without it, what comes through a pipe is read. A file or pipe that was compressed
as a whole (backup.dump.gz, .zst, .lz4) is decompressed while it is read.
OBJECT is a name (orders), a name with its schema (public.orders), a name with
its kind ('INDEX public.orders_pkey'), a pattern ('sales.*'), a dump id from the
list (3457), or the OID of a large object. A function needs no arguments, and a
trigger or constraint no table, where that is clear.

Exit status: 0 success, 1 a negative answer or something not found, 2 failure."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Do not show progress on a terminal
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub(crate) color: colour::When,

    /// In a directory archive, follow links to files outside it
    // The id of the same option of restore, which has it in its own list.
    #[arg(id = "follow-links", long, global = true)]
    pub(crate) follow_links: bool,
}

/// What --version says, and -V does not.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nreads archives 1.0 to 1.16 (PostgreSQL 7.1 to 19), writes 1.12 to 1.16",
    "\ncompressions: none, gzip, lz4, zstd"
);

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(visible_alias = "ls")]
    List(list::Args),
    #[command(visible_alias = "info")]
    Show(show::Args),
    Cat(cat::Args),
    #[command(visible_alias = "tables")]
    Du(du::Args),
    Grep(grep::Args),
    Deps(deps::Args),
    Head(head::Args),
    Find(find::Args),
    Count(count::Args),
    Export(Box<export::Args>),
    Diff(Box<diff::Args>),
    Convert(Box<convert::Args>),
    Mask(Box<mask::Args>),
    Reindex(reindex::Args),
    Split(split::Args),
    Merge(merge::Args),
    Dump(Box<dump::Args>),
    Restore(restore::Args),
    Verify(verify::Args),
    Salvage(salvage::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// All commands with all that they take: `restore` parses its own options, as pg_restore does.
pub(crate) fn documented() -> clap::Command {
    Cli::command().mut_subcommand("restore", restore::documented)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Cli::command().debug_assert();
        super::documented().debug_assert();
    }
}
