//! Giving one callback up because a person says so.

use crate::app::App;
use crate::app::error::StoreError;
use crate::callback::{CANCELLED_BY_OPERATOR, CallbackId, State};
use crate::journal::Selection;

/// What became of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is cancelled. An attempt that was under way may still have reached its receiver.
    Done,
    /// It had ended before, so.
    Ended(State),
}

/// Cancels a callback that is open or dead; `None` when there is none of this id.
///
/// # Errors
/// [`StoreError`]: nothing was changed.
pub async fn cancel(app: &App, id: CallbackId) -> Result<Option<Cancelled>, StoreError> {
    // Twice, when it ended or was revived between reading and writing.
    for _ in 0..2 {
        let Some(detail) = app.journal.detail(id).await? else {
            return Ok(None);
        };
        let changed = match detail.state {
            State::Pending | State::Held => cancel_open(app, id).await?,
            State::Dead => {
                let selection = Selection {
                    ids: vec![id],
                    team: None,
                    limit: 1,
                };
                app.journal.drop_dead(&selection).await?
            }
            State::Delivered | State::Cancelled => {
                return Ok(Some(Cancelled::Ended(detail.state)));
            }
        };
        if changed > 0 {
            return Ok(Some(Cancelled::Done));
        }
    }
    let detail = app.journal.detail(id).await?;
    Ok(detail.map(|detail| Cancelled::Ended(detail.state)))
}

async fn cancel_open(app: &App, id: CallbackId) -> Result<u64, StoreError> {
    let now = app.clock.now();
    let changed = app
        .journal
        .cancel(&[id], CANCELLED_BY_OPERATOR, now)
        .await?;
    drop(app.take_hot(id));
    if let Err(error) = app.queue.remove(&[id]).await {
        // The next claim finds that it ended, and drops it.
        tracing::warn!(error = %error, "a cancelled callback is still in the queue");
    }
    Ok(changed)
}
