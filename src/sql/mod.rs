//! SQL as text: tokens, names and literals.
//!
//! ```text
//! token.rs      SQL taken apart, as far as it takes to find names in it, and put together again
//! roles.rs      where SQL names roles
//! quote.rs      names and literals written, and always quoted names
//! ```
//!
//! Knows nothing of archives.

mod quote;
mod roles;
mod token;

pub(crate) use quote::{identifier, literal, quote};
pub(crate) use roles::{RolesIn, roles};
pub(crate) use token::{Edits, Kind, Token, Tokens, replaced, tokens, without};
