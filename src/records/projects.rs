//! Projects: as yet only the callback URL that their tasks inherit.

use crate::records::{Records, RecordsError};

impl Records {
    /// Sets or removes a project's callback URL; makes the project if there is none.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn set_project_url(
        &self,
        team: &str,
        name: &str,
        callback_url: Option<&str>,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO projects (team_id, name, callback_url) VALUES ($1, $2, $3) \
                 ON CONFLICT (team_id, name) DO UPDATE SET callback_url = $3",
            )
            .bind(team)
            .bind(name)
            .bind(callback_url)
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    /// The team's projects that have a callback URL: name and URL.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn project_urls(&self, team: &str) -> Result<Vec<(String, String)>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT name, callback_url FROM projects \
                     WHERE team_id = $1 AND callback_url IS NOT NULL",
                )
                .bind(team)
                .fetch_all(connection)
                .await
            })
            .await?)
    }
}
