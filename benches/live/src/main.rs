//! Restores the same archives with pg_restore, with pgdmp exactly as pg_restore does, and with pgdmp
//! by its faster means, into a server of its own, dumps databases with pg_dump and with pgdmp, and prints
//! how they compare.

mod dump;
mod far;
mod measure;
mod server;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use dump::DUMPS;
use measure::Usage;
use server::Server;
use work::{WORK, Work};

const HELP: &str = "\
Restores the same archives with pg_restore and with pgdmp, and prints how they compare.

Usage: live [OPTIONS]

Options:
  --pgdmp FILE  The program [default: target/release/pgdmp]
  --bin DIR     Where PostgreSQL's programs are [default: the newest in /usr/lib/postgresql]
  --size MB     Size of the rows of large tables, as they are in the archive [default: 256]
  --count N     How many tables, and ten times as many large objects [default: 10000]
  --jobs N      Connections [default: 2]
  --runs N      Measured runs of each contender [default: 3]
  --only TEXT   Only work with TEXT in its name
  --dir DIR     Keep the server and the archives here [default: a temporary folder]
  --without X   A contender that goes without some of the faster means, as restore --without
";

pub(crate) type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

pub(crate) struct Options {
    pub(crate) pgdmp: PathBuf,
    bin: Option<PathBuf>,
    pub(crate) size: u64,
    pub(crate) count: u64,
    pub(crate) jobs: u32,
    runs: usize,
    only: String,
    dir: Option<PathBuf>,
    without: Vec<String>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("live: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    /// `None`: help is wanted.
    fn parse() -> Result<Option<Options>> {
        let mut options = Options {
            pgdmp: "target/release/pgdmp".into(),
            bin: None,
            size: 256,
            count: 10_000,
            jobs: 2,
            runs: 3,
            only: String::new(),
            dir: None,
            without: Vec::new(),
        };
        let mut args = env::args().skip(1);
        while let Some(arg) = args.next() {
            if arg == "--help" {
                return Ok(None);
            }
            let value = args.next().ok_or(format!("{arg} needs a value"))?;
            match &*arg {
                "--pgdmp" => options.pgdmp = value.into(),
                "--bin" => options.bin = Some(value.into()),
                "--size" => options.size = value.parse()?,
                "--count" => options.count = value.parse()?,
                "--jobs" => options.jobs = value.parse()?,
                "--runs" => options.runs = value.parse()?,
                "--only" => options.only = value,
                "--dir" => options.dir = Some(value.into()),
                "--without" => options.without.push(value),
                other => return Err(format!("unknown option {other}").into()),
            }
        }
        options.pgdmp = fs::canonicalize(&options.pgdmp)
            .map_err(|error| format!("{}: {error}", options.pgdmp.display()))?;
        Ok(Some(options))
    }
}

fn run() -> Result<()> {
    let Some(options) = Options::parse()? else {
        print!("{HELP}");
        return Ok(());
    };
    let temporary = tempfile::tempdir()?;
    let folder = options.dir.as_deref().unwrap_or(temporary.path());
    let server = Server::start(options.bin.as_deref(), folder)?;
    for work in WORK.iter().filter(|work| work.name.contains(&options.only)) {
        println!("\n{}: {}", work.name, work.about);
        let archive = work.archive(&server, &options)?;
        compare(&server, &options, work, &archive)?;
    }
    for dump in DUMPS.iter().filter(|dump| dump.name.contains(&options.only)) {
        println!("\n{}: {}", dump.name, dump.about);
        dump.compare(&server, &options)?;
    }
    Ok(())
}

fn compare(server: &Server, options: &Options, work: &Work, archive: &str) -> Result<()> {
    let mut contenders = vec![
        ("pg_restore".to_owned(), work.theirs(server, options, archive)),
        ("exact".to_owned(), work.ours(server, options, archive, &["--exact"])),
        ("fast".to_owned(), work.ours(server, options, archive, &[])),
    ];
    for without in &options.without {
        let command = work.ours(server, options, archive, &["--without", without]);
        contenders.push((format!("without {without}"), command));
    }
    let mut all: Vec<Vec<Usage>> = vec![Vec::new(); contenders.len()];
    for _ in 0..options.runs {
        // In turn, so that what else the machine does hits all of them.
        for ((name, command), usages) in contenders.iter().zip(&mut all) {
            server.sql("postgres", "DROP DATABASE IF EXISTS target")?;
            server.sql("postgres", "CREATE DATABASE target TEMPLATE template0")?;
            server.sql("postgres", "CHECKPOINT")?;
            let usage = measure::restore(server, command, work.far);
            usages.push(usage.map_err(|error| format!("{name}: {error}"))?);
        }
    }
    println!(
        "{:28}{:>9}{:>7}{:>9}{:>7}{:>10}{:>7}{:>9}{:>9}{:>9}",
        "", "wall s", "", "CPU s", "", "WAL MB", "", "commits", "mem MB", "read MB"
    );
    let base = Usage::best(&all[0]);
    for ((name, _), usages) in contenders.iter().zip(&all) {
        let usage = Usage::best(usages);
        println!(
            "{name:28}{:9.2}{:>7}{:9.2}{:>7}{:10.1}{:>7}{:9}{:9.0}{:9.0}",
            usage.wall,
            ratio(usage.wall, base.wall),
            usage.cpu,
            ratio(usage.cpu, base.cpu),
            usage.wal,
            ratio(usage.wal, base.wal),
            usage.commits,
            usage.memory,
            usage.read,
        );
    }
    Ok(())
}

fn ratio(ours: f64, theirs: f64) -> String {
    if theirs > 0.0 { format!("×{:.2}", ours / theirs) } else { String::new() }
}
