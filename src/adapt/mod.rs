//! Adapts archives to other servers: an older release, other names, or a managed service that does
//! not give out its superuser.
//!
//! An [`Adaptation`] says how the server differs. Applied to a selection it leaves out the entries that
//! the server does not take, and gives the others new texts. The result is used like any other
//! selection. Every change is reported as a [`Finding`].

// `target` and `managed` leave out entries that the server does not take, `leave_out` those that depend
// on them; `features` lists what an older server can have instead, and `relatives` finds what only
// several entries show, and `predefined` roles that are missing; `map` changes names. All of it ends in
// a table of contents with the same entries and other texts: `draft`.

mod draft;
mod features;
mod leave_out;
mod managed;
mod map;
mod predefined;
mod relatives;
mod release;
mod target;

pub use managed::Service;
pub use map::Mapping;
pub(crate) use map::names_roles;
pub use release::TargetVersion;

use crate::error::Result;
use crate::finding::{Finding, Severity};
use crate::select::{Rule, Selected};
use crate::toc::{Desc, Format, Toc, TocEntry};
use crate::wire::LastField;
use draft::Draft;
use relatives::Relatives;

/// Adapts an archive to another server: an older release, other names, or a managed service.
///
/// ```
/// use pgdmp::{Archive, Conversion, Selection, Target};
/// use pgdmp::adapt::Adaptation;
///
/// let archive = Archive::open("fixtures/pg18/core-custom.dump")?;
/// let selection = Selection::new().create(true);
/// let mut selected = selection.apply(archive.toc())?;
/// let adaptation = Adaptation::new().target("15".parse()?);
/// let adapted = adaptation.apply(&mut selected)?;
/// for finding in &adapted.findings {
///     eprintln!("{finding}");
/// }
/// let selected = adapted.selected(&selected);
/// let conversion = Conversion::new(&archive, &Target::new(), Some(&selected))?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct Adaptation {
    target: Option<TargetVersion>,
    service: Option<Service>,
    mapping: Mapping,
    no_owner: bool,
    no_tablespaces: bool,
    no_table_access_method: bool,
}

/// The result of an [`Adaptation`].
///
/// See the example of [`Adaptation`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Adapted {
    /// The table of contents with the same entries in the same order and new texts; `None` if no
    /// text changes.
    pub toc: Option<Toc>,
    /// The entries that were left out, and those whose meaning changed.
    pub findings: Vec<Finding>,
    /// Places that may name a mapped schema but could not be proved safe. Review them before using
    /// the result.
    pub unproved: Vec<Finding>,
    /// Other remarks.
    pub notes: Vec<String>,
}

impl Adaptation {
    /// No changes.
    pub fn new() -> Self {
        Adaptation::default()
    }

    /// `--target-version`: sets the release of the server.
    pub fn target(mut self, version: TargetVersion) -> Self {
        self.target = Some(version);
        self
    }

    /// `--for`: sets the managed service that runs the server.
    pub fn service(mut self, service: Service) -> Self {
        self.service = Some(service);
        self
    }

    /// `--map-owner`, `--map-schema`, `--map-tablespace`: sets new names.
    pub fn mapping(mut self, mapping: Mapping) -> Self {
        self.mapping = mapping;
        self
    }

    /// `-O`: leaves out owners.
    pub fn no_owner(mut self, no_owner: bool) -> Self {
        self.no_owner = no_owner;
        self
    }

    /// `--no-tablespaces`: leaves out tablespaces.
    pub fn no_tablespaces(mut self, no_tablespaces: bool) -> Self {
        self.no_tablespaces = no_tablespaces;
        self
    }

    /// `--no-table-access-method`: leaves out table access methods.
    pub fn no_table_access_method(mut self, no_table_access_method: bool) -> Self {
        self.no_table_access_method = no_table_access_method;
        self
    }

    /// Whether no change is set.
    pub fn is_empty(&self) -> bool {
        self.target.is_none() && self.service.is_none() && !self.changes_texts()
    }

    fn changes_texts(&self) -> bool {
        !self.mapping.is_empty()
            || self.no_owner
            || self.no_tablespaces
            || self.no_table_access_method
    }

    /// Removes entries that the server does not accept from a selection, and gives the others new
    /// texts.
    ///
    /// # Errors
    ///
    /// Two schemas that would be joined but have objects of the same name, and a new name that the
    /// encoding of the archive cannot express.
    pub fn apply(&self, selected: &mut Selected<'_>) -> Result<Adapted> {
        if !self.is_empty() {
            selected.toc().require_statements()?;
        }
        let mut adapted = Adapted::default();
        if let Some(service) = self.service {
            adapted.findings = service.leave_out(selected);
        }
        if let Some(target) = self.target {
            target.leave_out(selected, &mut adapted);
        }
        if self.is_empty() {
            return Ok(adapted);
        }
        let mapping = self.mapping.in_encoding_of(selected.toc())?;
        adapted.findings.extend(mapping.unite(selected)?);
        let toc = selected.toc();
        adapted.notes.extend(mapping.notes(toc));
        let without_method = self.no_table_access_method
            || selected.all().any(|(entry, decision)| {
                entry.desc() == *"ACCESS METHOD" && decision.rule == Rule::Service
            });
        let format = match toc.dialect().last_field {
            LastField::Offset => Format::Custom,
            // The two have the same entries.
            _ => Format::Directory,
        };
        let std_strings = toc.std_strings().unwrap_or(true);
        let mut new = Toc::new(toc.header().clone(), format);
        let mut relatives = self.target.map(|target| Relatives::new(target, toc));
        let mut emptied = Vec::new();
        for entry in toc {
            if !selected.wanted_in_archive(&entry).is_listed() {
                new.push(&entry.fields())?;
                continue;
            }
            let mut draft = Draft::new(entry);
            if self.change(&mut draft, &mut relatives, &mapping, std_strings, &mut adapted) {
                emptied.push((entry.index(), Rule::Target));
            }
            if without_method {
                draft.table_am = None;
            }
            new.push(&draft.fields())?;
        }
        selected.leave_out(emptied);
        adapted.toc = Some(new);
        Ok(adapted)
    }

    /// Gives an entry its new texts. Says whether nothing is left of it for the server's release.
    fn change(
        &self,
        draft: &mut Draft<'_>,
        relatives: &mut Option<Relatives<'_>>,
        mapping: &Mapping,
        std_strings: bool,
        adapted: &mut Adapted,
    ) -> bool {
        let entry = draft.entry;
        // A schema public that becomes another one is not there already.
        let is_moved = entry.desc() == Desc::SCHEMA
            && entry.tag().is_some_and(|name| mapping.schemas.contains_key(name));
        if let Some(relatives) = relatives.as_mut().filter(|_| !is_moved) {
            let target = relatives.target();
            target.change(draft, relatives, std_strings, &mut adapted.findings);
        }
        let is_emptied = draft.is_emptied();
        if !mapping.is_empty() {
            let unproved = mapping.rename(draft, std_strings);
            adapted.unproved.extend(unproved.into_iter().map(|what| finding(entry, what)));
        }
        if let Some(service) = self.service {
            service.change(draft, std_strings, &mut adapted.findings);
        }
        if self.no_tablespaces || self.service.is_some() {
            draft.tablespace = None;
        }
        self.disown(draft, std_strings);
        is_emptied
    }

    /// Takes away owners that are not wanted, or that the service does not have.
    fn disown(&self, draft: &mut Draft<'_>, std_strings: bool) {
        if self.no_owner {
            // An empty one would be no hyphen in the comments of a script.
            draft.owner = None;
            let defn = draft.defn.as_deref().unwrap_or_default();
            if draft.entry.desc() == Desc::SCHEMA
                && let Some(defn) = crate::sql::without(defn, std_strings, "AUTHORIZATION")
            {
                draft.defn = Some(defn.into());
            }
        } else if let Some(service) = self.service
            && draft.owner.as_deref().is_some_and(|owner| !service.has_owner(owner))
        {
            draft.owner = Some(Vec::new().into());
        }
    }
}

impl Adapted {
    /// The selection, with the new texts.
    pub fn selected<'b>(&'b self, selected: &Selected<'b>) -> Selected<'b> {
        match &self.toc {
            Some(toc) => selected.with_toc(toc),
            None => selected.clone(),
        }
    }
}

/// Something to say about an entry, which is not as it was.
fn finding(entry: TocEntry<'_>, what: impl Into<String>) -> Finding {
    Finding::new(Severity::Warning, what).in_entry(entry.name())
}
