//! What is said of an archive when it is opened, and what is refused then.

use super::messages::{Fatal, Program, no_compression};
use super::options::Options;
use pgdmp::select::Selected;
use pgdmp::toc::{ArchiveVersion, Compression, Gate};
use pgdmp::{DumpId, Format, Script, Toc};

/// What pg_restore says first when it is to say a lot.
pub(super) fn tell_of_opening(program: &Program, options: &Options) {
    let name = options.input.as_deref().unwrap_or(b"(stdio)");
    let format = match options.format {
        None => "0",
        Some(Format::Custom) => "1",
        Some(Format::Tar) => "3",
        Some(Format::Directory) => "5",
        Some(_) => "?",
    };
    program.info([b"allocating AH for ", name, b", format ", format.as_bytes()].concat());
    if options.format.is_none() {
        program.info("attempting to ascertain archive format");
    }
}

/// Warns of what pg_restore warns of while it reads the table of contents, and in `debug` names
/// all entries. Gives the time when the archive was made.
pub(super) fn warn_of_archive(program: &Program, toc: &Toc, debug: bool) -> String {
    let header = toc.header();
    if header.int_size > 4 {
        program.warning(
            "archive was made on a machine with larger integers, some operations might fail",
        );
    }
    if let Some(name) = unknown_compression(header.compression) {
        program.warning(format!(
            "archive is compressed, but this installation does not support compression ({}) -- \
             no data will be available",
            no_compression(name)
        ));
    }
    let created = match header.created {
        Some(created) => {
            let created = pgdmp_local_time::creation_time(created.fields());
            if created.invalid {
                program.warning("invalid creation date in header");
            }
            created.text
        }
        None => pgdmp_local_time::now(),
    };
    for (number, entry) in toc.entries().enumerate() {
        if has_oids(header.version, entry.with_oids()) {
            program.warning("restoring tables WITH OIDS is not supported anymore");
        }
        if debug {
            let start = format!("read TOC entry {number} (ID {}) for ", entry.dump_id());
            let [desc, tag] = [entry.desc().as_bytes(), entry.tag().unwrap_or_default()];
            program.info([start.as_bytes(), desc, b" ", tag].concat());
        }
    }
    created
}

/// Refuses an archive that does not say how to read its own SQL.
pub(super) fn check_session(toc: &Toc) -> Result<(), Fatal> {
    Script::check(toc).map_err(|error| {
        match error.entry().and_then(|name| toc.entry(DumpId(name.dump_id))) {
            Some(entry) => Fatal::new(
                [
                    b"invalid ",
                    entry.desc().as_bytes(),
                    b" item: ",
                    entry.defn().unwrap_or_default(),
                ]
                .concat(),
            ),
            None => Fatal::from(error),
        }
    })
}

fn has_oids(version: ArchiveVersion, flag: Option<&[u8]>) -> bool {
    !version.has(Gate::WithOids) || flag == Some(b"true")
}

/// The name of the archive's compression, if this program cannot undo it.
fn unknown_compression(compression: Compression) -> Option<&'static str> {
    use pgdmp::Algorithm;
    match compression.algorithm {
        Algorithm::Unknown(_) => Some(compression.algorithm.name()),
        _ => None,
    }
}

pub(super) fn check_compression(selected: &Selected<'_>) -> Result<(), Fatal> {
    let compression = selected.toc().header().compression;
    let Some(name) = unknown_compression(compression) else { return Ok(()) };
    let data = selected.all().any(|(entry, d)| entry.had_dumper() && d.wanted.data);
    if !data {
        return Ok(());
    }
    Err(Fatal::new(format!("cannot restore from compressed archive ({})", no_compression(name))))
}
