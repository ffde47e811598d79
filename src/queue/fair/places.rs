//! Moving entries between their places. `put` is the only way from one place to
//! another, so an entry is always in the index of its place and in no other.

use super::entry::{Place, Record};
use super::{EntryIx, Fair};
use crate::callback::{TaskKey, TimestampMs};
use crate::queue::{Depths, Entry, Origin};

impl Fair {
    /// A new entry in its lane and its task, not admitted yet.
    pub(super) fn insert(&mut self, entry: &Entry, now: TimestampMs) {
        let lane = self.shares.enter(&entry.team, &entry.origin);
        let at = self.records.insert(Record {
            id: entry.id,
            task: entry.task,
            due: entry.due,
            lane,
            place: Place::Waiting,
            abandoned: 0,
            latest_only: entry.latest_only,
        });
        self.depths.waiting += 1;
        self.ids.insert(entry.id, at);
        self.order.insert(at, &self.records);
        if entry.held {
            self.put(at, Place::Held, now);
        }
    }

    /// Takes an entry out for good, whatever its place, and lets its task go on.
    pub(super) fn take_out(&mut self, at: EntryIx, now: TimestampMs) -> Record {
        if let Place::Leased(lease) = self.records[at].place {
            self.unlease(at, lease, false, now);
        }
        self.put(at, Place::Waiting, now);
        self.depths.waiting -= 1;
        let record = self.records.remove(at);
        self.ids.remove(&record.id);
        let others_remain = self.order.remove(&record);
        self.shares.leave(record.lane, now);
        if others_remain {
            self.admit(record.task, now);
        }
        record
    }

    /// Lets the task's oldest entry go, if it waits and nothing of the task is under way.
    pub(super) fn admit(&mut self, task: TaskKey, now: TimestampMs) {
        if let Some(head) = self.order.head(task, &self.records)
            && self.records[head].place == Place::Waiting
        {
            let is_due = self.records[head].due <= now;
            let place = if is_due {
                Place::Ready
            } else {
                Place::Scheduled
            };
            self.put(head, place, now);
        }
    }

    /// Takes back what [`Self::admit`] did: an older entry may be about to come.
    pub(super) fn demote(&mut self, task: TaskKey, now: TimestampMs) {
        if let Some(head) = self.order.head(task, &self.records)
            && self.records[head].place != Place::Held
        {
            self.put(head, Place::Waiting, now);
        }
    }

    /// Ends a lease; the entry waits. With `refund` the claim never happened: nothing is charged.
    pub(super) fn unlease(&mut self, at: EntryIx, lease: u32, refund: bool, now: TimestampMs) {
        let lease = self.leases.remove(lease);
        self.lease_ends.remove(&(lease.expires, at));
        let record = &mut self.records[at];
        record.place = Place::Waiting;
        self.depths.leased -= 1;
        self.depths.waiting += 1;
        self.order.set_leased(record.task, None);
        if lease.in_flight {
            let lane = record.lane;
            let used_ms = if refund { 0 } else { lease.charge_ms };
            self.shares.free(lane, lease.charge_ms, used_ms, now);
        }
    }

    /// Takes back claims whose lease has ended. Returns those abandoned too often. One
    /// that a newer callback made superfluous goes once more: a claim cannot tell of it,
    /// its settling can.
    pub(super) fn expire(&mut self, now: TimestampMs) -> Vec<Entry> {
        let mut poisoned = Vec::new();
        while let Some(&(expires, at)) = self.lease_ends.first()
            && expires <= now
        {
            if let Place::Leased(lease) = self.records[at].place {
                self.unlease(at, lease, false, now);
            }
            let record = &mut self.records[at];
            record.abandoned += 1;
            if record.abandoned >= self.shares.limits.abandoned_max {
                poisoned.push(self.describe(at));
                self.take_out(at, now);
            } else {
                self.admit(self.records[at].task, now);
            }
        }
        poisoned
    }

    /// Lets go what has become due.
    pub(super) fn promote(&mut self, now: TimestampMs) {
        while let Some(&(due, at)) = self.schedule.first()
            && due <= now
        {
            self.put(at, Place::Ready, now);
        }
    }

    /// Moves an entry that is not leased to another lane of its team.
    pub(super) fn move_lane(&mut self, at: EntryIx, origin: &Origin, now: TimestampMs) {
        let old = self.records[at].lane;
        let team = self.shares.lanes[old].team;
        // Enter before leaving: a team without lanes would be forgotten.
        self.records[at].lane = self.shares.enter_lane(team, origin);
        self.shares.leave(old, now);
    }

    /// The entry as it was pushed.
    pub(super) fn describe(&self, at: EntryIx) -> Entry {
        let record = &self.records[at];
        let lane = &self.shares.lanes[record.lane];
        Entry {
            id: record.id,
            team: self.shares.teams[lane.team].id.clone(),
            origin: lane.origin.clone(),
            task: record.task,
            due: record.due,
            latest_only: record.latest_only,
            held: record.place == Place::Held,
        }
    }

    /// From one place that is not a lease to another.
    pub(super) fn put(&mut self, at: EntryIx, to: Place, now: TimestampMs) {
        let from = self.records[at].place;
        if from == to {
            return;
        }
        self.records[at].place = to;
        *count(&mut self.depths, from) -= 1;
        *count(&mut self.depths, to) += 1;
        let Record { id, due, lane, .. } = self.records[at];
        let team = self.shares.lanes[lane].team;
        match from {
            Place::Ready => self.shares.step_out(lane, due, id, now),
            Place::Scheduled => _ = self.schedule.remove(&(due, at)),
            Place::Held => _ = self.shares.teams[team].held.remove(&at),
            Place::Waiting | Place::Leased(_) => {}
        }
        match to {
            Place::Ready => self.shares.line_up(lane, due, id, at, now),
            Place::Scheduled => _ = self.schedule.insert((due, at)),
            Place::Held => _ = self.shares.teams[team].held.insert(at),
            Place::Waiting | Place::Leased(_) => {}
        }
    }
}

fn count(depths: &mut Depths, place: Place) -> &mut u64 {
    match place {
        Place::Ready => &mut depths.ready,
        Place::Scheduled => &mut depths.scheduled,
        Place::Waiting => &mut depths.waiting,
        Place::Held => &mut depths.held,
        Place::Leased(_) => &mut depths.leased,
    }
}
