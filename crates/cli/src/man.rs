//! `pgdmp man`.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Command;

use crate::args::documented;
use crate::aside::ARCHIVE;
use crate::folder::Folder;
use crate::output::Output;
use crate::{Exit, Failure, signals};

/// Print the manual page
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp man | man -l -
  pgdmp man --dir ~/.local/share/man/man1   one page for each command")]
pub(crate) struct Args {
    /// Write a page for each command into this directory
    #[arg(long)]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let command = documented();
    if let Some(dir) = &args.dir {
        return match write_pages(command, dir) {
            Ok(()) => Ok(Exit::Done),
            Err(error) => Err(Failure::Usage(format!("{}: {error}", dir.display()))),
        };
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(Failure::Output)?;
    let mut out = Output::new();
    out.write_all(&page).map_err(Failure::Output)?;
    out.finish()?;
    Ok(Exit::Done)
}

/// Makes the pages aside, and gives them their names: links that have those are not followed.
fn write_pages(command: Command, dir: &Path) -> io::Result<()> {
    let folder = Folder::open(dir)?;
    #[cfg(unix)]
    crate::leftovers::remove(&folder);
    let aside = signals::aside(folder, dir)?;
    let path = aside.path();
    let written = fs::create_dir(&path)
        .and_then(|()| clap_mangen::generate_to(command, &path))
        .and_then(|()| {
            let pages = aside.folder.folder(OsStr::new(ARCHIVE))?;
            pages.names()?.try_for_each(|page| {
                let page = page?;
                pages.rename(&page, &aside.parent, &page)
            })
        });
    aside.remove();
    written
}
