//! `/v1/studio`.

use crate::api::body::{ObjectBody, TaskBody};
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::api::v1::segment::{Segment, Segments};
use crate::app::App;
use crate::records::studio::StudioBatch;
use crate::work::studio::{self, Crew};
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The only type of batch that clients know.
const BATCH_TYPE: &str = "Production";

type Assignments = Json<BTreeMap<String, Vec<String>>>;

pub(super) async fn assignments(
    State(app): State<App>,
    caller: KeyCaller,
) -> Result<Assignments, ApiError> {
    Ok(Json(studio::assignments(&app, caller.world()).await?))
}

pub(super) async fn assign(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Assignments, ApiError> {
    set_assignments(&app, &caller, body, true).await
}

pub(super) async fn unassign(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Assignments, ApiError> {
    set_assignments(&app, &caller, body, false).await
}

async fn set_assignments(
    app: &App,
    caller: &KeyCaller,
    body: ObjectBody,
    assigned: bool,
) -> Result<Assignments, ApiError> {
    let mut fields = Fields::any(body);
    let (emails, projects) = (fields.texts("emails")?, fields.texts("projects")?);
    studio::assign(app, caller.world(), (&emails, &projects), assigned).await?;
    Ok(Json(studio::assignments(app, caller.world()).await?))
}

pub(super) async fn groups(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(project): Segment,
) -> Result<Json<Value>, ApiError> {
    let groups = studio::groups(&app, caller.world(), &project).await?;
    Ok(Json(groups.iter().map(group).collect()))
}

pub(super) async fn create_group(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(project): Segment,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let mut fields = Fields::any(body);
    let (emails, name) = (fields.texts("emails")?, fields.text("name")?);
    let made = studio::create_group(&app, caller.world(), (&project, &name), &emails).await?;
    Ok(Json(group(&made)))
}

pub(super) async fn change_group(
    State(app): State<App>,
    caller: KeyCaller,
    Segments(project, name): Segments,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let mut fields = Fields::any(body);
    let joining = fields.optional_texts("add_emails")?.unwrap_or_default();
    let leaving = fields.optional_texts("remove_emails")?.unwrap_or_default();
    let (which, change) = ((&*project, &*name), (&*joining, &*leaving));
    let changed = studio::change_group(&app, caller.world(), which, change).await?;
    Ok(Json(group(&changed)))
}

pub(super) async fn batches(
    State(app): State<App>,
    caller: KeyCaller,
) -> Result<Json<Value>, ApiError> {
    Ok(list(&studio::batches(&app, caller.world()).await?))
}

pub(super) async fn give_batch(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(name): Segment,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let groups = Fields::any(body).texts("groups")?;
    let given = studio::give_batch(&app, caller.world(), &name, &groups).await?;
    Ok(Json(batch(&given)))
}

/// Every pending batch is named, so the body is as large as there are many.
pub(super) async fn set_priorities(
    State(app): State<App>,
    caller: KeyCaller,
    TaskBody(body): TaskBody,
) -> Result<Json<Value>, ApiError> {
    let names = batch_names(body)?;
    let ordered = studio::order_batches(&app, caller.world(), &names).await?;
    Ok(list(&ordered))
}

fn batch_names(body: Map<String, Value>) -> Result<Vec<String>, ApiError> {
    const KIND: &str = "must be an array of objects, each with the name of a batch";
    let mut fields = Fields::any(ObjectBody(body));
    let invalid = || ApiError::Invalid {
        field: "batches",
        reason: KIND.to_owned(),
    };
    let named: Option<Option<Vec<Map<String, Value>>>> = fields.removable("batches", KIND)?;
    let named = named.flatten().ok_or_else(invalid)?.into_iter();
    named
        .map(|mut batch| match batch.remove("name") {
            Some(Value::String(name)) => Ok(name),
            _ => Err(invalid()),
        })
        .collect()
}

pub(super) async fn reset_priorities(
    State(app): State<App>,
    caller: KeyCaller,
) -> Result<Json<Value>, ApiError> {
    Ok(list(&studio::reset_order(&app, caller.world()).await?))
}

fn group(Crew { group, workers }: &Crew) -> Value {
    let shown = workers
        .iter()
        .map(|worker| json!({"id": worker.id, "email": worker.email}));
    json!({
        "id": group.id,
        "name": group.name,
        "numWorkers": workers.len(),
        "isSingleton": workers.len() == 1,
        "workers": shown.collect::<Value>(),
    })
}

fn list(batches: &[StudioBatch]) -> Json<Value> {
    Json(batches.iter().map(batch).collect())
}

fn batch(batch: &StudioBatch) -> Value {
    let mut object = json!({
        "id": batch.id,
        "name": batch.name,
        "projectId": batch.project_id,
        "projectName": batch.project,
        "batchType": BATCH_TYPE,
        "total": batch.total,
        "completed": batch.completed,
        "groups": batch.groups,
    });
    if let Some(place) = batch.place {
        object["studioPriority"] = json!(place);
    }
    object
}
