//! The program `pgdmp`: see `pgdmp --help`. It uses the library's public interface alone.

mod adapt;
mod args;
mod aside;
mod cat;
mod colour;
mod columns;
mod completions;
mod convert;
mod count;
mod data_entry;
mod deps;
mod diff;
mod du;
mod dump;
mod event;
mod exit;
mod explain;
mod export;
mod find;
mod folder;
mod grep;
mod guess;
mod head;
mod hint;
mod input;
mod inputs;
mod json;
#[cfg(unix)]
mod leftovers;
mod list;
mod made;
mod man;
mod manifest;
mod mask;
mod merge;
mod message;
mod object;
mod output;
mod place;
mod progress;
mod reindex;
mod replace;
mod rest;
mod restore;
mod row_filter;
mod salvage;
mod selection;
mod show;
mod signals;
mod split;
mod stdio;
mod table;
mod target;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use pgdmp::OpenOptions;

use exit::{Exit, Failure};

/// What a command has to work with, besides its own arguments.
#[derive(Debug)]
struct Context {
    quiet: bool,
    follow_links: bool,
}

impl Context {
    /// How archives are opened.
    fn options(&self) -> OpenOptions {
        options().follow_links(self.follow_links)
    }
}

/// How archives are opened: one table is decompressed by all processors, where its form allows it.
fn options() -> OpenOptions {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(16));
    OpenOptions::new().threads(threads as u32)
}

/// Runs the program with the arguments of the process.
fn main() -> ExitCode {
    signals::ignore_file_size();
    let mut args = std::env::args_os();
    let invoked = args.next().unwrap_or_default();
    if restore::is_called_pg_restore(&invoked) {
        return restore::run_as_pg_restore(invoked, args);
    }
    completions::answer();
    let args: Vec<OsString> = args.collect();
    // Its options are pg_restore's, which clap could not take apart the same way.
    let quiet = args.iter().take_while(|arg| *arg == "-q" || *arg == "--quiet").count();
    if args.get(quiet).is_some_and(|arg| arg == "restore") {
        return restore::run_as_command(args.into_iter().skip(quiet + 1), quiet > 0);
    }
    let cli = match guess::parse(invoked, args) {
        Ok(cli) => cli,
        Err(error) => return exit::parsed(&error),
    };
    colour::set(cli.color);
    let context = Context { quiet: cli.quiet, follow_links: cli.follow_links };
    let result = match cli.command {
        args::Command::List(args) => list::run(&args, &context),
        args::Command::Show(args) => show::run(&args, &context),
        args::Command::Cat(args) => cat::run(&args, &context),
        args::Command::Du(args) => du::run(&args, &context),
        args::Command::Grep(args) => grep::run(&args, &context),
        args::Command::Deps(args) => deps::run(&args, &context),
        args::Command::Head(args) => head::run(&args, &context),
        args::Command::Find(args) => find::run(&args, &context),
        args::Command::Count(args) => count::run(&args, &context),
        args::Command::Export(args) => export::run(&args, &context),
        args::Command::Diff(args) => diff::run(&args, &context),
        args::Command::Convert(args) => convert::run(&args, &context),
        args::Command::Mask(args) => mask::run(&args, &context),
        args::Command::Reindex(args) => reindex::run(&args, &context),
        args::Command::Split(args) => split::run(&args, &context),
        args::Command::Merge(args) => merge::run(&args, &context),
        args::Command::Dump(args) => dump::run(&args, &context),
        args::Command::Restore(args) => return restore::run(args, &context),
        args::Command::Salvage(args) => salvage::run(&args, &context),
        args::Command::Verify(args) => verify::run(&args, &context),
        args::Command::Completions(args) => completions::run(&args),
        args::Command::Man(args) => man::run(&args),
    };
    exit::report(result)
}
