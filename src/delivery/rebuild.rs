//! The queue from the journal. Starting up, recovering a lost queue and repairing a
//! failed push are one code path: push is idempotent, so pushing too much is harmless.

use crate::app::App;
use crate::callback::{CallbackId, TeamId, TimestampMs};
use crate::journal::{Duty, JournalError, OpenRow};
use crate::metrics::labels::RebuildStep;
use crate::queue::{Entry, QueueError};
use std::collections::BTreeSet;
use std::time::Duration;

/// Rows per read: a few milliseconds of reading.
const PAGE: u32 = 4096;
/// Processes that one callback may end.
const ABANDONED_MAX: u32 = 5;
/// How soon a lost queue is rebuilt and a callback replayed beside the gateway is pushed;
/// also the rest between the audit's pages, at most 4096 rows a second.
const HEAL_EVERY: Duration = Duration::from_secs(1);
/// Seconds between two audits.
const AUDIT_RESTS: u32 = 10;
/// By how much a copy of the queue may lag behind when it takes the place of the queue,
/// and what it lacks is still found at once.
const LAG_MS_MAX: u64 = 600_000;
/// No commit takes longer from the making of its ids.
const COMMIT_MS_MAX: u64 = 60_000;

/// Returns when the queue is whole: filled by this process or by another one. Returns false
/// when shutdown came first.
pub async fn fill(app: &App) -> bool {
    bury_poison(app).await;
    while !app.shutdown.is_stopping() {
        match heal(app).await {
            Ok(true) => return true,
            Ok(false) => {}
            Err(error) => tracing::error!(error = %error, "filling the queue is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(HEAL_EVERY) => {}
            () = app.shutdown.stopping() => {}
        }
    }
    false
}

/// Why a rebuild did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The journal did not answer.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The queue did not answer.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Rebuilds the queue if it is not whole. Returns whether it is whole now.
///
/// # Errors
/// [`RebuildError`] when a store does not answer: try again.
pub async fn heal(app: &App) -> Result<bool, RebuildError> {
    let is_whole = app.queue.is_whole().await?;
    app.metrics.rebuild_running.set(i64::from(!is_whole));
    if is_whole {
        return Ok(true);
    }
    let Some(rebuild) = app.queue.begin_rebuild().await? else {
        return Ok(false);
    };
    tracing::info!("the queue is empty or lost what it had: it is filled from the journal");
    app.metrics.rebuilds_total.of(RebuildStep::Begun).inc();
    app.tell_limits().await?;
    let done = refill_all(app, rebuild).await;
    if let Ok(true) = done {
        app.metrics.rebuild_running.set(0);
        app.metrics.rebuilds_total.of(RebuildStep::Finished).inc();
    }
    done
}

/// Page after page until everything open was pushed.
async fn refill_all(app: &App, rebuild: u64) -> Result<bool, RebuildError> {
    let (mut after, mut pushed) = (None, 0);
    loop {
        let last_read = app.clock.now();
        match refill(app, rebuild, after).await {
            Ok((Some(last), rows)) => {
                (after, pushed) = (Some(last), pushed + rows);
                app.metrics.rebuild_callbacks_total.inc_by(rows as u64);
            }
            Ok((None, _)) => {
                let is_whole = app.queue.end_rebuild(rebuild).await?;
                tracing::info!(callbacks = pushed, is_whole, "the queue is rebuilt");
                if is_whole {
                    catch_up(app, last_read).await?;
                }
                return Ok(is_whole);
            }
            // Lost again, or taken over by another process.
            Err(RebuildError::Queue(QueueError::Rebuilding)) => return Ok(false),
            Err(error) => return Err(error),
        }
        if app.shutdown.is_stopping() {
            return Ok(false);
        }
    }
}

/// One page of a rebuild: held callbacks too, so that each task's order is whole.
async fn refill(
    app: &App,
    rebuild: u64,
    after: Option<CallbackId>,
) -> Result<(Option<CallbackId>, usize), RebuildError> {
    let rows = app.journal.open_after(after, PAGE).await?;
    let (last, count) = (rows.last().map(|row| row.id), rows.len());
    let placed = place(app, rows).await;
    let superseded = app.queue.push_rebuilt(rebuild, placed.entries).await?;
    app.supersede(&superseded).await;
    release(app, placed.held_needlessly).await;
    Ok((last, count))
}

/// Pushes what was accepted around the last read of a rebuild: its own push was refused,
/// and the read may have been too early for it.
async fn catch_up(app: &App, last_read: TimestampMs) -> Result<(), JournalError> {
    let from = last_read.saturating_sub(COMMIT_MS_MAX);
    audit(app, Some(CallbackId::before(from))).await
}

/// Pushes everything open that was accepted after `after`, without a rest.
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn audit(app: &App, mut after: Option<CallbackId>) -> Result<(), JournalError> {
    loop {
        (after, _) = page(app, after).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// A callback whose attempt ended the process again and again must not do so for ever.
async fn bury_poison(app: &App) {
    match app
        .journal
        .bury_poison(ABANDONED_MAX, app.clock.now())
        .await
    {
        Ok(0) => {}
        Ok(buried) => {
            app.metrics.poisoned_total.inc_by(buried);
            tracing::error!(
                callbacks = buried,
                "buried as poison: their attempts ended the process"
            );
        }
        Err(error) => tracing::error!(error = %error, "abandoned attempts are not counted"),
    }
}

/// Pushes what is marked as unqueued within a second, rebuilds a queue that lost what it
/// had, pushes the latest anew to one that may lack it, and slowly pushes everything open, over and over, in case the queue lost some.
pub async fn watch(app: App) {
    let mut second = tokio::time::interval(HEAL_EVERY);
    let (mut after, mut rests) = (None, 0);
    loop {
        second.tick().await;
        match heal(&app).await {
            Ok(true) => {
                if let Err(error) = push_missing(&app).await {
                    tracing::warn!(error = %error, "missing callbacks are pushed later");
                }
            }
            // A rebuild that is under way would refuse them, and may have passed them.
            Ok(false) => {}
            Err(error) => tracing::warn!(error = %error, "the queue is looked after later"),
        }
        if rests > 0 {
            rests -= 1;
            continue;
        }
        match audit_page(&app, after).await {
            Ok(last) => (after, rests) = (last, if last.is_none() { AUDIT_RESTS } else { 0 }),
            Err(error) => tracing::warn!(error = %error, "the audit goes on later"),
        }
    }
}

/// One page of the audit, by one process only; returns where the next one begins.
async fn audit_page(
    app: &App,
    after: Option<CallbackId>,
) -> Result<Option<CallbackId>, JournalError> {
    if !app.journal.lead(Duty::Audit).await? {
        return Ok(None);
    }
    Ok(page(app, after).await?.0)
}

/// Pushes one page of open callbacks; returns the last id (none at the end) and how many.
async fn page(
    app: &App,
    after: Option<CallbackId>,
) -> Result<(Option<CallbackId>, usize), JournalError> {
    let rows = app.journal.open_after(after, PAGE).await?;
    let (last, count) = (rows.last().map(|row| row.id), rows.len());
    push_rows(app, rows).await;
    Ok((last, count))
}

/// What a queue that is whole does not have, as far as it is known.
async fn push_missing(app: &App) -> Result<(), JournalError> {
    // The audit would find what a lagging copy lacks, but in a long backlog not soon.
    if app.queue.may_lack_the_latest() && app.journal.lead(Duty::Audit).await? {
        if let Err(error) = app.tell_limits().await {
            tracing::warn!(error = %error, "the limits of lanes are told with the next rebuild");
        }
        let from = app.clock.now().saturating_sub(LAG_MS_MAX);
        audit(app, Some(CallbackId::before(from))).await?;
    }
    take_unqueued(app).await
}

/// Pushes callbacks that were replayed, or whose push had failed, until none is left or
/// the queue takes no more.
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn take_unqueued(app: &App) -> Result<(), JournalError> {
    // The first goes alone: taking marks a row and a push that fails marks it back, which
    // a queue that is away must not cost for a whole page every second.
    let mut limit = 1;
    loop {
        let rows = app.journal.take_unqueued(limit).await?;
        if rows.is_empty() || !push_rows(app, rows).await {
            return Ok(());
        }
        limit = PAGE;
    }
}

/// Returns whether the queue took them.
async fn push_rows(app: &App, rows: Vec<OpenRow>) -> bool {
    let placed = place(app, rows).await;
    let is_taken = app.push(placed.entries).await;
    release(app, placed.held_needlessly).await;
    is_taken
}

/// Where open callbacks go.
struct Placed {
    entries: Vec<Entry>,
    /// Teams with held callbacks that could go.
    held_needlessly: BTreeSet<TeamId>,
}

async fn place(app: &App, rows: Vec<OpenRow>) -> Placed {
    let mut placed = Placed {
        entries: Vec::with_capacity(rows.len()),
        held_needlessly: BTreeSet::new(),
    };
    for row in rows {
        let settings = match app.team(&row.team).await {
            Ok(Some(settings)) => settings,
            // Left to the next audit: a callback without its team cannot be placed.
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(error = %error, "an open callback is left to the audit");
                continue;
            }
        };
        let target = settings.target(row.url.as_deref(), row.project.as_deref(), row.mode);
        let url = target.map(|(url, _)| url);
        if row.held && url.is_some_and(|url| !settings.paused.contains(url)) {
            placed.held_needlessly.insert(row.team.clone());
        }
        let entry = settings.entry(row.id, &row.task_id, url, row.due, row.held);
        placed.entries.push(entry);
    }
    placed
}

/// Accepted while the team's first URL was being set: nobody else will release them.
async fn release(app: &App, teams: BTreeSet<TeamId>) {
    for team in teams {
        if let Err(error) = app.release(&team).await {
            tracing::warn!(error = %error, "held callbacks are left to the next audit");
        }
    }
}
