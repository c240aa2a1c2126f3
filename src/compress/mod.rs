//! Compression: [`Decoder`] makes of any compressed reader one of the plain bytes.
//!
//! ```text
//! mod.rs       Framing
//! decoder.rs   Decoder: buffering, the end of the data, errors; the same for all algorithms
//! encoder.rs   Encoder: its mirror
//! input.rs     what decoders do with their reader, and say of the data
//! frames.rs    Frames: where lz4 and zstd frames begin and end, found without decompressing
//! contexts.rs  Contexts: what decoders leave for the next one
//! parallel.rs  one piece of data by several threads
//! gzip/, lz4/, zstd/   one algorithm each: decode.rs beside encode.rs
//! gzip/rewrap.rs       deflate data from one wrapper into the other
//! ```
//!
//! Knows nothing of archives. Codes, names, suffixes and levels are in `compression.rs`.

mod contexts;
mod decoder;
mod encoder;
mod frames;
#[cfg(feature = "gzip")]
mod gzip;
mod input;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(any(feature = "gzip", feature = "lz4"))]
mod parallel;
#[cfg(test)]
#[cfg_attr(not(all(feature = "gzip", feature = "lz4", feature = "zstd")), allow(unused))]
mod tests;
#[cfg(feature = "zstd")]
mod zstd;

pub(crate) use crate::compression::Algorithm;
pub(crate) use contexts::Contexts;
pub(crate) use decoder::Decoder;
pub(crate) use encoder::{Encoder, EncoderPool, Encoding};
pub(crate) use frames::Frames;
#[cfg(feature = "gzip")]
pub(crate) use gzip::rewrap;

/// What surrounds deflate data: the only difference between the data of one table in a custom
/// archive and in a directory. LZ4 and Zstandard frames are the same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Framing {
    /// A zlib stream (RFC 1950), as in custom archives.
    Stream,
    /// A gzip file (RFC 1952), as in directory archives.
    File,
}
