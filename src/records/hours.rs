//! How many callbacks a team was delivered in each hour, how many attempts failed, and how
//! long they took. Counts only: a chart never reads a callback.

use crate::callback::TimestampMs;
use crate::records::{Records, RecordsError};
use serde::Serialize;
use std::collections::BTreeMap;

/// An hour, milliseconds.
pub const HOUR_MS: u64 = 3_600_000;

/// How an attempt ended, as far as charts tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The callback is delivered.
    Delivered,
    /// The attempt failed.
    Failed,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// One number that is kept: attempts of a team in an hour that ended alike and took about
/// as long.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour {
    /// Whose.
    team: String,
    /// When the hour began.
    pub start_ms: u64,
    /// How they ended.
    pub outcome: Outcome,
    /// How long they took: a bucket of `callback::latency`.
    pub bucket: u32,
}

impl Hour {
    /// The hour of this time.
    #[must_use]
    pub fn of(team: &str, at: TimestampMs, outcome: Outcome, bucket: u32) -> Self {
        Self {
            team: team.to_owned(),
            start_ms: at - at % HOUR_MS,
            outcome,
            bucket,
        }
    }
}

/// What happened in an hour, to all teams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HourSum {
    /// When it began.
    pub start_ms: TimestampMs,
    /// Callbacks delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
}

impl Records {
    /// Adds to the counts: all or nothing. Rows are locked in one order.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was written.
    pub async fn add_hours(&self, counts: &BTreeMap<Hour, u64>) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            for (hour, n) in counts {
                sqlx::query(
                    "INSERT INTO delivery_hours (team_id, hour_ms, outcome, bucket, n) \
                     VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (team_id, hour_ms, outcome, bucket) \
                     DO UPDATE SET n = delivery_hours.n + excluded.n",
                )
                .bind(&hour.team)
                .bind(hour.start_ms.cast_signed())
                .bind(hour.outcome.as_str())
                .bind(i64::from(hour.bucket))
                .bind(n.cast_signed())
                .execute(&mut *connection)
                .await?;
            }
            Ok(())
        })
        .await
    }

    /// A team's counts since a time, the earliest hour first.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn hours_since(
        &self,
        team: &str,
        since: TimestampMs,
    ) -> Result<Vec<(Hour, u64)>, RecordsError> {
        let rows: Vec<(i64, String, i64, i64)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT hour_ms, outcome, bucket, n FROM delivery_hours \
                     WHERE team_id = $1 AND hour_ms >= $2 ORDER BY hour_ms",
                )
                .bind(team)
                .bind(since.cast_signed())
                .fetch_all(connection)
                .await
            })
            .await?;
        let hours = rows.into_iter().map(|(at, outcome, bucket, n)| {
            let outcome = if outcome == Outcome::Delivered.as_str() {
                Outcome::Delivered
            } else {
                Outcome::Failed
            };
            let bucket = u32::try_from(bucket).unwrap_or(0);
            let hour = Hour::of(team, at.unsigned_abs(), outcome, bucket);
            (hour, n.unsigned_abs())
        });
        Ok(hours.collect())
    }

    /// Everybody's counts in the hour of this time and the one before, that one first.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn latest_hours(&self, now: TimestampMs) -> Result<[HourSum; 2], RecordsError> {
        let this = now - now % HOUR_MS;
        let last = this.saturating_sub(HOUR_MS);
        let rows: Vec<(i64, String, i64)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT hour_ms, outcome, CAST(SUM(n) AS BIGINT) FROM delivery_hours \
                     WHERE hour_ms >= $1 GROUP BY hour_ms, outcome",
                )
                .bind(last.cast_signed())
                .fetch_all(connection)
                .await
            })
            .await?;
        let mut sums = [last, this].map(|start_ms| HourSum {
            start_ms,
            delivered: 0,
            failed: 0,
        });
        for (at, outcome, n) in rows {
            for sum in sums
                .iter_mut()
                .filter(|sum| sum.start_ms == at.unsigned_abs())
            {
                if outcome == Outcome::Delivered.as_str() {
                    sum.delivered += n.unsigned_abs();
                } else {
                    sum.failed += n.unsigned_abs();
                }
            }
        }
        Ok(sums)
    }

    /// Deletes what no chart shows any more.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was deleted.
    pub async fn prune_hours(&self, before: TimestampMs) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query("DELETE FROM delivery_hours WHERE hour_ms < $1")
                .bind(before.cast_signed())
                .execute(connection)
                .await
        })
        .await?;
        Ok(())
    }
}
