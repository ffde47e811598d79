//! Who is signed in, links that reset passwords, and how often somebody tried. Tokens are
//! stored as digests.

use crate::access::Role;
use crate::callback::{TeamId, TimestampMs};
use crate::records::mails::{Mail, post};
use crate::records::users::{email_key, set_password};
use crate::records::{Records, RecordsError, holds_nul};
use crate::vault::new_key;
use sqlx::Row;

/// Session tokens start with this.
pub const TOKEN_PREFIX: &str = "rb_session_";
/// Most sessions of a user.
pub const SESSIONS_MAX: i64 = 50;

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their user's id.
    pub user: String,
    /// Their team.
    pub team: TeamId,
    /// Their place in it.
    pub role: Role,
    /// Their address.
    pub email: String,
    /// The session they came with.
    pub session: String,
    /// When it was last written down that they are there.
    pub seen_ms: TimestampMs,
    /// Until when the session is good.
    pub expires_ms: TimestampMs,
}

/// One session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// When it began.
    pub created_ms: TimestampMs,
    /// When it was last used, give or take a minute.
    pub seen_ms: TimestampMs,
    /// When it ends by itself.
    pub expires_ms: TimestampMs,
    /// From where it began.
    pub origin: Origin,
}

/// From where and with what somebody signs in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address of the connection.
    pub address: String,
    /// What the program calls itself.
    pub agent: String,
}

/// How often may be tried within which time.
#[derive(Debug, Clone, Copy)]
pub struct TryLimit {
    /// So often.
    pub tries_max: u32,
    /// Counted anew after this.
    pub window_ms: u64,
}

impl Records {
    /// Begins a session and returns its token, which cannot be read again. Of many sessions
    /// of a user the oldest end.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn add_session(
        &self,
        user: &str,
        origin: &Origin,
        now: TimestampMs,
        expires: TimestampMs,
    ) -> Result<String, RecordsError> {
        let token = new_key(TOKEN_PREFIX);
        let digest = self.vault.digest(&token);
        self.transact(async |connection| {
            sqlx::query(
                "DELETE FROM sessions WHERE user_id = $1 AND id NOT IN (SELECT id FROM sessions \
                 WHERE user_id = $1 ORDER BY created_ms DESC, id DESC LIMIT $2)",
            )
            .bind(user)
            .bind(SESSIONS_MAX - 1)
            .execute(&mut *connection)
            .await?;
            sqlx::query(
                "INSERT INTO sessions (id, user_id, digest, created_ms, seen_ms, expires_ms, \
                 address, agent) VALUES ($1, $2, $3, $4, $4, $5, $6, $7)",
            )
            .bind(uuid::Uuid::now_v7().to_string())
            .bind(user)
            .bind(digest)
            .bind(now.cast_signed())
            .bind(expires.cast_signed())
            .bind(&origin.address)
            .bind(&origin.agent)
            .execute(&mut *connection)
            .await?;
            Ok(token)
        })
        .await
    }

    /// Whose session this is, if it is good at `now` and its user active.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn person_of(
        &self,
        token: &str,
        now: TimestampMs,
    ) -> Result<Option<Person>, RecordsError> {
        let row = self
            .run(async |connection| {
                sqlx::query(
                    "SELECT s.id, s.user_id, s.seen_ms, s.expires_ms, u.team_id, u.role, u.email \
                     FROM sessions s JOIN users u ON u.id = s.user_id \
                     WHERE s.digest = $1 AND s.expires_ms > $2 AND u.status = 'active'",
                )
                .bind(self.vault.digest(token))
                .bind(now.cast_signed())
                .fetch_optional(connection)
                .await
            })
            .await?;
        let Some(row) = row else { return Ok(None) };
        let role: String = row.try_get("role")?;
        Ok(Some(Person {
            user: row.try_get("user_id")?,
            team: row.try_get::<String, _>("team_id")?.as_str().into(),
            role: Role::parse(&role).unwrap_or(Role::Labeler),
            email: row.try_get("email")?,
            session: row.try_get("id")?,
            seen_ms: row.try_get::<i64, _>("seen_ms")?.cast_unsigned(),
            expires_ms: row.try_get::<i64, _>("expires_ms")?.cast_unsigned(),
        }))
    }

    /// Writes down that a session is used.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn touch_session(&self, id: &str, now: TimestampMs) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query("UPDATE sessions SET seen_ms = $1 WHERE id = $2 AND seen_ms < $1")
                .bind(now.cast_signed())
                .bind(id)
                .execute(connection)
                .await
        })
        .await?;
        Ok(())
    }

    /// The user's sessions that are good at `now`, newest first.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn sessions(
        &self,
        user: &str,
        now: TimestampMs,
    ) -> Result<Vec<Session>, RecordsError> {
        let rows: Vec<(String, i64, i64, i64, String, String)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT id, created_ms, seen_ms, expires_ms, address, agent FROM sessions \
                     WHERE user_id = $1 AND expires_ms > $2 ORDER BY created_ms DESC, id DESC",
                )
                .bind(user)
                .bind(now.cast_signed())
                .fetch_all(connection)
                .await
            })
            .await?;
        let session =
            |(id, created, seen, expires, address, agent): (_, i64, i64, i64, _, _)| Session {
                id,
                created_ms: created.cast_unsigned(),
                seen_ms: seen.cast_unsigned(),
                expires_ms: expires.cast_unsigned(),
                origin: Origin { address, agent },
            };
        Ok(rows.into_iter().map(session).collect())
    }

    /// Ends one session of a user. Returns whether there was one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn end_session(&self, user: &str, id: &str) -> Result<bool, RecordsError> {
        if holds_nul(id) {
            return Ok(false);
        }
        let ended = self
            .run(async |connection| {
                sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id = $2")
                    .bind(user)
                    .bind(id)
                    .execute(connection)
                    .await
            })
            .await?;
        Ok(ended.rows_affected() > 0)
    }

    /// A link that resets a user's password until `expires`; it replaces an older one. Its
    /// letter goes into the outbox with it.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn add_password_reset(
        &self,
        user: &str,
        token: &str,
        mail: &Mail,
        [now, expires]: [TimestampMs; 2],
    ) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            sqlx::query(
                "INSERT INTO password_resets (user_id, digest, expires_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (user_id) DO UPDATE SET digest = excluded.digest, \
                 expires_ms = excluded.expires_ms",
            )
            .bind(user)
            .bind(self.vault.digest(token))
            .bind(expires.cast_signed())
            .execute(&mut *connection)
            .await?;
            post(&self.vault, connection, mail, now).await?;
            Ok(())
        })
        .await
    }

    /// Whose password the link resets, if it is good at `now`.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn password_reset_of(
        &self,
        token: &str,
        now: TimestampMs,
    ) -> Result<Option<String>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_scalar(
                    "SELECT user_id FROM password_resets WHERE digest = $1 AND expires_ms > $2",
                )
                .bind(self.vault.digest(token))
                .bind(now.cast_signed())
                .fetch_optional(connection)
                .await
            })
            .await?)
    }

    /// Spends the link: a new password, and every session ends.
    ///
    /// # Errors
    /// [`RecordsError::Missing`] when it was spent meanwhile.
    pub async fn reset_password(&self, token: &str, hash: &str) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            let user: Option<String> = sqlx::query_scalar(
                "DELETE FROM password_resets WHERE digest = $1 RETURNING user_id",
            )
            .bind(self.vault.digest(token))
            .fetch_optional(&mut *connection)
            .await?;
            let user = user.ok_or_else(|| RecordsError::Missing("link".to_owned()))?;
            set_password(connection, &user, hash).await?;
            Ok(())
        })
        .await
    }

    /// Counts a try under a name; whether it is still within the limit. Processes share the
    /// count, and tries made at once are counted one by one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn count_try(
        &self,
        name: &str,
        limit: TryLimit,
        now: TimestampMs,
    ) -> Result<bool, RecordsError> {
        let tries: i64 = self
            .run(async |connection| {
                sqlx::query_scalar(
                    "INSERT INTO sign_in_tries (id, tries, since_ms) VALUES ($1, 1, $2) \
                     ON CONFLICT (id) DO UPDATE SET \
                     tries = CASE WHEN sign_in_tries.since_ms <= $3 THEN 1 \
                     ELSE sign_in_tries.tries + 1 END, \
                     since_ms = CASE WHEN sign_in_tries.since_ms <= $3 THEN $2 \
                     ELSE sign_in_tries.since_ms END RETURNING tries",
                )
                .bind(self.vault.digest(name))
                .bind(now.cast_signed())
                .bind(now.saturating_sub(limit.window_ms).cast_signed())
                .fetch_one(connection)
                .await
            })
            .await?;
        Ok(tries <= i64::from(limit.tries_max))
    }

    /// A try that was right does not count.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn forgive_try(&self, name: &str) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query("UPDATE sign_in_tries SET tries = tries - 1 WHERE id = $1 AND tries > 0")
                .bind(self.vault.digest(name))
                .execute(connection)
                .await
        })
        .await?;
        Ok(())
    }

    /// Deletes sessions, links, counts and replaced secrets that ended before `before`.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn prune_sessions(&self, before: TimestampMs) -> Result<(), RecordsError> {
        for sql in [
            "DELETE FROM sessions WHERE expires_ms < $1",
            "DELETE FROM password_resets WHERE expires_ms < $1",
            "DELETE FROM sign_in_tries WHERE since_ms < $1",
            "DELETE FROM old_secrets WHERE until_ms < $1",
        ] {
            self.run(async |connection| {
                sqlx::query(sql)
                    .bind(before.cast_signed())
                    .execute(connection)
                    .await
            })
            .await?;
        }
        Ok(())
    }
}

/// The name under which an account's tries are counted.
#[must_use]
pub fn account_tries(email: &str) -> String {
    format!("account {}", email_key(email))
}
