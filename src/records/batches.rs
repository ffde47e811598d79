//! Batches: made, found, ended and reopened. A batch's row is locked by whoever changes
//! its tasks, so that it is known exactly when the last of them is done.

pub mod object;

use crate::callback::TimestampMs;
use crate::records::tasks::PENDING;
use crate::records::tasks::counts::{ByStatus, Counted, by_status};
use crate::records::world::World;
use crate::records::{Records, RecordsError, exists, holds_nul, outbox};
use sqlx::{AnyConnection, AssertSqlSafe};

/// Takes tasks; the labelling side sees none of them yet.
pub const STAGING: &str = "staging";
/// Some are not done, or it is empty.
pub const IN_PROGRESS: &str = "in_progress";
/// All are done.
pub const COMPLETED: &str = "completed";

/// A batch as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the migration explains each column")]
pub struct Batch {
    pub id: String,
    pub team_id: String,
    pub mode: String,
    pub name: String,
    pub project: String,
    pub status: String,
    pub is_staging: i64,
    pub callback_url: Option<String>,
    pub metadata: String,
    pub flags: String,
    pub events: i64,
    pub created_ms: i64,
    pub completed_ms: Option<i64>,
    pub halted: Option<String>,
}

/// Which batches; newest first.
#[derive(Debug, Clone, Default)]
pub struct BatchFilter {
    /// Of this project.
    pub project: Option<String>,
    /// In this status.
    pub status: Option<String>,
    /// Paused or cancelled so; empty: neither.
    pub halted: Option<String>,
    /// Ids at or above: made at this time or later.
    pub from_id: Option<String>,
    /// Ids below: the end of a time range, or the last one of the page before.
    pub below_id: Vec<String>,
    /// Completed at or after, milliseconds.
    pub completed_from: Option<i64>,
    /// Completed at or before, milliseconds.
    pub completed_until: Option<i64>,
}

impl Records {
    /// Makes a batch.
    ///
    /// # Errors
    /// [`RecordsError::Exists`] when the name is taken in this world.
    pub async fn add_batch(&self, batch: &Batch) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO batches (id, team_id, mode, name, project, status, is_staging, \
                 callback_url, metadata, flags, events, created_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11)",
            )
            .bind(&batch.id)
            .bind(&batch.team_id)
            .bind(&batch.mode)
            .bind(&batch.name)
            .bind(&batch.project)
            .bind(&batch.status)
            .bind(batch.is_staging)
            .bind(&batch.callback_url)
            .bind(&batch.metadata)
            .bind(&batch.flags)
            .bind(batch.created_ms)
            .execute(connection)
            .await
        })
        .await
        .map_err(exists(|| format!("batch {:?}", batch.name)))?;
        Ok(())
    }

    /// One batch.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn batch(&self, world: World<'_>, name: &str) -> Result<Option<Batch>, RecordsError> {
        if holds_nul(name) {
            return Ok(None);
        }
        Ok(self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT * FROM batches WHERE team_id = $1 AND mode = $2 AND name = $3",
                )
                .bind(world.team)
                .bind(world.mode.as_str())
                .bind(name)
                .fetch_optional(connection)
                .await
            })
            .await?)
    }

    /// Batches that match, newest first, `offset` of them left out.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn batches(
        &self,
        world: World<'_>,
        filter: &BatchFilter,
        (offset, limit): (i64, i64),
    ) -> Result<Vec<Batch>, RecordsError> {
        let (conditions, texts, numbers) = filter.conditions(world);
        let next = texts.len() + numbers.len();
        let sql = format!(
            "SELECT * FROM batches WHERE {conditions} ORDER BY id DESC LIMIT ${} OFFSET ${}",
            next + 1,
            next + 2
        );
        Ok(self
            .run(async |connection| {
                let mut query = sqlx::query_as(AssertSqlSafe(sql));
                for text in texts {
                    query = query.bind(text);
                }
                for number in numbers.into_iter().chain([limit, offset]) {
                    query = query.bind(number);
                }
                query.fetch_all(connection).await
            })
            .await?)
    }

    /// How many batches match.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn batch_total(
        &self,
        world: World<'_>,
        filter: &BatchFilter,
    ) -> Result<i64, RecordsError> {
        let (conditions, texts, numbers) = filter.conditions(world);
        let sql = format!("SELECT COUNT(*) FROM batches WHERE {conditions}");
        Ok(self
            .run(async |connection| {
                let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
                for text in texts {
                    query = query.bind(text);
                }
                for number in numbers {
                    query = query.bind(number);
                }
                query.fetch_one(connection).await
            })
            .await?)
    }

    /// Replaces a batch's metadata. `None`: there is no such batch.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn set_batch_metadata(
        &self,
        world: World<'_>,
        name: &str,
        metadata: &str,
    ) -> Result<Option<Batch>, RecordsError> {
        if holds_nul(name) {
            return Ok(None);
        }
        Ok(self
            .run(async |connection| {
                sqlx::query_as(
                    "UPDATE batches SET metadata = $1 \
                     WHERE team_id = $2 AND mode = $3 AND name = $4 RETURNING *",
                )
                .bind(metadata)
                .bind(world.team)
                .bind(world.mode.as_str())
                .bind(name)
                .fetch_optional(connection)
                .await
            })
            .await?)
    }

    /// Ends a batch's staging: the labelling side sees its tasks. Returns whether it was in
    /// staging.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn finalize_batch(
        &self,
        world: World<'_>,
        name: &str,
        now: TimestampMs,
    ) -> Result<bool, RecordsError> {
        self.transact(async |connection| {
            let finalized = sqlx::query(
                "UPDATE batches SET status = 'in_progress' WHERE team_id = $1 AND mode = $2 \
                 AND name = $3 AND status = 'staging'",
            )
            .bind(world.team)
            .bind(world.mode.as_str())
            .bind(name)
            .execute(&mut *connection)
            .await?;
            if finalized.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(
                "UPDATE tasks SET is_staged = 0 WHERE team_id = $1 AND mode = $2 AND batch = $3 \
                 AND is_staged = 1",
            )
            .bind(world.team)
            .bind(world.mode.as_str())
            .bind(name)
            .execute(&mut *connection)
            .await?;
            end_if_done(connection, world, name, now.cast_signed()).await?;
            Ok(true)
        })
        .await
    }
}

impl BatchFilter {
    /// Conditions, and what their places stand for: texts first, then numbers.
    fn conditions(&self, world: World<'_>) -> (String, Vec<String>, Vec<i64>) {
        let mut all = vec!["team_id = $1".to_owned(), "mode = $2".to_owned()];
        let mut texts = vec![world.team.to_owned(), world.mode.as_str().to_owned()];
        let below = self.below_id.iter().map(|id| ("id <", Some(id)));
        for (condition, text) in [
            ("project =", self.project.as_ref()),
            ("status =", self.status.as_ref()),
            ("id >=", self.from_id.as_ref()),
        ]
        .into_iter()
        .chain(below)
        {
            if let Some(text) = text {
                texts.push(text.clone());
                all.push(format!("{condition} ${}", texts.len()));
            }
        }
        match self.halted.as_deref() {
            None => {}
            Some("") => all.push("halted IS NULL".to_owned()),
            Some(halted) => {
                texts.push(halted.to_owned());
                all.push(format!("halted = ${}", texts.len()));
            }
        }
        let mut numbers = Vec::new();
        for (condition, number) in [
            ("completed_ms >=", self.completed_from),
            ("completed_ms <=", self.completed_until),
        ] {
            if let Some(number) = number {
                numbers.push(number);
                all.push(format!("{condition} ${}", texts.len() + numbers.len()));
            }
        }
        (all.join(" AND "), texts, numbers)
    }
}

/// Locks a batch for the rest of the transaction.
pub(super) async fn lock(
    connection: &mut AnyConnection,
    world: World<'_>,
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE batches SET events = events WHERE team_id = $1 AND mode = $2 AND name = $3",
    )
    .bind(world.team)
    .bind(world.mode.as_str())
    .bind(name)
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks a batch that is about to get a task; one that was completed is in progress again.
pub(super) async fn join(
    connection: &mut AnyConnection,
    world: World<'_>,
    name: &str,
) -> Result<Option<Batch>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE batches SET \
         completed_ms = CASE WHEN is_staging = 0 THEN NULL ELSE completed_ms END, \
         status = CASE WHEN status = 'completed' AND is_staging = 0 THEN 'in_progress' \
             ELSE status END \
         WHERE team_id = $1 AND mode = $2 AND name = $3 RETURNING *",
    )
    .bind(world.team)
    .bind(world.mode.as_str())
    .bind(name)
    .fetch_optional(connection)
    .await
}

/// A task of it is pending again.
pub(super) async fn reopen(
    connection: &mut AnyConnection,
    world: World<'_>,
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE batches SET status = 'in_progress', completed_ms = NULL \
         WHERE team_id = $1 AND mode = $2 AND name = $3 AND status = 'completed'",
    )
    .bind(world.team)
    .bind(world.mode.as_str())
    .bind(name)
    .execute(connection)
    .await?;
    Ok(())
}

/// Completes a locked batch when nothing in it is pending, and tells its customer.
pub(super) async fn end_if_done(
    connection: &mut AnyConnection,
    world: World<'_>,
    name: &str,
    now: i64,
) -> Result<(), sqlx::Error> {
    let counts: ByStatus = by_status(connection, world, Counted::Batch(name)).await?;
    let pending = counts.get(PENDING).copied().unwrap_or(0);
    if pending > 0 || counts.values().sum::<i64>() == 0 {
        return Ok(());
    }
    let ended: Option<Batch> = sqlx::query_as(
        "UPDATE batches SET status = 'completed', completed_ms = $1, events = events + 1 \
         WHERE team_id = $2 AND mode = $3 AND name = $4 AND status = 'in_progress' RETURNING *",
    )
    .bind(now)
    .bind(world.team)
    .bind(world.mode.as_str())
    .bind(name)
    .fetch_optional(&mut *connection)
    .await?;
    match ended {
        // Only its own URL: tasks have told the team already (Scale API, Target).
        Some(batch) if batch.callback_url.is_some() => {
            outbox::add_of_batch(connection, &batch, &counts).await
        }
        _ => Ok(()),
    }
}
