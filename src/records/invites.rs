//! Invitations: an address, a role and a link that is good once and for a while. The link's
//! token is stored as a digest; the letter that carries it is sealed.

use crate::access::Role;
use crate::callback::TimestampMs;
use crate::records::mails::{Mail, post};
use crate::records::users::{User, email_key, join};
use crate::records::{Records, RecordsError, exists, holds_nul};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Somebody who was asked to join a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The invitation's id.
    pub id: String,
    /// Into which team.
    pub team: String,
    /// The address as it was typed.
    pub email: String,
    /// The role that waits.
    pub role: Role,
    /// When it was sent.
    pub created_ms: TimestampMs,
    /// Until when the link is good.
    pub expires_ms: TimestampMs,
}

/// An invitation about to be made, with its link's token and its letter.
pub struct NewInvite {
    /// The invitation.
    pub invite: Invite,
    /// What the link holds; digested here.
    pub token: String,
    /// What is sent, if anything.
    pub mail: Option<Mail>,
}

impl Records {
    /// Makes invitations and puts their letters into the outbox; all or none.
    ///
    /// # Errors
    /// [`RecordsError::Exists`] names an address that is invited to the team already, or is a
    /// user's.
    pub async fn add_invites(&self, invites: &[NewInvite]) -> Result<(), RecordsError> {
        self.transact(async |connection| {
            for new in invites {
                self.add_invite(connection, new).await?;
            }
            Ok(())
        })
        .await
    }

    async fn add_invite(
        &self,
        connection: &mut AnyConnection,
        new: &NewInvite,
    ) -> Result<(), RecordsError> {
        let invite = &new.invite;
        let key = email_key(&invite.email);
        // A removed user of the same team may come back, no other.
        let users: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM users WHERE email_key = $1 \
             AND NOT (status = 'removed' AND team_id = $2)",
        )
        .bind(&key)
        .bind(&invite.team)
        .fetch_one(&mut *connection)
        .await?;
        if users > 0 {
            return Err(RecordsError::Exists(format!("user {}", invite.email)));
        }
        sqlx::query(
            "INSERT INTO invites (id, team_id, email, email_key, role, digest, created_ms, \
             expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&invite.id)
        .bind(&invite.team)
        .bind(&invite.email)
        .bind(&key)
        .bind(invite.role.as_str())
        .bind(self.vault.digest(&new.token))
        .bind(invite.created_ms.cast_signed())
        .bind(invite.expires_ms.cast_signed())
        .execute(&mut *connection)
        .await
        .map_err(exists(|| format!("an invitation for {}", invite.email)))?;
        if let Some(mail) = &new.mail {
            post(&self.vault, connection, mail, invite.created_ms).await?;
        }
        Ok(())
    }

    /// The team's invitations, oldest first; expired ones are among them until removed.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn invites(&self, team: &str) -> Result<Vec<Invite>, RecordsError> {
        let rows = self
            .run(async |connection| {
                sqlx::query(
                    "SELECT id, team_id, email, role, created_ms, expires_ms FROM invites \
                     WHERE team_id = $1 ORDER BY created_ms, id",
                )
                .bind(team)
                .fetch_all(connection)
                .await
            })
            .await?;
        Ok(rows.iter().map(invite).collect::<Result<_, _>>()?)
    }

    /// Takes an invitation of the team back: its link is of no more use. Returns it, if there
    /// was one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn remove_invite(
        &self,
        team: &str,
        id: &str,
    ) -> Result<Option<Invite>, RecordsError> {
        if holds_nul(id) {
            return Ok(None);
        }
        let row = self
            .run(async |connection| {
                sqlx::query(
                    "DELETE FROM invites WHERE team_id = $1 AND id = $2 \
                     RETURNING id, team_id, email, role, created_ms, expires_ms",
                )
                .bind(team)
                .bind(id)
                .fetch_optional(connection)
                .await
            })
            .await?;
        Ok(row.as_ref().map(invite).transpose()?)
    }

    /// The invitation whose link holds this token, if it is good at `now`.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn invite_of(
        &self,
        token: &str,
        now: TimestampMs,
    ) -> Result<Option<Invite>, RecordsError> {
        let row = self
            .run(async |connection| {
                sqlx::query(
                    "SELECT id, team_id, email, role, created_ms, expires_ms FROM invites \
                     WHERE digest = $1 AND expires_ms > $2",
                )
                .bind(self.vault.digest(token))
                .bind(now.cast_signed())
                .fetch_optional(connection)
                .await
            })
            .await?;
        Ok(row.as_ref().map(invite).transpose()?)
    }

    /// Spends an invitation and makes its user, with the role it has at this moment. All
    /// other invitations to the address are spent, too. Returns the role.
    ///
    /// # Errors
    /// [`RecordsError::Missing`] when the invitation was spent or taken back meanwhile,
    /// [`RecordsError::Exists`] when the address is a user's or the team has an admin already.
    pub async fn accept_invite(&self, user: &User, hash: &str) -> Result<Role, RecordsError> {
        let key = email_key(&user.email);
        self.transact(async |connection| {
            let role: Option<String> = sqlx::query_scalar(
                "DELETE FROM invites WHERE team_id = $1 AND email_key = $2 AND expires_ms > $3 \
                 RETURNING role",
            )
            .bind(&user.team)
            .bind(&key)
            .bind(user.created_ms.cast_signed())
            .fetch_optional(&mut *connection)
            .await?;
            let role = role.and_then(|role| Role::parse(&role));
            let role = role.ok_or_else(|| RecordsError::Missing("invitation".to_owned()))?;
            let user = User {
                role,
                ..user.clone()
            };
            join(connection, &user, hash).await?;
            sqlx::query("DELETE FROM invites WHERE email_key = $1")
                .bind(&key)
                .execute(connection)
                .await?;
            Ok(role)
        })
        .await
    }
}

fn invite(row: &AnyRow) -> Result<Invite, sqlx::Error> {
    let role: String = row.try_get("role")?;
    Ok(Invite {
        id: row.try_get("id")?,
        team: row.try_get("team_id")?,
        email: row.try_get("email")?,
        role: Role::parse(&role).unwrap_or(Role::Labeler),
        created_ms: row.try_get::<i64, _>("created_ms")?.cast_unsigned(),
        expires_ms: row.try_get::<i64, _>("expires_ms")?.cast_unsigned(),
    })
}
