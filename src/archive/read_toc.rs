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
    /// Why it ends before its end, where that is allowed.
    pub(super) damage: Option<Error>,
}

/// How a table of contents is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TocOptions {
    pub(super) limits: Limits,
    pub(super) statements: Statements,
    /// Whether one that is damaged is taken as far as it goes.
    pub(super) damaged: bool,
}

/// Reads header and table of contents: the start of a custom archive, or all of a `toc.dat`.
pub(super) fn read_toc<I: Peek>(
    input: &mut I,
    format: Format,
    options: TocOptions,
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
    let explain = |error| transfer::explain(error, &start);
    let read = decode(input, format, options).map_err(explain)?;
    Ok(TocRead { damage: read.damage.map(explain), ..read })
}

fn decode<I: Peek>(input: &mut I, format: Format, options: TocOptions) -> Result<TocRead> {
    let TocOptions { limits, statements, damaged } = options;
    let header = Header::decode(input, format, &limits)?;
    let start = input.position();
    if damaged {
        let (toc, damage) = Toc::decode_damaged(input, header, format, statements, &limits);
        let damage = damage.or_else(|| check_behind(input, &toc, format).err());
        return Ok(TocRead { toc, start, damage });
    }
    let toc = Toc::decode(input, header, format, statements, &limits)?;
    check_behind(input, &toc, format)?;
    Ok(TocRead { toc, start, damage: None })
}

fn check_behind<I: Peek>(input: &mut I, toc: &Toc, format: Format) -> Result<()> {
    match format {
        Format::Custom => check_blocks(input, toc),
        _ => check_end(input, toc),
    }
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
pub(crate) fn check_blocks<I: Peek>(input: &mut I, toc: &Toc) -> Result<()> {
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
