//! What an older server, or the service that runs it, does not take.

use pgdmp::adapt::{Adaptation, Service, TargetVersion};
use pgdmp::finding::Finding;
use pgdmp::{DumpId, Toc};

use super::Check;
use super::concern::{Concern, count};

impl Check<'_, '_> {
    pub(super) fn service(&mut self) {
        self.release();
        let Some((called, name)) = self.facts.service else { return };
        let Ok(service) = name.parse::<Service>() else { return };
        let findings = self.findings(Adaptation::new().service(service));
        if findings.is_empty() {
            return;
        }
        let what = format!(
            "{called} runs the server, and does not take {} as {} in the archive",
            count(findings.len(), "entry").replace("entrys", "entries"),
            if findings.len() == 1 { "it is" } else { "they are" }
        );
        let concern =
            Concern::warning("service", what).advise(format!("restore with --for={name}"));
        self.say(concern.about(entries(&findings)));
    }

    /// What a server of an older release than the archive's does not understand.
    fn release(&mut self) {
        let version = self.asker.version();
        let (Ok(major), Ok(minor)) =
            (u16::try_from(version / 10_000), u16::try_from(version / 100 % 100))
        else {
            return;
        };
        if version == 0 || newest(self.toc).is_some_and(|newest| u32::from(major) >= newest) {
            return;
        }
        let findings = self.findings(Adaptation::new().target(TargetVersion::new(major, minor)));
        if findings.is_empty() {
            return;
        }
        let target = TargetVersion::new(major, minor);
        let first = &findings[0];
        let what = format!(
            "the server, of PostgreSQL {target}, does not understand all of the archive: {first}{}",
            match findings.len() - 1 {
                0 => String::new(),
                n => format!(", and {n} more"),
            }
        );
        let concern = Concern::warning("release", what)
            .advise(format!("restore with --target-version={target}"));
        self.say(concern.about(entries(&findings)));
    }

    fn findings(&self, adaptation: Adaptation) -> Vec<Finding> {
        let mut selected = self.selected.clone();
        adaptation.apply(&mut selected).map(|adapted| adapted.findings).unwrap_or_default()
    }
}

fn entries(findings: &[Finding]) -> Vec<DumpId> {
    findings.iter().filter_map(|finding| Some(DumpId(finding.entry.as_ref()?.dump_id))).collect()
}

/// The newest release whose words an archive may have.
fn newest(toc: &Toc) -> Option<u32> {
    let header = toc.header();
    let major = |text: &Option<Box<[u8]>>| {
        let text = std::str::from_utf8(text.as_deref()?).ok()?;
        text.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
    };
    Some(major(&header.server_version)?.max(major(&header.dump_version)?))
}
