//! Options of pg_dump that say what is dumped. They go to it as they are.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

/// Their place in the help.
const HEADING: &str = "What is dumped (options of pg_dump)";

/// An option: its short name, its long one, another long one, the name of its value, and its help.
type Row = (Option<char>, &'static str, Option<&'static str>, Option<&'static str>, &'static str);

const FILTER: &str = "filter";

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
    (
        None,
        FILTER,
        None,
        Some("FILE"),
        "Choose objects by the lines of a file, or with - of standard input",
    ),
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

/// Options of pg_dump that a dump has no use for: the short name, the long one, whether it has a
/// value, and why not.
const REFUSED: &[(Option<char>, &str, bool, &str)] = &[
    (None, "binary-upgrade", false, "it is for pg_upgrade, which runs pg_dump itself"),
    (
        None,
        "no-synchronized-snapshots",
        false,
        "all sessions have the same snapshot; -j 1 reads over one session",
    ),
    (Some('o'), "oids", false, "tables have no OIDs since PostgreSQL 12"),
    (
        None,
        "restrict-key",
        true,
        "it is for plain scripts, which pgdmp restore -f makes of an archive, with --restrict-key",
    ),
];

/// Options of pg_dump that change nothing: an archive is always brought to the disk.
const IDLE: &[(&str, bool)] = &[("no-sync", false), ("sync-method", true)];

/// The options that were given, as pg_dump takes them.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed {
    pub(super) options: Vec<OsString>,
    /// Files of `--filter`.
    pub(super) filters: Vec<OsString>,
    /// One that is refused, and why.
    pub(super) refused: Option<String>,
}

impl clap::FromArgMatches for Passed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (mut options, mut filters) = (Vec::new(), Vec::new());
        for (short, long, _, value, _) in ROWS {
            if *long == FILTER {
                filters.extend(matches.get_many::<OsString>(long).into_iter().flatten().cloned());
                continue;
            }
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
        let is_given = |name: &str| {
            matches.value_source(name).is_some_and(|source| source == ValueSource::CommandLine)
        };
        let refused = REFUSED.iter().find(|(_, long, ..)| is_given(long));
        let refused = refused.map(|(_, long, _, why)| format!("not with --{long}: {why}"));
        Ok(Passed { options, filters, refused })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Passed::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Passed {
    fn augment_args(command: Command) -> Command {
        let hidden = REFUSED.iter().map(|(short, long, value, _)| (*short, *long, *value));
        let hidden = hidden.chain(IDLE.iter().map(|(long, value)| (None, *long, *value)));
        let command = hidden.fold(command, |command, (short, long, value)| {
            let arg = Arg::new(long).long(long).short(short).hide(true);
            command.arg(match value {
                true => arg.value_parser(ValueParser::os_string()).action(ArgAction::Set),
                false => arg.action(ArgAction::SetTrue),
            })
        });
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

    #[test]
    fn what_is_refused_is_named() {
        let parse = |args: &[&str]| {
            let command = Passed::augment_args(Command::new("x").no_binary_name(true));
            Passed::from_arg_matches(&command.try_get_matches_from(args).unwrap()).unwrap()
        };
        assert_eq!(parse(&["--no-sync", "--sync-method=syncfs", "-a"]).refused, None);
        for (short, long, value, why) in REFUSED {
            let long = format!("--{long}");
            let args: &[&str] = if *value { &[&long, "x"] } else { &[&long] };
            let refused = parse(args).refused.unwrap();
            assert!(refused.contains(&long) && refused.contains(why), "{refused}");
            if let Some(short) = short {
                assert_eq!(parse(&[&format!("-{short}")]).refused, Some(refused));
            }
        }
    }

    /// What `pg_dump --help` of the releases 9.2 to 18 has.
    const OF_PG_DUMP: &str = "\
        -a --data-only -b --large-objects --blobs -B --no-large-objects --no-blobs -c --clean -C \
        --create -d --dbname -e --extension -E --encoding -f --file -F --format -h --host -j --jobs \
        -n --schema -N --exclude-schema -o --oids -O --no-owner -p --port -s --schema-only -S \
        --superuser -t --table -T --exclude-table -U --username -v --verbose -V --version -w \
        --no-password -W --password -x --no-privileges -Z --compress -? --help --binary-upgrade \
        --column-inserts --attribute-inserts --no-acl --disable-dollar-quoting --disable-triggers \
        --enable-row-security --exclude-extension --exclude-table-and-children --exclude-table-data \
        --exclude-table-data-and-children --extra-float-digits --filter --if-exists \
        --include-foreign-data --inserts --load-via-partition-root --lock-wait-timeout --no-comments \
        --no-data --no-policies --no-publications --no-schema --no-security-labels --no-statistics \
        --no-subscriptions --no-sync --no-synchronized-snapshots --no-table-access-method \
        --no-tablespaces --no-toast-compression --no-unlogged-table-data --on-conflict-do-nothing \
        --quote-all-identifiers --restrict-key --role --rows-per-insert --section --sequence-data \
        --serializable-deferrable --snapshot --statistics --statistics-only --strict-names \
        --sync-method --table-and-children --use-set-session-authorization";

    /// Options in what an installed pg_dump says.
    fn of_the_installed() -> Vec<String> {
        let Ok(output) = std::process::Command::new("pg_dump").arg("--help").output() else {
            pgdmp_testkit::effort::skipped("the options of the installed pg_dump: there is none");
            return Vec::new();
        };
        let help = String::from_utf8(output.stdout).unwrap();
        let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let words = lines.flat_map(|line| line.split(' ').take(2));
        let names = words.filter(|word| word.starts_with('-'));
        names.map(|name| name.split(['=', ',']).next().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_option_of_pg_dump_is_known() {
        let mut program = <crate::args::Cli as clap::CommandFactory>::command();
        program.build();
        let command = program.find_subcommand("dump").unwrap();
        let mut known = std::collections::BTreeSet::new();
        for arg in command.get_arguments() {
            let longs = arg.get_long_and_visible_aliases().into_iter().flatten();
            let hidden = arg.get_all_aliases().into_iter().flatten();
            known.extend(longs.chain(hidden).map(|long| format!("--{long}")));
            known.extend(arg.get_short().map(|short| format!("-{short}")));
        }
        let installed = of_the_installed();
        assert!(installed.is_empty() || installed.contains(&"--table".to_owned()), "{installed:?}");
        let all = OF_PG_DUMP.split_whitespace().map(str::to_owned).chain(installed);
        let unknown: Vec<String> = all.filter(|name| !known.contains(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
