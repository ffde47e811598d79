//! Projects and batches by their ids, and batches that are paused, resumed or cancelled: what
//! only `/v2` asks for.

use crate::records::batches::{Batch, lock};
use crate::records::projects::Project;
use crate::records::world::World;
use crate::records::{Records, RecordsError, holds_nul};

/// Its tasks are hidden from the labelling side.
pub const PAUSED: &str = "paused";
/// Given up for good.
pub const CANCELLED: &str = "cancelled";

impl Records {
    /// A project by its id.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn project_by_id(
        &self,
        world: World<'_>,
        id: &str,
    ) -> Result<Option<Project>, RecordsError> {
        if holds_nul(id) {
            return Ok(None);
        }
        Ok(self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT * FROM projects WHERE id = $3 AND team_id = $1 AND mode = $2",
                )
                .bind(world.team)
                .bind(world.mode.as_str())
                .bind(id)
                .fetch_optional(connection)
                .await
            })
            .await?)
    }

    /// A batch by its id.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn batch_by_id(
        &self,
        world: World<'_>,
        id: &str,
    ) -> Result<Option<Batch>, RecordsError> {
        if holds_nul(id) {
            return Ok(None);
        }
        Ok(self
            .run(async |connection| {
                sqlx::query_as("SELECT * FROM batches WHERE id = $3 AND team_id = $1 AND mode = $2")
                    .bind(world.team)
                    .bind(world.mode.as_str())
                    .bind(id)
                    .fetch_optional(connection)
                    .await
            })
            .await?)
    }

    /// Pauses a batch that runs: the labelling side sees its pending tasks no more. Returns
    /// whether it ran.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn pause_batch(&self, world: World<'_>, name: &str) -> Result<bool, RecordsError> {
        self.show_or_hide(
            world,
            name,
            (
                "UPDATE batches SET halted = 'paused' WHERE team_id = $1 \
             AND mode = $2 AND name = $3 AND halted IS NULL AND status <> 'completed'",
                1,
            ),
        )
        .await
    }

    /// Resumes a paused batch. Returns whether it was paused.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn resume_batch(&self, world: World<'_>, name: &str) -> Result<bool, RecordsError> {
        self.show_or_hide(
            world,
            name,
            (
                "UPDATE batches SET halted = NULL WHERE team_id = $1 \
             AND mode = $2 AND name = $3 AND halted = 'paused'",
                0,
            ),
        )
        .await
    }

    async fn show_or_hide(
        &self,
        world: World<'_>,
        name: &str,
        (change, is_staged): (&'static str, i64),
    ) -> Result<bool, RecordsError> {
        self.transact(async |connection| {
            let changed = sqlx::query(change)
                .bind(world.team)
                .bind(world.mode.as_str())
                .bind(name)
                .execute(&mut *connection)
                .await?;
            if changed.rows_affected() == 0 {
                return Ok(false);
            }
            // What is in staging stays hidden until it is finalized.
            sqlx::query(
                "UPDATE tasks SET is_staged = $4 WHERE team_id = $1 AND mode = $2 AND batch = $3 \
                 AND status = 'pending' AND NOT EXISTS (SELECT 1 FROM batches b WHERE \
                 b.team_id = $1 AND b.mode = $2 AND b.name = $3 AND b.status = 'staging')",
            )
            .bind(world.team)
            .bind(world.mode.as_str())
            .bind(name)
            .bind(is_staged)
            .execute(connection)
            .await?;
            Ok(true)
        })
        .await
    }

    /// Cancels a batch for good: no task joins it any more. Its tasks are left to the caller.
    /// Returns whether it was neither completed nor cancelled.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn cancel_batch(
        &self,
        world: World<'_>,
        name: &str,
        now: i64,
    ) -> Result<bool, RecordsError> {
        let cancelled = self
            .run(async |connection| {
                sqlx::query(
                    "UPDATE batches SET halted = 'cancelled', status = 'completed', \
                     completed_ms = $4 WHERE team_id = $1 AND mode = $2 AND name = $3 \
                     AND status <> 'completed' AND (halted IS NULL OR halted <> 'cancelled')",
                )
                .bind(world.team)
                .bind(world.mode.as_str())
                .bind(name)
                .bind(now)
                .execute(connection)
                .await
            })
            .await?;
        Ok(cancelled.rows_affected() > 0)
    }

    /// Rewrites a batch's metadata by a rule, while nobody else does; what the rule refuses is
    /// told. `None`: there is no such batch.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn change_batch_metadata<R>(
        &self,
        world: World<'_>,
        name: &str,
        rule: impl FnOnce(&str) -> Result<String, R>,
    ) -> Result<Result<Option<Batch>, R>, RecordsError> {
        self.transact(async |connection| {
            lock(connection, world, name).await?;
            let batch: Option<Batch> = sqlx::query_as(
                "SELECT * FROM batches WHERE team_id = $1 AND mode = $2 AND name = $3",
            )
            .bind(world.team)
            .bind(world.mode.as_str())
            .bind(name)
            .fetch_optional(&mut *connection)
            .await?;
            let Some(mut batch) = batch else {
                return Ok(Ok(None));
            };
            batch.metadata = match rule(&batch.metadata) {
                Ok(metadata) => metadata,
                Err(refused) => return Ok(Err(refused)),
            };
            sqlx::query("UPDATE batches SET metadata = $2 WHERE id = $1")
                .bind(&batch.id)
                .bind(&batch.metadata)
                .execute(connection)
                .await?;
            Ok(Ok(Some(batch)))
        })
        .await
    }
}
