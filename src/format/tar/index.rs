//! Where the members of a tar are.
//!
//! pg_restore reads members front to back and fails when they come in another order than it wants;
//! here they are looked up.

use std::ops::Range;
use std::sync::Arc;

use super::super::names;
use super::beyond;
use super::header::BLOCK;
use super::members::{Kind, TarMember, Walk, padded};
use super::name_shown;
use super::without_toc::{START, WithoutToc, base_name};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::limits::Limits;
use crate::not_an_archive::NotAnArchive;
use crate::source::{Positioned, Source, SourceReader, read_some};
use crate::surplus::Surplus;
use crate::text::shown;

/// All members of a tar by name.
#[derive(Debug)]
pub(crate) struct TarIndex {
    source: Arc<dyn Source>,
    /// Names one after the other, and what links lead to.
    names: Vec<u8>,
    /// Sorted by name; of several with one name the first in the file stands first.
    members: Vec<Place>,
    /// What all names begin with when a directory archive was packed with its folder.
    prefix: Vec<u8>,
    /// Why the walk over the members ended early, and where.
    stop: Option<(bool, u64)>,
    /// Stretches between a damaged header and the next that is none, if those were looked for.
    pub(super) holes: Vec<Range<u64>>,
    surplus: Option<Surplus>,
}

#[derive(Debug)]
struct Place {
    name: Range<usize>,
    data: Range<u64>,
    what: What,
    /// Position of its header.
    at: u64,
}

#[derive(Debug)]
enum What {
    File,
    /// The name of the member it stands for.
    Link(Range<usize>),
    /// Why it cannot be read.
    Refused(&'static str),
}

const SPARSE: &str = "the member is stored without its zeros; pack the archive again without -S";
const OUTSIDE: &str = "the member is a link that leads out of the archive";

impl TarIndex {
    /// Walks over the headers of a tar. `beyond`: behind a damaged one, the next is looked for.
    ///
    /// # Errors
    ///
    /// Those of reading, `NotAnArchive::SeveralDumps`, and more members than allowed. Damage
    /// ends the walk, and is told where a member is missed.
    pub(crate) fn new(source: Arc<dyn Source>, limits: &Limits, beyond: bool) -> Result<TarIndex> {
        let mut index = TarIndex {
            source: Arc::clone(&source),
            names: Vec::new(),
            members: Vec::new(),
            prefix: Vec::new(),
            stop: None,
            holes: Vec::new(),
            surplus: None,
        };
        let mut input = SourceReader::from(Arc::clone(&source), 0);
        let mut walk = Walk::default();
        // Where the data of the last member begins and ends.
        let (mut start, mut end) = (0, 0);
        // No header is taken twice.
        let mut least = 0;
        loop {
            let member = match walk.next(&mut input) {
                Ok(Some(member)) => member,
                Ok(None) => break,
                Err(error) if error.is_io() => return Err(error),
                Err(error) => {
                    let at = error.offset().unwrap_or_default();
                    index.stop.get_or_insert((error.is_truncated(), at));
                    let next = match beyond && !error.is_truncated() {
                        true => beyond::next_header(&source, at, least.max(start))?,
                        false => None,
                    };
                    let Some(next) = next else { break };
                    least = next + 1;
                    if next < end {
                        // Bytes of the member before are lost.
                        index.cut_last(next);
                    } else {
                        index.holes.push(end..next);
                    }
                    input = SourceReader::from(Arc::clone(&source), next);
                    walk = Walk::default();
                    continue;
                }
            };
            if index.members.len() >= limits.members as usize {
                return Err(Error::new(ErrorKind::Limit {
                    what: "members of a tar",
                    limit: u64::from(limits.members),
                    knob: "members",
                }));
            }
            start = input.position();
            index.add(&member, start);
            let len = padded(member.size).unwrap_or(u64::MAX);
            end = start.saturating_add(len);
            if input.skip(len).is_err() {
                // Of the last member's padding nothing is missed.
                break;
            }
        }
        let TarIndex { names, members, .. } = &mut index;
        members.sort_by(|a, b| names[a.name.clone()].cmp(&names[b.name.clone()]));
        index.choose_dump()?;
        Ok(index)
    }

    fn add(&mut self, member: &TarMember, start: u64) {
        if member.kind == Kind::Other {
            return;
        }
        let name = self.add_name(&[&member.name]);
        let what = match &member.kind {
            Kind::File => What::File,
            Kind::HardLink(name) => {
                What::Link(self.add_name(&[name.strip_prefix(b"./").unwrap_or(name)]))
            }
            Kind::SymbolicLink(target) if target.contains(&b'/') => What::Refused(OUTSIDE),
            Kind::SymbolicLink(target) => {
                let base = base_name(&member.name);
                let folder = &member.name[..member.name.len() - base.len()];
                What::Link(self.add_name(&[folder, target]))
            }
            Kind::Sparse | Kind::Other => What::Refused(SPARSE),
        };
        let data = start..start.saturating_add(member.size);
        self.members.push(Place { name, data, what, at: member.at });
    }

    /// The last member ends earlier than it says.
    fn cut_last(&mut self, end: u64) {
        if let Some(place) = self.members.last_mut() {
            place.data.end = place.data.end.min(end).max(place.data.start);
        }
    }

    /// Adds a member whose header is lost.
    pub(super) fn add_found(&mut self, name: &[u8], data: Range<u64>) {
        let prefix = self.prefix.clone();
        let name = self.add_name(&[&prefix, name]);
        let at =
            self.members.partition_point(|place| self.name_of(place) < &self.names[name.clone()]);
        let place = Place { name, at: data.start, data, what: What::File };
        self.members.insert(at, place);
    }

    fn add_name(&mut self, parts: &[&[u8]]) -> Range<usize> {
        let from = self.names.len();
        parts.iter().for_each(|part| self.names.extend_from_slice(part));
        from..self.names.len()
    }

    fn name_of(&self, place: &Place) -> &[u8] {
        &self.names[place.name.clone()]
    }

    /// Chooses the archive: that of the `toc.dat` without a folder, which pg_restore reads, or of
    /// the only one in a folder.
    fn choose_dump(&mut self) -> Result<()> {
        let mut dumps: Vec<(&[u8], u64)> = Vec::new();
        for place in &self.members {
            let name = self.name_of(place);
            let base = base_name(name);
            if names::is_toc(base) {
                dumps.push((&name[..name.len() - base.len()], place.at));
            }
        }
        // The one without a folder first, and of several in one folder the first in the tar.
        dumps.sort_unstable();
        let Some(&(chosen, at)) = dumps.first() else { return Ok(()) };
        let other = dumps.iter().find(|(folder, _)| *folder != chosen);
        if let (false, Some(_)) = (chosen.is_empty(), other) {
            dumps.dedup_by_key(|(folder, _)| *folder);
            let folders = dumps.iter().map(|(folder, _)| name_shown(folder)).collect();
            return Err(Error::new(ErrorKind::NotAnArchive(NotAnArchive::SeveralDumps(folders))));
        }
        let again = dumps.iter().find(|(folder, other)| *folder == chosen && *other != at);
        // A compressed one beside one that is not is none of its own.
        let again = again.filter(|_| self.count_of(&[chosen, names::TOC.as_bytes()].concat()) > 1);
        let surplus = match (again, other) {
            (Some((_, offset)), _) => Some(Surplus::Behind { offset: *offset }),
            (None, Some((folder, _))) => Some(Surplus::InFolder { name: name_shown(folder) }),
            (None, None) => None,
        };
        (self.prefix, self.surplus) = (chosen.to_vec(), surplus);
        Ok(())
    }

    /// The members with a name.
    fn places(&self, name: &[u8]) -> &[Place] {
        let start = self.members.partition_point(|place| self.name_of(place) < name);
        let len = self.members[start..].partition_point(|place| self.name_of(place) == name);
        &self.members[start..start + len]
    }

    fn count_of(&self, name: &[u8]) -> usize {
        self.places(name).len()
    }

    /// The names of the members, without the folder that the archive was packed with.
    pub(crate) fn member_names(&self) -> Vec<String> {
        let name = |place| self.name_of(place).strip_prefix(&*self.prefix);
        let names = self.members.iter().filter_map(name);
        names.filter_map(|name| String::from_utf8(name.to_vec()).ok()).collect()
    }

    /// The whole file.
    pub(crate) fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Another archive that the tar holds.
    pub(crate) fn surplus(&self) -> Option<&Surplus> {
        self.surplus.as_ref()
    }

    /// Where the data of a member of the archive is.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Range<u64>>> {
        let name = [&self.prefix, name.as_bytes()].concat();
        let Some(mut place) = self.places(&name).first() else { return Ok(None) };
        if let What::Link(target) = &place.what {
            let target = self.places(&self.names[target.clone()]).first();
            place = target.ok_or_else(|| {
                let error = Error::malformed("the member is a link to a member that is not there");
                error.with_fault(Fault::Tar).at(place.at)
            })?;
        }
        match place.what {
            What::File => Ok(Some(place.data.clone())),
            What::Link(_) => {
                let error = Error::malformed("the member is a link to a link");
                Err(error.with_fault(Fault::Tar).at(place.at))
            }
            What::Refused(why) => Err(Error::malformed(why).with_fault(Fault::Tar).at(place.at)),
        }
    }

    /// Checks that all members are whole, and that zeros stand behind them.
    pub(crate) fn check_length(&self) -> Result<()> {
        let len = self.source.len();
        let last = self.members.iter().max_by_key(|place| place.data.end);
        let end = last.map_or(0, |place| place.data.end);
        if let Some(place) = last.filter(|_| end > len) {
            let name = shown(self.name_of(place));
            return Err(Error::truncated(format!("member {name} of the tar")).at(len));
        }
        let zeros = end.next_multiple_of(BLOCK as u64) + BLOCK as u64;
        match self.stop {
            Some((false, at)) if at < zeros => {
                let error = Error::malformed("the header of a tar member is damaged");
                Err(error.with_fault(Fault::Tar).at(at))
            }
            _ if len < zeros => {
                Err(Error::truncated("the end of the tar").with_fault(Fault::Tar).at(len))
            }
            _ => Ok(()),
        }
    }

    /// Why there is no such member.
    pub(crate) fn missing(&self, name: &str) -> Error {
        match self.stop {
            None => Error::not_found(format!("member {name} of the tar")),
            Some((true, at)) => Error::truncated(format!("the tar, before member {name}")).at(at),
            Some((false, at)) => Error::malformed(format!(
                "the header of a tar member is damaged; member {name} may be behind it"
            ))
            .with_fault(Fault::Tar)
            .at(at),
        }
    }

    /// What a tar without `toc.dat` is instead.
    pub(crate) fn without_toc(&self) -> NotAnArchive {
        let mut seen = WithoutToc::default();
        for place in &self.members {
            let mut start = [0; START];
            let most =
                START.min(usize::try_from(place.data.end - place.data.start).unwrap_or(START));
            let n = match seen.wants_start() {
                true => read_some(&*self.source, &mut start[..most], place.data.start).unwrap_or(0),
                false => 0,
            };
            seen.note(self.name_of(place), &start[..n]);
        }
        seen.verdict()
    }
}
