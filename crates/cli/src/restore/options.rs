//! The options of `pg_restore` 18, and which of them cannot go together.

use std::ffi::OsString;
use std::path::PathBuf;

use super::super::inputs::Inputs;
use super::extras::Extras;
use super::filter;
use super::getopt::{GetOpt, Item};
use super::messages::Fatal;
use super::table::{Id, OWN, Row, TABLE};
use pgdmp::{Format, NamePattern, RestrictKey, ScriptOptions, Section, Selection};
use pgdmp_live::Prompt;

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
        if is_pg_restore {
            options.take_names_exactly();
        }
        Ok(options)
    }

    /// Names are tags and nothing else, as they are to pg_restore.
    fn take_names_exactly(&mut self) {
        let Selection { schemas, exclude_schemas, tables, indexes, functions, triggers, .. } =
            &mut self.selection;
        for name in
            [schemas, exclude_schemas, tables, indexes, functions, triggers].into_iter().flatten()
        {
            *name = NamePattern::exact(name.as_bytes());
        }
    }

    fn take(&mut self, id: Id, value: Vec<u8>, pending: &mut Pending) -> Result<(), Fatal> {
        let selection = &mut self.selection;
        let script = &mut self.script;
        match id {
            Id::Clean => script.clean = true,
            Id::Create => selection.create = true,
            Id::DataOnly => selection.data_only = true,
            Id::DbName => self.dbname = Some(value),
            Id::ExcludeSchema => selection.exclude_schemas.push(value.into()),
            Id::File => self.output = Some(value),
            Id::Format if value.is_empty() => {}
            Id::Format => pending.format = Some(value),
            Id::Function => selection.functions.push(value.into()),
            Id::Index => selection.indexes.push(value.into()),
            Id::Jobs => pending.jobs = Some(number("-j/--jobs", &value)?),
            Id::List => self.list = true,
            Id::NoPrivileges => selection.no_privileges = true,
            Id::NoOwner => script.no_owner = true,
            Id::Schema => selection.schemas.push(value.into()),
            Id::SchemaOnly => selection.schema_only = true,
            Id::Superuser if value.is_empty() => {}
            Id::Superuser => script.superuser = Some(value),
            Id::Table => selection.tables.push(value.into()),
            Id::Trigger => selection.triggers.push(value.into()),
            Id::UseList => self.use_list = Some(value),
            Id::Verbose => (self.debug, self.verbose) = (self.verbose, true),
            Id::SingleTransaction => script.single_transaction = true,
            Id::DisableTriggers => script.disable_triggers = true,
            Id::EnableRowSecurity => script.enable_row_security = true,
            Id::IfExists => script.if_exists = true,
            Id::NoDataForFailedTables => script.no_data_for_failed_tables = true,
            Id::NoTableAccessMethod => script.no_table_access_method = true,
            Id::NoTablespaces => script.no_tablespaces = true,
            Id::Role => script.role = Some(value),
            Id::Section => selection.sections.push(section(&value)?),
            Id::StrictNames => self.strict_names = true,
            Id::TransactionSize => {
                script.transaction_size = number("--transaction-size", &value)?.unsigned_abs();
            }
            Id::UseSetSessionAuthorization => script.use_set_session_authorization = true,
            Id::NoComments => selection.no_comments = true,
            Id::NoData => selection.no_data = true,
            Id::NoPolicies => selection.no_policies = true,
            Id::NoPublications => selection.no_publications = true,
            Id::NoSchema => selection.no_schema = true,
            Id::NoSecurityLabels => selection.no_security_labels = true,
            Id::NoSubscriptions => selection.no_subscriptions = true,
            Id::NoStatistics => selection.no_statistics = true,
            Id::Statistics => selection.statistics = true,
            Id::StatisticsOnly => selection.statistics_only = true,
            Id::Filter => {
                filter::read(&value, selection)?;
                self.filters.push(value);
            }
            Id::RestrictKey => pending.restrict_key = Some(value),
            Id::Own(own) => self.extras.take(own, &value, selection)?,
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
        let explains = self.extras.explain.is_some();
        if self.dbname.is_none() && self.output.is_none() && !self.list && !explains {
            return Err(Fatal::new("one of -d/--dbname and -f/--file must be specified"));
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
        let (s, o) = (&self.selection, &self.script);
        let in_transactions = o.transaction_size > 0;
        let pairs = [
            (s.schema_only, S, s.data_only, A),
            (s.schema_only, S, s.statistics_only, "--statistics-only"),
            (s.data_only, A, s.statistics_only, "--statistics-only"),
            (s.data_only, A, s.no_data, "--no-data"),
            (s.schema_only, S, s.no_schema, "--no-schema"),
            (s.statistics_only, "--statistics-only", s.no_statistics, "--no-statistics"),
            (s.statistics, "--statistics", s.no_statistics, "--no-statistics"),
            (s.data_only, A, s.statistics, "--statistics"),
            (s.schema_only, S, s.statistics, "--statistics"),
            (o.clean, "-c/--clean", s.data_only, A),
            (
                o.single_transaction,
                "-1/--single-transaction",
                in_transactions,
                "--transaction-size",
            ),
            (s.create, "-C/--create", o.single_transaction, "-1/--single-transaction"),
        ];
        if let Some((_, first, _, second)) = pairs.iter().find(|pair| pair.0 && pair.2) {
            return Err(together(first, second));
        }
        if o.single_transaction && pending.jobs.is_some_and(|jobs| jobs > 1) {
            return Err(Fatal::new("cannot specify both --single-transaction and multiple jobs"));
        }
        self.jobs = pending.jobs.map_or(1, i32::unsigned_abs);
        let o = &self.script;
        if o.if_exists && !o.clean {
            return Err(Fatal::new("option --if-exists requires option -c/--clean"));
        }
        if let Some(format) = pending.format {
            self.format = Some(archive_format(&format)?);
        }
        Ok(())
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
