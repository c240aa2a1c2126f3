//! The selection options of pg_restore, for every command that has them.

use std::ffi::OsString;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::Failure;
use crate::message::{self, shown};
use crate::object;
use crate::restore::filter;
use pgdmp::select::{NamePattern, Rule, Selected, Unmatched, UseList};
use pgdmp::toc::Section;
use pgdmp::{Desc, Error, Selection, Toc};

/// The options.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Selection, as in pg_restore")]
pub(crate) struct SelectionArgs {
    /// Take the entries of this list, in its order: an edited output of pgdmp list;
    /// - is standard input
    #[arg(short = 'L', long, value_name = "FILE")]
    use_list: Option<PathBuf>,
    /// Take only objects in this schema
    #[arg(short = 'n', long = "schema", value_name = "NAME")]
    schemas: Vec<OsString>,
    /// Leave out the objects in this schema
    #[arg(short = 'N', long = "exclude-schema", value_name = "NAME")]
    exclude_schemas: Vec<OsString>,
    /// Take only this table, view, materialized view, foreign table or sequence
    #[arg(short = 't', long = "table", value_name = "NAME")]
    tables: Vec<OsString>,
    /// Take only this index
    #[arg(short = 'I', long = "index", value_name = "NAME", hide_short_help = true)]
    indexes: Vec<OsString>,
    /// Take only this function, named with its argument types: 'name(type, type)'
    #[arg(short = 'P', long = "function", value_name = "NAME", hide_short_help = true)]
    functions: Vec<OsString>,
    /// Take only this trigger, named with its table: 'table trigger'
    #[arg(short = 'T', long = "trigger", value_name = "NAME", hide_short_help = true)]
    triggers: Vec<OsString>,
    /// Include and exclude objects by the rules in this file
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    filter: Option<PathBuf>,
    /// Fail if a name matches no object
    #[arg(long, hide_short_help = true)]
    strict_names: bool,
    /// Take only this section
    #[arg(long = "section", value_name = "SECTION", hide_short_help = true)]
    sections: Vec<SectionArg>,
    /// Include the database itself
    #[arg(short = 'C', long, hide_short_help = true)]
    create: bool,
    /// Take only data, no definitions
    #[arg(short = 'a', long, conflicts_with_all = ["schema_only", "statistics_only", "no_data", "statistics"])]
    data_only: bool,
    /// Take only definitions, no data
    #[arg(short = 's', long, conflicts_with_all = ["statistics_only", "no_schema", "statistics"])]
    schema_only: bool,
    /// Take only statistics
    #[arg(long, conflicts_with = "no_statistics", hide_short_help = true)]
    statistics_only: bool,
    /// Include statistics
    #[arg(long, conflicts_with = "no_statistics", hide_short_help = true)]
    statistics: bool,
    /// Leave out data
    #[arg(long, hide_short_help = true)]
    no_data: bool,
    /// Leave out definitions
    #[arg(long, hide_short_help = true)]
    no_schema: bool,
    /// Leave out privileges (GRANT and REVOKE)
    #[arg(short = 'x', long, alias = "no-acl", hide_short_help = true)]
    no_privileges: bool,
    /// Leave out comments
    #[arg(long, hide_short_help = true)]
    no_comments: bool,
    /// Leave out row security policies
    #[arg(long, hide_short_help = true)]
    no_policies: bool,
    /// Leave out publications
    #[arg(long, hide_short_help = true)]
    no_publications: bool,
    /// Leave out security labels
    #[arg(long, hide_short_help = true)]
    no_security_labels: bool,
    /// Leave out subscriptions
    #[arg(long, hide_short_help = true)]
    no_subscriptions: bool,
    /// Leave out statistics
    #[arg(long, hide_short_help = true)]
    no_statistics: bool,
    /// Add what the selected objects need: schemas, types, functions, defaults, sequences
    #[arg(long)]
    with_dependencies: bool,
    /// Add what belongs to the selected objects: indexes, constraints, triggers, data
    #[arg(long)]
    with_dependents: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum SectionArg {
    PreData,
    Data,
    PostData,
}

impl SelectionArgs {
    /// Whether nothing was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        *self == SelectionArgs::default()
    }

    /// Whether statistics were asked for by name.
    pub(crate) fn asks_for_statistics(&self) -> bool {
        self.statistics || self.statistics_only
    }

    /// Whether it goes from entry to entry, which takes their statements.
    pub(crate) fn follows(&self) -> bool {
        self.with_dependencies || self.with_dependents
    }

    /// The files that say what is wanted.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.use_list.iter().chain(&self.filter).map(PathBuf::as_path)
    }

    /// The selection, for an archive with this table of contents.
    pub(crate) fn selection(&self, toc: &Toc) -> Result<Selection, Failure> {
        let mut selection = Selection::new()
            .create(self.create)
            .data_only(self.data_only)
            .schema_only(self.schema_only)
            .statistics_only(self.statistics_only)
            .statistics(self.statistics)
            .no_data(self.no_data)
            .no_schema(self.no_schema)
            .no_privileges(self.no_privileges)
            .no_comments(self.no_comments)
            .no_policies(self.no_policies)
            .no_publications(self.no_publications)
            .no_security_labels(self.no_security_labels)
            .no_subscriptions(self.no_subscriptions)
            .no_statistics(self.no_statistics)
            .with_dependencies(self.with_dependencies)
            .with_dependents(self.with_dependents);
        if let Some(list) = self.use_list(toc)? {
            selection = selection.use_list(list);
        }
        type Add = fn(Selection, NamePattern) -> Selection;
        let named: [(&[OsString], Add); 6] = [
            (&self.schemas, Selection::schema),
            (&self.exclude_schemas, Selection::exclude_schema),
            (&self.tables, Selection::table),
            (&self.indexes, Selection::index),
            (&self.functions, Selection::function),
            (&self.triggers, Selection::trigger),
        ];
        for (names, add) in named {
            for name in names {
                selection = add(selection, NamePattern::new(name.as_encoded_bytes()));
            }
        }
        for section in &self.sections {
            selection = selection.section(match section {
                SectionArg::PreData => Section::PreData,
                SectionArg::Data => Section::Data,
                SectionArg::PostData => Section::PostData,
            });
        }
        if let Some(path) = &self.filter {
            selection = filter::read(path.as_os_str().as_encoded_bytes(), selection)?;
        }
        Ok(selection)
    }

    /// Says of names that match nothing; an error with `--strict-names`.
    pub(crate) fn check_names(&self, selected: &Selected<'_>) -> Result<(), Failure> {
        for unmatched in selected.unmatched_names() {
            let what = nothing_named(unmatched, selected.toc());
            if self.strict_names {
                return Err(Failure::Usage(what));
            }
            message::warning(what);
        }
        Ok(())
    }

    fn use_list(&self, toc: &Toc) -> Result<Option<UseList>, Failure> {
        let Some(path) = &self.use_list else { return Ok(None) };
        let list = match path.as_os_str() == "-" {
            true => UseList::read(std::io::stdin().lock(), toc)?,
            false => Self::list_in(path, toc)?,
        };
        for line in list.ignored() {
            message::warning(format_args!("line ignored: {}", shown(line)));
        }
        Ok(Some(list))
    }

    fn list_in(path: &Path, toc: &Toc) -> Result<UseList, Failure> {
        let file = File::open(path).map_err(Error::from).map_err(|error| {
            Failure::Usage(format!("could not open list {}: {error}", path.display()))
        })?;
        let list = UseList::read(BufReader::new(file), toc);
        Ok(list.map_err(|error| error.in_path(path))?)
    }
}

/// Refuses a selection of nothing, where there is something: a list of nothing, or an archive
/// without entries, is hardly what was meant. The database itself goes with anything.
pub(crate) fn check_any(selected: &Selected<'_>) -> Result<(), Failure> {
    let mut something = false;
    for (entry, decision) in selected.all() {
        if entry.desc().is_special() || decision.rule == Rule::Create {
            continue;
        }
        if decision.wanted.is_listed() {
            return Ok(());
        }
        something = true;
    }
    match something {
        true => Err(Failure::Nothing("nothing of the archive is selected".to_owned())),
        false => Ok(()),
    }
}

/// What is to be said of a name that matches nothing.
pub(crate) fn nothing_named(unmatched: &Unmatched, toc: &Toc) -> String {
    let Unmatched { what, name, excluded, .. } = unmatched;
    let name = argument(name, toc);
    let effect = if *excluded { ", so nothing is left out for that" } else { "" };
    let similar = object::similar(toc, &name, |entry| {
        let desc = entry.desc();
        match *what {
            "schema" => desc == Desc::SCHEMA,
            "index" => desc == Desc::INDEX,
            "trigger" => desc == Desc::TRIGGER,
            "function" => matches!(desc, Desc::FUNCTION | Desc::AGGREGATE | Desc::PROCEDURE),
            _ => matches!(
                desc,
                Desc::TABLE
                    | Desc::VIEW
                    | Desc::FOREIGN_TABLE
                    | Desc::MATERIALIZED_VIEW
                    | Desc::SEQUENCE
            ),
        }
    });
    let is_pattern = name.contains(['*', '?']);
    let similar = similar.filter(|_| !is_pattern).unwrap_or_default();
    format!("no {what} is named {name}{effect}{similar}")
}

/// A name from the command line for people: in UTF-8, or in the encoding of the archive.
pub(crate) fn argument(name: &[u8], toc: &Toc) -> String {
    match std::str::from_utf8(name) {
        Ok(_) => shown(name),
        Err(_) => toc.printable(name).to_string(),
    }
}
