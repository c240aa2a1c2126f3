//! A line about what was made, for people.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::output::{counted, human_size};
use crate::{Context, message, stdio};
use pgdmp::{Archive, Desc, OpenOptions};

/// The beginning of some work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started(Instant);

impl Started {
    pub(crate) fn now() -> Self {
        Started(Instant::now())
    }

    /// Says what an archive has that was made since then: what is read from it, not what was meant.
    pub(crate) fn tell_of_archive(self, path: &Path, context: &Context) {
        if !is_for_people(context) {
            return;
        }
        let Ok(archive) = OpenOptions::new().statements(false).open(path) else { return };
        let entries = archive.entries().filter(|entry| !entry.desc().is_special()).count() as u64;
        let (tables, size) = (tables(&archive), human_size(size(path)));
        let (entries, tables) =
            (counted(entries, "entry", "entries"), counted(tables, "table", "tables"));
        let time = self.time();
        message::info(format_args!("{}: {entries}, {tables}, {size} in {time}", path.display()));
    }

    /// Says how large a file is that was made since then.
    pub(crate) fn tell_of_file(self, path: &Path) {
        if stdio::says_to_terminal() {
            let (size, time) = (human_size(size(path)), self.time());
            message::info(format_args!("{}: {size} in {time}", path.display()));
        }
    }

    fn time(self) -> String {
        let seconds = self.0.elapsed().as_secs_f64();
        match seconds {
            ..60.0 => format!("{seconds:.1} s"),
            _ => format!("{} min {:02.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor()),
        }
    }
}

fn is_for_people(context: &Context) -> bool {
    !context.quiet && stdio::says_to_terminal()
}

/// The tables whose rows it has.
fn tables(archive: &Archive) -> u64 {
    archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA).count() as u64
}

/// The bytes of a file, or of all files of a directory archive.
fn size(path: &Path) -> u64 {
    let Ok(metadata) = fs::metadata(path) else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let members = fs::read_dir(path).into_iter().flatten().flatten();
    members.filter_map(|member| Some(member.metadata().ok()?.len())).sum()
}
