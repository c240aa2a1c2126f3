//! Recipes: short programs for common jobs. Each of them runs as a test of this crate.
//!
//! - [Find the largest tables](#find-the-largest-tables)
//! - [Read the rows of a table](#read-the-rows-of-a-table)
//! - [Learn what the fields of a table are](#learn-what-the-fields-of-a-table-are)
//! - [Read rows from a pipe](#read-rows-from-a-pipe)
//! - [Write rows as JSON lines](#write-rows-as-json-lines)
//! - [Save large objects as files](#save-large-objects-as-files)
//! - [Take one table, with all that it needs](#take-one-table-with-all-that-it-needs)
//! - [Compress an archive anew](#compress-an-archive-anew)
//! - [Write SQL for an older server](#write-sql-for-an-older-server)
//! - [Restore under other names](#restore-under-other-names)
//! - [Change entries](#change-entries)
//! - [Open what a stranger uploaded](#open-what-a-stranger-uploaded)
//! - [Read the rest of a damaged archive](#read-the-rest-of-a-damaged-archive)
//! - [Read from somewhere else](#read-from-somewhere-else)
//!
//! # Find the largest tables
//!
//! ```
//! let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
//! let mut sizes = Vec::new();
//! for table in archive.tables() {
//!     sizes.push((table.stored_size()?.unwrap_or(0), table.entry().qualified_name().to_string()));
//! }
//! sizes.sort();
//! for (bytes, name) in sizes.iter().rev().take(10) {
//!     println!("{bytes:>12}  {name}");
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Read the rows of a table
//!
//! Rows of `pg_dump --inserts` are read in the same way.
//!
//! ```
//! use pgdmp::{Archive, Desc};
//!
//! let archive = Archive::open("fixtures/pg18/small-dir")?;
//! let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
//! let mut rows = archive.rows(town.dump_id())?;
//! while let Some(row) = rows.next_row()? {
//!     let name = row.get(1).and_then(|field| field.value());
//!     println!("{}: {name:?}", row.number());
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Learn what the fields of a table are
//!
//! Types are known from the definitions in the archive. An archive that has data only can take those
//! of another one: [`Definitions::with`](crate::types::Definitions::with).
//!
//! ```
//! use pgdmp::types::{DataType, Definitions};
//! use pgdmp::{Archive, Desc};
//!
//! let archive = Archive::open("fixtures/pg18/core-custom.dump")?;
//! let definitions = Definitions::new(archive.toc());
//! for table in archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA) {
//!     let columns = definitions.columns(table)?;
//!     for column in &columns.columns {
//!         if let DataType::Enum(labels) = &column.data_type {
//!             println!("{}: {} labels", table.qualified_name(), labels.labels.len());
//!         }
//!     }
//!     if let Some(key) = definitions.keys(table)?.primary_key {
//!         println!("{}: {} columns are the key", table.qualified_name(), key.columns.len());
//!     }
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Read rows from a pipe
//!
//! [`Input`](crate::Input) opens a file, a directory, a FIFO or `-`. One pass reads all of them.
//!
//! ```
//! use pgdmp::{Desc, Input};
//!
//! let mut input = Input::open("fixtures/pg18/small-tar.tar")?;
//! let mut pass = input.pass();
//! let mut count = 0;
//! while let Some(mut block) = pass.next_block()? {
//!     if !block.entry().is_some_and(|entry| entry.desc() == Desc::TABLE_DATA) {
//!         continue;
//!     }
//!     let mut rows = block.rows()?;
//!     while rows.next_row()?.is_some() {
//!         count += 1;
//!     }
//! }
//! assert!(count > 0);
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Write rows as JSON lines
//!
//! Types come from the definitions in the archive. [`CsvOptions`](crate::rows::CsvOptions) writes CSV in the
//! same way, and a [`Filter`](crate::rows::Filter) takes only some rows.
//!
//! ```
//! use pgdmp::rows::JsonOptions;
//! use pgdmp::types::Definitions;
//! use pgdmp::{Archive, Desc};
//!
//! let archive = Archive::open("fixtures/pg18/small-dir")?;
//! let definitions = Definitions::new(archive.toc());
//! let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
//! let options = JsonOptions::new().encoding(archive.toc().text_encoding());
//! let mut json = options.write(Vec::new(), &definitions.columns(town)?)?;
//! let mut rows = archive.rows(town.dump_id())?;
//! while let Some(row) = rows.next_row()? {
//!     json.write_row(&row)?;
//! }
//! let lines = json.finish()?;
//! assert!(lines.starts_with(b"{\"id\":1,"));
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Save large objects as files
//!
//! ```no_run
//! use std::fs::File;
//! use pgdmp::{Archive, BlockKind};
//!
//! let archive = Archive::open("app.dump")?;
//! for entry in archive.entries().filter(|entry| entry.has_data()) {
//!     if entry.data_kind() != BlockKind::LargeObjects {
//!         continue;
//!     }
//!     let mut objects = archive.large_objects(entry.dump_id())?;
//!     while let Some(mut object) = objects.next_object()? {
//!         let name = format!("{}.bin", object.oid());
//!         object.copy_to(File::create_new(name)?)?;
//!     }
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Take one table, with all that it needs
//!
//! ```
//! use pgdmp::{Archive, Conversion, Selection, Target};
//!
//! let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
//! let selection = Selection::new().table("public.town").with_dependencies(true);
//! let selected = selection.apply(archive.toc())?;
//! assert!(selected.unmatched_names().is_empty());
//! let part = Conversion::new(&archive, &Target::new(), Some(&selected))?;
//! let bytes = part.write_pipe(Vec::new())?;
//! assert!(Archive::read(bytes)?.entries().len() < archive.entries().len());
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Compress an archive anew
//!
//! Data of entries that are not selected is not read. What else changes is known before the first
//! byte is written.
//!
//! ```
//! use pgdmp::{Algorithm, Archive, Conversion, Target};
//!
//! let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
//! let target = Target::new().compression(Algorithm::Zstd, Some(9)).threads(4);
//! let conversion = Conversion::new(&archive, &target, None)?;
//! for note in conversion.notes() {
//!     eprintln!("{note}");
//! }
//! let bytes = conversion.write_pipe(Vec::new())?;
//! # assert_eq!(Archive::read(bytes)?.header().compression.algorithm, Algorithm::Zstd);
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Write SQL for an older server
//!
//! ```
//! use pgdmp::adapt::Adaptation;
//! use pgdmp::script::ScriptOptions;
//! use pgdmp::{Archive, RestrictKey, Script, Selection};
//!
//! let archive = Archive::open("fixtures/pg18/core-custom.dump")?;
//! let mut selected = Selection::new().apply(archive.toc())?;
//! let release = "13".parse()?;
//! let adapted = Adaptation::new().target(release).apply(&mut selected)?;
//! for finding in &adapted.findings {
//!     eprintln!("{finding}");
//! }
//! let script = Script::new(RestrictKey::random()?).options(ScriptOptions::new().target(release));
//! script.write(&archive, &adapted.selected(&selected), std::io::sink())?;
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Restore under other names
//!
//! Places that may name a mapped schema, but could not be proved to, are in
//! [`unproved`](crate::adapt::Adapted::unproved).
//!
//! ```
//! use pgdmp::adapt::{Adaptation, Mapping};
//! use pgdmp::{Archive, Selection};
//!
//! let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
//! let mut selected = Selection::new().apply(archive.toc())?;
//! let mapping = Mapping::new().owner("postgres", "app").schema("public", "test");
//! let adapted = Adaptation::new().mapping(mapping).apply(&mut selected)?;
//! for place in &adapted.unproved {
//!     eprintln!("{place}");
//! }
//! let selected = adapted.selected(&selected);
//! assert!(selected.entries().all(|entry| entry.owner() != Some(b"postgres")));
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Change entries
//!
//! ```
//! use pgdmp::{Archive, Conversion, Desc, Target};
//!
//! let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
//! let edited = Conversion::edited(&archive, &Target::new(), None, |entry, fields| {
//!     fields.owner = None;
//!     // `false` leaves an entry out.
//!     entry.desc() != Desc::COMMENT
//! })?;
//! let edited = Archive::read(edited.write_pipe(Vec::new())?)?;
//! assert!(!edited.toc().has_desc(Desc::COMMENT));
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Open what a stranger uploaded
//!
//! ```
//! use pgdmp::{Limits, OpenOptions};
//!
//! let limits = Limits::new().toc_bytes(64 << 20).entries(100_000);
//! let upload = std::fs::read("fixtures/pg18/small-custom.dump")?;
//! let archive = OpenOptions::new().limits(limits).read(upload)?;
//! for entry in archive.entries() {
//!     // Both can be printed anywhere.
//!     let owner = archive.toc().printable(entry.owner().unwrap_or_default());
//!     println!("{}, owned by {owner}", entry.name());
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Read the rest of a damaged archive
//!
//! ```
//! let mut bytes = std::fs::read("fixtures/pg18/small-custom.dump")?;
//! bytes.truncate(2000);
//! let archive = pgdmp::OpenOptions::new().damaged(true).read(bytes)?;
//! if let Some(damage) = archive.damage() {
//!     eprintln!("only {} entries can be read: {damage}", archive.entries().len());
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! # Read from somewhere else
//!
//! A [`Source`](crate::source::Source) needs two methods. This one could ask an object store for a
//! range of bytes.
//!
//! ```
//! use std::io;
//! use pgdmp::Archive;
//! use pgdmp::source::Source;
//!
//! #[derive(Debug)]
//! struct Remote(Vec<u8>);
//!
//! impl Source for Remote {
//!     fn len(&self) -> u64 {
//!         self.0.len() as u64
//!     }
//!
//!     fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
//!         let from = self.0.get(offset as usize..).unwrap_or_default();
//!         let len = buf.len().min(from.len());
//!         buf[..len].copy_from_slice(&from[..len]);
//!         Ok(len)
//!     }
//! }
//!
//! let remote = Remote(std::fs::read("fixtures/pg17/small-custom.dump")?);
//! println!("{} entries", Archive::read(remote)?.entries().len());
//! # Ok::<(), pgdmp::Error>(())
//! ```
