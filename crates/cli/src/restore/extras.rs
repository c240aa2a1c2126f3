//! The options that pg_restore does not have.

use super::super::adapt::{ServerOptions, pair};
use super::super::explain::Form;
use super::messages::Fatal;
use pgdmp::Selection;

/// One of them; [`OWN`](super::table::OWN) has their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    WithDependencies,
    WithDependents,
    Explain,
    ExplainJson,
    TargetVersion,
    MapOwner,
    MapTablespace,
    MapSchema,
    MapUnproved,
    For,
    FollowLinks,
}

/// What they ask for, but for what is part of the selection.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) explain: Option<Form>,
    pub(super) server: ServerOptions,
    /// Whether files of a directory archive may be links to elsewhere.
    pub(super) follow_links: bool,
}

impl Extras {
    pub(super) fn take(
        &mut self,
        option: Own,
        value: &[u8],
        selection: &mut Selection,
    ) -> Result<(), Fatal> {
        let text = || String::from_utf8_lossy(value).into_owned();
        let server = &mut self.server;
        let mapping = &mut server.adaptation.mapping;
        match option {
            Own::WithDependencies => selection.with_dependencies = true,
            Own::WithDependents => selection.with_dependents = true,
            Own::Explain => self.explain = Some(Form::Table),
            Own::ExplainJson => self.explain = Some(Form::Json),
            Own::TargetVersion => server.adaptation.target = Some(text().parse()?),
            Own::MapOwner => pair("--map-owner", value, &mut mapping.owners)?,
            Own::MapTablespace => pair("--map-tablespace", value, &mut mapping.tablespaces)?,
            Own::MapSchema => pair("--map-schema", value, &mut mapping.schemas)?,
            Own::MapUnproved => server.map_unproved = true,
            Own::FollowLinks => self.follow_links = true,
            Own::For => server.adaptation.service = Some(text().parse()?),
        }
        Ok(())
    }
}
