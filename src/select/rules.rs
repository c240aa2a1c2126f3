//! The decision about one entry.
//!
//! The order of the rules matters: the first that drops an entry ends the matter, and rules about
//! what goes with another entry look at the decisions that came before.

use std::fmt;

use super::names::Names;
use super::pattern::{is_function, is_relation};
use super::{Decision, Selection, Wanted};
use crate::toc::{Definition, Desc, DumpId, Section, Toc, TocEntry};

/// The rule that decided whether an entry is selected.
///
/// See the example of [`Selected`](super::Selected).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// No rule excludes the entry.
    Default,
    /// The entry was not looked at.
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
    /// This entry needs it (`--with-dependencies`).
    NeededBy(DumpId),
    /// It belongs to this entry (`--with-dependents`), or goes with it.
    DependsOn(DumpId),
    /// A server of the target release does not support it.
    Target,
    /// The service that runs the server refuses it.
    Service,
    /// It depends on this entry, which was left out.
    WithoutEntry(DumpId),
    /// Its schema becomes one with another one, which is defined already (`--map-schema`).
    United,
    /// The database has it already (`--on-conflict=skip`).
    Exists,
}

impl Rule {
    /// A short explanation of the rule.
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
            Rule::NeededBy(_) => "needed by another entry",
            Rule::DependsOn(_) => "depends on another entry",
            Rule::Target => "the server does not take it (--target-version)",
            Rule::Service => "the service refuses it (--for)",
            Rule::WithoutEntry(_) => "depends on an entry that is left out",
            Rule::United => "its schema becomes one with another one (--map-schema)",
            Rule::Exists => "the database has it already (--on-conflict=skip)",
        }
    }

    /// The other entry that the rule refers to.
    pub const fn entry(self) -> Option<DumpId> {
        match self {
            Rule::NeededBy(id) | Rule::DependsOn(id) | Rule::WithoutEntry(id) => Some(id),
            _ => None,
        }
    }

    /// Whether it leaves out what was not asked for, rather than what was asked not to be there.
    pub(super) const fn is_choice(self) -> bool {
        matches!(
            self,
            Rule::UseList
                | Rule::WithoutObject
                | Rule::Schema
                | Rule::NotChosen
                | Rule::NothingLeft
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::NeededBy(id) => write!(f, "needed by entry {id}"),
            Rule::DependsOn(id) => write!(f, "depends on entry {id}"),
            Rule::WithoutEntry(id) => write!(f, "depends on entry {id}, which is left out"),
            _ => f.write_str(self.explanation()),
        }
    }
}

/// What the rules ask of an entry's kind. It is found out once for each kind: there may be a
/// million entries, and looking at the words took more time than all else.
pub(super) struct Kind {
    class: Class,
    /// Whether it has a definition that counts as data, because it makes no sense without.
    defines_data: bool,
    /// The `--no-…` option that all of the kind fall under.
    unwanted: Option<Rule>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Special,
    Statistics,
    Database,
    /// What goes with an object that its tag names, after the object's kind.
    Attached,
    Init,
    Other,
}

impl Class {
    fn of(desc: Desc<'_>) -> Class {
        match desc {
            desc if desc.is_special() => Class::Special,
            Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA => Class::Statistics,
            Desc::DATABASE | Desc::DATABASE_PROPERTIES => Class::Database,
            Desc::ACL | Desc::COMMENT | Desc::SECURITY_LABEL => Class::Attached,
            Desc::INIT => Class::Init,
            _ => Class::Other,
        }
    }
}

impl Selection {
    pub(super) fn kind(&self, desc: Desc<'_>) -> Kind {
        Kind {
            class: Class::of(desc),
            defines_data: matches!(desc, Desc::SEQUENCE_SET | Desc::BLOB | Desc::BLOB_METADATA),
            unwanted: self.unwanted_kind(desc),
        }
    }

    /// Decides about one entry. `kind`: its own; `section`: its own, or of the nearest entry
    /// before it that has one; `before`: the decisions so far, by place.
    pub(super) fn decide(
        &self,
        entry: TocEntry<'_>,
        kind: &Kind,
        section: Section,
        before: &[Decision],
        names: &mut Names<'_>,
    ) -> Decision {
        let drop = |rule| Decision { wanted: Wanted::NOTHING, rule };
        let mut wanted = Wanted { schema: true, data: true, ..Wanted::NOTHING };
        match kind.class {
            Class::Special => {
                let wanted = Wanted { special: true, ..Wanted::NOTHING };
                return Decision { wanted, rule: Rule::Special };
            }
            Class::Statistics if !self.wants_statistics() => return drop(Rule::NoStatistics),
            Class::Statistics => wanted = Wanted { statistics: true, ..Wanted::NOTHING },
            Class::Database => {
                // Whatever else was asked for.
                let wanted = Wanted { schema: self.create, ..Wanted::NOTHING };
                return Decision { wanted, rule: Rule::Create };
            }
            Class::Attached | Class::Init | Class::Other => {}
        }
        if let Some(rule) = self.unwanted(entry, kind) {
            return drop(rule);
        }
        if !self.wants_section(section) {
            return drop(Rule::Section);
        }
        if self.use_list.as_ref().is_some_and(|list| !list.contains(entry)) {
            return drop(Rule::UseList);
        }
        let rule = match self.chosen(entry, kind, before, names) {
            Ok(rule) => rule,
            Err(rule) => return drop(rule),
        };
        if kind.class == Class::Statistics {
            return Decision { wanted, rule };
        }
        self.narrow(entry, kind, &mut wanted);
        let rule = if wanted.is_anything() { rule } else { Rule::NothingLeft };
        Decision { wanted, rule }
    }

    /// What may be wanted of an entry that something else asks for: all that no option about
    /// kinds, sections or unwanted schemas forbids.
    pub(super) fn admit(&self, entry: TocEntry<'_>, section: Section) -> Result<Wanted, Rule> {
        let kind = self.kind(entry.desc());
        if matches!(kind.class, Class::Special | Class::Database) {
            return Err(Rule::Create);
        }
        if let Some(rule) = self.unwanted(entry, &kind) {
            return Err(rule);
        }
        if !self.wants_section(section) {
            return Err(Rule::Section);
        }
        if kind.class == Class::Statistics {
            let wanted = Wanted { statistics: true, ..Wanted::NOTHING };
            return if self.wants_statistics() { Ok(wanted) } else { Err(Rule::NoStatistics) };
        }
        let mut wanted = Wanted { schema: true, data: true, ..Wanted::NOTHING };
        self.narrow(entry, &kind, &mut wanted);
        Ok(wanted)
    }

    /// The `--no-…` option that all entries of a kind fall under.
    fn unwanted_kind(&self, desc: Desc<'_>) -> Option<Rule> {
        let publication = matches!(
            desc,
            Desc::PUBLICATION | Desc::PUBLICATION_TABLE | Desc::PUBLICATION_TABLES_IN_SCHEMA
        );
        let subscription = matches!(desc, Desc::SUBSCRIPTION | Desc::SUBSCRIPTION_TABLE);
        let policy = matches!(desc, Desc::POLICY | Desc::ROW_SECURITY);
        let rules = [
            (self.no_privileges && desc.is_acl(), Rule::NoPrivileges),
            (self.no_comments && desc == Desc::COMMENT, Rule::NoComments),
            (self.no_policies && policy, Rule::NoPolicies),
            (self.no_publications && publication, Rule::NoPublications),
            (self.no_security_labels && desc == Desc::SECURITY_LABEL, Rule::NoSecurityLabels),
            (self.no_subscriptions && subscription, Rule::NoSubscriptions),
        ];
        rules.into_iter().find(|(applies, _)| *applies).map(|(_, rule)| rule)
    }

    /// The `--no-…` option that the entry falls under: for what it is, or what it is on.
    fn unwanted(&self, entry: TocEntry<'_>, kind: &Kind) -> Option<Rule> {
        if kind.unwanted.is_some() || kind.class != Class::Attached {
            return kind.unwanted;
        }
        let (desc, tag) = (entry.desc(), entry.tag()?);
        let comment = desc == Desc::COMMENT;
        let remark = comment || desc == Desc::SECURITY_LABEL;
        let rules = [
            (self.no_policies && comment, &b"POLICY"[..], Rule::NoPolicies),
            (self.no_publications && remark, b"PUBLICATION", Rule::NoPublications),
            (self.no_subscriptions && remark, b"SUBSCRIPTION", Rule::NoSubscriptions),
        ];
        let mut rules = rules.into_iter();
        rules.find(|(applies, on, _)| *applies && tag.starts_with(on)).map(|(.., rule)| rule)
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
        kind: &Kind,
        before: &[Decision],
        names: &mut Names<'_>,
    ) -> Result<Rule, Rule> {
        let selective = self.is_selective();
        let by_schema = !self.schemas.is_empty() || !self.exclude_schemas.is_empty();
        if kind.class == Class::Attached {
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
        if !selective && !by_schema {
            return Ok(Rule::Default);
        }
        let namespace = entry.namespace().unwrap_or_default();
        if self.with_schemas
            && entry.desc() == Desc::SCHEMA
            && entry.tag().is_some_and(|tag| names.schemas.matches(None, tag))
        {
            return Ok(Rule::Chosen);
        }
        if !self.schemas.is_empty()
            && (namespace.is_empty() || !names.schemas.matches(None, namespace))
        {
            return Err(Rule::Schema);
        }
        if entry.namespace().is_some_and(|own| names.exclude_schemas.matches(None, own)) {
            return Err(Rule::ExcludedSchema);
        }
        if !selective {
            return Ok(Rule::Default);
        }
        if is_chosen(entry, names) { Ok(Rule::Chosen) } else { Err(Rule::NotChosen) }
    }

    /// Takes away what the entry does not have, and what is not wanted of any.
    fn narrow(&self, entry: TocEntry<'_>, kind: &Kind, wanted: &mut Wanted) {
        if !entry.had_dumper() {
            let of_object = kind.class == Class::Attached
                && entry.tag().is_some_and(|tag| tag.starts_with(b"LARGE OBJECT"));
            if kind.defines_data || of_object {
                wanted.schema = false;
            } else {
                wanted.data = false;
            }
        }
        if entry.definition() != Definition::Statement {
            wanted.schema = false;
        }
        if kind.class == Class::Init && entry.tag() == Some(b"Max OID") {
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

/// Whether `-t`, `-I`, `-P` or `-T` names the entry.
fn is_chosen(entry: TocEntry<'_>, names: &mut Names<'_>) -> bool {
    let (namespace, tag) = (entry.namespace(), entry.tag().unwrap_or_default());
    match entry.desc() {
        desc if is_relation(desc) => names.tables.matches(namespace, tag),
        desc if is_function(desc) => names.functions.matches(namespace, tag),
        Desc::INDEX => names.indexes.matches(namespace, tag),
        Desc::TRIGGER => names.triggers.matches(namespace, tag),
        // Statistics go with their relation, by its name; it need not be wanted itself.
        Desc::STATISTICS_DATA => needs(entry).any(|relation| {
            let (namespace, tag) = (relation.namespace(), relation.tag().unwrap_or_default());
            match relation.desc() {
                Desc::TABLE | Desc::VIEW | Desc::FOREIGN_TABLE | Desc::MATERIALIZED_VIEW => {
                    names.tables.matches(namespace, tag)
                }
                Desc::INDEX => names.indexes.matches(namespace, tag),
                _ => false,
            }
        }),
        _ => false,
    }
}
