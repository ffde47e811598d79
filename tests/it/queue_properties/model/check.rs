//! What can be read of the queue, compared with what the model says.

use super::{Eye, Model};
use ringback::callback::TimestampMs;
use ringback::queue::Depths;

impl Model {
    /// Everything that can be read of the queue must be as the model says.
    pub(crate) fn check(&self, queue: &impl Eye, now: TimestampMs) {
        assert_eq!(
            self.entered,
            self.rows.len() as u64 + self.left.len() as u64
        );
        assert_eq!(queue.depths(), self.depths(now));
        for (team, origin) in self.lanes.keys() {
            let lane = &self.lanes[&(team.clone(), origin.clone())];
            let mut entries = self.rows.values().map(|row| &row.entry);
            let has_any = entries.any(|entry| (&entry.team, &entry.origin) == (team, origin));
            let seen = queue.lane(team, origin);
            assert_eq!(seen.is_some(), has_any);
            if let Some(seen) = seen {
                assert_eq!(seen.in_flight, self.in_flight(team, Some(origin)));
                assert_eq!(seen.window, lane.window);
                assert_eq!(seen.parked_until, lane.park.as_ref().map(|park| park.until));
                let rests_until = Some(lane.rests_until).filter(|&until| until > now);
                assert_eq!(seen.rests_until, rests_until);
                assert!(seen.in_flight <= self.limits.lane_max());
            }
            let depth = self
                .rows
                .values()
                .filter(|row| row.entry.team == *team)
                .count();
            assert_eq!(queue.team_depth(team), depth as u64);
            assert!(self.in_flight(team, None) <= self.limits.team_alone_max());
        }
        self.check_next_due(queue.next_due(), now);
    }

    /// The queue may be looked at too early once, never too late, and never for ever.
    fn check_next_due(&self, next: Option<TimestampMs>, now: TimestampMs) {
        let lease_end = self
            .rows
            .values()
            .filter_map(|row| Some(row.lease.as_ref()?.expires))
            .min();
        let is_worth_it_now =
            self.claimable(now).is_some() || lease_end.is_some_and(|end| end <= now);
        assert_eq!(
            next.is_some_and(|next| next <= now),
            is_worth_it_now,
            "{next:?} at {now}"
        );
        if is_worth_it_now {
            return;
        }
        let dues = self.rows.values().map(|row| row.entry.due);
        let parks = self
            .lanes
            .values()
            .filter_map(|lane| Some(lane.park.as_ref()?.until));
        let rests = self.lanes.values().map(|lane| lane.rests_until);
        let gone = self
            .claimed_at
            .values()
            .map(|at| at + self.limits.neighbour_ms);
        let mut times: Vec<_> = dues
            .chain(parks)
            .chain(rests)
            .chain(gone)
            .filter(|&time| time > now)
            .collect();
        times.sort_unstable();
        let claimable = times
            .into_iter()
            .find(|&time| self.claimable(time).is_some());
        if let Some(latest) = claimable.into_iter().chain(lease_end).min() {
            assert!(
                next.is_some_and(|next| next <= latest),
                "{next:?} sleeps past {latest}"
            );
        }
    }

    fn depths(&self, now: TimestampMs) -> Depths {
        let parked = self.lanes.values().filter(|lane| lane.park.is_some());
        let mut depths = Depths {
            lanes_parked: parked.count() as u64,
            ..Depths::default()
        };
        for row in self.rows.values() {
            let place = if row.lease.is_some() {
                &mut depths.leased
            } else if row.entry.held {
                &mut depths.held
            } else if !self.is_head(row) {
                &mut depths.waiting
            } else if row.entry.due > now {
                &mut depths.scheduled
            } else {
                let oldest = depths.oldest_due.unwrap_or(row.entry.due);
                depths.oldest_due = Some(oldest.min(row.entry.due));
                &mut depths.ready
            };
            *place += 1;
        }
        depths
    }
}
