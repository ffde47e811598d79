//! Teams and their settings.

use crate::callback::TimestampMs;
use crate::callback::retry::Policy;
use crate::records::{Records, RecordsError, exists, holds_nul};
use crate::vault::{new_key, new_signing_secret};
use sqlx::Row;
use sqlx::any::AnyRow;

/// A team as stored, its secrets open.
#[derive(Clone)]
pub struct Team {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Where callbacks go that name no URL.
    pub default_callback_url: Option<String>,
    /// A newer callback of a task supersedes waiting ones.
    pub latest_only: bool,
    /// The team's own retry policy; none means the configured one.
    pub retry: Option<Policy>,
    /// Sent as `scale-callback-auth` with live results.
    pub live_callback_auth: String,
    /// Sent as `scale-callback-auth` with test results.
    pub test_callback_auth: String,
    /// Signs every callback; `whsec_` form.
    pub signing_secret: String,
}

/// Secrets do not belong into logs.
impl std::fmt::Debug for Team {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Team({})", self.id)
    }
}

/// What may be changed about a team; none leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct TeamUpdate {
    /// A new name.
    pub name: Option<String>,
    /// A new default; `Some(None)` removes it.
    pub default_callback_url: Option<Option<String>>,
    /// Whether newer callbacks of a task supersede waiting ones.
    pub latest_only: Option<bool>,
    /// A new policy; `Some(None)` returns to the configured one.
    pub retry: Option<Option<Policy>>,
}

impl Records {
    /// Makes a team with fresh callback auth keys and a fresh signing secret.
    ///
    /// # Errors
    /// [`RecordsError::Exists`] when the id is taken.
    pub async fn add_team(
        &self,
        id: &str,
        name: &str,
        now: TimestampMs,
    ) -> Result<Team, RecordsError> {
        let team = Team {
            id: id.to_owned(),
            name: name.to_owned(),
            default_callback_url: None,
            latest_only: false,
            retry: None,
            live_callback_auth: new_key("live_auth_"),
            test_callback_auth: new_key("test_auth_"),
            signing_secret: new_signing_secret(),
        };
        let seal = |kind: &str, secret: &str| self.vault.seal(&place(id, kind), secret);
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO teams (id, name, latest_only, live_callback_auth, test_callback_auth, \
                 signing_secret, created_ms) VALUES ($1, $2, 0, $3, $4, $5, $6)",
            )
            .bind(id)
            .bind(name)
            .bind(seal("live callback auth", &team.live_callback_auth))
            .bind(seal("test callback auth", &team.test_callback_auth))
            .bind(seal("signing", &team.signing_secret))
            .bind(now.cast_signed())
            .execute(connection)
            .await
        })
        .await
        .map_err(exists(|| format!("team {id}")))?;
        Ok(team)
    }

    /// One team.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer or the vault key is another one.
    pub async fn team(&self, id: &str) -> Result<Option<Team>, RecordsError> {
        if holds_nul(id) {
            return Ok(None);
        }
        let row = self
            .run(async |connection| {
                sqlx::query("SELECT * FROM teams WHERE id = $1")
                    .bind(id)
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        row.map(|row| self.open_team(&row)).transpose()
    }

    fn open_team(&self, row: &AnyRow) -> Result<Team, RecordsError> {
        let id: String = row.try_get("id")?;
        let unseal = |kind: &str, column: &str| -> Result<String, RecordsError> {
            Ok(self.vault.unseal(&place(&id, kind), row.try_get(column)?)?)
        };
        let retry: Option<String> = row.try_get("retry")?;
        let retry = retry.map(|json| serde_json::from_str(&json)).transpose();
        Ok(Team {
            name: row.try_get("name")?,
            default_callback_url: row.try_get("default_callback_url")?,
            latest_only: row.try_get::<i64, _>("latest_only")? != 0,
            retry: retry.map_err(|error| sqlx::Error::Decode(error.into()))?,
            live_callback_auth: unseal("live callback auth", "live_callback_auth")?,
            test_callback_auth: unseal("test callback auth", "test_callback_auth")?,
            signing_secret: unseal("signing", "signing_secret")?,
            id,
        })
    }

    /// Changes a team. Returns whether there is one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn update_team(&self, id: &str, update: &TeamUpdate) -> Result<bool, RecordsError> {
        let retry = update
            .retry
            .map(|policy| policy.as_ref().map(serde_json::to_string));
        let retry = retry.map(Option::transpose).transpose();
        let retry = retry.map_err(|error| sqlx::Error::Encode(error.into()))?;
        let url = update.default_callback_url.clone();
        // One statement: changes of other settings at the same time are not undone.
        let changed = self
            .run(async |connection| {
                sqlx::query(
                    "UPDATE teams SET name = COALESCE($1, name), \
                     default_callback_url = CASE WHEN $2 = 1 THEN $3 ELSE default_callback_url END, \
                     latest_only = COALESCE($4, latest_only), \
                     retry = CASE WHEN $5 = 1 THEN $6 ELSE retry END WHERE id = $7",
                )
                .bind(update.name.clone())
                .bind(i64::from(url.is_some()))
                .bind(url.flatten())
                .bind(update.latest_only.map(i64::from))
                .bind(i64::from(retry.is_some()))
                .bind(retry.flatten())
                .bind(id)
                .execute(connection)
                .await
            })
            .await?;
        Ok(changed.rows_affected() > 0)
    }
}

/// Binds a sealed secret to its team and use.
fn place(team: &str, kind: &str) -> String {
    format!("{team}|{kind}|v1")
}
