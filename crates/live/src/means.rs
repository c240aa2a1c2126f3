//! The means by which a restore is faster than `pg_restore`.

/// By which means a restore is faster than `pg_restore`. The database comes out the same with each
/// of them and without; statements, their order and the number of round trips do not.
///
/// [`exact`](Self::exact) has none of them: the server gets the statements of `pg_restore`.
/// [`fast`](Self::fast) has all, and each can be switched off.
///
/// ```
/// use pgdmp_live::Means;
///
/// let means = Means::fast().freeze(false);
/// assert!(means.is_fast());
/// assert!(!Means::exact().is_fast());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[must_use]
pub struct Means {
    pub(crate) batches: bool,
    pub(crate) small_tables: bool,
    pub(crate) freeze: bool,
    pub(crate) async_commit: bool,
    pub(crate) using_index: bool,
    pub(crate) not_valid: bool,
    pub(crate) tuning: bool,
    pub(crate) objects: bool,
    pub(crate) longest_path: bool,
    pub(crate) split: Split,
}

/// Whether the rows of one large table go through several sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Split {
    /// No table is split.
    #[default]
    Never,
    /// Tables are split whose rows would keep one session busy for longer than all other work
    /// does, unless the order of their rows matters.
    Auto,
    /// Each table is split that can be, over all sessions that are idle.
    Always,
    /// As [`Auto`](Self::Auto), over so many sessions at most.
    Over(usize),
}

impl Means {
    /// None: exactly what `pg_restore` does.
    pub const fn exact() -> Self {
        Means {
            batches: false,
            small_tables: false,
            freeze: false,
            async_commit: false,
            using_index: false,
            not_valid: false,
            tuning: false,
            objects: false,
            longest_path: false,
            split: Split::Never,
        }
    }

    /// All of them.
    pub const fn fast() -> Self {
        Means {
            batches: true,
            small_tables: true,
            freeze: true,
            async_commit: true,
            using_index: true,
            not_valid: true,
            tuning: true,
            objects: true,
            longest_path: true,
            split: Split::Auto,
        }
    }

    /// Whether definitions go to the server many at a time, in one query. If one of them fails,
    /// each is sent alone, so that errors are those of single statements.
    pub const fn batches(mut self, batches: bool) -> Self {
        self.batches = batches;
        self
    }

    /// Whether the rows of small tables that this restore made go to the server many tables at a
    /// time: INSERT commands in one query, in place of a COPY for each table. If one fails, the
    /// rows of each table are sent alone, by COPY, so that errors are those of single tables.
    ///
    /// Small are data that is known to be less than 8 KiB of the archive, and 16 KiB of rows. A server
    /// whose `log_statement` is `mod` or `all` would log these rows with the commands, so nothing is
    /// done there. Others that log a command, as one that is refused, log its rows.
    pub const fn small_tables(mut self, small_tables: bool) -> Self {
        self.small_tables = small_tables;
        self
    }

    /// Whether rows are frozen as they are loaded (`COPY … WITH (FREEZE)`), where the server allows
    /// that: a table that this restore made.
    pub const fn freeze(mut self, freeze: bool) -> Self {
        self.freeze = freeze;
        self
    }

    /// Whether transactions do not wait until their log is on disk. In the end one waits for all of
    /// them: a restore that has succeeded is as safe as any.
    pub const fn async_commit(mut self, async_commit: bool) -> Self {
        self.async_commit = async_commit;
        self
    }

    /// Whether the index of a primary key or unique constraint is built first, beside other indexes
    /// of the table, and the constraint then made of it.
    pub const fn using_index(mut self, using_index: bool) -> Self {
        self.using_index = using_index;
        self
    }

    /// Whether foreign keys are added as `NOT VALID` and then validated, which locks less.
    pub const fn not_valid(mut self, not_valid: bool) -> Self {
        self.not_valid = not_valid;
        self
    }

    /// Whether sessions get memory and workers for building indexes from what the server has.
    pub const fn tuning(mut self, tuning: bool) -> Self {
        self.tuning = tuning;
        self
    }

    /// Whether large objects are written many at a time.
    pub const fn objects(mut self, objects: bool) -> Self {
        self.objects = objects;
        self
    }

    /// Whether sessions first take what most other work waits for, instead of the largest.
    pub const fn longest_path(mut self, longest_path: bool) -> Self {
        self.longest_path = longest_path;
        self
    }

    /// Whether the rows of a large table go through several sessions.
    pub const fn split(mut self, split: Split) -> Self {
        self.split = split;
        self
    }

    /// Whether there is any.
    pub fn is_fast(&self) -> bool {
        *self != Means::exact()
    }
}
