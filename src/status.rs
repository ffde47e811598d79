//! How the gateway is, on one screen. Reads counters, the queue's numbers and one short range
//! of the records; never a callback.

use crate::app::App;
use crate::callback::{State, TimestampMs};
use crate::folder;
use crate::queue::{Depths, LaneCounts};
use crate::records::hours::HourSum;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A queue that does not answer within this is out of reach.
const QUEUE_PATIENCE: Duration = Duration::from_secs(2);

/// The whole screen. Numbers without a note are of all processes together.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Of the process that answers.
    pub version: &'static str,
    /// When this was said, milliseconds since the epoch.
    pub now_ms: TimestampMs,
    /// None while it is out of reach.
    pub queue: Option<QueueStatus>,
    /// Whether the journal answers.
    pub journal_answers: bool,
    /// What happened in this hour and the one before; seconds late.
    pub hours: Option<[HourSum; 2]>,
    /// Callbacks by state, as counted in the last ten minutes; of several processes only the
    /// one that counts knows.
    pub counted: Option<BTreeMap<&'static str, i64>>,
    /// Accepted callbacks that are in no state, as last counted; anything but 0 is a defect.
    pub ledger_imbalance: i64,
    /// Bytes free, and in all, where this process keeps its data.
    pub disk_bytes: Option<(u64, u64)>,
}

/// What waits, and how lanes are.
#[derive(Debug, Serialize)]
pub struct QueueStatus {
    /// `memory` or `redis`.
    pub kind: &'static str,
    /// Whether everything open is in it; not while it is rebuilt.
    pub is_whole: bool,
    /// Callbacks by place.
    #[serde(flatten)]
    pub depths: Depths,
    /// Milliseconds since the oldest one that waits became due.
    pub oldest_due_age_ms: Option<u64>,
    /// Lanes by condition.
    pub lanes: LaneCounts,
}

/// Looks. What does not answer is told as such and is no error.
pub async fn look(app: &App) -> Status {
    let queue = tokio::time::timeout(QUEUE_PATIENCE, queue(app)).await;
    let counted: BTreeMap<_, _> = State::ALL
        .into_iter()
        .map(|state| {
            (
                state.as_str(),
                app.metrics.journal_callbacks.of(state).get(),
            )
        })
        .collect();
    Status {
        version: env!("CARGO_PKG_VERSION"),
        now_ms: app.clock.now(),
        queue: queue.ok().flatten(),
        journal_answers: app.journal.ping().await.is_ok(),
        hours: app.records.latest_hours(app.clock.now()).await.ok(),
        counted: Some(counted).filter(|counted| counted.values().any(|n| *n != 0)),
        ledger_imbalance: app.metrics.ledger_imbalance.get(),
        disk_bytes: folder::room(&app.config.data.dir),
    }
}

async fn queue(app: &App) -> Option<QueueStatus> {
    let depths = app.queue.depths().await.ok()?;
    let now = app.clock.now();
    Some(QueueStatus {
        kind: match app.config.queue.redis_url() {
            Some(_) => "redis",
            None => "memory",
        },
        is_whole: app.queue.is_whole().await.ok()?,
        oldest_due_age_ms: depths.oldest_due.map(|due| now.saturating_sub(due)),
        lanes: app.queue.lanes().await.ok()?,
        depths,
    })
}
