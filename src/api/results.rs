//! `POST /internal/v1/results`: one result, an array, or NDJSON as a stream.

use crate::api::error::ApiError;
use crate::app::App;
use crate::callback::trace::TraceParent;
use crate::intake::item::{Item, ItemLimits, Rejection, parse};
use crate::intake::{Answer, accept as intake};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// Results of one request that share a commit: the first are safe while the rest arrives.
const BATCH_ITEMS: usize = 512;

/// One result's answer on the wire.
#[derive(Debug, Serialize)]
struct ItemAnswer {
    /// `accepted`, `duplicate`, `conflict`, `rejected` or `failed` (hand it in again).
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Answers of a batch, in the order of its results.
#[derive(Debug, Default, Serialize)]
struct BatchAnswer {
    accepted: usize,
    duplicate: usize,
    conflict: usize,
    rejected: usize,
    failed: usize,
    results: Vec<ItemAnswer>,
}

enum Format {
    Json,
    Lines,
}

/// Takes results. 202 after the commit; each result has its own answer.
pub(super) async fn accept(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if app.shutdown.is_stopping() {
        return Err(ApiError::ShuttingDown);
    }
    let mut body = Incoming::new(&app, body);
    body.trace = trace(&headers);
    match format(&headers)? {
        Format::Lines => accept_lines(&app, &mut body).await,
        Format::Json => accept_json(&app, &mut body).await,
    }
}

fn format(headers: &HeaderMap) -> Result<Format, ApiError> {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or("").split(';').next().unwrap_or("").trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Format::Json),
        "application/x-ndjson" | "application/jsonl" => Ok(Format::Lines),
        _ => Err(ApiError::MediaType),
    }
}

/// Where the producer is in its own trace.
fn trace(headers: &HeaderMap) -> Option<TraceParent> {
    TraceParent::parse(headers.get("traceparent")?.to_str().ok()?)
}

/// A request's body within its limits.
struct Incoming {
    body: Body,
    /// The whole request's.
    trace: Option<TraceParent>,
    left: usize,
    bytes_max: usize,
    pause_max: Duration,
}

impl Incoming {
    fn new(app: &App, body: Body) -> Self {
        let api = &app.config.api;
        Self {
            body,
            trace: None,
            left: api.body_bytes_max,
            bytes_max: api.body_bytes_max,
            pause_max: Duration::from_millis(api.body_timeout_ms),
        }
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let frame = tokio::time::timeout(self.pause_max, self.body.frame()).await;
            let Some(frame) = frame.map_err(|_| ApiError::BodyTimeout)? else {
                return Ok(None);
            };
            let frame = frame.map_err(|_| ApiError::BodyTimeout)?;
            // Trailers are of no use here.
            if let Ok(data) = frame.into_data() {
                self.left = self
                    .left
                    .checked_sub(data.len())
                    .ok_or(ApiError::TooLarge(self.bytes_max))?;
                return Ok(Some(data));
            }
        }
    }
}

async fn accept_json(app: &App, body: &mut Incoming) -> Result<Response, ApiError> {
    let mut whole = BytesMut::new();
    while let Some(data) = body.next().await? {
        whole.extend_from_slice(&data);
    }
    if !whole.trim_ascii_start().starts_with(b"[") {
        return accept_one(app, &whole, body.trace).await;
    }
    let raw: Vec<&RawValue> = serde_json::from_slice(&whole).map_err(|error| {
        let reason = format!("is not a JSON array of results: {error}");
        ApiError::Invalid {
            field: "body",
            reason,
        }
    })?;
    let mut batch = Batch::new(app, body.trace);
    for item in raw {
        batch.add(item.get().as_bytes()).await?;
    }
    batch.finish().await
}

async fn accept_one(
    app: &App,
    json: &[u8],
    trace: Option<TraceParent>,
) -> Result<Response, ApiError> {
    let item = read(app, json, trace);
    let answer = intake(app, vec![item])
        .await?
        .pop()
        .expect("one answer for one item");
    match answer {
        Answer::Accepted(_) | Answer::Duplicate(_) => {
            Ok((StatusCode::ACCEPTED, Json(wire(answer))).into_response())
        }
        Answer::Conflict(first) => Err(ApiError::Conflict {
            field: "event_id",
            reason: format!("was handed in before with other content, as callback {first}"),
        }),
        Answer::Rejected(Rejection {
            retryable: true,
            reason,
            ..
        }) => Err(ApiError::QueueFull(reason)),
        Answer::Rejected(Rejection { field, reason, .. }) => {
            Err(ApiError::Invalid { field, reason })
        }
    }
}

/// Reads line by line; a line is held in memory, the body never is.
async fn accept_lines(app: &App, body: &mut Incoming) -> Result<Response, ApiError> {
    let line_bytes_max = app.config.api.item_bytes_max;
    let mut batch = Batch::new(app, body.trace);
    let mut rest = BytesMut::new();
    let mut searched = 0;
    let mut skipping = false;
    while let Some(data) = body.next().await? {
        rest.extend_from_slice(&data);
        while let Some(at) = rest[searched..].iter().position(|byte| *byte == b'\n') {
            let line = rest.split_to(searched + at + 1);
            searched = 0;
            if !std::mem::take(&mut skipping) {
                batch.add_line(&line).await?;
            }
        }
        searched = rest.len();
        if searched > line_bytes_max {
            // Refused once by its length; the rest of the line is read and thrown away.
            if !std::mem::replace(&mut skipping, true) {
                batch.add_line(&rest).await?;
            }
            rest.clear();
            searched = 0;
        }
    }
    if !skipping {
        batch.add_line(&rest).await?;
    }
    batch.finish().await
}

/// Gathers results and commits them batch by batch.
struct Batch<'a> {
    app: &'a App,
    trace: Option<TraceParent>,
    items: Vec<Result<Item, Rejection>>,
    answer: BatchAnswer,
    retryable: usize,
    total: usize,
}

impl<'a> Batch<'a> {
    fn new(app: &'a App, trace: Option<TraceParent>) -> Self {
        let items = Vec::with_capacity(BATCH_ITEMS);
        Self {
            app,
            trace,
            items,
            answer: BatchAnswer::default(),
            retryable: 0,
            total: 0,
        }
    }

    async fn add_line(&mut self, line: &[u8]) -> Result<(), ApiError> {
        let line = line.trim_ascii();
        if line.is_empty() {
            Ok(())
        } else {
            self.add(line).await
        }
    }

    async fn add(&mut self, json: &[u8]) -> Result<(), ApiError> {
        self.total += 1;
        let items_max = self.app.config.api.items_max;
        let item = if self.total > items_max {
            let reason = format!("comes after {items_max} others, the limit of one request");
            Err(Rejection {
                field: "result",
                reason,
                retryable: true,
            })
        } else {
            read(self.app, json, self.trace)
        };
        self.items.push(item);
        if self.items.len() == BATCH_ITEMS {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Once something is committed, a failure is told item by item: the caller must
    /// learn what was taken.
    async fn flush(&mut self) -> Result<(), ApiError> {
        let items = std::mem::take(&mut self.items);
        let count = items.len();
        match intake(self.app, items).await {
            Ok(answers) => answers.into_iter().for_each(|answer| self.answer(answer)),
            Err(error) if self.answer.accepted == 0 => return Err(error.into()),
            Err(error) => {
                tracing::error!(error = %error, "a part of a batch is not taken");
                self.answer.failed += count;
                self.answer.results.extend((0..count).map(|_| failed()));
            }
        }
        Ok(())
    }

    fn answer(&mut self, answer: Answer) {
        let batch = &mut self.answer;
        match &answer {
            Answer::Accepted(_) => batch.accepted += 1,
            Answer::Duplicate(_) => batch.duplicate += 1,
            Answer::Conflict(_) => batch.conflict += 1,
            Answer::Rejected(rejection) => {
                batch.rejected += 1;
                self.retryable += usize::from(rejection.retryable);
            }
        }
        batch.results.push(wire(answer));
    }

    async fn finish(mut self) -> Result<Response, ApiError> {
        self.flush().await?;
        let full = self.retryable > 0 && self.retryable == self.total;
        if full {
            let reason = self.answer.results.pop().and_then(|item| item.reason);
            return Err(ApiError::QueueFull(reason.unwrap_or_default()));
        }
        Ok((StatusCode::ACCEPTED, Json(self.answer)).into_response())
    }
}

fn read(app: &App, json: &[u8], trace: Option<TraceParent>) -> Result<Item, Rejection> {
    let api = &app.config.api;
    let limits = ItemLimits {
        bytes_max: api.item_bytes_max,
        depth_max: api.item_depth_max,
    };
    let item = parse(json, limits)?;
    Ok(Item { trace, ..item })
}

fn wire(answer: Answer) -> ItemAnswer {
    let status = answer.status();
    let id = |id: crate::callback::CallbackId| Some(id.to_string());
    match answer {
        Answer::Accepted(first) | Answer::Duplicate(first) => ItemAnswer {
            status,
            callback_id: id(first),
            field: None,
            reason: None,
        },
        Answer::Conflict(first) => ItemAnswer {
            status,
            callback_id: id(first),
            field: Some("event_id"),
            reason: Some("was handed in before with other content".to_owned()),
        },
        Answer::Rejected(Rejection { field, reason, .. }) => ItemAnswer {
            status,
            callback_id: None,
            field: Some(field),
            reason: Some(reason),
        },
    }
}

fn failed() -> ItemAnswer {
    let reason = "a store did not answer; hand it in again".to_owned();
    ItemAnswer {
        status: "failed",
        callback_id: None,
        field: None,
        reason: Some(reason),
    }
}
