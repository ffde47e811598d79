//! Committing callbacks and telling the queue: the end of every way in. Checks nothing;
//! whoever calls it has.

use crate::app::App;
use crate::app::settings::TeamSettings;
use crate::callback::{Callback, HELD_NO_URL, HELD_PAUSED};
use crate::journal::{Appended, JournalError, NewCallback};
use std::sync::Arc;

/// A callback to be accepted, with its team.
pub struct Fresh {
    /// With a fresh id and no attempts.
    pub callback: Callback,
    /// Of everything that was handed in: tells a repeat from a conflict.
    pub digest: [u8; 32],
    /// Its team's settings.
    pub settings: Arc<TeamSettings>,
}

impl App {
    /// Commits callbacks, then pushes those that are new. Answers each, in order. A failed
    /// push is repaired later and is no error.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was written.
    pub async fn append(&self, fresh: Vec<Fresh>) -> Result<Vec<Appended>, JournalError> {
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        let mut teams = Vec::with_capacity(fresh.len());
        let mut new = Vec::with_capacity(fresh.len());
        for Fresh {
            callback,
            digest,
            settings,
        } in fresh
        {
            let held = if settings.is_paused {
                Some(HELD_PAUSED)
            } else {
                let goes_nowhere = settings.target_of(&callback).is_none();
                goes_nowhere.then_some(HELD_NO_URL)
            };
            teams.push(settings);
            new.push(NewCallback {
                callback: Arc::new(callback),
                digest,
                held,
            });
        }
        let appended = self.journal.append(new.clone()).await?;
        let mut entries = Vec::with_capacity(new.len());
        for ((new, settings), appended) in new.into_iter().zip(teams).zip(&appended) {
            if *appended != Appended::New {
                continue;
            }
            let callback = new.callback;
            entries.push(settings.entry(
                callback.id,
                &callback.task_id,
                settings.target_of(&callback).map(|(url, _)| url),
                callback.id.accepted_ms(),
                new.held.is_some(),
            ));
            self.keep_hot(callback);
        }
        self.push(entries).await;
        Ok(appended)
    }
}
