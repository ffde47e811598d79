//! Evaluation and training tasks: tasks whose answer is known. They are kept as they were
//! made and are in no list, count or feed of tasks.

use crate::records::world::World;
use crate::records::{Records, RecordsError};

/// A quality task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityTask {
    /// 24 hex digits.
    pub id: String,
    /// `evaluation` or `training`.
    pub kind: &'static str,
    /// Its project.
    pub project: Option<String>,
    /// JSON as shown.
    pub object: String,
    /// When it was made.
    pub created_ms: i64,
}

impl Records {
    /// Keeps a quality task.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was kept.
    pub async fn add_quality_task(
        &self,
        world: World<'_>,
        task: &QualityTask,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO quality_tasks (id, team_id, mode, kind, project, object, created_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&task.id)
            .bind(world.team)
            .bind(world.mode.as_str())
            .bind(task.kind)
            .bind(&task.project)
            .bind(&task.object)
            .bind(task.created_ms)
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }
}
