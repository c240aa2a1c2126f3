//! The options of a selection, one setter each.

use super::{NamePattern, UseList};
use crate::toc::Section;

/// Which entries of an archive are wanted: the selection options of `pg_restore`.
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
    pub(crate) with_dependencies: bool,
    pub(crate) with_dependents: bool,
}

impl Selection {
    /// Everything, except what `pg_restore` leaves out unless it is asked for.
    pub fn new() -> Self {
        Selection::default()
    }

    /// `-n`: only objects in this schema, and in others that are given.
    pub fn schema(mut self, name: impl Into<NamePattern>) -> Self {
        self.schemas.push(name.into());
        self
    }

    /// `-N`: no objects in this schema.
    pub fn exclude_schema(mut self, name: impl Into<NamePattern>) -> Self {
        self.exclude_schemas.push(name.into());
        self
    }

    /// `-t`: only this table, view, sequence or the like, and others that are given.
    pub fn table(mut self, name: impl Into<NamePattern>) -> Self {
        self.tables.push(name.into());
        self
    }

    /// `-I`: only this index, and others that are given.
    pub fn index(mut self, name: impl Into<NamePattern>) -> Self {
        self.indexes.push(name.into());
        self
    }

    /// `-P`: only this function, and others that are given. A whole tag is `name(type, type)`.
    pub fn function(mut self, name: impl Into<NamePattern>) -> Self {
        self.functions.push(name.into());
        self
    }

    /// `-T`: only this trigger, and others that are given. A whole tag is `table trigger`.
    pub fn trigger(mut self, name: impl Into<NamePattern>) -> Self {
        self.triggers.push(name.into());
        self
    }

    /// `--section`: only this section, and others that are given.
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Compares every name byte by byte with whole tags, as `pg_restore` does. A name is then never
    /// a pattern, and never has a schema in front. [`NamePattern::exact`] does so for one name.
    pub fn exact_names(mut self, exact_names: bool) -> Self {
        self.exact_names = exact_names;
        self
    }

    /// `-C`: the database itself, too. This is about restores; a [`Conversion`](crate::Conversion)
    /// keeps the entries of the database in any case.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// `-a`: no definitions.
    pub fn data_only(mut self, data_only: bool) -> Self {
        self.data_only = data_only;
        self
    }

    /// `-s`: no data.
    pub fn schema_only(mut self, schema_only: bool) -> Self {
        self.schema_only = schema_only;
        self
    }

    /// `--statistics-only`: neither definitions nor data.
    pub fn statistics_only(mut self, statistics_only: bool) -> Self {
        self.statistics_only = statistics_only;
        self
    }

    /// `--statistics`: statistics, although another option excludes them.
    pub fn statistics(mut self, statistics: bool) -> Self {
        self.statistics = statistics;
        self
    }

    /// `--no-data`.
    pub fn no_data(mut self, no_data: bool) -> Self {
        self.no_data = no_data;
        self
    }

    /// `--no-schema`.
    pub fn no_schema(mut self, no_schema: bool) -> Self {
        self.no_schema = no_schema;
        self
    }

    /// `--no-statistics`.
    pub fn no_statistics(mut self, no_statistics: bool) -> Self {
        self.no_statistics = no_statistics;
        self
    }

    /// `-x`: no privileges.
    pub fn no_privileges(mut self, no_privileges: bool) -> Self {
        self.no_privileges = no_privileges;
        self
    }

    /// `--no-comments`.
    pub fn no_comments(mut self, no_comments: bool) -> Self {
        self.no_comments = no_comments;
        self
    }

    /// `--no-policies`.
    pub fn no_policies(mut self, no_policies: bool) -> Self {
        self.no_policies = no_policies;
        self
    }

    /// `--no-publications`.
    pub fn no_publications(mut self, no_publications: bool) -> Self {
        self.no_publications = no_publications;
        self
    }

    /// `--no-security-labels`.
    pub fn no_security_labels(mut self, no_security_labels: bool) -> Self {
        self.no_security_labels = no_security_labels;
        self
    }

    /// `--no-subscriptions`.
    pub fn no_subscriptions(mut self, no_subscriptions: bool) -> Self {
        self.no_subscriptions = no_subscriptions;
        self
    }

    /// `-L`: only the entries of this list, in its order.
    pub fn use_list(mut self, list: UseList) -> Self {
        self.use_list = Some(list);
        self
    }

    /// Adds all that the chosen entries need, to any depth: schemas, types, sequences, functions, the
    /// rows that foreign keys refer to, and the parts without which a relation is not whole: defaults,
    /// sequences of its columns, row security, and the partitions of a chosen table.
    pub fn with_dependencies(mut self, with_dependencies: bool) -> Self {
        self.with_dependencies = with_dependencies;
        self
    }

    /// Adds all that belongs to the chosen entries: data, indexes, constraints, triggers, partitions,
    /// owned sequences, statistics.
    pub fn with_dependents(mut self, with_dependents: bool) -> Self {
        self.with_dependents = with_dependents;
        self
    }
}
