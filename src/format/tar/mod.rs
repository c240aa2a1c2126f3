//! Tar: the members of an archive, one behind the other.
//!
//! ```text
//! header.rs   the header of a member, in both directions
//! members.rs  from one member to the next, in every dialect of tar
//! index.rs    members by name, where the tar can be read at any position
//! beyond.rs   members behind damage, and those whose header is lost
//! stream.rs   members as blocks of data, where it comes through a pipe
//! sink.rs     a tar being written, as pg_dump does
//! without_toc.rs  what a tar without toc.dat is instead
//! ```

use crate::encoding::Encoding;
use crate::text::Printable;

mod beyond;
mod header;
mod index;
mod members;
mod sink;
mod stream;
#[cfg(test)]
mod tests;
mod without_toc;

#[cfg(test)]
pub(crate) use header::TarHeader;
pub(crate) use header::{BLOCK, is_old_tar, is_tar};
pub(crate) use index::TarIndex;
pub(crate) use sink::TarSink;
pub(crate) use stream::{AtToc, MemberBlock, MemberReader, TarStream};

/// A member's name for a message, with the command that unpacks it: printable, but whole, as far
/// as paths go.
fn name_shown(name: &[u8]) -> String {
    const LONGEST: usize = 1024;
    Printable::new(&name[..name.len().min(LONGEST)], Encoding::UTF8).to_string()
}
