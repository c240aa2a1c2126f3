//! Where the table of contents and the data lie on disk; nothing else knows.

pub(crate) mod block;
pub(crate) mod custom;
pub(crate) mod detect;
pub(crate) mod directory;
mod ends;
pub(crate) mod folder;
mod magic;
pub(crate) mod members;
pub(crate) mod names;
pub(crate) mod output;
pub(crate) mod relay;
pub(crate) mod sink;
pub(crate) mod tar;
pub(crate) mod transfer;
