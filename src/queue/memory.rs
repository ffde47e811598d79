//! The queue of one process: the pure scheduler behind a lock. Holds nothing that
//! the journal does not; the lock is never held across an await.

use crate::callback::{CallbackId, TeamId, TimestampMs};
use crate::clock::Clock;
use crate::queue::fair::{Fair, Limits};
use crate::queue::listing::ListedLane;
use crate::queue::{
    Claim, Claimed, Depths, Entry, LaneCounts, LaneView, Origin, Queue, QueueError, Settled,
    Settlement, Signal, Steer,
};
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// The embedded queue. One worker loop at a time should wait in [`Queue::woken`]:
/// a wake-up goes to one waiter, and is kept for the next if nobody waits.
pub struct MemoryQueue {
    fair: Mutex<Fair>,
    limits: Limits,
    seed: u64,
    clock: Clock,
    woken: Notify,
    /// Whether it was filled since it was last empty.
    whole: AtomicBool,
}

impl MemoryQueue {
    /// An empty queue. The seed decides lease tokens and jitter: random outside tests.
    #[must_use]
    pub fn new(limits: Limits, clock: Clock, seed: u64) -> Self {
        Self {
            fair: Mutex::new(Fair::new(limits.clone(), seed)),
            limits,
            seed,
            clock,
            woken: Notify::new(),
            whole: AtomicBool::new(false),
        }
    }

    /// Runs `step` alone. A panic in an earlier step may have left half a change
    /// behind, so the scheduler starts empty again and says so once: the journal
    /// knows everything, and serving from a broken one would be worse.
    fn with<T>(&self, step: impl FnOnce(&mut Fair, TimestampMs) -> T) -> Result<T, QueueError> {
        let now = self.clock.now();
        if self.fair.is_poisoned() {
            let mut fair = self.fair.lock().unwrap_or_else(PoisonError::into_inner);
            *fair = Fair::new(self.limits.clone(), self.seed);
            self.fair.clear_poison();
            self.whole.store(false, Ordering::SeqCst);
            let reason = "a panic broke it; it starts empty and must be rebuilt";
            return Err(QueueError::Unavailable(reason.to_owned()));
        }
        let mut fair = self.fair.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(step(&mut fair, now))
    }

    /// As [`Self::with`], and wakes the worker if it may now claim sooner than it knows.
    fn change<T>(&self, step: impl FnOnce(&mut Fair, TimestampMs) -> T) -> Result<T, QueueError> {
        let (answer, is_sooner) = self.with(|fair, now| {
            let before = fair.next_due(now).unwrap_or(TimestampMs::MAX);
            let answer = step(fair, now);
            let after = fair.next_due(now).unwrap_or(TimestampMs::MAX);
            (answer, after < before || after <= now)
        })?;
        if is_sooner {
            self.woken.notify_one();
        }
        Ok(answer)
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn push(&self, entries: Vec<Entry>) -> Result<Vec<CallbackId>, QueueError> {
        self.change(|fair, now| fair.push(entries, now))
    }

    async fn claim(&self, max: usize) -> Result<Claimed, QueueError> {
        self.with(|fair, now| fair.claim(max, now))
    }

    async fn answered(
        &self,
        claim: &Claim,
        signal: Signal,
        slot_ms: u64,
    ) -> Result<(), QueueError> {
        self.change(|fair, now| fair.answered(claim, signal, slot_ms, now))
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        self.change(|fair, now| fair.settle(settlements, now))
    }

    async fn release(&self, team: &TeamId) -> Result<u64, QueueError> {
        self.change(|fair, now| fair.release(team, now))
    }

    async fn remove(&self, ids: &[CallbackId]) -> Result<(), QueueError> {
        self.change(|fair, now| fair.remove(ids, now))
    }

    async fn steer(
        &self,
        team: &TeamId,
        origin: &Origin,
        steer: Steer,
    ) -> Result<bool, QueueError> {
        self.change(|fair, now| fair.steer(team, origin, steer, now))
    }

    async fn list_lanes(&self, team: Option<&TeamId>) -> Result<Vec<ListedLane>, QueueError> {
        self.with(|fair, now| fair.list_lanes(team, now))
    }

    async fn lane(&self, team: &TeamId, origin: &Origin) -> Result<Option<LaneView>, QueueError> {
        self.with(|fair, now| fair.lane(team, origin, now))
    }

    async fn team_depth(&self, team: &TeamId) -> Result<u64, QueueError> {
        self.with(|fair, _| fair.team_depth(team))
    }

    async fn depths(&self) -> Result<Depths, QueueError> {
        self.with(Fair::depths)
    }

    async fn lanes(&self) -> Result<LaneCounts, QueueError> {
        self.with(Fair::lanes)
    }

    async fn next_due(&self) -> Result<Option<TimestampMs>, QueueError> {
        self.with(Fair::next_due)
    }

    async fn is_whole(&self) -> Result<bool, QueueError> {
        Ok(self.whole.load(Ordering::SeqCst))
    }

    fn may_lack_the_latest(&self) -> bool {
        false
    }

    async fn begin_rebuild(&self) -> Result<Option<u64>, QueueError> {
        Ok(Some(0)) // one process, one rebuild at a time
    }

    async fn push_rebuilt(
        &self,
        _: u64,
        entries: Vec<Entry>,
    ) -> Result<Vec<CallbackId>, QueueError> {
        self.push(entries).await
    }

    async fn end_rebuild(&self, _: u64) -> Result<bool, QueueError> {
        self.whole.store(true, Ordering::SeqCst);
        Ok(true)
    }

    async fn woken(&self) {
        self.woken.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[tokio::test]
    async fn after_a_panic_it_says_so_once_and_starts_empty() {
        let queue = MemoryQueue::new(Limits::default(), Clock::standing(0), 7);
        let panicking = || queue.with(|_, _| panic!("a broken invariant"));
        let caught = catch_unwind(AssertUnwindSafe(panicking));
        assert!(caught.map(|_: Result<(), _>| ()).is_err());
        assert!(queue.depths().await.is_err());
        assert_eq!(queue.depths().await.unwrap(), Depths::default());
    }
}
