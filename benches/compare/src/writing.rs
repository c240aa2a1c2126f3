//! `pgdmp convert` beside the tools that do the part of it that takes time.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use pgdmp::Algorithm;

use crate::measure::{self, Contender};
use crate::{Figure, Result, Target, prepare, print, stored};
use pgdmp_testkit::large::{Contents, Layout};

/// A directory archive or a custom one, written anew.
struct Writing {
    name: &'static str,
    archive: &'static str,
    layout: Layout,
    /// Options of `convert`.
    options: &'static str,
    rival: Rival,
    targets: Vec<Target>,
}

enum Rival {
    /// Copies the archive.
    Cp,
    /// Reads standard input and writes standard output. It gets the file of each table.
    Filter(&'static str),
}

fn all() -> Vec<Writing> {
    let files = || Layout::directory(16, Algorithm::None);
    let wall = |most| vec![Target::Ratio(Figure::Wall, most)];
    let copy = |name, archive, layout, options| Writing {
        name,
        archive,
        layout,
        options,
        rival: Rival::Cp,
        targets: wall(1.5),
    };
    let compress = |name, options, filter, targets| Writing {
        name,
        archive: "wide-none.dir",
        layout: files(),
        options,
        rival: Rival::Filter(filter),
        targets,
    };
    let no_larger = Target::Size(1.0);
    vec![
        copy("copy, none", "wide-none.dump", Layout::custom(16, Algorithm::None), ""),
        copy("copy, zstd", "wide-zstd.dump", Layout::custom(16, Algorithm::Zstd), ""),
        copy("copy, none, directory", "wide-none.dir", files(), ""),
        copy(
            "copy of two tables, zstd",
            "wide-zstd.dump",
            Layout::custom(16, Algorithm::Zstd),
            "-t orders -t events",
        ),
        compress(
            "compress, gzip",
            "-Z gzip",
            "gzip -6",
            vec![Target::Ratio(Figure::Cpu, 0.5), no_larger],
        ),
        compress("compress, gzip, 2 threads", "-Z gzip -j 2", "pigz -6 -p2", wall(1.0 / 1.8)),
        compress("compress, zstd", "-Z zstd", "zstd -3 -q --single-thread", wall(1.0 / 0.9)),
        compress("compress, zstd, 2 threads", "-Z zstd -j 2", "zstd -3 -q -T2", wall(1.0 / 0.9)),
        compress("compress, lz4", "-Z lz4", "lz4 -1 -q", wall(1.0 / 0.9)),
    ]
}

/// Whether all targets are met.
pub(crate) fn compare(
    only: &str,
    size: u64,
    runs: usize,
    program: &Path,
    folder: &Path,
) -> Result<bool> {
    let mut met = true;
    for writing in all() {
        if writing.name.contains(only) {
            met &= writing.run(size, runs, program, folder)?;
        }
    }
    Ok(met)
}

impl Writing {
    fn run(&self, size: u64, runs: usize, program: &Path, folder: &Path) -> Result<bool> {
        let path = folder.join(self.archive);
        prepare(&path, self.layout, Contents::Wide { bytes: size << 20 })?;
        println!("{} ({} MB stored)", self.name, stored(&path)? >> 20);
        let (ours, theirs) = (folder.join("written-by-pgdmp"), folder.join("written-by-other"));
        let (name, command) = match self.rival {
            Rival::Cp => ("cp", format!("cp -r {} {}", quoted(&path), quoted(&theirs))),
            Rival::Filter(filter) => {
                let name = filter.split(' ').next().unwrap_or(filter);
                if !is_there(name) {
                    println!("  skipped: {name} is not installed\n");
                    return Ok(true);
                }
                (name, self.filter_all(filter, &path, &theirs)?)
            }
        };
        let convert = format!(
            "{} convert -q {} {} {}",
            quoted(program),
            self.options,
            quoted(&path),
            quoted(&ours)
        );
        let mut contenders = vec![
            Contender::new("pgdmp", anew(&ours, &convert)),
            Contender::new(name, anew(&theirs, &command)),
        ];
        // What another has left to write does not count against this one. Of them all only pgdmp waits
        // until its output is on the disk.
        let sync = || drop(Command::new("sync").status());
        measure::run_all(&mut contenders, runs, false, sync);
        let sizes = stored(&ours)? as f64 / stored(&theirs)? as f64;
        let met = print(&contenders, &self.targets, sizes)?;
        for path in [ours, theirs] {
            fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path))?;
        }
        println!();
        Ok(met)
    }

    /// A command that filters the file of each table into a folder.
    fn filter_all(&self, filter: &str, from: &Path, to: &Path) -> Result<String> {
        let mut command = format!("mkdir {}", quoted(to));
        for file in fs::read_dir(from)? {
            let file = file?.path();
            if file.extension().is_some_and(|end| end == "dat") && !file.ends_with("toc.dat") {
                let target = to.join(file.file_name().unwrap_or_default());
                command += &format!(" && {filter} < {} > {}", quoted(&file), quoted(&target));
            }
        }
        Ok(command)
    }
}

/// A command that begins without what an earlier run left.
fn anew(output: &Path, command: &str) -> Vec<OsString> {
    ["sh".into(), "-c".into(), format!("rm -rf {} && {command}", quoted(output)).into()].into()
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}
