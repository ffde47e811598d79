//! Which teams are about. A team counts for a while after its last claim: the
//! slots it left must still be free when its next callback comes, and a hanging
//! neighbour that took them would keep them for half a minute.

use super::TeamIx;
use crate::callback::TimestampMs;

/// The two teams seen last are enough to know, for any team, when another was last seen.
pub(super) struct Neighbours {
    about_ms: u64,
    last: Option<(TeamIx, TimestampMs)>,
    before: Option<(TeamIx, TimestampMs)>,
}

impl Neighbours {
    pub(super) fn new(about_ms: u64) -> Self {
        Self {
            about_ms,
            last: None,
            before: None,
        }
    }

    pub(super) fn seen(&mut self, team: TeamIx, now: TimestampMs) {
        if self.last.is_some_and(|(last, _)| last != team) {
            self.before = self.last;
        }
        self.last = Some((team, now));
    }

    /// When no other team is about any more; 0 if none was ever seen.
    pub(super) fn gone(&self, team: TeamIx) -> TimestampMs {
        let other = self.last.filter(|&(last, _)| last != team).or(self.before);
        other.map_or(0, |(_, seen)| seen.saturating_add(self.about_ms))
    }

    /// The team's number will be given to another.
    pub(super) fn forget(&mut self, team: TeamIx) {
        if self.before.is_some_and(|(before, _)| before == team) {
            self.before = None;
        }
        if self.last.is_some_and(|(last, _)| last == team) {
            self.last = self.before.take();
        }
    }
}
