//! The outbox: letters that were promised together with what they tell of. Sealed, since
//! they hold links that open accounts; deleted once they are sent.

use crate::callback::TimestampMs;
use crate::records::{Records, RecordsError};
use crate::vault::Vault;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;

/// A letter to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub recipient: String,
    /// What it says.
    pub letter: Letter,
}

/// What a letter says. It may hold a link that opens an account: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// A letter taken out to be sent, until its lease ends.
pub struct Claimed {
    /// Its id in the outbox.
    pub id: String,
    /// How often it was taken out, this time included.
    pub tries: u32,
    /// When it was written.
    pub created_ms: TimestampMs,
    /// The letter.
    pub mail: Mail,
}

/// Writes a letter into the outbox.
pub(super) async fn post(
    vault: &Vault,
    connection: &mut AnyConnection,
    mail: &Mail,
    now: TimestampMs,
) -> Result<(), sqlx::Error> {
    let id = uuid::Uuid::now_v7().to_string();
    let letter = serde_json::to_string(&mail.letter).expect("three texts have a JSON form");
    sqlx::query(
        "INSERT INTO mails (id, recipient, letter, tries, due_ms, created_ms) \
         VALUES ($1, $2, $3, 0, $4, $4)",
    )
    .bind(&id)
    .bind(&mail.recipient)
    .bind(vault.seal(&place(&id), &letter))
    .bind(now.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

impl Records {
    /// Takes one letter that is due out of the box; it is due again at `until`, unless it is
    /// sent or put off. Of several processes one gets it.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer or the vault key is another one.
    pub async fn claim_mail(
        &self,
        now: TimestampMs,
        until: TimestampMs,
    ) -> Result<Option<Claimed>, RecordsError> {
        let row: Option<(String, String, String, i64, i64)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "UPDATE mails SET due_ms = $1, tries = tries + 1 WHERE due_ms <= $2 AND id = \
                     (SELECT id FROM mails WHERE due_ms <= $2 ORDER BY due_ms, id LIMIT 1) \
                     RETURNING id, recipient, letter, tries, created_ms",
                )
                .bind(until.cast_signed())
                .bind(now.cast_signed())
                .fetch_optional(connection)
                .await
            })
            .await?;
        let Some((id, recipient, sealed, tries, created)) = row else {
            return Ok(None);
        };
        let letter = self.vault.unseal(&place(&id), &sealed)?;
        let letter =
            serde_json::from_str(&letter).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Some(Claimed {
            id,
            tries: u32::try_from(tries).unwrap_or(u32::MAX),
            created_ms: created.cast_unsigned(),
            mail: Mail { recipient, letter },
        }))
    }

    /// The letter is sent, or given up.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn forget_mail(&self, id: &str) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query("DELETE FROM mails WHERE id = $1")
                .bind(id)
                .execute(connection)
                .await
        })
        .await?;
        Ok(())
    }

    /// The letter is tried again at `due`.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn put_mail_off(&self, id: &str, due: TimestampMs) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query("UPDATE mails SET due_ms = $1 WHERE id = $2")
                .bind(due.cast_signed())
                .bind(id)
                .execute(connection)
                .await
        })
        .await?;
        Ok(())
    }
}

/// Binds a sealed letter to its row.
pub(super) fn place(id: &str) -> String {
    format!("mail {id}|v1")
}
