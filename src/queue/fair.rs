//! PURE: the fair scheduler as a state machine. Every method takes the time, and
//! chance comes from a seed, so one seed and one history give one future. It must
//! never wait, read a clock or know who calls it.
//!
//! Two levels of start-time fair queueing choose what goes next: the team that has
//! used least slot time, then that team's lane that has. Each lane has a window
//! that grows and halves with its endpoint's answers and a breaker that parks it.

mod entry;
mod lane;
mod limits;
mod neighbours;
mod order;
mod pace;
mod places;
mod share;
mod slab;
mod turns;

pub use limits::Limits;

use crate::callback::retry::RETRY_AFTER_MS_MAX;
use crate::callback::{CallbackId, TeamId, TimestampMs};
use crate::queue::listing::{LOOKED_AT_MAX, ListedLane};
use crate::queue::{
    Claim, Claimed, Depths, Entry, LaneCounts, LaneView, Next, Origin, Settled, Settlement, Signal,
    Steer,
};
use entry::{Lease, Place, Record};
use order::Order;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use share::Shares;
use slab::Slab;
use std::collections::{BTreeSet, HashMap};

type EntryIx = u32;
type LaneIx = u32;
type TeamIx = u32;

/// What is due next, for all teams and lanes of one process.
pub struct Fair {
    records: Slab<Record>,
    ids: HashMap<CallbackId, EntryIx>,
    order: Order,
    shares: Shares,
    leases: Slab<Lease>,
    /// Claimed entries by the end of their lease.
    lease_ends: BTreeSet<(TimestampMs, EntryIx)>,
    /// Entries due later.
    schedule: BTreeSet<(TimestampMs, EntryIx)>,
    /// Entries by place.
    depths: Depths,
    chance: StdRng,
}

impl Fair {
    /// An empty scheduler. The seed decides lease tokens and the jitter of parks.
    #[must_use]
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            records: Slab::new(),
            ids: HashMap::new(),
            order: Order::new(),
            shares: Shares::new(limits),
            leases: Slab::new(),
            lease_ends: BTreeSet::new(),
            schedule: BTreeSet::new(),
            depths: Depths::default(),
            chance: StdRng::seed_from_u64(seed),
        }
    }

    /// See [`crate::queue::Queue::push`]. An entry that wants to make way is returned
    /// itself when a newer one of its task is already here.
    pub fn push(&mut self, entries: Vec<Entry>, now: TimestampMs) -> Vec<CallbackId> {
        let mut superseded = Vec::new();
        for entry in entries {
            self.push_one(&entry, &mut superseded, now);
        }
        superseded
    }

    /// See [`crate::queue::Queue::claim`]. Leases that have ended are taken back first.
    pub fn claim(&mut self, max: usize, now: TimestampMs) -> Claimed {
        let poisoned = self.expire(now);
        self.promote(now);
        self.shares.wake(now);
        self.shares.sweep(now);
        let mut claims = Vec::new();
        while claims.len() < max
            && let Some(pick) = self.shares.pick(now)
        {
            claims.push(self.lease(pick.entry, pick.charge_ms, now));
        }
        Claimed { claims, poisoned }
    }

    /// See [`crate::queue::Queue::answered`]. Slot time beyond the lease is not believed.
    pub fn answered(&mut self, claim: &Claim, signal: Signal, slot_ms: u64, now: TimestampMs) {
        let Some((entry, lease_ix)) = self.current(claim) else {
            return;
        };
        if !self.leases[lease_ix].in_flight {
            return;
        }
        self.leases[lease_ix].in_flight = false;
        let charged_ms = self.leases[lease_ix].charge_ms;
        let lane = self.records[entry].lane;
        let limits = &self.shares.limits;
        let slot_ms = slot_ms.clamp(1, limits.lease_ms.max(1));
        let pace = &mut self.shares.lanes[lane].pace;
        pace.learn(signal, slot_ms, limits, now, &mut self.chance);
        self.shares.free(lane, charged_ms, slot_ms, now);
    }

    /// See [`crate::queue::Queue::settle`].
    pub fn settle(&mut self, settlements: Vec<Settlement>, now: TimestampMs) -> Vec<Settled> {
        settlements
            .into_iter()
            .map(|settlement| self.settle_one(&settlement, now))
            .collect()
    }

    /// See [`crate::queue::Queue::release`].
    pub fn release(&mut self, team: &TeamId, now: TimestampMs) -> u64 {
        let Some(team) = self.shares.team(team) else {
            return 0;
        };
        let held = std::mem::take(&mut self.shares.teams[team].held);
        for &entry in &held {
            self.records[entry].due = now;
            self.put(entry, Place::Waiting, now);
            self.admit(self.records[entry].task, now);
        }
        held.len() as u64
    }

    /// See [`crate::queue::Queue::remove`].
    pub fn remove(&mut self, ids: &[CallbackId], now: TimestampMs) {
        for id in ids {
            if let Some(&entry) = self.ids.get(id) {
                self.take_out(entry, now);
            }
        }
    }

    /// See [`crate::queue::Queue::steer`].
    pub fn steer(
        &mut self,
        team: &TeamId,
        origin: &Origin,
        steer: Steer,
        now: TimestampMs,
    ) -> bool {
        let is_known = self.shares.lane(team, origin).is_some();
        if !is_known && !matches!(steer, Steer::Limit(Some(_))) {
            return false;
        }
        // As if it had one entry more meanwhile: what remains of it is for `leave` to say.
        let lane = self.shares.enter(team, origin);
        let (limits, pace) = self.shares.pace(lane);
        match steer {
            // It starts slowly, as after a probe that went well: whoever says it is well
            // again may be wrong.
            Steer::Resume => {
                pace.rests_until = None;
                if pace.park().is_some() {
                    pace.reopen();
                }
            }
            Steer::Park { until } => pace.park_until(until, limits),
            Steer::Limit(limit) => pace.set_limit(limit),
        }
        self.shares.refresh(lane, now);
        self.shares.leave(lane, now);
        true
    }

    /// See [`crate::queue::Queue::lane`].
    pub fn lane(&mut self, team: &TeamId, origin: &Origin, now: TimestampMs) -> Option<LaneView> {
        self.promote(now);
        let lane = &self.shares.lanes[self.shares.lane(team, origin)?];
        (lane.entries > 0).then(|| lane.view(now))
    }

    /// See [`crate::queue::Queue::list_lanes`].
    pub fn list_lanes(&mut self, team: Option<&TeamId>, now: TimestampMs) -> Vec<ListedLane> {
        self.promote(now);
        let teams = match team {
            Some(team) => self.shares.team(team).into_iter().collect(),
            None => self.shares.all_teams(),
        };
        let lanes = teams.into_iter().flat_map(|team| {
            let team = &self.shares.teams[team];
            team.lanes.values().map(|&lane| (&team.id, lane))
        });
        lanes
            .take(LOOKED_AT_MAX)
            .map(|(team, lane)| (team, &self.shares.lanes[lane]))
            .filter(|(_, lane)| lane.entries > 0)
            .map(|(team, lane)| ListedLane {
                team: team.clone(),
                origin: lane.origin.clone(),
                lane: lane.view(now),
            })
            .collect()
    }

    /// See [`crate::queue::Queue::team_depth`].
    #[must_use]
    pub fn team_depth(&self, team: &TeamId) -> u64 {
        let team = self.shares.team(team);
        team.map_or(0, |team| self.shares.teams[team].entries)
    }

    /// See [`crate::queue::Queue::depths`]. A lane counts as parked until its probe went well.
    pub fn depths(&mut self, now: TimestampMs) -> Depths {
        self.promote(now);
        Depths {
            lanes_parked: self.shares.lanes_parked,
            oldest_due: self.shares.oldest_due(),
            ..self.depths
        }
    }

    /// See [`crate::queue::Queue::lanes`].
    pub fn lanes(&mut self, now: TimestampMs) -> LaneCounts {
        self.promote(now);
        self.shares.wake(now);
        self.shares.counts()
    }

    /// See [`crate::queue::Queue::next_due`]; `now` or earlier when a claim would find
    /// something, or take back a lease, at once.
    pub fn next_due(&mut self, now: TimestampMs) -> Option<TimestampMs> {
        self.promote(now);
        self.shares.wake(now);
        let due = self.schedule.first().map(|&(due, _)| due);
        let lease_end = self.lease_ends.first().map(|&(expires, _)| expires);
        let change = self.shares.next_change(now);
        due.into_iter().chain(lease_end).chain(change).min()
    }

    fn push_one(&mut self, entry: &Entry, superseded: &mut Vec<CallbackId>, now: TimestampMs) {
        if self.ids.contains_key(&entry.id) {
            return;
        }
        let task = entry.task;
        if entry.latest_only && self.order.has_newer(task, entry.id, &self.records) {
            superseded.push(entry.id);
            return;
        }
        let is_first = !self.order.has_any(task);
        if !is_first {
            for older in self.order.superfluous(task, entry.id, &self.records) {
                superseded.push(self.records[older].id);
                self.take_out(older, now);
            }
            self.demote(task, now);
        }
        self.insert(entry, now);
        self.admit(task, now);
    }

    fn settle_one(&mut self, settlement: &Settlement, now: TimestampMs) -> Settled {
        let id = settlement.claim.entry.id;
        let Some((entry, lease_ix)) = self.current(&settlement.claim) else {
            return Settled::LeaseLost(id);
        };
        let is_return = settlement.next == Next::Return;
        self.unlease(entry, lease_ix, is_return, now);
        if settlement.next == Next::End {
            self.take_out(entry, now);
            return Settled::Done;
        }
        if let Some(origin) = &settlement.origin {
            self.move_lane(entry, origin, now);
        }
        if let Next::Retry {
            due,
            lane_rests_until,
        } = settlement.next
        {
            let record = &mut self.records[entry];
            record.due = due;
            // It can be attempted without harm to the worker, so it is no poison.
            record.abandoned = 0;
            if let Some(until) = lane_rests_until {
                self.rest(self.records[entry].lane, until, now);
            }
        }
        let Record {
            task, latest_only, ..
        } = self.records[entry];
        if latest_only && self.order.has_newer(task, id, &self.records) {
            self.take_out(entry, now);
            return Settled::Superseded(id);
        }
        if settlement.next == Next::Hold {
            self.put(entry, Place::Held, now);
        }
        self.admit(task, now);
        Settled::Done
    }

    /// The whole lane pauses, as the receiver asked; never longer than it may ask for.
    fn rest(&mut self, lane: LaneIx, until: TimestampMs, now: TimestampMs) {
        let until = until.min(now.saturating_add(RETRY_AFTER_MS_MAX));
        if until > now {
            let pace = &mut self.shares.lanes[lane].pace;
            pace.rests_until = pace.rests_until.max(Some(until));
            self.shares.refresh(lane, now);
        }
    }

    /// The entry and lease of a claim that is still the current one.
    fn current(&self, claim: &Claim) -> Option<(EntryIx, u32)> {
        let entry = *self.ids.get(&claim.entry.id)?;
        match self.records[entry].place {
            Place::Leased(lease) if self.leases[lease].token == claim.token => Some((entry, lease)),
            _ => None,
        }
    }

    fn lease(&mut self, entry: EntryIx, charge_ms: u64, now: TimestampMs) -> Claim {
        let token = self.chance.random();
        let expires = now.saturating_add(self.shares.limits.lease_ms);
        let lease = self.leases.insert(Lease {
            token,
            expires,
            charge_ms,
            in_flight: true,
        });
        self.lease_ends.insert((expires, entry));
        let record = &mut self.records[entry];
        record.place = Place::Leased(lease);
        self.depths.ready -= 1;
        self.depths.leased += 1;
        self.order.set_leased(record.task, Some(entry));
        Claim {
            entry: self.describe(entry),
            token,
            expires,
        }
    }
}
