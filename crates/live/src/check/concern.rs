//! What a check has to say.

use pgdmp::finding::Severity;
use pgdmp::{DumpId, Toc};

/// Something that a restore would stumble over, or that its owner should know before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Concern {
    /// What kind of concern it is, for machines: `role-missing`.
    pub code: &'static str,
    /// An error is what the restore would fail at.
    pub severity: Severity,
    /// What was found: one line, in which names are printable.
    pub what: String,
    /// What to do about it: one line.
    pub advice: Option<String>,
    /// SQL that somebody may run to be rid of it, in the encoding of the archive.
    pub statements: Vec<Vec<u8>>,
    /// The entries concerned, in the order of the restore; none if it is about the whole restore.
    pub entries: Vec<DumpId>,
}

impl Concern {
    pub(super) fn new(severity: Severity, code: &'static str, what: impl Into<String>) -> Self {
        Concern {
            code,
            severity,
            what: what.into(),
            advice: None,
            statements: Vec::new(),
            entries: Vec::new(),
        }
    }

    pub(super) fn error(code: &'static str, what: impl Into<String>) -> Self {
        Concern::new(Severity::Error, code, what)
    }

    pub(super) fn warning(code: &'static str, what: impl Into<String>) -> Self {
        Concern::new(Severity::Warning, code, what)
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(super) fn about(mut self, entries: impl IntoIterator<Item = DumpId>) -> Self {
        self.entries.extend(entries);
        self
    }

    pub(super) fn run(mut self, statements: Vec<Vec<u8>>) -> Self {
        self.statements = statements;
        self
    }

    /// Whether it is about speed or size alone.
    pub fn is_of_cost(&self) -> bool {
        self.code.starts_with("cost-")
    }
}

/// How many names a line has at most.
const SHOWN: usize = 8;

/// Names as a list for people: `"a", "b" and 3 more`.
pub(super) fn listed<'n>(toc: &Toc, names: impl ExactSizeIterator<Item = &'n [u8]>) -> String {
    let count = names.len();
    let shown: Vec<String> =
        names.take(SHOWN).map(|name| format!("\"{}\"", toc.printable(name))).collect();
    let text = shown.join(", ");
    if count > SHOWN { format!("{text} and {} more", count - SHOWN) } else { text }
}

/// `1 role`, `2 roles`
pub(super) fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// `does`, `do`
pub(super) fn verb(n: usize, one: &'static str, many: &'static str) -> &'static str {
    if n == 1 { one } else { many }
}
