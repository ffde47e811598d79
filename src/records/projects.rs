//! Projects, every version of their params, and the callback URL that their tasks inherit.

use crate::callback::{Mode, TimestampMs};
use crate::records::world::World;
use crate::records::{Records, RecordsError, exists, holds_nul};
use serde_json::{Map, Value};
use sqlx::AnyConnection;
use std::collections::HashMap;

/// The param that is a project's callback URL.
pub const CALLBACK_URL: &str = "callback_url";

/// A project without its params.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Project {
    /// 24 hex digits.
    pub id: String,
    /// Unique in its world.
    pub name: String,
    /// The type of its tasks.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// JSON of what was asked for beside.
    pub flags: String,
    /// 1: its batches begin in staging, and its tasks need one.
    pub is_staging: i64,
    /// 1: archived.
    pub archived: i64,
    /// When it was made.
    pub created_ms: i64,
    /// Of its current params.
    pub version: i64,
}

/// One version of a project's params.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Params {
    /// Whose.
    pub project_id: String,
    /// From 0.
    pub version: i64,
    /// A JSON object.
    pub params: String,
    /// When they were set.
    pub created_ms: i64,
}

impl Params {
    /// As an object; empty when another program stored something else.
    #[must_use]
    pub fn object(&self) -> Map<String, Value> {
        serde_json::from_str(&self.params).unwrap_or_default()
    }
}

/// A project with every version of its params, oldest first.
pub type WithHistory = (Project, Vec<Params>);

impl Records {
    /// Makes a project with its first params.
    ///
    /// # Errors
    /// [`RecordsError::Exists`] when the name is taken in this world.
    pub async fn add_project(
        &self,
        world: World<'_>,
        project: &Project,
        params: &Map<String, Value>,
    ) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            sqlx::query(
                "INSERT INTO projects (id, team_id, mode, name, type, flags, is_staging, \
                 archived, created_ms, version) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, 0)",
            )
            .bind(&project.id)
            .bind(world.team)
            .bind(world.mode.as_str())
            .bind(&project.name)
            .bind(&project.kind)
            .bind(&project.flags)
            .bind(project.is_staging)
            .bind(project.created_ms)
            .execute(&mut *connection)
            .await
            .map_err(exists(|| format!("project {:?}", project.name)))?;
            add_params(connection, &project.id, 0, params, project.created_ms).await?;
            put_url(connection, world, &project.name, url_of(params)).await?;
            Ok(())
        })
        .await
    }

    /// How many projects there are.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn count_projects(&self, world: World<'_>) -> Result<i64, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_scalar("SELECT COUNT(*) FROM projects WHERE team_id = $1 AND mode = $2")
                    .bind(world.team)
                    .bind(world.mode.as_str())
                    .fetch_one(connection)
                    .await
            })
            .await?)
    }

    /// One project.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn project(
        &self,
        world: World<'_>,
        name: &str,
    ) -> Result<Option<WithHistory>, RecordsError> {
        if holds_nul(name) {
            return Ok(None);
        }
        Ok(self
            .run(async |connection| {
                let Some(project) = find(connection, world, name).await? else {
                    return Ok(None);
                };
                let history = history(connection, &project.id).await?;
                Ok(Some((project, history)))
            })
            .await?)
    }

    /// A project and one version of its params, the current one if none is named. The
    /// params are `None` when there is no such version.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn project_at(
        &self,
        world: World<'_>,
        name: &str,
        version: Option<i64>,
    ) -> Result<Option<(Project, Option<Params>)>, RecordsError> {
        if holds_nul(name) {
            return Ok(None);
        }
        Ok(self
            .run(async |connection| {
                let Some(project) = find(connection, world, name).await? else {
                    return Ok(None);
                };
                let params = sqlx::query_as(
                    "SELECT * FROM project_params WHERE project_id = $1 AND version = $2",
                )
                .bind(&project.id)
                .bind(version.unwrap_or(project.version))
                .fetch_optional(connection)
                .await?;
                Ok(Some((project, params)))
            })
            .await?)
    }

    /// Every project of a world, oldest first.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn projects(
        &self,
        world: World<'_>,
        archived: Option<bool>,
    ) -> Result<Vec<WithHistory>, RecordsError> {
        let (projects, params) = self
            .run(async |connection| {
                let projects: Vec<Project> = sqlx::query_as(
                    "SELECT * FROM projects WHERE team_id = $1 AND mode = $2 ORDER BY id",
                )
                .bind(world.team)
                .bind(world.mode.as_str())
                .fetch_all(&mut *connection)
                .await?;
                let params: Vec<Params> = sqlx::query_as(
                    "SELECT q.* FROM projects p JOIN project_params q ON q.project_id = p.id \
                     WHERE p.team_id = $1 AND p.mode = $2 ORDER BY q.version",
                )
                .bind(world.team)
                .bind(world.mode.as_str())
                .fetch_all(connection)
                .await?;
                Ok((projects, params))
            })
            .await?;
        let mut histories: HashMap<String, Vec<Params>> = HashMap::new();
        for params in params {
            let history = histories.entry(params.project_id.clone()).or_default();
            history.push(params);
        }
        let wanted = |project: &Project| archived.is_none_or(|it| it == (project.archived != 0));
        let with_history = |project: Project| {
            let history = histories.remove(&project.id).unwrap_or_default();
            (project, history)
        };
        let wanted = projects.into_iter().filter(wanted);
        Ok(wanted.map(with_history).collect())
    }

    /// Adds a version of a project's params: those given, or (`patch`) the current ones
    /// with those given put over them. `None`: there is no such project.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn set_project_params(
        &self,
        world: World<'_>,
        name: &str,
        (params, patch): (Map<String, Value>, bool),
        now: TimestampMs,
    ) -> Result<Option<WithHistory>, RecordsError> {
        if holds_nul(name) {
            return Ok(None);
        }
        self.transact(async |connection| {
            // Locks the project: the version that is patched stays the last one.
            let project: Option<Project> = sqlx::query_as(
                "UPDATE projects SET version = version + 1 \
                 WHERE team_id = $1 AND mode = $2 AND name = $3 RETURNING *",
            )
            .bind(world.team)
            .bind(world.mode.as_str())
            .bind(name)
            .fetch_optional(&mut *connection)
            .await?;
            let Some(project) = project else {
                return Ok(None);
            };
            let earlier = history(connection, &project.id).await?;
            let mut merged = match earlier.last() {
                Some(last) if patch => last.object(),
                _ => Map::new(),
            };
            merged.extend(params);
            let (id, version, now) = (&project.id, project.version, now.cast_signed());
            add_params(connection, id, version, &merged, now).await?;
            put_url(connection, world, name, url_of(&merged)).await?;
            let history = history(connection, id).await?;
            Ok(Some((project, history)))
        })
        .await
    }

    /// Sets or removes the callback URL that tasks of a project of this name inherit, live
    /// and test ones; the project need not exist.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn set_project_url(
        &self,
        team: &str,
        name: &str,
        callback_url: Option<&str>,
    ) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            for mode in [Mode::Live, Mode::Test] {
                put_url(connection, World { team, mode }, name, callback_url).await?;
            }
            Ok(())
        })
        .await
    }

    /// The callback URLs of the team's projects: name and URL.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn project_urls(
        &self,
        team: &str,
        mode: Mode,
    ) -> Result<Vec<(String, String)>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT name, callback_url FROM project_urls WHERE team_id = $1 AND mode = $2",
                )
                .bind(team)
                .bind(mode.as_str())
                .fetch_all(connection)
                .await
            })
            .await?)
    }
}

async fn find(
    connection: &mut AnyConnection,
    world: World<'_>,
    name: &str,
) -> Result<Option<Project>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM projects WHERE team_id = $1 AND mode = $2 AND name = $3")
        .bind(world.team)
        .bind(world.mode.as_str())
        .bind(name)
        .fetch_optional(connection)
        .await
}

async fn history(
    connection: &mut AnyConnection,
    project: &str,
) -> Result<Vec<Params>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM project_params WHERE project_id = $1 ORDER BY version")
        .bind(project)
        .fetch_all(connection)
        .await
}

async fn add_params(
    connection: &mut AnyConnection,
    project: &str,
    version: i64,
    params: &Map<String, Value>,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO project_params (project_id, version, params, created_ms) \
         VALUES ($1, $2, $3, $4)",
    )
    .bind(project)
    .bind(version)
    .bind(Value::Object(params.clone()).to_string())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

fn url_of(params: &Map<String, Value>) -> Option<&str> {
    let url = params.get(CALLBACK_URL)?.as_str()?;
    (!url.is_empty()).then_some(url)
}

/// What deliveries resolve; kept in the transaction that changes the params.
async fn put_url(
    connection: &mut AnyConnection,
    world: World<'_>,
    name: &str,
    url: Option<&str>,
) -> Result<(), sqlx::Error> {
    let query = match url {
        Some(url) => sqlx::query(
            "INSERT INTO project_urls (team_id, mode, name, callback_url) \
             VALUES ($1, $2, $3, $4) \
             ON CONFLICT (team_id, mode, name) DO UPDATE SET callback_url = $4",
        )
        .bind(world.team)
        .bind(world.mode.as_str())
        .bind(name)
        .bind(url),
        None => {
            sqlx::query("DELETE FROM project_urls WHERE team_id = $1 AND mode = $2 AND name = $3")
                .bind(world.team)
                .bind(world.mode.as_str())
                .bind(name)
        }
    };
    query.execute(connection).await?;
    Ok(())
}
