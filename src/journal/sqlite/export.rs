//! Reading a whole SQLite journal for its move. Never writes to it: beside a running
//! gateway it only reads, and to freeze it, it takes the writer's turn and keeps it.

use crate::callback::CallbackId;
use crate::checksum::digest_of;
use crate::journal::JournalError;
use crate::journal::replay::ReplayColumns;
use crate::journal::sqlite::batch::MIGRATIONS;
use crate::journal::transfer::{AttemptRow, Batch, CallbackRow, Replays, ResultRow, Span, Sums};
use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, FromRow, Row, SqliteConnection};
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// Callbacks in one batch.
const ROWS_MAX: u32 = 2000;
/// What a batch may weigh, bytes: it is held in memory, and twice in the other server's.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// The largest attempt, bytes: mostly the answer that is kept of it.
const ATTEMPT_BYTES_MAX: usize = 4096;
/// The writer's turn comes after whoever writes now.
const TURN_MAX: Duration = Duration::from_secs(30);

/// A journal on its way out.
pub struct Export {
    connection: SqliteConnection,
    frozen: bool,
}

impl Export {
    /// Opens `journal.db` in the folder. Frozen: nobody writes until this is dropped.
    /// `None`: it is of another version.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be opened or another process keeps writing.
    pub async fn open(folder: &Path, frozen: bool) -> Result<Option<Self>, JournalError> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join("journal.db"))
            .read_only(!frozen)
            .busy_timeout(TURN_MAX)
            .row_buffer_size(16);
        let connection = options.connect().await?;
        let mut export = Self { connection, frozen };
        if frozen {
            sqlx::query("BEGIN IMMEDIATE")
                .execute(&mut export.connection)
                .await?;
        }
        Ok(export.has_this_version().await?.then_some(export))
    }

    async fn has_this_version(&mut self) -> Result<bool, sqlx::Error> {
        let applied: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
                .fetch_all(&mut self.connection)
                .await?;
        let known = MIGRATIONS
            .iter()
            .map(|known| (known.version, known.checksum.to_vec()));
        Ok(known.eq(applied))
    }

    /// How many callbacks there are behind an id.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub async fn count(&mut self, after: CallbackId) -> Result<u64, JournalError> {
        let n: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM callbacks WHERE seq > $1")
            .bind(after.sequence())
            .fetch_one(&mut self.connection)
            .await?;
        Ok(n.unsigned_abs())
    }

    /// The greatest id in use; none in an empty journal.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub async fn last_id(&mut self) -> Result<Option<CallbackId>, JournalError> {
        let last: Option<Uuid> =
            sqlx::query_scalar("SELECT id FROM callbacks ORDER BY seq DESC LIMIT 1")
                .fetch_optional(&mut self.connection)
                .await?;
        Ok(last.map(CallbackId))
    }

    /// The next batch of a span, as it is at one moment. It ends where the span ends, or
    /// earlier when it is full.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read or holds what cannot be.
    pub async fn read(&mut self, span: Span) -> Result<Batch, JournalError> {
        if self.frozen {
            return Ok(self.read_at_once(span).await?);
        }
        sqlx::query("BEGIN").execute(&mut self.connection).await?;
        let batch = self.read_at_once(span).await?;
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(batch)
    }

    async fn read_at_once(&mut self, span: Span) -> Result<Batch, sqlx::Error> {
        let (span, results, callbacks) = self.read_callbacks(span).await?;
        // By their own range, not by the callbacks found: one without a callback must show.
        let attempts = sqlx::query_as::<_, AttemptRow>(
            "SELECT c.id, a.number, a.started_ms, a.duration_ms, a.url, a.provenance, \
                 a.diagnosis, a.status, a.location, a.answer \
             FROM attempts a LEFT JOIN callbacks c ON c.seq = a.seq \
             WHERE a.seq > $1 AND a.seq <= $2",
        )
        .bind(span.after.sequence())
        .bind(span.until.sequence())
        .fetch_all(&mut self.connection)
        .await?;
        let attempts = attempts.into_iter().map(|mut row| {
            row.answer_digest = digest_of(&row.answer).into();
            row
        });
        Ok(Batch {
            span,
            results: results.into_iter().collect(),
            callbacks: callbacks.into_iter().collect(),
            attempts: attempts.collect(),
        })
    }

    async fn read_callbacks(
        &mut self,
        span: Span,
    ) -> Result<(Span, Vec<ResultRow>, Vec<CallbackRow>), sqlx::Error> {
        let mut found = sqlx::query(
            "SELECT c.id, c.team_id, c.event_id, c.task_id, c.project, c.mode, c.url, c.digest, \
                 c.state, c.reason, c.attempts, c.forgiven, c.due_ms, c.ended_ms, c.status, \
                 c.traceparent, b.body \
             FROM callbacks c LEFT JOIN bodies b ON b.seq = c.seq \
             WHERE c.seq > $1 AND c.seq <= $2 ORDER BY c.seq LIMIT $3",
        )
        .bind(span.after.sequence())
        .bind(span.until.sequence())
        .bind(ROWS_MAX)
        .fetch(&mut self.connection);
        let (mut results, mut callbacks, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut is_full = false;
        while !is_full && let Some(row) = found.try_next().await? {
            bytes += weight(&row)?;
            let mut result = ResultRow::from_row(&row)?;
            result.body_digest = digest_of(&result.body).into();
            results.push(result);
            callbacks.push(CallbackRow::from_row(&row)?);
            is_full = bytes >= BYTES_MAX || results.len() == ROWS_MAX as usize;
        }
        let until = match results.last() {
            Some(last) if is_full => CallbackId(last.id),
            _ => span.until,
        };
        Ok((Span { until, ..span }, results, callbacks))
    }

    /// Every replay, as it is stored.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub async fn replays(&mut self) -> Result<Replays, JournalError> {
        let found = sqlx::query_as::<_, ReplayColumns>("SELECT * FROM replays")
            .fetch_all(&mut self.connection)
            .await?;
        Ok(Replays(found))
    }

    /// Counts the ledger in.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub async fn add_ledger(&mut self, sums: &mut Sums) -> Result<(), JournalError> {
        let accounts: Vec<(String, i64)> = sqlx::query_as("SELECT name, n FROM ledger")
            .fetch_all(&mut self.connection)
            .await?;
        for (name, n) in accounts {
            sums.counts.add(&name, n)?;
        }
        Ok(())
    }
}

/// A missing body is an error: it is not null in any other row.
fn weight(row: &SqliteRow) -> Result<usize, sqlx::Error> {
    let attempts: u32 = row.try_get("attempts")?;
    let body: &[u8] = row.try_get("body")?;
    Ok(body.len() + attempts as usize * ATTEMPT_BYTES_MAX)
}
