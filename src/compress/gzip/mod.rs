//! Deflate, with the two wrappers around it.

pub(super) mod decode;
pub(super) mod encode;
pub(crate) mod rewrap;
mod wrapper;

pub(super) use decode::{Context, Decoder};
use wrapper::Wrapper;
