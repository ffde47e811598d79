//! `/v1/evaluation_tasks` and `/v1/training_tasks`.

use crate::api::body::TaskBody;
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::v1::answer::json_text;
use crate::api::v1::segment::Segment;
use crate::app::App;
use crate::files;
use crate::work::quality;
use axum::extract::State;
use axum::response::Response;

pub(super) async fn evaluation(
    app: State<App>,
    caller: KeyCaller,
    kind: Segment,
    body: TaskBody,
) -> Result<Response, ApiError> {
    create(app, caller, ("evaluation", kind), body).await
}

pub(super) async fn training(
    app: State<App>,
    caller: KeyCaller,
    kind: Segment,
    body: TaskBody,
) -> Result<Response, ApiError> {
    create(app, caller, ("training", kind), body).await
}

async fn create(
    State(app): State<App>,
    caller: KeyCaller,
    (use_for, Segment(kind)): (&'static str, Segment),
    TaskBody(body): TaskBody,
) -> Result<Response, ApiError> {
    files::use_files(&app, caller.world(), &body).await?;
    let made = quality::create(&app, caller.world(), (use_for, &kind), body).await?;
    Ok(json_text(made))
}
