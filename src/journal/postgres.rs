//! The journal in PostgreSQL 15 or newer, for any number of processes. Transactions are
//! short: no row is locked while anything but the server is waited for. A callback's key
//! is its whole id, which processes make without asking each other.

mod batch; // the writers' SQL
mod connections; // bounded in number and time
mod import; // a whole journal from elsewhere
mod leadership; // who has which duty
mod maintain; // rare writes
mod partitions; // the attempts' tables
mod read; // loading and searching
mod replays; // dead letters sent again, at a pace
mod writer; // group commit

pub use import::{Import, Progress};

use crate::callback::{Callback, CallbackId, TimestampMs};
use crate::folder::HALF_MOVED;
use crate::journal::group::{self, Requests};
use crate::journal::postgres::connections::{ANSWER_MAX, Connections, LONG_ANSWER_MAX};
use crate::journal::postgres::leadership::Leadership;
use crate::journal::postgres::partitions::Partitions;
use crate::journal::postgres::writer::{WRITERS, Writer};
use crate::journal::{
    Appended, AttemptRow, Change, Counts, Detail, Duty, Engine, JournalError, NewCallback,
    NewReplay, OpenRow, Replay, ReplayState, Search, Selection, Step,
};
use crate::metrics::Metrics;
use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::{PgConnection, Row};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use tokio::sync::Mutex;
use uuid::Uuid;

/// The records keep their own list of migrations in the same database.
const MIGRATIONS_TABLE: &str = "journal_migrations";
const VERSION_MIN: i32 = 150_000;

pub(super) struct PostgresJournal {
    requests: Requests,
    connections: Connections,
    partitions: Arc<Partitions>,
    leadership: Leadership,
}

impl PostgresJournal {
    /// Connects, and brings the schema up to date: one process at a time, the others wait.
    /// One connection more than `connections_max` is used for leading.
    pub(super) async fn open(
        url: &str,
        connections_max: u32,
        commit_items_max: usize,
        metrics: Metrics,
    ) -> Result<Self, JournalError> {
        let connections = Connections::open(url, connections_max).await?;
        connections.run(ANSWER_MAX, check).await??;
        let migrated = migrations().run(connections.pool()).await;
        migrated.map_err(sqlx::Error::from)?;
        if connections.run(ANSWER_MAX, is_half_moved).await? {
            return Err(JournalError::Unfit(HALF_MOVED));
        }
        let (requests, inbox) = group::channel(metrics.clone());
        let partitions = Arc::new(Partitions::default());
        let writer = Arc::new(Writer {
            connections: connections.clone(),
            partitions: Arc::clone(&partitions),
            inbox: Mutex::new(inbox),
            items_max: commit_items_max,
            metrics,
            wary: AtomicU32::new(0),
        });
        for _ in 0..WRITERS {
            tokio::spawn(Arc::clone(&writer).run());
        }
        Ok(Self {
            requests,
            connections,
            partitions,
            leadership: Leadership::default(),
        })
    }
}

fn migrations() -> Migrator {
    let mut migrations: Migrator = sqlx::migrate!("src/journal/migrations/postgres");
    migrations.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrations
}

async fn is_half_moved(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM store_migration WHERE moved_ms IS NULL)")
        .fetch_one(connection)
        .await
}

/// Whether a commit on this server is one.
async fn check(connection: &mut PgConnection) -> Result<Result<(), JournalError>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT current_setting('server_version_num')::int, \
         current_setting('synchronous_commit') <> 'off', current_setting('fsync')::bool",
    )
    .fetch_one(connection)
    .await?;
    if row.try_get::<i32, _>(0)? < VERSION_MIN {
        return Ok(Err(JournalError::Unfit(
            "the PostgreSQL server is too old; use version 15 or newer",
        )));
    }
    if !row.try_get(1)? {
        return Ok(Err(JournalError::Unfit(
            "synchronous_commit is off, so a crash of the server would lose accepted results; \
             run ALTER DATABASE ... SET synchronous_commit = on",
        )));
    }
    if !row.try_get(2)? {
        // Not refused: it is a setting of whole throwaway servers, and no client can change it.
        tracing::error!(
            "the PostgreSQL server runs with fsync = off: a crash of its machine loses accepted \
             results; set fsync = on"
        );
    }
    Ok(Ok(()))
}

#[async_trait]
impl Engine for PostgresJournal {
    async fn append(&self, callbacks: Vec<NewCallback>) -> Result<Vec<Appended>, JournalError> {
        self.requests.append(callbacks).await
    }

    async fn change(&self, changes: Vec<Change>) -> Result<(), JournalError> {
        self.requests.change(changes).await
    }

    async fn load_open(&self, ids: &[CallbackId]) -> Result<Vec<Callback>, JournalError> {
        let work = async |connection: &mut PgConnection| read::load_open(connection, ids).await;
        self.connections.run(ANSWER_MAX, work).await
    }

    async fn open_after(
        &self,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Vec<OpenRow>, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                read::open_after(connection, after, limit).await
            })
            .await
    }

    async fn take_unqueued(&self, limit: u32) -> Result<Vec<OpenRow>, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                maintain::take_unqueued(connection, limit).await
            })
            .await
    }

    async fn mark_unqueued(&self, ids: &[CallbackId]) -> Result<(), JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                maintain::mark_unqueued(connection, ids).await
            })
            .await
    }

    async fn detail(&self, id: CallbackId) -> Result<Option<Detail>, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                read::detail(connection, id).await
            })
            .await
    }

    async fn attempts(&self, id: CallbackId) -> Result<Vec<AttemptRow>, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                read::attempts(connection, id).await
            })
            .await
    }

    async fn last_attempts(
        &self,
        ids: &[CallbackId],
    ) -> Result<Vec<(CallbackId, AttemptRow)>, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                read::last_attempts(connection, ids).await
            })
            .await
    }

    async fn search(&self, search: &Search) -> Result<Vec<Detail>, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                read::search(connection, search).await
            })
            .await
    }

    async fn count(&self, team: &str, search: &Search, most: u32) -> Result<u64, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                read::count(connection, team, search, most).await
            })
            .await
    }

    async fn counts(&self) -> Result<Counts, JournalError> {
        self.connections.run(LONG_ANSWER_MAX, read::counts).await
    }

    async fn last_id(&self) -> Result<Option<CallbackId>, JournalError> {
        self.connections.run(ANSWER_MAX, read::last_id).await
    }

    async fn ping(&self) -> Result<(), JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                sqlx::query("SELECT 1").execute(connection).await
            })
            .await?;
        Ok(())
    }

    async fn count_dead(&self, selection: &Selection) -> Result<u64, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                maintain::count_dead(connection, selection).await
            })
            .await
    }

    async fn replay(&self, selection: &Selection, now: TimestampMs) -> Result<u64, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                maintain::replay(connection, selection, now).await
            })
            .await
    }

    async fn start_replay(&self, new: &NewReplay) -> Result<Replay, JournalError> {
        self.connections
            .transaction(async |connection| replays::start(connection, new).await)
            .await
    }

    async fn replays(&self, team: &str, limit: u32) -> Result<Vec<Replay>, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                replays::list(connection, team, limit).await
            })
            .await
    }

    async fn find_replay(&self, id: CallbackId) -> Result<Option<Replay>, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                replays::find(connection, id).await
            })
            .await
    }

    async fn running_replays(&self) -> Result<Vec<Replay>, JournalError> {
        self.connections.run(ANSWER_MAX, replays::running).await
    }

    async fn set_replay(
        &self,
        id: CallbackId,
        state: ReplayState,
        now: TimestampMs,
    ) -> Result<bool, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                replays::set_state(connection, id, state, now).await
            })
            .await
    }

    async fn step_replay(&self, id: CallbackId, now: TimestampMs) -> Result<Step, JournalError> {
        self.connections
            .transaction(async |connection| replays::step(connection, id, now).await)
            .await
    }

    async fn drop_dead(&self, selection: &Selection) -> Result<u64, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                maintain::drop_dead(connection, selection).await
            })
            .await
    }

    async fn cancel(
        &self,
        ids: &[CallbackId],
        reason: &'static str,
        now: TimestampMs,
    ) -> Result<u64, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                maintain::cancel(connection, ids, reason, now).await
            })
            .await
    }

    /// Batch after batch. What is held anew meanwhile is not released again.
    async fn release(&self, team: &str, now: TimestampMs) -> Result<u64, JournalError> {
        let (mut after, mut total) = (Uuid::nil(), 0);
        loop {
            let released = self
                .connections
                .run(ANSWER_MAX, async |connection| {
                    maintain::release(connection, team, now, after).await
                })
                .await?;
            total += released.len() as u64;
            match released.iter().max() {
                Some(last) if released.len() == maintain::RELEASE_BATCH => after = *last,
                _ => return Ok(total),
            }
        }
    }

    async fn prune(
        &self,
        delivered_before: TimestampMs,
        dead_before: TimestampMs,
        limit: u32,
    ) -> Result<u64, JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                maintain::prune(connection, delivered_before, dead_before, limit).await
            })
            .await
    }

    async fn tend(
        &self,
        now: TimestampMs,
        attempts_before: TimestampMs,
    ) -> Result<(), JournalError> {
        self.partitions.make_ahead(&self.connections, now).await?;
        self.connections
            .run(ANSWER_MAX, maintain::fold_ledger)
            .await?;
        self.connections
            .run(ANSWER_MAX, async |connection| {
                replays::forget(connection, attempts_before).await
            })
            .await?;
        self.partitions
            .drop_before(&self.connections, attempts_before)
            .await
    }

    async fn lead(&self, duty: Duty) -> Result<bool, JournalError> {
        Ok(self.leadership.lead(&self.connections, duty).await?)
    }

    /// Nothing: the queue that the processes share counts abandoned leases.
    fn note_claims(&self, _: &mut dyn Iterator<Item = (CallbackId, u32)>) {}

    fn forget_claims(&self) {}

    async fn bury_poison(&self, _: u32, _: TimestampMs) -> Result<u64, JournalError> {
        Ok(0)
    }

    async fn close(&self) {
        self.leadership.resign().await;
        self.connections.pool().close().await;
    }
}
