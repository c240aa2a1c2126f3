//! Reading header and table of contents, and what can be told from their bytes when that fails.

use crate::error::{Error, ErrorKind, Result};
use crate::format::{detect, transfer};
use crate::limits::Limits;
use crate::not_an_archive::NotAnArchive;
use crate::source::Peek;
use crate::toc::{Format, Header, MAGIC, Statements, Toc};
use crate::version::Gate;

/// Bytes from the start that damage is looked for in: as many as are read first, anyway.
const HEAD: usize = 8 << 10;

/// A table of contents and its place.
pub(super) struct TocRead {
    pub(super) toc: Toc,
    /// Where it begins, behind the header.
    pub(super) start: u64,
}

/// Reads header and table of contents: the start of a custom archive, or all of a `toc.dat`.
pub(super) fn read_toc<I: Peek>(
    input: &mut I,
    format: Format,
    statements: Statements,
    limits: &Limits,
) -> Result<TocRead> {
    // A bad spot that is not of the table of contents is no reason not to open the archive.
    let start = match input.peek(HEAD).is_ok() {
        true => input.peek(HEAD)?,
        false => input.fill_buf()?,
    };
    if format != Format::Custom && !start.starts_with(MAGIC) {
        return Err(no_toc(start));
    }
    transfer::check(start)?;
    // For the case that it fails: by then it was consumed.
    let start = start[..start.len().min(HEAD)].to_vec();
    decode(input, format, statements, limits).map_err(|error| transfer::explain(error, &start))
}

fn decode<I: Peek>(
    input: &mut I,
    format: Format,
    statements: Statements,
    limits: &Limits,
) -> Result<TocRead> {
    let header = Header::decode(input, format, limits)?;
    let start = input.position();
    let toc = Toc::decode(input, header, format, statements, limits)?;
    match format {
        Format::Custom => check_blocks(input, &toc)?,
        _ => check_end(input, &toc)?,
    }
    Ok(TocRead { toc, start })
}

/// What a `toc.dat` is instead.
fn no_toc(start: &[u8]) -> Error {
    let what = match detect::recognise(start) {
        NotAnArchive::Empty => NotAnArchive::EmptyToc,
        NotAnArchive::Unknown | NotAnArchive::TooShort => {
            return Error::malformed("the header does not start with PGDMP").at(0);
        }
        what => what,
    };
    Error::new(ErrorKind::NotAnArchive(what))
}

fn more_entries(toc: &Toc, at: u64) -> Error {
    let count = toc.len();
    Error::malformed(format!(
        "the table of contents is damaged: it says that it has {count} entries, and has more"
    ))
    .at(at)
}

/// A `toc.dat` ends with its last entry. Zeros may fill the rest of a block.
fn check_end<I: Peek>(input: &mut I, toc: &Toc) -> Result<()> {
    let at = input.position();
    match input.fill_buf()?.iter().any(|byte| *byte != 0) {
        true => Err(more_entries(toc, at)),
        false => Ok(()),
    }
}

/// Behind the entries of a custom archive stand its blocks, or the copy of its table of contents.
/// Neither looks like one more entry.
fn check_blocks<I: Peek>(input: &mut I, toc: &Toc) -> Result<()> {
    if !toc.dialect().has_usual_ints() || !toc.dialect().has(Gate::BlockType) {
        return Ok(());
    }
    let at = input.position();
    // A dump id, and whether there was a dumper; or the count of the copy, and its first dump id.
    let Some([0, id @ .., 0, had_dumper, 0, 0, 0]) = input.peek(10)?.first_chunk::<10>() else {
        return Ok(());
    };
    let id = u32::from_le_bytes(*id);
    let first = toc.get(0).map_or(0, |entry| entry.dump_id().0);
    let is_copy = id as usize == toc.len() && i32::from(*had_dumper) == first;
    match is_copy || id == 0 || *had_dumper > 1 {
        true => Ok(()),
        false => Err(more_entries(toc, at)),
    }
}
