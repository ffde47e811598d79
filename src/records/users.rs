//! The people of a team. An address is one user in one team for ever, so a removed user
//! keeps their row; who may change whom is decided above.

use crate::access::Role;
use crate::callback::TimestampMs;
use crate::records::{Records, RecordsError, exists, holds_nul};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Whether a user may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// May sign in.
    Active,
    /// May not until enabled again.
    Disabled,
    /// No longer of the team; the address stays with it.
    Removed,
}

impl Status {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
        }
    }

    fn stored(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "disabled" => Self::Disabled,
            _ => Self::Removed,
        }
    }
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: String,
    /// Their only team.
    pub team: String,
    /// Their address as they typed it.
    pub email: String,
    /// Their place in the team.
    pub role: Role,
    /// Whether they may come in.
    pub status: Status,
    /// Asked for on acceptance.
    pub profile: Profile,
    /// When they joined.
    pub created_ms: TimestampMs,
}

/// What a person tells about themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Where they work.
    pub company: String,
}

/// What makes two addresses the same user's: case alone does not tell people apart, but
/// `+suffix` does.
#[must_use]
pub fn email_key(email: &str) -> String {
    email.to_lowercase()
}

/// Columns of a [`User`].
const COLUMNS: &str =
    "id, team_id, email, role, status, first_name, last_name, company, created_ms";

impl Records {
    /// The team's people, oldest first; removed ones are not among them.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn users(&self, team: &str) -> Result<Vec<User>, RecordsError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM users WHERE team_id = $1 AND status <> 'removed' \
             ORDER BY created_ms, id"
        );
        let rows = self
            .run(async |connection| {
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(team)
                    .fetch_all(connection)
                    .await
            })
            .await?;
        Ok(rows.iter().map(user).collect::<Result<_, _>>()?)
    }

    /// The user with this address, removed or not, whatever their team.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, RecordsError> {
        if holds_nul(email) {
            return Ok(None);
        }
        self.user_where("email_key = $1", &email_key(email)).await
    }

    /// The user with this id, removed or not.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn user(&self, id: &str) -> Result<Option<User>, RecordsError> {
        if holds_nul(id) {
            return Ok(None);
        }
        self.user_where("id = $1", id).await
    }

    async fn user_where(&self, rule: &str, value: &str) -> Result<Option<User>, RecordsError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE {rule}");
        let row = self
            .run(async |connection| {
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(value)
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        Ok(row.as_ref().map(user).transpose()?)
    }

    /// The user with this address and the hash of their password.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn credentials(&self, email: &str) -> Result<Option<(User, String)>, RecordsError> {
        let sql = format!("SELECT {COLUMNS}, password FROM users WHERE email_key = $1");
        let row = self
            .run(async |connection| {
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(email_key(email))
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        let open = |row: AnyRow| Ok((user(&row)?, row.try_get("password")?));
        row.map(open).transpose()
    }

    /// Gives people of a team another role and ends their sessions; the admin is never among
    /// them. People who are invited only get it, too. All or nothing: the first address that
    /// is neither is the error's.
    ///
    /// # Errors
    /// [`RecordsError::Missing`] names the address.
    pub async fn set_roles(
        &self,
        team: &str,
        emails: &[String],
        role: Role,
    ) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            for email in emails {
                let changed = set_role(connection, team, email, role).await?;
                if !changed {
                    return Err(RecordsError::Missing(email.clone()));
                }
            }
            Ok(())
        })
        .await
    }

    /// Disables, enables or removes a user who is not the admin, and ends their sessions.
    /// Returns whether there is one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn set_status(&self, user: &str, status: Status) -> Result<bool, RecordsError> {
        self.transact(async |connection| {
            let changed = sqlx::query(
                "UPDATE users SET status = $1 WHERE id = $2 AND role <> 'admin' \
                 AND status <> 'removed'",
            )
            .bind(status.as_str())
            .bind(user)
            .execute(&mut *connection)
            .await?;
            if changed.rows_affected() == 0 {
                return Ok(false);
            }
            end_sessions(connection, user).await?;
            Ok(true)
        })
        .await
    }

    /// The team's admin becomes a manager, and this user of it the admin.
    ///
    /// # Errors
    /// [`RecordsError::Missing`] when the user is not an active one of the team.
    pub async fn transfer_admin(&self, team: &str, user: &str) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            let former: Option<String> = sqlx::query_scalar(
                "UPDATE users SET role = 'manager' WHERE team_id = $1 AND role = 'admin' \
                 RETURNING id",
            )
            .bind(team)
            .fetch_optional(&mut *connection)
            .await?;
            let made = sqlx::query(
                "UPDATE users SET role = 'admin' WHERE id = $1 AND team_id = $2 \
                 AND status = 'active'",
            )
            .bind(user)
            .bind(team)
            .execute(&mut *connection)
            .await?;
            if made.rows_affected() == 0 {
                return Err(RecordsError::Missing(format!("user {user}")));
            }
            for id in former.iter().map(String::as_str).chain([user]) {
                end_sessions(connection, id).await?;
            }
            Ok(())
        })
        .await
    }

    /// A user who is not an admin goes to another team, keeping their role; the team's
    /// invitation to them is spent. Ends their sessions. Returns whether there is one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn move_user(&self, user: &User, team: &str) -> Result<bool, RecordsError> {
        self.transact(async |connection| {
            let moved = sqlx::query(
                "UPDATE users SET team_id = $1, status = CASE WHEN status = 'removed' \
                 THEN 'active' ELSE status END WHERE id = $2 AND role <> 'admin'",
            )
            .bind(team)
            .bind(&user.id)
            .execute(&mut *connection)
            .await?;
            if moved.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query("DELETE FROM invites WHERE email_key = $1")
                .bind(email_key(&user.email))
                .execute(&mut *connection)
                .await?;
            end_sessions(connection, &user.id).await?;
            Ok(true)
        })
        .await
    }

    /// A new password; ends all of the user's sessions.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn set_password(&self, user: &str, hash: &str) -> Result<(), RecordsError> {
        self.transact(async |connection| set_password(connection, user, hash).await)
            .await?;
        Ok(())
    }
}

/// Writes the password and ends the sessions.
pub(super) async fn set_password(
    connection: &mut AnyConnection,
    user: &str,
    hash: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET password = $1 WHERE id = $2")
        .bind(hash)
        .bind(user)
        .execute(&mut *connection)
        .await?;
    end_sessions(connection, user).await
}

async fn set_role(
    connection: &mut AnyConnection,
    team: &str,
    email: &str,
    role: Role,
) -> Result<bool, RecordsError> {
    let key = email_key(email);
    let user: Option<String> = sqlx::query_scalar(
        "UPDATE users SET role = $1 WHERE team_id = $2 AND email_key = $3 \
         AND role <> 'admin' AND status <> 'removed' RETURNING id",
    )
    .bind(role.as_str())
    .bind(team)
    .bind(&key)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(user) = user {
        end_sessions(connection, &user).await?;
        return Ok(true);
    }
    let invited = sqlx::query(
        "UPDATE invites SET role = $1 WHERE team_id = $2 AND email_key = $3 AND role <> 'admin'",
    )
    .bind(role.as_str())
    .bind(team)
    .bind(&key)
    .execute(connection)
    .await?;
    Ok(invited.rows_affected() > 0)
}

/// Ends every session of a user.
pub(super) async fn end_sessions(
    connection: &mut AnyConnection,
    user: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1")
        .bind(user)
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes the user, or takes a removed one of the same team back.
pub(super) async fn join(
    connection: &mut AnyConnection,
    user: &User,
    password: &str,
) -> Result<(), RecordsError> {
    let row: Option<String> = sqlx::query_scalar(
        "INSERT INTO users (id, team_id, email, email_key, role, status, password, \
         first_name, last_name, company, created_ms) \
         VALUES ($1, $2, $3, $4, $5, 'active', $6, $7, $8, $9, $10) \
         ON CONFLICT (email_key) DO UPDATE SET email = excluded.email, role = excluded.role, \
         status = 'active', password = excluded.password, first_name = excluded.first_name, \
         last_name = excluded.last_name, company = excluded.company \
         WHERE users.status = 'removed' AND users.team_id = excluded.team_id RETURNING id",
    )
    .bind(&user.id)
    .bind(&user.team)
    .bind(&user.email)
    .bind(email_key(&user.email))
    .bind(user.role.as_str())
    .bind(password)
    .bind(&user.profile.first_name)
    .bind(&user.profile.last_name)
    .bind(&user.profile.company)
    .bind(user.created_ms.cast_signed())
    .fetch_optional(connection)
    .await
    .map_err(exists(|| format!("an admin of team {}", user.team)))?;
    row.map(drop)
        .ok_or_else(|| RecordsError::Exists(format!("user {}", user.email)))
}

pub(super) fn user(row: &AnyRow) -> Result<User, sqlx::Error> {
    let role: String = row.try_get("role")?;
    Ok(User {
        id: row.try_get("id")?,
        team: row.try_get("team_id")?,
        email: row.try_get("email")?,
        // Written by us alone; an unknown word must not open anything.
        role: Role::parse(&role).unwrap_or(Role::Labeler),
        status: Status::stored(&row.try_get::<String, _>("status")?),
        profile: Profile {
            first_name: row.try_get("first_name")?,
            last_name: row.try_get("last_name")?,
            company: row.try_get("company")?,
        },
        created_ms: row.try_get::<i64, _>("created_ms")?.cast_unsigned(),
    })
}
