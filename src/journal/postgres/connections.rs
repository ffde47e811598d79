//! Connections to the server: opened, bounded in number and in time, thrown away when in
//! doubt. A server that is away or silent never holds a caller for longer than the limits
//! here. Never lets the URL or its password into an error or a log.

use crate::journal::JournalError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use std::str::FromStr;
use std::time::Duration;

/// Waiting for a connection: a server that is away must not hold requests for long.
const ACQUIRE_MAX: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is asked for a sign of life before it is used: it
/// may have been cut meanwhile, and its user should not pay for that.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Any one transaction: far more than a healthy server needs for a batch.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(10);
/// A statement that reads a whole table.
pub(super) const LONG_ANSWER_MAX: Duration = Duration::from_mins(10);

#[derive(Clone)]
pub(super) struct Connections {
    pool: PgPool,
    options: PgConnectOptions,
}

impl Connections {
    /// Connects to the server. `max` bounds the connections in use at one time.
    pub(super) async fn open(url: &str, max: u32) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("ringback")
            .options([
                // No statement here runs long enough to be worth compiling.
                ("jit", "off"),
                // Few rows by their ids: not by reading a whole table that seems small, as the
                // server prefers with the price of a disk that has to turn.
                ("random_page_cost", "1.1"),
                // A process that stops in the middle of a transaction must not keep its locks.
                ("idle_in_transaction_session_timeout", "10000"),
                // Nor one whose machine is gone.
                ("tcp_keepalives_idle", "10"),
                ("tcp_keepalives_interval", "5"),
                ("tcp_keepalives_count", "3"),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(max)
            .acquire_timeout(ACQUIRE_MAX)
            .test_before_acquire(false) // only those that were idle, see below
            .before_acquire(|connection, metadata| {
                Box::pin(async move {
                    Ok(metadata.idle_for < TRUSTED_IDLE || connection.ping().await.is_ok())
                })
            })
            .connect_with(options.clone())
            .await?;
        Ok(Self { pool, options })
    }

    /// Runs `work` on a connection, for at most `limit`. After a failure the connection is
    /// thrown away: it may be broken, or in the middle of something.
    pub(super) async fn run<T>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, JournalError> {
        let mut connection = self.pool.acquire().await?;
        let done = within(limit, work(&mut connection)).await;
        if done.is_err() {
            // Not closed in good order, which would wait for the server.
            drop(connection.detach());
        }
        Ok(done?)
    }

    /// As [`Connections::run`], in one transaction.
    pub(super) async fn transaction<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, JournalError> {
        self.run(ANSWER_MAX, async |connection| {
            let mut transaction = connection.begin().await?;
            let value = work(&mut transaction).await?;
            transaction.commit().await?;
            Ok(value)
        })
        .await
    }

    /// A connection beside the pool, for what must outlive a call.
    pub(super) async fn own(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect_with(&self.options).await
    }

    /// For what needs the pool itself.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// As `work` ends, or an error when it does not within the limit.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let silent = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(silent)
}
