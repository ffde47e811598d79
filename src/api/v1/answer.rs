//! JSON that is text already, so that a response keeps its bytes.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// A 200 with this JSON.
pub(super) fn json_text(text: String) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, JSON)], text).into_response()
}
