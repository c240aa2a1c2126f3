//! `--split`: an archive for each table or schema, in a folder that may have those of other days.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use crate::aside::{ARCHIVE, Aside};
use crate::folder::Folder;
use crate::inputs::Inputs;
use crate::replace::{self, Kind};
use crate::{Context, Failure, manifest, signals};
use pgdmp::edit::{Part, PartName, SplitBy};
use pgdmp::toc::Header;
use pgdmp::{Archive, Format};

/// What each archive contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Split {
    ByTable,
    BySchema,
}

impl Split {
    pub(super) fn by(self) -> SplitBy {
        match self {
            Split::ByTable => SplitBy::Table,
            Split::BySchema => SplitBy::Schema,
        }
    }
}

/// What names are made of.
const FIELDS: [&str; 3] = ["{database}", "{name}", "{date}"];

/// A template of names, without the end that says the format.
#[derive(Debug, Clone)]
pub(super) struct Template(String);

impl Template {
    /// The names of the scripts that dump table after table.
    pub(super) const DEFAULT: &'static str = "{database}-{name}-{date}";

    pub(super) fn parse(text: &str) -> Result<Template, String> {
        let mut rest = text.to_owned();
        for field in FIELDS {
            rest = rest.replace(field, "");
        }
        if !text.contains("{name}") {
            return Err("it needs {name}, or all archives would have the same name".to_owned());
        }
        if rest.contains(['{', '}', '/', '\\', '\0']) || text.starts_with(['.', '-']) {
            return Err(format!("it is a name of a file with the fields {}", FIELDS.join(", ")));
        }
        Ok(Template(text.to_owned()))
    }

    pub(super) fn has_date(&self) -> bool {
        self.0.contains("{date}")
    }
}

/// The names of the archives of a dump.
#[derive(Debug)]
pub(super) struct Names {
    template: String,
    date: String,
    end: &'static str,
}

impl Names {
    pub(super) fn new(template: &Template, header: &Header, format: Format) -> Names {
        let database = header.dbname.as_deref().unwrap_or(b"database");
        let database = PartName::of_schema(database).file_stem();
        let created = match header.created {
            Some(created) => pgdmp_local_time::creation_time(created.fields()).text,
            None => pgdmp_local_time::now(),
        };
        let date: String = created.chars().take(10).filter(char::is_ascii_digit).collect();
        let end = match format {
            Format::Custom => ".dump",
            Format::Tar => ".tar",
            _ => "",
        };
        // A name of a database has no braces any more.
        Names { template: template.0.replace("{database}", &database), date, end }
    }

    pub(super) fn of(&self, part: &Part) -> String {
        self.with(part, &self.date)
    }

    fn with(&self, part: &Part, date: &str) -> String {
        let name = self.template.replace("{name}", &part.file_stem()).replace("{date}", date);
        name + self.end
    }

    /// Whether manifests stand beside the archives, and not in them.
    fn have_manifests_beside(&self) -> bool {
        !self.end.is_empty()
    }

    /// The names of the archives of other days that a folder has of a part, the newest first.
    fn older(&self, part: &Part, all: &[String]) -> Vec<String> {
        const MARK: &str = "\n";
        let pattern = self.with(part, MARK);
        let Some((before, behind)) = pattern.split_once(MARK) else { return Vec::new() };
        let date = |name: &str| -> Option<String> {
            let date = name.strip_prefix(before)?.strip_suffix(behind)?;
            let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
            (is_date && self.with(part, date) == name && date < &*self.date)
                .then(|| date.to_owned())
        };
        let mut found: Vec<(String, &String)> =
            all.iter().filter_map(|name| Some((date(name)?, name))).collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, name)| name.clone()).collect()
    }
}

/// A folder that is going to have new archives. They are made aside.
#[derive(Debug)]
pub(super) struct NewParts {
    folder: PathBuf,
    aside: Arc<Aside>,
    force: bool,
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(format!("{}: {error}", path.display()))
}

impl NewParts {
    /// Makes the folder, unless it is there.
    pub(super) fn new(folder: &Path, force: bool) -> Result<Self, Failure> {
        if folder.as_os_str() == "-" {
            return Err(Failure::Usage("several archives need a directory: -f DIRECTORY".into()));
        }
        let failed = |error: io::Error| failure(folder, &error);
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(failed)?,
        }
        let parent = Folder::open(folder).map_err(failed)?;
        #[cfg(unix)]
        crate::leftovers::remove(&parent);
        let aside = signals::aside(parent, folder).map_err(failed)?;
        aside.folder.make_folder(OsStr::new(ARCHIVE)).map_err(failed)?;
        Ok(NewParts { folder: folder.to_owned(), aside, force })
    }

    /// Where archives are to be written.
    pub(super) fn path(&self) -> PathBuf {
        self.aside.path()
    }

    /// Refuses names that are taken.
    pub(super) fn check(
        &self,
        names: &Names,
        parts: &[Part],
        manifests: bool,
    ) -> Result<(), Failure> {
        for part in parts {
            let path = self.folder.join(names.of(part));
            self.check_name(&path)?;
            if manifests && names.have_manifests_beside() {
                self.check_name(&manifest::beside(&path))?;
            }
        }
        Ok(())
    }

    fn check_name(&self, path: &Path) -> Result<(), Failure> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failure(path, &error)),
            Ok(_) if self.force => replace::check(path, path, &Inputs::default(), Kind::Archive),
            Ok(_) => {
                let shown = path.display();
                Err(Failure::Usage(format!("{shown} exists; --force replaces it")))
            }
        }
    }

    /// Makes a manifest of each archive, or of those alone that replace one with a manifest: that
    /// would say that the new one is damaged.
    pub(super) fn make_manifests(
        &self,
        names: &Names,
        parts: &[Part],
        all: bool,
        context: &Context,
    ) -> Result<(), Failure> {
        for part in parts {
            let name = names.of(part);
            let old = manifest::default_place(&self.folder.join(&name));
            if all || (self.force && fs::symlink_metadata(old).is_ok()) {
                manifest::of_part(&self.path().join(&name), context)?;
            }
        }
        Ok(())
    }

    fn all(&self) -> Result<Vec<String>, Failure> {
        let failed = |error: io::Error| failure(&self.folder, &error);
        let mut all = Vec::new();
        for name in self.aside.parent.names().map_err(failed)? {
            all.extend(name.map_err(failed)?.into_string());
        }
        Ok(all)
    }

    /// Gives a link to the newest older archive its place where a new one is the same but for its
    /// time. Says how many there were.
    pub(super) fn link_unchanged(&self, names: &Names, parts: &[Part]) -> Result<usize, Failure> {
        let all = self.all()?;
        let mut count = 0;
        for part in parts {
            let Some(old) = names.older(part, &all).into_iter().next() else { continue };
            let new = self.path().join(names.of(part));
            let old = self.folder.join(old);
            let metadata = fs::symlink_metadata(&old).map_err(|error| failure(&old, &error))?;
            if !metadata.is_file() || !is_same(&old, &new).unwrap_or(false) {
                continue;
            }
            // Where there are no links, the new one stays.
            let linked = new.with_extension("linked");
            if fs::hard_link(&old, &linked).is_ok() {
                fs::rename(&linked, &new).map_err(|error| failure(&new, &error))?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Makes sure that all is on disk, and gives the archives their names. Keeps so many of each.
    pub(super) fn publish(
        &self,
        names: &Names,
        parts: &[Part],
        keep: Option<usize>,
    ) -> Result<(), Failure> {
        let failed = |error: io::Error| failure(&self.folder, &error);
        let Aside { folder, parent, .. } = &*self.aside;
        folder.sync_all(OsStr::new(ARCHIVE)).map_err(failed)?;
        let ending = signals::hold();
        let made = folder.folder(OsStr::new(ARCHIVE)).map_err(failed)?;
        for part in parts {
            let name = names.of(part);
            self.give_name(&made, &name)?;
            let manifest = manifest::beside(Path::new(&name));
            if fs::symlink_metadata(self.path().join(&manifest)).is_ok() {
                self.give_name(&made, manifest)?;
            }
        }
        parent.sync().map_err(failed)?;
        if let Some(keep) = keep {
            let all = self.all()?;
            for part in parts {
                // The new one is one of them.
                for old in names.older(part, &all).into_iter().skip(keep.saturating_sub(1)) {
                    let path = self.folder.join(&old);
                    if replace::check(&path, &path, &Inputs::default(), Kind::Archive).is_ok() {
                        // What is aside goes with it.
                        let manifest = manifest::beside(Path::new(&old)).into_os_string();
                        let old = OsString::from(old);
                        parent.rename(&old, folder, &old).map_err(|e| failure(&path, &e))?;
                        match parent.rename(&manifest, folder, &manifest) {
                            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                            gone => gone.map_err(|error| failure(&path, &error))?,
                        }
                    }
                }
            }
            parent.sync().map_err(failed)?;
        }
        drop(ending);
        Ok(())
    }
}

impl NewParts {
    fn give_name(&self, made: &Folder, name: impl AsRef<OsStr>) -> Result<(), Failure> {
        let name = name.as_ref();
        let (path, parent) = (self.folder.join(name), &self.aside.parent);
        match made.rename_new(name, parent, name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.force => {
                replace::check(&path, &path, &Inputs::default(), Kind::Archive)?;
                made.exchange(name, parent, name).map_err(|error| failure(&path, &error))
            }
            result => result.map_err(|error| failure(&path, &error)),
        }
    }
}

impl Drop for NewParts {
    fn drop(&mut self) {
        self.aside.remove();
    }
}

/// Whether two custom archives are the same but for the time of the dump.
fn is_same(old: &Path, new: &Path) -> pgdmp::Result<bool> {
    /// The header up to the time, and the time: seven numbers.
    const START: usize = 11 + 5 + 7 * 5;
    let (old_archive, new_archive) = (Archive::open(old)?, Archive::open(new)?);
    let header = |archive: &Archive| {
        let mut header = archive.header().clone();
        header.created = None;
        header
    };
    if old_archive.format() != Format::Custom
        || new_archive.format() != Format::Custom
        || header(&old_archive) != header(&new_archive)
    {
        return Ok(false);
    }
    let (mut old, mut new) = (File::open(old)?, File::open(new)?);
    if old.metadata()?.len() != new.metadata()?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (vec![0; 256 << 10], vec![0; 256 << 10]);
    let mut from = START;
    loop {
        let (n, m) = (fill(&mut old, &mut a)?, fill(&mut new, &mut b)?);
        let from_here = from.min(n);
        if n != m || a[from_here..n] != b[from_here..m] {
            return Ok(false);
        }
        if n == 0 {
            return Ok(true);
        }
        from = 0;
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        assert!(Template::parse(Template::DEFAULT).is_ok_and(|template| template.has_date()));
        assert!(Template::parse("{name}").is_ok_and(|template| !template.has_date()));
        for bad in ["", "x", "a/{name}", "../{name}", ".{name}", "{name}{x}", "-{name}", "{name}{"]
        {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn archives_of_other_days() {
        let names =
            Names { template: "shop-{name}-{date}".into(), date: "20261129".into(), end: ".dump" };
        let archive = pgdmp_testkit::fixtures::root().join("pg18/small-custom.dump");
        let archive = Archive::open(archive).unwrap();
        let parts = pgdmp::edit::parts(archive.toc(), SplitBy::Table);
        let part = parts.iter().find(|part| part.file_stem() == "public.town").unwrap();
        assert_eq!(names.of(part), "shop-public.town-20261129.dump");
        let all = [
            "shop-public.town-20261127.dump",
            "shop-public.town-20261129.dump",
            "shop-public.town-20261128.dump",
            "shop-public.town-2026112.dump",
            "shop-public.town-20261126.dump.gz",
            "shop-public.town2-20261126.dump",
            "shop-public.town-20261130.dump",
        ];
        assert_eq!(names.older(part, &all.map(String::from)), [all[2], all[0]]);
    }
}
