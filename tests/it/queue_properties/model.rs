//! The rules of the queue, the slow and obvious way: every question is answered
//! by looking at every entry. Shares no code with any adapter.

mod check; // everything that can be read, compared
mod lane; // windows and breakers

use lane::{Lane, Park};
use ringback::callback::{CallbackId, TeamId, TimestampMs};
use ringback::queue::fair::Limits;
use ringback::queue::{Claim, Depths, Entry, LaneView, Next, Origin, Settled, Signal, Steer};
use std::collections::BTreeMap;

/// What the model reads of a queue.
pub(crate) trait Eye {
    fn depths(&self) -> Depths;
    fn lane(&self, team: &TeamId, origin: &Origin) -> Option<LaneView>;
    fn team_depth(&self, team: &TeamId) -> u64;
    fn next_due(&self) -> Option<TimestampMs>;
}

/// How an entry left. It can leave once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    Ended,
    Removed,
    Poisoned,
    Superseded,
}

struct Row {
    entry: Entry,
    lease: Option<Lease>,
    abandoned: u32,
}

struct Lease {
    token: u64,
    expires: TimestampMs,
    in_flight: bool,
}

type LaneName = (TeamId, Origin);

pub(crate) struct Model {
    limits: Limits,
    rows: BTreeMap<CallbackId, Row>,
    lanes: BTreeMap<LaneName, Lane>,
    claimed_at: BTreeMap<TeamId, TimestampMs>,
    /// In, and out again by which way.
    entered: u64,
    left: Vec<Leaving>,
}

impl Model {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            rows: BTreeMap::new(),
            lanes: BTreeMap::new(),
            claimed_at: BTreeMap::new(),
            entered: 0,
            left: Vec::new(),
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.rows.len()
    }

    /// Returns the superseded, newest first, as nothing orders them but that.
    pub(crate) fn push(&mut self, entry: Entry) -> Vec<CallbackId> {
        if self.rows.contains_key(&entry.id) {
            return Vec::new();
        }
        self.entered += 1;
        if entry.latest_only && self.has_newer(&entry) {
            self.left.push(Leaving::Superseded);
            return vec![entry.id];
        }
        let makes_way = |row: &&Row| {
            row.entry.task == entry.task
                && row.entry.id < entry.id
                && row.entry.latest_only
                && row.lease.is_none()
        };
        let rows = self.rows.values().rev().filter(makes_way);
        let superseded: Vec<_> = rows.map(|row| row.entry.id).collect();
        for &id in &superseded {
            self.leave(id, Leaving::Superseded);
        }
        self.lane_mut(&name(&entry));
        let row = Row {
            entry,
            lease: None,
            abandoned: 0,
        };
        self.rows.insert(row.entry.id, row);
        superseded
    }

    /// Takes back what has expired. Returns the poisoned.
    pub(crate) fn expire(&mut self, now: TimestampMs) -> Vec<CallbackId> {
        let expired = self.rows.values().filter_map(|row| {
            let lease = row.lease.as_ref()?;
            (lease.expires <= now).then_some((lease.expires, row.entry.id))
        });
        let mut poisoned = Vec::new();
        for (_, id) in expired.collect::<std::collections::BTreeSet<_>>() {
            self.free(id);
            let row = self.rows.get_mut(&id).expect("it was just there");
            row.lease = None;
            row.abandoned += 1;
            if row.abandoned >= self.limits.abandoned_max {
                self.leave(id, Leaving::Poisoned);
                poisoned.push(id);
            }
        }
        poisoned.sort_unstable();
        poisoned
    }

    /// Takes in a claim, which must be allowed.
    pub(crate) fn claim(&mut self, claim: &Claim, now: TimestampMs) {
        let id = claim.entry.id;
        let row = self.rows.get(&id).expect("what is claimed is there");
        assert_eq!(row.entry, claim.entry, "the claim shows what was pushed");
        assert!(self.may_go(row, now), "not allowed: {:?}", claim.entry);
        assert!(
            self.team_may(&row.entry.team, now),
            "{:?} has its share",
            row.entry.team
        );
        self.claimed_at.insert(claim.entry.team.clone(), now);
        let row = self.rows.get_mut(&id).expect("it was just there");
        row.lease = Some(Lease {
            token: claim.token,
            expires: claim.expires,
            in_flight: true,
        });
        assert_eq!(claim.expires, now + self.limits.lease_ms);
        if let Some(park) = &mut self.lane_mut(&name(&claim.entry)).park {
            park.is_probing = true;
        }
    }

    /// Something that could be claimed now.
    pub(crate) fn claimable(&self, now: TimestampMs) -> Option<&Entry> {
        let mut rows = self.rows.values();
        let row = rows.find(|row| self.may_go(row, now) && self.team_may(&row.entry.team, now));
        row.map(|row| &row.entry)
    }

    pub(crate) fn answered(
        &mut self,
        claim: &Claim,
        signal: Signal,
        queue: &impl Eye,
        now: TimestampMs,
    ) {
        let id = claim.entry.id;
        if !self.is_current(claim) || !self.lease(id).is_some_and(|lease| lease.in_flight) {
            return;
        }
        let lane_name = name(&self.rows[&id].entry);
        let limits = self.limits.clone();
        let seen = queue.lane(&lane_name.0, &lane_name.1);
        let seen = seen.expect("a lane with a claim is shown");
        let lane = self.lane_mut(&lane_name);
        if let Some(park_ms) = lane.learn(signal, &limits) {
            let until = seen.parked_until.expect("the breaker opens");
            let parked_ms = until - now;
            assert!((park_ms * 8 / 10..=park_ms * 12 / 10).contains(&parked_ms));
            lane.window = 1;
            lane.park = Some(Park {
                until,
                ms: park_ms,
                is_probing: false,
            });
        }
        if let Some(lease) = self.rows.get_mut(&id).and_then(|row| row.lease.as_mut()) {
            lease.in_flight = false;
        }
    }

    pub(crate) fn settle(
        &mut self,
        claim: &Claim,
        next: Next,
        origin: Option<&Origin>,
        now: TimestampMs,
    ) -> Settled {
        let id = claim.entry.id;
        if !self.is_current(claim) {
            return Settled::LeaseLost(id);
        }
        self.free(id);
        if next == Next::End {
            self.leave(id, Leaving::Ended);
            return Settled::Done;
        }
        let row = self
            .rows
            .get_mut(&id)
            .expect("a current claim is of something");
        row.lease = None;
        if let Some(origin) = origin {
            row.entry.origin = origin.clone();
        }
        row.entry.held = next == Next::Hold;
        let entry = row.entry.clone();
        if let Next::Retry {
            due,
            lane_rests_until,
        } = next
        {
            row.entry.due = due;
            row.abandoned = 0;
            let rest = lane_rests_until.unwrap_or(0).min(now + 3_600_000);
            let lane = self.lane_mut(&name(&entry));
            lane.rests_until = lane.rests_until.max(rest);
        }
        self.lane_mut(&name(&entry));
        if entry.latest_only && self.has_newer(&entry) {
            self.leave(id, Leaving::Superseded);
            return Settled::Superseded(id);
        }
        Settled::Done
    }

    pub(crate) fn release(&mut self, team: &TeamId, now: TimestampMs) -> u64 {
        let held = self
            .rows
            .values_mut()
            .filter(|row| row.entry.held && row.entry.team == *team);
        held.map(|row| {
            row.entry.held = false;
            row.entry.due = now;
        })
        .count() as u64
    }

    /// The queue says whether it knows the lane; it must when there is something in it.
    pub(crate) fn steer(&mut self, team: &TeamId, origin: &Origin, steer: Steer, is_known: bool) {
        let of_lane = |entry: &Entry| entry.team == *team && entry.origin == *origin;
        assert!(is_known || !self.rows.values().any(|row| of_lane(&row.entry)));
        if !is_known {
            return;
        }
        let park_ms = self.limits.park_ms_first;
        let lane = self.lane_mut(&(team.clone(), origin.clone()));
        match steer {
            Steer::Resume => {
                lane.rests_until = 0;
                if lane.park.take().is_some() {
                    lane.forget_failures();
                }
            }
            Steer::Park { until } => {
                lane.window = 1;
                lane.park = Some(Park {
                    until,
                    ms: park_ms,
                    is_probing: false,
                });
            }
            Steer::Limit(limit) => {
                lane.limit = limit;
                lane.window = lane.window.min(limit.unwrap_or(u32::MAX));
            }
        }
    }

    pub(crate) fn leave(&mut self, id: CallbackId, how: Leaving) {
        if self.rows.contains_key(&id) {
            self.free(id);
            self.rows.remove(&id);
            self.left.push(how);
        }
    }

    fn is_head(&self, row: &Row) -> bool {
        let mut others = self
            .rows
            .values()
            .filter(|other| other.entry.task == row.entry.task);
        others.all(|other| other.entry.id >= row.entry.id && other.lease.is_none())
    }

    fn has_newer(&self, entry: &Entry) -> bool {
        let mut others = self.rows.values();
        others.any(|other| other.entry.task == entry.task && other.entry.id > entry.id)
    }

    /// All rules but the team's share.
    fn may_go(&self, row: &Row, now: TimestampMs) -> bool {
        let lane = &self.lanes[&name(&row.entry)];
        let park_ends = lane.park.as_ref().map_or(0, |park| park.until);
        !row.entry.held
            && row.lease.is_none()
            && row.entry.due <= now
            && self.is_head(row)
            && lane.rests_until <= now
            && park_ends <= now
            && self.in_flight(&row.entry.team, Some(&row.entry.origin)) < lane.window
    }

    fn team_may(&self, team: &TeamId, now: TimestampMs) -> bool {
        let in_flight = self.in_flight(team, None);
        let is_about = |at: &TimestampMs| at + self.limits.neighbour_ms > now;
        let mut claimed = self.claimed_at.iter();
        let mut rows = self.rows.values();
        let is_alone = !claimed.any(|(other, at)| other != team && is_about(at))
            && !rows.any(|row| row.entry.team != *team && self.may_go(row, now));
        in_flight
            < if is_alone {
                self.limits.team_alone_max()
            } else {
                self.limits.team_max()
            }
    }

    fn in_flight(&self, team: &TeamId, origin: Option<&Origin>) -> u32 {
        let rows = self.rows.values().filter(|row| {
            row.entry.team == *team
                && origin.is_none_or(|origin| row.entry.origin == *origin)
                && row.lease.as_ref().is_some_and(|lease| lease.in_flight)
        });
        u32::try_from(rows.count()).expect("a handful")
    }

    fn lease(&self, id: CallbackId) -> Option<&Lease> {
        self.rows.get(&id)?.lease.as_ref()
    }

    fn is_current(&self, claim: &Claim) -> bool {
        self.lease(claim.entry.id)
            .is_some_and(|lease| lease.token == claim.token)
    }

    fn lane_mut(&mut self, lane: &LaneName) -> &mut Lane {
        let window = self.limits.window_start;
        self.lanes.entry(lane.clone()).or_insert_with(|| Lane {
            window,
            limit: None,
            successes: 0,
            failed: Vec::new(),
            park: None,
            rests_until: 0,
        })
    }

    /// Frees a slot that was not answered; an unanswered probe makes room for another.
    fn free(&mut self, id: CallbackId) {
        let Some(row) = self.rows.get_mut(&id) else {
            return;
        };
        let Some(lease) = row.lease.as_mut().filter(|lease| lease.in_flight) else {
            return;
        };
        lease.in_flight = false;
        let lane = name(&row.entry);
        if let Some(park) = &mut self.lane_mut(&lane).park {
            park.is_probing = false;
        }
    }
}

fn name(entry: &Entry) -> LaneName {
    (entry.team.clone(), entry.origin.clone())
}
