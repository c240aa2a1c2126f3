//! `pgdmp completions`, and what the scripts that it prints ask for.
//!
//! The scripts are short: they run the program itself with `PGDMP_COMPLETE` set, and it answers with what
//! could come next. So names of objects come from the archive on the command line.

mod values;

use std::io::Write;

use clap_complete::Shell;
use clap_complete::env::{CompleteEnv, Shells};

use crate::args::documented;
use crate::output::Output;
use crate::{Exit, Failure};

/// The variable of the environment by which a shell asks.
const ASKED: &str = "PGDMP_COMPLETE";

/// Print a completion script for a shell
///
/// It completes commands, options and their values, and objects of the archive on the command line. It asks
/// the program pgdmp for that, so it stays right when that is replaced by another version.
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
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&args.shell.to_string()) {
        let written = shell.write_registration(ASKED, "pgdmp", "pgdmp", "pgdmp", &mut script);
        written.map_err(Failure::Output)?;
    }
    let mut out = Output::new();
    out.write_all(&script).map_err(Failure::Output)?;
    out.finish()?;
    Ok(Exit::Done)
}

/// Answers a shell that asks what could come next, and ends the program then.
pub(crate) fn answer() {
    if std::env::var_os(ASKED).is_some_and(|asked| !asked.is_empty()) {
        CompleteEnv::with_factory(|| values::add(documented())).var(ASKED).bin("pgdmp").complete();
    }
}
