//! Looking at callbacks: search, show, explain.

use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::{CallbackId, Mode, State as CallbackState, TimestampMs};
use crate::explain::{self, text};
use crate::journal::{Detail, Search};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1000;

/// Filters and page of a search.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchQuery {
    team_id: Option<String>,
    task_id: Option<String>,
    state: Option<CallbackState>,
    mode: Option<Mode>,
    /// Of the last attempt; 0 for none.
    status: Option<u16>,
    from_ms: Option<TimestampMs>,
    until_ms: Option<TimestampMs>,
    cursor: Option<uuid::Uuid>,
    limit: Option<u32>,
}

/// One page, newest first.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    callbacks: Vec<CallbackView>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A callback as shown.
#[derive(Debug, Serialize)]
pub(super) struct CallbackView {
    callback_id: String,
    team_id: String,
    task_id: String,
    event_id: String,
    mode: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    attempts: u32,
    accepted_ms: TimestampMs,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_ms: Option<TimestampMs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_ms: Option<TimestampMs>,
}

impl From<Detail> for CallbackView {
    fn from(detail: Detail) -> Self {
        let callback = detail.callback;
        Self {
            callback_id: callback.id.to_string(),
            team_id: callback.team.to_string(),
            task_id: callback.task_id,
            event_id: callback.event_id,
            mode: callback.mode.as_str(),
            state: detail.state.as_str(),
            reason: detail.reason,
            attempts: callback.attempts,
            accepted_ms: callback.id.accepted_ms(),
            next_ms: (detail.state == CallbackState::Pending).then_some(detail.due),
            ended_ms: detail.ended_ms,
        }
    }
}

impl SearchQuery {
    /// # Errors
    /// [`ApiError::Invalid`] when the limit is out of range.
    fn into_search(self) -> Result<Search, ApiError> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let reason = format!("must be from 1 to {LIMIT_MAX}");
            return Err(ApiError::Invalid {
                field: "limit",
                reason,
            });
        }
        for (field, text) in [("team_id", &self.team_id), ("task_id", &self.task_id)] {
            if text.as_ref().is_some_and(|text| text.contains('\0')) {
                let reason = "must not contain NUL".to_owned();
                return Err(ApiError::Invalid { field, reason });
            }
        }
        Ok(Search {
            team: self.team_id,
            task: self.task_id,
            state: self.state,
            mode: self.mode,
            status: self.status,
            from_ms: self.from_ms,
            until_ms: self.until_ms,
            before: self.cursor.map(CallbackId),
            limit,
        })
    }
}

/// Turns what was found into a page. A full page may be followed by an empty one.
fn page(found: Vec<Detail>, limit: u32) -> Page {
    let full = found.len() == limit as usize;
    let last = found.last().map(|detail| detail.callback.id.to_string());
    Page {
        callbacks: found.into_iter().map(CallbackView::from).collect(),
        next_cursor: last.filter(|_| full),
    }
}

/// A query that cannot be read names the field in its own words.
pub(crate) fn read_query<T>(
    query: Result<Query<T>, axum::extract::rejection::QueryRejection>,
) -> Result<T, ApiError> {
    query
        .map(|Query(query)| query)
        .map_err(|error| ApiError::Invalid {
            field: "query",
            reason: error.body_text(),
        })
}

pub(super) async fn search(
    State(app): State<App>,
    query: Result<Query<SearchQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Page>, ApiError> {
    let search = read_query(query)?.into_search()?;
    let found = app.journal.search(&search).await?;
    Ok(Json(page(found, search.limit)))
}

/// As [`search`], dead letters only.
pub(super) async fn search_dead(app: &App, query: SearchQuery) -> Result<Json<Page>, ApiError> {
    let search = query.into_search()?;
    let limit = search.limit;
    let found = crate::dead_letters::list(&app.journal, search).await?;
    Ok(Json(page(found, limit)))
}

/// An id in a path: what is no id names no callback.
pub(crate) fn read_id(id: &str) -> Result<CallbackId, ApiError> {
    id.parse()
        .map(CallbackId)
        .map_err(|_| ApiError::NotFound("callback"))
}

pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<CallbackView>, ApiError> {
    let detail = app.journal.detail(read_id(&id)?).await?;
    let detail = detail.ok_or(ApiError::NotFound("callback"))?;
    Ok(Json(detail.into()))
}

/// The timeline: JSON, or for `Accept: text/plain` as a terminal shows it.
pub(super) async fn explain(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let explanation = explain::explain(&app, read_id(&id)?).await?;
    let explanation = explanation.ok_or(ApiError::NotFound("callback"))?;
    let plain = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/plain"));
    Ok(if plain {
        text::timeline(&explanation).into_response()
    } else {
        Json(explanation).into_response()
    })
}
