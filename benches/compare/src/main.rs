//! Runs pgdmp, pg_restore, other crates, and tools that copy and compress on the same archives, and
//! prints how they compare.

mod child;
mod measure;
mod writing;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use pgdmp::Algorithm;

use child::{Reader, Work};
use measure::{Contender, Usage};
use pgdmp_testkit::large::{Contents, LAST_TABLE, Layout};

const HELP: &str = "\
Runs pgdmp, pg_restore and other crates on the same archives, and prints how they compare.

Usage: compare [OPTIONS]

Options:
  --pg-restore CMD  The pg_restore to compare with, with first arguments [default: pg_restore]
  --size MB         Size of the large archives, not compressed [default: 1024]
  --runs N          Measured runs of each contender, after one that is not [default: 3]
  --only TEXT       Only comparisons with TEXT in their name
  --dir DIR         Keep the archives here, and use those that are here
  --no-peers        Without other crates
";

pub(crate) type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    match run(env::args_os().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: Vec<OsString>) -> Result<ExitCode> {
    if args.first().is_some_and(|arg| arg == child::COMMAND) {
        child::run(&args[1..])?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(options) = Options::parse(args)? else {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let temporary = tempfile::tempdir()?;
    let folder = match &options.dir {
        Some(dir) => {
            fs::create_dir_all(dir)?;
            dir.as_path()
        }
        None => temporary.path(),
    };
    compare(&options, folder)
}

struct Options {
    pg_restore: Vec<String>,
    size: u64,
    runs: usize,
    only: String,
    dir: Option<PathBuf>,
    peers: bool,
}

impl Options {
    /// `None`: help is wanted.
    fn parse(args: Vec<OsString>) -> Result<Option<Self>> {
        let mut options = Options {
            pg_restore: vec!["pg_restore".to_owned()],
            size: 1024,
            runs: 3,
            only: String::new(),
            dir: None,
            peers: true,
        };
        let mut args = args.into_iter().map(|arg| arg.to_string_lossy().into_owned());
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--pg-restore" => {
                    options.pg_restore = value()?.split_whitespace().map(str::to_owned).collect();
                }
                "--size" => options.size = value()?.parse()?,
                "--runs" => options.runs = value()?.parse::<usize>()?.max(1),
                "--only" => options.only = value()?,
                "--dir" => options.dir = Some(value()?.into()),
                "--no-peers" => options.peers = false,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown option {arg}; see --help").into()),
            }
        }
        Ok(Some(options))
    }
}

/// What is measured.
#[derive(Clone, Copy)]
enum Figure {
    Cpu,
    Wall,
    Memory,
}

enum Target {
    /// At most so much of what the first rival takes.
    Ratio(Figure, f64),
    /// At most so many MB of memory. The tables of contents where this is asked for are small.
    Memory(f64),
    /// At most so large an output.
    Size(f64),
}

struct Comparison {
    name: String,
    archive: String,
    layout: Layout,
    contents: Contents,
    work: Work,
    reader: Reader,
    targets: Vec<Target>,
}

fn comparisons(minor: u8, size: u64) -> Vec<Comparison> {
    let mut all = Vec::new();
    let none = Layout::custom(minor, Algorithm::None);
    let gzip = Layout::custom(minor, Algorithm::Gzip);
    let list = || vec![Target::Ratio(Figure::Cpu, 0.2), Target::Ratio(Figure::Memory, 0.5)];
    all.push(Comparison {
        name: "list 50,000 entries".to_owned(),
        archive: "tables.dump".to_owned(),
        layout: gzip,
        contents: Contents::Tables { count: 10_000 },
        work: Work::List,
        reader: Reader::Pgdmp,
        targets: list(),
    });
    all.push(Comparison {
        name: "list 500,000 entries".to_owned(),
        archive: "objects.dump".to_owned(),
        // Newer archives have no entry for each large object.
        layout: Layout::custom(minor.min(14), Algorithm::None),
        contents: Contents::LargeObjects { count: 500_000 },
        work: Work::List,
        reader: Reader::Pgdmp,
        targets: list(),
    });
    let wide = Contents::Wide { bytes: size << 20 };
    let algorithms = [
        (Algorithm::Gzip, 0.55),
        (Algorithm::Zstd, 0.95),
        (Algorithm::Lz4, 0.8),
        (Algorithm::None, 0.55),
    ];
    for (algorithm, most) in algorithms {
        if minor < 16 && !matches!(algorithm, Algorithm::Gzip | Algorithm::None) {
            continue;
        }
        let targets = || vec![Target::Ratio(Figure::Cpu, most), Target::Memory(32.0)];
        all.push(Comparison {
            name: format!("drain {size} MB, {algorithm}"),
            archive: format!("wide-{algorithm}.dump"),
            layout: Layout::custom(minor, algorithm),
            contents: wide,
            work: Work::Drain,
            reader: Reader::Pgdmp,
            targets: targets(),
        });
        all.push(Comparison {
            name: format!("drain {size} MB, {algorithm}, directory"),
            archive: format!("wide-{algorithm}.dir"),
            layout: Layout::directory(minor, algorithm),
            contents: wide,
            work: Work::Drain,
            reader: Reader::Pgdmp,
            targets: targets(),
        });
    }
    all.push(Comparison {
        name: format!("drain {size} MB, none, long chunks"),
        archive: "wide-none-long.dump".to_owned(),
        layout: none.with_long_chunks(),
        contents: wide,
        work: Work::Drain,
        reader: Reader::Pgdmp,
        // Of that most is copying, which pg_restore does, too.
        targets: vec![Target::Memory(32.0)],
    });
    all.push(Comparison {
        name: format!("drain {size} MB, none, mapped"),
        archive: "wide-none.dump".to_owned(),
        layout: none,
        contents: wide,
        work: Work::Drain,
        reader: Reader::Mapped,
        // All pages of the file count as memory.
        targets: vec![Target::Ratio(Figure::Cpu, 0.55)],
    });
    all.push(Comparison {
        name: "drain 10,000 small tables, gzip".to_owned(),
        archive: "tables.dump".to_owned(),
        layout: gzip,
        contents: Contents::Tables { count: 10_000 },
        work: Work::Drain,
        reader: Reader::Pgdmp,
        targets: vec![Target::Ratio(Figure::Cpu, 0.55)],
    });
    all.push(Comparison {
        name: "drain 500,000 large objects, none".to_owned(),
        archive: "objects.dump".to_owned(),
        layout: Layout::custom(minor.min(14), Algorithm::None),
        contents: Contents::LargeObjects { count: 500_000 },
        work: Work::Drain,
        reader: Reader::Pgdmp,
        targets: vec![Target::Ratio(Figure::Cpu, 0.55)],
    });
    all.push(Comparison {
        name: format!("last table of {size} MB, none, no offsets"),
        archive: "wide-none-piped.dump".to_owned(),
        layout: none.piped(),
        contents: wide,
        work: Work::Table,
        reader: Reader::Pgdmp,
        targets: vec![Target::Ratio(Figure::Wall, 0.2)],
    });
    all
}

fn compare(options: &Options, folder: &Path) -> Result<ExitCode> {
    let (version, major) = pg_restore_version(&options.pg_restore)?;
    let minor = match major {
        17.. => 16,
        16 => 15,
        12.. => 14,
        _ => return Err(format!("pg_restore {version} is older than 12").into()),
    };
    println!("pg_restore {version}, archives of version 1.{minor}");
    println!(
        "{} runs each: medians, and the median of the ratios of pairs of runs\n",
        options.runs
    );
    let program = build_program()?;
    let mut met = true;
    for comparison in comparisons(minor, options.size) {
        if comparison.name.contains(&options.only) {
            met &= comparison.run(options, &program, folder)?;
        }
    }
    met &= writing::compare(&options.only, options.size, options.runs, &program, folder)?;
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn pg_restore_version(command: &[String]) -> Result<(String, u32)> {
    let [program, args @ ..] = command else {
        return Err("--pg-restore is empty".into());
    };
    let output = Command::new(program).args(args).arg("--version").output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // "pg_restore (PostgreSQL) 17.5 (Debian 17.5-1)"
    let version = text.split_whitespace().nth(2).ok_or("pg_restore does not say its version")?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Ok((version.to_owned(), digits.parse()?))
}

/// Builds the program of this tree beside this one, and says where it is.
fn build_program() -> Result<PathBuf> {
    let this = env::current_exe()?;
    let target = this.ancestors().nth(2).ok_or("this program is not in a target directory")?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--quiet", "--bin", "pgdmp", "--manifest-path"])
        .args([manifest.as_os_str(), "--target-dir".as_ref(), target.as_os_str()])
        .status()?;
    if !status.success() {
        return Err("the program does not build".into());
    }
    Ok(target.join("release").join(format!("pgdmp{}", env::consts::EXE_SUFFIX)))
}

impl Comparison {
    /// Whether all targets are met.
    fn run(&self, options: &Options, program: &Path, folder: &Path) -> Result<bool> {
        let path = folder.join(&self.archive);
        prepare(&path, self.layout, self.contents)?;
        println!("{} ({} MB stored)", self.name, stored(&path)? >> 20);
        let ours = match self.work {
            Work::List => vec![program.into(), "list".into(), path.clone().into()],
            // What throws data away is no command of the program.
            Work::Drain | Work::Table => child::command(self.work, self.reader, &path)?,
        };
        let mut contenders = vec![
            Contender::new("pgdmp", ours),
            Contender::new("pg_restore", self.pg_restore(&options.pg_restore, &path)),
        ];
        if options.peers {
            for reader in Reader::PEERS {
                let command = child::command(self.work, reader, &path)?;
                contenders.push(Contender::new(reader.name(), command));
            }
        }
        measure::run_all(&mut contenders, options.runs, !matches!(self.work, Work::List), || {});
        let met = print(&contenders, &self.targets, f64::NAN);
        println!();
        met
    }

    fn pg_restore(&self, command: &[String], path: &Path) -> Vec<OsString> {
        let mut command: Vec<OsString> = command.iter().map(Into::into).collect();
        let args: &[&str] = match self.work {
            Work::List => &["-l"],
            Work::Drain => &["-f", "/dev/null"],
            Work::Table => &["-t", LAST_TABLE, "-f", "/dev/null"],
        };
        command.extend(args.iter().map(Into::into));
        command.push(path.into());
        command
    }
}

/// Makes an archive, if it is not there.
fn prepare(path: &Path, layout: Layout, contents: Contents) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    // In a process of its own: what a child counts as its peak memory includes that of the process
    // that started it.
    measure::run_once(&child::generate(path, layout, contents)?)
}

/// Says whether all targets are met. `size`: of our output, compared with the rival's.
fn print(contenders: &[Contender], targets: &[Target], size: f64) -> Result<bool> {
    println!(
        "  {:<12} {:>9} {:>9} {:>10} | pgdmp takes of it: {:>6} {:>6} {:>6}",
        "", "CPU s", "wall s", "memory MB", "CPU", "wall", "memory"
    );
    let mut met = true;
    let [ours, others @ ..] = contenders else {
        return Ok(false);
    };
    let usage = ours.median().map_err(|error| format!("pgdmp failed: {error}"))?;
    println!("  {:<12} {}", ours.name, row(usage));
    for other in others {
        match other.median() {
            Err(error) => println!("  {:<12} fails: {error}", other.name),
            Ok(usage) => {
                let of = |figure| ours.ratio(other, |usage| figure_of(usage, figure));
                let [cpu, wall, memory] = [Figure::Cpu, Figure::Wall, Figure::Memory].map(of);
                println!(
                    "  {:<12} {} | {:>18} {cpu:>6.2} {wall:>6.2} {memory:>6.2}",
                    other.name,
                    row(usage),
                    ""
                );
            }
        }
    }
    let [rival, ..] = others else {
        return Ok(false);
    };
    for target in targets {
        let (what, value, most) = match *target {
            Target::Ratio(figure, most) => {
                let value = ours.ratio(rival, |usage| figure_of(usage, figure));
                let what = match figure {
                    Figure::Cpu => "CPU",
                    Figure::Wall => "time",
                    Figure::Memory => "memory",
                };
                (format!("of {}'s {what}", rival.name), value, most)
            }
            Target::Size(most) => (format!("of {}'s size", rival.name), size, most),
            Target::Memory(most) => ("MB".to_owned(), figure_of(usage, Figure::Memory), most),
        };
        let verdict = if value <= most { "met" } else { "NOT MET" };
        met &= value <= most;
        println!("  {value:.2} {what}, wanted at most {most}: {verdict}");
    }
    Ok(met)
}

fn figure_of(usage: Usage, figure: Figure) -> f64 {
    match figure {
        Figure::Cpu => usage.cpu.as_secs_f64(),
        Figure::Wall => usage.wall.as_secs_f64(),
        Figure::Memory => usage.memory as f64 / f64::from(1 << 20),
    }
}

fn row(usage: Usage) -> String {
    let of = |figure| figure_of(usage, figure);
    format!("{:>9.3} {:>9.3} {:>10.1}", of(Figure::Cpu), of(Figure::Wall), of(Figure::Memory))
}

/// Bytes of a file, or of all files in a directory.
fn stored(path: &Path) -> Result<u64> {
    let metadata = fs::metadata(path)?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let mut bytes = 0;
    for file in fs::read_dir(path)? {
        bytes += file?.metadata()?.len();
    }
    Ok(bytes)
}
