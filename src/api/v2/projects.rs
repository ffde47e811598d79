//! `/v2/project` and `/v2/projects`.

use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::v1::Query;
use crate::api::v2::view::shown_project;
use crate::api::v2::which;
use crate::app::App;
use crate::work::genai;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

pub(super) async fn show(
    State(app): State<App>,
    caller: KeyCaller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let which = which(&query, "project_id", "project_name");
    let project = genai::project(&app, caller.world(), &which).await?;
    Ok(Json(shown_project(&project)))
}

pub(super) async fn list(
    State(app): State<App>,
    caller: KeyCaller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let (from, until) = query.range("created_after", "created_before")?;
    let projects = app.records.projects(caller.world(), None).await?;
    let shown: Vec<_> = projects
        .iter()
        .filter(|(project, _)| {
            let made = project.created_ms.unsigned_abs();
            from.is_none_or(|from| made >= from) && until.is_none_or(|until| made <= until)
        })
        .map(|(project, _)| shown_project(project))
        .collect();
    Ok(Json(json!({"projects": shown})))
}
