//! Who goes next: teams first, lanes of the team second, each by the slot time
//! it has used. What cannot go now is in no set that a claim looks at, so blocked
//! and idle lanes cost a claim nothing, however many there are.

use super::lane::{Lane, LaneState, Team};
use super::limits::Limits;
use super::neighbours::Neighbours;
use super::pace::Pace;
use super::slab::Slab;
use super::turns::Turns;
use super::{EntryIx, LaneIx, TeamIx};
use crate::callback::{CallbackId, TeamId, TimestampMs};
use crate::queue::{LaneCounts, Origin};
use std::collections::{BTreeSet, HashMap};

/// Forgotten per claim at most, so that no claim pays for a crowd; more than a
/// claim of usual size can make idle.
const SWEPT_MAX: usize = 128;

pub(super) struct Shares {
    pub(super) limits: Limits,
    pub(super) teams: Slab<Team>,
    pub(super) lanes: Slab<Lane>,
    team_names: HashMap<TeamId, TeamIx>,
    /// Teams below their share with a lane that may go.
    turns: Turns,
    /// Teams at their share with a lane that may go: served only while alone.
    at_share: BTreeSet<TeamIx>,
    neighbours: Neighbours,
    /// Lanes that could go but for a park or a rest, by its end.
    blocked: BTreeSet<(TimestampMs, LaneIx)>,
    /// Lanes with ready entries, by the due time of the first.
    fronts: BTreeSet<(TimestampMs, LaneIx)>,
    /// Lanes without entries, by when what is known about them is stale.
    idle: BTreeSet<(TimestampMs, LaneIx)>,
    pub(super) lanes_parked: u64,
    lanes_open: u64,
    lanes_known: u64,
    windows: u64,
}

/// What a claim takes.
pub(super) struct Pick {
    pub(super) entry: EntryIx,
    /// Charged in advance to the lane and its team.
    pub(super) charge_ms: u64,
}

impl Shares {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            neighbours: Neighbours::new(limits.neighbour_ms),
            limits,
            teams: Slab::new(),
            lanes: Slab::new(),
            team_names: HashMap::new(),
            turns: Turns::new(),
            at_share: BTreeSet::new(),
            blocked: BTreeSet::new(),
            fronts: BTreeSet::new(),
            idle: BTreeSet::new(),
            lanes_parked: 0,
            lanes_open: 0,
            lanes_known: 0,
            windows: 0,
        }
    }

    pub(super) fn team(&self, team: &TeamId) -> Option<TeamIx> {
        self.team_names.get(team).copied()
    }

    pub(super) fn lane(&self, team: &TeamId, origin: &Origin) -> Option<LaneIx> {
        let team = self.team(team)?;
        self.teams[team].lanes.get(origin).copied()
    }

    /// A lane's pace, to be changed.
    pub(super) fn pace(&mut self, lane: LaneIx) -> (&Limits, &mut Pace) {
        (&self.limits, &mut self.lanes[lane].pace)
    }

    pub(super) fn all_teams(&self) -> Vec<TeamIx> {
        self.team_names.values().copied().collect()
    }

    pub(super) fn oldest_due(&self) -> Option<TimestampMs> {
        self.fronts.first().map(|&(due, _)| due)
    }

    pub(super) fn counts(&self) -> LaneCounts {
        LaneCounts {
            known: self.lanes_known,
            open: self.lanes_open,
            throttled: self.fronts.len() as u64 - self.lanes_open,
            windows: self.windows,
        }
    }

    /// Counts one more entry in the lane, making it known if it is not.
    pub(super) fn enter(&mut self, team: &TeamId, origin: &Origin) -> LaneIx {
        let team_ix = if let Some(known) = self.team(team) {
            known
        } else {
            let made = self.teams.insert(Team::new(team.clone()));
            self.team_names.insert(team.clone(), made);
            made
        };
        self.enter_lane(team_ix, origin)
    }

    /// Counts one more entry in the team's lane to `origin`.
    pub(super) fn enter_lane(&mut self, team_ix: TeamIx, origin: &Origin) -> LaneIx {
        let team = &mut self.teams[team_ix];
        team.entries += 1;
        let lane_ix = if let Some(&known) = team.lanes.get(origin) {
            known
        } else {
            let mut lane = Lane::new(team_ix, origin.clone(), &self.limits);
            lane.counted_window = lane.pace.window;
            self.windows += u64::from(lane.counted_window);
            self.lanes_known += 1;
            let made = self.lanes.insert(lane);
            team.lanes.insert(origin.clone(), made);
            made
        };
        let lane = &mut self.lanes[lane_ix];
        lane.entries += 1;
        if let Some(stale) = lane.stale_at.take() {
            self.idle.remove(&(stale, lane_ix));
        }
        lane_ix
    }

    /// Counts one entry less; a lane without any is forgotten, later if it taught us something,
    /// and never while the operator limits it.
    pub(super) fn leave(&mut self, lane_ix: LaneIx, now: TimestampMs) {
        let lane = &mut self.lanes[lane_ix];
        lane.entries -= 1;
        self.teams[lane.team].entries -= 1;
        if lane.entries > 0 {
            return;
        }
        if lane.pace.limit().is_some() {
            return;
        }
        if lane.pace.is_unknown() {
            self.forget(lane_ix);
            return;
        }
        let known_from = lane.pace.blocked_until(now).unwrap_or(now);
        let stale = known_from.saturating_add(self.limits.idle_lane_ms);
        lane.stale_at = Some(stale);
        self.idle.insert((stale, lane_ix));
    }

    pub(super) fn line_up(
        &mut self,
        lane_ix: LaneIx,
        due: TimestampMs,
        id: CallbackId,
        entry: EntryIx,
        now: TimestampMs,
    ) {
        self.lanes[lane_ix].ready.insert((due, id), entry);
        self.refresh(lane_ix, now);
    }

    pub(super) fn step_out(
        &mut self,
        lane_ix: LaneIx,
        due: TimestampMs,
        id: CallbackId,
        now: TimestampMs,
    ) {
        self.lanes[lane_ix].ready.remove(&(due, id));
        self.refresh(lane_ix, now);
    }

    /// Hands out the fairest entry that may go now, and counts it as in flight.
    pub(super) fn pick(&mut self, now: TimestampMs) -> Option<Pick> {
        let team_ix = self.next_team(now)?;
        let team = &mut self.teams[team_ix];
        let lane_ix = team.turns.first().expect("a listed team has an open lane");
        let lane = &mut self.lanes[lane_ix];
        let (_, entry) = lane
            .ready
            .pop_first()
            .expect("an open lane has something ready");
        let charge_ms = lane.pace.expected_ms(&self.limits);
        lane.pace.start();
        lane.in_flight += 1;
        team.in_flight += 1;
        team.turns.serve(lane_ix, &mut lane.turn, charge_ms);
        self.turns.serve(team_ix, &mut team.turn, charge_ms);
        self.neighbours.seen(team_ix, now);
        self.refresh(lane_ix, now);
        Some(Pick { entry, charge_ms })
    }

    /// Frees a slot of the lane and sets right by how much it was charged too little or too much.
    pub(super) fn free(
        &mut self,
        lane_ix: LaneIx,
        charged_ms: u64,
        used_ms: u64,
        now: TimestampMs,
    ) {
        let lane = &mut self.lanes[lane_ix];
        let team = &mut self.teams[lane.team];
        lane.in_flight -= 1;
        team.in_flight -= 1;
        team.turns
            .charge(lane_ix, &mut lane.turn, used_ms, charged_ms);
        self.turns
            .charge(lane.team, &mut team.turn, used_ms, charged_ms);
        self.refresh(lane_ix, now);
    }

    /// Lets the lanes go whose park or rest has ended.
    pub(super) fn wake(&mut self, now: TimestampMs) {
        while let Some(&(until, lane_ix)) = self.blocked.first()
            && until <= now
        {
            self.refresh(lane_ix, now);
        }
    }

    /// Forgets some of what is known about lanes that have long been without entries.
    pub(super) fn sweep(&mut self, now: TimestampMs) {
        for _ in 0..SWEPT_MAX {
            let crowded = self.idle.len() > self.limits.idle_lanes_max;
            match self.idle.first() {
                Some(&(stale, lane_ix)) if crowded || stale <= now => self.forget(lane_ix),
                _ => break,
            }
        }
    }

    /// When a pick could find something, blocks and shares considered; `now` if it could at once.
    pub(super) fn next_change(&self, now: TimestampMs) -> Option<TimestampMs> {
        if self.next_team(now).is_some() {
            return Some(now);
        }
        let unblocked = self.blocked.first().map(|&(until, _)| until);
        let alone = self.lone_team().map(|team| self.neighbours.gone(team));
        unblocked.into_iter().chain(alone).min()
    }

    /// Below its share first; a team at its share only when no other team is about.
    fn next_team(&self, now: TimestampMs) -> Option<TeamIx> {
        self.turns.first().or_else(|| {
            self.lone_team()
                .filter(|&team| self.neighbours.gone(team) <= now)
        })
    }

    /// The only team with something to claim, when it is at its share but not at the limit for a lone one.
    fn lone_team(&self) -> Option<TeamIx> {
        if !self.turns.is_empty() || self.at_share.len() > 1 {
            return None;
        }
        let team = *self.at_share.first()?;
        (self.teams[team].in_flight < self.limits.team_alone_max()).then_some(team)
    }

    /// Brings every set in line with the lane. To be called after each change of a
    /// lane's line, slots or pace: the sets must never tell an old story.
    pub(super) fn refresh(&mut self, lane_ix: LaneIx, now: TimestampMs) {
        let lane = &mut self.lanes[lane_ix];
        let team_ix = lane.team;
        let team = &mut self.teams[team_ix];
        let front = lane.ready.first_key_value().map(|(&(due, _), _)| due);
        relist(&mut self.fronts, lane_ix, &mut lane.front, front);
        let state = lane.state(now);
        let is_open = state == LaneState::Open;
        if is_open {
            team.turns.open(lane_ix, &mut lane.turn);
        } else {
            team.turns.close(lane_ix, &mut lane.turn);
        }
        self.lanes_open += u64::from(is_open && !lane.is_open);
        self.lanes_open -= u64::from(!is_open && lane.is_open);
        lane.is_open = is_open;
        self.windows += u64::from(lane.pace.window);
        self.windows -= u64::from(lane.counted_window);
        lane.counted_window = lane.pace.window;
        let until = match state {
            LaneState::Blocked(until) => Some(until),
            LaneState::Open | LaneState::Closed => None,
        };
        relist(&mut self.blocked, lane_ix, &mut lane.blocked, until);
        let is_parked = lane.pace.park().is_some();
        self.lanes_parked += u64::from(is_parked && !lane.is_parked);
        self.lanes_parked -= u64::from(!is_parked && lane.is_parked);
        lane.is_parked = is_parked;

        let has_open = !team.turns.is_empty();
        let is_below = team.in_flight < self.limits.team_max();
        if has_open && is_below {
            self.turns.open(team_ix, &mut team.turn);
        } else {
            self.turns.close(team_ix, &mut team.turn);
        }
        if has_open && !is_below {
            self.at_share.insert(team_ix);
        } else {
            self.at_share.remove(&team_ix);
        }
    }

    fn forget(&mut self, lane_ix: LaneIx) {
        let lane = self.lanes.remove(lane_ix);
        if let Some(stale) = lane.stale_at {
            self.idle.remove(&(stale, lane_ix));
        }
        self.lanes_parked -= u64::from(lane.is_parked);
        self.lanes_open -= u64::from(lane.is_open);
        self.lanes_known -= 1;
        self.windows -= u64::from(lane.counted_window);
        let team = &mut self.teams[lane.team];
        team.lanes.remove(&lane.origin);
        if team.lanes.is_empty() {
            self.neighbours.forget(lane.team);
            let team = self.teams.remove(lane.team);
            self.team_names.remove(&team.id);
        }
    }
}

/// Moves a lane within a set that is ordered by time, when its time changed.
fn relist(
    set: &mut BTreeSet<(TimestampMs, LaneIx)>,
    lane_ix: LaneIx,
    listed: &mut Option<TimestampMs>,
    wanted: Option<TimestampMs>,
) {
    if *listed == wanted {
        return;
    }
    if let Some(old) = *listed {
        set.remove(&(old, lane_ix));
    }
    if let Some(new) = wanted {
        set.insert((new, lane_ix));
    }
    *listed = wanted;
}
