//! The team's integrations with clouds: what it named there, what to paste, whether it works,
//! and where large results go.

use crate::api::body::ObjectBody;
use crate::api::caller::TeamCaller;
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::callback::bucket::{Cloud, Trouble};
use crate::integrations::names::{Names, fields};
use crate::integrations::trial::{self, Trial};
use crate::integrations::{self, CloudView, Overview};
use crate::time::shown;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

fn cloud(text: &str) -> Result<Cloud, ApiError> {
    Cloud::parse(text).ok_or(ApiError::NotFound("cloud"))
}

pub(super) async fn list(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<Value>, ApiError> {
    let overview = integrations::overview(&app, &team).await?;
    Ok(Json(overview_view(&app, &overview)))
}

fn overview_view(app: &App, overview: &Overview) -> Value {
    let results = overview.large_results.as_ref();
    let results = results.map(|(cloud, prefix)| json!({"cloud": cloud.as_str(), "prefix": prefix}));
    json!({
        "external_id": overview.external_id,
        "short_id": overview.short_id,
        "large_results": results,
        "results_inline_bytes_max": app.config.integrations.results_inline_bytes_max,
        "clouds": overview.clouds.iter().map(cloud_view).collect::<Value>(),
    })
}

fn cloud_view(view: &CloudView) -> Value {
    let tested = view.tested.as_ref().map(|tested| {
        json!({
            "at": shown(tested.at),
            "works": tested.trouble.is_none(),
            "code": tested.trouble.map_or("works", Trouble::code),
        })
    });
    let pastes = view.pastes.iter();
    let pastes = pastes
        .map(|paste| json!({"id": paste.id, "title": paste.title, "text": paste.text}))
        .collect::<Value>();
    json!({
        "cloud": view.cloud.as_str(),
        "is_offered": view.is_offered,
        "names": view.names.as_ref().map(names_view),
        "tested": tested,
        "pastes": pastes,
    })
}

fn names_view(names: &Names) -> Value {
    let pair = |field: &&str| ((*field).to_owned(), names.get(field).into());
    let pairs = fields(names.cloud()).iter().map(pair);
    Value::Object(pairs.collect::<Map<_, _>>())
}

pub(super) async fn show(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    one(&app, &team, cloud(&name)?).await
}

async fn one(app: &App, team: &str, cloud: Cloud) -> Result<Json<Value>, ApiError> {
    let overview = integrations::overview(app, team).await?;
    let view = overview.clouds.iter().find(|view| view.cloud == cloud);
    view.map(|view| Json(cloud_view(view)))
        .ok_or(ApiError::NotFound("cloud"))
}

/// Every field of the cloud, anew.
pub(super) async fn put(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(name): Path<String>,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let cloud = cloud(&name)?;
    let mut body = Fields::only(body, fields(cloud))?;
    let mut given = HashMap::new();
    for field in fields(cloud) {
        given.insert(*field, body.text(field)?);
    }
    let text = |field| given.get(field).cloned().unwrap_or_default();
    integrations::save(&app, &team, cloud, text).await?;
    one(&app, &team, cloud).await
}

pub(super) async fn remove(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    integrations::remove(&app, &team, cloud(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 200 whatever came of it: the answer says.
pub(super) async fn test(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let trial = trial::run(&app, &team, cloud(&name)?).await?;
    Ok(Json(trial_view(&trial)))
}

fn trial_view(trial: &Trial) -> Value {
    json!({
        "works": trial.trouble.is_none(),
        "step": trial.step,
        "diagnosis": {
            "code": trial.trouble.map_or("works", Trouble::code),
            "what": trial.what,
            "hint": trial.fix,
        },
        "answer": trial.said,
    })
}

/// A cloud and a prefix, or null: large results are delivered whole.
pub(super) async fn set_large_results(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let mut body = Fields::only(body, &["cloud", "prefix"])?;
    let prefix = body.optional_text("prefix")?.unwrap_or_default();
    let to = match body.optional_text("cloud")? {
        None => None,
        Some(name) => Some(Cloud::parse(&name).ok_or_else(|| ApiError::Invalid {
            field: "cloud",
            reason: "must be aws, gcp, azure or null".to_owned(),
        })?),
    };
    let to = to.map(|cloud| (cloud, prefix.as_str()));
    integrations::set_large_results(&app, &team, to).await?;
    let overview = integrations::overview(&app, &team).await?;
    Ok(Json(overview_view(&app, &overview)))
}
