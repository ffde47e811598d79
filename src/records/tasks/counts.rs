//! How many tasks there are, kept in the transaction that changes them, so that no list
//! ever counts its tasks.

use crate::records::tasks::Task;
use crate::records::world::World;
use crate::records::{Records, RecordsError};
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::{BTreeMap, HashMap};

/// Counters of one number. A task always uses the same one, so that none falls below 0.
const SLOTS: u32 = 8;
/// Rows in one statement.
const ROWS_MAX: usize = 500;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted<'a> {
    /// Every task of a world.
    All,
    /// Those of a project.
    Project(&'a str),
    /// Those of a batch.
    Batch(&'a str),
    /// Those of a type.
    Kind(&'a str),
    /// Those with a tag.
    Tag(&'a str),
    /// Those with a review state.
    Review(&'a str),
}

impl Counted<'_> {
    fn kind_and_name(self) -> (&'static str, String) {
        match self {
            Self::All => ("", String::new()),
            Self::Project(name) => ("project", name.to_owned()),
            Self::Batch(name) => ("batch", name.to_owned()),
            Self::Kind(name) => ("type", name.to_owned()),
            Self::Tag(name) => ("tag", name.to_owned()),
            Self::Review(name) => ("review", name.to_owned()),
        }
    }
}

/// Team, mode, kind, name, status, slot.
type Row = (String, String, &'static str, String, String, i64);

/// Changes of counts, gathered: written last, because the rows are shared by many, and in
/// one order, so that no two transactions wait for each other.
#[derive(Debug, Default)]
pub(super) struct Counting(BTreeMap<Row, i64>);

impl Counting {
    /// One task more (or, with -1, less) wherever it counts.
    pub(super) fn add(&mut self, task: &Task, n: i64) {
        let digit = task.id.chars().last().and_then(|last| last.to_digit(16));
        let slot = i64::from(digit.unwrap_or(0) % SLOTS);
        let tags = task.tag_list();
        let always = [Counted::All, Counted::Kind(&task.kind)];
        let project = task.project.as_deref().map(Counted::Project);
        let batch = task.batch.as_deref().map(Counted::Batch);
        let review = task.review.as_deref().map(Counted::Review);
        let set = [project, batch, review].into_iter().flatten();
        let tags = tags.iter().map(|tag| Counted::Tag(tag));
        for counted in always.into_iter().chain(set).chain(tags) {
            let (kind, name) = counted.kind_and_name();
            // A batch is locked by whoever changes its tasks: one slot is enough.
            let slot = if kind == "batch" { 0 } else { slot };
            let (team, mode) = (task.team_id.clone(), task.mode.clone());
            let row = (team, mode, kind, name, task.status.clone(), slot);
            *self.0.entry(row).or_default() += n;
        }
    }

    pub(super) async fn write(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let rows: Vec<_> = self.0.into_iter().filter(|(_, n)| *n != 0).collect();
        for rows in rows.chunks(ROWS_MAX) {
            let row = |row: usize| {
                let places: Vec<_> = (row * 7 + 1..=row * 7 + 7)
                    .map(|n| format!("${n}"))
                    .collect();
                format!("({})", places.join(", "))
            };
            let values: Vec<_> = (0..rows.len()).map(row).collect();
            let sql = format!(
                "INSERT INTO task_counts (team_id, mode, kind, name, status, slot, n) VALUES {} \
                 ON CONFLICT (team_id, mode, kind, name, status, slot) \
                 DO UPDATE SET n = task_counts.n + excluded.n",
                values.join(", ")
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for ((team, mode, kind, name, status, slot), n) in rows {
                let texts = query.bind(team).bind(mode).bind(*kind).bind(name);
                query = texts.bind(status).bind(*slot).bind(*n);
            }
            query.execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// Tasks by status.
pub type ByStatus = HashMap<String, i64>;

pub(in crate::records) async fn by_status(
    connection: &mut AnyConnection,
    world: World<'_>,
    counted: Counted<'_>,
) -> Result<ByStatus, sqlx::Error> {
    let (kind, name) = counted.kind_and_name();
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT status, CAST(SUM(n) AS BIGINT) FROM task_counts WHERE team_id = $1 \
         AND mode = $2 AND kind = $3 AND name = $4 GROUP BY status",
    )
    .bind(world.team)
    .bind(world.mode.as_str())
    .bind(kind)
    .bind(name)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

impl Records {
    /// Tasks by status.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn task_counts(
        &self,
        world: World<'_>,
        counted: Counted<'_>,
    ) -> Result<ByStatus, RecordsError> {
        Ok(self
            .run(async |connection| by_status(connection, world, counted).await)
            .await?)
    }

    /// Tasks by status of each of these batches that has any, by name.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn batch_counts(
        &self,
        world: World<'_>,
        names: &[&str],
    ) -> Result<HashMap<String, ByStatus>, RecordsError> {
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        let places: Vec<_> = (3..names.len() + 3).map(|n| format!("${n}")).collect();
        let sql = format!(
            "SELECT name, status, n FROM task_counts WHERE team_id = $1 AND mode = $2 \
             AND kind = 'batch' AND name IN ({})",
            places.join(", ")
        );
        let rows: Vec<(String, String, i64)> = self
            .run(async |connection| {
                let query = sqlx::query_as(AssertSqlSafe(sql)).bind(world.team);
                let mut query = query.bind(world.mode.as_str());
                for name in names {
                    query = query.bind(*name);
                }
                query.fetch_all(connection).await
            })
            .await?;
        let mut counts: HashMap<String, ByStatus> = HashMap::new();
        for (name, status, n) in rows {
            *counts.entry(name).or_default().entry(status).or_default() += n;
        }
        Ok(counts)
    }
}
