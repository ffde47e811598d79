//! What is counted for charts: deliveries and failed attempts, by team and hour. Kept in
//! memory and written every few seconds, so that no commit of a delivery grows; what a killed
//! process had not written is missing from the charts, and from nothing else.

use crate::app::App;
use crate::callback::latency::bucket_of;
use crate::callback::{TeamId, TimestampMs};
use crate::records::hours::{Hour, Outcome};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counted since the last writing; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<BTreeMap<Hour, u64>>>);

impl Tally {
    /// Counts one attempt.
    pub fn count(&self, team: &TeamId, outcome: Outcome, at: TimestampMs, duration_ms: u64) {
        let hour = Hour::of(team, at, outcome, bucket_of(duration_ms));
        *self.counts().entry(hour).or_default() += 1;
    }

    /// What was counted; from now on nothing is.
    fn take(&self) -> BTreeMap<Hour, u64> {
        std::mem::take(&mut self.counts())
    }

    /// Counts again what could not be written.
    fn put_back(&self, taken: BTreeMap<Hour, u64>) {
        let mut counts = self.counts();
        for (hour, n) in taken {
            *counts.entry(hour).or_default() += n;
        }
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<Hour, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Writes down what was counted for charts; what cannot be written is counted on.
    pub async fn write_tally(&self) {
        let counts = self.tally.take();
        if counts.is_empty() {
            return;
        }
        if let Err(error) = self.records.add_hours(&counts).await {
            tracing::warn!(error = %error, "counts for charts are written later");
            self.tally.put_back(counts);
        }
    }
}
