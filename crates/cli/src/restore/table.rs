//! The options of `restore`, one row each: what the parser takes is also what help, manual page
//! and completions say.

use super::extras::Own;
use super::getopt::Opt;

/// An option.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) long: &'static str,
    pub(super) short: Option<u8>,
    /// What its value is called, if it takes one.
    pub(super) value: Option<&'static str>,
    pub(super) section: Section,
    pub(super) told: Told,
    id: Id,
}

/// Where the help has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    General,
    What,
    How,
    Own,
    Connection,
}

/// How the help has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    With(&'static str),
    /// Not at all, as in pg_restore's help.
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    Clean,
    Create,
    DataOnly,
    DbName,
    ExitOnError,
    ExcludeSchema,
    File,
    Format,
    Function,
    Host,
    Index,
    Jobs,
    List,
    NoPrivileges,
    NoOwner,
    NoReconnect,
    Port,
    NoPassword,
    Password,
    Schema,
    SchemaOnly,
    Superuser,
    Table,
    Trigger,
    UseList,
    Username,
    Verbose,
    SingleTransaction,
    DisableTriggers,
    EnableRowSecurity,
    IfExists,
    NoDataForFailedTables,
    NoTableAccessMethod,
    NoTablespaces,
    Role,
    Section,
    StrictNames,
    TransactionSize,
    UseSetSessionAuthorization,
    NoComments,
    NoData,
    NoPolicies,
    NoPublications,
    NoSchema,
    NoSecurityLabels,
    NoSubscriptions,
    NoStatistics,
    Statistics,
    StatisticsOnly,
    Filter,
    RestrictKey,
    Own(Own),
}

use Section::{Connection, General, How, What};

/// pg_restore's, in the order in which an ambiguous beginning lists them.
pub(super) const TABLE: &[Row] = &[
    flag(How, b'c', "clean", "drop objects before they are created", Id::Clean),
    flag(
        What,
        b'C',
        "create",
        "create the database itself, too\n(--create=NAME: under that name)",
        Id::Create,
    ),
    flag(What, b'a', "data-only", "restore only data, no definitions", Id::DataOnly),
    value(General, b'd', "dbname", "NAME", "database to restore into", Id::DbName),
    flag(How, b'e', "exit-on-error", "stop at the first error", Id::ExitOnError),
    value(
        What,
        b'N',
        "exclude-schema",
        "NAME",
        "leave out the objects in this schema",
        Id::ExcludeSchema,
    ),
    value(
        General,
        b'f',
        "file",
        "FILENAME",
        "write SQL to this file (- for standard output)",
        Id::File,
    ),
    value(
        General,
        b'F',
        "format",
        "c|d|t",
        "format of the archive (detected by default)",
        Id::Format,
    ),
    value(What, b'P', "function", "NAME(args)", "restore this function", Id::Function),
    value(
        Connection,
        b'h',
        "host",
        "HOSTNAME",
        "host of the server, or directory of its socket",
        Id::Host,
    ),
    value(What, b'I', "index", "NAME", "restore this index", Id::Index),
    value(How, b'j', "jobs", "NUM", "number of connections that restore at once", Id::Jobs),
    flag(General, b'l', "list", "print the table of contents", Id::List),
    flag(What, b'x', "no-privileges", "leave out privileges (GRANT and REVOKE)", Id::NoPrivileges),
    untold(long_flag(What, "no-acl", "", Id::NoPrivileges)),
    flag(How, b'O', "no-owner", "do not set the owners of objects", Id::NoOwner),
    untold(flag(Connection, b'R', "no-reconnect", "", Id::NoReconnect)),
    value(Connection, b'p', "port", "PORT", "port of the server", Id::Port),
    flag(Connection, b'w', "no-password", "never ask for a password", Id::NoPassword),
    flag(Connection, b'W', "password", "ask for a password", Id::Password),
    value(What, b'n', "schema", "NAME", "restore the objects in this schema", Id::Schema),
    flag(What, b's', "schema-only", "restore only definitions, no data", Id::SchemaOnly),
    value(How, b'S', "superuser", "NAME", "superuser that --disable-triggers needs", Id::Superuser),
    value(What, b't', "table", "NAME", "restore this table, view or sequence", Id::Table),
    value(What, b'T', "trigger", "NAME", "restore this trigger ('table trigger')", Id::Trigger),
    value(
        What,
        b'L',
        "use-list",
        "FILENAME",
        "restore the entries of this list, in its order",
        Id::UseList,
    ),
    value(Connection, b'U', "username", "NAME", "user to connect as", Id::Username),
    flag(General, b'v', "verbose", "print more messages, and comments in the SQL", Id::Verbose),
    flag(How, b'1', "single-transaction", "restore in a single transaction", Id::SingleTransaction),
    long_flag(
        How,
        "disable-triggers",
        "disable triggers while only data is restored",
        Id::DisableTriggers,
    ),
    long_flag(How, "enable-row-security", "turn row security on", Id::EnableRowSecurity),
    long_flag(How, "if-exists", "with -c, drop only objects that exist", Id::IfExists),
    long_flag(
        How,
        "no-data-for-failed-tables",
        "skip the data of tables that were not created",
        Id::NoDataForFailedTables,
    ),
    long_flag(
        How,
        "no-table-access-method",
        "use the default table access method",
        Id::NoTableAccessMethod,
    ),
    long_flag(How, "no-tablespaces", "use the default tablespace", Id::NoTablespaces),
    long_value(How, "role", "ROLENAME", "set this role for the session", Id::Role),
    long_value(What, "section", "SECTION", "restore only pre-data, data or post-data", Id::Section),
    long_flag(What, "strict-names", "fail if a name matches nothing", Id::StrictNames),
    long_value(
        How,
        "transaction-size",
        "N",
        "group N objects in each transaction",
        Id::TransactionSize,
    ),
    long_flag(
        How,
        "use-set-session-authorization",
        "create objects as their owner, instead of\nwith ALTER ... OWNER",
        Id::UseSetSessionAuthorization,
    ),
    long_flag(What, "no-comments", "leave out comments", Id::NoComments),
    long_flag(What, "no-data", "leave out data", Id::NoData),
    long_flag(What, "no-policies", "leave out row security policies", Id::NoPolicies),
    long_flag(What, "no-publications", "leave out publications", Id::NoPublications),
    long_flag(What, "no-schema", "leave out definitions", Id::NoSchema),
    long_flag(What, "no-security-labels", "leave out security labels", Id::NoSecurityLabels),
    long_flag(What, "no-subscriptions", "leave out subscriptions", Id::NoSubscriptions),
    long_flag(What, "no-statistics", "leave out statistics", Id::NoStatistics),
    long_flag(What, "statistics", "restore statistics, too", Id::Statistics),
    long_flag(What, "statistics-only", "restore only statistics", Id::StatisticsOnly),
    long_value(What, "filter", "FILENAME", "select objects by the rules in this file", Id::Filter),
    long_value(
        How,
        "restrict-key",
        "KEY",
        "key of psql's \\restrict (random by default)",
        Id::RestrictKey,
    ),
];

/// Those that pg_restore does not have, in the order of the help. They never change what the start
/// of a name in the other table means. `--for` is `--format` to pg_restore, so there it has
/// another name.
pub(super) const OWN: &[Row] = &[
    own_flag("with-dependencies", "add what the selected objects need", Own::WithDependencies),
    own_flag(
        "with-dependents",
        "add what belongs to them (indexes, data, ...)",
        Own::WithDependents,
    ),
    own_flag("explain", "print which entries are selected, and why", Own::Explain),
    own_flag("explain-json", "the same as JSON, one line for each entry", Own::ExplainJson),
    own_value(
        "target-version",
        "N",
        "adapt to a server of the older version N",
        Own::TargetVersion,
    ),
    own_value("map-owner", "OLD=NEW", "replace a role (can be repeated)", Own::MapOwner),
    own_value(
        "map-schema",
        "OLD=NEW",
        "rename a schema, if all its uses are proved",
        Own::MapSchema,
    ),
    untold(own_value("create", "NAME", "", Own::CreateAs)),
    own_value("template", "NAME", "with -C, make the database of this one", Own::Template),
    own_value("tablespace", "NAME", "with -C, make it in this tablespace", Own::Tablespace),
    own_flag(
        "drop-existing",
        "make the database (-C) in the place of one that\nis there (-c --if-exists), whoever uses it",
        Own::DropExisting,
    ),
    own_value("map-tablespace", "OLD=NEW", "replace a tablespace", Own::MapTablespace),
    own_flag("map-unproved", "leave uses that are not proved as they are", Own::MapUnproved),
    own_flag(
        "force",
        "imply --map-unproved, and restore although\nthe check finds errors",
        Own::Force,
    ),
    own_value(
        "for",
        "SERVICE",
        "adapt to rds, cloudsql, azure or supabase\n(named --managed-service in pg_restore)",
        Own::For,
    ),
    untold(own_value("managed-service", "SERVICE", "", Own::For)),
    own_flag(
        "follow-links",
        "follow links in a directory archive to\nfiles outside it",
        Own::FollowLinks,
    ),
    own_flag(
        "check",
        "report what a restore with -d would fail at,\nand write nothing",
        Own::Check,
    ),
    own_flag("plan", "print what would be restored, in its order\nand in which session", Own::Plan),
    own_flag("no-check", "do not check before a restore", Own::NoCheck),
    own_flag("json", "print findings, or the plan, as JSON", Own::Json),
    own_value(
        "on-conflict",
        "HOW",
        "for objects that exist: error, skip (objects\nand rows), refuse (to start) or replace",
        Own::OnConflict,
    ),
    own_flag(
        "analyze",
        "analyze each table whose rows are restored\nwithout statistics",
        Own::Analyze,
    ),
    untold(own_value("analyze", "tables", "", Own::Analyze)),
    own_flag(
        "progress",
        "show how far a restore is also in -v, --exact, or\nno terminal (--progress=json: for machines,\n--progress=none: never)",
        Own::Progress,
    ),
    untold(own_value("progress", "FORM", "", Own::Progress)),
    own_flag(
        "exact",
        "into a database exactly as pg_restore does,\nnot by faster means",
        Own::Exact,
    ),
    own_value(
        "without",
        "MEANS",
        "without some of the faster means: batches,\nsmall-tables, freeze, async-commit, using-index,\nnot-valid, tuning, objects, longest-path, split",
        Own::Without,
    ),
    own_value(
        "split",
        "HOW",
        "rows of a large table through several sessions:\nauto, always, never or how many",
        Own::Split,
    ),
    own_value(
        "set",
        "NAME=VALUE",
        "into a database with this setting of the server\n(several times)",
        Own::Set,
    ),
    own_value(
        "maintenance-work-mem",
        "SIZE",
        "so much memory for each session to build\nindexes in",
        Own::MaintenanceWorkMem,
    ),
    own_value(
        "pipe-buffer",
        "SIZE",
        "so much data from a pipe may wait in memory\n(128MB by default)",
        Own::PipeBuffer,
    ),
    own_flag(
        "retry",
        "make lost connections again, and go on\n(--retry=N: try N times; 5 by default)",
        Own::Retry,
    ),
    untold(own_value("retry", "N", "", Own::Retry)),
    own_value("journal", "FILE", "note in FILE what is done", Own::Journal),
    own_flag(
        "resume",
        "go on where the journal of an earlier restore\nends, or begin one",
        Own::Resume,
    ),
    own_flag(
        "resume-reload",
        "the same; tables with rows of unknown origin\nare emptied first",
        Own::ResumeReload,
    ),
    Row {
        short: Some(b'q'),
        ..own_flag("quiet", "show no progress, results and notes", Own::Quiet)
    },
    own_value("color", "WHEN", "colours: auto, always or never", Own::Color),
];

/// What only the first argument can ask for, and then nothing else counts.
pub(super) const FIRST: &[(u8, &str, &str)] =
    &[(b'V', "version", "print the version"), (b'?', "help", "print this help")];

const fn value(
    section: Section,
    short: u8,
    long: &'static str,
    value: &'static str,
    told: &'static str,
    id: Id,
) -> Row {
    Row { long, short: Some(short), value: Some(value), section, told: Told::With(told), id }
}

const fn flag(section: Section, short: u8, long: &'static str, told: &'static str, id: Id) -> Row {
    Row { value: None, ..value(section, short, long, "", told, id) }
}

const fn long_value(
    section: Section,
    long: &'static str,
    called: &'static str,
    told: &'static str,
    id: Id,
) -> Row {
    Row { short: None, ..value(section, 0, long, called, told, id) }
}

const fn long_flag(section: Section, long: &'static str, told: &'static str, id: Id) -> Row {
    Row { short: None, ..flag(section, 0, long, told, id) }
}

const fn own_value(long: &'static str, called: &'static str, told: &'static str, own: Own) -> Row {
    long_value(Section::Own, long, called, told, Id::Own(own))
}

const fn own_flag(long: &'static str, told: &'static str, own: Own) -> Row {
    long_flag(Section::Own, long, told, Id::Own(own))
}

const fn untold(row: Row) -> Row {
    Row { told: Told::Not, ..row }
}

impl Row {
    /// What the parser has to know.
    pub(super) fn opt(&self) -> Opt<Id> {
        Opt {
            long: Some(self.long),
            short: self.short,
            takes_value: self.value.is_some(),
            id: self.id,
        }
    }
}

/// The rows of a section, in the order of the help: first those with a letter.
pub(super) fn rows(section: Section) -> Vec<&'static Row> {
    if section == Section::Own {
        return OWN.iter().collect();
    }
    let mut rows: Vec<_> = TABLE.iter().filter(|row| row.section == section).collect();
    rows.sort_by_key(|row| {
        let letter =
            row.short.map(|short| (short.to_ascii_lowercase(), short.is_ascii_uppercase()));
        (letter.is_none(), letter, row.long)
    });
    rows
}

/// The command with all of these options, for manual page and completions. The parser of the
/// program's other commands never sees them.
pub(crate) fn documented(command: clap::Command) -> clap::Command {
    let mut command = command.mut_arg("args", |archive| {
        archive
            .trailing_var_arg(false)
            .allow_hyphen_values(false)
            .num_args(0..=1)
            .value_name("ARCHIVE")
            .help("The archive; standard input by default")
    });
    command = command.after_help(super::help::EXAMPLES.trim_start());
    for section in Section::ALL {
        let mut args: Vec<clap::Arg> = Vec::new();
        for row in rows(section) {
            match row.told {
                Told::With(told) => args.push(arg(row.long, row.short, row.value, told)),
                Told::Not => {}
            }
        }
        if section == General {
            args.extend(
                FIRST.iter().map(|(short, long, told)| arg(long, Some(*short), None, told)),
            );
        }
        command = command.next_help_heading(section.title()).args(args);
    }
    command
}

fn arg(
    long: &'static str,
    short: Option<u8>,
    value: Option<&'static str>,
    told: &str,
) -> clap::Arg {
    let arg = clap::Arg::new(long).long(long).help(told.replace('\n', " "));
    let arg = match short {
        Some(short) => arg.short(char::from(short)),
        None => arg,
    };
    match value {
        Some(value) => arg.value_name(value).action(clap::ArgAction::Append),
        None => arg.action(clap::ArgAction::SetTrue),
    }
}

impl Section {
    pub(super) const ALL: [Section; 5] = [General, What, How, Section::Own, Connection];

    pub(super) fn title(self) -> &'static str {
        match self {
            General => "General options",
            What => "What to restore",
            How => "How to restore it",
            Section::Own => "Options that pg_restore does not have",
            Connection => "Connection options",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_once() {
        let all: Vec<_> = TABLE.iter().chain(OWN).collect();
        for (n, row) in all.iter().enumerate() {
            for other in &all[..n] {
                // `--create` may have a value.
                assert!(row.long != other.long || row.value.is_some() != other.value.is_some());
                assert!(row.short.is_none() || row.short != other.short);
            }
        }
    }
}
