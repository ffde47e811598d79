//! The writers: several tasks that drain one inbox, so that one builds its transaction
//! while others wait for the server's log.

use crate::journal::group::{self, Group, Inbox};
use crate::journal::postgres::batch::{self, Repeats};
use crate::journal::postgres::connections::Connections;
use crate::journal::postgres::partitions::{Partitions, day_of};
use crate::journal::{Appended, Change, JournalError, NewCallback};
use crate::metrics::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use tokio::sync::Mutex;

/// Transactions under way at one time. Two keep the server's log busy, the third hides
/// the round trips; more make smaller groups and cost more than they give.
pub(super) const WRITERS: usize = 3;
/// Times a transaction goes again that another one was in the way of.
const AGAIN_MAX: usize = 5;
/// Transactions that look for repeats after one that failed by one: they seldom come alone.
const WARY_FOR: u32 = 64;

/// What all writers share.
pub(super) struct Writer {
    pub(super) connections: Connections,
    pub(super) partitions: Arc<Partitions>,
    pub(super) inbox: Mutex<Inbox>,
    pub(super) items_max: usize,
    pub(super) metrics: Metrics,
    /// How many of the next transactions look for repeats.
    pub(super) wary: AtomicU32,
}

impl Writer {
    /// Runs until every sender is dropped. To be run [`WRITERS`] times.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let group = Group::gather(&mut *self.inbox.lock().await, self.items_max).await;
            let Some(group) = group else { return };
            let (started, items) = (Instant::now(), group.items());
            if !self.commit(group).await {
                self.metrics.journal_failures_total.inc();
            }
            group::observe(&self.metrics, items, started.elapsed());
        }
    }

    /// One transaction for the whole group. When the server refuses it, settling goes again
    /// alone: new work must not keep finished work from being written down. Returns whether
    /// all was written.
    async fn commit(&self, group: Group) -> bool {
        let (new, changes) = (group.new_callbacks(), group.changes());
        let written = self.write(&new, &changes).await;
        let mut settled = written.as_ref().map(|_| ()).map_err(Clone::clone);
        if let Err(error) = &written {
            tracing::error!(error = %error, "the journal could not commit");
            if error.is_refusal() && !new.is_empty() && !changes.is_empty() {
                settled = self.write(&[], &changes).await.map(|_| ());
            }
        }
        let is_written = written.is_ok();
        group.answer(written, &settled);
        is_written
    }

    async fn write(
        &self,
        new: &[&NewCallback],
        changes: &[&Change],
    ) -> Result<Vec<Appended>, JournalError> {
        for _ in 0..AGAIN_MAX {
            match self.transaction(new, changes, self.repeats()).await {
                Err(error) if error.is_repetition() => self.wary.store(WARY_FOR, Ordering::Relaxed),
                Err(error) if error.is_missing_partition() => self.partitions.forget(),
                Err(error) if error.is_chance() => {}
                done => return done,
            }
        }
        self.transaction(new, changes, Repeats::Tell).await
    }

    fn repeats(&self) -> Repeats {
        let one_less = |left: u32| left.checked_sub(1);
        let was_wary = self
            .wary
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        was_wary.map_or(Repeats::Fail, |_| Repeats::Tell)
    }

    async fn transaction(
        &self,
        new: &[&NewCallback],
        changes: &[&Change],
        repeats: Repeats,
    ) -> Result<Vec<Appended>, JournalError> {
        let attempts = changes.iter().filter_map(|change| change.attempt.as_ref());
        let days = attempts.map(|attempt| day_of(attempt.started_ms));
        self.partitions.make(&self.connections, days).await?;
        self.connections
            .transaction(async |connection| {
                let appended = batch::append(connection, new, repeats).await?;
                if !changes.is_empty() {
                    batch::change(connection, changes, repeats).await?;
                }
                Ok(appended)
            })
            .await
    }
}
