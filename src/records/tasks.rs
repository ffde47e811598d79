//! Tasks: the row, one look-up, and every change as one transaction. Which changes are
//! legal is decided above; here they are made together with the counts, tags, batches and
//! callbacks that follow from them.

pub mod changing;
pub mod counts;
pub mod create;
pub mod list;
pub mod object;
pub mod results;

use crate::callback::Mode;
use crate::records::world::{World, stored_mode};
use crate::records::{Records, RecordsError, holds_nul};
use sqlx::AnyConnection;

/// Not done yet.
pub const PENDING: &str = "pending";
/// Done.
pub const COMPLETED: &str = "completed";
/// Given up by the customer, or by the labelling side.
pub const CANCELED: &str = "canceled";
/// It cannot be done.
pub const ERROR: &str = "error";

/// A task as stored. Times are milliseconds since 1970; flags are 0 or 1.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the migration explains each column")]
pub struct Task {
    pub id: String,
    pub team_id: String,
    pub mode: String,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub status: String,
    pub project: Option<String>,
    pub project_version: Option<i64>,
    pub batch: Option<String>,
    pub unique_id: Option<String>,
    pub clears_unique_id: i64,
    pub callback_url: Option<String>,
    pub instruction: String,
    pub params: String,
    pub metadata: String,
    pub tags: String,
    pub priority: Option<i64>,
    pub response: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub completed_ms: Option<i64>,
    pub review: Option<String>,
    pub audits: String,
    pub callback_succeeded: Option<i64>,
    pub callback_succeeded_ms: Option<i64>,
    pub events: i64,
    pub is_staged: i64,
    pub claimed_by: Option<String>,
    pub claimed_until_ms: i64,
    pub acknowledged: i64,
}

impl Task {
    /// Live or test.
    #[must_use]
    pub fn mode(&self) -> Mode {
        stored_mode(&self.mode)
    }

    /// Made with a test key.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.mode() == Mode::Test
    }

    /// Its tags.
    #[must_use]
    pub fn tag_list(&self) -> Vec<String> {
        serde_json::from_str(&self.tags).unwrap_or_default()
    }

    fn world(&self) -> World<'_> {
        World {
            team: &self.team_id,
            mode: self.mode(),
        }
    }
}

impl Records {
    /// One task.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn task(&self, world: World<'_>, id: &str) -> Result<Option<Task>, RecordsError> {
        if holds_nul(id) {
            return Ok(None);
        }
        Ok(self
            .run(async |connection| {
                sqlx::query_as("SELECT * FROM tasks WHERE id = $1 AND team_id = $2 AND mode = $3")
                    .bind(id)
                    .bind(world.team)
                    .bind(world.mode.as_str())
                    .fetch_optional(connection)
                    .await
            })
            .await?)
    }

    /// The task that holds a unique id.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn task_of_unique_id(
        &self,
        world: World<'_>,
        unique_id: &str,
    ) -> Result<Option<String>, RecordsError> {
        Ok(self
            .run(async |connection| holder(connection, world, unique_id).await)
            .await?)
    }

    /// Notes that callbacks of tasks came to their end: (team, task, 2xx or not, when).
    /// Once one has succeeded, it stays so. Ids of no task change nothing.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn note_callback_ends(
        &self,
        mut ends: Vec<(String, String, bool, i64)>,
    ) -> Result<(), RecordsError> {
        // In one order everywhere, so that no two wait for each other.
        ends.sort_by(|a, b| a.1.cmp(&b.1));
        self.transact(async |connection| {
            for (team, task, succeeded, at) in &ends {
                sqlx::query(
                    "UPDATE tasks SET callback_succeeded = \
                     CASE WHEN callback_succeeded = 1 THEN callback_succeeded ELSE $1 END, \
                     callback_succeeded_ms = COALESCE($2, callback_succeeded_ms) \
                     WHERE id = $3 AND team_id = $4",
                )
                .bind(i64::from(*succeeded))
                .bind(succeeded.then_some(*at))
                .bind(task)
                .bind(team)
                .execute(&mut *connection)
                .await?;
            }
            Ok(())
        })
        .await
    }
}

async fn holder(
    connection: &mut AnyConnection,
    world: World<'_>,
    unique_id: &str,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT id FROM tasks WHERE team_id = $1 AND mode = $2 AND unique_id = $3")
        .bind(world.team)
        .bind(world.mode.as_str())
        .bind(unique_id)
        .fetch_optional(connection)
        .await
}

/// Makes a task's rows of tags those that it lists.
async fn put_tags(
    connection: &mut AnyConnection,
    task: &Task,
    before: &[String],
) -> Result<(), sqlx::Error> {
    let now = task.tag_list();
    for tag in before.iter().filter(|tag| !now.contains(tag)) {
        sqlx::query("DELETE FROM task_tags WHERE task_id = $1 AND tag = $2")
            .bind(&task.id)
            .bind(tag)
            .execute(&mut *connection)
            .await?;
    }
    for tag in now.iter().filter(|tag| !before.contains(tag)) {
        sqlx::query("INSERT INTO task_tags (team_id, mode, tag, task_id) VALUES ($1, $2, $3, $4)")
            .bind(&task.team_id)
            .bind(&task.mode)
            .bind(tag)
            .bind(&task.id)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
