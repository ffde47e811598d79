//! How many requests an endpoint may have in flight at most, where the operator said so.

use crate::records::{Records, RecordsError};

/// Most limits there are: the queue keeps each, whether its lane has something to do or not.
pub const LIMITS_MAX: usize = 1000;

impl Records {
    /// Sets or takes away a limit of the team's lane to an origin. Returns false when there
    /// are [`LIMITS_MAX`] already, and nothing was changed.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn set_lane_limit(
        &self,
        (team, origin): (&str, &str),
        in_flight_max: Option<u32>,
    ) -> Result<bool, RecordsError> {
        let Some(most) = in_flight_max else {
            self.run(async |connection| {
                sqlx::query("DELETE FROM lane_limits WHERE team_id = $1 AND origin = $2")
                    .bind(team)
                    .bind(origin)
                    .execute(connection)
                    .await
            })
            .await?;
            return Ok(true);
        };
        let changed = self
            .run(async |connection| {
                sqlx::query(
                    "INSERT INTO lane_limits (team_id, origin, in_flight_max) \
                     SELECT $1, $2, $3 WHERE \
                     (SELECT COUNT(*) FROM lane_limits WHERE team_id <> $1 OR origin <> $2) < $4 \
                     ON CONFLICT (team_id, origin) DO UPDATE SET \
                     in_flight_max = excluded.in_flight_max",
                )
                .bind(team)
                .bind(origin)
                .bind(i64::from(most))
                .bind(i64::try_from(LIMITS_MAX).unwrap_or(i64::MAX))
                .execute(connection)
                .await
            })
            .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Every limit: team, origin, requests in flight at most.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn lane_limits(&self) -> Result<Vec<(String, String, u32)>, RecordsError> {
        let rows: Vec<(String, String, i64)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT team_id, origin, in_flight_max FROM lane_limits \
                     ORDER BY team_id, origin",
                )
                .fetch_all(connection)
                .await
            })
            .await?;
        let limit = |(team, origin, most)| (team, origin, u32::try_from(most).unwrap_or(u32::MAX));
        Ok(rows.into_iter().map(limit).collect())
    }
}
