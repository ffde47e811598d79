//! Dead letters: callbacks that were given up. Replay gives them all retries anew;
//! drop ends them for good. The same for API and command line, beside a running
//! gateway or without one.

use crate::callback::{State, TimestampMs};
use crate::journal::{Detail, Journal, JournalError, Search, Selection};

/// Dead letters in one replay or drop; more take more calls, so that a mistake stays small.
pub const BULK_MAX: u32 = 10_000;

/// Newest first; `search.state` is set here.
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn list(journal: &Journal, search: Search) -> Result<Vec<Detail>, JournalError> {
    let state = Some(State::Dead);
    journal.search(&Search { state, ..search }).await
}

/// Sends them again, within a second when the gateway runs. Returns how many; with
/// `dry_run` how many it would be. The lanes' windows keep the pace.
///
/// # Errors
/// [`JournalError`]: nothing was changed.
pub async fn replay(
    journal: &Journal,
    selection: &Selection,
    dry_run: bool,
    now: TimestampMs,
) -> Result<u64, JournalError> {
    if dry_run {
        return journal.count_dead(selection).await;
    }
    journal.replay(selection, now).await
}

/// Ends them as cancelled. Returns how many; with `dry_run` how many it would be.
///
/// # Errors
/// [`JournalError`]: nothing was changed.
pub async fn discard(
    journal: &Journal,
    selection: &Selection,
    dry_run: bool,
) -> Result<u64, JournalError> {
    if dry_run {
        return journal.count_dead(selection).await;
    }
    journal.drop_dead(selection).await
}
