//! What proves a callback: the live and the test callback auth key and the signing secret.
//! Masked until revealed; replaced with a time of grace.

use crate::api::body::ObjectBody;
use crate::api::caller::TeamCaller;
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::records::secrets::{EndpointKey, OldSecret, SecretKind};
use crate::records::teams::Team;
use crate::teams;
use crate::teams::sample::mask;
use crate::time::shown;
use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

fn kind(text: &str) -> Result<SecretKind, ApiError> {
    SecretKind::parse(text).ok_or(ApiError::NotFound("secret"))
}

fn of(team: &Team, kind: SecretKind) -> &str {
    match kind {
        SecretKind::LiveAuth => &team.live_callback_auth,
        SecretKind::TestAuth => &team.test_callback_auth,
        SecretKind::Signing => &team.signing_secret,
    }
}

async fn team_of(app: &App, team: &str) -> Result<Team, ApiError> {
    let team = app.records.team(team).await?;
    team.ok_or(ApiError::NotFound("team"))
}

/// While one is being replaced: until when both are good, and which endpoints have moved.
pub(super) async fn list(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<Value>, ApiError> {
    let team = team_of(&app, &team).await?;
    let old = app.records.old_secrets(&team.id, app.clock.now()).await?;
    let endpoints = app.records.endpoint_keys(&team.id).await?;
    let views = SecretKind::ALL.map(|kind| secret_view(&team, kind, &old, &endpoints));
    Ok(Json(views.into_iter().collect()))
}

fn secret_view(
    team: &Team,
    kind: SecretKind,
    old: &[OldSecret],
    endpoints: &[EndpointKey],
) -> Value {
    let mut view = json!({"kind": kind.as_str(), "secret": mask(of(team, kind))});
    if let Some(old) = old.iter().find(|old| old.kind == kind) {
        view["previous"] = json!({
            "secret": mask(&old.secret),
            "good_until": shown(old.until_ms),
            "endpoints": endpoints
                .iter()
                .filter(|endpoint| endpoint.mode.as_str() == kind.as_str())
                .map(endpoint_view)
                .collect::<Value>(),
        });
    }
    view
}

fn endpoint_view(endpoint: &EndpointKey) -> Value {
    json!({
        "url": endpoint.url,
        "takes": if endpoint.takes_new { "new" } else { "previous" },
        "seen_at": shown(endpoint.seen_ms),
    })
}

pub(super) async fn reveal(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let kind = kind(&name)?;
    let team = team_of(&app, &team).await?;
    Ok(Json(json!({"kind": name, "secret": of(&team, kind)})))
}

/// The previous one stays good for `grace_hours`, 24 unless told otherwise; 0 ends it now.
pub(super) async fn rotate(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(name): Path<String>,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let kind = kind(&name)?;
    let hours = Fields::only(body, &["grace_hours"])?.optional_number("grace_hours")?;
    let secret = teams::rotate(&app, &team, kind, hours).await?;
    Ok(Json(json!({"kind": name, "secret": secret})))
}
