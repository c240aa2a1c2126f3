//! Compression: [`Decoder`] makes of any compressed reader one of the plain bytes.
//!
//! ```text
//! mod.rs       Framing
//! decoder.rs   Decoder: buffering, the end of the data, errors; the same for all algorithms
//! encoder.rs   Encoder: its mirror
//! input.rs     what decoders do with their reader, and say of the data
//! frames.rs    Frames: where lz4 and zstd frames begin and end, found without decompressing
//! contexts.rs  Contexts: what decoders leave for the next one
//! framed.rs    the encoder of the form in which each MiB can be decompressed on its own
//! parallel.rs  one stream of the plain form by several threads
//! pieces.rs    PieceReader: a decoder of data of that form, on several threads; else a Decoder
//! cutter.rs    where its pieces begin and end
//! part.rs      parts of a damaged zlib stream, each for itself
//! ring.rs      pieces that wait for their turn
//! ahead.rs     one stream, decompressed by one thread while another uses what came out
//! replay.rs    a reader of what was read already
//! restart.rs   the last place from which what is wanted can be decompressed
//! workers.rs   the threads
//! gzip/, lz4/, zstd/   one algorithm each: decode.rs beside encode.rs
//! gzip/rewrap.rs       deflate data from one wrapper into the other
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
