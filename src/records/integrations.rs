//! Which clouds a team has let this gateway into, and which responses are in its bucket. The
//! names in it are checked above; there are no secrets among them.

use crate::callback::TimestampMs;
use crate::records::{Records, RecordsError};
use sqlx::Row;
use sqlx::any::AnyRow;

/// What tells a team's integrations apart from other teams'. Made by us, never chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What a role or a container must name.
    pub external_id: String,
    /// What the name of a service account must hold: 8 characters.
    pub short_id: String,
    /// Where large responses go, if anywhere: a cloud, and what stands before their names.
    pub results: Option<(String, String)>,
}

/// A cloud that a team has let this gateway into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Which cloud.
    pub cloud: String,
    /// The names in it, as JSON.
    pub names: String,
    /// When they were set.
    pub changed_ms: TimestampMs,
    /// When the connection was tested last, and what came of it.
    pub tested: Option<(TimestampMs, String)>,
}

/// A response that is in its team's bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// Of which callback.
    pub callback: String,
    /// Whose.
    pub team: String,
    /// At which cloud.
    pub cloud: String,
    /// In which bucket.
    pub bucket: String,
    /// Its name there.
    pub object: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest, hexadecimal.
    pub sha256: String,
}

impl Records {
    /// The team's identity, made when it is first asked for.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn integration_identity(&self, team: &str) -> Result<Identity, RecordsError> {
        let (external, short) = (random_digits(32), random_digits(8));
        let row = self
            .transact(async |connection| {
                sqlx::query(
                    "INSERT INTO integration_identities (team_id, external_id, short_id) \
                     VALUES ($1, $2, $3) ON CONFLICT (team_id) DO NOTHING",
                )
                .bind(team)
                .bind(format!("ringback-{external}"))
                .bind(short)
                .execute(&mut *connection)
                .await?;
                sqlx::query("SELECT * FROM integration_identities WHERE team_id = $1")
                    .bind(team)
                    .fetch_one(connection)
                    .await
            })
            .await?;
        Ok(Identity {
            external_id: row.try_get("external_id")?,
            short_id: row.try_get("short_id")?,
            results: results(&row)?,
        })
    }

    /// Where the team's large responses go, if anywhere: a cloud and a prefix.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn large_results(
        &self,
        team: &str,
    ) -> Result<Option<(String, String)>, RecordsError> {
        let row = self
            .run(async |connection| {
                sqlx::query(
                    "SELECT results_cloud, results_prefix FROM integration_identities \
                     WHERE team_id = $1",
                )
                .bind(team)
                .fetch_optional(connection)
                .await
            })
            .await?;
        Ok(row.as_ref().map(results).transpose()?.flatten())
    }

    /// The team's integrations, by cloud.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn integrations(&self, team: &str) -> Result<Vec<Integration>, RecordsError> {
        let rows = self
            .run(async |connection| {
                sqlx::query("SELECT * FROM integrations WHERE team_id = $1 ORDER BY cloud")
                    .bind(team)
                    .fetch_all(connection)
                    .await
            })
            .await?;
        Ok(rows.iter().map(integration).collect::<Result<_, _>>()?)
    }

    /// Sets the names of an integration; what was tested before no longer counts.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was changed.
    pub async fn put_integration(
        &self,
        team: &str,
        (cloud, names): (&str, &str),
        now: TimestampMs,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO integrations (team_id, cloud, names, changed_ms) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (team_id, cloud) DO UPDATE \
                 SET names = excluded.names, changed_ms = excluded.changed_ms, \
                 tested_ms = NULL, tested_as = NULL",
            )
            .bind(team)
            .bind(cloud)
            .bind(names)
            .bind(now.cast_signed())
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    /// Removes an integration; large responses no longer go there. Whether it was there.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was changed.
    pub async fn remove_integration(&self, team: &str, cloud: &str) -> Result<bool, RecordsError> {
        let removed = self
            .transact(async |connection| {
                sqlx::query(
                    "UPDATE integration_identities SET results_cloud = NULL, \
                     results_prefix = NULL WHERE team_id = $1 AND results_cloud = $2",
                )
                .bind(team)
                .bind(cloud)
                .execute(&mut *connection)
                .await?;
                sqlx::query("DELETE FROM integrations WHERE team_id = $1 AND cloud = $2")
                    .bind(team)
                    .bind(cloud)
                    .execute(connection)
                    .await
            })
            .await?;
        Ok(removed.rows_affected() != 0)
    }

    /// Notes what came of a test; `names` are those that were tested.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn note_integration_test(
        &self,
        team: &str,
        (cloud, names): (&str, &str),
        outcome: &str,
        now: TimestampMs,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "UPDATE integrations SET tested_ms = $1, tested_as = $2 \
                 WHERE team_id = $3 AND cloud = $4 AND names = $5",
            )
            .bind(now.cast_signed())
            .bind(outcome)
            .bind(team)
            .bind(cloud)
            .bind(names)
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    /// Sets where large responses go; `None`: nowhere, they are delivered whole. False when
    /// the team has no such integration.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was changed.
    pub async fn set_large_results(
        &self,
        team: &str,
        results: Option<(&str, &str)>,
    ) -> Result<bool, RecordsError> {
        let (cloud, prefix) = results.unzip();
        let changed = self
            .run(async |connection| {
                sqlx::query(
                    "UPDATE integration_identities SET results_cloud = $1, results_prefix = $2 \
                     WHERE team_id = $3 AND (CAST($1 AS TEXT) IS NULL OR EXISTS \
                     (SELECT 1 FROM integrations WHERE team_id = $3 AND cloud = $1))",
                )
                .bind(cloud)
                .bind(prefix)
                .bind(team)
                .execute(connection)
                .await
            })
            .await?;
        Ok(changed.rows_affected() != 0)
    }

    /// The response of this callback, if it is in a bucket.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn stored_response(
        &self,
        callback: &str,
    ) -> Result<Option<StoredResponse>, RecordsError> {
        let row = self
            .run(async |connection| {
                sqlx::query("SELECT * FROM stored_responses WHERE callback_id = $1")
                    .bind(callback)
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        Ok(row.as_ref().map(stored).transpose()?)
    }

    /// Notes where a response is now.
    ///
    /// # Errors
    /// [`RecordsError`]: it is not noted.
    pub async fn note_stored_response(
        &self,
        response: &StoredResponse,
        now: TimestampMs,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO stored_responses (callback_id, team_id, cloud, bucket, object, \
                 bytes, sha256, stored_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (callback_id) DO UPDATE SET cloud = excluded.cloud, \
                 bucket = excluded.bucket, object = excluded.object, \
                 stored_ms = excluded.stored_ms",
            )
            .bind(&response.callback)
            .bind(&response.team)
            .bind(&response.cloud)
            .bind(&response.bucket)
            .bind(&response.object)
            .bind(response.bytes.cast_signed())
            .bind(&response.sha256)
            .bind(now.cast_signed())
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    /// Forgets where responses are that were stored before; at most so many. The objects stay
    /// in their bucket: it is their team's. Returns how many.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn prune_stored_responses(
        &self,
        before: TimestampMs,
        limit: u32,
    ) -> Result<u64, RecordsError> {
        let pruned = self
            .run(async |connection| {
                sqlx::query(
                    "DELETE FROM stored_responses WHERE callback_id IN (SELECT callback_id \
                     FROM stored_responses WHERE stored_ms < $1 ORDER BY stored_ms LIMIT $2)",
                )
                .bind(before.cast_signed())
                .bind(i64::from(limit))
                .execute(connection)
                .await
            })
            .await?;
        Ok(pruned.rows_affected())
    }
}

fn random_digits(count: usize) -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    crate::hex::encode(&bytes)[..count].to_owned()
}

fn results(row: &AnyRow) -> Result<Option<(String, String)>, sqlx::Error> {
    let cloud: Option<String> = row.try_get("results_cloud")?;
    let prefix: Option<String> = row.try_get("results_prefix")?;
    Ok(cloud.zip(prefix))
}

fn integration(row: &AnyRow) -> Result<Integration, sqlx::Error> {
    let tested_ms: Option<i64> = row.try_get("tested_ms")?;
    let outcome: Option<String> = row.try_get("tested_as")?;
    Ok(Integration {
        cloud: row.try_get("cloud")?,
        names: row.try_get("names")?,
        changed_ms: row.try_get::<i64, _>("changed_ms")?.cast_unsigned(),
        tested: tested_ms.map(i64::cast_unsigned).zip(outcome),
    })
}

fn stored(row: &AnyRow) -> Result<StoredResponse, sqlx::Error> {
    Ok(StoredResponse {
        callback: row.try_get("callback_id")?,
        team: row.try_get("team_id")?,
        cloud: row.try_get("cloud")?,
        bucket: row.try_get("bucket")?,
        object: row.try_get("object")?,
        bytes: row.try_get::<i64, _>("bytes")?.cast_unsigned(),
        sha256: row.try_get("sha256")?,
    })
}
