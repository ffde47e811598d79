//! `/v1/batches`.

use crate::api::body::ObjectBody;
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::v1::query::Query;
use crate::api::v1::segment::Segment;
use crate::app::App;
use crate::records::batches::object::count_fields;
use crate::records::batches::{BatchFilter, COMPLETED, IN_PROGRESS, STAGING};
use crate::records::world::first_id_at;
use crate::work::batches;
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

/// Batches on a page.
const PAGE_MAX: u64 = 100;
/// Batches that may be left out.
const OFFSET_MAX: u64 = 1_000_000;

pub(super) async fn list(
    State(app): State<App>,
    caller: KeyCaller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let filter = filter(&query)?;
    let limit = query
        .number("limit", (1, PAGE_MAX), PAGE_MAX)?
        .cast_signed();
    let offset = query.number("offset", (0, OFFSET_MAX), 0)?.cast_signed();
    let (found, total) = batches::list(&app, caller.world(), &filter, (offset, limit)).await?;
    let docs: Vec<_> = found
        .iter()
        .map(|batch| Value::Object(batch.object()))
        .collect();
    let shown = i64::try_from(docs.len()).unwrap_or(0);
    let has_more = shown > 0 && offset + shown < total;
    let page = offset / limit + 1;
    Ok(Json(json!({
        "docs": docs, "totalDocs": total, "total": total, "limit": limit, "offset": offset,
        "has_more": has_more, "hasNextPage": has_more, "page": page,
        "totalPages": (total + limit - 1) / limit,
        "nextPage": if has_more { json!(page + 1) } else { Value::Null },
    })))
}

fn filter(query: &Query) -> Result<BatchFilter, ApiError> {
    let (from, until) = query.range("start_time", "end_time")?;
    let (completed_from, completed_until) = query.range("completed_after", "completed_before")?;
    let end = until.map(|until| first_id_at(until.saturating_add(1)));
    Ok(BatchFilter {
        project: query.text("project"),
        status: query.one_of("status", &[STAGING, IN_PROGRESS, COMPLETED])?,
        halted: None,
        from_id: from.map(first_id_at),
        below_id: end.into_iter().collect(),
        completed_from: completed_from.map(u64::cast_signed),
        completed_until: completed_until.map(u64::cast_signed),
    })
}

pub(super) async fn create(
    State(app): State<App>,
    caller: KeyCaller,
    ObjectBody(body): ObjectBody,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let batch = batches::create(&app, caller.world(), body).await?;
    Ok(Json(batch.object()))
}

pub(super) async fn show(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(name): Segment,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let batch = batches::get(&app, caller.world(), &name).await?;
    Ok(Json(batch.object()))
}

pub(super) async fn status(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(name): Segment,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let (batch, counts) = batches::status(&app, caller.world(), &name).await?;
    let mut status = count_fields(&counts);
    status.insert("status".to_owned(), json!(batch.status));
    Ok(Json(status))
}

pub(super) async fn finalize(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(name): Segment,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let batch = batches::finalize(&app, caller.world(), &name).await?;
    Ok(Json(batch.object()))
}

pub(super) async fn set_metadata(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(name): Segment,
    ObjectBody(body): ObjectBody,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let batch = batches::set_metadata(&app, caller.world(), &name, body).await?;
    Ok(Json(batch.object()))
}
