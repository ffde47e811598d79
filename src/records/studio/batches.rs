//! Batches of Studio's projects: which wait, whose they are, and their order.

use crate::records::studio::groups::groups;
use crate::records::studio::{IS_STUDIO, change, list, lock_project};
use crate::records::world::World;
use crate::records::{Records, RecordsError, holds_nul};
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::{BTreeSet, HashMap};

/// A batch as Studio sees it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StudioBatch {
    /// 24 hex digits.
    pub id: String,
    /// Unique in its world.
    pub name: String,
    /// Its project's id.
    pub project_id: String,
    /// Its project's name.
    pub project: String,
    /// Tasks in it, canceled ones too.
    pub total: i64,
    /// Of these, completed ones.
    pub completed: i64,
    /// Names of the groups that label it, the oldest group first.
    #[sqlx(skip)]
    pub groups: Vec<String>,
    /// Its place in the order that was asked for, from 1; lower goes first.
    #[sqlx(skip)]
    pub place: Option<usize>,
}

impl Records {
    /// Batches of Studio's projects that are not completed: as they were ordered, then the
    /// others as they were made.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn pending_studio_batches(
        &self,
        world: World<'_>,
    ) -> Result<Vec<StudioBatch>, RecordsError> {
        let mut batches = self
            .run(async |connection| find(connection, world, None).await)
            .await?;
        // Stable: those without a place keep the order of their ids.
        batches.sort_by_key(|batch| batch.place.unwrap_or(usize::MAX));
        Ok(batches)
    }

    /// One batch of a Studio project, completed or not.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn studio_batch(
        &self,
        world: World<'_>,
        name: &str,
    ) -> Result<Option<StudioBatch>, RecordsError> {
        if holds_nul(name) {
            return Ok(None);
        }
        let batches = self
            .run(async |connection| find(connection, world, Some(name)).await)
            .await?;
        Ok(batches.into_iter().next())
    }

    /// Gives a batch to these groups of its project and to no others.
    ///
    /// # Errors
    /// [`RecordsError::Missing`] names the groups that its project has not: nothing was
    /// written.
    pub async fn set_studio_batch_groups(
        &self,
        world: World<'_>,
        batch: &StudioBatch,
        names: &BTreeSet<String>,
    ) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            lock_project(connection, world, &batch.project).await?;
            let groups = groups(connection, world, &batch.project).await?;
            let ids: HashMap<_, _> = groups.into_iter().map(|it| (it.name, it.id)).collect();
            let missing = names.iter().filter(|name| !ids.contains_key(*name));
            let missing: Vec<_> = missing.map(|name| format!("{name:?}")).collect();
            if !missing.is_empty() {
                return Err(RecordsError::Missing(missing.join(", ")));
            }
            sqlx::query("DELETE FROM studio_batch_groups WHERE batch_id = $1")
                .bind(&batch.id)
                .execute(&mut *connection)
                .await?;
            let ids: BTreeSet<String> =
                names.iter().filter_map(|it| ids.get(it)).cloned().collect();
            let sql = format!(
                "INSERT INTO studio_batch_groups (batch_id, group_id) VALUES {}",
                list(2, ids.len(), |place| format!("($1, {place})"))
            );
            Ok(change(connection, sql, [&batch.id], &ids).await?)
        })
        .await
    }

    /// Sets the order of a world's batches, the most urgent first; without one, they are
    /// as they were made.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn set_studio_order(
        &self,
        world: World<'_>,
        ids: Option<&[String]>,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            let query = match ids {
                Some(ids) => sqlx::query(
                    "INSERT INTO studio_orders (team_id, mode, batches) VALUES ($1, $2, $3) \
                     ON CONFLICT (team_id, mode) DO UPDATE SET batches = excluded.batches",
                )
                .bind(world.team)
                .bind(world.mode.as_str())
                .bind(serde_json::Value::from(ids).to_string()),
                None => sqlx::query("DELETE FROM studio_orders WHERE team_id = $1 AND mode = $2")
                    .bind(world.team)
                    .bind(world.mode.as_str()),
            };
            query.execute(connection).await
        })
        .await?;
        Ok(())
    }
}

/// One batch, or all that are pending, by age.
async fn find(
    connection: &mut AnyConnection,
    world: World<'_>,
    name: Option<&str>,
) -> Result<Vec<StudioBatch>, sqlx::Error> {
    let which = match name {
        Some(_) => "b.name = $3",
        // The place stands for something in either case.
        None => "b.status <> $3",
    };
    let which_value = name.unwrap_or("completed");
    let sql = format!(
        "SELECT b.id, b.name, p.id AS project_id, p.name AS project, \
         CAST(COALESCE(SUM(c.n), 0) AS BIGINT) AS total, \
         CAST(COALESCE(SUM(CASE WHEN c.status = 'completed' THEN c.n ELSE 0 END), 0) AS BIGINT) \
         AS completed FROM projects p \
         JOIN batches b ON b.team_id = p.team_id AND b.mode = p.mode AND b.project = p.name \
         LEFT JOIN task_counts c ON c.team_id = b.team_id AND c.mode = b.mode \
         AND c.kind = 'batch' AND c.name = b.name \
         WHERE p.team_id = $1 AND p.mode = $2 AND p.{IS_STUDIO} AND {which} \
         GROUP BY b.id, b.name, p.id, p.name ORDER BY b.id"
    );
    let mut batches: Vec<StudioBatch> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(world.team)
        .bind(world.mode.as_str())
        .bind(which_value)
        .fetch_all(&mut *connection)
        .await?;
    let sql = format!(
        "SELECT b.id, g.name FROM batches b JOIN studio_batch_groups j ON j.batch_id = b.id \
         JOIN studio_groups g ON g.id = j.group_id \
         WHERE b.team_id = $1 AND b.mode = $2 AND {which} ORDER BY g.id"
    );
    let given: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(world.team)
        .bind(world.mode.as_str())
        .bind(which_value)
        .fetch_all(&mut *connection)
        .await?;
    let mut groups: HashMap<String, Vec<String>> = HashMap::new();
    for (batch, group) in given {
        groups.entry(batch).or_default().push(group);
    }
    let places = places(connection, world).await?;
    for batch in &mut batches {
        batch.groups = groups.remove(&batch.id).unwrap_or_default();
        batch.place = places.get(&batch.id).copied();
    }
    Ok(batches)
}

/// The place of each batch in the order that was asked for, from 1.
async fn places(
    connection: &mut AnyConnection,
    world: World<'_>,
) -> Result<HashMap<String, usize>, sqlx::Error> {
    let order: Option<String> =
        sqlx::query_scalar("SELECT batches FROM studio_orders WHERE team_id = $1 AND mode = $2")
            .bind(world.team)
            .bind(world.mode.as_str())
            .fetch_optional(connection)
            .await?;
    let ids: Vec<String> = order
        .and_then(|order| serde_json::from_str(&order).ok())
        .unwrap_or_default();
    Ok(ids.into_iter().zip(1..).collect())
}
