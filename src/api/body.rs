//! JSON bodies: bounded in size and depth before they are parsed. An empty body is no
//! error here: clients leave out what is empty (Scale API, Transport rules).

use crate::api::error::ApiError;
use crate::app::App;
use crate::intake::item::depth;
use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

/// Levels of arrays and objects in a request.
pub(super) const DEPTH_MAX: usize = 64;
/// Largest body that makes a task, bytes; less where results may have less.
const TASK_BYTES_MAX: usize = 1024 * 1024;

/// A body of any JSON; `Null` when there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JsonBody(pub(super) Value);

/// A body that is an object; empty when there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ObjectBody(pub(super) Map<String, Value>);

/// As [`ObjectBody`], and larger: a task's params are its customer's, and some lists name
/// everything there is. Its text becomes a tree several times as large, so it may not have
/// as much as a result, which stays a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TaskBody(pub(super) Map<String, Value>);

/// What axum made of a body, or which field is wrong in its own words.
pub(super) fn read_body<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, ApiError> {
    body.map(|Json(body)| body)
        .map_err(|error| ApiError::Invalid {
            field: "body",
            reason: error.body_text(),
        })
}

impl FromRequest<App> for TaskBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let bytes_max = app.config.api.item_bytes_max.min(TASK_BYTES_MAX);
        let bytes = to_bytes(request.into_body(), bytes_max)
            .await
            .map_err(|_| ApiError::TooLarge(bytes_max))?;
        object(read(&bytes)?).map(Self)
    }
}

impl FromRequest<App> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, app)
            .await
            .map_err(|_| ApiError::TooLarge(super::SMALL_BODY_BYTES_MAX))?;
        read(&bytes).map(Self)
    }
}

impl FromRequest<App> for ObjectBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        object(JsonBody::from_request(request, app).await?.0).map(Self)
    }
}

fn object(body: Value) -> Result<Map<String, Value>, ApiError> {
    match body {
        Value::Null => Ok(Map::new()),
        Value::Object(fields) => Ok(fields),
        _ => Err(invalid("must be a JSON object")),
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    let depth = depth(bytes, DEPTH_MAX);
    if depth > DEPTH_MAX {
        let reason = format!("is nested {depth} levels deep; the limit is {DEPTH_MAX}");
        return Err(invalid(&reason));
    }
    let value = serde_json::from_slice(bytes)
        .map_err(|error| invalid(&format!("is not legal JSON: {error}")))?;
    if holds_nul(&value) {
        return Err(invalid("holds the character U+0000, which no text may"));
    }
    Ok(value)
}

/// PostgreSQL keeps no such text. The recursion is as deep as the body, see [`DEPTH_MAX`].
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

fn invalid(reason: &str) -> ApiError {
    ApiError::Invalid {
        field: "body",
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_body_is_none_and_a_hostile_one_is_named() {
        assert_eq!(read(b""), Ok(Value::Null));
        assert_eq!(read(b" \n"), Ok(Value::Null));
        assert_eq!(read(b"{\"a\": [1]}"), Ok(json!({"a": [1]})));
        let reason = |bytes: &[u8]| match read(bytes) {
            Err(ApiError::Invalid { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        assert!(reason(b"{\"a\": ").contains("EOF"));
        assert!(reason(b"\"\xff\"").contains("not legal JSON"));
        assert!(reason(b"[\"a\\u0000b\"]").contains("U+0000"));
        assert!(reason(b"{\"a\\u0000\": 1}").contains("U+0000"));
        assert!(reason(&b"[".repeat(100_000)).contains("100000 levels"));
    }
}
