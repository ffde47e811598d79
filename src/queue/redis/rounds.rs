//! PURE: which shards a claim asks, and for how much. Shards take turns as teams and lanes
//! do inside them: start-time fair queueing, weighted by how many teams of a shard may go,
//! so a team in a crowded shard waits no longer than one that is alone in its own.

use crate::callback::TimestampMs;

/// Claims asked of one shard at least, where there is that much to ask for: a script call
/// costs the same for one claim and for many.
const CHUNK: usize = 32;
/// A turn's cost for one claim of a shard with one team.
const CLAIM_COST: u64 = 1 << 16;

/// What is known about one shard.
#[derive(Debug, Clone)]
struct Shard {
    /// When a claim may find something; none: only a push can help.
    look: Option<TimestampMs>,
    /// Nothing happened since `look` was told.
    is_exact: bool,
    /// Counts what was heard beside the answers to looks and claims.
    heard: u64,
    /// Whether everything open is there; none: not known.
    whole: Option<bool>,
    /// Teams with something to claim.
    teams: u64,
    /// When a team was last seen there, on Redis's clock.
    seen: TimestampMs,
    /// Its turn's virtual start.
    starts: u64,
}

/// What is known about all shards.
#[derive(Debug, Clone)]
pub(super) struct Rounds {
    shards: Vec<Shard>,
    virtual_now: u64,
}

impl Rounds {
    /// Nothing is known: every shard is worth a look at once.
    pub(super) fn new(shards: usize) -> Self {
        let shard = Shard {
            look: Some(0),
            is_exact: false,
            heard: 0,
            whole: None,
            teams: 1,
            seen: 0,
            starts: 0,
        };
        Self {
            shards: vec![shard; shards],
            virtual_now: 0,
        }
    }

    /// Whom to ask for `max` claims together, and each for how many, `each_max` at most.
    pub(super) fn allot(
        &self,
        max: usize,
        each_max: usize,
        now: TimestampMs,
    ) -> Vec<(usize, usize)> {
        let mut due = self.which(|shard| shard.look.is_some_and(|look| look <= now));
        due.sort_by_key(|&shard| (self.shards[shard].starts.max(self.virtual_now), shard));
        let each = max
            .div_ceil(due.len().max(1))
            .max(CHUNK.min(max))
            .min(each_max);
        let mut left = max;
        let mut asked = Vec::new();
        for shard in due {
            let share = each.min(left);
            if share == 0 {
                break;
            }
            left -= share;
            asked.push((shard, share));
        }
        asked
    }

    /// A shard gave `claims`, and teams that may go remain; as [`Rounds::told`] says when
    /// to look again.
    pub(super) fn served(&mut self, shard: usize, claims: usize, teams: u64) {
        let virtual_now = self.virtual_now;
        let it = &mut self.shards[shard];
        let starts = it.starts.max(virtual_now);
        if claims > 0 {
            self.virtual_now = starts;
        }
        it.starts = starts + CLAIM_COST * claims as u64 / it.teams.max(teams).max(1);
        it.teams = teams;
    }

    /// A claim may find something at this time, or at once. Returns whether that is
    /// sooner than was known.
    pub(super) fn sooner(&mut self, shard: usize, look: TimestampMs) -> bool {
        let it = &mut self.shards[shard];
        it.heard += 1;
        let is_sooner = it.look.is_none_or(|known| look < known);
        if is_sooner {
            it.look = Some(look);
            it.is_exact = false;
        }
        is_sooner
    }

    /// Something changed that may also make the next look later.
    pub(super) fn changed(&mut self, shard: usize) {
        self.shards[shard].heard += 1;
        self.shards[shard].is_exact = false;
    }

    /// To be asked before a call and given to [`Rounds::told`] with its answer.
    pub(super) fn heard(&self, shard: usize) -> u64 {
        self.shards[shard].heard
    }

    /// Told by the shard itself. A shard that gave all it was asked for may have more or
    /// not: that is not exact. What was heard while the answer was on its way may be newer
    /// than the answer, and is not forgotten for it.
    pub(super) fn told(
        &mut self,
        shard: usize,
        look: Option<TimestampMs>,
        is_exact: bool,
        heard_before: u64,
    ) {
        let it = &mut self.shards[shard];
        if it.heard == heard_before {
            it.look = look;
            it.is_exact = is_exact;
        } else {
            it.look = it.look.into_iter().chain(look).min();
            it.is_exact = false;
        }
    }

    /// Shards whose next look is not known exactly, or has come: it may have been in vain.
    pub(super) fn inexact(&self, now: TimestampMs) -> Vec<usize> {
        self.which(|shard| !shard.is_exact || shard.look.is_some_and(|look| look <= now))
    }

    /// Shards of which something was heard since they were asked last.
    pub(super) fn uncertain(&self) -> Vec<usize> {
        self.which(|shard| !shard.is_exact)
    }

    fn which(&self, holds: impl Fn(&Shard) -> bool) -> Vec<usize> {
        let shards = self.shards.iter().enumerate();
        let found = shards.filter(|(_, shard)| holds(shard));
        found.map(|(at, _)| at).collect()
    }

    /// The earliest look.
    pub(super) fn next(&self) -> Option<TimestampMs> {
        self.shards.iter().filter_map(|shard| shard.look).min()
    }

    /// Messages may have been missed: every shard is worth a look at once.
    pub(super) fn forget_looks(&mut self) {
        for shard in &mut self.shards {
            shard.look = Some(0);
            shard.is_exact = false;
            shard.heard += 1;
        }
    }

    pub(super) fn set_whole(&mut self, shard: usize, whole: bool) {
        self.shards[shard].whole = Some(whole);
    }

    /// Shards not known to be whole.
    pub(super) fn in_doubt(&self) -> Vec<usize> {
        self.which(|shard| shard.whole != Some(true))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.shards.iter().all(|shard| shard.whole == Some(true))
    }

    pub(super) fn set_seen(&mut self, shard: usize, seen: TimestampMs) {
        self.shards[shard].seen = seen;
    }

    /// When a team was last seen in any other shard.
    pub(super) fn seen_elsewhere(&self, shard: usize) -> TimestampMs {
        let others = self.shards.iter().enumerate();
        let others = others.filter(|(other, _)| *other != shard);
        others.map(|(_, it)| it.seen).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none_due(shards: usize) -> Rounds {
        let mut rounds = Rounds::new(shards);
        (0..shards).for_each(|shard| rounds.told(shard, None, true, 0));
        rounds
    }

    #[test]
    fn only_shards_that_may_have_something_are_asked() {
        let mut rounds = none_due(4);
        assert_eq!(rounds.allot(8, 1000, 100), []);
        assert!(rounds.sooner(2, 100));
        assert!(!rounds.sooner(2, 100), "that is no news");
        assert_eq!(rounds.allot(8, 1000, 99), []);
        assert_eq!(rounds.allot(8, 1000, 100), [(2, 8)]);
        assert_eq!(rounds.next(), Some(100));
    }

    #[test]
    fn an_answer_does_not_undo_what_was_heard_while_it_was_on_its_way() {
        let mut rounds = none_due(1);
        let before = rounds.heard(0);
        rounds.sooner(0, 100);
        rounds.told(0, None, true, before);
        assert_eq!(rounds.allot(8, 1000, 100), [(0, 8)]);
        assert_eq!(rounds.inexact(50), [0]);
        let before = rounds.heard(0);
        rounds.told(0, None, true, before);
        assert_eq!(rounds.next(), None);
    }

    #[test]
    fn few_claims_are_asked_of_few_shards_in_turn() {
        let mut rounds = Rounds::new(4);
        let mut asked = Vec::new();
        for _ in 0..4 {
            let round = rounds.allot(2 * CHUNK, 1000, 1);
            assert_eq!(round.len(), 2);
            for (shard, claims) in round {
                assert_eq!(claims, CHUNK);
                rounds.served(shard, claims, 1);
                asked.push(shard);
            }
        }
        assert_eq!(asked, [0, 1, 2, 3, 0, 1, 2, 3]);
    }

    #[test]
    fn no_shard_is_asked_for_more_than_a_script_gives() {
        assert_eq!(Rounds::new(1).allot(5000, 1000, 1), [(0, 1000)]);
    }

    #[test]
    fn a_shard_with_three_teams_gets_three_shares() {
        let mut rounds = Rounds::new(2);
        let mut given = [0, 0];
        for _ in 0..400 {
            let (shard, claims) = rounds.allot(16, 1000, 1)[0];
            given[shard] += claims;
            rounds.served(shard, claims, if shard == 0 { 3 } else { 1 });
        }
        let ratio = given[0] * 100 / given[1];
        assert!((290..=310).contains(&ratio), "{given:?}");
    }

    #[test]
    fn a_shard_that_was_away_does_not_catch_up() {
        let mut rounds = none_due(2);
        rounds.sooner(0, 0);
        for _ in 0..100 {
            rounds.served(0, 16, 1);
        }
        rounds.sooner(1, 0);
        let mut given = [0, 0];
        for _ in 0..20 {
            let (shard, claims) = rounds.allot(16, 1000, 1)[0];
            given[shard] += 1;
            rounds.served(shard, claims, 1);
        }
        assert!(given[0] >= 9, "{given:?}");
    }
}
