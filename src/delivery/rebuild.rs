//! The queue from the journal. Starting up, recovering a lost queue and repairing a
//! failed push are one code path: push is idempotent, so pushing too much is harmless.

use crate::app::App;
use crate::callback::CallbackId;
use crate::journal::{Duty, JournalError, OpenRow};
use std::collections::BTreeSet;
use std::time::Duration;

/// Rows per read: a few milliseconds of reading.
const PAGE: u32 = 4096;
/// Processes that one callback may end.
const ABANDONED_MAX: u32 = 5;
/// How soon a callback replayed beside the gateway is pushed.
const UNQUEUED_EVERY: Duration = Duration::from_secs(1);
/// Rest between the audit's pages: at most 4096 rows a second.
const AUDIT_PAGE_EVERY: Duration = Duration::from_secs(1);

/// Pushes everything open, held callbacks too, so that each task's order is whole before
/// the first claim. Returns false when shutdown came first.
pub async fn fill(app: &App) -> bool {
    bury_poison(app).await;
    let (mut after, mut pushed) = (None, 0);
    loop {
        if app.shutdown.is_stopping() {
            return false;
        }
        match page(app, after).await {
            Ok((None, _)) => break,
            Ok((last, rows)) => (after, pushed) = (last, pushed + rows),
            Err(error) => {
                tracing::error!(error = %error, "rebuilding the queue will be tried again");
                tokio::time::sleep(UNQUEUED_EVERY).await;
            }
        }
    }
    if pushed > 0 {
        tracing::info!(callbacks = pushed, "the queue is rebuilt from the journal");
    }
    true
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
            tracing::error!(
                callbacks = buried,
                "buried as poison: their attempts ended the process"
            );
        }
        Err(error) => tracing::error!(error = %error, "abandoned attempts are not counted"),
    }
}

/// Pushes what is marked as unqueued within a second, and slowly everything open, over
/// and over, in case the queue lost it.
pub async fn watch(app: App) {
    let mut unqueued = tokio::time::interval(UNQUEUED_EVERY);
    let mut audit = tokio::time::interval(AUDIT_PAGE_EVERY);
    let mut after = None;
    loop {
        let result = tokio::select! {
            _ = unqueued.tick() => take_unqueued(&app).await,
            _ = audit.tick() => audit_page(&app, after).await.map(|last| after = last),
        };
        if let Err(error) = result {
            tracing::warn!(error = %error, "the audit goes on later");
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

/// Pushes callbacks that were replayed, or whose push had failed.
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn take_unqueued(app: &App) -> Result<(), JournalError> {
    // Marked already: a push that fails marks them back.
    let rows = app.journal.take_unqueued(PAGE).await?;
    if !rows.is_empty() {
        push_rows(app, rows).await;
    }
    Ok(())
}

async fn push_rows(app: &App, rows: Vec<OpenRow>) {
    let mut entries = Vec::with_capacity(rows.len());
    let mut held_needlessly = BTreeSet::new();
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
        let target = settings.target(row.url.as_deref(), row.project.as_deref());
        let url = target.map(|(url, _)| url);
        if row.held && url.is_some_and(|url| !settings.paused.contains(url)) {
            held_needlessly.insert(row.team.clone());
        }
        entries.push(settings.entry(row.id, &row.task_id, url, row.due, row.held));
    }
    app.push(entries).await;
    // Accepted while the team's first URL was being set: nobody else will release them.
    for team in held_needlessly {
        if let Err(error) = app.release(&team).await {
            tracing::warn!(error = %error, "held callbacks are left to the next audit");
        }
    }
}
