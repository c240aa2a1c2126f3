//! `pgdmp man`.

use std::io::Write;
use std::path::PathBuf;

use crate::args::documented;
use crate::output::Output;
use crate::{Exit, Failure};

/// Print the manual page
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp man | man -l -
  pgdmp man --dir ~/.local/share/man/man1   one page for each command")]
pub(crate) struct Args {
    /// Write the pages of all commands into this directory
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let command = documented();
    if let Some(dir) = &args.dir {
        clap_mangen::generate_to(command, dir).map_err(Failure::Output)?;
        return Ok(Exit::Done);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(Failure::Output)?;
    let mut out = Output::new();
    out.write_all(&page).map_err(Failure::Output)?;
    out.finish()?;
    Ok(Exit::Done)
}
