//! Objects that the database has already.

/// What a restore does about objects that the database has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnConflict {
    /// It tries to make them, as `pg_restore` does; each is an error.
    #[default]
    Error,
    /// It leaves them as they are, and restores no rows into tables among them.
    Skip,
    /// It does not begin.
    Refuse,
    /// It drops them first.
    Replace,
}
