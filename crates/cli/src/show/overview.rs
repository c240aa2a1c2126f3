//! What `show` says of a whole archive, on one screen.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::output::{Output, human_size};
use crate::table::{cut, terminal_width};
use crate::{du, input, json, list, stdio};
use pgdmp::adapt::TargetVersion;
use pgdmp::needs::{Needed, Needs};
use pgdmp::script::ScriptOptions;
use pgdmp::text::Printable;
use pgdmp::toc::DataOffset;
use pgdmp::{Desc, Format, Input, Selection, Toc, TocEntry};

/// How many tables the screen has.
const TABLES: usize = 10;

/// How many names or kinds a line has.
const NAMES: usize = 12;

/// The widest bar.
const BAR: usize = 24;

/// What there is to say of an archive.
pub(super) struct Overview<'t> {
    toc: &'t Toc,
    format: Format,
    /// Of the file, or of the files of a directory.
    file_bytes: Option<u64>,
    /// `None` of a pipe.
    random_access: Option<bool>,
    pub(super) entries: json::Entries,
    /// What has data, with its size as far as it is known: the largest first.
    pub(super) data: Vec<(TocEntry<'t>, Option<u64>)>,
    /// How many entries there are of each kind, most first.
    kinds: Vec<(Desc<'t>, usize)>,
    /// Schemas that the archive makes or uses.
    schemas: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
    roles: Vec<Vec<u8>>,
    tablespaces: Vec<Vec<u8>>,
    pub(super) warnings: Vec<String>,
}

impl<'t> Overview<'t> {
    pub(super) fn of(input: &'t Input, path: &Path) -> Self {
        let toc = input.toc();
        let entries = json::Entries::of(input);
        let with_data = toc.entries().filter(TocEntry::has_data);
        let mut data: Vec<_> = with_data.map(|entry| (entry, entries.stored_size(entry))).collect();
        data.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        let mut overview = Overview {
            toc,
            format: input.format(),
            file_bytes: file_bytes(path),
            random_access: random_access(input),
            entries,
            data,
            kinds: kinds(toc),
            schemas: Vec::new(),
            extensions: Vec::new(),
            roles: Vec::new(),
            tablespaces: Vec::new(),
            warnings: Vec::new(),
        };
        overview.find_needs();
        if overview.random_access == Some(false) {
            overview.warnings.push(
                "the archive was written to a pipe and does not say where data is: pgdmp reindex \
                 adds that"
                    .to_owned(),
            );
        }
        if let Err(error) = toc.encoding() {
            overview.warnings.push(format!("the encoding is not known: {error}"));
        }
        overview
    }

    /// What must be on a server before all of it is restored.
    fn find_needs(&mut self) {
        let selected = Selection::new().apply(self.toc);
        let needs = selected.and_then(|selected| Needs::of(&selected, &ScriptOptions::new()));
        let needs = match needs {
            Ok(needs) => needs,
            Err(error) => {
                self.warnings.push(format!("what a restore needs is not known: {error}"));
                return;
            }
        };
        let names = |kinds: &[Needed]| {
            let mut names: Vec<Vec<u8>> = kinds
                .iter()
                .flat_map(|kind| needs.of_kind(*kind))
                .map(|(name, _)| name.to_vec())
                .collect();
            names.sort();
            names.dedup();
            names
        };
        let is_role = |name: &Vec<u8>| !name.starts_with(b"pg_");
        self.roles = names(&[Needed::Owner, Needed::Role]);
        self.roles.retain(is_role);
        self.extensions = names(&[Needed::Extension]);
        self.tablespaces = names(&[Needed::Tablespace]);
        let mut schemas = names(&[Needed::Schema]);
        let own = self.toc.entries().filter(|entry| entry.desc() == Desc::SCHEMA);
        schemas.extend(own.filter_map(|entry| Some(entry.tag()?.to_vec())));
        schemas.sort();
        schemas.dedup();
        self.schemas = schemas;
    }

    pub(super) fn toc(&self) -> &'t Toc {
        self.toc
    }

    /// The name of the database.
    pub(super) fn title(&self) -> String {
        match self.toc.header().dbname.as_deref() {
            Some(name) => Printable::new(name, json::header_encoding(self.toc, name)).to_string(),
            None => "PostgreSQL archive".to_owned(),
        }
    }

    /// Labels and what is behind them. A line without a label goes on.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let toc = self.toc;
        let header = toc.header();
        let text = |bytes: &Option<Box<[u8]>>| {
            let bytes = bytes.as_deref()?;
            Some(Printable::new(bytes, json::header_encoding(toc, bytes)).to_string())
        };
        let compression = match header.compression.level {
            Some(level) if level > 0 => format!("{}, level {level}", header.compression.algorithm),
            _ => header.compression.algorithm.to_string(),
        };
        let encoding = match toc.encoding() {
            Ok(Some(name)) => Some(toc.printable(name).to_string()),
            _ => None,
        };
        let names = |names: &[Vec<u8>]| {
            let shown = names.iter().map(|name| toc.printable(name).to_string());
            (!names.is_empty()).then(|| several(shown, names.len()))
        };
        let kinds = self.kinds.iter().map(|(desc, count)| format!("{count} {desc}"));
        [
            ("Database", text(&header.dbname)),
            ("Created", header.created.map(|_| list::created(header))),
            ("Server", text(&header.server_version)),
            ("pg_dump", text(&header.dump_version)),
            ("Format", Some(format!("{}, version {}", self.format, header.version))),
            ("Compression", Some(compression)),
            ("Encoding", encoding),
            ("Size", self.file_bytes.map(human_size)),
            ("Random access", self.random_access.map(|yes| if yes { "yes" } else { "no" }.into())),
            ("Read by", Some(read_by(header))),
            ("Entries", Some(toc.len().to_string())),
            ("", Some(several(kinds, self.kinds.len()))),
            ("Schemas", names(&self.schemas)),
            ("Extensions", names(&self.extensions)),
            ("Roles", names(&self.roles)),
            ("Tablespaces", names(&self.tablespaces)),
        ]
        .into_iter()
        .filter_map(|(label, value)| Some((label, value?)))
        .collect()
    }

    pub(super) fn text(&self, out: &mut Output) -> io::Result<()> {
        let width = if out.is_terminal() { terminal_width() } else { None };
        for (label, value) in self.facts() {
            for (n, line) in wrapped(&value, width).into_iter().enumerate() {
                writeln!(out, "{:<13} {line}", if n == 0 { label } else { "" })?;
            }
        }
        self.tables(width, out)?;
        for warning in &self.warnings {
            writeln!(out, "\nWarning: {warning}")?;
        }
        Ok(())
    }

    /// The largest tables.
    fn tables(&self, width: Option<usize>, out: &mut Output) -> io::Result<()> {
        let total: u64 = self.data.iter().filter_map(|(_, size)| *size).sum();
        let largest = self.data.first().and_then(|(_, size)| *size).unwrap_or(0);
        if self.data.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        let room = width.map_or(BAR, |width| width.saturating_sub(44).min(BAR));
        let cell = if stdio::draws_unicode() { "█" } else { "#" };
        for (entry, size) in self.data.iter().take(TABLES) {
            let label = du::label(*entry);
            let line = match size {
                Some(size) => {
                    let percent = percent(*size, total);
                    let bar = cell.repeat(scaled(*size, largest, room));
                    let size = human_size(*size);
                    format!("{size:>12}  {percent:>3} %  {bar:<room$}  {label}")
                }
                None => format!("{:>12}  {label}", "?"),
            };
            match width {
                Some(width) => writeln!(out, "{}", cut(&line, width))?,
                None => writeln!(out, "{line}")?,
            }
        }
        let more = self.data.len().saturating_sub(TABLES);
        if more > 0 {
            writeln!(out, "{:>12}  and {more} more: pgdmp du lists all", "")?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        let encoding = self.toc.text_encoding();
        let names = |names: &[Vec<u8>]| -> Value {
            let name = |name: &Vec<u8>| {
                let mut map = Map::new();
                json::put_text(&mut map, "name", Some(name), encoding);
                Value::Object(map)
            };
            names.iter().map(name).collect()
        };
        let kinds: Map<String, Value> = self
            .kinds
            .iter()
            .map(|(desc, count)| (json::text(desc.0, encoding), (*count).into()))
            .collect();
        let tables = self.data.iter().map(|(entry, _)| Value::from(self.entries.entry(*entry)));
        let mut map = json::document();
        map.insert("header".into(), json::header(self.toc, self.format));
        map.insert("file_bytes".into(), self.file_bytes.into());
        map.insert("random_access".into(), self.random_access.into());
        map.insert("read_by".into(), read_by(self.toc.header()).into());
        map.insert("kinds".into(), Value::Object(kinds));
        map.insert("tables".into(), tables.collect());
        map.insert("schemas".into(), names(&self.schemas));
        map.insert("extensions".into(), names(&self.extensions));
        map.insert("roles".into(), names(&self.roles));
        map.insert("tablespaces".into(), names(&self.tablespaces));
        map.insert("warnings".into(), json!(self.warnings));
        Value::Object(map)
    }
}

/// Of a hundred, at most.
fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent).unwrap_or(100)
}

/// How long the bar of a part is, if that of the largest is this long.
fn scaled(part: u64, largest: u64, length: usize) -> usize {
    let cells = u128::from(part) * length as u128 / u128::from(largest.max(1));
    usize::try_from(cells).unwrap_or(length).min(length)
}

/// Some of several, and how many more.
fn several(shown: impl Iterator<Item = String>, count: usize) -> String {
    let text = shown.take(NAMES).collect::<Vec<_>>().join(", ");
    match count.saturating_sub(NAMES) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// The lines of a list behind its label.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    use unicode_width::UnicodeWidthStr;
    let Some(room) = width.map(|width| width.saturating_sub(14).max(20)) else {
        return vec![text.to_owned()];
    };
    let mut lines: Vec<String> = Vec::new();
    for part in text.split_inclusive(", ") {
        match lines.last_mut() {
            Some(line) if line.width() + part.trim_end().width() <= room => line.push_str(part),
            _ => lines.push(part.to_owned()),
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// How many entries there are of each kind, most first.
fn kinds(toc: &Toc) -> Vec<(Desc<'_>, usize)> {
    let mut kinds: BTreeMap<Desc<'_>, usize> = BTreeMap::new();
    for entry in toc.entries() {
        *kinds.entry(entry.desc()).or_default() += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    kinds
}

/// Whether data can be found without reading what is before it.
pub(super) fn random_access(input: &Input) -> Option<bool> {
    match input {
        Input::Stream(_) => None,
        Input::Archive(archive) if archive.format() == Format::Custom => {
            let mut with_data = archive.entries().filter(TocEntry::has_data);
            Some(with_data.all(|entry| matches!(entry.data_offset(), Some(DataOffset::At(_)))))
        }
        Input::Archive(_) => Some(true),
    }
}

/// The size of a file, or of the files of a directory.
fn file_bytes(path: &Path) -> Option<u64> {
    if let Some(len) = input::file_len(path) {
        return Some(len);
    }
    let files = fs::read_dir(path).ok()?;
    let lens = files.filter_map(|file| file.ok()?.metadata().ok());
    Some(lens.filter(fs::Metadata::is_file).map(|metadata| metadata.len()).sum())
}

/// The releases whose `pg_restore` reads an archive.
fn read_by(header: &pgdmp::toc::Header) -> String {
    let reads = |release: &TargetVersion| {
        release.archive_version() >= header.version
            && release.decompresses(header.compression.algorithm)
    };
    let releases = (12..).map(|major| TargetVersion::new(major, 0));
    match releases.take(8).find(reads) {
        Some(release) if release == TargetVersion::new(12, 0) && is_old(header) => {
            "pg_restore of all releases since 2018".to_owned()
        }
        Some(release) => format!("pg_restore {release} and newer"),
        None => "no pg_restore that is known".to_owned(),
    }
}

/// Whether releases before 12 read it, too.
fn is_old(header: &pgdmp::toc::Header) -> bool {
    TargetVersion::new(11, 0).archive_version() >= header.version
}
