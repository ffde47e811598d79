//! Groups of people in a project of Studio.

use crate::records::studio::{IS_STUDIO, change, list, lock_project};
use crate::records::world::World;
use crate::records::{Records, RecordsError, exists, holds_nul};
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::{BTreeSet, HashMap};

/// A group without its people.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Group {
    /// Ids grow with time.
    pub id: String,
    /// Of which project.
    pub project: String,
    /// Unique in its project.
    pub name: String,
}

/// A group and the keys of its people's addresses, sorted.
pub type WithPeople = (Group, BTreeSet<String>);

impl Records {
    /// The groups of a project, oldest first. `None`: there is no such project of Studio.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn studio_groups(
        &self,
        world: World<'_>,
        project: &str,
    ) -> Result<Option<Vec<WithPeople>>, RecordsError> {
        if holds_nul(project) {
            return Ok(None);
        }
        Ok(self
            .run(async |connection| {
                if !is_studio(connection, world, project).await? {
                    return Ok(None);
                }
                let groups = groups(connection, world, project).await?;
                let people: Vec<(String, String)> = sqlx::query_as(
                    "SELECT p.group_id, p.email_key FROM studio_groups g \
                     JOIN studio_group_people p ON p.group_id = g.id \
                     WHERE g.team_id = $1 AND g.mode = $2 AND g.project = $3",
                )
                .bind(world.team)
                .bind(world.mode.as_str())
                .bind(project)
                .fetch_all(connection)
                .await?;
                let mut by_group: HashMap<String, BTreeSet<String>> = HashMap::new();
                for (group, key) in people {
                    by_group.entry(group).or_default().insert(key);
                }
                let with_people = |group: Group| {
                    let people = by_group.remove(&group.id).unwrap_or_default();
                    (group, people)
                };
                Ok(Some(groups.into_iter().map(with_people).collect()))
            })
            .await?)
    }

    /// Makes a group.
    ///
    /// # Errors
    /// [`RecordsError::Missing`] when there is no such project of Studio,
    /// [`RecordsError::Exists`] when the project has a group of this name.
    pub async fn add_studio_group(
        &self,
        world: World<'_>,
        group: &Group,
        keys: &BTreeSet<String>,
    ) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            if !lock_project(connection, world, &group.project).await? {
                return Err(RecordsError::Missing(format!(
                    "project {:?}",
                    group.project
                )));
            }
            sqlx::query(
                "INSERT INTO studio_groups (id, team_id, mode, project, name) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&group.id)
            .bind(world.team)
            .bind(world.mode.as_str())
            .bind(&group.project)
            .bind(&group.name)
            .execute(&mut *connection)
            .await
            .map_err(exists(|| format!("group {:?}", group.name)))?;
            Ok(join(connection, &group.id, keys).await?)
        })
        .await
    }

    /// Takes people into a group and others out of it; who is so already stays so. `None`:
    /// there is no such group or project.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn change_studio_group(
        &self,
        world: World<'_>,
        (project, name): (&str, &str),
        (joining, leaving): (&BTreeSet<String>, &BTreeSet<String>),
    ) -> Result<Option<WithPeople>, RecordsError> {
        self.transact(async |connection| {
            if !lock_project(connection, world, project).await? {
                return Ok(None);
            }
            let mut groups = groups(connection, world, project).await?.into_iter();
            let Some(group) = groups.find(|group| group.name == name) else {
                return Ok(None);
            };
            join(connection, &group.id, joining).await?;
            let sql = format!(
                "DELETE FROM studio_group_people WHERE group_id = $1 AND email_key IN ({})",
                list(2, leaving.len(), |place| place)
            );
            change(connection, sql, [&group.id], leaving).await?;
            let people: Vec<String> =
                sqlx::query_scalar("SELECT email_key FROM studio_group_people WHERE group_id = $1")
                    .bind(&group.id)
                    .fetch_all(connection)
                    .await?;
            Ok(Some((group, people.into_iter().collect())))
        })
        .await
    }
}

async fn is_studio(
    connection: &mut AnyConnection,
    world: World<'_>,
    project: &str,
) -> Result<bool, sqlx::Error> {
    let sql = format!(
        "SELECT COUNT(*) FROM projects \
         WHERE team_id = $1 AND mode = $2 AND name = $3 AND {IS_STUDIO}"
    );
    let found: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(world.team)
        .bind(world.mode.as_str())
        .bind(project)
        .fetch_one(connection)
        .await?;
    Ok(found > 0)
}

/// The groups of a project, oldest first.
pub(super) async fn groups(
    connection: &mut AnyConnection,
    world: World<'_>,
    project: &str,
) -> Result<Vec<Group>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, project, name FROM studio_groups \
         WHERE team_id = $1 AND mode = $2 AND project = $3 ORDER BY id",
    )
    .bind(world.team)
    .bind(world.mode.as_str())
    .bind(project)
    .fetch_all(connection)
    .await
}

async fn join(
    connection: &mut AnyConnection,
    group: &str,
    keys: &BTreeSet<String>,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "INSERT INTO studio_group_people (group_id, email_key) VALUES {} \
         ON CONFLICT (group_id, email_key) DO NOTHING",
        list(2, keys.len(), |place| format!("($1, {place})"))
    );
    change(connection, sql, [group], keys).await
}
