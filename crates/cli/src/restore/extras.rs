//! The options that pg_restore does not have.

use super::super::adapt::{ServerOptions, pair};
use super::super::explain::Form;
use super::messages::Fatal;
use pgdmp_live::{Means, Split};

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
    Exact,
    Without,
    Split,
    Set,
    MaintenanceWorkMem,
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
    /// By which means a restore into a database is faster than pg_restore.
    pub(super) means: Means,
    /// What each session sets.
    pub(super) settings: Vec<(String, String)>,
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
            Own::Exact => self.means = Means::exact(),
            Own::Without => self.means = without(self.means, &text())?,
            Own::Split => self.means = self.means.split(split(&text())?),
            Own::Set => self.settings.push(setting(&text())?),
            Own::MaintenanceWorkMem => {
                self.settings.push(("maintenance_work_mem".to_owned(), text()));
            }
            Own::For => server.service = Some(text().parse()?),
        }
        Ok(())
    }
}

/// Goes without some means, which a list with commas names.
fn without(mut means: Means, list: &str) -> Result<Means, Fatal> {
    for name in list.split(',') {
        means = match name.trim() {
            "batches" => means.batches(false),
            "freeze" => means.freeze(false),
            "async-commit" => means.async_commit(false),
            "using-index" => means.using_index(false),
            "not-valid" => means.not_valid(false),
            "tuning" => means.tuning(false),
            "objects" => means.objects(false),
            "longest-path" => means.longest_path(false),
            "split" => means.split(Split::Never),
            other => {
                return Err(Fatal::new(format!(
                    "unrecognized name \"{other}\" for option \"--without\": expected batches, \
                     freeze, async-commit, using-index, not-valid, tuning, objects, longest-path \
                     or split"
                )));
            }
        };
    }
    Ok(means)
}

/// A setting of the server and its value.
fn setting(text: &str) -> Result<(String, String), Fatal> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(Fatal::new("option \"--set\" takes a setting of the server: NAME=VALUE")),
    }
}

fn split(text: &str) -> Result<Split, Fatal> {
    match text {
        "auto" => Ok(Split::Auto),
        "always" => Ok(Split::Always),
        "never" => Ok(Split::Never),
        number => match number.parse() {
            Ok(sessions @ 1..) => Ok(Split::Over(sessions)),
            _ => Err(Fatal::new(
                "option \"--split\" takes auto, always, never or a number of sessions",
            )),
        },
    }
}
