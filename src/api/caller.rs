//! Who is calling. Comes before the body in every handler, so that nobody's body is
//! read before its key is known.

use crate::api::error::ApiError;
use crate::app::App;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::sync::Arc;

/// A producer, known by its key.
#[derive(Debug, Clone)]
pub struct Producer(pub Arc<str>);

impl FromRequestParts<App> for Producer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let header = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let (scheme, key) = header
            .and_then(|value| value.split_once(' '))
            .ok_or(ApiError::Unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::Unauthorized);
        }
        let name = app.producer_of(key.trim()).await?;
        name.map(Self).ok_or(ApiError::Unauthorized)
    }
}
