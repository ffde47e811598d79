//! Slow duties: counting the ledger, pruning what is old, tending the tables, closing months. Of several
//! processes one does them.

use crate::app::App;
use crate::app::error::StoreError;
use crate::billing;
use crate::callback::{State, TimestampMs};
use crate::journal::{Duty, JournalError};
use crate::records::RecordsError;
use std::time::Duration;

/// Counting reads the callbacks from end to end.
const COUNT_EVERY: Duration = Duration::from_mins(10);
const PRUNE_EVERY: Duration = Duration::from_mins(10);
/// A month that is over is closed this soon.
const CLOSE_EVERY: Duration = Duration::from_mins(10);
/// Who does not lead asks again this soon: whoever led may have ended a moment ago.
const LEAD_AGAIN: Duration = Duration::from_secs(10);
/// Deletions per transaction: a few milliseconds, so that intake hardly waits.
const PRUNE_BATCH: u32 = 500;
const DAY_MS: u64 = 86_400_000;

/// How much of the charts a process that is killed takes along, at most.
const TALLY_EVERY: Duration = Duration::from_secs(5);
/// Charts go back a week; a day more is kept, so that its first hour is whole.
const HOURS_KEPT_DAYS: u64 = 8;

/// Writes down what this process counts for charts, until aborted.
pub async fn count(app: App) {
    let mut timer = tokio::time::interval(TALLY_EVERY);
    loop {
        timer.tick().await;
        app.write_tally().await;
    }
}

/// Runs until aborted.
pub async fn run(app: App) {
    let mut count = tokio::time::interval(COUNT_EVERY);
    let mut prune_timer = tokio::time::interval(PRUNE_EVERY);
    let mut close = tokio::time::interval(CLOSE_EVERY);
    loop {
        let due = tokio::select! {
            _ = count.tick() => Due::Count,
            _ = prune_timer.tick() => Due::Prune,
            _ = close.tick() => Due::Close,
        };
        match work(&app, due).await {
            Ok(true) => {}
            Ok(false) => match due {
                Due::Count => count.reset_after(LEAD_AGAIN),
                Due::Prune => prune_timer.reset_after(LEAD_AGAIN),
                Due::Close => close.reset_after(LEAD_AGAIN),
            },
            Err(error) => tracing::warn!(error = %error, "housekeeping goes on later"),
        }
    }
}

#[derive(Clone, Copy)]
enum Due {
    Count,
    Prune,
    Close,
}

/// Returns whether this process leads.
async fn work(app: &App, due: Due) -> Result<bool, StoreError> {
    if !app.journal.lead(Duty::Housekeeping).await? {
        return Ok(false);
    }
    match due {
        Due::Count => audit(app).await?,
        Due::Prune => prune(app).await?,
        Due::Close => billing::close::close_last_month(app).await?,
    }
    Ok(true)
}

/// Counts the journal and compares it with the ledger.
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn audit(app: &App) -> Result<(), JournalError> {
    let counts = app.journal.counts().await?;
    for state in State::ALL {
        let n = counts.by_state.get(&state).copied().unwrap_or(0);
        app.metrics.journal_callbacks.of(state).set(n);
    }
    let imbalance = counts.imbalance();
    app.metrics.ledger_imbalance.set(imbalance);
    if imbalance != 0 {
        tracing::error!(callbacks = imbalance, "the ledger does not balance");
    }
    Ok(())
}

/// Deletes what is older than the retention allows, batch by batch, and tends the tables.
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn prune(app: &App) -> Result<(), JournalError> {
    let now = app.clock.now();
    let retention = &app.config.retention;
    let before = |days: u32| now.saturating_sub(u64::from(days) * DAY_MS);
    let (delivered, dead) = (
        before(retention.delivered_days),
        before(retention.dead_days),
    );
    let mut total = 0;
    loop {
        let pruned = app.journal.prune(delivered, dead, PRUNE_BATCH).await?;
        total += pruned;
        if pruned < u64::from(PRUNE_BATCH) {
            break;
        }
        tokio::task::yield_now().await;
    }
    if total > 0 {
        tracing::info!(callbacks = total, "pruned");
    }
    if let Err(error) = prune_records(app, now, dead).await {
        tracing::warn!(error = %error, "what ended in the records is pruned later");
    }
    // No callback that is kept may lose its attempts.
    app.journal.tend(now, delivered.min(dead)).await
}

/// Deletes what nothing asks for any more.
async fn prune_records(app: &App, now: TimestampMs, dead: TimestampMs) -> Result<(), RecordsError> {
    const FULL: u64 = PRUNE_BATCH as u64;
    let records = &app.records;
    let charted = now.saturating_sub(HOURS_KEPT_DAYS * DAY_MS);
    app.records.prune_hours(charted).await?;
    // A day late, so that no count of wrong passwords is forgotten within its window.
    records.prune_sessions(now.saturating_sub(DAY_MS)).await?;
    while records.forget_idempotency_keys(now, PRUNE_BATCH).await? == FULL {}
    while records.prune_task_events(dead, PRUNE_BATCH).await? == FULL {}
    while records.prune_stored_responses(dead, PRUNE_BATCH).await? == FULL {}
    Ok(())
}
