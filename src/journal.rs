//! The truth about every callback and attempt. What [`Journal::append`] confirmed
//! survives any crash. Knows nothing about queues, HTTP or teams' settings.

mod ballast;
mod claims;
mod maintain;
mod read;
mod sqlite;
mod writer;

pub use maintain::Selection;
pub use read::{AttemptRow, Counts, Detail, OpenRow, Search};

use crate::callback::{Callback, CallbackId, State, TimestampMs};
use crate::journal::claims::Claims;
use crate::metrics::Metrics;
use bytes::Bytes;
use sqlx::SqlitePool;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Connections that only read: searches must not wait for the writer.
const READERS: u32 = 3;
/// Requests that may wait for the writer before senders wait too.
const WAITING_MAX: usize = 4096;

/// A callback to be accepted.
#[derive(Debug, Clone)]
pub struct NewCallback {
    /// With its fresh id and no attempts.
    pub callback: Arc<Callback>,
    /// Of everything the producer sent: tells a repeat from a conflict.
    pub digest: [u8; 32],
    /// Why it cannot go yet; none when it is pending.
    pub held: Option<&'static str>,
}

/// What became of one appended callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Committed.
    New,
    /// The event was accepted before, as this callback, with the same content.
    Duplicate(CallbackId),
    /// The event was accepted before, as this callback, with other content.
    Conflict(CallbackId),
}

/// One finished attempt, to be written down.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    /// From 1, over the whole life.
    pub number: u32,
    /// When it started.
    pub started_ms: TimestampMs,
    /// How long it took.
    pub duration_ms: u64,
    /// Where it went.
    pub url: Arc<str>,
    /// The rule that chose the URL.
    pub provenance: &'static str,
    /// The code of its diagnosis.
    pub diagnosis: &'static str,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// Where a redirect pointed, capped and printable.
    pub location: Option<String>,
    /// The first bytes of the answer's body.
    pub answer: Bytes,
}

/// A callback's next state. Applies only to one that is pending or held.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which callback.
    pub id: CallbackId,
    /// Its new state.
    pub state: State,
    /// Why, for held, dead and cancelled ones.
    pub reason: Option<&'static str>,
    /// Attempts made in all, this one included.
    pub attempts: u32,
    /// Next attempt not before; for ended ones the time of the end.
    pub at: TimestampMs,
    /// The attempt that led to it, if one was made.
    pub attempt: Option<AttemptRecord>,
}

/// Why the journal could not serve. Nothing of the request was written.
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
        const SQLITE_FULL: &str = "13";
        match &error {
            sqlx::Error::Database(database) if database.code().as_deref() == Some(SQLITE_FULL) => {
                Self::Full
            }
            sqlx::Error::PoolClosed => Self::Closed,
            _ => Self::Unavailable(Arc::new(error)),
        }
    }
}

/// A request to the writer with the way back for its answer.
enum Request {
    Append(Vec<NewCallback>, Reply<Vec<Appended>>),
    Change(Vec<Change>, Reply<()>),
}

type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// The open journal; clones share it.
#[derive(Clone)]
pub struct Journal {
    requests: mpsc::Sender<Request>,
    /// One connection: SQLite has one writer, so waiting happens here, in order.
    write: SqlitePool,
    read: SqlitePool,
    claims: Arc<Claims>,
}

impl Journal {
    /// Opens `journal.db` in the folder, made if missing, and brings its schema up to
    /// date. `commit_items_max` bounds the callbacks that share a commit.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] when the file cannot be opened or is damaged.
    pub async fn open(
        folder: &Path,
        commit_items_max: usize,
        metrics: Metrics,
    ) -> Result<Self, JournalError> {
        let path = folder.join("journal.db");
        let write = sqlite::open(&path, 1).await?;
        sqlite::MIGRATIONS
            .run(&write)
            .await
            .map_err(sqlx::Error::from)?;
        let read = sqlite::open(&path, READERS).await?;
        let (requests, inbox) = mpsc::channel(WAITING_MAX);
        let ballast = ballast::Ballast::take(folder);
        tokio::spawn(writer::run(
            write.clone(),
            ballast,
            inbox,
            commit_items_max,
            metrics,
        ));
        Ok(Self {
            requests,
            write,
            read,
            claims: Arc::new(Claims::in_folder(folder)),
        })
    }

    /// Commits callbacks; answers one [`Appended`] for each, in order. All or nothing.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn append(&self, callbacks: Vec<NewCallback>) -> Result<Vec<Appended>, JournalError> {
        self.request(|reply| Request::Append(callbacks, reply))
            .await
    }

    /// Commits changes with their attempts. All or nothing.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn change(&self, changes: Vec<Change>) -> Result<(), JournalError> {
        self.request(|reply| Request::Change(changes, reply)).await
    }

    async fn request<T>(&self, make: impl FnOnce(Reply<T>) -> Request) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.requests.send(make(reply)).await;
        sent.map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Checkpoints and closes the database. Call it last.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}
