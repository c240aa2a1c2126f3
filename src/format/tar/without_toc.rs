//! What a tar without `toc.dat` is instead.

use super::super::{magic, names};
use super::name_shown;
use crate::not_an_archive::NotAnArchive;

/// What was seen of its members.
#[derive(Debug, Default)]
pub(super) struct WithoutToc {
    members: u64,
    of_data: bool,
    of_server: bool,
    dumps: Vec<String>,
}

/// Members that are looked into.
const MOST: u64 = 64;

/// Bytes of them that are looked at.
pub(super) const START: usize = 16;

impl WithoutToc {
    /// Whether the start of the next member should be looked at.
    pub(super) fn wants_start(&self) -> bool {
        self.members < MOST
    }

    /// Takes note of a member. `start`: its first bytes, if they were looked at.
    pub(super) fn note(&mut self, name: &[u8], start: &[u8]) {
        self.members += 1;
        let base = base_name(name);
        self.of_data |= names::is_of_data(base);
        self.of_server |= is_of_server(name);
        if magic::is_archive(start) && !magic::is_toc_file(start) {
            self.dumps.push(name_shown(name));
        }
    }

    /// Whether it is plain already, so that a pipe need not be read to its end.
    pub(super) fn is_of_server(&self) -> bool {
        self.of_server
    }

    pub(super) fn has_data(&self) -> bool {
        self.of_data
    }

    pub(super) fn verdict(self) -> NotAnArchive {
        if self.of_server {
            NotAnArchive::BaseBackup
        } else if !self.dumps.is_empty() {
            NotAnArchive::TarOfDumps(self.dumps)
        } else if self.of_data {
            NotAnArchive::TarWithoutItsToc
        } else {
            NotAnArchive::TarWithoutToc
        }
    }
}

/// A name without its folders.
pub(super) fn base_name(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Whether the file is one that every base backup has, and near its beginning.
fn is_of_server(name: &[u8]) -> bool {
    [&b"backup_label"[..], b"tablespace_map", b"PG_VERSION"].contains(&base_name(name))
        || name.ends_with(b"global/pg_control")
}
