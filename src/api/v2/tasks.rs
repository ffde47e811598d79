//! `/v2/task` and `/v2/tasks`.

use crate::api::body::ObjectBody;
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::v1::{Query, read_token, token};
use crate::api::v2::view::{Expand, Viewer};
use crate::api::v2::{fields, invalid, metadata, refused, which, which_of};
use crate::app::App;
use crate::records::tasks::list::TaskFilter;
use crate::records::tasks::{CANCELED, COMPLETED, ERROR, PENDING};
use crate::records::world::World;
use crate::work::WorkError;
use crate::work::genai::{self, Which};
use crate::work::tasks;
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

const PAGE_MAX: u64 = 100;
/// No task here is ever deleted, but clients may ask.
const DELETED: &str = "deleted";
const STATUSES: [&str; 5] = [PENDING, COMPLETED, CANCELED, ERROR, DELETED];

pub(super) async fn show(
    State(app): State<App>,
    caller: KeyCaller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let expand = Expand::read(&query, &["project", "batch"])?;
    let id = query
        .text("task_id")
        .ok_or_else(|| invalid("task_id", "is required"))?;
    let task = tasks::get(&app, caller.world(), &id).await?;
    let mut viewer = Viewer::new(&app, caller.world(), expand);
    Ok(Json(viewer.task(&task).await?))
}

pub(super) async fn list(
    State(app): State<App>,
    caller: KeyCaller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let world = caller.world();
    let expand = Expand::read(&query, &["project", "batch"])?;
    let filter = filter(&app, world, &query).await?;
    let limit = query.number("limit", (1, PAGE_MAX), PAGE_MAX)?;
    let cursor = query.text("next_token").map(|token| read_token(&token));
    let cursor = cursor.transpose()?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    // One more tells whether there are more.
    let page = app
        .records
        .task_page(world, &filter, cursor.as_ref(), (0, wanted + 1));
    let mut found = page.await?;
    let has_more = found.len() > wanted;
    found.truncate(wanted);
    let mut viewer = Viewer::new(&app, world, expand);
    let mut shown = Vec::with_capacity(found.len());
    for task in &found {
        shown.push(viewer.task(task).await?);
    }
    let mut answer = json!({"tasks": shown});
    if let Some(last) = found.last().filter(|_| has_more) {
        answer["next_token"] = json!(token(&filter.cursor(last)));
    }
    Ok(Json(answer))
}

async fn filter(app: &App, world: World<'_>, query: &Query) -> Result<TaskFilter, ApiError> {
    let project = which(query, "project_id", "project_name");
    let batch = which(query, "batch_id", "batch_name");
    if project.is_nothing() && batch.is_nothing() {
        return Err(invalid(
            "project_id",
            "or project_name, batch_id, batch_name is required",
        ));
    }
    let mut filter = TaskFilter {
        status: query.one_of("status", &STATUSES)?,
        completed: query.range("completed_after", "completed_before")?,
        ..TaskFilter::default()
    };
    if !project.is_nothing() {
        filter.project = Some(genai::project(app, world, &project).await?.name);
    }
    if !batch.is_nothing() {
        filter.batch = Some(genai::batch(app, world, &batch).await?.name);
    }
    Ok(filter)
}

pub(super) async fn create_chat(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let world = caller.world();
    let mut fields = fields(body);
    let project = which_of(&mut fields, "project_id", "project_name")?;
    let batch = which_of(&mut fields, "batch_id", "batch_name")?;
    if project.is_nothing() && batch.is_nothing() {
        return Err(invalid(
            "project_id",
            "or project_name, batch_id, batch_name is required",
        ));
    }
    let mut task: Map<String, Value> = Map::new();
    let variables = fields.object("template_variables").map_err(refused)?;
    task.insert(
        "template_variables".to_owned(),
        json!(variables.unwrap_or_default()),
    );
    for field in ["metadata", "callback_url"] {
        if let Some(value) = fields.0.remove(field) {
            task.insert(field.to_owned(), value);
        }
    }
    if let Some(name) = project_name(&app, world, &project).await? {
        task.insert("project".to_owned(), json!(name));
    }
    if !batch.is_nothing() {
        let found = genai::batch(&app, world, &batch).await;
        let found =
            found.map_err(|error| unknown(error, "batch_id", "or batch_name names no batch"))?;
        task.insert("batch".to_owned(), json!(found.name));
    }
    let made = tasks::create(&app, world, ("chat", task), None).await?;
    let made: Value = serde_json::from_str(&made).unwrap_or_default();
    let id = made["task_id"].as_str().unwrap_or_default();
    let task = tasks::get(&app, world, id).await?;
    let mut viewer = Viewer::new(&app, world, Expand::default());
    Ok(Json(viewer.task(&task).await?))
}

async fn project_name(
    app: &App,
    world: World<'_>,
    which: &Which,
) -> Result<Option<String>, ApiError> {
    if which.is_nothing() {
        return Ok(None);
    }
    let found = genai::project(app, world, which).await;
    let found =
        found.map_err(|error| unknown(error, "project_id", "or project_name names no project"))?;
    Ok(Some(found.name))
}

/// What a new task names and is not there makes its request wrong.
fn unknown(error: WorkError, field: &'static str, reason: &str) -> ApiError {
    match error {
        WorkError::Missing(_) => invalid(field, &format!("{reason} of this account and mode")),
        error => error.into(),
    }
}

pub(super) async fn set_metadata(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let mut fields = fields(body);
    let id = fields.text("task_id").map_err(refused)?;
    let id = id.ok_or_else(|| invalid("task_id", "is required"))?;
    let change = metadata(&mut fields)?;
    let task = genai::set_task_metadata(&app, caller.world(), &id, change).await?;
    let mut viewer = Viewer::new(&app, caller.world(), Expand::default());
    Ok(Json(viewer.task(&task).await?))
}
