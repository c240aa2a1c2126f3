//! Compression: [`Decoder`] makes of any compressed reader one of the plain bytes.
//!
//! ```text
//! mod.rs       Framing
//! gzip/, lz4/, zstd/   one algorithm each: decode.rs beside encode.rs
//! gzip/rewrap.rs       deflate data from one wrapper into the other
//! frames.rs    Frames: where lz4 and zstd frames begin and end, found without decompressing
//! workers.rs   threads
//!
//!              Writing
//! encoder.rs   Encoder: of all algorithms and forms, by one thread or several
//! framed.rs    the form in which each MiB can be decompressed on its own
//! parallel.rs  the plain form, as pg_dump writes it, of one stream by several threads
//!
//!              Reading
//! decoder.rs   Decoder: one stream by one thread: buffering, the end of the data, errors
//! input.rs     what decoders do with their reader, and say of the data
//! contexts.rs  Contexts: memory and threads that all readers of an archive share
//! pieces.rs    PieceReader: of all forms, by as many threads as the form allows
//! cutter.rs    where the pieces of the other form begin and end; how one is decompressed
//! part.rs      parts of a damaged zlib stream, each for itself
//! linked.rs    the same of blocks of a damaged lz4 frame
//! ring.rs      pieces that wait for their turn
//! ahead.rs     the plain form: one thread decompresses while another uses what came out
//! replay.rs    what was read already, once more: of what proved to be no piece
//! restart.rs   the last place from which what is wanted can be decompressed
//! ```
//!
//! Knows nothing of archives. Codes, names, suffixes and levels are in `compression.rs`.

mod ahead;
mod contexts;
mod cutter;
mod decoder;
mod encoder;
mod framed;
mod frames;
#[cfg(feature = "gzip")]
mod gzip;
mod input;
mod linked;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(any(feature = "gzip", feature = "lz4"))]
mod parallel;
mod part;
mod pieces;
mod replay;
mod restart;
mod ring;
#[cfg(test)]
#[cfg_attr(not(all(feature = "gzip", feature = "lz4", feature = "zstd")), allow(unused))]
mod tests;
mod workers;
#[cfg(feature = "zstd")]
mod zstd;

pub(crate) use crate::compression::Algorithm;
pub(crate) use contexts::Contexts;
pub(crate) use cutter::PieceSource;
pub(crate) use decoder::Decoder;
pub(crate) use encoder::{Content, Encoder, EncoderPool, Encoding, PieceSink};
pub(crate) use frames::Frames;
#[cfg(feature = "gzip")]
pub(crate) use gzip::rewrap;
pub(crate) use linked::{LinkedBlocks, REACH};
pub(crate) use part::{MARK, beginning_of_part, whole_part};
pub(crate) use pieces::PieceReader;
pub(crate) use restart::{Passing, restart};

/// What surrounds deflate data: the only difference between the data of one table in a custom
/// archive and in a directory. LZ4 and Zstandard frames are the same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Framing {
    /// A zlib stream (RFC 1950), as in custom archives.
    Stream,
    /// A gzip file (RFC 1952), as in directory archives.
    File,
}
