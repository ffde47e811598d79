//! What the labelling side takes: live tasks that wait, claims with a lease, and what it
//! has acknowledged. Test tasks are never here.

use crate::callback::TimestampMs;
use crate::records::tasks::Task;
use crate::records::{Records, RecordsError, holds_nul};

impl Records {
    /// Live tasks that nobody has, oldest first, after this id.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn waiting_tasks(
        &self,
        after: &str,
        limit: i64,
        now: TimestampMs,
    ) -> Result<Vec<Task>, RecordsError> {
        if holds_nul(after) {
            return Ok(Vec::new());
        }
        Ok(self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT * FROM tasks WHERE status = 'pending' AND mode = 'live' \
                     AND acknowledged = 0 AND is_staged = 0 AND claimed_until_ms <= $1 \
                     AND id > $2 ORDER BY id LIMIT $3",
                )
                .bind(now.cast_signed())
                .bind(after)
                .bind(limit)
                .fetch_all(connection)
                .await
            })
            .await?)
    }

    /// Gives tasks to a producer until then; those of its own again. Returns those it has now.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was claimed.
    pub async fn claim_tasks(
        &self,
        ids: &[String],
        producer: &str,
        (now, until): (TimestampMs, TimestampMs),
    ) -> Result<Vec<Task>, RecordsError> {
        let ids = in_order(ids);
        self.transact(async |connection| {
            let mut claimed = Vec::with_capacity(ids.len());
            for id in ids {
                let task: Option<Task> = sqlx::query_as(
                    "UPDATE tasks SET claimed_by = $1, claimed_until_ms = $2 WHERE id = $3 \
                     AND status = 'pending' AND mode = 'live' AND acknowledged = 0 \
                     AND is_staged = 0 AND (claimed_until_ms <= $4 OR claimed_by = $1) \
                     RETURNING *",
                )
                .bind(producer)
                .bind(until.cast_signed())
                .bind(id)
                .bind(now.cast_signed())
                .fetch_optional(&mut *connection)
                .await?;
                claimed.extend(task);
            }
            Ok(claimed)
        })
        .await
    }

    /// The labelling side has these for good: they do not come again. Returns which; one
    /// that another producer has claimed is not.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was acknowledged.
    pub async fn acknowledge_tasks(
        &self,
        ids: &[String],
        producer: &str,
        now: TimestampMs,
    ) -> Result<Vec<String>, RecordsError> {
        let ids = in_order(ids);
        self.transact(async |connection| {
            let mut acknowledged = Vec::with_capacity(ids.len());
            for id in ids {
                let id: Option<String> = sqlx::query_scalar(
                    "UPDATE tasks SET acknowledged = 1, claimed_by = $1 WHERE id = $2 \
                     AND status = 'pending' AND mode = 'live' AND is_staged = 0 \
                     AND (claimed_until_ms <= $3 OR claimed_by = $1) RETURNING id",
                )
                .bind(producer)
                .bind(id)
                .bind(now.cast_signed())
                .fetch_optional(&mut *connection)
                .await?;
                acknowledged.extend(id);
            }
            Ok(acknowledged)
        })
        .await
    }
}

/// In one order everywhere, so that no two transactions wait for each other.
fn in_order(ids: &[String]) -> Vec<&String> {
    let mut ids: Vec<_> = ids.iter().filter(|id| !holds_nul(id)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
