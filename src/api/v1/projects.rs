//! `/v1/projects`.

use crate::api::body::ObjectBody;
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::v1::query::Query;
use crate::api::v1::segment::Segment;
use crate::app::App;
use crate::records::projects::{Params, WithHistory};
use crate::time::stored;
use crate::work::projects;
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

pub(super) async fn list(
    State(app): State<App>,
    caller: KeyCaller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let archived = query.flag("archived")?;
    let projects = app.records.projects(caller.world(), archived).await?;
    Ok(Json(projects.into_iter().map(object).collect()))
}

pub(super) async fn create(
    State(app): State<App>,
    caller: KeyCaller,
    ObjectBody(body): ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let project = projects::create(&app, caller.world(), body).await?;
    Ok(Json(object(project)))
}

pub(super) async fn show(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(name): Segment,
) -> Result<Json<Value>, ApiError> {
    let project = projects::get(&app, caller.world(), &name).await?;
    Ok(Json(object(project)))
}

pub(super) async fn set_params(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(name): Segment,
    ObjectBody(body): ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let project = projects::set_params(&app, caller.world(), &name, body).await?;
    Ok(Json(object(project)))
}

/// An ontology is a param like others.
pub(super) async fn set_ontology(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(name): Segment,
    ObjectBody(mut body): ObjectBody,
) -> Result<Json<Value>, ApiError> {
    body.insert("patch".to_owned(), Value::Bool(true));
    let project = projects::set_params(&app, caller.world(), &name, body).await?;
    Ok(Json(object(project)))
}

pub(super) async fn template(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(name): Segment,
) -> Result<Json<Value>, ApiError> {
    let (project, params) = projects::template(&app, caller.world(), &name).await?;
    let mut given = params.object();
    let variables = given.remove("template_variables");
    let variables = variables.filter(Value::is_object);
    let mut template = json!({
        "id": project.id,
        "version": params.version,
        "created_at": stored(project.created_ms),
        "updated_at": stored(params.created_ms),
        "template_variables": variables.unwrap_or_else(|| json!({})),
        "auto_onboard_enabled": false,
    });
    if let Some(schema) = given.remove("response_schema") {
        template["response_schema"] = schema;
    }
    Ok(Json(template))
}

fn object((project, history): WithHistory) -> Value {
    let mut object: Map<String, Value> = serde_json::from_str(&project.flags).unwrap_or_default();
    let history: Vec<_> = history.iter().map(version).collect();
    let own = json!({
        "id": project.id,
        "name": project.name,
        "type": project.kind,
        "created_at": stored(project.created_ms),
        "archived": project.archived != 0,
        "param_history": history,
    });
    if let Value::Object(own) = own {
        object.extend(own);
    }
    Value::Object(object)
}

fn version(params: &Params) -> Value {
    let mut version = params.object();
    version.insert("version".to_owned(), json!(params.version));
    version.insert("created_at".to_owned(), json!(stored(params.created_ms)));
    Value::Object(version)
}
