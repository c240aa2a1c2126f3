//! The options of `pg_restore` 18, and which of them cannot go together.

use std::ffi::OsString;
use std::mem;
use std::path::PathBuf;

use super::super::inputs::Inputs;
use super::super::stdio;
use super::extras::{Asked, Extras, Own};
use super::filter;
use super::getopt::{GetOpt, Item};
use super::messages::Fatal;
use super::progress::Form;
use super::table::{Id, OWN, Row, TABLE};
use pgdmp::script::ScriptOptions;
use pgdmp::toc::Section;
use pgdmp::{Format, RestrictKey, Selection};
use pgdmp_live::{Means, OnConflict, Prompt};

/// What a command line asks for.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// `None`: standard input.
    pub(super) input: Option<Vec<u8>>,
    pub(super) output: Option<Vec<u8>>,
    pub(super) dbname: Option<Vec<u8>>,
    pub(super) format: Option<Format>,
    pub(super) list: bool,
    pub(super) use_list: Option<Vec<u8>>,
    pub(super) filters: Vec<Vec<u8>>,
    /// All that is read.
    pub(super) inputs: Inputs,
    pub(super) strict_names: bool,
    pub(super) exit_on_error: bool,
    /// Connections of a restore into a database.
    pub(super) jobs: u32,
    pub(super) connection: Connection,
    pub(super) verbose: bool,
    /// `-v` twice.
    pub(super) debug: bool,
    pub(super) restrict_key: Option<RestrictKey>,
    pub(super) selection: Selection,
    pub(super) script: ScriptOptions,
    pub(super) extras: Extras,
}

/// Which server the database is on.
#[derive(Debug, Default)]
pub(super) struct Connection {
    pub(super) host: Option<Vec<u8>>,
    pub(super) port: Option<Vec<u8>>,
    pub(super) user: Option<Vec<u8>>,
    pub(super) prompt: Prompt,
}

/// What is only looked at when all options are known.
#[derive(Debug, Default)]
struct Pending {
    given: Vec<Id>,
    format: Option<Vec<u8>>,
    jobs: Option<i32>,
    restrict_key: Option<Vec<u8>>,
}

impl Options {
    /// Takes a command line apart, without the program's name.
    pub(super) fn parse(
        args: impl IntoIterator<Item = Vec<u8>>,
        is_pg_restore: bool,
    ) -> Result<Options, Fatal> {
        let mut options = Options::default();
        if !is_pg_restore {
            options.extras.means = Means::fast();
        }
        let mut pending = Pending::default();
        let [table, own] = [TABLE, OWN].map(|rows| rows.iter().map(Row::opt).collect::<Vec<_>>());
        let mut getopt = GetOpt::new(&table, args).with_own(&own, !is_pg_restore);
        let mut operands = Vec::new();
        while let Some(item) = getopt.next().map_err(Fatal::command_line)? {
            match item {
                Item::Option(id, value) => {
                    options.take(id, value.unwrap_or_default(), &mut pending)?;
                }
                Item::Operand(operand) => operands.push(operand),
            }
        }
        if let Some(second) = operands.get(1) {
            return Err(Fatal::with_hint(
                [b"too many command-line arguments (first is \"", &second[..], b"\")"].concat(),
            ));
        }
        options.input = operands.pop();
        options.check(pending)?;
        let Extras { with_dependencies, with_dependents, .. } = options.extras;
        options.choose(|selection| {
            selection
                // pg_restore compares names with tags, and does nothing else with them.
                .exact_names(is_pg_restore)
                .with_dependencies(with_dependencies)
                .with_dependents(with_dependents)
        });
        Ok(options)
    }

    fn choose(&mut self, option: impl FnOnce(Selection) -> Selection) {
        self.selection = option(mem::take(&mut self.selection));
    }

    pub(super) fn set(&mut self, option: impl FnOnce(ScriptOptions) -> ScriptOptions) {
        self.script = option(mem::take(&mut self.script));
    }

    fn take(&mut self, id: Id, value: Vec<u8>, pending: &mut Pending) -> Result<(), Fatal> {
        pending.given.push(id);
        match id {
            Id::Clean => self.set(|options| options.clean(true)),
            Id::Create => self.choose(|selection| selection.create(true)),
            Id::DataOnly => self.choose(|selection| selection.data_only(true)),
            Id::DbName => self.dbname = Some(value),
            Id::ExcludeSchema => self.choose(|selection| selection.exclude_schema(value)),
            Id::File => self.output = Some(value),
            Id::Format if value.is_empty() => {}
            Id::Format => pending.format = Some(value),
            Id::Function => self.choose(|selection| selection.function(value)),
            Id::Index => self.choose(|selection| selection.index(value)),
            Id::Jobs => pending.jobs = Some(number("-j/--jobs", &value)?),
            Id::List => self.list = true,
            Id::NoPrivileges => self.choose(|selection| selection.no_privileges(true)),
            Id::NoOwner => self.set(|options| options.no_owner(true)),
            Id::Schema => self.choose(|selection| selection.schema(value)),
            Id::SchemaOnly => self.choose(|selection| selection.schema_only(true)),
            Id::Superuser if value.is_empty() => {}
            Id::Superuser => self.set(|options| options.superuser(value)),
            Id::Table => self.choose(|selection| selection.table(value)),
            Id::Trigger => self.choose(|selection| selection.trigger(value)),
            Id::UseList => self.use_list = Some(value),
            Id::Verbose => (self.debug, self.verbose) = (self.verbose, true),
            Id::SingleTransaction => self.set(|options| options.single_transaction(true)),
            Id::DisableTriggers => self.set(|options| options.disable_triggers(true)),
            Id::EnableRowSecurity => self.set(|options| options.enable_row_security(true)),
            Id::IfExists => self.set(|options| options.if_exists(true)),
            Id::NoDataForFailedTables => {
                self.set(|options| options.no_data_for_failed_tables(true))
            }
            Id::NoTableAccessMethod => self.set(|options| options.no_table_access_method(true)),
            Id::NoTablespaces => self.set(|options| options.no_tablespaces(true)),
            Id::Role => self.set(|options| options.role(value)),
            Id::Section => {
                let section = section(&value)?;
                self.choose(|selection| selection.section(section));
            }
            Id::StrictNames => self.strict_names = true,
            Id::TransactionSize => {
                let objects = number("--transaction-size", &value)?.unsigned_abs();
                self.set(|options| options.transaction_size(objects));
            }
            Id::UseSetSessionAuthorization => {
                self.set(|options| options.use_set_session_authorization(true))
            }
            Id::NoComments => self.choose(|selection| selection.no_comments(true)),
            Id::NoData => self.choose(|selection| selection.no_data(true)),
            Id::NoPolicies => self.choose(|selection| selection.no_policies(true)),
            Id::NoPublications => self.choose(|selection| selection.no_publications(true)),
            Id::NoSchema => self.choose(|selection| selection.no_schema(true)),
            Id::NoSecurityLabels => self.choose(|selection| selection.no_security_labels(true)),
            Id::NoSubscriptions => self.choose(|selection| selection.no_subscriptions(true)),
            Id::NoStatistics => self.choose(|selection| selection.no_statistics(true)),
            Id::Statistics => self.choose(|selection| selection.statistics(true)),
            Id::StatisticsOnly => self.choose(|selection| selection.statistics_only(true)),
            Id::Filter => {
                self.selection = filter::read(&value, mem::take(&mut self.selection))?;
                self.filters.push(value);
            }
            Id::RestrictKey => pending.restrict_key = Some(value),
            Id::Own(own) => {
                let implied: &[Id] = match own {
                    Own::CreateAs => &[Id::Create],
                    Own::DropExisting => &[Id::Create, Id::Clean, Id::IfExists],
                    _ => &[],
                };
                for id in implied {
                    self.take(*id, Vec::new(), pending)?;
                }
                self.extras.take(own, &value)?;
            }
            Id::ExitOnError => self.exit_on_error = true,
            Id::Host if value.is_empty() => {}
            Id::Host => self.connection.host = Some(value),
            Id::Port if value.is_empty() => {}
            Id::Port => self.connection.port = Some(value),
            Id::Username => self.connection.user = Some(value),
            Id::NoPassword => self.connection.prompt = Prompt::Never,
            Id::Password => self.connection.prompt = Prompt::Always,
            // It matters to nothing any more.
            Id::NoReconnect => {}
        }
        Ok(())
    }

    /// Refuses what cannot go together, in pg_restore's order.
    fn check(&mut self, pending: Pending) -> Result<(), Fatal> {
        const A: &str = "-a/--data-only";
        const S: &str = "-s/--schema-only";
        self.check_own(&|id| pending.given.contains(&id))?;
        let explains = self.extras.explain.is_some() || self.extras.plan;
        if self.dbname.is_none() && self.output.is_none() && !self.list && !explains {
            return Err(Fatal::new("one of -d/--dbname and -f/--file must be specified")
                .advise("-d NAME restores into a database, and -f - prints the SQL"));
        }
        if self.dbname.is_some() && self.output.is_some() {
            return Err(Fatal::with_hint(
                "options -d/--dbname and -f/--file cannot be used together",
            ));
        }
        if let Some(key) = &pending.restrict_key {
            if self.dbname.is_some() {
                return Err(together("-d/--dbname", "--restrict-key"));
            }
            let key = String::from_utf8_lossy(key);
            let key = RestrictKey::new(key).map_err(|_| Fatal::new("invalid restrict key"))?;
            self.restrict_key = Some(key);
        }
        let given = |id| pending.given.contains(&id);
        let pairs = [
            (Id::SchemaOnly, S, Id::DataOnly, A),
            (Id::SchemaOnly, S, Id::StatisticsOnly, "--statistics-only"),
            (Id::DataOnly, A, Id::StatisticsOnly, "--statistics-only"),
            (Id::DataOnly, A, Id::NoData, "--no-data"),
            (Id::SchemaOnly, S, Id::NoSchema, "--no-schema"),
            (Id::StatisticsOnly, "--statistics-only", Id::NoStatistics, "--no-statistics"),
            (Id::Statistics, "--statistics", Id::NoStatistics, "--no-statistics"),
            (Id::DataOnly, A, Id::Statistics, "--statistics"),
            (Id::SchemaOnly, S, Id::Statistics, "--statistics"),
            (Id::Clean, "-c/--clean", Id::DataOnly, A),
            (
                Id::SingleTransaction,
                "-1/--single-transaction",
                Id::TransactionSize,
                "--transaction-size",
            ),
            (Id::Create, "-C/--create", Id::SingleTransaction, "-1/--single-transaction"),
        ];
        if let Some((_, first, _, second)) =
            pairs.iter().find(|pair| given(pair.0) && given(pair.2))
        {
            return Err(together(first, second));
        }
        if given(Id::SingleTransaction) && pending.jobs.is_some_and(|jobs| jobs > 1) {
            return Err(Fatal::new("cannot specify both --single-transaction and multiple jobs"));
        }
        self.jobs = pending.jobs.map_or(1, i32::unsigned_abs);
        if given(Id::IfExists) && !given(Id::Clean) {
            return Err(Fatal::new("option --if-exists requires option -c/--clean"));
        }
        if let Some(format) = pending.format {
            self.format = Some(archive_format(&format)?);
        }
        Ok(())
    }
}

impl Options {
    /// How it is shown how far a restore into a database is.
    pub(super) fn shown_progress(&self) -> Option<Form> {
        let on_terminal = stdio::says_to_terminal() && !self.extras.quiet;
        match self.extras.progress {
            Asked::Json => Some(Form::Json),
            Asked::Text if on_terminal => Some(Form::Bar),
            Asked::Text => Some(Form::Lines),
            // What -v says shows how far it is.
            Asked::Nothing if self.extras.means.is_fast() && !self.verbose && on_terminal => {
                Some(Form::Bar)
            }
            Asked::Nothing | Asked::No => None,
        }
    }

    /// Refuses what our own options do not go together with.
    fn check_own(&mut self, given: &dyn Fn(Id) -> bool) -> Result<(), Fatal> {
        let extras = &self.extras;
        let conflicts = extras.on_conflict != OnConflict::Error;
        for (is_given, name) in [(extras.check, "--check"), (conflicts, "--on-conflict")] {
            if is_given && (self.dbname.is_none() || self.list) {
                return Err(Fatal::new(format!("option {name} requires option -d/--dbname")));
            }
        }
        if extras.analyze && !extras.plan && (self.dbname.is_none() || self.list) {
            return Err(Fatal::new("option --analyze requires option -d/--dbname"));
        }
        let shows = matches!(extras.progress, Asked::Text | Asked::Json);
        if shows && (self.dbname.is_none() || self.list) {
            return Err(Fatal::new("option --progress requires option -d/--dbname"));
        }
        let server = &extras.server;
        for (is_given, name) in [
            (server.database_template.is_some(), "--template"),
            (server.database_tablespace.is_some(), "--tablespace"),
        ] {
            if is_given && !given(Id::Create) {
                return Err(Fatal::new(format!("option {name} requires option -C/--create")));
            }
        }
        if extras.drop_existing && (self.dbname.is_none() || self.list) {
            return Err(Fatal::new("option --drop-existing requires option -d/--dbname"));
        }
        if extras.no_check && (extras.check || conflicts) {
            let other = if extras.check { "--check" } else { "--on-conflict" };
            return Err(together(other, "--no-check"));
        }
        if extras.json && !extras.check && !extras.plan {
            return Err(Fatal::new("option --json requires option --check or --plan"));
        }
        if extras.plan && extras.check {
            return Err(together("--plan", "--check"));
        }
        if extras.plan && self.output.is_some() {
            return Err(together("--plan", "-f/--file"));
        }
        match extras.on_conflict {
            OnConflict::Replace if given(Id::DataOnly) => {
                Err(together("--on-conflict=replace", "-a/--data-only"))
            }
            OnConflict::Replace => {
                self.set(|script| script.clean(true).if_exists(true));
                Ok(())
            }
            OnConflict::Skip | OnConflict::Refuse if given(Id::Clean) => {
                Err(together("--on-conflict", "-c/--clean"))
            }
            _ => Ok(()),
        }
    }
}

fn together(first: &str, second: &str) -> Fatal {
    Fatal::new(format!("options {first} and {second} cannot be used together"))
}

fn section(name: &[u8]) -> Result<Section, Fatal> {
    match name {
        b"pre-data" => Ok(Section::PreData),
        b"data" => Ok(Section::Data),
        b"post-data" => Ok(Section::PostData),
        _ => Err(Fatal::with_hint([b"unrecognized section name: \"", name, b"\""].concat())),
    }
}

fn archive_format(name: &[u8]) -> Result<Format, Fatal> {
    match &*name.to_ascii_lowercase() {
        b"c" | b"custom" => Ok(Format::Custom),
        b"d" | b"directory" => Ok(Format::Directory),
        b"t" | b"tar" => Ok(Format::Tar),
        b"p" | b"plain" => Err(Fatal::new(
            [b"archive format \"", name, b"\" is not supported; please use psql"].concat(),
        )),
        _ => Err(Fatal::new(
            [b"unrecognized archive format \"", name, b"\"; please specify \"c\", \"d\", or \"t\""]
                .concat(),
        )),
    }
}

/// A positive number, as `strtol` reads it.
fn number(option: &str, text: &[u8]) -> Result<i32, Fatal> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let (negative, rest) = match &text[start..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Without a digit nothing was read, not even the blanks.
    let after = if len == 0 { text } else { &rest[len..] };
    if !after.iter().all(is_space) {
        let end = format!("\" for option {option}");
        return Err(Fatal::new([b"invalid value \"", text, end.as_bytes()].concat()));
    }
    let value = rest[..len].iter().fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    });
    match i32::try_from(if negative { -value } else { value }) {
        Ok(value) if value >= 1 => Ok(value),
        _ => Err(Fatal::new(format!("{option} must be in range 1..{}", i32::MAX))),
    }
}

/// A file name from the command line.
pub(super) fn to_path(name: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        PathBuf::from(OsString::from_vec(name.to_vec()))
    }
    #[cfg(not(unix))]
    {
        PathBuf::from(OsString::from(String::from_utf8_lossy(name).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, value) in [("1", 1), (" +7 ", 7), ("2147483647", i32::MAX)] {
            assert_eq!(number("-j", text.as_bytes()).ok(), Some(value), "{text:?}");
        }
        for text in ["", "0", "-1", "2147483648", "abc", "1x", "99999999999999999999"] {
            assert!(number("-j", text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
