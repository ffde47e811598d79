//! The placeholders of a path: split first, decoded after, so that `%2F` stays in a name.

use crate::api::error::ApiError;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

/// A name, type or id in a path.
#[derive(Debug)]
pub(super) struct Segment(pub(super) String);

/// A name in a path and one further on.
#[derive(Debug)]
pub(super) struct Segments(pub(super) String, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| not_decodable())?;
        checked(text).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path((first, second)) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| not_decodable())?;
        Ok(Self(checked(first)?, checked(second)?))
    }
}

fn checked(text: String) -> Result<String, ApiError> {
    if text.contains('\0') {
        return Err(invalid("holds the character U+0000, which no name may"));
    }
    Ok(text)
}

fn not_decodable() -> ApiError {
    invalid("must be percent-encoded UTF-8")
}

fn invalid(reason: &str) -> ApiError {
    ApiError::Invalid {
        field: "path",
        reason: reason.to_owned(),
    }
}
