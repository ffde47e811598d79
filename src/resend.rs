//! Sending one callback again because a person asks for it: a dead letter gets all its
//! retries anew; one that ended otherwise is sent as a new callback with the same body.

use crate::app::App;
use crate::app::append::Fresh;
use crate::app::error::StoreError;
use crate::callback::{Callback, CallbackId, State};
use crate::journal::{Detail, Selection};
use sha2::{Digest, Sha256};

/// What became of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resent {
    /// The dead letter is pending again.
    Revived,
    /// This callback was made of it.
    As(CallbackId),
    /// It has not ended yet, so it will be sent anyway.
    UnderWay,
}

/// Sends a team's callback again; `None` when the team has none of this id.
///
/// # Errors
/// [`StoreError`]: nothing was changed.
pub async fn resend(app: &App, team: &str, id: CallbackId) -> Result<Option<Resent>, StoreError> {
    let detail = app.journal.detail(id).await?;
    let Some(detail) = detail.filter(|detail| &*detail.callback.team == team) else {
        return Ok(None);
    };
    Ok(Some(match detail.state {
        State::Pending | State::Held => Resent::UnderWay,
        State::Dead => {
            let selection = Selection {
                ids: vec![id],
                team: Some(team.to_owned()),
                limit: 1,
            };
            app.journal.replay(&selection, app.clock.now()).await?;
            Resent::Revived
        }
        State::Delivered | State::Cancelled => match copy(app, detail).await? {
            Some(id) => Resent::As(id),
            None => return Ok(None),
        },
    }))
}

/// A callback of its own: it has its own id, which receivers tell repeats by.
async fn copy(app: &App, detail: Detail) -> Result<Option<CallbackId>, StoreError> {
    let Some(settings) = app.team(&detail.callback.team).await? else {
        return Ok(None);
    };
    let id = app.next_id();
    let callback = Callback {
        id,
        event_id: format!("resend {id}"),
        trace: None,
        attempts: 0,
        forgiven: 0,
        ..detail.callback
    };
    let digest = Sha256::digest(&callback.body).into();
    let fresh = Fresh {
        callback,
        digest,
        settings,
    };
    app.append(vec![fresh]).await?;
    Ok(Some(id))
}
