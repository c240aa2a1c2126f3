//! LZ4 frames.

mod block;
pub(super) mod decode;
pub(super) mod encode;

pub(super) use decode::{Context, Decoder};
