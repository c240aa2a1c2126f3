//! Entries for servers of older releases: what cannot be said there is left out, with all that
//! depends on it, and what can be said otherwise is changed. What that is: [`features`], and of
//! several entries together [`relatives`].
//!
//! [`features`]: super::features
//! [`relatives`]: super::relatives

use std::collections::HashSet;

use super::draft::Draft;
use super::features::{Answer, FEATURES, Feature};
use super::leave_out::leave_out;
use super::relatives::Relatives;
use super::release::TargetVersion;
use super::{Adapted, finding, predefined};
use crate::finding::Finding;
use crate::select::{Rule, Selected};
use crate::sql::{Edits, replaced, tokens};
use crate::toc::{Desc, Header, TocEntry};

impl TargetVersion {
    /// Leaves out of a selection what such a server does not understand, with all that depends
    /// on it.
    pub(super) fn leave_out(self, selected: &mut Selected<'_>, adapted: &mut Adapted) {
        let toc = selected.toc();
        let std_strings = toc.std_strings().unwrap_or(true);
        if !self.has(18, 0) {
            self.leave_out_statistics(selected, adapted);
        }
        let written = written_by(toc.header());
        let mut relatives = Relatives::new(self, toc);
        let mut unknown: Vec<_> = selected
            .entries()
            .filter_map(|entry| {
                let defn = entry.defn().unwrap_or_default();
                let left_out = |feature: &&Feature| matches!(feature.answer, Answer::LeaveOut);
                let mut features = self.unknown(entry.desc(), written).filter(left_out);
                let words = std::cell::OnceCell::new();
                let feature = features.find(|feature| {
                    feature.shows(|| words.get_or_init(|| tokens(defn, std_strings)))
                })?;
                Some((entry, Rule::Target, feature.reason()))
            })
            .collect();
        let known: HashSet<usize> = unknown.iter().map(|(entry, ..)| entry.index()).collect();
        let refused = relatives.refused(selected, written);
        unknown.extend(refused.into_iter().filter(|(entry, ..)| !known.contains(&entry.index())));
        let keeps = |dependent: TocEntry<'_>, unknown: TocEntry<'_>| match unknown.desc() {
            // Its rows matter more than how a table stores them.
            desc if desc == *"ACCESS METHOD" => {
                matches!(dependent.desc(), Desc::TABLE | Desc::MATERIALIZED_VIEW)
            }
            // That of a partition can be without that of its table.
            Desc::CONSTRAINT => dependent.desc() == Desc::CONSTRAINT,
            _ => false,
        };
        adapted.findings.extend(leave_out(selected, unknown, keeps));
        relatives.values(selected, written, &mut adapted.findings, &mut adapted.notes);
    }

    /// Statistics of the planner, which are calls of functions of later releases; the server
    /// makes them up by itself.
    fn leave_out_statistics(self, selected: &mut Selected<'_>, adapted: &mut Adapted) {
        let statistics = |entry: &TocEntry<'_>| {
            matches!(entry.desc(), Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA)
        };
        let out: Vec<_> = selected
            .entries()
            .filter(statistics)
            .map(|entry| (entry.index(), Rule::Target))
            .collect();
        if !out.is_empty() {
            adapted.notes.push(format!(
                "left out the statistics of {} relations, which a server of PostgreSQL {self} \
                 does not take",
                out.len()
            ));
        }
        selected.leave_out(out);
    }

    /// Says an entry in words that such a server understands.
    pub(super) fn change(
        self,
        draft: &mut Draft<'_>,
        relatives: &mut Relatives<'_>,
        std_strings: bool,
        findings: &mut Vec<Finding>,
    ) {
        let entry = draft.entry;
        // What the partitions of a table shall have is no matter of the table before 17.
        let of_partitions = entry.relkind() == i32::from(b'p') && !self.has(17, 0);
        if of_partitions || !self.has(12, 0) {
            draft.table_am = None;
        }
        let defn = draft.defn.as_deref().unwrap_or_default();
        if let Some(defn) = of_new_database(entry.desc(), defn) {
            draft.defn = Some(defn.into());
            return;
        }
        let written = written_by(entry.toc().header());
        for feature in self.unknown(entry.desc(), written) {
            let (change, loss) = match feature.answer {
                Answer::LeaveOut => continue,
                Answer::Reword(change) => (change, None),
                Answer::Change(change, loss) => (change, Some(loss)),
            };
            let defn = draft.defn.as_deref().unwrap_or_default();
            let words = tokens(defn, std_strings);
            if !feature.shows(|| &words) {
                continue;
            }
            let mut edits = Edits::new();
            change(&words, &mut edits);
            let changed = replaced(defn, edits);
            draft.defn = Some(changed.into());
            if let Some(loss) = loss {
                findings.push(finding(entry, format!("{}: {loss}", feature.reason())));
            }
        }
        relatives.change(draft, findings);
        predefined::change(self, draft, std_strings, findings);
    }

    /// What such a server does not understand of a kind of entries, if a release of PostgreSQL
    /// wrote them.
    fn unknown(
        self,
        desc: Desc<'_>,
        written: Option<TargetVersion>,
    ) -> impl Iterator<Item = &'static Feature> {
        FEATURES.iter().filter(move |feature| {
            !self.has(feature.since.0, feature.since.1)
                && written.is_none_or(|by| by.has(feature.since.0, feature.since.1))
                && feature.descs.iter().any(|kind| desc == **kind)
        })
    }
}

/// The release whose words an archive may have: the newer one of the server and of `pg_dump`.
fn written_by(header: &Header) -> Option<TargetVersion> {
    let release = |text: &Option<Box<[u8]>>| {
        let text = String::from_utf8_lossy(text.as_deref()?).into_owned();
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next().and_then(Result::ok));
        Some(TargetVersion::new(major, minor.unwrap_or(0)))
    };
    Some(release(&header.server_version)?.max(release(&header.dump_version)?))
}

/// What every database has from the beginning, and old archives create all the same: a remark
/// takes the place of that, so that its owner and its comment stay.
fn of_new_database(desc: Desc<'_>, defn: &[u8]) -> Option<&'static [u8]> {
    let language = b"PROCEDURAL LANGUAGE plpgsql;";
    match desc {
        Desc::SCHEMA if defn.starts_with(b"CREATE SCHEMA public;") => {
            Some(b"-- schema public is there already\n")
        }
        _ if desc == *"PROCEDURAL LANGUAGE"
            && defn.starts_with(b"CREATE ")
            && defn.windows(language.len()).any(|window| window == language) =>
        {
            Some(b"-- language plpgsql is there already\n")
        }
        _ => None,
    }
}
