//! The truth about every callback and attempt. What [`Engine::append`] confirmed
//! survives any crash. Knows nothing about queues, HTTP or teams' settings.

mod change;
mod engine;
mod error;
mod group;
mod sqlite;
mod view;

pub use change::{Appended, AttemptRecord, Change, NewCallback};
pub use engine::{Duty, Engine};
pub use error::JournalError;
pub use view::{AttemptRow, Counts, Detail, OpenRow, Search, Selection};

use crate::callback::CallbackId;
use crate::journal::sqlite::SqliteJournal;
use crate::metrics::Metrics;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

/// The open journal; clones share it. Its methods are those of [`Engine`].
#[derive(Clone)]
pub struct Journal {
    engine: Arc<dyn Engine>,
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
        let engine = SqliteJournal::open(folder, commit_items_max, metrics).await?;
        Ok(Self {
            engine: Arc::new(engine),
        })
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
