//! A lane and a team as the scheduler stores them. What they may do is decided
//! in `pace` and `share`; here is only what they are.

use super::limits::Limits;
use super::pace::Pace;
use super::turns::{Turn, Turns};
use super::{EntryIx, LaneIx, TeamIx};
use crate::callback::{CallbackId, TeamId, TimestampMs};
use crate::queue::{LaneView, Origin};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(super) struct Lane {
    pub(super) team: TeamIx,
    pub(super) origin: Origin,
    /// Entries of this lane, whatever their place.
    pub(super) entries: u64,
    pub(super) in_flight: u32,
    /// The line of what is due: oldest due time first, then as accepted.
    pub(super) ready: BTreeMap<(TimestampMs, CallbackId), EntryIx>,
    pub(super) pace: Pace,
    pub(super) turn: Turn,
    /// As listed in the sets of `Shares`, so that they can be brought in line.
    pub(super) front: Option<TimestampMs>,
    pub(super) blocked: Option<TimestampMs>,
    pub(super) stale_at: Option<TimestampMs>,
    pub(super) is_parked: bool,
    /// As counted in `Shares`.
    pub(super) is_open: bool,
    pub(super) counted_window: u32,
}

pub(super) struct Team {
    pub(super) id: TeamId,
    pub(super) lanes: HashMap<Origin, LaneIx>,
    /// Entries of all its lanes, whatever their place.
    pub(super) entries: u64,
    pub(super) in_flight: u32,
    /// The order among its lanes that may go.
    pub(super) turns: Turns,
    /// Its place in the order among teams.
    pub(super) turn: Turn,
    pub(super) held: BTreeSet<EntryIx>,
}

/// Whether a lane may go now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LaneState {
    Open,
    /// Could go but for a park or a rest that ends then.
    Blocked(TimestampMs),
    /// Nothing ready or no room: time alone will not open it.
    Closed,
}

impl Lane {
    pub(super) fn new(team: TeamIx, origin: Origin, limits: &Limits) -> Self {
        Self {
            team,
            origin,
            entries: 0,
            in_flight: 0,
            ready: BTreeMap::new(),
            is_open: false,
            counted_window: 0,
            pace: Pace::new(limits),
            turn: Turn::default(),
            front: None,
            blocked: None,
            stale_at: None,
            is_parked: false,
        }
    }

    pub(super) fn view(&self, now: TimestampMs) -> LaneView {
        let ready = self.ready.len() as u64;
        LaneView {
            window: self.pace.window,
            in_flight: self.in_flight,
            ready,
            parked_until: self.pace.park().map(|park| park.until),
            rests_until: self.pace.rests_until.filter(|&until| until > now),
            limit: self.pace.limit(),
            drained_in_ms: self.pace.drained_in_ms(ready, now),
        }
    }

    pub(super) fn state(&self, now: TimestampMs) -> LaneState {
        if self.ready.is_empty() || !self.pace.has_room(self.in_flight) {
            return LaneState::Closed;
        }
        self.pace
            .blocked_until(now)
            .map_or(LaneState::Open, LaneState::Blocked)
    }
}

impl Team {
    pub(super) fn new(id: TeamId) -> Self {
        Self {
            id,
            lanes: HashMap::new(),
            entries: 0,
            in_flight: 0,
            turns: Turns::new(),
            turn: Turn::default(),
            held: BTreeSet::new(),
        }
    }
}
