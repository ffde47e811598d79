//! Teams, keys, producers, projects: what people configure. One SQL text through
//! sqlx's `Any` driver, so every database runs the same queries.

pub mod api_keys;
pub mod endpoints;
pub mod producers;
pub mod projects;
pub mod teams;

use crate::vault::{Vault, VaultError};
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::Migrator;
use std::path::Path;

static MIGRATIONS: Migrator = sqlx::migrate!("src/records/migrations");

/// The open records; clones share the connections.
#[derive(Debug, Clone)]
pub struct Records {
    pool: AnyPool,
    vault: Vault,
}

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// There is one of this name already.
    #[error("{0} exists already")]
    Exists(String),
    /// The database did not answer: try later.
    #[error("the records do not answer: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// The vault key is not the one the records were sealed with.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Records {
    /// Opens `records.db` in the folder, made if missing, and brings its schema up to date.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`] when the file cannot be opened.
    pub async fn open(folder: &Path, vault: Vault) -> Result<Self, RecordsError> {
        sqlx::any::install_default_drivers();
        let url = format!("sqlite://{}?mode=rwc", folder.join("records.db").display());
        let pool = AnyPoolOptions::new()
            .max_connections(4)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    for pragma in [
                        "PRAGMA busy_timeout = 10000",
                        "PRAGMA journal_mode = WAL",
                        "PRAGMA synchronous = FULL",
                    ] {
                        sqlx::query(pragma).execute(&mut *connection).await?;
                    }
                    Ok(())
                })
            })
            .connect(&url)
            .await?;
        MIGRATIONS.run(&pool).await.map_err(sqlx::Error::from)?;
        Ok(Self { pool, vault })
    }

    /// What a key is looked up by.
    #[must_use]
    pub fn digest(&self, key: &str) -> String {
        self.vault.digest(key)
    }

    /// Closes the database. Call it last.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Turns a broken uniqueness into [`RecordsError::Exists`].
fn exists(what: impl FnOnce() -> String) -> impl FnOnce(sqlx::Error) -> RecordsError {
    |error| match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            RecordsError::Exists(what())
        }
        _ => RecordsError::Unavailable(error),
    }
}
