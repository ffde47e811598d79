//! Teams and their settings.

use crate::callback::TimestampMs;
use crate::callback::retry::Policy;
use crate::records::secrets::SecretKind;
use crate::records::{Records, RecordsError, exists, holds_nul};
use sqlx::Row;
use sqlx::any::AnyRow;

/// A team as stored, its secrets open.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
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
    /// Members may see and make API keys, too.
    pub members_use_keys: bool,
    /// Test results bring the live callback auth key, too.
    pub always_live_auth: bool,
    /// Nothing is delivered; what comes is held.
    pub paused: bool,
    /// The team's own budget of an attempt; none means the configured one.
    pub attempt_timeout_ms: Option<u64>,
    /// Besides 401 and 403, the status by which an endpoint asks for the previous key.
    pub grace_status: Option<u16>,
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
    /// Whether members may use API keys.
    pub members_use_keys: Option<bool>,
    /// Whether test results bring the live callback auth key.
    pub always_live_auth: Option<bool>,
    /// Whether deliveries rest.
    pub paused: Option<bool>,
    /// A new budget of an attempt; `Some(None)` returns to the configured one.
    pub attempt_timeout_ms: Option<Option<u64>>,
    /// A further status that asks for the previous key; `Some(None)`: none.
    pub grace_status: Option<Option<u16>>,
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
            members_use_keys: true,
            always_live_auth: false,
            paused: false,
            attempt_timeout_ms: None,
            grace_status: None,
            live_callback_auth: SecretKind::LiveAuth.make(),
            test_callback_auth: SecretKind::TestAuth.make(),
            signing_secret: SecretKind::Signing.make(),
        };
        let seal =
            |kind: SecretKind, secret: &str| self.vault.seal(&place(id, kind.place()), secret);
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO teams (id, name, latest_only, live_callback_auth, test_callback_auth, \
                 signing_secret, created_ms) VALUES ($1, $2, 0, $3, $4, $5, $6)",
            )
            .bind(id)
            .bind(name)
            .bind(seal(SecretKind::LiveAuth, &team.live_callback_auth))
            .bind(seal(SecretKind::TestAuth, &team.test_callback_auth))
            .bind(seal(SecretKind::Signing, &team.signing_secret))
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

    /// Every team's id and name, by name.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn teams(&self) -> Result<Vec<(String, String)>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_as("SELECT id, name FROM teams ORDER BY name, id")
                    .fetch_all(connection)
                    .await
            })
            .await?)
    }

    /// Up to `limit` teams whose ids come after this one, in the order of their ids: id, name.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn teams_after(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, String)>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_as("SELECT id, name FROM teams WHERE id > $1 ORDER BY id LIMIT $2")
                    .bind(after)
                    .bind(i64::from(limit))
                    .fetch_all(connection)
                    .await
            })
            .await?)
    }

    fn open_team(&self, row: &AnyRow) -> Result<Team, RecordsError> {
        let id: String = row.try_get("id")?;
        let unseal = |kind: SecretKind| -> Result<String, RecordsError> {
            let sealed = row.try_get(kind.column())?;
            Ok(self.vault.unseal(&place(&id, kind.place()), sealed)?)
        };
        let flag = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(column)? != 0);
        let timeout: Option<i64> = row.try_get("attempt_timeout_ms")?;
        let status: Option<i64> = row.try_get("grace_status")?;
        let retry: Option<String> = row.try_get("retry")?;
        let retry = retry.map(|json| serde_json::from_str(&json)).transpose();
        Ok(Team {
            name: row.try_get("name")?,
            default_callback_url: row.try_get("default_callback_url")?,
            latest_only: flag("latest_only")?,
            members_use_keys: flag("members_use_keys")?,
            always_live_auth: flag("always_live_auth")?,
            paused: flag("paused")?,
            attempt_timeout_ms: timeout.map(i64::cast_unsigned),
            grace_status: status.and_then(|status| u16::try_from(status).ok()),
            retry: retry.map_err(|error| sqlx::Error::Decode(error.into()))?,
            live_callback_auth: unseal(SecretKind::LiveAuth)?,
            test_callback_auth: unseal(SecretKind::TestAuth)?,
            signing_secret: unseal(SecretKind::Signing)?,
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
                     retry = CASE WHEN $5 = 1 THEN $6 ELSE retry END, \
                     members_use_keys = COALESCE($7, members_use_keys), \
                     always_live_auth = COALESCE($8, always_live_auth), \
                     paused = COALESCE($9, paused), \
                     attempt_timeout_ms = CASE WHEN $10 = 1 THEN $11 ELSE attempt_timeout_ms END, \
                     grace_status = CASE WHEN $12 = 1 THEN $13 ELSE grace_status END \
                     WHERE id = $14",
                )
                .bind(update.name.clone())
                .bind(i64::from(url.is_some()))
                .bind(url.flatten())
                .bind(update.latest_only.map(i64::from))
                .bind(i64::from(retry.is_some()))
                .bind(retry.flatten())
                .bind(update.members_use_keys.map(i64::from))
                .bind(update.always_live_auth.map(i64::from))
                .bind(update.paused.map(i64::from))
                .bind(i64::from(update.attempt_timeout_ms.is_some()))
                .bind(update.attempt_timeout_ms.flatten().map(u64::cast_signed))
                .bind(i64::from(update.grace_status.is_some()))
                .bind(update.grace_status.flatten().map(i64::from))
                .bind(id)
                .execute(connection)
                .await
            })
            .await?;
        Ok(changed.rows_affected() > 0)
    }
}

/// Binds a sealed secret to its team and use.
pub(super) fn place(team: &str, kind: &str) -> String {
    format!("{team}|{kind}|v1")
}
