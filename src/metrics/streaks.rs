//! Failed attempts in a row, by team: how many teams hear nothing but failures, without a
//! label for each. Only teams that fail are kept, so that a team that is well costs a look
//! at a number.

use crate::callback::TeamId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many failures in a row make a team one that fails: fewer are one bad endpoint's hiccup.
const FAILING_FROM: i64 = 5;
/// Teams that are kept; more that fail at one time are counted as this many.
const TEAMS_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Streaks {
    failures: Mutex<HashMap<TeamId, i64>>,
    kept: AtomicUsize,
}

impl Streaks {
    pub(super) fn note(&self, team: &TeamId, is_well: bool) {
        if is_well && self.kept.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut failures = self.lock();
        if is_well {
            failures.remove(team);
        } else if let Some(failed) = failures.get_mut(team) {
            *failed += 1;
        } else if failures.len() < TEAMS_MAX {
            failures.insert(team.clone(), 1);
        }
        self.kept.store(failures.len(), Ordering::Relaxed);
    }

    pub(super) fn failing(&self) -> i64 {
        let failures = self.lock();
        let failing = failures.values().filter(|failed| **failed >= FAILING_FROM);
        i64::try_from(failing.count()).unwrap_or(i64::MAX)
    }

    /// The longest first.
    pub(super) fn longest(&self, teams_max: usize) -> Vec<(TeamId, i64)> {
        if teams_max == 0 {
            return Vec::new();
        }
        let failures = self.lock();
        let mut all: Vec<_> = failures
            .iter()
            .map(|(team, n)| (team.clone(), *n))
            .collect();
        drop(failures);
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(teams_max);
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TeamId, i64>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_fails_until_something_of_it_arrives() {
        let streaks = Streaks::default();
        let (one, other): (TeamId, TeamId) = ("one".into(), "other".into());
        for _ in 0..FAILING_FROM {
            assert_eq!(streaks.failing(), 0);
            streaks.note(&one, false);
            streaks.note(&other, true);
        }
        assert_eq!(streaks.failing(), 1);
        assert_eq!(streaks.longest(9), [(one.clone(), FAILING_FROM)]);
        streaks.note(&one, true);
        assert_eq!((streaks.failing(), streaks.longest(9)), (0, Vec::new()));
    }
}
