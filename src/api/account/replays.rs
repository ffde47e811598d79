//! Replays: a team's dead letters sent again, at a pace. The rules are those of
//! `dead_letters`.

use crate::api::body::ObjectBody;
use crate::api::caller::{Caller, TeamCaller};
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::callback::CallbackId;
use crate::dead_letters::{self, PER_SECOND_DEFAULT, Wish, count, find};
use crate::journal::{NewReplay, Replay, ReplayState, Search};
use crate::time::shown;
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

/// Replays that are listed.
const LISTED_MAX: u32 = 100;

/// A replay as shown.
#[derive(Serialize)]
pub(super) struct ReplayView {
    replay_id: String,
    state: ReplayState,
    /// Dead letters that matched when it was started.
    found: u64,
    /// Sent again so far.
    replayed: u64,
    per_second: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<u64>,
    started_at: String,
    started_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        Self {
            replay_id: replay.id.to_string(),
            state: replay.state,
            found: replay.found,
            replayed: replay.replayed,
            per_second: replay.per_second,
            task_id: replay.search.task,
            mode: replay.search.mode.map(crate::callback::Mode::as_str),
            status: replay.search.status,
            from_ms: replay.search.from_ms,
            until_ms: replay.search.until_ms,
            started_at: shown(replay.started_ms),
            started_by: replay.started_by,
            ended_at: replay.ended_ms.map(shown),
        }
    }
}

pub(super) async fn list(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<Vec<ReplayView>>, ApiError> {
    let replays = app.journal.replays(&team, LISTED_MAX).await?;
    Ok(Json(replays.into_iter().map(ReplayView::from).collect()))
}

/// With `dry_run` only tells how many it would find.
pub(super) async fn start(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Extension(caller): Extension<Caller>,
    body: ObjectBody,
) -> Result<Response, ApiError> {
    const NAMES: [&str; 7] = [
        "task_id",
        "mode",
        "status",
        "from_ms",
        "until_ms",
        "per_second",
        "dry_run",
    ];
    let mut fields = Fields::only(body, &NAMES)?;
    let search = search(&mut fields)?;
    let per_second = fields.optional_number("per_second")?;
    if fields.optional_flag("dry_run")? == Some(true) {
        let found = count(&app.journal, &team, &search).await?;
        return Ok(Json(json!({"found": found, "dry_run": true})).into_response());
    }
    let per_second = per_second.unwrap_or(PER_SECOND_DEFAULT.into());
    let new = NewReplay {
        id: app.next_id(),
        team: team.to_string(),
        search,
        per_second: u32::try_from(per_second).unwrap_or(u32::MAX),
        started_by: match &caller {
            Caller::Person(person) => person.email.clone(),
            Caller::Key(owner) => format!("key {}", owner.id),
            Caller::Producer(_) | Caller::Nobody => String::new(),
        },
        now: app.clock.now(),
    };
    let replay = dead_letters::start(&app.journal, new).await?;
    Ok((StatusCode::CREATED, Json(ReplayView::from(replay))).into_response())
}

/// Which dead letters.
fn search(fields: &mut Fields) -> Result<Search, ApiError> {
    let task = fields.optional_text("task_id")?;
    if task.as_ref().is_some_and(|task| task.contains('\0')) {
        return Err(invalid("task_id", "must not contain NUL"));
    }
    let mode = fields.optional_text("mode")?;
    let status = fields.optional_number("status")?;
    let status = status.map(|status| match u16::try_from(status) {
        Ok(status) if status == 0 || (100..=999).contains(&status) => Ok(status),
        _ => Err(invalid(
            "status",
            "must be from 100 to 999, or 0 for no answer",
        )),
    });
    Ok(Search {
        task,
        mode: mode.map(|mode| super::keys::mode(&mode)).transpose()?,
        status: status.transpose()?,
        from_ms: fields.optional_number("from_ms")?,
        until_ms: fields.optional_number("until_ms")?,
        ..Search::default()
    })
}

fn invalid(field: &'static str, reason: &str) -> ApiError {
    ApiError::Invalid {
        field,
        reason: reason.to_owned(),
    }
}

/// An id in a path: what is no id names no replay.
fn read_id(id: &str) -> Result<CallbackId, ApiError> {
    let id = id.parse().map(CallbackId);
    id.map_err(|_| ApiError::NotFound("replay"))
}

pub(super) async fn show(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(id): Path<String>,
) -> Result<Json<ReplayView>, ApiError> {
    let replay = find(&app.journal, &team, read_id(&id)?).await?;
    let replay = replay.ok_or(ApiError::NotFound("replay"))?;
    Ok(Json(replay.into()))
}

/// No callback is sent again after this was answered, until it is resumed.
pub(super) async fn pause(
    app: State<App>,
    team: TeamCaller,
    id: Path<String>,
) -> Result<Json<ReplayView>, ApiError> {
    change(app, team, id, Wish::Pause).await
}

pub(super) async fn resume(
    app: State<App>,
    team: TeamCaller,
    id: Path<String>,
) -> Result<Json<ReplayView>, ApiError> {
    change(app, team, id, Wish::Resume).await
}

/// For good; what was sent again stays so.
pub(super) async fn cancel(
    app: State<App>,
    team: TeamCaller,
    id: Path<String>,
) -> Result<Json<ReplayView>, ApiError> {
    change(app, team, id, Wish::Cancel).await
}

async fn change(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(id): Path<String>,
    wish: Wish,
) -> Result<Json<ReplayView>, ApiError> {
    let (id, now) = (read_id(&id)?, app.clock.now());
    let changed = dead_letters::change(&app.journal, (&team, id), wish, now).await?;
    let replay = changed.ok_or(ApiError::NotFound("replay"))?;
    Ok(Json(replay.into()))
}
