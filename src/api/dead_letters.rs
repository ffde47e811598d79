//! Dead letters over the API.

use crate::api::callbacks::{Page, SearchQuery, read_query, search_dead};
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::CallbackId;
use crate::dead_letters::{BULK_MAX, discard as discard_all, replay as replay_all};
use crate::journal::Selection;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

/// Which dead letters: those named, or all of a team.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelectionBody {
    #[serde(default)]
    callback_ids: Vec<uuid::Uuid>,
    team_id: Option<String>,
    limit: Option<u32>,
    #[serde(default)]
    dry_run: bool,
}

/// How many it was, or would be.
#[derive(Debug, Serialize)]
pub(super) struct Selected {
    callbacks: u64,
    dry_run: bool,
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

fn read(body: Result<Json<SelectionBody>, JsonRejection>) -> Result<SelectionBody, ApiError> {
    body.map(|Json(body)| body)
        .map_err(|error| ApiError::Invalid {
            field: "body",
            reason: error.body_text(),
        })
}

pub(super) async fn list(
    State(app): State<App>,
    query: Result<Query<SearchQuery>, QueryRejection>,
) -> Result<Json<Page>, ApiError> {
    search_dead(&app, read_query(query)?).await
}

pub(super) async fn replay(
    State(app): State<App>,
    body: Result<Json<SelectionBody>, JsonRejection>,
) -> Result<Json<Selected>, ApiError> {
    let body = read(body)?;
    let selection = body.selection()?;
    let callbacks = replay_all(&app.journal, &selection, body.dry_run, app.clock.now()).await?;
    Ok(Json(Selected {
        callbacks,
        dry_run: body.dry_run,
    }))
}

pub(super) async fn discard(
    State(app): State<App>,
    body: Result<Json<SelectionBody>, JsonRejection>,
) -> Result<Json<Selected>, ApiError> {
    let body = read(body)?;
    let callbacks = discard_all(&app.journal, &body.selection()?, body.dry_run).await?;
    Ok(Json(Selected {
        callbacks,
        dry_run: body.dry_run,
    }))
}
