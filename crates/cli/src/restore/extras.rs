//! The options that pg_restore does not have.

use super::super::adapt::{ServerOptions, pair};
use super::super::explain::Form;
use super::messages::Fatal;

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

/// The values of these options.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) with_dependencies: bool,
    pub(super) with_dependents: bool,
    pub(super) explain: Option<Form>,
    pub(super) server: ServerOptions,
    /// Whether files of a directory archive may be links to elsewhere.
    pub(super) follow_links: bool,
}

impl Extras {
    pub(super) fn take(&mut self, option: Own, value: &[u8]) -> Result<(), Fatal> {
        let text = || String::from_utf8_lossy(value).into_owned();
        let server = &mut self.server;
        match option {
            Own::WithDependencies => self.with_dependencies = true,
            Own::WithDependents => self.with_dependents = true,
            Own::Explain => self.explain = Some(Form::Table),
            Own::ExplainJson => self.explain = Some(Form::Json),
            Own::TargetVersion => server.target = Some(text().parse()?),
            Own::MapOwner => pair("--map-owner", value, &mut server.owners)?,
            Own::MapTablespace => pair("--map-tablespace", value, &mut server.tablespaces)?,
            Own::MapSchema => pair("--map-schema", value, &mut server.schemas)?,
            Own::MapUnproved => server.map_unproved = true,
            Own::FollowLinks => self.follow_links = true,
            Own::For => server.service = Some(text().parse()?),
        }
        Ok(())
    }
}
