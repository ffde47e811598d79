//! Making a task: the idempotency key, the batch, the task, its tags, counts and callback
//! in one transaction, or nothing.

use crate::callback::TimestampMs;
use crate::records::batches::{Batch, STAGING, end_if_done, join};
use crate::records::genai::CANCELLED;
use crate::records::outbox;
use crate::records::tasks::counts::Counting;
use crate::records::tasks::{PENDING, Task, holder, put_tags};
use crate::records::{Records, RecordsError};
use sqlx::AnyConnection;

/// A key is remembered for so long, milliseconds.
pub const IDEMPOTENCY_MS: i64 = 86_400_000;

/// A request that its sender may repeat without making a second task.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The `Idempotency-Key` header.
    pub key: String,
    /// Of the request: another one must not use the key.
    pub digest: String,
    /// What a repeat is answered.
    pub answer: String,
}

/// Why no task was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The same request was served before, with this answer.
    #[error("the request was served before")]
    Replayed(String),
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// This task holds the unique id.
    #[error("task {0} holds the unique id")]
    UniqueIdTaken(String),
    /// There is no such batch.
    #[error("there is no such batch")]
    NoBatch,
    /// The batch was finalized.
    #[error("the batch takes no more tasks")]
    BatchFinalized,
    /// The database.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl From<sqlx::Error> for CreateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Records(error.into())
    }
}

impl Records {
    /// Makes a task as it is given. One that is completed already (in test mode) leaves its
    /// callback in the outbox.
    ///
    /// # Errors
    /// [`CreateError`]: nothing was made.
    pub async fn add_task(
        &self,
        task: &Task,
        idempotency: Option<&Idempotency>,
    ) -> Result<(), CreateError> {
        self.transact(async |connection| {
            if let Some(idempotency) = idempotency {
                remember(connection, task, idempotency).await?;
            }
            let batch = join_batch(connection, task).await?;
            let is_staged =
                batch.is_some_and(|batch| batch.status == STAGING || batch.halted.is_some());
            if !insert(connection, task, is_staged).await? {
                let unique_id = task.unique_id.as_deref().unwrap_or_default();
                let holder = holder(connection, task.world(), unique_id).await?;
                return Err(CreateError::UniqueIdTaken(holder.unwrap_or_default()));
            }
            put_tags(connection, task, &[]).await?;
            if task.status != PENDING {
                outbox::add_of_task(connection, task).await?;
            }
            let mut counting = Counting::default();
            counting.add(task, 1);
            counting.write(connection).await?;
            if let Some(batch) = task.batch.as_deref().filter(|_| task.status != PENDING) {
                end_if_done(connection, task.world(), batch, task.updated_ms).await?;
            }
            Ok(())
        })
        .await
    }

    /// Forgets idempotency keys older than a day, at most `limit`. Returns how many.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was forgotten.
    pub async fn forget_idempotency_keys(
        &self,
        now: TimestampMs,
        limit: u32,
    ) -> Result<u64, RecordsError> {
        let forgotten = self.run(async |connection| {
            sqlx::query(
                "DELETE FROM idempotency_keys WHERE (team_id, mode, key) IN \
                 (SELECT team_id, mode, key FROM idempotency_keys WHERE created_ms <= $1 \
                 ORDER BY created_ms LIMIT $2)",
            )
            .bind(now.cast_signed() - IDEMPOTENCY_MS)
            .bind(i64::from(limit))
            .execute(connection)
            .await
        });
        Ok(forgotten.await?.rows_affected())
    }
}

/// Takes the key for this request, or tells what it stands for. Waits for a request that
/// is taking it at the moment.
async fn remember(
    connection: &mut AnyConnection,
    task: &Task,
    idempotency: &Idempotency,
) -> Result<(), CreateError> {
    sqlx::query(
        "DELETE FROM idempotency_keys WHERE team_id = $1 AND mode = $2 AND key = $3 \
         AND created_ms <= $4",
    )
    .bind(&task.team_id)
    .bind(&task.mode)
    .bind(&idempotency.key)
    .bind(task.created_ms - IDEMPOTENCY_MS)
    .execute(&mut *connection)
    .await?;
    let taken = sqlx::query(
        "INSERT INTO idempotency_keys (team_id, mode, key, digest, answer, created_ms) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (team_id, mode, key) DO NOTHING",
    )
    .bind(&task.team_id)
    .bind(&task.mode)
    .bind(&idempotency.key)
    .bind(&idempotency.digest)
    .bind(&idempotency.answer)
    .bind(task.created_ms)
    .execute(&mut *connection)
    .await?;
    if taken.rows_affected() > 0 {
        return Ok(());
    }
    let (digest, answer): (String, String) = sqlx::query_as(
        "SELECT digest, answer FROM idempotency_keys \
         WHERE team_id = $1 AND mode = $2 AND key = $3",
    )
    .bind(&task.team_id)
    .bind(&task.mode)
    .bind(&idempotency.key)
    .fetch_one(connection)
    .await?;
    Err(if digest == idempotency.digest {
        CreateError::Replayed(answer)
    } else {
        CreateError::KeyReused
    })
}

async fn join_batch(
    connection: &mut AnyConnection,
    task: &Task,
) -> Result<Option<Batch>, CreateError> {
    let Some(name) = &task.batch else {
        return Ok(None);
    };
    let batch = join(connection, task.world(), name).await?;
    let batch = batch.ok_or(CreateError::NoBatch)?;
    let finalized = batch.is_staging != 0 && batch.status != STAGING;
    if finalized || batch.halted.as_deref() == Some(CANCELLED) {
        return Err(CreateError::BatchFinalized);
    }
    Ok(Some(batch))
}

/// Returns false when the unique id is taken. Waits for a request that is taking it.
async fn insert(
    connection: &mut AnyConnection,
    task: &Task,
    is_staged: bool,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(
        "INSERT INTO tasks (id, team_id, mode, type, status, project, project_version, batch, \
         unique_id, clears_unique_id, callback_url, instruction, params, metadata, tags, \
         priority, response, created_ms, updated_ms, completed_ms, audits, events, is_staged, \
         claimed_until_ms, acknowledged) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
         $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, 0, 0) \
         ON CONFLICT (team_id, mode, unique_id) DO NOTHING",
    )
    .bind(&task.id)
    .bind(&task.team_id)
    .bind(&task.mode)
    .bind(&task.kind)
    .bind(&task.status)
    .bind(&task.project)
    .bind(task.project_version)
    .bind(&task.batch)
    .bind(&task.unique_id)
    .bind(task.clears_unique_id)
    .bind(&task.callback_url)
    .bind(&task.instruction)
    .bind(&task.params)
    .bind(&task.metadata)
    .bind(&task.tags)
    .bind(task.priority)
    .bind(&task.response)
    .bind(task.created_ms)
    .bind(task.updated_ms)
    .bind(task.completed_ms)
    .bind(&task.audits)
    .bind(task.events)
    .bind(i64::from(is_staged))
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}
