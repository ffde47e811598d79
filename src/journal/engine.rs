//! PORT: what a database must do to hold the journal. Callers reach it through
//! [`crate::journal::Journal`]; `tests/it/journal_contract` holds every engine to it.

use crate::callback::{Callback, CallbackId, TimestampMs};
use crate::journal::{
    Appended, AttemptRow, Change, Counts, Detail, JournalError, NewCallback, NewReplay, OpenRow,
    Replay, ReplayState, Search, Selection, Step,
};
use async_trait::async_trait;

/// Work that only one process should do at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Duty {
    /// Counting, pruning, tending the tables.
    Housekeeping,
    /// Walking everything open, to find what the queue lost.
    Audit,
    /// Bringing callbacks from the records' outbox into the journal.
    Outbox,
    /// Sending dead letters again, at a pace.
    Replays,
}

/// A database that holds the journal.
///
/// Every method fails with [`JournalError`] when the database does not answer, and then
/// nothing was written.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Commits callbacks; answers one [`Appended`] for each, in order. All or nothing.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn append(&self, callbacks: Vec<NewCallback>) -> Result<Vec<Appended>, JournalError>;

    /// Commits changes with their attempts. All or nothing. An attempt that is written
    /// down already stays as it is.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn change(&self, changes: Vec<Change>) -> Result<(), JournalError>;

    /// Those of the callbacks that are still open, with their bodies, in any order.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn load_open(&self, ids: &[CallbackId]) -> Result<Vec<Callback>, JournalError>;

    /// The next open callbacks after `after` in order of acceptance.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn open_after(
        &self,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Vec<OpenRow>, JournalError>;

    /// Open callbacks that the queue does not know yet, in order of acceptance, marked as
    /// known from now on. Each is given to one caller only, whatever process it is in.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn take_unqueued(&self, limit: u32) -> Result<Vec<OpenRow>, JournalError>;

    /// The queue did not take these: to be pushed again.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn mark_unqueued(&self, ids: &[CallbackId]) -> Result<(), JournalError>;

    /// One callback with its body.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn detail(&self, id: CallbackId) -> Result<Option<Detail>, JournalError>;

    /// The attempts of one callback, first to last.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn attempts(&self, id: CallbackId) -> Result<Vec<AttemptRow>, JournalError>;

    /// The last attempt of each of these that has one, in any order.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn last_attempts(
        &self,
        ids: &[CallbackId],
    ) -> Result<Vec<(CallbackId, AttemptRow)>, JournalError>;

    /// Callbacks that match, newest first, without their bodies.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn search(&self, search: &Search) -> Result<Vec<Detail>, JournalError>;

    /// How many of a team's callbacks match, up to `most`; the cursor counts, too.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn count(&self, team: &str, search: &Search, most: u32) -> Result<u64, JournalError>;

    /// Counts everything at one moment: reads all callbacks, so now and then only.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn counts(&self) -> Result<Counts, JournalError>;

    /// The greatest id in use; none in an empty journal.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn last_id(&self) -> Result<Option<CallbackId>, JournalError>;

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`JournalError`] when it does not answer.
    async fn ping(&self) -> Result<(), JournalError>;

    /// How many dead letters a selection holds.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn count_dead(&self, selection: &Selection) -> Result<u64, JournalError>;

    /// Dead letters become pending with all retries ahead of them; the queue learns of
    /// them as unqueued. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn replay(&self, selection: &Selection, now: TimestampMs) -> Result<u64, JournalError>;

    /// Begins a replay; how many it finds is counted in the same transaction.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn start_replay(&self, new: &NewReplay) -> Result<Replay, JournalError>;

    /// A team's replays, newest first.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn replays(&self, team: &str, limit: u32) -> Result<Vec<Replay>, JournalError>;

    /// One replay.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn find_replay(&self, id: CallbackId) -> Result<Option<Replay>, JournalError>;

    /// The replays that go on by themselves, oldest first.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    async fn running_replays(&self) -> Result<Vec<Replay>, JournalError>;

    /// Runs, pauses or cancels a replay; false when it has ended. No step of it is made
    /// after a pause was answered.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn set_replay(
        &self,
        id: CallbackId,
        state: ReplayState,
        now: TimestampMs,
    ) -> Result<bool, JournalError>;

    /// Sends as many of a replay's dead letters again as its pace allows, up to some
    /// hundreds. Several processes that step one replay share its pace, and none sends what
    /// another has sent.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn step_replay(&self, id: CallbackId, now: TimestampMs) -> Result<Step, JournalError>;

    /// Dead letters become cancelled. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn drop_dead(&self, selection: &Selection) -> Result<u64, JournalError>;

    /// Those that are pending or held become cancelled, for this reason. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn cancel(
        &self,
        ids: &[CallbackId],
        reason: &'static str,
        now: TimestampMs,
    ) -> Result<u64, JournalError>;

    /// Held callbacks of a team become pending, due now. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: some may be released; asking again releases the others.
    async fn release(&self, team: &str, now: TimestampMs) -> Result<u64, JournalError>;

    /// Deletes up to `limit` delivered callbacks accepted before one time and dead or
    /// cancelled ones accepted before another, with all that belongs to them. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    async fn prune(
        &self,
        delivered_before: TimestampMs,
        dead_before: TimestampMs,
        limit: u32,
    ) -> Result<u64, JournalError>;

    /// What the tables need now and then, by one process at a time: room for the attempts
    /// of the next days, none for attempts that started before `attempts_before`.
    ///
    /// # Errors
    /// [`JournalError`]: asking again goes on.
    async fn tend(
        &self,
        now: TimestampMs,
        attempts_before: TimestampMs,
    ) -> Result<(), JournalError>;

    /// Whether the duty is this process's for now. Once it is, it stays so until the
    /// process ends or loses the database; meanwhile every other process is told no.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer: then it is not.
    async fn lead(&self, duty: Duty) -> Result<bool, JournalError>;

    /// Notes which callbacks are about to be attempted, with the attempts made so far.
    /// Where several processes share a queue, it counts abandoned leases instead.
    fn note_claims(&self, claims: &mut dyn Iterator<Item = (CallbackId, u32)>);

    /// Nothing is in flight: what was noted is of no more use.
    fn forget_claims(&self);

    /// Counts attempts that the last process did not live to settle. Callbacks that
    /// ended so many processes are dead as poison. Returns how many. Call it at start.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was counted.
    async fn bury_poison(&self, abandoned_max: u32, now: TimestampMs) -> Result<u64, JournalError>;

    /// Finishes and closes the database. Call it last.
    async fn close(&self);
}
