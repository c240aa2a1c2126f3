//! Masks the values of columns on their way from one of PostgreSQL's dump archives into another,
//! without a server.
//!
//! [`Rules`] say which columns get which [`Mask`]. [`Plan`] applies them to one archive: it spreads
//! masks over foreign keys and partitions, and lists what speaks against the result.
//! [`Plan::rewrites`] is what [`pgdmp::Conversion::rewriting`] needs. A result depends on the
//! [`Key`], the mask and the value alone, so equal values stay equal everywhere, and the same key
//! gives the same archive again.
//!
//! [`Search`] finds columns that look personal.
//!
//! # What masking does not do
//!
//! Masking changes the rows of the columns that it is told. It does not touch large objects,
//! comments, definitions with their defaults, and columns that hold copies of masked ones. Statistics
//! of the planner are left out. Equal values stay equal, so counts and joins stay as they were, and
//! whoever knows such counts may recognise somebody. `digits` and `int` are permutations: of short
//! numbers there are few, and some may stay as they are.
//!
//! ```text
//! key.rs       the key
//! mask.rs      masks, and how they are spelled
//! rules.rs     rules, in TOML
//! permute.rs   keyed permutations of digits and numbers
//! lists.rs     names and words
//! masker.rs    one mask at work on the values of one column
//! tables.rs    the tables of an archive
//! links.rs     columns that must be masked alike
//! fit.rs       whether a mask fits the type of a column
//! plan.rs      what is masked how, and what speaks against it
//! planner.rs   how it is made
//! apply.rs     a plan at work; rows counted
//! personal.rs  columns that look personal
//! ```

mod apply;
mod fit;
mod key;
mod links;
mod lists;
mod mask;
mod masker;
mod permute;
mod personal;
mod plan;
mod planner;
mod rules;
mod tables;
#[cfg(test)]
mod tests;

pub use apply::{Counts, Masked, WrongRows};
pub use key::{Key, KeyError};
pub use mask::{Mask, NamePart, UnknownMask};
pub use personal::{Personal, Search};
pub use plan::{MaskedColumn, Plan, PlanOptions, Refusal};
pub use rules::{Rules, RulesError};
