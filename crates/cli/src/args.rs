//! The commands, and what all of them share.

use clap::{CommandFactory, Parser, Subcommand};

use crate::{cat, completions, convert, deps, du, list, man, merge, reindex, restore, show, split};

/// Read PostgreSQL's dump archives: what pg_dump -Fc, -Fd and -Ft made, without a server.
#[derive(Debug, Parser)]
#[command(
    name = "pgdmp",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  pgdmp list backup.dump                what is in it, as pg_restore -l says it
  pgdmp cat backup.dump public.orders   the rows of one table
  pgdmp du backup/                      which tables are large
  pgdmp convert a.dump b.dump -n sales  a new archive of one schema
  ssh db pg_dump -Fc app | pgdmp du -   the same, straight from a pipe

ARCHIVE is a file (custom or tar format), a directory, or - for standard input.
OBJECT is a name (orders), a name with its schema (public.orders), a name with
its kind ('INDEX public.orders_pkey'), or a dump id from the list (3457).

Exit status: 0 done, 1 a negative answer, or nothing there of what was asked
for, 2 failed."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// No progress on a terminal
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Read files of a directory archive that are links to elsewhere
    // The id of the same option of restore, which has it in its own list.
    #[arg(id = "follow-links", long, global = true)]
    pub(crate) follow_links: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Show(show::Args),
    Cat(cat::Args),
    Du(du::Args),
    Deps(deps::Args),
    Convert(Box<convert::Args>),
    Reindex(reindex::Args),
    Split(split::Args),
    Merge(merge::Args),
    Restore(restore::Args),
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
