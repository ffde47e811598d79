//! `/v1/task/{id}/tags`: bodies are bare arrays, on every method.

use crate::api::body::JsonBody;
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::v1::answer::json_text;
use crate::api::v1::segment::Segment;
use crate::app::App;
use crate::work::rules::TagChange;
use crate::work::tasks;
use axum::extract::State;
use axum::response::Response;

pub(super) async fn set(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
    JsonBody(tags): JsonBody,
) -> Result<Response, ApiError> {
    let task = tasks::tag(&app, caller.world(), &id, (TagChange::Set, tags)).await?;
    Ok(json_text(task.object_text()))
}

pub(super) async fn add(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
    JsonBody(tags): JsonBody,
) -> Result<Response, ApiError> {
    let task = tasks::tag(&app, caller.world(), &id, (TagChange::Add, tags)).await?;
    Ok(json_text(task.object_text()))
}

pub(super) async fn remove(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
    JsonBody(tags): JsonBody,
) -> Result<Response, ApiError> {
    let task = tasks::tag(&app, caller.world(), &id, (TagChange::Remove, tags)).await?;
    Ok(json_text(task.object_text()))
}
