//! The options about the server that an archive is for, for every command that has them.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::Args;

use crate::Failure;
use crate::message::shown;
use pgdmp::adapt::{Adaptation, Adapted, Mapping, Service, TargetVersion};
use pgdmp::finding::Finding;
use pgdmp::select::Selected;

/// What the options ask for.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerOptions {
    pub(crate) target: Option<TargetVersion>,
    pub(crate) service: Option<Service>,
    pub(crate) owners: Renames,
    pub(crate) schemas: Renames,
    pub(crate) tablespaces: Renames,
    /// Another name for the database.
    pub(crate) database: Option<Vec<u8>>,
    /// What the database is made of, and where.
    pub(crate) database_template: Option<Vec<u8>>,
    pub(crate) database_tablespace: Option<Vec<u8>>,
    pub(crate) no_owner: bool,
    pub(crate) no_tablespaces: bool,
    pub(crate) no_table_access_method: bool,
    /// Go on although a schema's name may stand where it was not changed.
    pub(crate) map_unproved: bool,
}

/// New names by old ones, of one option.
pub(crate) type Renames = BTreeMap<Vec<u8>, Vec<u8>>;

/// The options, for commands that are parsed by clap.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Target server")]
pub(crate) struct ServerArgs {
    /// Adapt to an older server: leave out or rewrite what version N does not have
    #[arg(long, value_name = "N")]
    target_version: Option<TargetVersion>,
    /// Adapt to a managed service: rds, cloudsql, azure or supabase
    #[arg(long = "for", value_name = "SERVICE")]
    service: Option<Service>,
    /// Replace the role OLD by NEW
    #[arg(id = "map_owner", long = "map-owner", value_name = "OLD=NEW")]
    owners: Vec<OsString>,
    /// Rename the schema OLD to NEW; fails if not every use of the name can be proved
    #[arg(id = "map_schema", long = "map-schema", value_name = "OLD=NEW")]
    schemas: Vec<OsString>,
    /// Replace the tablespace OLD by NEW
    #[arg(id = "map_tablespace", long = "map-tablespace", value_name = "OLD=NEW")]
    tablespaces: Vec<OsString>,
    /// With --map-schema, leave uses of the name that cannot be proved as they are
    #[arg(long)]
    map_unproved: bool,
    /// Leave out owners
    #[arg(short = 'O', long)]
    no_owner: bool,
    /// Leave out tablespaces
    #[arg(long)]
    no_tablespaces: bool,
    /// Leave out table access methods
    #[arg(long)]
    no_table_access_method: bool,
}

impl ServerArgs {
    /// Whether nothing was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        *self == ServerArgs::default()
    }

    pub(crate) fn target_version(&self) -> Option<TargetVersion> {
        self.target_version
    }

    pub(crate) fn options(&self) -> Result<ServerOptions, Failure> {
        let mut options = ServerOptions {
            target: self.target_version,
            service: self.service,
            no_owner: self.no_owner,
            no_tablespaces: self.no_tablespaces,
            no_table_access_method: self.no_table_access_method,
            map_unproved: self.map_unproved,
            ..ServerOptions::default()
        };
        for (option, pairs, names) in [
            ("--map-owner", &self.owners, &mut options.owners),
            ("--map-schema", &self.schemas, &mut options.schemas),
            ("--map-tablespace", &self.tablespaces, &mut options.tablespaces),
        ] {
            for text in pairs {
                pair(option, text.as_encoded_bytes(), names)?;
            }
        }
        Ok(options)
    }
}

impl ServerOptions {
    fn adaptation(&self) -> Adaptation {
        let mut mapping = Mapping::new();
        for (old, new) in &self.owners {
            mapping = mapping.owner(&old[..], &new[..]);
        }
        for (old, new) in &self.schemas {
            mapping = mapping.schema(&old[..], &new[..]);
        }
        for (old, new) in &self.tablespaces {
            mapping = mapping.tablespace(&old[..], &new[..]);
        }
        if let Some(database) = &self.database {
            mapping = mapping.database(&database[..]);
        }
        if let Some(template) = &self.database_template {
            mapping = mapping.database_template(&template[..]);
        }
        if let Some(tablespace) = &self.database_tablespace {
            mapping = mapping.database_tablespace(&tablespace[..]);
        }
        let mut adaptation = Adaptation::new()
            .mapping(mapping)
            .no_owner(self.no_owner)
            .no_tablespaces(self.no_tablespaces)
            .no_table_access_method(self.no_table_access_method);
        if let Some(target) = self.target {
            adaptation = adaptation.target(target);
        }
        if let Some(service) = self.service {
            adaptation = adaptation.service(service);
        }
        adaptation
    }

    /// Fits a selection to the server.
    ///
    /// # Errors
    ///
    /// Names of schemas that cannot be changed safely, unless that is no matter.
    pub(crate) fn adapt(
        &self,
        selected: &mut Selected<'_>,
        warn: impl Fn(&str),
    ) -> Result<Adapted, Failure> {
        let adapted = self.adaptation().apply(selected)?;
        adapted.notes.iter().for_each(|note| warn(note));
        let tell = |findings: &[Finding]| {
            for finding in findings {
                let what = &finding.what;
                match &finding.entry {
                    Some(entry) => warn(&format!("{entry}: {what}")),
                    None => warn(what),
                }
            }
        };
        tell(&adapted.findings);
        tell(&adapted.unproved);
        match adapted.unproved.len() {
            0 => Ok(adapted),
            _ if self.map_unproved => Ok(adapted),
            count => Err(Failure::Usage(format!(
                "{count} entries may name a schema in a way that cannot be changed safely; look \
                 at them, and use --map-unproved to leave them as they are"
            ))),
        }
    }
}

/// `old=new`.
pub(crate) fn pair(option: &str, value: &[u8], names: &mut Renames) -> Result<(), Failure> {
    let at = value.iter().position(|byte| *byte == b'=');
    let (old, new) = match at {
        Some(at) if at > 0 && at + 1 < value.len() => (&value[..at], &value[at + 1..]),
        _ => return Err(Failure::Usage(format!("{option} needs two names: OLD=NEW"))),
    };
    if names.insert(old.to_vec(), new.to_vec()).is_some_and(|other| other != new) {
        let old = shown(old);
        return Err(Failure::Usage(format!("{option} gives two names to \"{old}\"")));
    }
    Ok(())
}
