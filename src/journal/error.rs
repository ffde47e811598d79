//! Why the journal could not serve, split by what the caller can do. Never holds a
//! store's URL or password.

use std::sync::Arc;

/// Why the journal could not serve. Nothing of the request was written, unless the
/// connection broke during the commit: then it may have been, and asking again is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The disk is full: free space, then try again.
    #[error("the journal's disk is full")]
    Full,
    /// The database did not answer: try later.
    #[error("the journal does not answer: {0}")]
    Unavailable(Arc<sqlx::Error>),
    /// The journal is closed: the gateway is shutting down.
    #[error("the journal is closed")]
    Closed,
}

impl From<sqlx::Error> for JournalError {
    fn from(error: sqlx::Error) -> Self {
        /// SQLite's `SQLITE_FULL`, PostgreSQL's `disk_full`.
        const FULL: [&str; 2] = ["13", "53100"];
        match &error {
            sqlx::Error::Database(database)
                if database.code().is_some_and(|code| FULL.contains(&&*code)) =>
            {
                Self::Full
            }
            sqlx::Error::PoolClosed => Self::Closed,
            _ => Self::Unavailable(Arc::new(error)),
        }
    }
}
