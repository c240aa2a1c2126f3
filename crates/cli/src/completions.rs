//! `pgdmp completions`.

use std::io::Write;

use clap_complete::Shell;

use crate::args::documented;
use crate::output::Output;
use crate::{Exit, Failure};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp completions bash > /etc/bash_completion.d/pgdmp
  pgdmp completions zsh > ~/.zfunc/_pgdmp")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    // The generator does not report errors of its output; a script is small.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut documented(), "pgdmp", &mut script);
    let mut out = Output::new();
    out.write_all(&script).map_err(Failure::Output)?;
    out.finish()?;
    Ok(Exit::Done)
}
