//! Taking a whole journal in from elsewhere, batch by batch, and telling what arrived.
//! Whatever is interrupted is done again and comes to the same. No gateway may run on the
//! database meanwhile, so this process takes every duty.

mod sql; // what it says to the server

use crate::callback::{CallbackId, TimestampMs};
use crate::journal::postgres::connections::{ANSWER_MAX, Connections, LONG_ANSWER_MAX};
use crate::journal::postgres::leadership::Leadership;
use crate::journal::postgres::partitions::{Partitions, day_of};
use crate::journal::postgres::{MIGRATIONS_TABLE, check, migrations};
use crate::journal::transfer::{Batch, Replays, Span, Sums};
use crate::journal::view::{to_i64, to_u64};
use crate::journal::{Duty, JournalError};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// One that writes, one that reads.
const CONNECTIONS_MAX: u32 = 2;
/// A process that was killed just now keeps its duties until the server notices.
const DUTIES_WITHIN: Duration = Duration::from_secs(15);
const ASK_EVERY: Duration = Duration::from_millis(100);

/// A journal on its way in.
pub struct Import {
    connections: Connections,
    partitions: Partitions,
    leadership: Leadership,
}

/// How far a move is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Which installation is moved.
    pub source: String,
    /// Where the copy ahead goes on, if it was interrupted.
    pub copied_until: Option<CallbackId>,
    /// Whether the move is finished.
    pub is_finished: bool,
}

impl Import {
    /// Connects. Writes nothing.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] when the server does not answer,
    /// [`JournalError::Unfit`] when a commit there would not be one.
    pub async fn open(url: &str) -> Result<Self, JournalError> {
        let connections = Connections::open(url, CONNECTIONS_MAX).await?;
        connections.run(ANSWER_MAX, check).await??;
        Ok(Self {
            connections,
            partitions: Partitions::default(),
            leadership: Leadership::default(),
        })
    }

    /// Takes every duty. False: a gateway, or another move, is at work on the database.
    ///
    /// # Errors
    /// [`JournalError`] when the server does not answer.
    pub async fn take_duties(&self) -> Result<bool, JournalError> {
        let started = Instant::now();
        loop {
            if self.has_duties().await? {
                return Ok(true);
            }
            if started.elapsed() >= DUTIES_WITHIN {
                return Ok(false);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn has_duties(&self) -> Result<bool, JournalError> {
        for duty in [Duty::Housekeeping, Duty::Audit, Duty::Outbox, Duty::Replays] {
            if !self.leadership.lead(&self.connections, duty).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the tables if there are none. False: there are, but of another version.
    ///
    /// # Errors
    /// [`JournalError`] when the server does not answer.
    pub async fn make_tables(&self) -> Result<bool, JournalError> {
        let migrations = migrations();
        let applied = self.connections.run(ANSWER_MAX, applied).await?;
        let known: Vec<_> = migrations
            .iter()
            .map(|known| (known.version, known.checksum.to_vec()))
            .collect();
        // Fewer than known: making them was interrupted.
        if !known.starts_with(&applied) {
            return Ok(false);
        }
        let migrated = migrations.run(self.connections.pool()).await;
        migrated.map_err(sqlx::Error::from)?;
        Ok(true)
    }

    /// How far the move into this database is; none if there is none.
    ///
    /// # Errors
    /// [`JournalError`] when the server does not answer.
    pub async fn progress(&self) -> Result<Option<Progress>, JournalError> {
        type Columns = (String, Option<Uuid>, Option<i64>);
        let found: Option<Columns> = self
            .connections
            .run(ANSWER_MAX, async |connection| {
                sqlx::query_as("SELECT source, copied_until, moved_ms FROM store_migration")
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        Ok(found.map(|(source, copied_until, moved_ms)| Progress {
            source,
            copied_until: copied_until.map(CallbackId),
            is_finished: moved_ms.is_some(),
        }))
    }

    /// A table that holds something, if there is one.
    ///
    /// # Errors
    /// [`JournalError`] when the server does not answer.
    pub async fn table_in_use(&self) -> Result<Option<&'static str>, JournalError> {
        self.connections.run(ANSWER_MAX, sql::table_in_use).await
    }

    /// From now on the database belongs to this move: no gateway starts on it.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn begin(&self, source: &str) -> Result<(), JournalError> {
        self.connections
            .run(ANSWER_MAX, async |connection| {
                sqlx::query("INSERT INTO store_migration (source) VALUES ($1)")
                    .bind(source)
                    .execute(connection)
                    .await
            })
            .await?;
        Ok(())
    }

    /// Makes a span hold what the batch holds, in one transaction: what is the same stays,
    /// what differs is replaced, what the batch lacks goes. `progress` is kept for
    /// [`Progress::copied_until`]. False: an event of the batch is known from another span,
    /// because the source has changed since that one was written; nothing was written now.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn write(
        &self,
        batch: &Batch,
        progress: Option<CallbackId>,
    ) -> Result<bool, JournalError> {
        let span = batch.span;
        let here = self
            .connections
            .run(LONG_ANSWER_MAX, async |connection| {
                sql::read(connection, span).await
            })
            .await?;
        let days = batch.attempts.not_in(&here.attempts);
        let days = days.iter().map(|row| day_of(to_u64(row.started_ms)));
        self.partitions.make(&self.connections, days).await?;
        let written = self
            .connections
            .run(LONG_ANSWER_MAX, async |connection| {
                let mut transaction = connection.begin().await?;
                sql::replace(&mut transaction, &here, batch).await?;
                sql::keep_progress(&mut transaction, progress).await?;
                transaction.commit().await
            })
            .await;
        match written {
            Err(error) if error.is_repetition() => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// The ledger becomes that of the source.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn write_ledger(&self, sums: &Sums) -> Result<(), JournalError> {
        let (accepted, pruned) = (sums.counts.accepted, sums.counts.pruned);
        self.connections
            .transaction(async |connection| sql::write_ledger(connection, accepted, pruned).await)
            .await
    }

    /// The replays become those of the source.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn write_replays(&self, replays: &Replays) -> Result<(), JournalError> {
        self.connections
            .transaction(async |connection| sql::write_replays(connection, replays).await)
            .await
    }

    /// Reads everything that is here now, telling after each batch how many callbacks it had.
    ///
    /// # Errors
    /// [`JournalError`] when the server does not answer.
    pub async fn sums(&self, tell: &(dyn Fn(u64) + Sync)) -> Result<Sums, JournalError> {
        let (mut sums, mut after) = (Sums::default(), Span::ALL.after);
        loop {
            let batch = self
                .connections
                .run(LONG_ANSWER_MAX, async |connection| {
                    let span = sql::span_after(connection, after).await?;
                    sql::read(connection, span).await
                })
                .await?;
            sums.add(&batch)?;
            tell(batch.callbacks());
            if batch.span.until == Span::ALL.until {
                break;
            }
            after = batch.span.until;
        }
        let (accepted, pruned) = self
            .connections
            .run(LONG_ANSWER_MAX, sql::read_ledger)
            .await?;
        sums.counts.add("accepted", accepted)?;
        sums.counts.add("pruned", pruned)?;
        Ok(sums)
    }

    /// The move is finished: gateways may start. False: this process lost its duties, so
    /// another one may have written meanwhile.
    ///
    /// # Errors
    /// [`JournalError`] when the server does not answer: it may be finished or not.
    pub async fn finish(&self, now: TimestampMs) -> Result<bool, JournalError> {
        // The planner knows nothing of tables that were filled just now.
        self.connections
            .run(LONG_ANSWER_MAX, async |connection| {
                sqlx::query("ANALYZE results, callbacks, attempts")
                    .execute(connection)
                    .await
            })
            .await?;
        if !self.has_duties().await? {
            return Ok(false);
        }
        self.connections
            .run(ANSWER_MAX, async |connection| {
                sqlx::query("UPDATE store_migration SET moved_ms = $1, copied_until = NULL")
                    .bind(to_i64(now))
                    .execute(connection)
                    .await
            })
            .await?;
        Ok(true)
    }

    /// Gives the duties up and closes the connections.
    pub async fn close(&self) {
        self.leadership.resign().await;
        self.connections.pool().close().await;
    }
}

/// Which migrations the database has; none if it is empty.
async fn applied(connection: &mut PgConnection) -> Result<Vec<(i64, Vec<u8>)>, sqlx::Error> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(MIGRATIONS_TABLE)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT version, checksum FROM {MIGRATIONS_TABLE} ORDER BY version");
    sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await
}
