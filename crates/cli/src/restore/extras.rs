//! The options that pg_restore does not have.

use super::super::adapt::{ServerOptions, pair};
use super::super::colour;
use super::super::explain::Form;
use super::messages::Fatal;
use super::options::to_path;
use super::progress::Watcher;
use clap::ValueEnum;
use pgdmp_live::{JournalOptions, Means, OnConflict, Split};
use std::path::PathBuf;

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
    Journal,
    Resume,
    ResumeReload,
    Force,
    Check,
    NoCheck,
    Plan,
    CreateAs,
    Json,
    OnConflict,
    Analyze,
    Progress,
    PipeBuffer,
    Template,
    Tablespace,
    DropExisting,
    Quiet,
    Color,
    Retry,
}

/// How a restore is asked to show how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Asked {
    #[default]
    Nothing,
    Text,
    Json,
    /// Not to show it.
    No,
}

/// How often a lost connection is tried again, unless a number is given.
const RETRY: usize = 5;

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
    /// Where it is noted what is done.
    pub(super) journal: Option<PathBuf>,
    /// Whether to go on from there.
    pub(super) resume: bool,
    pub(super) reload: bool,
    /// Whether a restore goes on although the check found that it will fail.
    pub(super) force: bool,
    /// Whether to check alone.
    pub(super) check: bool,
    /// Whether to say what would be done, alone.
    pub(super) plan: bool,
    /// Whether a restore begins without a check.
    pub(super) no_check: bool,
    pub(super) json: bool,
    /// What shows how far a restore into a database is.
    pub(super) watcher: Option<Watcher>,
    pub(super) progress: Asked,
    pub(super) on_conflict: OnConflict,
    /// Whether the database that is made takes the place of one that is there.
    pub(super) drop_existing: bool,
    /// Whether tables are analyzed.
    pub(super) analyze: bool,
    /// Whether to show no progress, and no notes.
    pub(super) quiet: bool,
    /// Bytes that may wait in memory of what comes through a pipe.
    pub(super) pipe_buffer: Option<usize>,
    /// How often a lost connection is tried again.
    pub(super) retry: usize,
}

impl Extras {
    /// The journal of a restore, if one is wanted; without another name it lies beside the archive.
    pub(super) fn journal(
        &self,
        archive: Option<&[u8]>,
        database: &[u8],
    ) -> Result<Option<JournalOptions>, Fatal> {
        let path = match (&self.journal, archive) {
            (Some(path), _) => path.clone(),
            (None, _) if !self.resume => return Ok(None),
            (None, Some(archive)) if archive != b"-" => {
                // A connection string may have a password in it.
                let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
                let named = database.iter().all(is_name) && !database.is_empty();
                let name = if named { database } else { b"db" };
                let archive = archive.strip_suffix(b"/").unwrap_or(archive);
                to_path(&[archive, b".", name, b".pgdmp-journal"].concat())
            }
            _ => {
                return Err(Fatal::new(
                    "option \"--resume\" needs \"--journal\" when the archive is standard input",
                ));
            }
        };
        Ok(Some(JournalOptions::new(path).resume(self.resume).reload(self.reload)))
    }

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
            Own::Journal => self.journal = Some(to_path(value)),
            Own::Resume => self.resume = true,
            Own::ResumeReload => (self.resume, self.reload) = (true, true),
            Own::Exact => self.means = Means::exact(),
            Own::Without => self.means = without(self.means, &text())?,
            Own::Split => self.means = self.means.split(split(&text())?),
            Own::Set => self.settings.push(setting(&text())?),
            Own::MaintenanceWorkMem => {
                self.settings.push(("maintenance_work_mem".to_owned(), text()));
            }
            Own::Force => (server.map_unproved, self.force) = (true, true),
            Own::Check => self.check = true,
            Own::Plan => self.plan = true,
            Own::CreateAs => server.database = Some(value.to_vec()),
            Own::NoCheck => self.no_check = true,
            Own::Json => self.json = true,
            Own::OnConflict => self.on_conflict = on_conflict(&text())?,
            Own::Analyze if value.is_empty() || value == b"tables" => self.analyze = true,
            Own::Analyze => {
                return Err(Fatal::new("option \"--analyze\" takes tables, or nothing"));
            }
            Own::Progress => {
                self.progress = match value {
                    b"" | b"text" => Asked::Text,
                    b"json" => Asked::Json,
                    b"none" => Asked::No,
                    _ => {
                        let what = "option \"--progress\" takes text, json or none";
                        return Err(Fatal::new(what));
                    }
                };
            }
            Own::Retry if value.is_empty() => self.retry = RETRY,
            Own::Retry => match text().parse() {
                Ok(tries) => self.retry = tries,
                Err(_) => return Err(Fatal::new("option \"--retry\" takes a number")),
            },
            Own::PipeBuffer => self.pipe_buffer = Some(size(&text())?),
            Own::Template => server.database_template = Some(value.to_vec()),
            Own::Tablespace => server.database_tablespace = Some(value.to_vec()),
            Own::DropExisting => self.drop_existing = true,
            Own::Quiet => self.quiet = true,
            Own::Color => {
                colour::set(
                    colour::When::from_str(&text(), false).map_err(|_| {
                        Fatal::new("option \"--color\" takes auto, always or never")
                    })?,
                );
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
            "small-tables" => means.small_tables(false),
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
                     small-tables, freeze, async-commit, using-index, not-valid, tuning, objects, \
                     longest-path or split"
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

/// A number of bytes, with a unit of PostgreSQL's settings.
fn size(text: &str) -> Result<usize, Fatal> {
    let digits = text.trim().bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.trim().split_at(digits);
    let shift = match unit.trim() {
        "kB" => 10,
        "MB" => 20,
        "GB" => 30,
        _ => u32::MAX,
    };
    let bytes =
        number.parse::<usize>().ok().and_then(|n| n.checked_mul(1_usize.checked_shl(shift)?));
    bytes.ok_or_else(|| {
        Fatal::new("option \"--pipe-buffer\" takes a size in kB, MB or GB, as in 256MB")
    })
}

fn on_conflict(text: &str) -> Result<OnConflict, Fatal> {
    match text {
        "error" => Ok(OnConflict::Error),
        "skip" => Ok(OnConflict::Skip),
        "refuse" => Ok(OnConflict::Refuse),
        "replace" => Ok(OnConflict::Replace),
        _ => Err(Fatal::new("option \"--on-conflict\" takes error, skip, refuse or replace")),
    }
}
