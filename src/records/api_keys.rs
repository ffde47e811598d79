//! A team's live and test API keys: looked up by digest, sealed so that they can be read again.

use crate::callback::{Mode, TeamId, TimestampMs};
use crate::records::{Records, RecordsError, holds_nul, stored_mode};
use crate::vault::new_key;

/// A key as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// Which world it opens.
    pub mode: Mode,
    /// Its end, to be recognised by.
    pub last_four: String,
    /// When it was made.
    pub created_ms: TimestampMs,
}

/// Whose key it is and which world it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// The key's own id.
    pub id: String,
    /// Whose it is.
    pub team: TeamId,
    /// Live and test are separate worlds.
    pub mode: Mode,
}

impl Records {
    /// Makes an API key for a team and returns it.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn add_api_key(
        &self,
        team: &str,
        mode: Mode,
        now: TimestampMs,
    ) -> Result<String, RecordsError> {
        let key = new_key(&format!("{}_", mode.as_str()));
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO api_keys (id, team_id, mode, digest, sealed, last_four, created_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(uuid::Uuid::now_v7().to_string())
            .bind(team)
            .bind(mode.as_str())
            .bind(self.vault.digest(&key))
            .bind(self.vault.seal(&place(team), &key))
            .bind(&key[key.len() - 4..])
            .bind(now.cast_signed())
            .execute(connection)
            .await
        })
        .await?;
        Ok(key)
    }

    /// Whose key this is.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn key_owner(&self, key: &str) -> Result<Option<KeyOwner>, RecordsError> {
        let row: Option<(String, String, String)> = self
            .run(async |connection| {
                sqlx::query_as("SELECT id, team_id, mode FROM api_keys WHERE digest = $1")
                    .bind(self.vault.digest(key))
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        Ok(row.map(|(id, team, mode)| KeyOwner {
            id,
            team: team.as_str().into(),
            mode: stored_mode(&mode),
        }))
    }

    /// The team's API keys, oldest first, open.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer or the vault key is another one.
    pub async fn api_keys(&self, team: &str) -> Result<Vec<(Mode, String)>, RecordsError> {
        let rows: Vec<(String, String)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT mode, sealed FROM api_keys WHERE team_id = $1 \
                     ORDER BY created_ms, mode",
                )
                .bind(team)
                .fetch_all(connection)
                .await
            })
            .await?;
        let open = |(mode, sealed): (String, String)| {
            Ok((
                stored_mode(&mode),
                self.vault.unseal(&place(team), &sealed)?,
            ))
        };
        rows.into_iter().map(open).collect()
    }

    /// The team's API keys without the keys, oldest first.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn listed_api_keys(&self, team: &str) -> Result<Vec<ApiKey>, RecordsError> {
        let rows: Vec<(String, String, String, i64)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT id, mode, last_four, created_ms FROM api_keys WHERE team_id = $1 \
                     ORDER BY created_ms, mode, id",
                )
                .bind(team)
                .fetch_all(connection)
                .await
            })
            .await?;
        let listed = |(id, mode, last_four, created): (_, String, _, i64)| ApiKey {
            id,
            mode: stored_mode(&mode),
            last_four,
            created_ms: created.cast_unsigned(),
        };
        Ok(rows.into_iter().map(listed).collect())
    }

    /// One key of the team, open.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer or the vault key is another one.
    pub async fn reveal_api_key(
        &self,
        team: &str,
        id: &str,
    ) -> Result<Option<String>, RecordsError> {
        if holds_nul(id) {
            return Ok(None);
        }
        let sealed: Option<String> = self
            .run(async |connection| {
                sqlx::query_scalar("SELECT sealed FROM api_keys WHERE team_id = $1 AND id = $2")
                    .bind(team)
                    .bind(id)
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        let place = place(team);
        let open = sealed.map(|sealed| self.vault.unseal(&place, &sealed));
        Ok(open.transpose()?)
    }

    /// Deletes a key of the team. Returns whether there was one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn delete_api_key(&self, team: &str, id: &str) -> Result<bool, RecordsError> {
        if holds_nul(id) {
            return Ok(false);
        }
        let deleted = self
            .run(async |connection| {
                sqlx::query("DELETE FROM api_keys WHERE team_id = $1 AND id = $2")
                    .bind(team)
                    .bind(id)
                    .execute(connection)
                    .await
            })
            .await?;
        Ok(deleted.rows_affected() > 0)
    }
}

/// Binds a sealed key to its team.
pub(super) fn place(team: &str) -> String {
    super::teams::place(team, "api key")
}
