//! Dead letters over the API.

use crate::api::body::read_body;
use crate::api::callbacks::{Page, SearchQuery, read_query, search_dead};
use crate::api::caller::Caller;
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::{CallbackId, TimestampMs};
use crate::dead_letters::{BULK_MAX, count, discard as discard_all, replay as replay_all, start};
use crate::journal::{NewReplay, Search, Selection};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use serde::{Deserialize, Serialize};

/// Which dead letters: those named, or all of a team.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelectionBody {
    #[serde(default)]
    callback_ids: Vec<uuid::Uuid>,
    team_id: Option<String>,
    limit: Option<u32>,
    /// Of a team's dead letters: as a replay at this pace.
    per_second: Option<u32>,
    /// Of such a replay: only of this task.
    task_id: Option<String>,
    /// Of such a replay: only those whose last attempt was answered so; 0: without an answer.
    status: Option<u16>,
    #[serde(default)]
    dry_run: bool,
}

/// How many it was, or would be.
#[derive(Debug, Serialize)]
pub(super) struct Selected {
    callbacks: u64,
    dry_run: bool,
    /// The replay that brings them, at its pace.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_id: Option<String>,
}

impl SelectionBody {
    /// # Errors
    /// [`ApiError::Invalid`]: an empty selection would mean everybody's.
    fn selection(&self) -> Result<Selection, ApiError> {
        let invalid = |field, reason: String| Err(ApiError::Invalid { field, reason });
        let limit = self.limit.unwrap_or(BULK_MAX);
        if self.callback_ids.is_empty() && self.team_id.is_none() {
            return invalid(
                "callback_ids",
                "name callbacks, or a team with team_id".to_owned(),
            );
        }
        if self
            .team_id
            .as_ref()
            .is_some_and(|team| team.contains('\0'))
        {
            return invalid("team_id", "must not contain NUL".to_owned());
        }
        if !(1..=BULK_MAX).contains(&limit) || self.callback_ids.len() > BULK_MAX as usize {
            return invalid(
                "limit",
                format!("one call takes 1 to {BULK_MAX} dead letters"),
            );
        }
        Ok(Selection {
            ids: self.callback_ids.iter().copied().map(CallbackId).collect(),
            team: self.team_id.clone(),
            limit,
        })
    }
}

pub(super) async fn list(
    State(app): State<App>,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<Json<Page>, ApiError> {
    search_dead(&app, read_query(query)?).await
}

pub(super) async fn replay(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<SelectionBody>, JsonRejection>,
) -> Result<Json<Selected>, ApiError> {
    let body = read_body(body)?;
    let selection = body.selection()?;
    if let (Some(per_second), Some(team)) = (body.per_second, &body.team_id) {
        return at_a_pace(&app, caller, (team.clone(), per_second), &body).await;
    }
    if body.task_id.is_some() || body.status.is_some() {
        return Err(ApiError::Invalid {
            field: "per_second",
            reason: "is needed with task_id and status, which narrow a replay of a team".to_owned(),
        });
    }
    let callbacks = replay_all(&app.journal, &selection, body.dry_run, app.clock.now()).await?;
    Ok(Json(Selected {
        callbacks,
        dry_run: body.dry_run,
        replay_id: None,
    }))
}

/// All of a team's, carried on by the gateways.
async fn at_a_pace(
    app: &App,
    caller: Caller,
    (team, per_second): (String, u32),
    body: &SelectionBody,
) -> Result<Json<Selected>, ApiError> {
    if !body.callback_ids.is_empty() || body.limit.is_some() {
        return Err(ApiError::Invalid {
            field: "per_second",
            reason: "is for all of a team: leave callback_ids and limit out".to_owned(),
        });
    }
    let search = Search {
        task: body.task_id.clone(),
        status: body.status,
        ..Search::default()
    };
    if body.dry_run {
        return Ok(Json(Selected {
            callbacks: count(&app.journal, &team, &search).await?,
            dry_run: true,
            replay_id: None,
        }));
    }
    let new = NewReplay {
        id: app.next_id(),
        team,
        search,
        per_second,
        started_by: match caller {
            Caller::Producer(name) => format!("producer {name}"),
            Caller::Nobody | Caller::Key(_) | Caller::Person(_) => String::new(),
        },
        now: app.clock.now(),
    };
    let replay = start(&app.journal, new).await?;
    Ok(Json(Selected {
        callbacks: replay.found,
        dry_run: false,
        replay_id: Some(replay.id.to_string()),
    }))
}

pub(super) async fn discard(
    State(app): State<App>,
    body: Result<Json<SelectionBody>, JsonRejection>,
) -> Result<Json<Selected>, ApiError> {
    let body = read_body(body)?;
    let callbacks = discard_all(&app.journal, &body.selection()?, body.dry_run).await?;
    Ok(Json(Selected {
        callbacks,
        dry_run: body.dry_run,
        replay_id: None,
    }))
}

/// A replay as it is.
#[derive(Debug, Serialize)]
pub(super) struct ReplayView {
    replay_id: String,
    team_id: String,
    state: &'static str,
    found: u64,
    replayed: u64,
    per_second: u32,
    started_ms: TimestampMs,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_ms: Option<TimestampMs>,
    started_by: String,
}

pub(super) async fn show_replay(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<ReplayView>, ApiError> {
    let unknown = ApiError::NotFound("replay");
    let Ok(id) = id.parse().map(CallbackId) else {
        return Err(unknown);
    };
    let replay = app.journal.find_replay(id).await?.ok_or(unknown)?;
    Ok(Json(ReplayView {
        replay_id: replay.id.to_string(),
        team_id: replay.team,
        state: replay.state.as_str(),
        found: replay.found,
        replayed: replay.replayed,
        per_second: replay.per_second,
        started_ms: replay.started_ms,
        ended_ms: replay.ended_ms,
        started_by: replay.started_by,
    }))
}
