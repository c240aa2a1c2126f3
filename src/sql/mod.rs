//! SQL as text: tokens, names, literals and the encodings they are in.
//!
//! ```text
//! token.rs      SQL taken apart, as far as it takes to find names in it, and put together again
//! quote.rs      names and literals written, and always quoted names
//! encoding.rs   PostgreSQL's encodings: which bytes are a character
//! ```
//!
//! Knows nothing of archives.

mod encoding;
mod quote;
mod token;

pub(crate) use encoding::Encoding;
pub(crate) use quote::{identifier, literal, quote};
pub(crate) use token::{Edits, Kind, Token, replaced, tokens, without};
