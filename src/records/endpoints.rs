//! Endpoints paused because they answered 410 Gone.

use crate::callback::TimestampMs;
use crate::records::{Records, RecordsError, holds_nul};

impl Records {
    /// Pauses a team's endpoint; pausing it again changes nothing.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn pause_endpoint(
        &self,
        team: &str,
        url: &str,
        now: TimestampMs,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO paused_endpoints (team_id, url, paused_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (team_id, url) DO NOTHING",
            )
            .bind(team)
            .bind(url)
            .bind(now.cast_signed())
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    /// Ends a pause. Returns whether there was one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn resume_endpoint(&self, team: &str, url: &str) -> Result<bool, RecordsError> {
        if holds_nul(url) {
            return Ok(false);
        }
        let removed = self
            .run(async |connection| {
                sqlx::query("DELETE FROM paused_endpoints WHERE team_id = $1 AND url = $2")
                    .bind(team)
                    .bind(url)
                    .execute(connection)
                    .await
            })
            .await?;
        Ok(removed.rows_affected() > 0)
    }

    /// The team's paused endpoints.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn paused_endpoints(&self, team: &str) -> Result<Vec<String>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_scalar(
                    "SELECT url FROM paused_endpoints WHERE team_id = $1 ORDER BY url",
                )
                .bind(team)
                .fetch_all(connection)
                .await
            })
            .await?)
    }
}
