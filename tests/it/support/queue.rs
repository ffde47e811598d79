//! A queue under test with a clock that stands, and short words for its calls.

#![expect(clippy::unwrap_used, reason = "a call that fails fails the test")]

use crate::support::redis::Redis;
use ringback::callback::{CallbackId, TaskKey, TeamId, TimestampMs};
use ringback::clock::Clock;
use ringback::metrics::Metrics;
use ringback::queue::fair::Limits;
use ringback::queue::memory::MemoryQueue;
use ringback::queue::redis::{RedisQueue, RedisSettings};
use ringback::queue::{
    Claim, Depths, Entry, LaneCounts, LaneView, Next, Queue, Settled, Settlement, Signal, Steer,
};
use std::sync::Arc;
use uuid::Uuid;

/// When every test begins. Not 0, so that "earlier" exists.
pub(crate) const START: TimestampMs = 1_700_000_000_000;

/// One adapter, opened empty and whole.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) clock: Clock,
    /// What the adapter keeps beside its entries is checked, too.
    checked: Option<Arc<RedisQueue>>,
    _server: Option<Redis>,
}

/// Every adapter: a new one is one more line.
pub(crate) async fn subjects(limits: Limits) -> Vec<Subject> {
    vec![
        memory(limits.clone()).await,   // the embedded default
        redis(limits.clone(), 1).await, // of many processes
    ]
}

#[expect(
    clippy::unused_async,
    reason = "as adapters behind a network are opened"
)]
async fn memory(limits: Limits) -> Subject {
    let clock = Clock::standing(START);
    Subject {
        name: "memory",
        queue: Arc::new(MemoryQueue::new(limits, clock.clone(), 7)),
        clock,
        checked: None,
        _server: None,
    }
}

/// On a server of its own.
pub(crate) async fn redis(limits: Limits, shards: usize) -> Subject {
    let server = Redis::start();
    let clock = Clock::standing(START);
    let settings = redis_settings(server.url(), limits, shards);
    let queue = Arc::new(RedisQueue::open(settings, clock.clone()).await.unwrap());
    let rebuild = queue.begin_rebuild().await.unwrap().unwrap();
    assert!(queue.end_rebuild(rebuild).await.unwrap());
    Subject {
        name: "redis",
        queue: queue.clone(),
        clock,
        checked: Some(queue),
        _server: Some(server),
    }
}

/// Of a process that claims.
pub(crate) fn redis_settings(url: String, limits: Limits, shards: usize) -> RedisSettings {
    RedisSettings {
        url,
        tls_ca_file: None,
        prefix: "ringback".to_owned(),
        shards,
        slots: Some(limits.slots_total),
        limits,
        metrics: Metrics::new(),
    }
}

pub(crate) fn id(number: u128) -> CallbackId {
    CallbackId(Uuid::from_u128(number))
}

pub(crate) fn team(name: &str) -> TeamId {
    Arc::from(name)
}

/// A due entry of team `acme` to one origin, alone in its task.
pub(crate) fn entry(number: u128) -> Entry {
    Entry {
        id: id(number),
        team: team("acme"),
        origin: Arc::from("https://acme.test"),
        task: TaskKey(number),
        due: START,
        latest_only: false,
        held: false,
    }
}

/// As [`entry`], one of the callbacks of one task.
pub(crate) fn of_task(number: u128) -> Entry {
    Entry {
        task: TaskKey(1),
        ..entry(number)
    }
}

/// As [`of_task`], making way for newer ones.
pub(crate) fn latest(number: u128) -> Entry {
    Entry {
        latest_only: true,
        ..of_task(number)
    }
}

pub(crate) fn to_team(name: &str, mut entry: Entry) -> Entry {
    entry.team = team(name);
    entry.origin = Arc::from(format!("https://{name}.test"));
    entry
}

pub(crate) fn to_origin(origin: &str, entry: Entry) -> Entry {
    Entry {
        origin: Arc::from(origin),
        ..entry
    }
}

pub(crate) fn numbers(claims: &[Claim]) -> Vec<u128> {
    claims
        .iter()
        .map(|claim| claim.entry.id.0.as_u128())
        .collect()
}

pub(crate) fn retry_at(due: TimestampMs) -> Next {
    Next::Retry {
        due,
        lane_rests_until: None,
    }
}

impl Subject {
    /// What is kept must be what is there.
    pub(crate) async fn check(&self) {
        if let Some(queue) = &self.checked {
            assert_eq!(queue.check(false).await.unwrap(), [""; 0]);
        }
    }

    pub(crate) fn now(&self) -> TimestampMs {
        self.clock.now()
    }

    pub(crate) async fn push(&self, entries: impl IntoIterator<Item = Entry>) -> Vec<CallbackId> {
        self.queue
            .push(entries.into_iter().collect())
            .await
            .unwrap()
    }

    /// Claims and expects no poison.
    pub(crate) async fn claim(&self, max: usize) -> Vec<Claim> {
        let claimed = self.queue.claim(max).await.unwrap();
        assert_eq!(claimed.poisoned, [], "on {}", self.name);
        claimed.claims
    }

    pub(crate) async fn claim_one(&self) -> Claim {
        self.claim(1).await.pop().expect("something is claimable")
    }

    pub(crate) async fn claim_numbers(&self, max: usize) -> Vec<u128> {
        numbers(&self.claim(max).await)
    }

    pub(crate) async fn settle(&self, claim: Claim, next: Next) -> Settled {
        self.settle_to(claim, next, None).await
    }

    pub(crate) async fn settle_to(
        &self,
        claim: Claim,
        next: Next,
        origin: Option<&str>,
    ) -> Settled {
        let settlement = Settlement {
            claim,
            next,
            origin: origin.map(Arc::from),
        };
        self.queue.settle(vec![settlement]).await.unwrap()[0]
    }

    pub(crate) async fn answered(&self, claim: &Claim, signal: Signal) {
        self.queue.answered(claim, signal, 100).await.unwrap();
    }

    /// Answered and ended.
    pub(crate) async fn finish(&self, claim: Claim, signal: Signal) {
        self.answered(&claim, signal).await;
        self.settle(claim, Next::End).await;
    }

    /// Claims, answers and ends one after the other. Returns how many there were.
    pub(crate) async fn finish_each(&self, max: usize, signal: Signal) -> usize {
        for done in 0..max {
            match self.claim(1).await.pop() {
                Some(claim) => self.finish(claim, signal).await,
                None => return done,
            }
        }
        max
    }

    /// The lane of [`entry`].
    pub(crate) async fn lane(&self) -> LaneView {
        let entry = entry(0);
        let lane = self.queue.lane(&entry.team, &entry.origin).await.unwrap();
        lane.expect("the lane has something to do")
    }

    /// Steers the lane of [`entry`]; whether it is known.
    pub(crate) async fn steer(&self, steer: Steer) -> bool {
        let entry = entry(0);
        let steered = self.queue.steer(&entry.team, &entry.origin, steer);
        steered.await.unwrap()
    }

    pub(crate) async fn remove(&self, number: u128) {
        self.queue.remove(&[id(number)]).await.unwrap();
    }

    pub(crate) async fn release(&self, name: &str) -> u64 {
        self.queue.release(&team(name)).await.unwrap()
    }

    pub(crate) async fn depths(&self) -> Depths {
        self.queue.depths().await.unwrap()
    }

    pub(crate) async fn lanes(&self) -> LaneCounts {
        self.queue.lanes().await.unwrap()
    }

    pub(crate) async fn next_due(&self) -> Option<TimestampMs> {
        self.queue.next_due().await.unwrap()
    }
}
