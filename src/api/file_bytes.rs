//! `GET /internal/v1/files/{id}`: what a customer uploaded, for the labelling side. Never shown
//! as a page: it is a stranger's bytes.

use crate::api::error::ApiError;
use crate::app::App;
use crate::files;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// Sends the bytes piece by piece.
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let found = files::open(&app, &id).await?;
    let (file, bytes) = found.ok_or(ApiError::NotFound("file"))?;
    let mut response = Body::from_stream(bytes).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_str(&file.mime_type);
    let unknown = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or(unknown));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.size_bytes));
    let saved = HeaderValue::from_static("attachment");
    headers.insert(header::CONTENT_DISPOSITION, saved);
    let told = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, told);
    Ok(response)
}
