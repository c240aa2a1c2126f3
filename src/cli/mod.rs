//! The program. It uses the library's public interface alone, and is no part of it: what is
//! here may change with any release.

mod args;
mod cat;
mod completions;
mod deps;
mod du;
mod exit;
mod input;
mod json;
mod list;
mod local_time;
mod man;
mod object;
mod output;
mod progress;
mod selection;
mod show;
mod table;

use std::process::ExitCode;

use clap::Parser;

pub use exit::{Exit, Failure};

/// What a command has to work with, besides its own arguments.
#[derive(Debug)]
struct Context {
    quiet: bool,
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let context = Context { quiet: cli.quiet };
    let result = match cli.command {
        args::Command::List(args) => list::run(&args, &context),
        args::Command::Show(args) => show::run(&args, &context),
        args::Command::Cat(args) => cat::run(&args, &context),
        args::Command::Du(args) => du::run(&args, &context),
        args::Command::Deps(args) => deps::run(&args, &context),
        args::Command::Completions(args) => completions::run(&args),
        args::Command::Man(args) => man::run(&args),
    };
    exit::report(result)
}
