//! A worker with so many slots, teams that offer load, and endpoints that answer
//! as told, all on virtual time: an hour passes in a blink and always the same way.

use crate::support::queue::{START, id};
use ringback::callback::{TaskKey, TimestampMs};
use ringback::queue::fair::{Fair, Limits};
use ringback::queue::{Claim, Entry, Next, Settlement, Signal};
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

/// How an endpoint answers a request that starts at this time.
pub(crate) type Endpoint = fn(TimestampMs) -> (u64, Signal);

/// Answers in 20 ms.
pub(crate) fn well(_: TimestampMs) -> (u64, Signal) {
    (20, Signal::Success)
}

/// Accepts and never answers.
pub(crate) fn hanging(_: TimestampMs) -> (u64, Signal) {
    (30_000, Signal::Overload)
}

/// What happened to one request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) team: String,
    /// From due to started.
    pub(crate) dwell_ms: u64,
    pub(crate) started: TimestampMs,
    pub(crate) ended: TimestampMs,
    pub(crate) signal: Signal,
}

pub(crate) struct Simulator {
    pub(crate) fair: Fair,
    pub(crate) now: TimestampMs,
    pub(crate) requests: Vec<Request>,
    slots_free: usize,
    endpoints: BTreeMap<String, Endpoint>,
    arrivals: BTreeMap<(TimestampMs, u128), Entry>,
    /// Ends of requests, soonest first, with their place in `requests`.
    ends: BinaryHeap<std::cmp::Reverse<(TimestampMs, usize)>>,
    claims: BTreeMap<usize, Claim>,
    pushed: u128,
}

impl Simulator {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            slots_free: limits.slots_total as usize,
            fair: Fair::new(limits, 7),
            now: START,
            requests: Vec::new(),
            endpoints: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            ends: BinaryHeap::new(),
            claims: BTreeMap::new(),
            pushed: 0,
        }
    }

    /// `count` callbacks from now on, one every `every_us` microseconds.
    pub(crate) fn offer(
        &mut self,
        team: &str,
        origin: &str,
        endpoint: Endpoint,
        count: u64,
        every_us: u64,
    ) {
        self.endpoints.insert(origin.to_owned(), endpoint);
        for number in 0..count {
            self.pushed += 1;
            let due = self.now + number * every_us / 1_000;
            let entry = Entry {
                id: id(self.pushed),
                team: Arc::from(team),
                origin: Arc::from(origin),
                task: TaskKey(self.pushed),
                due,
                latest_only: false,
                held: false,
            };
            self.arrivals.insert((due, self.pushed), entry);
        }
    }

    /// Runs until `end`, or until nothing can happen any more.
    pub(crate) fn run_until(&mut self, end: TimestampMs) {
        while self.now < end {
            self.arrive();
            self.start();
            let arrival = self.arrivals.keys().next().map(|&(due, _)| due);
            let answer = self.ends.peek().map(|ended| ended.0.0);
            // With no slot free, only an answer can help.
            let due = (self.slots_free > 0)
                .then(|| self.fair.next_due(self.now))
                .flatten();
            let Some(next) = [arrival, answer, due].into_iter().flatten().min() else {
                return;
            };
            self.now = next.max(self.now).min(end);
            self.finish();
        }
    }

    fn arrive(&mut self) {
        let later = self.arrivals.split_off(&(self.now + 1, 0));
        let due = std::mem::replace(&mut self.arrivals, later);
        self.fair.push(due.into_values().collect(), self.now);
    }

    fn start(&mut self) {
        let claimed = self.fair.claim(self.slots_free, self.now);
        assert!(
            claimed.poisoned.is_empty(),
            "the simulated worker never dies"
        );
        self.slots_free -= claimed.claims.len();
        for claim in claimed.claims {
            let (slot_ms, signal) = self.endpoints[&*claim.entry.origin](self.now);
            let number = self.requests.len();
            self.ends
                .push(std::cmp::Reverse((self.now + slot_ms, number)));
            self.requests.push(Request {
                team: claim.entry.team.to_string(),
                dwell_ms: self.now - claim.entry.due,
                started: self.now,
                ended: self.now + slot_ms,
                signal,
            });
            self.claims.insert(number, claim);
        }
    }

    fn finish(&mut self) {
        while let Some(&std::cmp::Reverse((ended, number))) = self.ends.peek()
            && ended <= self.now
        {
            self.ends.pop();
            self.slots_free += 1;
            let Request {
                started, signal, ..
            } = self.requests[number];
            let claim = self.claims.remove(&number).expect("a request ends once");
            self.fair
                .answered(&claim, signal, ended - started, self.now);
            let next = match signal {
                Signal::Success => Next::End,
                _ => Next::Retry {
                    due: self.now + 30_000,
                    lane_rests_until: None,
                },
            };
            let settlement = Settlement {
                claim,
                next,
                origin: None,
            };
            self.fair.settle(vec![settlement], self.now);
        }
    }

    /// The most requests under way at once of those that `which` names.
    pub(crate) fn in_flight_max(&self, which: impl Fn(&Request) -> bool) -> i64 {
        let mut changes: Vec<_> = self
            .requests
            .iter()
            .filter(|&r| which(r))
            .flat_map(|request| [(request.started, 1), (request.ended, -1)])
            .collect();
        changes.sort_unstable();
        let mut in_flight = 0;
        changes
            .into_iter()
            .map(|(_, change)| {
                in_flight += change;
                in_flight
            })
            .max()
            .unwrap_or(0)
    }

    /// The time from due to started that 99 % of those that `which` names stay below.
    pub(crate) fn dwell_p99_ms(&self, which: impl Fn(&Request) -> bool) -> u64 {
        let requests = self.requests.iter().filter(|&request| which(request));
        let mut dwells: Vec<_> = requests.map(|request| request.dwell_ms).collect();
        dwells.sort_unstable();
        dwells[dwells.len() * 99 / 100]
    }
}
