//! What proves a callback to its receiver: callback auth keys and the signing secret of a
//! team, replaced with a time of grace in which the previous one is still good.

use crate::callback::{Mode, TimestampMs};
use crate::records::{Records, RecordsError, holds_nul};
use crate::vault::{new_key, new_signing_secret};

/// A secret of a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// `scale-callback-auth` of live results.
    LiveAuth,
    /// `scale-callback-auth` of test results.
    TestAuth,
    /// Signs every callback.
    Signing,
}

impl SecretKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LiveAuth, Self::TestAuth, Self::Signing];

    /// As in routes and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LiveAuth => "live",
            Self::TestAuth => "test",
            Self::Signing => "signing",
        }
    }

    /// Reads [`SecretKind::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The column of `teams`.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::LiveAuth => "live_callback_auth",
            Self::TestAuth => "test_callback_auth",
            Self::Signing => "signing_secret",
        }
    }

    /// What the sealed text is bound to, besides its team.
    pub(super) fn place(self) -> &'static str {
        match self {
            Self::LiveAuth => "live callback auth",
            Self::TestAuth => "test callback auth",
            Self::Signing => "signing",
        }
    }

    /// A fresh one.
    pub(super) fn make(self) -> String {
        match self {
            Self::LiveAuth => new_key("live_auth_"),
            Self::TestAuth => new_key("test_auth_"),
            Self::Signing => new_signing_secret(),
        }
    }
}

/// A secret that was replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct OldSecret {
    /// Which.
    pub kind: SecretKind,
    /// The secret itself.
    pub secret: String,
    /// Until when it is good.
    pub until_ms: TimestampMs,
}

/// Which callback auth key an endpoint took last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointKey {
    /// The endpoint.
    pub url: String,
    /// For which results.
    pub mode: Mode,
    /// Whether it took the new one.
    pub takes_new: bool,
    /// When.
    pub seen_ms: TimestampMs,
}

impl Records {
    /// Replaces a secret; the previous one stays good until `until`. What endpoints took
    /// before is forgotten. Returns the new one; `None`: there is no such team.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was changed.
    pub async fn rotate_secret(
        &self,
        team: &str,
        kind: SecretKind,
        until: TimestampMs,
    ) -> Result<Option<String>, RecordsError> {
        let fresh = kind.make();
        let place = super::teams::place(team, kind.place());
        let sealed = self.vault.seal(&place, &fresh);
        let column = kind.column();
        let lock = format!("UPDATE teams SET {column} = {column} WHERE id = $1 RETURNING {column}");
        let set = format!("UPDATE teams SET {column} = $1 WHERE id = $2");
        self.transact(async |connection| {
            let previous: Option<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(lock))
                .bind(team)
                .fetch_optional(&mut *connection)
                .await?;
            let Some(previous) = previous else {
                return Ok(None);
            };
            sqlx::query(sqlx::AssertSqlSafe(set))
                .bind(sealed)
                .bind(team)
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "INSERT INTO old_secrets (team_id, kind, sealed, until_ms) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (team_id, kind) DO UPDATE \
                 SET sealed = excluded.sealed, until_ms = excluded.until_ms",
            )
            .bind(team)
            .bind(kind.as_str())
            .bind(previous)
            .bind(until.cast_signed())
            .execute(&mut *connection)
            .await?;
            sqlx::query("DELETE FROM endpoint_keys WHERE team_id = $1 AND mode = $2")
                .bind(team)
                .bind(kind.as_str())
                .execute(connection)
                .await?;
            Ok(Some(fresh))
        })
        .await
    }

    /// The team's replaced secrets that are still good at `now`.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer or the vault key is another one.
    pub async fn old_secrets(
        &self,
        team: &str,
        now: TimestampMs,
    ) -> Result<Vec<OldSecret>, RecordsError> {
        let rows: Vec<(String, String, i64)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT kind, sealed, until_ms FROM old_secrets \
                     WHERE team_id = $1 AND until_ms > $2 ORDER BY kind",
                )
                .bind(team)
                .bind(now.cast_signed())
                .fetch_all(connection)
                .await
            })
            .await?;
        let mut secrets = Vec::with_capacity(rows.len());
        for (kind, sealed, until) in rows {
            let Some(kind) = SecretKind::parse(&kind) else {
                continue;
            };
            let place = super::teams::place(team, kind.place());
            secrets.push(OldSecret {
                kind,
                secret: self.vault.unseal(&place, &sealed)?,
                until_ms: until.cast_unsigned(),
            });
        }
        Ok(secrets)
    }

    /// Notes which key an endpoint took.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn note_endpoint_key(
        &self,
        team: &str,
        noted: &EndpointKey,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO endpoint_keys (team_id, url, mode, takes, seen_ms) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (team_id, url, mode) DO UPDATE \
                 SET takes = excluded.takes, seen_ms = excluded.seen_ms",
            )
            .bind(team)
            .bind(&noted.url)
            .bind(noted.mode.as_str())
            .bind(takes(noted.takes_new))
            .bind(noted.seen_ms.cast_signed())
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    /// Which keys the team's endpoints took, those on the previous one first.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn endpoint_keys(&self, team: &str) -> Result<Vec<EndpointKey>, RecordsError> {
        if holds_nul(team) {
            return Ok(Vec::new());
        }
        let rows: Vec<(String, String, String, i64)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT url, mode, takes, seen_ms FROM endpoint_keys WHERE team_id = $1 \
                     ORDER BY takes DESC, url, mode",
                )
                .bind(team)
                .fetch_all(connection)
                .await
            })
            .await?;
        let noted = |(url, mode, word, seen): (String, String, String, i64)| EndpointKey {
            url,
            mode: super::stored_mode(&mode),
            takes_new: word == takes(true),
            seen_ms: seen.cast_unsigned(),
        };
        Ok(rows.into_iter().map(noted).collect())
    }
}

fn takes(new: bool) -> &'static str {
    if new { "new" } else { "previous" }
}
