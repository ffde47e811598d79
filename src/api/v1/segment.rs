//! The one placeholder of a path: split first, decoded after, so that `%2F` stays in a
//! name.

use crate::api::error::ApiError;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

/// A name, type or id in a path.
#[derive(Debug)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let invalid = |reason: &str| ApiError::Invalid {
            field: "path",
            reason: reason.to_owned(),
        };
        let Path(text): Path<String> = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| invalid("must be percent-encoded UTF-8"))?;
        if text.contains('\0') {
            return Err(invalid("holds the character U+0000, which no name may"));
        }
        Ok(Self(text))
    }
}
