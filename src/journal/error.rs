//! Why the journal could not serve, split by what the caller can do. Never holds a
//! store's URL or password.

use std::borrow::Cow;
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
    /// The database answers, but must not be used as it is: the text names the fix.
    #[error("store.url: {0}")]
    Unfit(&'static str),
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

impl JournalError {
    /// The code with which the database refused; none when it did not answer at all.
    fn code(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Unavailable(error) => error.as_database_error()?.code(),
            Self::Full | Self::Unfit(_) | Self::Closed => None,
        }
    }

    /// The database answered and refused: part of the work may still be possible.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Full) || self.code().is_some()
    }

    /// The partition for a row was dropped by another process.
    pub(super) fn is_missing_partition(&self) -> bool {
        self.code().is_some_and(|code| code == "23514")
    }

    /// The row is there already.
    pub(super) fn is_repetition(&self) -> bool {
        self.code().is_some_and(|code| code == "23505")
    }

    /// Another transaction was in the way: a serialization failure, a deadlock, or a row
    /// that was there a moment ago and was pruned.
    pub(super) fn is_chance(&self) -> bool {
        let gone =
            matches!(self, Self::Unavailable(error) if matches!(**error, sqlx::Error::RowNotFound));
        gone || self
            .code()
            .is_some_and(|code| code == "40001" || code == "40P01")
    }
}
