//! Finished attempts → one commit → the queue. Journal first: what the queue forgets
//! the journal knows, never the other way round.

use crate::app::App;
use crate::callback::{CallbackId, State};
use crate::gather::Gather;
use crate::journal::{Change, JournalError};
use crate::queue::{Claim, Next, Origin, Settled, Settlement};
use backon::{ExponentialBuilder, Retryable};
use std::time::Duration;
use tokio::sync::mpsc;

/// Finished attempts that may wait for the journal before workers wait too.
pub const WAITING_MAX: usize = 1024;
/// Finished attempts in one commit.
pub const BATCH_MAX: usize = 1024;
/// Finished attempts of one commit; nobody waits for it. One of several workers has few at a
/// time, and a commit costs the store much the same for few and for many.
const GATHER: Gather = Gather {
    company: 8,
    wait: Duration::from_millis(5),
    plenty: 256,
    most: BATCH_MAX,
};

/// A claim's end, with what the journal must know of it.
pub struct Finished {
    /// The claim.
    pub claim: Claim,
    /// What becomes of it in the queue.
    pub next: Next,
    /// Its new lane, if its target moved.
    pub origin: Option<Origin>,
    /// What is written down first, if anything.
    pub change: Option<Change>,
    /// The task that may be one of ours, if the callback ends with the change.
    pub ended_task: Option<String>,
}

impl Finished {
    /// No attempt was made and nothing is to be written.
    #[must_use]
    pub fn unattempted(claim: Claim, next: Next) -> Self {
        Self {
            claim,
            next,
            origin: None,
            change: None,
            ended_task: None,
        }
    }

    /// The target has another origin now: back to the queue, into that lane.
    #[must_use]
    pub fn moved(claim: Claim, origin: Origin) -> Self {
        Self {
            claim,
            next: Next::Return,
            origin: Some(origin),
            change: None,
            ended_task: None,
        }
    }
}

/// Settles until every sender is gone.
pub async fn run(app: App, mut inbox: mpsc::Receiver<Finished>) {
    while let Some(batch) = GATHER.next(&mut inbox).await {
        settle(&app, batch).await;
    }
}

/// Settles one batch: journal, then queue.
pub(super) async fn settle(app: &App, batch: Vec<Finished>) {
    let (mut changes, mut settlements) = (Vec::new(), Vec::with_capacity(batch.len()));
    let mut ended_tasks = Vec::new();
    for Finished {
        claim,
        next,
        origin,
        change,
        ended_task,
    } in batch
    {
        if let (Some(task), Some(change)) = (ended_task, &change) {
            let succeeded = change.state == State::Delivered;
            let team = claim.entry.team.to_string();
            ended_tasks.push((team, task, succeeded, change.at.cast_signed()));
        }
        changes.extend(change);
        settlements.push(Settlement {
            claim,
            next,
            origin,
        });
    }
    note_ends(app, ended_tasks).await;
    if !changes.is_empty() && !write(app, &changes).await {
        // Only at shutdown: the callbacks stay open and are attempted again at the next start.
        return;
    }
    for change in &changes {
        app.metrics.callbacks_settled_total.of(change.state).inc();
    }
    match app.queue.settle(settlements).await {
        Ok(settled) => tell(app, &settled).await,
        // The leases end; the next claims find the callbacks as the journal has them.
        Err(error) => {
            tracing::warn!(error = %error, "settled in the journal, not yet in the queue");
        }
    }
}

/// Writes until it succeeds: results in hand are worth waiting for a full disk to be
/// freed. Gives up only when the process must end.
async fn write(app: &App, changes: &[Change]) -> bool {
    let policy = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .without_max_times();
    let written = (|| app.journal.change(changes.to_vec()))
        .retry(policy)
        .when(|error| !matches!(error, JournalError::Closed));
    tokio::select! {
        result = written => result.is_ok(),
        () = app.shutdown.killed() => false,
    }
}

/// Tells tasks of ours that their callbacks have ended, ahead of the journal: after a crash
/// in between, the callback is attempted and noted again.
async fn note_ends(app: &App, ends: Vec<(String, String, bool, i64)>) {
    if ends.is_empty() {
        return;
    }
    if let Err(error) = app.records.note_callback_ends(ends).await {
        tracing::warn!(error = %error, "tasks do not show that their callbacks have ended");
    }
}

async fn tell(app: &App, settled: &[Settled]) {
    let superseded: Vec<CallbackId> = settled
        .iter()
        .filter_map(|settled| match settled {
            Settled::Superseded(id) => Some(*id),
            Settled::Done | Settled::LeaseLost(_) => None,
        })
        .collect();
    let lost = settled
        .iter()
        .filter(|settled| matches!(settled, Settled::LeaseLost(_)))
        .count();
    if lost > 0 {
        app.metrics.leases_lost_total.inc_by(lost as u64);
        tracing::warn!(
            callbacks = lost,
            "leases had ended before their attempts were settled"
        );
    }
    app.supersede(&superseded).await;
}
