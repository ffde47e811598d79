//! Dead letters: callbacks that were given up. A replay gives a team's dead letters all their
//! retries anew, at a pace, and survives whoever started it; named ones go at once. Drop ends
//! them for good. The same for pages, API and command line, beside a running gateway or
//! without one.

use crate::app::App;
use crate::callback::{CallbackId, State, TimestampMs};
use crate::journal::{
    Detail, Duty, Journal, JournalError, NewReplay, Replay, ReplayState, Search, Selection, Step,
};
use std::time::Duration;

/// Dead letters in one call that names them; more take more calls, so that a mistake stays small.
pub const BULK_MAX: u32 = 10_000;
/// The quickest pace of a replay, callbacks a second. The lanes' windows slow it further.
pub const PER_SECOND_MAX: u32 = 1000;
/// The pace unless somebody sets another, callbacks a second: gentle to an endpoint that has
/// just come back.
pub const PER_SECOND_DEFAULT: u32 = 50;
/// How often running replays are stepped; the rebuild takes up what they free as often.
const EVERY: Duration = Duration::from_secs(1);

/// What somebody wants of a replay that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Wait.
    Pause,
    /// Go on.
    Resume,
    /// Stop for good.
    Cancel,
}

/// Why a replay was not started or changed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The pace is not legal.
    #[error("per_second must be from 1 to {PER_SECOND_MAX}")]
    Pace,
    /// It has ended: a new one has to be started.
    #[error("the replay has ended")]
    Ended,
    /// The journal does not answer: nothing was changed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Newest first; `search.state` is set here.
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn list(journal: &Journal, search: Search) -> Result<Vec<Detail>, JournalError> {
    let state = Some(State::Dead);
    journal.search(&Search { state, ..search }).await
}

/// Sends those of a selection again, within a second when the gateway runs. Returns how
/// many; with `dry_run` how many it would be. The lanes' windows keep the pace.
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

/// How many of a team's dead letters a replay would find now.
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn count(journal: &Journal, team: &str, search: &Search) -> Result<u64, JournalError> {
    let dead = Search {
        state: Some(State::Dead),
        ..search.clone()
    };
    journal.count(team, &dead, u32::MAX).await
}

/// Starts a replay, which running gateways carry on. Its first second's worth goes with the
/// next step.
///
/// # Errors
/// [`ReplayError::Pace`].
pub async fn start(journal: &Journal, new: NewReplay) -> Result<Replay, ReplayError> {
    if !(1..=PER_SECOND_MAX).contains(&new.per_second) {
        return Err(ReplayError::Pace);
    }
    Ok(journal.start_replay(&new).await?)
}

/// A team's replay; `None` when it has none of this id.
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn find(
    journal: &Journal,
    team: &str,
    id: CallbackId,
) -> Result<Option<Replay>, JournalError> {
    let found = journal.find_replay(id).await?;
    Ok(found.filter(|replay| replay.team == team))
}

/// Pauses, resumes or cancels a team's replay; `None` when it has none of this id.
///
/// # Errors
/// [`ReplayError::Ended`].
pub async fn change(
    journal: &Journal,
    (team, id): (&str, CallbackId),
    wish: Wish,
    now: TimestampMs,
) -> Result<Option<Replay>, ReplayError> {
    if find(journal, team, id).await?.is_none() {
        return Ok(None);
    }
    let state = match wish {
        Wish::Pause => ReplayState::Paused,
        Wish::Resume => ReplayState::Running,
        Wish::Cancel => ReplayState::Cancelled,
    };
    if !journal.set_replay(id, state, now).await? {
        return Err(ReplayError::Ended);
    }
    Ok(journal.find_replay(id).await?)
}

/// Steps a replay until its pace forbids more or it is over.
///
/// # Errors
/// [`JournalError`]: what was sent again is written down; asking again goes on.
pub async fn step(
    journal: &Journal,
    id: CallbackId,
    now: TimestampMs,
) -> Result<Step, JournalError> {
    loop {
        match journal.step_replay(id, now).await? {
            Step::Replayed(_) => {}
            end => return Ok(end),
        }
    }
}

/// Steps every running replay, one process at a time, until shutdown.
pub async fn run(app: App) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = app.shutdown.stopping() => return,
        }
        if let Err(error) = step_all(&app).await {
            tracing::warn!(error = %error, "replays go on later");
        }
    }
}

/// One round of [`run`].
///
/// # Errors
/// [`JournalError`] when the journal does not answer.
pub async fn step_all(app: &App) -> Result<(), JournalError> {
    let running = app.journal.running_replays().await?;
    if running.is_empty() || !app.journal.lead(Duty::Replays).await? {
        return Ok(());
    }
    for replay in running {
        step(&app.journal, replay.id, app.clock.now()).await?;
    }
    Ok(())
}
