//! The truth about one callback: which rule chose its URL, each attempt with a
//! diagnosis and a hint, why it waits now, when it goes next.

pub mod text;

use crate::app::App;
use crate::app::error::StoreError;
use crate::callback::diagnosis::{Diagnosis, from_code};
use crate::callback::target::origin_of;
use crate::callback::{CallbackId, State, TimestampMs};
use crate::journal::{AttemptRow, Detail, Journal};
use crate::queue::LaneView;
use serde::Serialize;

/// All there is to say about a callback.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Its id.
    pub callback_id: String,
    /// Whose it is.
    pub team_id: String,
    /// About which task.
    pub task_id: String,
    /// The producer's name for it.
    pub event_id: String,
    /// Live or test.
    pub mode: &'static str,
    /// Where it is in its life.
    pub state: &'static str,
    /// Why, in one sentence.
    pub why: String,
    /// When it was accepted, milliseconds since the epoch.
    pub accepted_ms: TimestampMs,
    /// When it ended.
    pub ended_ms: Option<TimestampMs>,
    /// When it goes next, if it is pending.
    pub next_ms: Option<TimestampMs>,
    /// Where it would go now.
    pub target: Option<Target>,
    /// Every attempt, first to last.
    pub attempts: Vec<Attempt>,
    /// Its lane, while the gateway runs and the lane has work.
    pub lane: Option<LaneView>,
    /// When this was said.
    pub now_ms: TimestampMs,
}

/// A target and the rule that chose it.
#[derive(Debug, Serialize)]
pub struct Target {
    /// Where it goes.
    pub url: String,
    /// `task`, `project` or `team default`.
    pub provenance: &'static str,
}

/// One attempt, explained.
#[derive(Debug, Serialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it started.
    pub started_ms: TimestampMs,
    /// How long it took.
    pub duration_ms: u64,
    /// Where it went, a URL or an e-mail address.
    pub url: String,
    /// The rule that chose it.
    pub provenance: String,
    /// The HTTP status or the mail server's code, if an answer came.
    pub status: Option<u16>,
    /// The code of the diagnosis.
    pub diagnosis: String,
    /// What happened.
    pub what: &'static str,
    /// What to do about it; for a redirect with the address it points to.
    pub hint: String,
    /// The first bytes of the answer, made printable.
    pub answer: String,
}

/// Explains one callback from the running gateway; `None` when there is none of this id.
///
/// # Errors
/// [`StoreError`] when a store does not answer.
pub async fn explain(app: &App, id: CallbackId) -> Result<Option<Explanation>, StoreError> {
    match app.journal.detail(id).await? {
        Some(detail) => Ok(Some(explain_loaded(app, &detail).await?)),
        None => Ok(None),
    }
}

/// As [`explain`], of a callback that was read already.
///
/// # Errors
/// [`StoreError`] when a store does not answer.
pub async fn explain_loaded(app: &App, detail: &Detail) -> Result<Explanation, StoreError> {
    let mut explanation = tell(&app.journal, detail, app.clock.now()).await?;
    if let Some(settings) = app.team(&detail.callback.team).await?
        && let Some((url, provenance)) = settings.target_of(&detail.callback)
    {
        let lane = app.queue.lane(&settings.id, &origin_of(url)).await;
        explanation.lane = lane.ok().flatten();
        explanation.target = Some(Target {
            url: url.to_owned(),
            provenance: provenance.as_str(),
        });
    }
    explanation.why = why(detail, explanation.lane.as_ref(), explanation.now_ms);
    Ok(explanation)
}

/// Explains one callback from the journal alone: lane and present target are unknown.
///
/// # Errors
/// [`StoreError`] when the journal does not answer.
pub async fn from_journal(
    journal: &Journal,
    id: CallbackId,
    now_ms: TimestampMs,
) -> Result<Option<Explanation>, StoreError> {
    match journal.detail(id).await? {
        Some(detail) => Ok(Some(tell(journal, &detail, now_ms).await?)),
        None => Ok(None),
    }
}

/// What the journal knows.
async fn tell(
    journal: &Journal,
    detail: &Detail,
    now_ms: TimestampMs,
) -> Result<Explanation, StoreError> {
    let callback = &detail.callback;
    let attempts = journal.attempts(callback.id).await?;
    Ok(Explanation {
        callback_id: callback.id.to_string(),
        team_id: callback.team.to_string(),
        task_id: callback.task_id.clone(),
        event_id: callback.event_id.clone(),
        mode: callback.mode.as_str(),
        state: detail.state.as_str(),
        why: why(detail, None, now_ms),
        accepted_ms: callback.id.accepted_ms(),
        ended_ms: detail.ended_ms,
        next_ms: (detail.state == State::Pending).then_some(detail.due),
        target: None,
        attempts: attempts.into_iter().map(attempt).collect(),
        lane: None,
        now_ms,
    })
}

fn attempt(row: AttemptRow) -> Attempt {
    // A code of a later version is shown as it is.
    let known = from_code(&row.diagnosis);
    let unknown = Diagnosis {
        code: "",
        what: "not known to this version",
        hint: "",
    };
    let diagnosis = known.unwrap_or(unknown);
    let location = row.location.as_deref();
    Attempt {
        number: row.number,
        started_ms: row.started_ms,
        duration_ms: row.duration_ms,
        url: row.url,
        provenance: row.provenance,
        status: row.status,
        diagnosis: row.diagnosis,
        what: diagnosis.what,
        hint: diagnosis.hint_with(location).into_owned(),
        answer: text::printable(&row.answer),
    }
}

/// Why the callback is where it is.
fn why(detail: &Detail, lane: Option<&LaneView>, now: TimestampMs) -> String {
    let reason = detail.reason.as_deref().unwrap_or("no reason was recorded");
    let tries = detail.callback.attempts;
    match detail.state {
        State::Delivered => format!("delivered at attempt {tries}"),
        State::Dead => format!("given up: {reason}; `ringback dead-letters replay` tries again"),
        State::Cancelled => format!("will not be sent: {reason}"),
        State::Held => format!("held: {reason}"),
        State::Pending => match lane {
            Some(LaneView {
                parked_until: Some(until),
                ..
            }) if *until > now => {
                "waits: its endpoint is down, so its lane is parked and probed now and then".into()
            }
            Some(LaneView {
                rests_until: Some(until),
                ..
            }) if *until > now => "waits: the receiver asked for rest with Retry-After".into(),
            _ if detail.due > now && tries > 0 => {
                format!("waits for its retry after attempt {tries}")
            }
            _ => "due: goes as soon as its lane has a free slot, after earlier ones of its task"
                .into(),
        },
    }
}
