//! `/internal/v1/tasks`: what waits for the labelling side, its claims and
//! acknowledgements.

use crate::api::body::ObjectBody;
use crate::api::caller::Caller;
use crate::api::error::ApiError;
use crate::api::v1::Query;
use crate::app::App;
use crate::integrations::attachments::{Attachment, Signing};
use crate::records::tasks::Task;
use crate::records::tasks::object::TaskObject;
use crate::work::fields::Fields;
use crate::work::labelling::{self, LEASE_MS, TASKS_MAX, WAIT_MS_MAX};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

const PAGE: u64 = 100;
const LEASE_MS_DEFAULT: u64 = 60_000;

/// A task with what its result must say.
#[derive(Serialize)]
struct Waiting<'a> {
    team_id: &'a str,
    mode: &'a str,
    task: TaskObject<'a>,
    /// Those that a cloud must sign, signed for a while.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Value>,
}

/// One that could not be signed says why; the task is handed out all the same.
fn attachment(attachment: Attachment) -> Value {
    match attachment.signed {
        Ok(signed) => json!({"url": attachment.url, "signed_url": signed}),
        Err(reason) => json!({"url": attachment.url, "error": reason}),
    }
}

/// Live tasks that nobody has, oldest first. Begin without `after` again now and then: what
/// a claim has let go comes at its old place.
pub(super) async fn feed(State(app): State<App>, query: Query) -> Result<Response, ApiError> {
    let after = query.text("after").unwrap_or_default();
    let limit = query.number("limit", (1, TASKS_MAX.unsigned_abs()), PAGE)?;
    let wait_ms = query.number("wait_ms", (0, WAIT_MS_MAX), 0)?;
    let tasks = labelling::waiting(&app, &after, limit.cast_signed(), wait_ms).await?;
    Ok(answer(&app, &tasks).await)
}

pub(super) async fn claim(
    State(app): State<App>,
    caller: Caller,
    ObjectBody(body): ObjectBody,
) -> Result<Response, ApiError> {
    let producer = producer(&caller)?;
    let mut fields = Fields(body);
    let lease_ms = match fields.number("lease_ms").map_err(invalid)? {
        None => LEASE_MS_DEFAULT,
        Some(ms) => u64::try_from(ms)
            .ok()
            .filter(|ms| LEASE_MS.contains(ms))
            .ok_or_else(|| ApiError::Invalid {
                field: "lease_ms",
                reason: format!("must be from {} to {}", LEASE_MS.start(), LEASE_MS.end()),
            })?,
    };
    let ids = task_ids(fields.0)?;
    let tasks = labelling::claim(&app, &ids, producer, lease_ms).await?;
    Ok(answer(&app, &tasks).await)
}

pub(super) async fn acknowledge(
    State(app): State<App>,
    caller: Caller,
    ObjectBody(body): ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let ids = task_ids(body)?;
    let ids = labelling::acknowledge(&app, &ids, producer(&caller)?).await?;
    Ok(Json(json!({"task_ids": ids})))
}

async fn answer(app: &App, tasks: &[Task]) -> Response {
    #[derive(Serialize)]
    struct Answer<'a> {
        tasks: Vec<Waiting<'a>>,
    }
    let mut signing = Signing::default();
    let mut waiting = Vec::with_capacity(tasks.len());
    for task in tasks {
        let signed = signing.sign(app, &task.team_id, &task.params).await;
        waiting.push(Waiting {
            team_id: &task.team_id,
            mode: &task.mode,
            task: task.object(),
            attachments: signed.into_iter().map(attachment).collect(),
        });
    }
    Json(Answer { tasks: waiting }).into_response()
}

fn producer(caller: &Caller) -> Result<&str, ApiError> {
    match caller {
        Caller::Producer(name) => Ok(name),
        _ => Err(ApiError::Unauthorized),
    }
}

fn invalid(refused: crate::work::rules::Refused) -> ApiError {
    ApiError::Invalid {
        field: refused.field,
        reason: refused.reason,
    }
}

fn task_ids(mut body: Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let max = usize::try_from(TASKS_MAX).unwrap_or(usize::MAX);
    let ids: Option<Vec<String>> = body
        .remove("task_ids")
        .and_then(|ids| serde_json::from_value(ids).ok());
    ids.filter(|ids| (1..=max).contains(&ids.len()))
        .ok_or_else(|| ApiError::Invalid {
            field: "task_ids",
            reason: format!("must be an array of 1 to {max} ids"),
        })
}
