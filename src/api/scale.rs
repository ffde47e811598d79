//! The form of errors on the routes that Scale's clients call: `{"status_code", "error"}`,
//! always an object (Scale API, Errors). Decides nothing about what is an error.

use crate::api::error::Problem;
use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Rewrites what is wrong on `/v1` and `/v2` into the form that Scale's clients read.
pub(super) async fn shape_errors(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_scale = path.starts_with("/v1/") || path.starts_with("/v2/");
    let response = next.run(request).await;
    let status = response.status();
    if !is_scale || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let text = text(status, response.extensions().get());
    let body = Json(json!({"status_code": status.as_u16(), "error": text}));
    let mut shaped = (status, body).into_response();
    if let Some(wait) = response.headers().get(header::RETRY_AFTER) {
        let headers = shaped.headers_mut();
        headers.insert(header::RETRY_AFTER, wait.clone());
    }
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        shaped.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    shaped
}

/// The field, where there is one, begins the sentence.
fn text(status: StatusCode, problem: Option<&Problem>) -> String {
    match problem {
        Some(Problem {
            field: Some(field),
            message,
        }) => format!("{field} {message}"),
        Some(problem) => problem.message.clone(),
        None => match status {
            StatusCode::METHOD_NOT_ALLOWED => {
                "this path takes another method; see the Allow header".to_owned()
            }
            _ => status
                .canonical_reason()
                .unwrap_or("the request cannot be served")
                .to_owned(),
        },
    }
}
