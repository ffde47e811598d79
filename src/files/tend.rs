//! Deletes files that no task names, and what is left of uploads that were cut. Of several
//! processes one does it.

use crate::app::App;
use crate::files::FilesError;
use crate::journal::{Duty, JournalError};
use std::time::Duration;

const EVERY: Duration = Duration::from_mins(10);
/// Files in one statement.
const BATCH: u32 = 100;
const HOUR_MS: u64 = 3_600_000;
/// No upload takes longer.
const CUT_AFTER_MS: u64 = 24 * HOUR_MS;

/// Runs until aborted.
pub async fn run(app: App) {
    let mut timer = tokio::time::interval(EVERY);
    loop {
        timer.tick().await;
        match lead(&app).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                tracing::warn!(error = %error, "files are tended later");
                continue;
            }
        }
        if let Err(error) = tend(&app).await {
            tracing::warn!(error = %error, "files are tended later");
        }
    }
}

async fn lead(app: &App) -> Result<bool, JournalError> {
    app.journal.lead(Duty::Housekeeping).await
}

/// Deletes what is due, the bytes first. Returns how many files.
///
/// # Errors
/// [`FilesError`] when a store does not answer; what is left goes the next time.
pub async fn tend(app: &App) -> Result<u64, FilesError> {
    let Some(blobs) = &app.blobs else {
        return Ok(0);
    };
    let now = app.clock.now();
    let unused_ms = u64::from(app.config.files.unused_days) * 24 * HOUR_MS;
    let (cut, unused) = (
        now.saturating_sub(CUT_AFTER_MS),
        now.saturating_sub(unused_ms),
    );
    let mut deleted = 0;
    loop {
        let due = app.records.withdraw_files(cut, unused, BATCH).await?;
        for (team, id) in &due {
            blobs.delete(team, id).await?;
            app.records.forget_file(id).await?;
            deleted += 1;
        }
        if due.len() < BATCH as usize {
            break;
        }
    }
    if deleted > 0 {
        tracing::info!(files = deleted, "deleted files that no task names");
    }
    Ok(deleted)
}
