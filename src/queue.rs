//! PORT: what is due next, and nothing more. The journal is the truth; a queue
//! may be lost at any moment and is rebuilt from it. No adapter type appears here.

pub mod fair;
pub mod listing;
pub mod memory;
pub mod redis;

use crate::callback::{CallbackId, TaskKey, TeamId, TimestampMs};
use async_trait::async_trait;
use listing::ListedLane;
use std::sync::Arc;

/// The origin (scheme, host, port) a callback goes to. Together with the team it
/// names a lane. Empty while the callback has nowhere to go.
pub type Origin = Arc<str>;

/// One callback as the queue knows it: no body, no URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose life this is; also its place in the order of its task. It is always of the same
    /// team and task.
    pub id: CallbackId,
    /// Fairness is between teams first.
    pub team: TeamId,
    /// Fairness is between a team's origins second.
    pub origin: Origin,
    /// Callbacks of one task go one after the other, in the order of their ids.
    pub task: TaskKey,
    /// Not before this time.
    pub due: TimestampMs,
    /// A newer callback of the task makes this one superfluous while it waits.
    pub latest_only: bool,
    /// Nowhere to go yet, or paused: keeps its place, is never claimed until released.
    pub held: bool,
}

/// The right to attempt one callback until the lease ends. Not `Clone`: settling
/// takes it by value, so settling twice does not compile.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is claimed.
    pub entry: Entry,
    /// Proves the claim is the current one.
    pub token: u64,
    /// When the queue takes it back.
    pub expires: TimestampMs,
}

/// What a call to [`Queue::claim`] found.
#[derive(Debug, Default)]
pub struct Claimed {
    /// To be attempted now.
    pub claims: Vec<Claim>,
    /// Abandoned five times: out of the queue, to be recorded as dead.
    pub poisoned: Vec<Entry>,
}

/// How the endpoint behaved; moves the lane's window and its breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// 2xx.
    Success,
    /// It answered, with a refusal that smaller doses would not cure (most 4xx and 5xx).
    Failure,
    /// Timeout, no connection, 429, 502, 503, 504: halve the window.
    Overload,
}

/// What becomes of a settled claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ended (delivered, dead or cancelled): leaves the queue.
    End,
    /// An attempt was made and failed: again at `due`.
    Retry {
        /// Not before this time.
        due: TimestampMs,
        /// The receiver asked for rest until then (`Retry-After`): applies to the whole lane.
        lane_rests_until: Option<TimestampMs>,
    },
    /// Stays in its place, out of reach of claims, until released.
    Hold,
    /// No attempt was made: back to the front, nothing charged.
    Return,
}

/// One claim and its end. `origin` moves the entry to another lane of its team:
/// the target resolved now differs from the one it was pushed with.
#[derive(Debug)]
pub struct Settlement {
    /// Consumed here.
    pub claim: Claim,
    /// Where it goes.
    pub next: Next,
    /// The new origin, when it changed.
    pub origin: Option<Origin>,
}

/// The answer to one [`Settlement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// As asked.
    Done,
    /// A newer callback of its task waits and the team wants only the latest:
    /// it left the queue instead of being retried. To be recorded as cancelled.
    Superseded(CallbackId),
    /// The lease had ended or someone else holds it: nothing was changed.
    LeaseLost(CallbackId),
}

/// A lane as an operator wants to see it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LaneView {
    /// Requests it may have in flight at the moment.
    pub window: u32,
    /// Requests in flight.
    pub in_flight: u32,
    /// Due and waiting.
    pub ready: u64,
    /// The breaker is open until then; one probe follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked_until: Option<TimestampMs>,
    /// The receiver asked for rest until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<TimestampMs>,
    /// Requests in flight that the operator permits at most, if they said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Estimated milliseconds until what is ready is drained, from the mean slot time;
    /// none before the first answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drained_in_ms: Option<u64>,
}

/// What an operator decides about a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steer {
    /// Closes its breaker and ends its rest: it is well again.
    Resume,
    /// Nothing goes until then; one probe follows, as after any park.
    Park {
        /// Not before this time.
        until: TimestampMs,
    },
    /// Its window never grows beyond this, which is at least 1; none takes the limit away.
    /// The queue keeps it for as long as it keeps anything.
    Limit(Option<u32>),
}

/// Where everything is, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Depths {
    /// Due, claimable as soon as its lane allows.
    pub ready: u64,
    /// Due later.
    pub scheduled: u64,
    /// Claimed.
    pub leased: u64,
    /// Behind an earlier callback of its task.
    pub waiting: u64,
    /// Held.
    pub held: u64,
    /// Lanes whose breaker is open.
    pub lanes_parked: u64,
    /// The due time of the oldest entry that is due and not claimed.
    pub oldest_due: Option<TimestampMs>,
}

/// How lanes are, for metrics. What is counted for every lane at each of its changes, so
/// that asking costs the same for any number of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct LaneCounts {
    /// Known, those without entries included.
    pub known: u64,
    /// Something is due and may go, as far as the lane is concerned.
    pub open: u64,
    /// Something is due and may not go now: the window is full, or the lane rests.
    pub throttled: u64,
    /// Requests that all known lanes together may have in flight.
    pub windows: u64,
}

/// Why the queue could not serve.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The store did not answer: try later, nothing is lost.
    #[error("the queue does not answer: {0}")]
    Unavailable(String),
    /// The queue lost what it had and is being filled from the journal: nothing to do,
    /// what was pushed is reached in its turn.
    #[error("the queue is being rebuilt")]
    Rebuilding,
}

/// What is due next, in fair order. Calls are batches. Times are the queue's own clock.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Adds entries; one already present is left as it is. Returns those that a
    /// newer one made superfluous (`latest_only`), to be recorded as cancelled.
    async fn push(&self, entries: Vec<Entry>) -> Result<Vec<CallbackId>, QueueError>;

    /// Takes up to `max` due entries in fair order, each under a fresh lease.
    async fn claim(&self, max: usize) -> Result<Claimed, QueueError>;

    /// Tells how the endpoint behaved and frees the slot at once, ahead of the
    /// journal's commit; the lease stays until [`Queue::settle`]. `slot_ms` is
    /// what the team is charged. A claim no longer held is ignored.
    async fn answered(&self, claim: &Claim, signal: Signal, slot_ms: u64)
    -> Result<(), QueueError>;

    /// Ends claims. A slot not freed by [`Queue::answered`] is freed here.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError>;

    /// Makes the team's held entries due now. Returns how many.
    async fn release(&self, team: &TeamId) -> Result<u64, QueueError>;

    /// Takes entries out, claimed or not (cancelled, dropped). Unknown ids are ignored.
    async fn remove(&self, ids: &[CallbackId]) -> Result<(), QueueError>;

    /// Tells a lane what the operator decided. Returns whether the lane is known; a limit
    /// makes it known, for the rest there must be something to be told.
    async fn steer(&self, team: &TeamId, origin: &Origin, steer: Steer)
    -> Result<bool, QueueError>;

    /// One lane; `None` while it has nothing to do.
    async fn lane(&self, team: &TeamId, origin: &Origin) -> Result<Option<LaneView>, QueueError>;

    /// Lanes that have something to do, of one team or of all, in any order. Looks at
    /// [`listing::LOOKED_AT_MAX`] of them at most, and stops nobody else meanwhile.
    async fn list_lanes(&self, team: Option<&TeamId>) -> Result<Vec<ListedLane>, QueueError>;

    /// Entries of one team, whatever their place.
    async fn team_depth(&self, team: &TeamId) -> Result<u64, QueueError>;

    /// Everything by place.
    async fn depths(&self) -> Result<Depths, QueueError>;

    /// How lanes are.
    async fn lanes(&self) -> Result<LaneCounts, QueueError>;

    /// When `claim` could next find something that it cannot find now: the
    /// earliest due time, park end, rest end or lease end. `None`: only a push can help.
    async fn next_due(&self) -> Result<Option<TimestampMs>, QueueError>;

    /// Whether everything open was pushed since the queue was last empty, as far as is
    /// known: when not, a rebuild must follow.
    async fn is_whole(&self) -> Result<bool, QueueError>;

    /// Whether what was pushed lately may be missing without a sign of it: since the last
    /// call the store was out of reach, and a copy that lags may have taken its place.
    fn may_lack_the_latest(&self) -> bool;

    /// Begins to fill the queue from the journal; returns the token of this rebuild, or
    /// none when another process is about it.
    async fn begin_rebuild(&self) -> Result<Option<u64>, QueueError>;

    /// As [`Queue::push`], for the rebuild of this token, in the order of acceptance.
    /// [`QueueError::Rebuilding`]: the queue was lost again, or another rebuild began.
    async fn push_rebuilt(
        &self,
        token: u64,
        entries: Vec<Entry>,
    ) -> Result<Vec<CallbackId>, QueueError>;

    /// Everything open was pushed. Returns whether the queue is whole now; if not, it was
    /// lost meanwhile, or another rebuild began.
    async fn end_rebuild(&self, token: u64) -> Result<bool, QueueError>;

    /// Returns when something may have become claimable since the last call
    /// (push, release, freed slot). A hint: the poll is the guarantee.
    async fn woken(&self);
}
