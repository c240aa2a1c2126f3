//! Deflate, with the two wrappers around it.

pub(super) mod decode;
pub(super) mod encode;
pub(super) mod part;
pub(crate) mod rewrap;
mod wrapper;

pub(super) use decode::{Context, Decoder};
pub(super) use wrapper::Wrapper;
