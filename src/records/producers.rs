//! Producers: the labelling side's programs that hand in results. Their keys are
//! shown once and stored as digests only.

use crate::callback::TimestampMs;
use crate::records::{Records, RecordsError, exists};
use crate::vault::{is_key, new_key};

/// Producer keys start with this.
const PREFIX: &str = "rb_producer_";

impl Records {
    /// Makes a producer and returns its key, which cannot be read again.
    ///
    /// # Errors
    /// [`RecordsError::Exists`] when the name is taken.
    pub async fn add_producer(&self, name: &str, now: TimestampMs) -> Result<String, RecordsError> {
        let key = new_key(PREFIX);
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO producers (name, digest, last_four, created_ms) \
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(name)
            .bind(self.vault.digest(&key))
            .bind(&key[key.len() - 4..])
            .bind(now.cast_signed())
            .execute(connection)
            .await
        })
        .await
        .map_err(exists(|| format!("producer {name}")))?;
        Ok(key)
    }

    /// Removes a producer; its key is of no more use. Returns whether there was one.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn remove_producer(&self, name: &str) -> Result<bool, RecordsError> {
        let removed = self
            .run(async |connection| {
                sqlx::query("DELETE FROM producers WHERE name = $1")
                    .bind(name)
                    .execute(connection)
                    .await
            })
            .await?;
        Ok(removed.rows_affected() > 0)
    }

    /// The producer whose key this is.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn producer_of(&self, key: &str) -> Result<Option<String>, RecordsError> {
        if !is_key(PREFIX, key) {
            return Ok(None);
        }
        let name = self
            .run(async |connection| {
                sqlx::query_scalar("SELECT name FROM producers WHERE digest = $1")
                    .bind(self.vault.digest(key))
                    .fetch_optional(connection)
                    .await
            })
            .await?;
        Ok(name)
    }

    /// All producers: name and the last four characters of the key.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn producers(&self) -> Result<Vec<(String, String)>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_as("SELECT name, last_four FROM producers ORDER BY name")
                    .fetch_all(connection)
                    .await
            })
            .await?)
    }
}
