//! `/v1/tasks` and `/v1/task`.

use crate::api::body::{ObjectBody, TaskBody};
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::api::v1::answer::json_text;
use crate::api::v1::query::{Query, check_one_of, invalid};
use crate::api::v1::segment::Segment;
use crate::app::App;
use crate::files;
use crate::records::tasks::list::{Cursor, TaskFilter, Total};
use crate::records::tasks::{CANCELED, COMPLETED, ERROR, PENDING, Task};
use crate::records::world::looks_like_an_id;
use crate::work::tasks;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};

/// Tasks on a page.
const PAGE_MAX: u64 = 100;
/// Tasks that may be left out; `next_token` reaches any.
const OFFSET_MAX: u64 = 10_000;
/// Values of one repeated filter.
const VALUES_MAX: usize = 20;
const STATUSES: [&str; 4] = [PENDING, COMPLETED, CANCELED, ERROR];
const REVIEWS: [&str; 5] = ["pending", "accepted", "fixed", "commented", "rejected"];

/// Who audits with a key.
const AUDITOR: &str = "api";

/// A page as Scale's clients read it: all of the first five, or they fail.
#[derive(Serialize)]
struct Page<D> {
    docs: Vec<D>,
    total: i64,
    limit: u64,
    offset: u64,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    /// The total is at least so much.
    #[serde(skip_serializing_if = "is_false")]
    total_is_capped: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

pub(super) async fn list(
    State(app): State<App>,
    caller: KeyCaller,
    query: Query,
) -> Result<Response, ApiError> {
    let filter = filter(&query)?;
    let limit = query.number("limit", (1, PAGE_MAX), PAGE_MAX)?;
    let cursor = query.text("next_token").map(|token| read_token(&token));
    let cursor = cursor.transpose()?;
    let offset = match cursor {
        Some(_) => 0,
        None => query.number("offset", (0, OFFSET_MAX), 0)?,
    };
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    // One more tells whether there are more.
    let place = (usize::try_from(offset).unwrap_or(usize::MAX), wanted + 1);
    let world = caller.world();
    let page = app
        .records
        .task_page(world, &filter, cursor.as_ref(), place);
    let mut tasks = page.await?;
    let (total, total_is_capped) = match app.records.task_total(world, &filter).await? {
        Total::Exactly(total) => (total, false),
        Total::AtLeast(total) => (total, true),
    };
    let has_more = tasks.len() > wanted;
    tasks.truncate(wanted);
    let last = tasks.last().filter(|_| has_more);
    let next_token = last.map(|task| token(&filter.cursor(task)));
    let head = Page::<()> {
        docs: Vec::new(),
        total,
        limit,
        offset,
        has_more,
        next_token,
        total_is_capped,
    };
    Ok(if query.flag("limited_response")?.unwrap_or(false) {
        Json(head.with(tasks.iter().map(Task::limited).collect())).into_response()
    } else {
        Json(head.with(tasks.iter().map(Task::object).collect())).into_response()
    })
}

impl Page<()> {
    fn with<D>(self, docs: Vec<D>) -> Page<D> {
        Page {
            docs,
            total: self.total,
            limit: self.limit,
            offset: self.offset,
            has_more: self.has_more,
            next_token: self.next_token,
            total_is_capped: self.total_is_capped,
        }
    }
}

fn filter(query: &Query) -> Result<TaskFilter, ApiError> {
    let mut reviews = Vec::new();
    for joined in query.texts("customer_review_status") {
        for review in joined.split(',').map(str::trim) {
            check_one_of("customer_review_status", review, &REVIEWS)?;
            if !reviews.iter().any(|known| known == review) {
                reviews.push(review.to_owned());
            }
        }
    }
    let several = |name: &'static str| {
        let mut values = query.texts(name);
        values.sort_unstable();
        values.dedup();
        if values.len() > VALUES_MAX {
            let reason = format!("may be given {VALUES_MAX} times at most");
            return Err(invalid(name, &reason));
        }
        Ok(values)
    };
    Ok(TaskFilter {
        project: query.text("project"),
        batch: query.text("batch"),
        status: query.one_of("status", &STATUSES)?,
        kind: query.text("type"),
        reviews,
        unique_ids: several("unique_id")?,
        tags: several("tags")?,
        created: query.range("start_time", "end_time")?,
        completed: query.range("completed_after", "completed_before")?,
        updated: query.range("updated_after", "updated_before")?,
    })
}

/// Opaque to clients: the last task of the page.
pub(in crate::api) fn token(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", cursor.at, cursor.id))
}

/// Reads [`token`].
pub(in crate::api) fn read_token(token: &str) -> Result<Cursor, ApiError> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (at, id) = text.split_once('.')?;
        let (at, id) = (at.parse().ok()?, id.to_owned());
        looks_like_an_id(&id).then_some(Cursor { at, id })
    };
    read().ok_or_else(|| invalid("next_token", "is none that was given out here"))
}

/// The first segment is the type.
pub(super) async fn create(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(kind): Segment,
    headers: HeaderMap,
    TaskBody(body): TaskBody,
) -> Result<Response, ApiError> {
    let key = headers.get("idempotency-key");
    let key = key.map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    files::use_files(&app, caller.world(), &body).await?;
    let made = tasks::create(&app, caller.world(), (&kind, body), key.as_deref()).await?;
    Ok(json_text(made))
}

pub(super) async fn show(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
) -> Result<Response, ApiError> {
    let task = tasks::get(&app, caller.world(), &id).await?;
    Ok(json_text(task.object_text()))
}

pub(super) async fn cancel(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
    query: Query,
) -> Result<Response, ApiError> {
    let clears = query.flag("clear_unique_id")?.unwrap_or(false);
    let task = tasks::cancel(&app, caller.world(), &id, clears).await?;
    Ok(json_text(task.object_text()))
}

pub(super) async fn audit(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
    ObjectBody(body): ObjectBody,
) -> Result<Response, ApiError> {
    let task = tasks::audit(&app, caller.world(), &id, (body, AUDITOR)).await?;
    Ok(json_text(task.object_text()))
}

pub(super) async fn set_unique_id(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
    ObjectBody(body): ObjectBody,
) -> Result<Response, ApiError> {
    let task = tasks::set_unique_id(&app, caller.world(), &id, body).await?;
    Ok(json_text(task.object_text()))
}

pub(super) async fn clear_unique_id(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
) -> Result<Response, ApiError> {
    let task = tasks::clear_unique_id(&app, caller.world(), &id).await?;
    Ok(json_text(task.object_text()))
}

pub(super) async fn set_metadata(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
    ObjectBody(body): ObjectBody,
) -> Result<Response, ApiError> {
    let task = tasks::set_metadata(&app, caller.world(), &id, body).await?;
    Ok(json_text(task.object_text()))
}

pub(super) async fn send_callback(
    State(app): State<App>,
    caller: KeyCaller,
    Segment(id): Segment,
) -> Result<Json<Value>, ApiError> {
    tasks::send_callback(&app, caller.world(), &id).await?;
    Ok(Json(json!({"success": true})))
}
