//! A restore as a script.

use std::io::{self, Write};

use super::destination::{Destination, Target};
use super::messages::{Fatal, Program};
use super::opened::check_compression;
use super::options::{Options, to_path};
use super::{chosen, speaks_to_people, tell_people};
use crate::explain::explain;
use crate::made::Started;
use pgdmp::script::{Outcome, Restore, Sink, Step, TextSink};
use pgdmp::select::Selected;
use pgdmp::{RestrictKey, Toc};

/// Writes what the options choose of an archive as SQL.
pub(super) fn write_sql(
    program: &Program,
    mut options: Options,
    toc: &Toc,
    created: String,
    run: impl FnOnce(&Restore, &Selected<'_>, &mut dyn Sink) -> pgdmp::Result<pgdmp::script::Report>,
) -> Result<(), Fatal> {
    let started = Started::now();
    let (selected, adapted) = chosen(program, &mut options, toc)?;
    if let Some(form) = options.extras.explain {
        return Ok(explain(&selected, form, || crate::json::Entries::of_archive(toc, None))?);
    }
    let for_people = speaks_to_people(program, &options);
    tell_people(program, &options, &selected);
    let selected = adapted.selected(&selected);
    check_compression(&selected)?;
    if options.verbose {
        options.set(|script| script.verbose(created));
        if selected.implied_no_schema() {
            program.info("implied no-schema restore");
        }
    }
    let key = match options.restrict_key {
        Some(key) => key,
        None => RestrictKey::random()?,
    };
    let restore = Restore::new().options(options.script);
    let file =
        options.output.as_deref().filter(|name| *name != b"-").map(to_path).filter(|_| for_people);
    let mut output = Destination::open(options.output.as_deref(), &options.inputs, toc)?;
    let mut target = Target { inner: &mut output, failed: false };
    let mut sink = Talk {
        script: TextSink::new(&mut target, key),
        program,
        verbose: options.verbose,
        refused: false,
    };
    let written = run(&restore, &selected, &mut sink);
    // What was written before an error is worth seeing.
    let end = sink.script.finish();
    let refused = sink.refused;
    let failed = target.failed;
    match written.and(end) {
        Ok(_) => {
            output.finish().map_err(|error| Fatal::output(&error))?;
            if let Some(path) = file {
                started.tell_of_file(&path);
            }
            Ok(())
        }
        Err(error) if failed => Err(Fatal::output(&io::Error::from(error))),
        Err(error) => {
            // This error is the one to show.
            let _ = output.finish();
            let fatal = Fatal::from(error);
            // The name of a database comes from where pg_restore does not say its own.
            Err(if refused { fatal.without_program() } else { fatal })
        }
    }
}

/// The script, and on standard error what happens.
struct Talk<'a, W> {
    script: TextSink<W>,
    program: &'a Program,
    verbose: bool,
    /// Whether the name of a database cannot stand in a script.
    refused: bool,
}

impl<W: Write> Sink for Talk<'_, W> {
    fn step(&mut self, step: &Step<'_>) -> pgdmp::Result<Outcome> {
        match step {
            Step::Event(event) if event.is_warning() => self.program.warning(event.message()),
            Step::Event(event) if self.verbose => self.program.info(event.message()),
            Step::Event(_) => {}
            Step::Connect { .. } => {
                let result = self.script.step(step);
                self.refused = result.is_err();
                return result;
            }
            _ => return self.script.step(step),
        }
        Ok(Outcome::Done)
    }

    fn now(&mut self) -> String {
        pgdmp_local_time::now()
    }
}
