//! The program: see `pgdmp --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pgdmp::cli::main()
}
