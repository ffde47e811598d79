//! Teams, as far as deliveries need them.

use crate::api::body::read_body;
use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::retry::Policy;
use crate::records::RecordsError;
use crate::records::teams::{Team, TeamUpdate};
use crate::teams;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};

const TEAM_ID_BYTES_MAX: usize = 64;

/// What may be set; what is absent stays, `null` removes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TeamBody {
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    default_callback_url: Option<Option<String>>,
    latest_only: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    retry: Option<Option<Policy>>,
}

/// Tells `null` from absent.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A team as shown. Its secrets are shown once, when it is made.
#[derive(Debug, Serialize)]
pub(super) struct TeamView {
    team_id: String,
    name: String,
    default_callback_url: Option<String>,
    latest_only: bool,
    retry: Option<Policy>,
    paused_endpoints: Vec<String>,
    /// Callbacks that were held and go now.
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Secrets>,
}

#[derive(Debug, Serialize)]
struct Secrets {
    live_callback_auth_key: String,
    test_callback_auth_key: String,
    signing_secret: String,
}

/// A project's only setting as yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectBody {
    callback_url: Option<String>,
}

/// Which endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointBody {
    url: String,
}

pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<TeamView>, ApiError> {
    let team = app
        .records
        .team(&id)
        .await?
        .ok_or(ApiError::NotFound("team"))?;
    Ok(Json(view(&app, team).await?))
}

/// Makes a team (201, with its secrets) or changes one (200). A new default releases
/// what was held.
pub(super) async fn put(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Result<Json<TeamBody>, JsonRejection>,
) -> Result<Response, ApiError> {
    let body = read_body(body)?;
    check_team_id(&id)?;
    let update = TeamUpdate {
        name: body.name,
        default_callback_url: body.default_callback_url,
        latest_only: body.latest_only,
        retry: body.retry,
        ..TeamUpdate::default()
    };
    teams::check(&app, &update)?;
    let before = app.records.team(&id).await?;
    let name = update.name.clone().unwrap_or_else(|| id.clone());
    let made = match before {
        Some(_) => None,
        None => match app.records.add_team(&id, &name, app.clock.now()).await {
            Ok(team) => Some(team),
            // Made by another request meanwhile: then this one changes it.
            Err(RecordsError::Exists(_)) => None,
            Err(error) => return Err(error.into()),
        },
    };
    let released = teams::update(&app, &id, &update).await?;
    let team = app
        .records
        .team(&id)
        .await?
        .ok_or(ApiError::NotFound("team"))?;
    let status = if made.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let secrets = made.map(|team| Secrets {
        live_callback_auth_key: team.live_callback_auth,
        test_callback_auth_key: team.test_callback_auth,
        signing_secret: team.signing_secret,
    });
    let view = TeamView {
        released,
        secrets,
        ..view(&app, team).await?
    };
    Ok((status, Json(view)).into_response())
}

/// Sets the callback URL that a project's tasks inherit; releases what was held.
pub(super) async fn put_project(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    body: Result<Json<ProjectBody>, JsonRejection>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let url = read_body(body)?.callback_url;
    teams::check_name(&name)?;
    if let Some(url) = &url {
        teams::check_target(&app, "callback_url", url)?;
    }
    app.records
        .team(&id)
        .await?
        .ok_or(ApiError::NotFound("team"))?;
    app.records
        .set_project_url(&id, &name, url.as_deref())
        .await?;
    let released = match &url {
        Some(url) => teams::resume(&app, &id, url).await?.1,
        None => 0,
    };
    app.forget_team(&id);
    Ok(Json(
        serde_json::json!({"project": name, "callback_url": url, "released": released}),
    ))
}

/// Ends the pause of an endpoint that had answered 410.
pub(super) async fn resume_endpoint(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Result<Json<EndpointBody>, JsonRejection>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let url = read_body(body)?.url;
    app.records
        .team(&id)
        .await?
        .ok_or(ApiError::NotFound("team"))?;
    let (was_paused, released) = teams::resume(&app, &id, &url).await?;
    if !was_paused {
        return Err(ApiError::NotFound("paused endpoint"));
    }
    Ok(Json(serde_json::json!({"url": url, "released": released})))
}

async fn view(app: &App, team: Team) -> Result<TeamView, ApiError> {
    Ok(TeamView {
        paused_endpoints: app.records.paused_endpoints(&team.id).await?,
        team_id: team.id,
        name: team.name,
        default_callback_url: team.default_callback_url,
        latest_only: team.latest_only,
        retry: team.retry,
        released: None,
        secrets: None,
    })
}

fn check_team_id(id: &str) -> Result<(), ApiError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !(1..=TEAM_ID_BYTES_MAX).contains(&id.len()) || !id.bytes().all(legal) {
        let reason = format!("must be 1 to {TEAM_ID_BYTES_MAX} of a-z, A-Z, 0-9, _ and -");
        return Err(ApiError::Invalid {
            field: "team_id",
            reason,
        });
    }
    Ok(())
}
