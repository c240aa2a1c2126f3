//! Tables whose rows are dealt, and the sessions that help with them.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::Leader;
use crate::deal;
use crate::split::Splits;
use crate::worker::Task;

/// Rows that are being dealt.
pub(super) struct Dealing {
    pub(super) place: usize,
    copy: Vec<u8>,
    join: Sender<deal::Part>,
    /// Sessions that it has, and that it may have.
    sessions: usize,
    most: usize,
}

impl Leader<'_> {
    /// Whether the rows of an entry are dealt, if sessions come to help.
    pub(super) fn dealing(
        &self,
        place: usize,
        splits: Option<&Splits<'_>>,
        streams: bool,
    ) -> Option<(Dealing, Receiver<deal::Part>)> {
        let most = self.graph.sessions(place, splits?, streams)?;
        let copy = self.graph.nodes[place].entry.copy_stmt()?.to_vec();
        let (join, joins) = channel();
        Some((Dealing { place, copy, join, sessions: 1, most }, joins))
    }
}

/// Has sessions that are idle help those that have rows to deal.
pub(super) fn lend(dealings: &mut Vec<Dealing>, idle: &mut Vec<usize>, items: &[Sender<Task>]) {
    while let Some(worker) = idle.last().copied() {
        let may = |dealing: &&mut Dealing| dealing.sessions < dealing.most;
        let Some(dealing) = dealings.iter_mut().filter(may).min_by_key(|dealing| dealing.sessions)
        else {
            break;
        };
        let (part, help) = deal::part(&dealing.copy);
        if dealing.join.send(part).is_err() {
            // All rows are dealt.
            let place = dealing.place;
            dealings.retain(|dealing| dealing.place != place);
            continue;
        }
        dealing.sessions += 1;
        idle.pop();
        if items.get(worker).is_none_or(|items| items.send(Task::Help(help)).is_err()) {
            break;
        }
    }
}
