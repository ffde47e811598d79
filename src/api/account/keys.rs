//! The team's API keys: live and test, several of each. A deleted one is refused everywhere
//! within a second.

use crate::api::body::ObjectBody;
use crate::api::caller::TeamCaller;
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::callback::Mode;
use crate::records::api_keys::ApiKey;
use crate::teams;
use crate::time::shown;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
pub(super) struct KeyView {
    key_id: String,
    mode: Mode,
    /// Masked, unless it was just made.
    key: String,
    created_at: String,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            key_id: key.id,
            key: format!("{}_...{}", key.mode.as_str(), key.last_four),
            mode: key.mode,
            created_at: shown(key.created_ms),
        }
    }
}

/// Reads a mode.
pub(super) fn mode(text: &str) -> Result<Mode, ApiError> {
    match text {
        "live" => Ok(Mode::Live),
        "test" => Ok(Mode::Test),
        _ => Err(ApiError::Invalid {
            field: "mode",
            reason: "must be live or test".to_owned(),
        }),
    }
}

pub(super) async fn list(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<Vec<KeyView>>, ApiError> {
    let keys = app.records.listed_api_keys(&team).await?;
    Ok(Json(keys.into_iter().map(KeyView::from).collect()))
}

/// The whole key is in the answer; it can be revealed later, too.
pub(super) async fn create(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    body: ObjectBody,
) -> Result<Response, ApiError> {
    let mode = mode(&Fields::only(body, &["mode"])?.text("mode")?)?;
    let key = teams::add_api_key(&app, &team, mode).await?;
    let owner = app.records.key_owner(&key).await?;
    let view = KeyView {
        key_id: owner.ok_or(ApiError::NotFound("key"))?.id,
        mode,
        key,
        created_at: shown(app.clock.now()),
    };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

pub(super) async fn reveal(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let key = app.records.reveal_api_key(&team, &id).await?;
    let key = key.ok_or(ApiError::NotFound("key"))?;
    Ok(Json(json!({"key_id": id, "key": key})))
}

pub(super) async fn remove(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let deleted = app.records.delete_api_key(&team, &id).await?;
    app.forget_callers();
    if deleted {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NotFound("key"))
    }
}
