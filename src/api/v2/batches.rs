//! `/v2/batch` and `/v2/batches`.

use crate::api::body::ObjectBody;
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::v1::Query;
use crate::api::v2::view::{Expand, Viewer};
use crate::api::v2::{fields, invalid, metadata, refused, which, which_of};
use crate::app::App;
use crate::records::batches::{Batch, BatchFilter, COMPLETED, IN_PROGRESS, STAGING};
use crate::records::genai::{CANCELLED, PAUSED};
use crate::records::world::{World, first_id_at, looks_like_an_id};
use crate::work::{batches, genai};
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

const PAGE_MAX: u64 = 100;
const STATUSES: [&str; 5] = [STAGING, IN_PROGRESS, COMPLETED, PAUSED, CANCELLED];

async fn shown(app: &App, world: World<'_>, batch: &Batch) -> Result<Json<Value>, ApiError> {
    let mut viewer = Viewer::new(app, world, Expand::default());
    Ok(Json(viewer.batch(batch).await?))
}

pub(super) async fn show(
    State(app): State<App>,
    caller: KeyCaller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let expand = Expand::read(&query, &["project"])?;
    let which = which(&query, "batch_id", "batch_name");
    let batch = genai::batch(&app, caller.world(), &which).await?;
    let mut viewer = Viewer::new(&app, caller.world(), expand);
    Ok(Json(viewer.batch(&batch).await?))
}

pub(super) async fn create(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let mut fields = fields(body);
    let staged = fields.flag("staging_batch").map_err(refused)?;
    let mut which = which_of(&mut fields, "project_id", "project_name")?;
    if which.is_nothing() {
        // The documentation's sample names it so.
        which.name = fields.text("project").map_err(refused)?;
    }
    let project = genai::project(&app, caller.world(), &which).await;
    let project = project.map_err(|error| match ApiError::from(error) {
        ApiError::NotFound(_) => invalid(
            "project_id",
            "or project_name names no project of this account and mode",
        ),
        error => error,
    })?;
    let mut body: Map<String, Value> = Map::new();
    for field in ["name", "callback", "metadata"] {
        if let Some(value) = fields.0.remove(field) {
            body.insert(field.to_owned(), value);
        }
    }
    body.insert("project".to_owned(), json!(project.name));
    let batch = batches::create_staged(&app, caller.world(), body, staged).await?;
    shown(&app, caller.world(), &batch).await
}

pub(super) async fn list(
    State(app): State<App>,
    caller: KeyCaller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let expand = Expand::read(&query, &["project"])?;
    let mut filter = filter(&query)?;
    let which = which(&query, "project_id", "project_name");
    if !which.is_nothing() {
        filter.project = Some(genai::project(&app, caller.world(), &which).await?.name);
    }
    let limit = query.number("limit", (1, PAGE_MAX), PAGE_MAX)?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    // One more tells whether there are more.
    let page = (0, limit.cast_signed() + 1);
    let mut found = app.records.batches(caller.world(), &filter, page).await?;
    let has_more = found.len() > wanted;
    found.truncate(wanted);
    let mut viewer = Viewer::new(&app, caller.world(), expand);
    let mut shown = Vec::with_capacity(found.len());
    for batch in &found {
        shown.push(viewer.batch(batch).await?);
    }
    let mut answer = json!({"batches": shown});
    if let Some(last) = found.last().filter(|_| has_more) {
        answer["next_token"] = json!(last.id);
    }
    Ok(Json(answer))
}

fn filter(query: &Query) -> Result<BatchFilter, ApiError> {
    let (from, until) = query.range("created_after", "created_before")?;
    let (completed_from, completed_until) = query.range("completed_after", "completed_before")?;
    let mut below_id: Vec<_> = until
        .map(|until| first_id_at(until.saturating_add(1)))
        .into_iter()
        .collect();
    if let Some(token) = query.text("next_token") {
        if !looks_like_an_id(&token) {
            return Err(invalid("next_token", "is none that was given out here"));
        }
        below_id.push(token);
    }
    let status = query.one_of("status", &STATUSES)?;
    let halted = match status.as_deref() {
        Some(PAUSED | CANCELLED) => status.clone(),
        Some(_) => Some(String::new()),
        None => None,
    };
    Ok(BatchFilter {
        project: None,
        status: status.filter(|status| ![PAUSED, CANCELLED].contains(&status.as_str())),
        halted,
        from_id: from.map(first_id_at),
        below_id,
        completed_from: completed_from.map(u64::cast_signed),
        completed_until: completed_until.map(u64::cast_signed),
    })
}

pub(super) async fn finalize(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let which = which_of(&mut fields(body), "batch_id", "batch_name")?;
    let batch = genai::finalize(&app, caller.world(), &which).await?;
    shown(&app, caller.world(), &batch).await
}

pub(super) async fn pause(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let which = which_of(&mut fields(body), "batch_id", "batch_name")?;
    let batch = genai::pause(&app, caller.world(), &which).await?;
    done(&app, caller.world(), &batch, "The batch is paused.").await
}

pub(super) async fn resume(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let which = which_of(&mut fields(body), "batch_id", "batch_name")?;
    let batch = genai::resume(&app, caller.world(), &which).await?;
    done(&app, caller.world(), &batch, "The batch runs again.").await
}

pub(super) async fn cancel(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let which = which_of(&mut fields(body), "batch_id", "batch_name")?;
    let batch = genai::cancel(&app, caller.world(), &which).await?;
    done(&app, caller.world(), &batch, "The batch is cancelled.").await
}

async fn done(
    app: &App,
    world: World<'_>,
    batch: &Batch,
    message: &str,
) -> Result<Json<Value>, ApiError> {
    let Json(batch) = shown(app, world, batch).await?;
    Ok(Json(json!({"batch": batch, "message": message})))
}

pub(super) async fn set_metadata(
    State(app): State<App>,
    caller: KeyCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let mut fields = fields(body);
    let which = which_of(&mut fields, "batch_id", "batch_name")?;
    let change = metadata(&mut fields)?;
    let batch = genai::set_batch_metadata(&app, caller.world(), &which, change).await?;
    shown(&app, caller.world(), &batch).await
}
