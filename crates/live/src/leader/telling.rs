//! What is said of a restore while it goes on.

use pgdmp::TocEntry;
use pgdmp::script::Restored;

use super::Leader;
use crate::progress::Progress;

impl Leader<'_> {
    pub(super) fn tell(&self, progress: Progress<'_>) {
        if self.around.voice.wants_progress() {
            self.around.voice.progress(&progress);
        }
    }

    pub(super) fn tell_begin(&self, item: usize) {
        let node = &self.graph.nodes[item];
        let (entry, analyzes) = (node.entry, node.analyzes.is_some());
        self.tell(Progress::Began { item, entry, analyzes, work: self.graph.cost(item) });
    }

    pub(super) fn tell_end(&self, item: usize, restored: Restored, goes_on: bool) {
        let Restored { errors, warnings, .. } = restored;
        let remaining = self.graph.remaining();
        self.tell(Progress::Ended { item, errors, warnings, goes_on, remaining });
    }

    pub(super) fn info(&self, text: &str) {
        if self.around.voice.is_verbose() {
            self.around.voice.info(text.as_bytes());
        }
    }

    pub(crate) fn debug(&self, text: &str) {
        if self.around.voice.is_debug() {
            self.around.voice.debug(text.as_bytes());
        }
    }

    pub(super) fn say(&self, what: &str, place: usize) {
        if self.around.voice.is_verbose() {
            let entry: TocEntry<'_> = self.graph.nodes[place].entry;
            let start = format!("{what} {} ", entry.dump_id());
            let (desc, tag) = (entry.desc(), entry.tag().unwrap_or_default());
            let text = [start.as_bytes(), desc.as_bytes(), b" ", tag];
            self.around.voice.info(&text.concat());
        }
    }
}
