//! The truth about every callback and attempt. What [`Engine::append`] confirmed
//! survives any crash. Knows nothing about queues, HTTP or teams' settings.

mod change;
mod engine;
mod error;
mod group;
mod postgres;
mod replay;
mod sqlite;
mod transfer;
mod view;

pub use change::{Appended, AttemptRecord, Change, NewCallback};
pub use engine::{Duty, Engine};
pub use error::JournalError;
pub use postgres::{Import, Progress};
pub use replay::{NewReplay, Replay, ReplayState, Step};
pub use sqlite::{Export, copy_file};
pub use transfer::{Batch, Replays, Span, Sums};
pub use view::{AttemptRow, Counts, Detail, OpenRow, Search, Selection};

use crate::callback::CallbackId;
use crate::config::Config;
use crate::journal::postgres::PostgresJournal;
use crate::journal::sqlite::SqliteJournal;
use crate::metrics::Metrics;
use std::ops::Deref;
use std::sync::Arc;

/// The open journal; clones share it. Its methods are those of [`Engine`].
#[derive(Clone)]
pub struct Journal {
    engine: Arc<dyn Engine>,
}

impl Journal {
    /// Opens what `store.url` names, made if missing, and brings its schema up to date.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] when the file cannot be opened or the server does not
    /// answer, [`JournalError::Unfit`] when a commit there would not be one, or the store is being
    /// moved or was moved.
    pub async fn open(config: &Config, metrics: Metrics) -> Result<Self, JournalError> {
        let items_max = config.intake.commit_items_max;
        let engine: Arc<dyn Engine> = match config.store.postgres_url() {
            None => Arc::new(SqliteJournal::open(&config.data.dir, items_max, metrics).await?),
            Some(url) => {
                let connections = config.store.journal_connections();
                Arc::new(PostgresJournal::open(url, connections, items_max, metrics).await?)
            }
        };
        Ok(Self { engine })
    }

    /// As [`Engine::note_claims`], for any iterator.
    pub fn note_claims(&self, claims: impl IntoIterator<Item = (CallbackId, u32)>) {
        self.engine.note_claims(&mut claims.into_iter());
    }
}

impl Deref for Journal {
    type Target = dyn Engine;

    fn deref(&self) -> &Self::Target {
        &*self.engine
    }
}
