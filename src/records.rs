//! Teams, keys, producers, projects: what people configure. One SQL text through
//! sqlx's `Any` driver, so every database runs the same queries.

pub mod api_keys;
pub mod audit;
pub mod batches;
pub mod endpoints;
pub mod files;
pub mod genai;
pub mod hours;
pub mod integrations;
pub mod invites;
pub mod invoices;
pub mod labelling;
pub mod lane_limits;
pub mod ledger;
pub mod mails;
pub mod outbox;
pub mod payment;
pub mod prices;
pub mod probe;
pub mod producers;
pub mod projects;
pub mod quality;
pub mod reseal;
pub mod secrets;
pub mod sessions;
pub mod studio;
pub mod tasks;
pub mod teams;
pub mod transfer;
pub mod users;
pub mod world;

use crate::callback::Mode;
use crate::config::Config;
use crate::folder::{self, HALF_MOVED, MOVED};
use crate::money::Currency;
use crate::vault::{Vault, VaultError};
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AnyPool, Connection};
use std::path::Path;
use std::time::Duration;

/// In PostgreSQL the journal keeps its own list of migrations in the same database.
const MIGRATIONS_TABLE: &str = "records_migrations";
/// What the sealed word is bound to.
const VAULT_CHECK_PLACE: &str = "vault check|v1";
/// Waiting for a connection: a server that is away must not hold requests for long.
const ACQUIRE_MAX: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is asked for a sign of life before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Any one query.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The open records; clones share the connections.
#[derive(Debug, Clone)]
pub struct Records {
    pool: AnyPool,
    vault: Vault,
    /// How a transaction that writes begins: SQLite takes the writer's place at once, so that
    /// none has to give up half way.
    begin: &'static str,
    /// What teams pay in that have no currency of their own.
    currency: Currency,
}

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// There is one of this name already.
    #[error("{0} exists already")]
    Exists(String),
    /// What was to be changed is not there, or no longer.
    #[error("there is no {0}")]
    Missing(String),
    /// The database did not answer: try later.
    #[error("the records do not answer: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// The database answers, but must not be used as it is: the text names the fix.
    #[error("store.url: {0}")]
    Unfit(&'static str),
    /// The vault key is not the one the records were sealed with.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Records {
    /// Opens what `store.url` names, made if missing, and brings its schema up to date. The
    /// vault must be the one that the records were sealed with.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`] when the file cannot be opened or the server does not
    /// answer, [`RecordsError::Vault`] when the vault key is another one,
    /// [`RecordsError::Unfit`] when the store is being moved or was moved.
    pub async fn open(config: &Config, vault: Vault) -> Result<Self, RecordsError> {
        sqlx::any::install_default_drivers();
        let mut migrations = migrations();
        let pool = match config.store.postgres_url() {
            None if folder::was_moved(&config.data.dir) => return Err(RecordsError::Unfit(MOVED)),
            None => sqlite(&config.data.dir).await?,
            Some(url) => {
                migrations.dangerous_set_table_name(MIGRATIONS_TABLE);
                let pool = postgres(url, config.store.records_connections()).await?;
                if is_half_moved(&pool).await? {
                    return Err(RecordsError::Unfit(HALF_MOVED));
                }
                pool
            }
        };
        migrations.run(&pool).await.map_err(sqlx::Error::from)?;
        let begin = match config.store.postgres_url() {
            None => "BEGIN IMMEDIATE",
            Some(_) => "BEGIN",
        };
        let records = Self {
            pool,
            vault,
            begin,
            currency: config.billing.currency(),
        };
        records.check_vault().await?;
        Ok(records)
    }

    /// What a key is looked up by.
    #[must_use]
    pub fn digest(&self, key: &str) -> String {
        self.vault.digest(key)
    }

    /// The first opener leaves a sealed word; whoever cannot read it has another key and
    /// would refuse every key and secret of the others.
    async fn check_vault(&self) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO vault_check (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
            )
            .bind(self.vault.seal(VAULT_CHECK_PLACE, "ringback"))
            .execute(connection)
            .await
        })
        .await?;
        let sealed: String = self
            .run(async |connection| {
                sqlx::query_scalar("SELECT sealed FROM vault_check WHERE id = 1")
                    .fetch_one(connection)
                    .await
            })
            .await?;
        self.vault.unseal(VAULT_CHECK_PLACE, &sealed)?;
        Ok(())
    }

    /// Runs one query on a connection, for a bounded time. A connection that does not
    /// answer is thrown away.
    async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let silent = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        let done = tokio::time::timeout(ANSWER_MAX, work(&mut connection))
            .await
            .unwrap_or_else(silent);
        if matches!(done, Err(sqlx::Error::Io(_))) {
            drop(connection.detach());
        }
        done
    }

    /// As [`Records::run`], for several statements that hold together: all are done, or
    /// none. Read with `UPDATE ... RETURNING` what must not change meanwhile.
    async fn transact<T, E: From<sqlx::Error>>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = self.begin;
        self.run(async |connection| {
            let mut transaction = connection.begin_with(begin).await?;
            let done = work(&mut transaction).await;
            match &done {
                Ok(_) => transaction.commit().await?,
                Err(_) => transaction.rollback().await?,
            }
            Ok(done)
        })
        .await?
    }

    /// Closes the database. Call it last.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn migrations() -> Migrator {
    sqlx::migrate!("src/records/migrations")
}

/// The journal keeps what is known of a move, but this may be opened first.
async fn is_half_moved(pool: &AnyPool) -> Result<bool, sqlx::Error> {
    let journal: i64 = sqlx::query_scalar(
        "SELECT CASE WHEN to_regclass('store_migration') IS NULL THEN 0 ELSE 1 END::bigint",
    )
    .fetch_one(pool)
    .await?;
    if journal == 0 {
        return Ok(false);
    }
    let half: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM store_migration WHERE moved_ms IS NULL")
            .fetch_one(pool)
            .await?;
    Ok(half != 0)
}

async fn sqlite(folder: &Path) -> Result<AnyPool, sqlx::Error> {
    let url = format!("sqlite://{}?mode=rwc", folder.join("records.db").display());
    AnyPoolOptions::new()
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
        .await
}

async fn postgres(url: &str, connections: u32) -> Result<AnyPool, sqlx::Error> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_MAX)
        .test_before_acquire(false) // only those that were idle, see below
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                Ok(metadata.idle_for < TRUSTED_IDLE || connection.ping().await.is_ok())
            })
        })
        .connect(url)
        .await
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

fn stored_mode(text: &str) -> Mode {
    if text == "live" {
        Mode::Live
    } else {
        Mode::Test
    }
}

/// No stored text does, and PostgreSQL refuses to look for one.
fn holds_nul(text: &str) -> bool {
    text.contains('\0')
}
