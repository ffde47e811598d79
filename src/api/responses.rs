//! Large responses: whoever holds the URL of one is led to the bucket in which it is.

use crate::api::error::ApiError;
use crate::app::App;
use crate::integrations::responses;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// What opens it.
#[derive(Debug, Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    signature: String,
}

pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(signed): Query<Signed>,
) -> Result<Response, ApiError> {
    let place = responses::location(&app, &id, &signed.signature).await?;
    let headers = [
        (header::LOCATION, place),
        // The next one is signed anew.
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}
