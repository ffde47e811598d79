//! Results of the labelling side, applied to the tasks they are about: many in one
//! transaction, each event once.

use crate::callback::{Mode, TimestampMs};
use crate::records::batches::lock;
use crate::records::tasks::Task;
use crate::records::tasks::changing::{Changing, Told};
use crate::records::world::{World, stored_mode};
use crate::records::{Records, RecordsError};
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A result of what may be a task of ours.
#[derive(Debug, Clone)]
pub struct TaskResult {
    /// The task.
    pub task_id: String,
    /// The producer's name of the event.
    pub event_id: String,
    /// Whose task the producer takes it for.
    pub team: String,
    /// Live or test.
    pub mode: Mode,
    /// The status it has now.
    pub status: &'static str,
    /// JSON with its bytes.
    pub response: String,
}

/// What became of one result.
#[derive(Debug)]
pub enum Taken<R> {
    /// It is about no task of ours.
    Unknown,
    /// Applied now or before: the task as it is now.
    Known(Box<Task>),
    /// Not legal for this task.
    Refused(R),
}

impl Records {
    /// Applies results with a rule, in order; a refused one writes nothing. Answers each.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn apply_results<R>(
        &self,
        results: &[TaskResult],
        now: TimestampMs,
        rule: impl Fn(&mut Task, &TaskResult) -> Result<(), R>,
    ) -> Result<Vec<Taken<R>>, RecordsError> {
        let ids: BTreeSet<_> = results.iter().map(|it| it.task_id.as_str()).collect();
        // Without a transaction: what is about no task of ours costs one look-up.
        let batches = self
            .run(async |connection| batches_of(connection, &ids).await)
            .await?;
        if batches.is_empty() {
            return Ok(results.iter().map(|_| Taken::Unknown).collect());
        }
        self.transact(async |connection| {
            let mut changing = Changing::new(connection, &self.currency, now);
            let to_lock: BTreeSet<_> = batches.values().flatten().collect();
            for (team, mode, batch) in to_lock {
                let mode = stored_mode(mode);
                lock(changing.connection, World { team, mode }, batch).await?;
            }
            let mut tasks = HashMap::new();
            for id in batches.keys() {
                if let Some(task) = changing.lock_task(id).await? {
                    tasks.insert(id.clone(), task);
                }
            }
            let mut taken = Vec::with_capacity(results.len());
            for result in results {
                taken.push(match tasks.get_mut(&result.task_id) {
                    Some(task) => apply(&mut changing, task, result, &rule).await?,
                    None => Taken::Unknown,
                });
            }
            changing.finish().await?;
            Ok(taken)
        })
        .await
    }

    /// Forgets results of tasks that ended before then, at most `limit`: a repeat of one
    /// would be taken for a new one. Returns how many.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was forgotten.
    pub async fn prune_task_events(
        &self,
        before: TimestampMs,
        limit: u32,
    ) -> Result<u64, RecordsError> {
        let pruned = self.run(async |connection| {
            sqlx::query(
                "DELETE FROM task_events WHERE (task_id, event_id) IN \
                 (SELECT task_events.task_id, event_id FROM task_events \
                 JOIN tasks ON tasks.id = task_events.task_id \
                 WHERE applied_ms < $1 AND status <> 'pending' AND updated_ms < $1 \
                 ORDER BY applied_ms LIMIT $2)",
            )
            .bind(before.cast_signed())
            .bind(i64::from(limit))
            .execute(connection)
            .await
        });
        Ok(pruned.await?.rows_affected())
    }
}

async fn apply<R>(
    changing: &mut Changing<'_>,
    task: &mut Task,
    result: &TaskResult,
    rule: &impl Fn(&mut Task, &TaskResult) -> Result<(), R>,
) -> Result<Taken<R>, sqlx::Error> {
    let seen: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM task_events WHERE task_id = $1 AND event_id = $2")
            .bind(&task.id)
            .bind(&result.event_id)
            .fetch_one(&mut *changing.connection)
            .await?;
    let before = task.clone();
    let mut after = task.clone();
    if let Err(reason) = rule(&mut after, result) {
        // A repeat of what was applied once is legal whatever came since.
        let is_own = task.team_id == result.team && task.mode() == result.mode;
        if seen == 0 || !is_own {
            return Ok(Taken::Refused(reason));
        }
    }
    if seen == 0 {
        sqlx::query("INSERT INTO task_events (task_id, event_id, applied_ms) VALUES ($1, $2, $3)")
            .bind(&task.id)
            .bind(&result.event_id)
            .bind(changing.now)
            .execute(&mut *changing.connection)
            .await?;
        changing.save(&before, &mut after, Told::Nobody).await?;
        *task = after;
    }
    Ok(Taken::Known(Box::new(task.clone())))
}

/// Which of these are tasks, and the batch of each: team, mode, name.
type Batches = BTreeMap<String, Option<(String, String, String)>>;

async fn batches_of(
    connection: &mut AnyConnection,
    ids: &BTreeSet<&str>,
) -> Result<Batches, sqlx::Error> {
    let places: Vec<_> = (1..=ids.len()).map(|n| format!("${n}")).collect();
    let sql = format!(
        "SELECT id, team_id, mode, batch FROM tasks WHERE id IN ({})",
        places.join(", ")
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql));
    for id in ids {
        query = query.bind(*id);
    }
    let rows: Vec<(String, String, String, Option<String>)> = query.fetch_all(connection).await?;
    let batch = |(id, team, mode, batch): (String, String, String, Option<String>)| {
        (id, batch.map(|batch| (team, mode, batch)))
    };
    Ok(rows.into_iter().map(batch).collect())
}
