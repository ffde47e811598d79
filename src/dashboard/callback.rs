//! One callback: why it is where it is, every attempt with its diagnosis, what comes next.

use crate::access::Action;
use crate::api::callbacks::read_id;
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::State as CallbackState;
use crate::dashboard::callbacks::Shown;
use crate::dashboard::live;
use crate::dashboard::page::{Frame, Room, Visitor, pretty, render};
use crate::dashboard::times::{moment, span, until};
use crate::explain::{self, Attempt, Explanation};
use crate::journal::Detail;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, Response};

#[derive(Template)]
#[template(path = "callback.html")]
struct CallbackPage {
    frame: Frame,
    id: String,
    life: Life,
}

/// The part that is replaced when something happens.
#[derive(Template)]
#[template(path = "callback_life.html")]
struct Life {
    told: Explanation,
    /// Why it is where it is, as a sentence.
    why: String,
    state: CallbackState,
    request: String,
    may_resend: bool,
    csrf: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates pass references"
)]
impl Life {
    fn moment(&self, at: &u64) -> String {
        moment(*at, self.told.now_ms)
    }

    fn until(&self, at: &u64) -> String {
        until(*at, self.told.now_ms)
    }

    fn is_good(attempt: &Attempt) -> bool {
        attempt
            .status
            .is_some_and(|status| (200..300).contains(&status))
    }

    fn headline(attempt: &Attempt) -> String {
        let code = attempt.status.map(|status| status.to_string());
        let what = code.unwrap_or_else(|| attempt.what.to_owned());
        format!("Attempt {}: {what}", attempt.number)
    }

    fn span(ms: &u64) -> String {
        span(*ms)
    }

    fn has_ended(&self) -> bool {
        !matches!(self.state, CallbackState::Pending | CallbackState::Held)
    }
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Html<String>, ApiError> {
    let life = life(&app, &visitor, &id).await?;
    Ok(render(&CallbackPage {
        frame: visitor.frame(Room::Callbacks),
        id,
        life,
    }))
}

/// The page's part again, whenever it has changed.
pub(super) async fn follow(
    visitor: Visitor,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    life(&app, &visitor, &id).await?;
    Ok(live::stream(app, move |app| {
        let (visitor, id) = (visitor.clone(), id.clone());
        async move { life(&app, &visitor, &id).await.ok()?.render().ok() }
    }))
}

async fn life(app: &App, visitor: &Visitor, id: &str) -> Result<Life, ApiError> {
    let detail = app.journal.detail(read_id(id)?).await?;
    let detail = detail
        .filter(|detail| detail.callback.team == visitor.team)
        .ok_or(ApiError::NotFound("callback"))?;
    let told = explain::explain_loaded(app, &detail).await?;
    Ok(Life {
        why: sentence(&detail, &told.why),
        told,
        state: detail.state,
        request: pretty(&String::from_utf8_lossy(&detail.callback.body)),
        may_resend: visitor.may(Action::ResendCallbacks),
        csrf: visitor.csrf.clone(),
    })
}

/// For somebody who has a button where an operator has a command.
fn sentence(detail: &Detail, why: &str) -> String {
    if detail.state == CallbackState::Dead {
        let reason = detail.reason.as_deref().unwrap_or("it failed");
        return format!("Given up: {reason}. Send it again once your endpoint is well.");
    }
    let mut letters = why.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
