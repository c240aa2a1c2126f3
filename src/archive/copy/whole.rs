//! Archives in which nothing changes, copied as they are.
//!
//! Byte for byte, but not blindly: an archive that was cut off does not become one that looks
//! complete. Blocks and members must have the lengths that they say, and all must be there.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, Read, Seek, Write};
use std::path::Path;

use super::blocks::pass_blocks;
use super::moving::{self, Passing, Warn, looks_whole};
use crate::archive::open::Archive;
use crate::archive::piece::StoredPiece;
use crate::archive::stored_check::Tail;
use crate::compress::Algorithm;
use crate::error::{Error, Result};
use crate::format::custom::Copying;
use crate::format::directory;
use crate::format::members::Member;
use crate::format::names;
use crate::format::output::Output;
use crate::format::tar;
use crate::source::{Positioned, SourceReader};
use crate::toc::{BlockKind, Format, MAGIC, TocEntry};

/// How the last stretch of a file is copied, in which nothing is looked at.
type Rest<W> = fn(&mut SourceReader, &mut Output<W>) -> Result<()>;

impl Archive {
    /// Copies the archive to where there is none. `decode`: all of it is decompressed, to check it.
    pub(crate) fn copy_to(&self, path: &Path, decode: bool, warn: &mut Warn<'_>) -> Result<()> {
        let passing = Passing::new(self.contexts(), self.limits(), decode);
        if self.format() == Format::Directory {
            return copy_members(self, path, &passing, warn);
        }
        let file = directory::create_file(path);
        let file = file.map_err(|error| Error::from(error).in_path(path))?;
        copy(self, file, moving::copy_to_file, &passing, warn).map(drop)
    }

    /// Copies a custom or tar archive into an output that can seek.
    pub(crate) fn copy_into<W: Write + Seek>(
        &self,
        output: W,
        decode: bool,
        warn: &mut Warn<'_>,
    ) -> Result<W> {
        let passing = Passing::new(self.contexts(), self.limits(), decode);
        copy(self, Output::seekable(output)?, moving::copy, &passing, warn)
    }

    /// Copies a custom or tar archive into a pipe.
    pub(crate) fn copy_into_pipe<W: Write>(
        &self,
        output: W,
        decode: bool,
        warn: &mut Warn<'_>,
    ) -> Result<W> {
        let passing = Passing::new(self.contexts(), self.limits(), decode);
        copy(self, Output::pipe(output), moving::copy, &passing, warn)
    }
}

/// Where the output can seek, its first bytes come last: what was given up is no archive.
fn copy<W: Write>(
    archive: &Archive,
    mut output: Output<W>,
    rest: Rest<W>,
    passing: &Passing,
    warn: &mut Warn<'_>,
) -> Result<W> {
    let Some(mut input) = archive.whole_file() else {
        return Err(Error::usage("a directory archive is written to a directory"));
    };
    if passing.decode {
        decode_all(archive)?;
    }
    let mut head = vec![0; if archive.format() == Format::Tar { tar::BLOCK } else { MAGIC.len() }];
    input.read_exact(&mut head)?;
    match output.is_seekable() {
        true => output.write_all(&vec![0; head.len()])?,
        false => output.write_all(&head)?,
    }
    match archive.blocks_start() {
        Some(start) => {
            let mut copying = Copying::new(input, &mut output);
            copying.skip(start - head.len() as u64)?;
            input = pass_blocks(archive, copying, warn)?.finish()?;
        }
        None => check_tar(archive)?,
    }
    archive.refuse_surplus(true)?;
    rest(&mut input, &mut output)?;
    if output.is_seekable() {
        output.patch(0, |start| start.write_all(&head))?;
    }
    Ok(output.finish()?)
}

/// Decodes the data of all entries.
fn decode_all(archive: &Archive) -> Result<()> {
    for entry in archive.entries().filter(TocEntry::has_data) {
        if !archive.has_data(entry)? {
            continue;
        }
        if entry.data_kind() == BlockKind::Data {
            archive.data_of(entry)?.copy_to(io::sink())?;
            continue;
        }
        let mut objects = archive.large_objects_of(entry)?;
        while let Some(mut object) = objects.next_object()? {
            object.copy_to(io::sink())?;
        }
    }
    Ok(())
}

/// Checks that a tar ends where it should, and has the data of all entries.
fn check_tar(archive: &Archive) -> Result<()> {
    archive.check_length()?;
    for entry in archive.entries().filter(TocEntry::has_data) {
        if entry.data_kind() == BlockKind::Data {
            check_ends(&archive.piece_of(entry)?)?;
            continue;
        }
        let mut objects = archive.large_objects_of(entry)?;
        while let Some((_, piece)) = objects.next_piece()? {
            check_ends(&piece)?;
        }
    }
    Ok(())
}

/// Checks the last bytes of a piece that is copied by the operating system.
fn check_ends(piece: &StoredPiece<'_>) -> Result<()> {
    let Some(member) = piece.member.as_ref().filter(|_| piece.marked) else { return Ok(()) };
    if piece.algorithm != Algorithm::None {
        return Ok(());
    }
    let mut last = member.tail(Tail::LEN as u64);
    let mut tail = Tail::default();
    loop {
        let bytes = last.fill_buf().map_err(|error| piece.placed(error))?;
        if bytes.is_empty() {
            return piece.check_tail(&tail);
        }
        tail.pass(bytes);
        let n = bytes.len();
        last.consume(n);
    }
}

/// Copies the files of a directory archive; `toc.dat` last.
fn copy_members(
    archive: &Archive,
    path: &Path,
    passing: &Passing,
    warn: &mut Warn<'_>,
) -> Result<()> {
    let created = directory::create_folder(path);
    created.map_err(|error| Error::from(error).in_path(path))?;
    let mut folder = Folder { path, done: HashSet::new(), passing };
    for entry in archive.entries().filter(TocEntry::has_data) {
        let named = |error: Error| error.in_entry(|| entry.name());
        if entry.data_kind() == BlockKind::Data {
            folder.piece(archive.piece_of(entry)?, warn).map_err(named)?;
            continue;
        }
        let mut objects = archive.large_objects_of(entry)?;
        while let Some((_, piece)) = objects.next_piece()? {
            folder.piece(piece, warn).map_err(named)?;
        }
        let list = archive.member(&archive.list_name(entry)).map_err(named)?;
        folder.member(&list)?;
    }
    folder.member(&archive.member(names::TOC.as_bytes())?)
}

/// A new directory archive.
struct Folder<'a> {
    path: &'a Path,
    /// Names of the files that it has.
    done: HashSet<String>,
    passing: &'a Passing,
}

impl Folder<'_> {
    /// Copies the data of a table or large object.
    fn piece(&mut self, piece: StoredPiece<'_>, warn: &mut Warn<'_>) -> Result<()> {
        let Some(member) = piece.member.clone() else { return Ok(()) };
        let framed = matches!(piece.algorithm, Algorithm::Lz4 | Algorithm::Zstd);
        if !self.passing.decode && !framed && looks_whole(&piece)? {
            check_ends(&piece)?;
            return self.member(&member);
        }
        self.create(&member.name, |output| {
            let (output, _) = self.passing.pass(piece, output, warn)?;
            Ok(output)
        })
    }

    /// Copies a file as it is.
    fn member(&mut self, member: &Member) -> Result<()> {
        self.create(&member.name, |mut output| {
            moving::copy_to_file(&mut member.reader(), &mut output)?;
            Ok(output)
        })
    }

    /// Makes a file, unless it is there already.
    fn create(
        &mut self,
        name: &str,
        fill: impl FnOnce(Output<File>) -> Result<Output<File>>,
    ) -> Result<()> {
        if !self.done.insert(name.to_owned()) {
            return Ok(());
        }
        let path = self.path.join(name);
        let filled = directory::create_file(&path).map_err(Error::from).and_then(fill);
        let finished = filled.and_then(|output| Ok(output.finish()?));
        finished.map(drop).map_err(|error| if error.is_io() { error.in_path(&path) } else { error })
    }
}
