//! Zstandard frames.

pub(super) mod decode;
pub(super) mod encode;

pub(super) use decode::{Context, Decoder};
