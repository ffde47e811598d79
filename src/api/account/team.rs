//! The caller's team: its name, where its callbacks go and how, pause and resume, a sample.

use crate::api::body::ObjectBody;
use crate::api::caller::TeamCaller;
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::callback::Mode;
use crate::callback::retry::Policy;
use crate::records::teams::TeamUpdate;
use crate::teams;
use crate::teams::sample::{self, Sample};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
pub(super) struct TeamView {
    team_id: String,
    name: String,
    default_callback_url: Option<String>,
    order: &'static str,
    retry: Option<Policy>,
    attempt_timeout_ms: Option<u64>,
    grace_status: Option<u16>,
    members_use_keys: bool,
    always_live_auth: bool,
    is_paused: bool,
    paused_endpoints: Vec<String>,
    /// Callbacks that were held and go now.
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<u64>,
}

pub(super) async fn show(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<TeamView>, ApiError> {
    view(&app, &team, None).await
}

async fn view(app: &App, team: &str, released: Option<u64>) -> Result<Json<TeamView>, ApiError> {
    let found = app.records.team(team).await?;
    let team = found.ok_or(ApiError::NotFound("team"))?;
    Ok(Json(TeamView {
        paused_endpoints: app.records.paused_endpoints(&team.id).await?,
        team_id: team.id,
        name: team.name,
        default_callback_url: team.default_callback_url,
        order: if team.latest_only {
            "latest"
        } else {
            "ordered"
        },
        retry: team.retry,
        attempt_timeout_ms: team.attempt_timeout_ms,
        grace_status: team.grace_status,
        members_use_keys: team.members_use_keys,
        always_live_auth: team.always_live_auth,
        is_paused: team.paused,
        released,
    }))
}

/// What is absent stays; `null` removes. A new default URL releases what was held.
pub(super) async fn update(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    body: ObjectBody,
) -> Result<Json<TeamView>, ApiError> {
    const NAMES: [&str; 8] = [
        "name",
        "default_callback_url",
        "order",
        "retry",
        "attempt_timeout_ms",
        "grace_status",
        "members_use_keys",
        "always_live_auth",
    ];
    let mut fields = Fields::only(body, &NAMES)?;
    let order = fields.optional_text("order")?;
    let update = TeamUpdate {
        name: fields.optional_text("name")?,
        default_callback_url: fields.removable("default_callback_url", "must be a text or null")?,
        latest_only: order.map(|order| latest_only(&order)).transpose()?,
        retry: fields.removable(
            "retry",
            "must be an object of retries_max, first_delay_ms, factor and jitter, or null",
        )?,
        attempt_timeout_ms: fields
            .removable("attempt_timeout_ms", "must be a whole number or null")?,
        grace_status: fields.removable("grace_status", "must be a status or null")?,
        members_use_keys: fields.optional_flag("members_use_keys")?,
        always_live_auth: fields.optional_flag("always_live_auth")?,
        paused: None,
    };
    let released = teams::update(&app, &team, &update).await?;
    view(&app, &team, released).await
}

fn latest_only(order: &str) -> Result<bool, ApiError> {
    match order {
        "ordered" => Ok(false),
        "latest" => Ok(true),
        _ => Err(ApiError::Invalid {
            field: "order",
            reason: "must be ordered or latest".to_owned(),
        }),
    }
}

/// Everything of the team is held until it is resumed.
pub(super) async fn pause(app: State<App>, team: TeamCaller) -> Result<Json<TeamView>, ApiError> {
    set_paused(app, team, true).await
}

/// What was held goes now.
pub(super) async fn resume(app: State<App>, team: TeamCaller) -> Result<Json<TeamView>, ApiError> {
    set_paused(app, team, false).await
}

async fn set_paused(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    paused: bool,
) -> Result<Json<TeamView>, ApiError> {
    let update = TeamUpdate {
        paused: Some(paused),
        ..TeamUpdate::default()
    };
    let released = teams::update(&app, &team, &update).await?;
    view(&app, &team, released).await
}

/// Sends a sample now and answers what came of it.
pub(super) async fn test_callback(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let mut fields = Fields::only(body, &["callback_url", "mode"])?;
    let url = fields.optional_text("callback_url")?;
    let mode = fields.optional_text("mode")?;
    let mode = mode.map_or(Ok(Mode::Live), |mode| super::keys::mode(&mode))?;
    let sample = sample::send(&app, &team, mode, url).await?;
    Ok(Json(sample_view(&sample)))
}

fn sample_view(sample: &Sample) -> Value {
    let answer = &sample.answer;
    let headers: serde_json::Map<_, _> = sample
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.clone())))
        .collect();
    json!({
        "url": sample.url,
        "is_taken": sample.is_taken(),
        "status": answer.outcome.status(),
        "duration_ms": answer.timing.total_ms(),
        "headers": headers,
        "body": String::from_utf8_lossy(&sample.body),
        "answer": String::from_utf8_lossy(&answer.kept_body),
        "diagnosis": {
            "code": sample.diagnosis.code,
            "what": sample.diagnosis.what,
            "hint": sample.diagnosis.hint_with(answer.outcome.location()),
        },
    })
}
