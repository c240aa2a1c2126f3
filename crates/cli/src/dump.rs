//! `pgdmp dump`.

mod filter;
mod parts;
mod passed;
mod progress;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::ArgAction;
use serde_json::{Value, json};

use crate::inputs::Inputs;
use crate::manifest::{self, ManifestArgs, Wanted};
use crate::output::{Output, human_size};
use crate::place::{self, Place};
use crate::table::{Align, Table};
use crate::target::{Compress, parse_compression, parse_format};
use crate::{Context, Exit, Failure, json};
use filter::Filter;
use parts::{Names, NewParts, Split, Template};
use passed::Passed;
use pgdmp::edit::Part;
use pgdmp::{Algorithm, Format};
use pgdmp_live::dump::{Dump, DumpTarget, Dumper};
use pgdmp_live::{Fatal, Libpq, Parameters, Prompt, Voice};
use progress::Speaker;

/// Dump a database into an archive, over several sessions
///
/// The catalog is read by the installed pg_dump, so an archive has the entries that pg_dump would
/// write with the same options. The data of tables and large objects is read by several sessions
/// under the same snapshot, large tables by all of them together. A custom archive and a pipe are
/// written in parallel, too.
///
/// The archive gets its name when it is complete and on disk. If a session is lost, or anything else
/// fails, no archive is left.
#[derive(Debug, clap::Args)]
#[command(
    disable_help_flag = true,
    args_override_self = true,
    after_help = "\
Examples:
  pgdmp dump -d shop -f shop.dump                  one file, read and compressed in parallel
  pgdmp dump -d shop -f shop.dir -F d -Z zstd -j 8
  pgdmp dump -d shop -t 'sales.*' | ssh backup 'cat > sales.dump'
  pgdmp dump -d shop --plan                        what would be read, and in how many parts
  pgdmp dump -d shop --split by-table -f backups --keep 7
                                                   every table in an archive of its own, of one
                                                   moment, as shop-public.orders-20261129.dump"
)]
pub(crate) struct Args {
    /// Database, or a connection string or URI
    #[arg(value_name = "DBNAME", conflicts_with = "dbname")]
    database: Option<OsString>,
    /// New file or directory, or - for standard output
    #[arg(short = 'f', long, value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Format of the output: c (custom), d (directory) or t (tar)
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "c", value_parser = parse_archive_format)]
    format: Format,
    /// Compression of the data: none, gzip, lz4 or zstd; for example gzip:9 or zstd:level=5,long
    ///
    /// pg_restore reads lz4 and zstd since release 16. A number alone is a level of gzip.
    #[arg(short = 'Z', long, value_name = "ALGO[:LEVEL]", value_parser = parse_any_compression)]
    compress: Option<Compress>,
    /// Number of sessions that read, and of threads that compress
    ///
    /// The default is the number of processors. There are never more sessions than the server has
    /// free slots for.
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: Option<u32>,
    /// Read tables of this size or more in parts, by all sessions (servers since PostgreSQL 14)
    #[arg(long, value_name = "SIZE", default_value = "128M", value_parser = parse_size)]
    split_tables: u64,
    /// Write an archive for each table, or each schema, into the directory -f
    ///
    /// All are of the same moment. What belongs to no table or schema goes into everything-else.
    /// pgdmp merge joins the archives again.
    #[arg(long, value_name = "WHAT")]
    split: Option<Split>,
    /// Names of the archives of --split, with {database}, {name} (schema.table) and {date}
    #[arg(long, value_name = "TEMPLATE", requires = "split", default_value = Template::DEFAULT, value_parser = Template::parse)]
    split_names: Template,
    /// Keep so many archives of each table or schema, and remove older ones
    #[arg(long, value_name = "N", requires = "split", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Make a link to the last archive of a table or schema that is the same but for its time
    #[arg(long, requires = "split")]
    link_unchanged: bool,
    /// Read and verify the new archive, and write a manifest of it: checksums of everything in it
    ///
    /// FILE is by default the name of the archive with .pgdmp-manifest behind it, or manifest.pgdmp
    /// in a directory archive. If the archive is not good, it does not get its name. With --split
    /// each archive has its own.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with = "plan")]
    manifest: Option<Option<PathBuf>>,
    /// Replace an existing output, if it is a file or a directory archive
    #[arg(long)]
    force: bool,
    /// Print what would be read, and write nothing
    #[arg(long)]
    plan: bool,
    /// Print the plan, and how far the dump is, as JSON
    #[arg(long)]
    json: bool,
    /// The pg_dump that reads the catalog
    ///
    /// The default is the installed one of the server's release, or the next newer one.
    #[arg(long, value_name = "PROGRAM")]
    pg_dump: Option<PathBuf>,
    /// Say more, as pg_dump -v does
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    passed: Passed,
    /// Print help
    #[arg(long, short = '?', action = ArgAction::Help)]
    help: Option<bool>,
}

/// Where to connect to, and as whom.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection (options of pg_dump)")]
struct Connection {
    /// Database, or a connection string or URI
    #[arg(short = 'd', long, value_name = "DBNAME")]
    dbname: Option<OsString>,
    /// Host, or folder of the socket
    #[arg(short = 'h', long, value_name = "HOST")]
    host: Option<OsString>,
    /// Port
    #[arg(short = 'p', long, value_name = "PORT")]
    port: Option<OsString>,
    /// User
    #[arg(short = 'U', long, value_name = "NAME")]
    username: Option<OsString>,
    /// Never ask for a password
    #[arg(short = 'w', long, overrides_with = "password")]
    no_password: bool,
    /// Ask for a password first
    #[arg(short = 'W', long, overrides_with = "no_password")]
    password: bool,
    /// The role that reads
    #[arg(long, value_name = "NAME")]
    role: Option<OsString>,
    /// The snapshot to use, which another transaction has exported
    #[arg(long, value_name = "SNAPSHOT")]
    snapshot: Option<String>,
    /// Wait for a moment that no serializable transaction can spoil
    #[arg(long, conflicts_with = "snapshot")]
    serializable_deferrable: bool,
    /// Fail if the lock of a table is not to be had in this time
    #[arg(long, value_name = "TIMEOUT")]
    lock_wait_timeout: Option<String>,
    /// Leave out rows that the role may not see, instead of failing
    #[arg(long)]
    enable_row_security: bool,
    /// Digits of floating-point numbers
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    extra_float_digits: Option<i32>,
    /// Read the foreign tables of these servers, too
    #[arg(long, value_name = "PATTERN")]
    include_foreign_data: Vec<OsString>,
}

/// Parses the argument of pg_dump's `--format`.
fn parse_archive_format(text: &str) -> Result<Format, String> {
    match text {
        "p" | "plain" => {
            Err("no scripts are dumped; pgdmp restore -f makes one of an archive".into())
        }
        _ => parse_format(text),
    }
}

/// Parses the argument of pg_dump's `--compress`.
fn parse_any_compression(text: &str) -> Result<Compress, String> {
    match text.parse() {
        Ok(0) => Ok(Compress { algorithm: Algorithm::None, level: None, long: false }),
        Ok(level) => Ok(Compress { algorithm: Algorithm::Gzip, level: Some(level), long: false }),
        Err(_) => parse_compression(text),
    }
}

/// Parses a number of bytes, as `64M`.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_lowercase().trim_end_matches("ib") {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return Err("it is a number of bytes, as 64M or 1G".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "it is a number of bytes, as 64M".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is too much".to_owned())
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if let Some(why) = &args.passed.refused {
        return Err(Failure::Usage(why.clone()));
    }
    let filters: Result<Vec<_>, _> =
        args.passed.filters.iter().map(|name| Filter::new(name)).collect();
    let filters = filters?;
    let into = args.into(context)?;
    let libpq = Libpq::load().map_err(failure)?;
    let server = libpq.server(args.parameters());
    let stopper = server.stopper();
    crate::signals::cancel_at_end(move || stopper.stop());
    let speaker = Speaker::new(context.quiet, args.verbose, args.json && !args.plan);
    let target = args.target();
    let mut dumper = args.dumper();
    for filter in &filters {
        dumper = dumper.option(filter.option());
    }
    match &into {
        Into::Place(Place::New(new), _) => dumper = dumper.temporary_folder(new.folder()),
        Into::Parts(new, _) => dumper = dumper.temporary_folder(new.path()),
        _ => {}
    }
    let begun = dumper.begin(&server, &speaker).map_err(failure);
    let done = begun.and_then(|dump| match into {
        Into::Plan => plan(&dump, args.json),
        Into::Place(Place::New(new), wanted) => manifest::create(&new, wanted, context, |path| {
            dump.create(&target, path).map_err(failure)
        }),
        Into::Place(Place::Stream(out), _) => {
            let written = dump.write_pipe(&target, out).map_err(failure);
            written.and_then(|out| out.finish())
        }
        Into::Parts(new, split) => parts(args, dump, &new, split, (&speaker, context)),
    });
    speaker.finish(done.is_ok());
    done.map(|()| Exit::Done)
}

/// What a dump becomes.
enum Into {
    Plan,
    Place(Place, Option<Wanted>),
    Parts(NewParts, Split),
}

/// Writes an archive for each table or schema.
fn parts(
    args: &Args,
    dump: Dump<'_>,
    new: &NewParts,
    split: Split,
    (speaker, context): (&Speaker, &Context),
) -> Result<(), Failure> {
    let parts = pgdmp::edit::parts(dump.toc(), split.by());
    let names = Names::new(&args.split_names, dump.toc().header(), args.format);
    let with_manifests = args.manifest.is_some();
    new.check(&names, &parts, with_manifests)?;
    let folder = new.path();
    let path = |part: &Part| folder.join(names.of(part));
    dump.create_parts(&args.target(), &parts, path).map_err(|fatal| match fatal {
        Fatal::Archive(error) => place::named(&folder, &args.file, error),
        other => failure(other),
    })?;
    let mut said = format!("{} archives written", parts.len());
    if args.link_unchanged {
        let linked = new.link_unchanged(&names, &parts)?;
        said += &format!(", of which {linked} are unchanged and links");
    }
    new.make_manifests(&names, &parts, with_manifests, context)?;
    new.publish(&names, &parts, args.keep.map(|keep| keep as usize))?;
    speaker.info(said.as_bytes());
    Ok(())
}

impl Args {
    fn into(&self, context: &Context) -> Result<Into, Failure> {
        if (self.keep.is_some() || self.link_unchanged) && !self.split_names.has_date() {
            return Err(Failure::Usage(
                "--keep and --link-unchanged need {date} in --split-names".to_owned(),
            ));
        }
        if self.link_unchanged && self.format != Format::Custom {
            return Err(Failure::Usage("--link-unchanged needs custom archives".to_owned()));
        }
        if self.plan {
            return Ok(Into::Plan);
        }
        let manifest = ManifestArgs::new(self.manifest.clone());
        if let Some(split) = self.split {
            manifest.refuse_name()?;
            return Ok(Into::Parts(NewParts::new(&self.file, self.force)?, split));
        }
        let inputs = Inputs::default();
        place::check(&self.file, &inputs)?;
        let wanted = manifest.wanted(&[], &self.file, self.format, self.force, context)?;
        Ok(Into::Place(Place::open(&self.file, inputs, self.force, self.format)?, wanted))
    }

    fn parameters(&self) -> Parameters {
        let Connection { dbname, host, port, username, .. } = &self.connection;
        let database = dbname.as_ref().or(self.database.as_ref());
        let mut parameters = Parameters::new(database.map(bytes).unwrap_or_default());
        parameters.host = host.as_ref().map(bytes);
        parameters.port = port.as_ref().map(bytes);
        parameters.user = username.as_ref().map(bytes);
        parameters.prompt = match (self.connection.password, self.connection.no_password) {
            (true, _) => Prompt::Always,
            (_, true) => Prompt::Never,
            _ => Prompt::Needed,
        };
        parameters
    }

    fn target(&self) -> DumpTarget {
        let target = DumpTarget::new().format(self.format);
        match self.compress {
            Some(Compress { algorithm, level, long }) => {
                target.compression(algorithm, level).zstd_long(long)
            }
            None => target,
        }
    }

    fn dumper(&self) -> Dumper {
        let Connection {
            role,
            snapshot,
            serializable_deferrable,
            lock_wait_timeout,
            enable_row_security,
            extra_float_digits,
            include_foreign_data,
            ..
        } = &self.connection;
        let mut dumper = Dumper::new()
            .divide_from(self.split_tables)
            .serializable_deferrable(*serializable_deferrable)
            .row_security(*enable_row_security)
            .foreign_data(!include_foreign_data.is_empty());
        if let Some(jobs) = self.jobs {
            dumper = dumper.jobs(jobs as usize);
        }
        if let Some(path) = &self.pg_dump {
            dumper = dumper.pg_dump(path);
        }
        if let Some(role) = role {
            dumper = dumper.role(bytes(role));
        }
        if let Some(snapshot) = snapshot {
            dumper = dumper.snapshot(snapshot);
        }
        if let Some(timeout) = lock_wait_timeout {
            dumper = dumper.lock_wait_timeout(timeout);
        }
        if let Some(digits) = extra_float_digits {
            dumper = dumper.extra_float_digits(*digits);
        }
        for pattern in include_foreign_data {
            let mut option = OsString::from("--include-foreign-data=");
            option.push(pattern);
            dumper = dumper.option(option);
        }
        for option in &self.passed.options {
            dumper = dumper.option(option);
        }
        if self.verbose {
            dumper = dumper.option("-v");
        }
        dumper
    }
}

fn bytes(text: &OsString) -> Vec<u8> {
    text.as_encoded_bytes().to_vec()
}

fn failure(fatal: Fatal) -> Failure {
    match fatal {
        Fatal::Archive(error) => error.into(),
        other => Failure::Lines(other.to_string()),
    }
}

/// Prints what would be read.
fn plan(dump: &Dump<'_>, as_json: bool) -> Result<(), Failure> {
    let mut out = Output::new();
    let printed = match as_json {
        true => {
            let items = dump.items().map(|item| {
                let mut map = json::entry_name(item.entry);
                map.insert("bytes".into(), item.bytes.into());
                map.insert("parts".into(), item.parts.into());
                Value::Object(map)
            });
            let plan = json::numbered(json!({
                "sessions": dump.sessions(),
                "items": items.collect::<Vec<_>>(),
            }));
            json::write(&plan, &mut out).and_then(|()| out.write_all(b"\n"))
        }
        false => {
            let mut table = Table::new(&[
                ("size", Align::Right),
                ("parts", Align::Right),
                ("id", Align::Right),
                ("entry", Align::Left),
            ]);
            for item in dump.items() {
                let id = item.entry.dump_id().to_string();
                let size = human_size(item.bytes);
                table.row(vec![size, item.parts.to_string(), id, item.entry.name().name]);
            }
            table.print(&mut out)
        }
    };
    printed.and_then(|()| out.flush()).map_err(Failure::Output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("12"), Ok(12));
        assert_eq!(parse_size("64M"), Ok(64 << 20));
        assert_eq!(parse_size("1GiB"), Ok(1 << 30));
        for bad in ["", "M", "1X", "-1", "99999999999T"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn compressions() {
        let parsed = |text| {
            let Compress { algorithm, level, .. } = parse_any_compression(text).unwrap();
            (algorithm, level)
        };
        assert_eq!(parsed("0"), (Algorithm::None, None));
        assert_eq!(parsed("7"), (Algorithm::Gzip, Some(7)));
        assert_eq!(parsed("zstd:3"), (Algorithm::Zstd, Some(3)));
    }
}
