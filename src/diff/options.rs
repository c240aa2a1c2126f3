//! `DiffOptions`: what counts as different, and what a comparison may use.

use std::path::PathBuf;
use std::sync::Arc;

use crate::toc::Toc;

/// Options of a [`Comparison`](super::Comparison).
///
/// See the example of [`Comparison`](super::Comparison).
#[derive(Debug, Clone)]
#[non_exhaustive]
#[must_use]
pub struct DiffOptions {
    pub(super) statistics: bool,
    pub(super) dependencies: bool,
    pub(super) fast: bool,
    pub(super) types: Option<Arc<Toc>>,
    pub(super) ignored_columns: Vec<Vec<u8>>,
    keys: Vec<GivenKey>,
    pub(super) threads: usize,
    pub(super) memory: usize,
    pub(super) temp_dir: Option<PathBuf>,
    pub(super) seed: Option<u64>,
}

/// The columns of a key that was asked for.
#[derive(Debug, Clone)]
struct GivenKey {
    schema: Option<Vec<u8>>,
    table: Vec<u8>,
    columns: Vec<Vec<u8>>,
}

impl GivenKey {
    fn is_of(&self, schema: Option<&[u8]>, table: &[u8]) -> bool {
        self.table == table && (self.schema.is_none() || self.schema.as_deref() == schema)
    }
}

impl Default for DiffOptions {
    fn default() -> Self {
        DiffOptions::new()
    }
}

impl DiffOptions {
    /// The defaults.
    pub fn new() -> Self {
        DiffOptions {
            statistics: false,
            dependencies: false,
            fast: false,
            types: None,
            ignored_columns: Vec::new(),
            keys: Vec::new(),
            threads: 1,
            memory: 48 << 20,
            temp_dir: None,
            seed: None,
        }
    }

    /// Whether statistics are compared, which differ with each ANALYZE. Default false.
    pub fn statistics(mut self, statistics: bool) -> Self {
        self.statistics = statistics;
        self
    }

    /// Whether the objects that an object needs are compared, as the archives name them. Other
    /// releases of `pg_dump` write others for the same object. Default false.
    pub fn dependencies(mut self, dependencies: bool) -> Self {
        self.dependencies = dependencies;
        self
    }

    /// Whether values are compared by their text, whatever their type. That is quicker. Equal is
    /// equal then, too, but values that are only printed differently are different: instants in
    /// another time zone, `bytea` in another form, numbers of another release. Default false.
    pub fn fast(mut self, fast: bool) -> Self {
        self.fast = fast;
        self
    }

    /// Takes the types and keys of tables from this archive, as far as the two do not define them:
    /// for archives that have data only. See
    /// [`Definitions::with`](crate::types::Definitions::with). Default: none.
    pub fn types(mut self, toc: Arc<Toc>) -> Self {
        self.types = Some(toc);
        self
    }

    /// Leaves a column out of the comparison of rows, in all tables. The name is in UTF-8.
    pub fn ignore_column(mut self, name: impl Into<Vec<u8>>) -> Self {
        self.ignored_columns.push(name.into());
        self
    }

    /// Sets the columns that tell the rows of a table apart, instead of its primary key. Names are in
    /// UTF-8. Without a schema, it is set for the tables of that name in all schemas.
    pub fn key<C: Into<Vec<u8>>>(
        mut self,
        schema: Option<&[u8]>,
        table: &[u8],
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        let schema = schema.map(<[u8]>::to_vec);
        self.keys.push(GivenKey { schema, table: table.to_vec(), columns });
        self
    }

    /// How many threads read tables at the same time. Default 1.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// About how many bytes of differing rows are kept in memory. More of them go to temporary
    /// files. It is at least 64 KiB, and at least one row of each archive is in memory, whatever its
    /// length. Default 48 MiB, with which a comparison takes less than 64 MiB.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes.max(64 << 10);
        self
    }

    /// The directory of temporary files. They have no name, and vanish with the process. Default: the
    /// system's.
    pub fn temp_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.temp_dir = Some(path.into());
        self
    }

    /// Sets the seed of all hashes, so that rows that do not fit into memory come in the same order
    /// in each run. Whoever knows it could prepare tables that seem equal. Default: a new one
    /// at random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The tables of keys that were asked for and that are none of these, by schema and name.
    pub(super) fn unknown_key<'n>(
        &self,
        tables: impl Iterator<Item = (Option<&'n [u8]>, &'n [u8])> + Clone,
    ) -> Option<&[u8]> {
        let is_known =
            |key: &&GivenKey| tables.clone().any(|(schema, table)| key.is_of(schema, table));
        self.keys.iter().find(|key| !is_known(key)).map(|key| &key.table[..])
    }

    pub(super) fn key_of(&self, schema: Option<&[u8]>, table: &[u8]) -> Option<&[Vec<u8>]> {
        self.keys.iter().rev().find(|key| key.is_of(schema, table)).map(|key| &key.columns[..])
    }
}
