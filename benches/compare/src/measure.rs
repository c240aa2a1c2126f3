//! Child processes, and what they cost.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::Result;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// The most bytes of memory at any time.
    pub(crate) memory: u64,
}

/// A program that does the work, and what its runs cost.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    command: Vec<OsString>,
    runs: Vec<Usage>,
    failed: Option<String>,
}

impl Contender {
    pub(crate) fn new(name: &'static str, command: Vec<OsString>) -> Self {
        Contender { name, command, runs: Vec::new(), failed: None }
    }

    /// The median of each figure, or why there is none.
    pub(crate) fn median(&self) -> Result<Usage, &str> {
        if let Some(error) = &self.failed {
            return Err(error);
        }
        Ok(Usage {
            cpu: median(self.runs.iter().map(|usage| usage.cpu)),
            wall: median(self.runs.iter().map(|usage| usage.wall)),
            memory: median(self.runs.iter().map(|usage| usage.memory)),
        })
    }

    /// The median of the ratios of runs that followed each other; not a number if there are none.
    pub(crate) fn ratio(&self, to: &Contender, figure: impl Fn(Usage) -> f64) -> f64 {
        let pairs = self.runs.iter().zip(&to.runs);
        let mut ratios: Vec<f64> = pairs.map(|(a, b)| figure(*a) / figure(*b)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn median<T: Ord + Default + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Runs all in turn, again and again, so that what else the machine does hits all of them.
///
/// The first round is not measured. `same_output`: then those that print anything must print the
/// same as the first contender, or they have not done the work. `before` is done before each run.
pub(crate) fn run_all(
    contenders: &mut [Contender],
    runs: usize,
    same_output: bool,
    before: impl Fn(),
) {
    let mut expected: Option<String> = None;
    for contender in &mut *contenders {
        let stdout = if same_output { Stdio::piped() } else { Stdio::null() };
        match run(&contender.command, stdout) {
            Err(error) => contender.failed = Some(error.to_string()),
            Ok((_, said)) => {
                let expected = expected.get_or_insert_with(|| said.clone());
                if !said.is_empty() && said != *expected {
                    let (said, expected) = (said.trim(), expected.trim());
                    contender.failed = Some(format!("reads {said} instead of {expected}"));
                }
            }
        }
    }
    for _ in 0..runs {
        for contender in contenders.iter_mut().filter(|contender| contender.failed.is_none()) {
            before();
            match run(&contender.command, Stdio::null()) {
                Ok((usage, _)) => contender.runs.push(usage),
                Err(error) => contender.failed = Some(error.to_string()),
            }
        }
    }
}

/// Runs a command that need not be measured.
pub(crate) fn run_once(command: &[OsString]) -> Result<()> {
    run(command, Stdio::null()).map(drop)
}

/// What a run cost and, if that is piped, what it wrote to standard output.
fn run(command: &[OsString], stdout: Stdio) -> Result<(Usage, String)> {
    let [program, args @ ..] = command else {
        return Err("an empty command".into());
    };
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()?;
    // What is piped of standard output is one line; it does not fill the pipe.
    let complaint = text(child.stderr.take())?;
    let said = text(child.stdout.take())?;
    let result = child.wait4()?;
    let wall = start.elapsed();
    if !result.status.success() {
        let why = complaint.lines().next().map(|line| line.trim_start_matches("compare: "));
        let why = why.filter(|why| !why.is_empty());
        return Err(why.map_or_else(|| result.status.to_string(), str::to_owned).into());
    }
    let usage = result.rusage;
    Ok((Usage { cpu: usage.utime + usage.stime, wall, memory: usage.maxrss }, said))
}

fn text(pipe: Option<impl Read>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
