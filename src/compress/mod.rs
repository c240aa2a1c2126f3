//! Compression: [`Decoder`] makes of any compressed reader one of the plain bytes.
//!
//! ```text
//! mod.rs       Algorithm, Framing
//! decoder.rs   Decoder: buffering, the end of the data, errors; the same for all algorithms
//! encoder.rs   Encoder: its mirror
//! input.rs     what decoders do with their reader, and say of the data
//! contexts.rs  Contexts: what decoders leave for the next one
//! parallel.rs  one piece of data by several threads
//! rewrap.rs    deflate data from one wrapper into the other
//! gzip.rs, lz4.rs, lz4_block.rs, zstd.rs   one algorithm each
//! ```
//!
//! Knows nothing of archives.

mod contexts;
mod decoder;
mod encoder;
#[cfg(feature = "gzip")]
mod gzip;
mod input;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "lz4")]
mod lz4_block;
#[cfg(any(feature = "gzip", feature = "lz4"))]
mod parallel;
#[cfg(feature = "gzip")]
pub(crate) mod rewrap;
#[cfg(test)]
#[cfg_attr(not(all(feature = "gzip", feature = "lz4", feature = "zstd")), allow(unused))]
mod tests;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;

pub(crate) use contexts::Contexts;
pub(crate) use decoder::Decoder;
#[cfg(feature = "gzip")]
pub(crate) use encoder::gzip::Wrapper;
pub(crate) use encoder::{Encoder, EncoderPool, Encoding};

/// How an archive's data is compressed.
///
/// The codes are those of the header since archive version 1.15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Not compressed: code 0.
    None,
    /// Deflate: code 1. A zlib stream in a custom archive, a gzip file in a directory.
    Gzip,
    /// LZ4 frames: code 2.
    Lz4,
    /// Zstandard frames: code 3.
    Zstd,
    /// A code this crate does not know.
    Unknown(u8),
}

impl Algorithm {
    /// The algorithm with this code.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Lz4,
            3 => Self::Zstd,
            other => Self::Unknown(other),
        }
    }

    /// Its code in a header.
    pub const fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Lz4 => 2,
            Self::Zstd => 3,
            Self::Unknown(code) => code,
        }
    }

    /// The name that `pg_restore -l` prints; `???` for an unknown code, as there.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Unknown(_) => "???",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "code {code}"),
            known => f.write_str(known.name()),
        }
    }
}

/// What surrounds deflate data: the only difference between the data of one table in a custom
/// archive and in a directory. LZ4 and Zstandard frames are the same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Framing {
    /// A zlib stream (RFC 1950), as in custom archives.
    Stream,
    /// A gzip file (RFC 1952), as in directory archives.
    File,
}
