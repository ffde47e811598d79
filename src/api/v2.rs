//! The second half of Scale's clients: projects, batches and tasks by id or name. What else
//! they know is empty or not there. Rules are in [`crate::work`].

mod batches;
mod projects;
mod tasks;
mod view;

use crate::access::Action::{SeeWork, SubmitWork};
use crate::api::body::ObjectBody;
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::table::Table;
use crate::api::v1::Query;
use crate::work::fields::Fields;
use crate::work::genai::Which;
use axum::Json;
use serde_json::{Map, Value, json};

/// Every route below `/v2`.
pub(super) fn routes(table: Table) -> Table {
    let table = table
        .get("/v2/project", SeeWork, projects::show)
        .get("/v2/projects", SeeWork, projects::list)
        .get("/v2/batch", SeeWork, batches::show)
        .post("/v2/batch", SubmitWork, batches::create)
        .get("/v2/batches", SeeWork, batches::list)
        .post("/v2/batch/finalize", SubmitWork, batches::finalize)
        .post("/v2/batch/pause", SubmitWork, batches::pause)
        .post("/v2/batch/resume", SubmitWork, batches::resume)
        .post("/v2/batch/cancel", SubmitWork, batches::cancel)
        .post("/v2/batch/metadata", SubmitWork, batches::set_metadata)
        .get("/v2/task", SeeWork, tasks::show)
        .get("/v2/tasks", SeeWork, tasks::list)
        .post("/v2/task/chat", SubmitWork, tasks::create_chat)
        .post("/v2/task/metadata", SubmitWork, tasks::set_metadata);
    absent(table)
}

/// What is not offered: lists are empty, things are not there.
fn absent(table: Table) -> Table {
    table
        .get("/v2/datasets", SeeWork, no_datasets)
        .get("/v2/datasets/deliveries", SeeWork, no_deliveries)
        .get("/v2/datasets/tasks", SeeWork, no_tasks)
        .get("/v2/deliveries", SeeWork, no_deliveries)
        .get("/v2/delivery", SeeWork, nothing)
        .get("/v2/delivery/tasks", SeeWork, nothing)
        .get("/v2/datasets/delivery", SeeWork, nothing)
        .get("/v2/datasets/task", SeeWork, nothing)
        .get(
            "/v2/datasets/task/{task}/response_url/{attachment}",
            SeeWork,
            nothing,
        )
        .get("/v2/annotation", SeeWork, nothing)
        .get("/v2/schema", SeeWork, nothing)
}

async fn no_datasets(_: KeyCaller) -> Json<Value> {
    Json(json!({"datasets": []}))
}

async fn no_deliveries(_: KeyCaller) -> Json<Value> {
    Json(json!({"deliveries": []}))
}

async fn no_tasks(_: KeyCaller) -> Json<Value> {
    Json(json!({"tasks": []}))
}

async fn nothing(_: KeyCaller) -> ApiError {
    ApiError::NotFound("thing: deliveries, datasets, annotations and schemas are not offered here")
}

/// A project or batch that a query means.
fn which(query: &Query, id: &str, name: &str) -> Which {
    Which {
        id: query.text(id),
        name: query.text(name),
    }
}

/// A project or batch that a body means.
fn which_of(fields: &mut Fields, id: &'static str, name: &'static str) -> Result<Which, ApiError> {
    Ok(Which {
        id: fields.text(id).map_err(refused)?,
        name: fields.text(name).map_err(refused)?,
    })
}

/// The metadata that a body must have, and whether to merge it.
fn metadata(fields: &mut Fields) -> Result<(Map<String, Value>, bool), ApiError> {
    let given = fields.object("metadata").map_err(refused)?;
    let given = given.ok_or_else(|| invalid("metadata", "is required"))?;
    Ok((given, fields.flag("merge").map_err(refused)?))
}

fn fields(ObjectBody(body): ObjectBody) -> Fields {
    Fields(body)
}

fn refused(refused: crate::work::rules::Refused) -> ApiError {
    ApiError::Invalid {
        field: refused.field,
        reason: refused.reason,
    }
}

fn invalid(field: &'static str, reason: &str) -> ApiError {
    ApiError::Invalid {
        field,
        reason: reason.to_owned(),
    }
}
