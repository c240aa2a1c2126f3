//! Compression algorithms.
use std::fmt;

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

// STUB until the real decoders land
#[derive(Debug, Default)]
pub struct Contexts;
#[derive(Debug, Clone, Copy)]
pub enum Framing {
    Stream,
    File,
}
#[derive(Debug)]
pub struct Decoder<R>(R);
impl<R: std::io::BufRead> Decoder<R> {
    pub fn new(
        reader: R,
        _: Algorithm,
        _: Framing,
        _: &crate::Limits,
        _: &std::sync::Arc<Contexts>,
    ) -> crate::Result<Self> {
        Ok(Decoder(reader))
    }
    pub fn get_ref(&self) -> &R {
        &self.0
    }
}
impl<R: std::io::BufRead> std::io::Read for Decoder<R> {
    fn read(&mut self, b: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(b)
    }
}
impl<R: std::io::BufRead> std::io::BufRead for Decoder<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.0.fill_buf()
    }
    fn consume(&mut self, n: usize) {
        self.0.consume(n)
    }
}
