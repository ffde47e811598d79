//! What waits for the labelling side: a feed of live tasks, claims with a lease, and
//! acknowledgements. A task that was claimed or acknowledged is begun.

use crate::app::App;
use crate::records::RecordsError;
use crate::records::tasks::Task;
use std::time::Duration;
use tokio::time::Instant;

/// Tasks in one call.
pub const TASKS_MAX: i64 = 500;
/// Longest wait for tasks, milliseconds.
pub const WAIT_MS_MAX: u64 = 20_000;
/// Shortest and longest claim, milliseconds.
pub const LEASE_MS: std::ops::RangeInclusive<u64> = 1000..=86_400_000;
/// Tasks that another process made are seen after this at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Live tasks that nobody has, oldest first, after this id. Waits for one if there is none.
///
/// # Errors
/// [`RecordsError`] when the records do not answer.
pub async fn waiting(
    app: &App,
    after: &str,
    limit: i64,
    wait_ms: u64,
) -> Result<Vec<Task>, RecordsError> {
    let end = Instant::now() + Duration::from_millis(wait_ms);
    loop {
        // Listens before it looks, so that no task comes in between.
        let task_waits = app.task_waits.notified();
        tokio::pin!(task_waits);
        task_waits.as_mut().enable();
        let now = app.clock.now();
        let tasks = app.records.waiting_tasks(after, limit, now).await?;
        if !tasks.is_empty() || Instant::now() >= end {
            return Ok(tasks);
        }
        let look = end.min(Instant::now() + LOOK_EVERY);
        tokio::select! {
            () = task_waits => {}
            () = tokio::time::sleep_until(look) => {}
            () = app.shutdown.stopping() => return Ok(tasks),
        }
    }
}

/// Gives these tasks to a producer for a time. Returns those it has now.
///
/// # Errors
/// [`RecordsError`]: nothing was claimed.
pub async fn claim(
    app: &App,
    ids: &[String],
    producer: &str,
    lease_ms: u64,
) -> Result<Vec<Task>, RecordsError> {
    let now = app.clock.now();
    let times = (now, now.saturating_add(lease_ms));
    app.records.claim_tasks(ids, producer, times).await
}

/// The labelling side has these for good. Returns which it has now.
///
/// # Errors
/// [`RecordsError`]: nothing was acknowledged.
pub async fn acknowledge(
    app: &App,
    ids: &[String],
    producer: &str,
) -> Result<Vec<String>, RecordsError> {
    let now = app.clock.now();
    app.records.acknowledge_tasks(ids, producer, now).await
}
