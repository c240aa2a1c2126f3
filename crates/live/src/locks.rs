//! What may begin beside what runs: the best that no lock keeps back, without looking at all that
//! wait.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// How an entry uses a thing. Stronger ones come later.
///
/// `pg_restore` knows two, [`Shared`](Self::Shared) and [`Alone`](Self::Alone). The other two are
/// locks of PostgreSQL (`lockcmds.h`) that let more go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Mode {
    /// Only `Alone` is in its way (`ROW SHARE`).
    Weak,
    /// With others of its kind (`SHARE`).
    Shared,
    /// One of its kind (`SHARE ROW EXCLUSIVE`, `SHARE UPDATE EXCLUSIVE`).
    Sole,
    /// Nothing goes on beside it (`ACCESS EXCLUSIVE`).
    Alone,
}

impl Mode {
    const ALL: [Mode; 4] = [Mode::Weak, Mode::Shared, Mode::Sole, Mode::Alone];

    fn goes_with(self, other: Mode) -> bool {
        match self.max(other) {
            Mode::Alone => false,
            _ => self.min(other) == Mode::Weak || self.max(other) == Mode::Shared,
        }
    }
}

/// What an entry uses, each thing once.
pub(crate) type Claims<T> = [(T, Mode)];

/// Locks that are held, and entries that could begin but for those.
///
/// An entry that a lock keeps back is parked with the lock. When the lock is free the best that is
/// parked there comes back, and when that has begun the next: so each choice looks at few, however
/// many wait.
pub(crate) struct Locks<T, R> {
    held: HashMap<T, [u32; Mode::ALL.len()]>,
    /// Smaller ranks are better.
    ready: BTreeSet<(R, usize)>,
    parked: HashMap<(T, Mode), BTreeSet<(R, usize)>>,
    /// Where those that came back were parked.
    from: HashMap<usize, (T, Mode)>,
    /// How many entries were looked at.
    #[cfg(test)]
    looks: usize,
}

impl<T: Copy + Eq + Hash, R: Copy + Ord> Locks<T, R> {
    pub(crate) fn new() -> Self {
        Locks {
            held: HashMap::new(),
            ready: BTreeSet::new(),
            parked: HashMap::new(),
            from: HashMap::new(),
            #[cfg(test)]
            looks: 0,
        }
    }

    /// An entry could begin.
    pub(crate) fn add(&mut self, rank: R, place: usize) {
        self.ready.insert((rank, place));
    }

    /// The best entry that may begin now, which takes its locks. `wanted`: whether it is to begin; if
    /// not, none does.
    pub(crate) fn next<'c>(
        &mut self,
        claims: impl Fn(usize) -> &'c Claims<T>,
        wanted: impl Fn(usize) -> bool,
    ) -> Option<usize>
    where
        T: 'c,
    {
        while self.ready.first().is_some_and(|(_, place)| wanted(*place))
            && let Some(best) = self.ready.pop_first()
        {
            #[cfg(test)]
            {
                self.looks += 1;
            }
            let place = best.1;
            let claims = claims(place);
            let kept_back = claims.iter().find(|(thing, mode)| !self.is_free(thing, *mode));
            if let Some(lock) = kept_back {
                self.parked.entry(*lock).or_default().insert(best);
            } else {
                for (thing, mode) in claims {
                    self.held.entry(*thing).or_default()[*mode as usize] += 1;
                }
            }
            if let Some(lock) = self.from.remove(&place)
                && kept_back != Some(&lock)
            {
                self.come_back(lock);
            }
            if kept_back.is_none() {
                return Some(place);
            }
        }
        None
    }

    /// An entry that had begun is done.
    pub(crate) fn release(&mut self, claims: &Claims<T>) {
        for (thing, mode) in claims {
            if let Some(counts) = self.held.get_mut(thing) {
                counts[*mode as usize] = counts[*mode as usize].saturating_sub(1);
                if counts.iter().all(|count| *count == 0) {
                    self.held.remove(thing);
                }
            }
        }
        for (thing, _) in claims {
            for mode in Mode::ALL {
                self.come_back((*thing, mode));
            }
        }
    }

    fn is_free(&self, thing: &T, mode: Mode) -> bool {
        let Some(counts) = self.held.get(thing) else { return true };
        Mode::ALL.iter().all(|held| counts[*held as usize] == 0 || mode.goes_with(*held))
    }

    /// The best that waits for a lock may be looked at again, if the lock can be had.
    fn come_back(&mut self, lock: (T, Mode)) {
        if !self.is_free(&lock.0, lock.1) {
            return;
        }
        let Some(parked) = self.parked.get_mut(&lock) else { return };
        if let Some(best) = parked.pop_first() {
            self.ready.insert(best);
            self.from.insert(best.1, lock);
        }
        if parked.is_empty() {
            self.parked.remove(&lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_with_what() {
        use Mode::{Alone, Shared, Sole, Weak};
        let with = |mode: Mode| Mode::ALL.map(|other| mode.goes_with(other));
        assert_eq!(with(Weak), [true, true, true, false]);
        assert_eq!(with(Shared), [true, true, false, false]);
        assert_eq!(with(Sole), [true, false, false, false]);
        assert_eq!(with(Alone), [false; 4]);
    }

    /// A sequence of numbers that is another for each seed.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
            usize::try_from(self.0 >> 33).unwrap() % n
        }
    }

    /// The choice is that of somebody who looks at all.
    #[test]
    fn the_best_that_may_begin_begins() {
        for seed in 0..300 {
            let mut chance = Chance(seed);
            let entries = 60;
            let claims: Vec<Vec<(usize, Mode)>> = (0..entries)
                .map(|_| {
                    let mut claims: Vec<_> = (0..chance.below(4))
                        .map(|_| (chance.below(5), Mode::ALL[chance.below(4)]))
                        .collect();
                    claims.sort_unstable();
                    claims.dedup_by_key(|(thing, _)| *thing);
                    claims
                })
                .collect();
            let ranks: Vec<usize> = (0..entries).map(|_| chance.below(10)).collect();
            let mut locks = Locks::new();
            let (mut waiting, mut running) = (BTreeSet::new(), Vec::<usize>::new());
            let mut added = 0;
            for _ in 0..1000 {
                match chance.below(3) {
                    0 if added < entries => {
                        locks.add(ranks[added], added);
                        waiting.insert((ranks[added], added));
                        added += 1;
                    }
                    1 if !running.is_empty() => {
                        let done = running.swap_remove(chance.below(running.len()));
                        locks.release(&claims[done]);
                    }
                    _ => {
                        let free = |place: usize| {
                            running.iter().flat_map(|other| &claims[*other]).all(|(thing, held)| {
                                let mine = claims[place].iter().find(|(mine, _)| mine == thing);
                                mine.is_none_or(|(_, mode)| mode.goes_with(*held))
                            })
                        };
                        let best = waiting.iter().copied().find(|(_, place)| free(*place));
                        let next = locks.next(|place| &claims[place], |_| true);
                        assert_eq!(next, best.map(|(_, place)| place), "seed {seed}");
                        if let Some(best) = best {
                            waiting.remove(&best);
                            running.push(best.1);
                        }
                    }
                }
            }
        }
    }

    /// 50,000 that need the same, one after the other.
    #[test]
    fn many_that_wait_cost_nothing() {
        const MANY: usize = 50_000;
        let claims: Vec<_> = (0..MANY).map(|n| [(0, Mode::Alone), (n + 1, Mode::Alone)]).collect();
        let mut locks = Locks::new();
        for place in 0..MANY {
            locks.add(0, place);
        }
        for expected in 0..MANY {
            let next = locks.next(|place| &claims[place], |_| true);
            assert_eq!(next, Some(expected));
            assert_eq!(locks.next(|place| &claims[place], |_| true), None);
            locks.release(&claims[expected]);
        }
        assert!(locks.looks < 5 * MANY, "{}", locks.looks);
    }
}
