//! Options of pg_dump that say what is dumped. They go to it as they are.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

/// Their place in the help.
const HEADING: &str = "What is dumped (options of pg_dump)";

/// An option: its short name, its long one, another long one, the name of its value, and its help.
type Row = (Option<char>, &'static str, Option<&'static str>, Option<&'static str>, &'static str);

const ROWS: &[Row] = &[
    (Some('a'), "data-only", None, None, "Only the data"),
    (
        Some('b'),
        "large-objects",
        Some("blobs"),
        None,
        "Large objects, which -n, -t and -s leave out",
    ),
    (Some('B'), "no-large-objects", Some("no-blobs"), None, "No large objects"),
    (Some('c'), "clean", None, None, "Say that a restore drops objects first"),
    (Some('C'), "create", None, None, "Say that a restore creates the database"),
    (Some('e'), "extension", None, Some("PATTERN"), "Only these extensions"),
    (None, "exclude-extension", None, Some("PATTERN"), "All but these extensions"),
    (Some('E'), "encoding", None, Some("ENCODING"), "The encoding of the archive"),
    (Some('n'), "schema", None, Some("PATTERN"), "Only these schemas"),
    (Some('N'), "exclude-schema", None, Some("PATTERN"), "All but these schemas"),
    (Some('O'), "no-owner", None, None, "No owners"),
    (Some('s'), "schema-only", None, None, "No data"),
    (Some('S'), "superuser", None, Some("NAME"), "The superuser who disables triggers"),
    (Some('t'), "table", None, Some("PATTERN"), "Only these tables"),
    (Some('T'), "exclude-table", None, Some("PATTERN"), "All but these tables"),
    (Some('x'), "no-privileges", Some("no-acl"), None, "No privileges"),
    (None, "table-and-children", None, Some("PATTERN"), "Only these tables with their partitions"),
    (None, "exclude-table-and-children", None, Some("PATTERN"), "All but these, with partitions"),
    (None, "exclude-table-data", None, Some("PATTERN"), "Not the rows of these tables"),
    (
        None,
        "exclude-table-data-and-children",
        None,
        Some("PATTERN"),
        "Not the rows of these tables and their partitions",
    ),
    (None, "filter", None, Some("FILE"), "Choose objects by the lines of a file"),
    (None, "section", None, Some("SECTION"), "Only pre-data, data or post-data"),
    (None, "strict-names", None, None, "Fail if a pattern matches nothing"),
    (None, "column-inserts", Some("attribute-inserts"), None, "Rows as INSERT with column names"),
    (None, "inserts", None, None, "Rows as INSERT"),
    (None, "rows-per-insert", None, Some("N"), "Rows of each INSERT"),
    (None, "on-conflict-do-nothing", None, None, "INSERT with ON CONFLICT DO NOTHING"),
    (None, "disable-dollar-quoting", None, None, "Quote functions as SQL does"),
    (None, "disable-triggers", None, None, "Disable triggers while data is restored"),
    (None, "if-exists", None, None, "DROP with IF EXISTS"),
    (None, "load-via-partition-root", None, None, "Restore partitions through their root"),
    (None, "no-comments", None, None, "No comments"),
    (None, "no-data", None, None, "No data"),
    (None, "no-policies", None, None, "No row security policies"),
    (None, "no-publications", None, None, "No publications"),
    (None, "no-schema", None, None, "No definitions"),
    (None, "no-security-labels", None, None, "No security labels"),
    (None, "no-statistics", None, None, "No statistics of the planner"),
    (None, "no-subscriptions", None, None, "No subscriptions"),
    (None, "no-table-access-method", None, None, "No table access methods"),
    (None, "no-tablespaces", None, None, "No tablespaces"),
    (None, "no-toast-compression", None, None, "No compression methods of columns"),
    (None, "no-unlogged-table-data", None, None, "Not the rows of unlogged tables"),
    (None, "quote-all-identifiers", None, None, "All names in quotes"),
    (None, "sequence-data", None, None, "The state of sequences, also with -s"),
    (None, "statistics", None, None, "Statistics of the planner"),
    (None, "statistics-only", None, None, "Only statistics of the planner"),
    (None, "use-set-session-authorization", None, None, "Owners by SET SESSION AUTHORIZATION"),
];

/// The options that were given, as pg_dump takes them.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed {
    pub(super) options: Vec<OsString>,
}

impl clap::FromArgMatches for Passed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut options = Vec::new();
        for (short, long, _, value, _) in ROWS {
            // Old releases know some by their short name alone.
            let name = match short {
                Some(short) => format!("-{short}"),
                None => format!("--{long}"),
            };
            if value.is_none() {
                if matches.get_flag(long) {
                    options.push(name.into());
                }
                continue;
            }
            for value in matches.get_many::<OsString>(long).into_iter().flatten() {
                let mut option = OsString::from(&name);
                if short.is_none() {
                    option.push("=");
                    option.push(value);
                    options.push(option);
                } else {
                    options.extend([option, value.clone()]);
                }
            }
        }
        Ok(Passed { options })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Passed::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Passed {
    fn augment_args(command: Command) -> Command {
        ROWS.iter().fold(command, |command, (short, long, alias, value, help)| {
            let mut arg = Arg::new(*long).long(*long).help(*help).help_heading(HEADING);
            if let Some(short) = short {
                arg = arg.short(*short);
            }
            if let Some(alias) = alias {
                arg = arg.alias(*alias);
            }
            command.arg(match value {
                Some(value) => arg
                    .value_name(*value)
                    .value_parser(ValueParser::os_string())
                    .action(ArgAction::Append)
                    .allow_hyphen_values(true),
                None => arg.action(ArgAction::SetTrue),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Passed::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    #[test]
    fn options_go_on_as_they_are() {
        let parse = |args: &[&str]| {
            let command = Passed::augment_args(Command::new("x").no_binary_name(true));
            Passed::from_arg_matches(&command.try_get_matches_from(args).unwrap()).unwrap().options
        };
        assert_eq!(
            parse(&["-Ost", "a b", "--table=-c", "--exclude-table-data", "x=y", "--no-blobs"]),
            ["-B", "-O", "-s", "-t", "a b", "-t", "-c", "--exclude-table-data=x=y"]
        );
        assert!(parse(&[]).is_empty());
    }
}
