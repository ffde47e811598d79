//! Studio: who labels which project, the groups of a project, and the order of its batches.
//! Whoever changes something of a project locks its row first, several in the order of their
//! names. People are keys of addresses; whether they are of the team is decided above.

mod batches;
mod groups;

pub use batches::StudioBatch;
pub use groups::{Group, WithPeople};

use crate::records::world::World;
use crate::records::{Records, RecordsError, holds_nul};
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::BTreeSet;

/// A project of Studio. Its flags are JSON that we wrote; in a text of it quotes are escaped,
/// so that nothing else looks like this.
const IS_STUDIO: &str = "flags LIKE '%\"studio\":true%'";

impl Records {
    /// Who is assigned to what, as key of an address and name of a project, in this order.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn studio_assignments(
        &self,
        world: World<'_>,
    ) -> Result<Vec<(String, String)>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT email_key, project FROM studio_assignments \
                     WHERE team_id = $1 AND mode = $2 ORDER BY email_key, project",
                )
                .bind(world.team)
                .bind(world.mode.as_str())
                .fetch_all(connection)
                .await
            })
            .await?)
    }

    /// Assigns people to projects, or takes them from there; who is so already stays so. All
    /// or nothing.
    ///
    /// # Errors
    /// [`RecordsError::Missing`] names the projects that are none of Studio's in this world.
    pub async fn set_studio_assignments(
        &self,
        world: World<'_>,
        (keys, projects): (&BTreeSet<String>, &BTreeSet<String>),
        assigned: bool,
    ) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            let mut missing = Vec::new();
            for project in projects {
                if !lock_project(connection, world, project).await? {
                    missing.push(format!("{project:?}"));
                } else if assigned {
                    assign(connection, world, project, keys).await?;
                } else {
                    unassign(connection, world, project, keys).await?;
                }
            }
            if missing.is_empty() {
                return Ok(());
            }
            Err(RecordsError::Missing(missing.join(", ")))
        })
        .await
    }
}

/// Locks a project for the rest of the transaction. Returns whether it is one of Studio.
async fn lock_project(
    connection: &mut AnyConnection,
    world: World<'_>,
    name: &str,
) -> Result<bool, sqlx::Error> {
    if holds_nul(name) {
        return Ok(false);
    }
    let sql = format!(
        "UPDATE projects SET version = version \
         WHERE team_id = $1 AND mode = $2 AND name = $3 AND {IS_STUDIO}"
    );
    let locked = sqlx::query(AssertSqlSafe(sql))
        .bind(world.team)
        .bind(world.mode.as_str())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(locked.rows_affected() > 0)
}

async fn assign(
    connection: &mut AnyConnection,
    world: World<'_>,
    project: &str,
    keys: &BTreeSet<String>,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "INSERT INTO studio_assignments (team_id, mode, project, email_key) VALUES {} \
         ON CONFLICT (team_id, mode, project, email_key) DO NOTHING",
        list(4, keys.len(), |place| format!("($1, $2, $3, {place})"))
    );
    change(
        connection,
        sql,
        [world.team, world.mode.as_str(), project],
        keys,
    )
    .await
}

async fn unassign(
    connection: &mut AnyConnection,
    world: World<'_>,
    project: &str,
    keys: &BTreeSet<String>,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "DELETE FROM studio_assignments WHERE team_id = $1 AND mode = $2 AND project = $3 \
         AND email_key IN ({})",
        list(4, keys.len(), |place| place)
    );
    change(
        connection,
        sql,
        [world.team, world.mode.as_str(), project],
        keys,
    )
    .await
}

/// Placeholders from the first on, each in its form.
fn list(first: usize, count: usize, form: impl Fn(String) -> String) -> String {
    let each: Vec<_> = (first..first + count)
        .map(|place| form(format!("${place}")))
        .collect();
    each.join(", ")
}

/// Runs a change with texts for its first places and keys for the others. Without keys there
/// is nothing to change.
async fn change<const N: usize>(
    connection: &mut AnyConnection,
    sql: String,
    texts: [&str; N],
    keys: &BTreeSet<String>,
) -> Result<(), sqlx::Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for text in texts.into_iter().chain(keys.iter().map(String::as_str)) {
        query = query.bind(text.to_owned());
    }
    query.execute(connection).await?;
    Ok(())
}
