//! The options of a selection, one setter each.

use super::{NamePattern, UseList};
use crate::toc::Section;

/// Selects entries of an archive, with the selection options of `pg_restore`.
///
/// An option that can be given more than once has a setter that adds one name. Without any name,
/// everything is selected.
///
/// ```
/// let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selection = pgdmp::Selection::new().schema("public").data_only(true);
/// let selected = selection.apply(archive.toc())?;
/// for entry in selected.entries() {
///     println!("{}", entry.name());
/// }
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct Selection {
    pub(crate) schemas: Vec<NamePattern>,
    pub(crate) exclude_schemas: Vec<NamePattern>,
    pub(crate) tables: Vec<NamePattern>,
    pub(crate) indexes: Vec<NamePattern>,
    pub(crate) functions: Vec<NamePattern>,
    pub(crate) triggers: Vec<NamePattern>,
    pub(crate) sections: Vec<Section>,
    pub(crate) exact_names: bool,
    pub(crate) create: bool,
    pub(crate) data_only: bool,
    pub(crate) schema_only: bool,
    pub(crate) statistics_only: bool,
    pub(crate) statistics: bool,
    pub(crate) no_data: bool,
    pub(crate) no_schema: bool,
    pub(crate) no_statistics: bool,
    pub(crate) no_privileges: bool,
    pub(crate) no_comments: bool,
    pub(crate) no_policies: bool,
    pub(crate) no_publications: bool,
    pub(crate) no_security_labels: bool,
    pub(crate) no_subscriptions: bool,
    pub(crate) use_list: Option<UseList>,
    pub(crate) with_schemas: bool,
    pub(crate) with_dependencies: bool,
    pub(crate) with_dependents: bool,
}

impl Selection {
    /// Selects everything that `pg_restore` restores by default.
    pub fn new() -> Self {
        Selection::default()
    }

    /// `-n`: selects objects in this schema. Can be called several times.
    pub fn schema(mut self, name: impl Into<NamePattern>) -> Self {
        self.schemas.push(name.into());
        self
    }

    /// `-N`: leaves out the objects in this schema. Can be called several times.
    pub fn exclude_schema(mut self, name: impl Into<NamePattern>) -> Self {
        self.exclude_schemas.push(name.into());
        self
    }

    /// `-t`: selects this table, view, materialized view, foreign table or sequence. Can be called
    /// several times.
    pub fn table(mut self, name: impl Into<NamePattern>) -> Self {
        self.tables.push(name.into());
        self
    }

    /// `-I`: selects this index. Can be called several times.
    pub fn index(mut self, name: impl Into<NamePattern>) -> Self {
        self.indexes.push(name.into());
        self
    }

    /// `-P`: selects this function, named as `name(type, type)`. Can be called several times.
    pub fn function(mut self, name: impl Into<NamePattern>) -> Self {
        self.functions.push(name.into());
        self
    }

    /// `-T`: selects this trigger, named as `table trigger`. Can be called several times.
    pub fn trigger(mut self, name: impl Into<NamePattern>) -> Self {
        self.triggers.push(name.into());
        self
    }

    /// `--section`: selects this section. Can be called several times.
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Compares names byte by byte with whole tags, as `pg_restore` does. A name is then never a
    /// pattern and never has a schema in front. [`NamePattern::exact`] does this for one name.
    pub fn exact_names(mut self, exact_names: bool) -> Self {
        self.exact_names = exact_names;
        self
    }

    /// `-C`: includes the database itself in a restore. A [`Conversion`](crate::Conversion) always
    /// keeps the entries of the database.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// `-a`: selects only data.
    pub fn data_only(mut self, data_only: bool) -> Self {
        self.data_only = data_only;
        self
    }

    /// `-s`: selects only definitions.
    pub fn schema_only(mut self, schema_only: bool) -> Self {
        self.schema_only = schema_only;
        self
    }

    /// `--statistics-only`: selects only statistics.
    pub fn statistics_only(mut self, statistics_only: bool) -> Self {
        self.statistics_only = statistics_only;
        self
    }

    /// `--statistics`: includes statistics, even if another option excludes them.
    pub fn statistics(mut self, statistics: bool) -> Self {
        self.statistics = statistics;
        self
    }

    /// `--no-data`: leaves out data.
    pub fn no_data(mut self, no_data: bool) -> Self {
        self.no_data = no_data;
        self
    }

    /// `--no-schema`: leaves out definitions.
    pub fn no_schema(mut self, no_schema: bool) -> Self {
        self.no_schema = no_schema;
        self
    }

    /// `--no-statistics`: leaves out statistics.
    pub fn no_statistics(mut self, no_statistics: bool) -> Self {
        self.no_statistics = no_statistics;
        self
    }

    /// `-x`: leaves out privileges.
    pub fn no_privileges(mut self, no_privileges: bool) -> Self {
        self.no_privileges = no_privileges;
        self
    }

    /// `--no-comments`: leaves out comments.
    pub fn no_comments(mut self, no_comments: bool) -> Self {
        self.no_comments = no_comments;
        self
    }

    /// `--no-policies`: leaves out row security policies.
    pub fn no_policies(mut self, no_policies: bool) -> Self {
        self.no_policies = no_policies;
        self
    }

    /// `--no-publications`: leaves out publications.
    pub fn no_publications(mut self, no_publications: bool) -> Self {
        self.no_publications = no_publications;
        self
    }

    /// `--no-security-labels`: leaves out security labels.
    pub fn no_security_labels(mut self, no_security_labels: bool) -> Self {
        self.no_security_labels = no_security_labels;
        self
    }

    /// `--no-subscriptions`: leaves out subscriptions.
    pub fn no_subscriptions(mut self, no_subscriptions: bool) -> Self {
        self.no_subscriptions = no_subscriptions;
        self
    }

    /// `-L`: selects the entries of this list, in its order.
    pub fn use_list(mut self, list: UseList) -> Self {
        self.use_list = Some(list);
        self
    }

    /// Whether [`schema`](Self::schema) selects the schema itself, too, with its privileges and its
    /// comment. `pg_restore -n` leaves them out, so that what is selected needs a schema that is
    /// there.
    pub fn with_schemas(mut self, with_schemas: bool) -> Self {
        self.with_schemas = with_schemas;
        self
    }

    /// Adds the entries that the selected ones need, to any depth: schemas, types, sequences,
    /// functions, and the rows that foreign keys refer to. It also adds the parts without which a
    /// relation is incomplete: defaults, sequences of columns, row security, and the partitions of
    /// a table.
    pub fn with_dependencies(mut self, with_dependencies: bool) -> Self {
        self.with_dependencies = with_dependencies;
        self
    }

    /// Adds the entries that belong to the selected ones: data, indexes, constraints, triggers,
    /// partitions, owned sequences and statistics.
    pub fn with_dependents(mut self, with_dependents: bool) -> Self {
        self.with_dependents = with_dependents;
        self
    }
}
