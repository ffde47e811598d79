//! The journal in one SQLite file: WAL, `synchronous=FULL`, one writer. For one gateway
//! process at a time; command-line tools may write beside it. A callback's key is its
//! sequence, which one process alone can keep unique.

mod ballast; // space for finishing on a full disk
mod batch; // the writer's SQL
mod claims; // what was attempted when the process ended
mod copy; // one moment of a file
mod export; // reading all of it for its move
mod log; // the write-ahead log, copied back
mod maintain; // rare writes
mod read; // loading
mod replays; // dead letters sent again, at a pace
mod search; // a team's callbacks
mod writer; // group commit

pub use copy::copy_file;
pub use export::Export;

use crate::callback::{Callback, CallbackId, TimestampMs};
use crate::folder;
use crate::journal::group::{self, Requests};
use crate::journal::sqlite::ballast::Ballast;
use crate::journal::sqlite::claims::Claims;
use crate::journal::sqlite::writer::Writer;
use crate::journal::{
    Appended, AttemptRow, Change, Counts, Detail, Duty, Engine, JournalError, NewCallback,
    NewReplay, OpenRow, Replay, ReplayState, Search, Selection, Step,
};
use crate::metrics::Metrics;
use async_trait::async_trait;
use sqlx::SqlitePool;
use std::path::Path;

/// Connections that only read: searches must not wait for the writer.
const READERS: u32 = 3;

pub(super) struct SqliteJournal {
    requests: Requests,
    /// One connection: SQLite has one writer, so waiting happens here, in order.
    write: SqlitePool,
    read: SqlitePool,
    /// One connection, for copying the log back.
    copy: SqlitePool,
    claims: Claims,
}

impl SqliteJournal {
    /// Opens `journal.db` in the folder, made if missing, and brings its schema up to date.
    pub(super) async fn open(
        folder: &Path,
        commit_items_max: usize,
        metrics: Metrics,
    ) -> Result<Self, JournalError> {
        if folder::was_moved(folder) {
            return Err(JournalError::Unfit(folder::MOVED));
        }
        let path = folder.join("journal.db");
        let write = batch::open(&path, 1).await?;
        let migrated = batch::MIGRATIONS.run(&write).await;
        migrated.map_err(sqlx::Error::from)?;
        let read = batch::open(&path, READERS).await?;
        let copy = batch::open(&path, 1).await?;
        let (requests, inbox) = group::channel(metrics.clone());
        let writer = Writer {
            pool: write.clone(),
            ballast: Ballast::take(folder),
            commits: log::copy_beside(copy.clone()),
            inbox,
            items_max: commit_items_max,
            metrics,
        };
        writer.start().map_err(sqlx::Error::Io)?;
        Ok(Self {
            requests,
            write,
            read,
            copy,
            claims: Claims::in_folder(folder),
        })
    }
}

#[async_trait]
impl Engine for SqliteJournal {
    async fn append(&self, callbacks: Vec<NewCallback>) -> Result<Vec<Appended>, JournalError> {
        self.requests.append(callbacks).await
    }

    async fn change(&self, changes: Vec<Change>) -> Result<(), JournalError> {
        self.requests.change(changes).await
    }

    async fn load_open(&self, ids: &[CallbackId]) -> Result<Vec<Callback>, JournalError> {
        Ok(read::load_open(&self.read, ids).await?)
    }

    async fn open_after(
        &self,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Vec<OpenRow>, JournalError> {
        Ok(read::open_after(&self.read, after, limit).await?)
    }

    async fn take_unqueued(&self, limit: u32) -> Result<Vec<OpenRow>, JournalError> {
        Ok(maintain::take_unqueued(&self.write, limit).await?)
    }

    async fn mark_unqueued(&self, ids: &[CallbackId]) -> Result<(), JournalError> {
        Ok(maintain::mark_unqueued(&self.write, ids).await?)
    }

    async fn detail(&self, id: CallbackId) -> Result<Option<Detail>, JournalError> {
        Ok(read::detail(&self.read, id).await?)
    }

    async fn attempts(&self, id: CallbackId) -> Result<Vec<AttemptRow>, JournalError> {
        Ok(read::attempts(&self.read, id).await?)
    }

    async fn last_attempts(
        &self,
        ids: &[CallbackId],
    ) -> Result<Vec<(CallbackId, AttemptRow)>, JournalError> {
        Ok(read::last_attempts(&self.read, ids).await?)
    }

    async fn search(&self, search: &Search) -> Result<Vec<Detail>, JournalError> {
        Ok(read::search(&self.read, search).await?)
    }

    async fn count(&self, team: &str, search: &Search, most: u32) -> Result<u64, JournalError> {
        Ok(search::count(&self.read, search, team, most).await?)
    }

    async fn counts(&self) -> Result<Counts, JournalError> {
        Ok(read::counts(&self.read).await?)
    }

    async fn last_id(&self) -> Result<Option<CallbackId>, JournalError> {
        Ok(read::last_id(&self.read).await?)
    }

    async fn ping(&self) -> Result<(), JournalError> {
        read::last_id(&self.read).await?;
        Ok(())
    }

    async fn count_dead(&self, selection: &Selection) -> Result<u64, JournalError> {
        Ok(maintain::count_dead(&self.read, selection).await?)
    }

    async fn replay(&self, selection: &Selection, now: TimestampMs) -> Result<u64, JournalError> {
        Ok(maintain::replay(&self.write, selection, now).await?)
    }

    async fn start_replay(&self, new: &NewReplay) -> Result<Replay, JournalError> {
        Ok(replays::start(&self.write, new).await?)
    }

    async fn replays(&self, team: &str, limit: u32) -> Result<Vec<Replay>, JournalError> {
        Ok(replays::list(&self.read, team, limit).await?)
    }

    async fn find_replay(&self, id: CallbackId) -> Result<Option<Replay>, JournalError> {
        Ok(replays::find(&self.read, id).await?)
    }

    async fn running_replays(&self) -> Result<Vec<Replay>, JournalError> {
        Ok(replays::running(&self.read).await?)
    }

    async fn set_replay(
        &self,
        id: CallbackId,
        state: ReplayState,
        now: TimestampMs,
    ) -> Result<bool, JournalError> {
        Ok(replays::set_state(&self.write, id, state, now).await?)
    }

    async fn step_replay(&self, id: CallbackId, now: TimestampMs) -> Result<Step, JournalError> {
        Ok(replays::step(&self.write, id, now).await?)
    }

    async fn drop_dead(&self, selection: &Selection) -> Result<u64, JournalError> {
        Ok(maintain::drop_dead(&self.write, selection).await?)
    }

    async fn cancel(
        &self,
        ids: &[CallbackId],
        reason: &'static str,
        now: TimestampMs,
    ) -> Result<u64, JournalError> {
        Ok(maintain::cancel(&self.write, ids, reason, now).await?)
    }

    async fn release(&self, team: &str, now: TimestampMs) -> Result<u64, JournalError> {
        Ok(maintain::release(&self.write, team, now).await?)
    }

    async fn prune(
        &self,
        delivered_before: TimestampMs,
        dead_before: TimestampMs,
        limit: u32,
    ) -> Result<u64, JournalError> {
        Ok(maintain::prune(&self.write, delivered_before, dead_before, limit).await?)
    }

    /// Attempts are pruned with their callbacks; replays that ended as long ago go here.
    async fn tend(&self, _: TimestampMs, before: TimestampMs) -> Result<(), JournalError> {
        Ok(replays::forget(&self.write, before).await?)
    }

    /// Always: the folder is this process's alone.
    async fn lead(&self, _: Duty) -> Result<bool, JournalError> {
        Ok(true)
    }

    fn note_claims(&self, claims: &mut dyn Iterator<Item = (CallbackId, u32)>) {
        self.claims.note(claims);
    }

    fn forget_claims(&self) {
        self.claims.clear();
    }

    async fn bury_poison(&self, abandoned_max: u32, now: TimestampMs) -> Result<u64, JournalError> {
        Ok(maintain::bury_poison(&self.write, &self.claims, abandoned_max, now).await?)
    }

    /// Checkpoints.
    async fn close(&self) {
        self.read.close().await;
        self.copy.close().await;
        self.write.close().await;
    }
}
