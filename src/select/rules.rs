//! The decision about one entry.
//!
//! The order of the rules matters: the first that drops an entry ends the matter, and rules about
//! what goes with another entry look at the decisions that came before.

use std::collections::BTreeSet;

use super::{Decision, Met, Selection, Wanted};
use crate::toc::{Desc, Section, Toc, TocEntry};

/// Why something of an entry is wanted or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Nothing speaks against it.
    Default,
    /// It was not looked at.
    Unseen,
    /// It sets up the session of every restore.
    Special,
    /// It is statistics, and those are not wanted.
    NoStatistics,
    /// It is the database, or of the database, and goes with `-C` alone.
    Create,
    /// It is privileges (`-x`).
    NoPrivileges,
    /// It is a comment (`--no-comments`).
    NoComments,
    /// It is a policy, or a comment on one (`--no-policies`).
    NoPolicies,
    /// It is a publication, or on one (`--no-publications`).
    NoPublications,
    /// It is a security label (`--no-security-labels`).
    NoSecurityLabels,
    /// It is a subscription, or on one (`--no-subscriptions`).
    NoSubscriptions,
    /// It stands in a section that is not wanted (`--section`).
    Section,
    /// It is not in the list (`-L`).
    UseList,
    /// It goes with an object that is wanted.
    WithObject,
    /// It would go with an object, and that is not wanted.
    WithoutObject,
    /// Its schema is not among those of `-n`.
    Schema,
    /// Its schema is among those of `-N`.
    ExcludedSchema,
    /// It is one of the objects chosen by name (`-t`, `-I`, `-P`, `-T`).
    Chosen,
    /// It is none of the objects chosen by name.
    NotChosen,
    /// It has neither a definition nor data of a kind that is wanted.
    NothingLeft,
}

impl Rule {
    /// The rule in a few words, for people.
    pub const fn explanation(self) -> &'static str {
        match self {
            Rule::Default => "nothing speaks against it",
            Rule::Unseen => "not looked at",
            Rule::Special => "sets up every restore",
            Rule::NoStatistics => "statistics are not wanted",
            Rule::Create => "of the database itself: only with --create",
            Rule::NoPrivileges => "privileges are not wanted (--no-privileges)",
            Rule::NoComments => "comments are not wanted (--no-comments)",
            Rule::NoPolicies => "policies are not wanted (--no-policies)",
            Rule::NoPublications => "publications are not wanted (--no-publications)",
            Rule::NoSecurityLabels => "security labels are not wanted (--no-security-labels)",
            Rule::NoSubscriptions => "subscriptions are not wanted (--no-subscriptions)",
            Rule::Section => "its section is not wanted (--section)",
            Rule::UseList => "not in the list (--use-list)",
            Rule::WithObject => "goes with a wanted object",
            Rule::WithoutObject => "its object is not wanted",
            Rule::Schema => "not in a wanted schema (--schema)",
            Rule::ExcludedSchema => "in an unwanted schema (--exclude-schema)",
            Rule::Chosen => "chosen by name",
            Rule::NotChosen => "not chosen by name (--table, --index, --function, --trigger)",
            Rule::NothingLeft => "nothing of it is wanted",
        }
    }
}

impl Selection {
    /// Decides about one entry. `before`: the decisions so far, by place; `section`: its own, or
    /// of the nearest entry before it that has one.
    pub(super) fn decide(
        &self,
        entry: TocEntry<'_>,
        section: Section,
        before: &[Decision],
        met: &mut Met,
    ) -> Decision {
        let drop = |rule| Decision { wanted: Wanted::NOTHING, rule };
        let desc = entry.desc();
        if desc.is_special() {
            let wanted = Wanted { special: true, ..Wanted::NOTHING };
            return Decision { wanted, rule: Rule::Special };
        }
        let mut wanted = Wanted { schema: true, data: true, ..Wanted::NOTHING };
        let statistics = matches!(desc, Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA);
        if statistics {
            if !self.wants_statistics() {
                return drop(Rule::NoStatistics);
            }
            wanted = Wanted { statistics: true, ..Wanted::NOTHING };
        }
        if matches!(desc, Desc::DATABASE | Desc::DATABASE_PROPERTIES) {
            // Whatever else was asked for.
            wanted = Wanted { schema: self.create, ..Wanted::NOTHING };
            return Decision { wanted, rule: Rule::Create };
        }
        if let Some(rule) = self.unwanted_kind(entry) {
            return drop(rule);
        }
        if !self.wants_section(section) {
            return drop(Rule::Section);
        }
        if self.use_list.as_ref().is_some_and(|list| !list.contains(entry)) {
            return drop(Rule::UseList);
        }
        let rule = match self.chosen(entry, before, met) {
            Ok(rule) => rule,
            Err(rule) => return drop(rule),
        };
        if statistics {
            return Decision { wanted, rule };
        }
        self.narrow(entry, &mut wanted);
        let rule = if wanted.is_anything() { rule } else { Rule::NothingLeft };
        Decision { wanted, rule }
    }

    /// The `--no-…` option that the entry's kind falls under.
    fn unwanted_kind(&self, entry: TocEntry<'_>) -> Option<Rule> {
        let desc = entry.desc();
        let on = |prefix: &[u8]| entry.tag().is_some_and(|tag| tag.starts_with(prefix));
        let comment_on = |prefix: &[u8]| desc == Desc::COMMENT && on(prefix);
        let attached_to =
            |prefix: &[u8]| matches!(desc, Desc::COMMENT | Desc::SECURITY_LABEL) && on(prefix);
        let publication = matches!(
            desc,
            Desc::PUBLICATION | Desc::PUBLICATION_TABLE | Desc::PUBLICATION_TABLES_IN_SCHEMA
        );
        let subscription = matches!(desc, Desc::SUBSCRIPTION | Desc::SUBSCRIPTION_TABLE);
        let policy = matches!(desc, Desc::POLICY | Desc::ROW_SECURITY);
        let rules = [
            (self.no_privileges && desc.is_acl(), Rule::NoPrivileges),
            (self.no_comments && desc == Desc::COMMENT, Rule::NoComments),
            (self.no_policies && (policy || comment_on(b"POLICY")), Rule::NoPolicies),
            (
                self.no_publications && (publication || attached_to(b"PUBLICATION")),
                Rule::NoPublications,
            ),
            (self.no_security_labels && desc == Desc::SECURITY_LABEL, Rule::NoSecurityLabels),
            (
                self.no_subscriptions && (subscription || attached_to(b"SUBSCRIPTION")),
                Rule::NoSubscriptions,
            ),
        ];
        rules.into_iter().find(|(applies, _)| *applies).map(|(_, rule)| rule)
    }

    fn wants_section(&self, section: Section) -> bool {
        match section {
            Section::PreData | Section::Data | Section::PostData => {
                self.sections.is_empty() || self.sections.contains(&section)
            }
            // An unknown section belongs nowhere.
            _ => false,
        }
    }

    /// Whether the options that name schemas and objects leave the entry in.
    fn chosen(
        &self,
        entry: TocEntry<'_>,
        before: &[Decision],
        met: &mut Met,
    ) -> Result<Rule, Rule> {
        let selective = self.is_selective();
        let by_schema = !self.schemas.is_empty() || !self.exclude_schemas.is_empty();
        if matches!(entry.desc(), Desc::ACL | Desc::COMMENT | Desc::SECURITY_LABEL) {
            if entry.tag().is_some_and(|tag| tag.starts_with(b"DATABASE ")) {
                return if self.create { Ok(Rule::Create) } else { Err(Rule::Create) };
            }
            if !selective && !by_schema {
                return Ok(Rule::Default);
            }
            // They go with their object: a dependency that is wanted.
            return match needs_wanted(entry, before) {
                true => Ok(Rule::WithObject),
                false => Err(Rule::WithoutObject),
            };
        }
        let namespace = entry.namespace().unwrap_or_default();
        if !self.schemas.is_empty()
            && (namespace.is_empty() || !matches(&self.schemas, namespace, &mut met.schemas))
        {
            return Err(Rule::Schema);
        }
        if entry.namespace().is_some_and(|own| self.exclude_schemas.iter().any(|name| name == own))
        {
            return Err(Rule::ExcludedSchema);
        }
        if !selective {
            return Ok(Rule::Default);
        }
        if self.is_chosen(entry, met) { Ok(Rule::Chosen) } else { Err(Rule::NotChosen) }
    }

    /// Whether `-t`, `-I`, `-P` or `-T` names the entry.
    fn is_chosen(&self, entry: TocEntry<'_>, met: &mut Met) -> bool {
        let tag = entry.tag().unwrap_or_default();
        match entry.desc() {
            Desc::TABLE
            | Desc::TABLE_DATA
            | Desc::VIEW
            | Desc::FOREIGN_TABLE
            | Desc::MATERIALIZED_VIEW
            | Desc::MATERIALIZED_VIEW_DATA
            | Desc::SEQUENCE
            | Desc::SEQUENCE_SET => matches(&self.tables, tag, &mut met.tables),
            Desc::INDEX => matches(&self.indexes, tag, &mut met.indexes),
            Desc::FUNCTION | Desc::AGGREGATE | Desc::PROCEDURE => {
                matches(&self.functions, tag, &mut met.functions)
            }
            Desc::TRIGGER => matches(&self.triggers, tag, &mut met.triggers),
            // Statistics go with their relation, by its name; it need not be wanted itself.
            Desc::STATISTICS_DATA => needs(entry).any(|relation| {
                let tag = relation.tag().unwrap_or_default();
                match relation.desc() {
                    Desc::TABLE | Desc::VIEW | Desc::FOREIGN_TABLE | Desc::MATERIALIZED_VIEW => {
                        matches(&self.tables, tag, &mut met.tables)
                    }
                    Desc::INDEX => matches(&self.indexes, tag, &mut met.indexes),
                    _ => false,
                }
            }),
            _ => false,
        }
    }

    /// Takes away what the entry does not have, and what is not wanted of any.
    fn narrow(&self, entry: TocEntry<'_>, wanted: &mut Wanted) {
        let desc = entry.desc();
        if !entry.had_dumper() {
            // Definitions that count as data, because they make no sense without.
            let attached = matches!(desc, Desc::ACL | Desc::COMMENT | Desc::SECURITY_LABEL)
                && entry.tag().is_some_and(|tag| tag.starts_with(b"LARGE OBJECT"));
            if matches!(desc, Desc::SEQUENCE_SET | Desc::BLOB | Desc::BLOB_METADATA) || attached {
                wanted.schema = false;
            } else {
                wanted.data = false;
            }
        }
        let defn = entry.defn().unwrap_or_default();
        if defn.is_empty() || defn.starts_with(b"-- load via partition root ") {
            wanted.schema = false;
        }
        if desc == Desc::INIT && entry.tag() == Some(b"Max OID") {
            *wanted = Wanted::NOTHING;
        }
        wanted.data &= self.wants_data();
        wanted.schema &= self.wants_schema();
    }
}

/// The entries it depends on, as far as the archive has them.
fn needs<'a>(entry: TocEntry<'a>) -> impl Iterator<Item = TocEntry<'a>> {
    let toc: &'a Toc = entry.toc();
    entry.dependencies().iter().filter_map(move |id| toc.entry(*id))
}

fn needs_wanted(entry: TocEntry<'_>, before: &[Decision]) -> bool {
    needs(entry).any(|object| {
        object.desc() != Desc::ACL
            && before.get(object.index()).is_some_and(|decision| decision.wanted.is_anything())
    })
}

/// Whether `name` is one of `names`, remembered for `--strict-names`.
fn matches(names: &[Vec<u8>], name: &[u8], met: &mut BTreeSet<usize>) -> bool {
    let before = met.len();
    let mut any = false;
    for (n, candidate) in names.iter().enumerate() {
        if candidate == name {
            met.insert(n);
            any = true;
        }
    }
    debug_assert!(any || met.len() == before);
    any
}
