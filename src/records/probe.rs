//! Looks at the records' database and changes nothing: makes no file, runs no migration.
//! For whoever wants to know whether a gateway could start.

use crate::callback::TimestampMs;
use crate::config::Config;
use crate::records::{MIGRATIONS_TABLE, VAULT_CHECK_PLACE, migrations};
use crate::vault::{Vault, VaultError};
use sqlx::{AnyConnection, Connection};
use std::time::Duration;

/// Connecting, and every question.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Where sqlx keeps its list in a file of our own.
const SQLITE_MIGRATIONS_TABLE: &str = "_sqlx_migrations";

/// The database as it is.
#[derive(Debug)]
pub struct Probe {
    /// Such as `PostgreSQL 15.14`.
    pub server: String,
    /// As PostgreSQL numbers itself, such as 150014; none for SQLite.
    pub version: Option<i64>,
    /// Whether a commit waits for the disk; a gateway refuses a server where it does not.
    pub commits_are_kept: bool,
    /// The server's clock, milliseconds; none where it is ours.
    pub clock_ms: Option<TimestampMs>,
    /// Migrations of this program that have not run there.
    pub migrations_missing: usize,
    /// Migrations there that this program does not know: a newer one has been at work.
    pub migrations_unknown: usize,
    /// The sealed word of whoever opened the records first; none before that.
    sealed: Option<String>,
}

/// Why there is nothing to be said about the database.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It does not answer within five seconds.
    #[error("it does not answer in time")]
    Silent,
    /// It refuses, or nobody is there.
    #[error(transparent)]
    Refused(#[from] sqlx::Error),
}

impl Probe {
    /// Looks at what `store.url` names; `None` while there is no file yet.
    ///
    /// # Errors
    /// [`ProbeError`] when it cannot be read.
    pub async fn of(config: &Config) -> Result<Option<Self>, ProbeError> {
        sqlx::any::install_default_drivers();
        let looked = async {
            if let Some(url) = config.store.postgres_url() {
                return Ok(Some(postgres(url).await?));
            }
            let file = config.data.dir.join("records.db");
            if !file.exists() {
                return Ok(None);
            }
            let url = format!("sqlite://{}?mode=ro", file.display());
            Ok(Some(sqlite(&url).await?))
        };
        tokio::time::timeout(ANSWER_MAX, looked)
            .await
            .unwrap_or(Err(ProbeError::Silent))
    }

    /// Whether secrets were sealed here before, so that their key must exist.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// Whether this is the key the secrets were sealed with.
    ///
    /// # Errors
    /// [`VaultError`] when it is another one.
    pub fn check_vault(&self, vault: &Vault) -> Result<(), VaultError> {
        match &self.sealed {
            Some(sealed) => vault.unseal(VAULT_CHECK_PLACE, sealed).map(|_| ()),
            None => Ok(()),
        }
    }

    async fn read_migrations(
        &mut self,
        connection: &mut AnyConnection,
        table: &'static str,
    ) -> Result<(), sqlx::Error> {
        let sql = match table {
            MIGRATIONS_TABLE => "SELECT version FROM records_migrations",
            _ => "SELECT version FROM _sqlx_migrations",
        };
        let there: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&mut *connection).await?;
        let ours: Vec<i64> = migrations().iter().map(|it| it.version).collect();
        self.migrations_missing = ours.iter().filter(|it| !there.contains(it)).count();
        self.migrations_unknown = there.iter().filter(|it| !ours.contains(it)).count();
        if has_table(connection, "vault_check", self.version.is_some()).await? {
            self.sealed = sqlx::query_scalar("SELECT sealed FROM vault_check WHERE id = 1")
                .fetch_optional(connection)
                .await?;
        }
        Ok(())
    }
}

async fn sqlite(url: &str) -> Result<Probe, sqlx::Error> {
    let mut connection = AnyConnection::connect(url).await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut connection)
        .await?;
    let mut probe = fresh(format!("SQLite {version}"));
    if has_table(&mut connection, SQLITE_MIGRATIONS_TABLE, false).await? {
        probe
            .read_migrations(&mut connection, SQLITE_MIGRATIONS_TABLE)
            .await?;
    }
    connection.close().await?;
    Ok(probe)
}

async fn postgres(url: &str) -> Result<Probe, sqlx::Error> {
    let mut connection = AnyConnection::connect(url).await?;
    let (name, version, kept, clock_ms): (String, i64, i64, i64) = sqlx::query_as(
        "SELECT current_setting('server_version'), \
         current_setting('server_version_num')::bigint, \
         CASE current_setting('synchronous_commit') WHEN 'off' THEN 0 ELSE 1 END::bigint, \
         (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
    )
    .fetch_one(&mut connection)
    .await?;
    let mut probe = Probe {
        version: Some(version),
        commits_are_kept: kept == 1,
        clock_ms: u64::try_from(clock_ms).ok(),
        ..fresh(format!("PostgreSQL {name}"))
    };
    if has_table(&mut connection, MIGRATIONS_TABLE, true).await? {
        probe
            .read_migrations(&mut connection, MIGRATIONS_TABLE)
            .await?;
    }
    connection.close().await?;
    Ok(probe)
}

/// Nothing has run there yet.
fn fresh(server: String) -> Probe {
    Probe {
        server,
        version: None,
        commits_are_kept: true,
        clock_ms: None,
        migrations_missing: migrations().iter().count(),
        migrations_unknown: 0,
        sealed: None,
    }
}

async fn has_table(
    connection: &mut AnyConnection,
    table: &'static str,
    is_postgres: bool,
) -> Result<bool, sqlx::Error> {
    let sql = if is_postgres {
        "SELECT CASE WHEN to_regclass($1) IS NULL THEN 0 ELSE 1 END::bigint"
    } else {
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1"
    };
    let n: i64 = sqlx::query_scalar(sql)
        .bind(table)
        .fetch_one(connection)
        .await?;
    Ok(n > 0)
}
