//! Forms: small, and made for the session that sends them.

use crate::api::caller::Caller;
use crate::api::error::ApiError;
use crate::app::App;
use crate::dashboard::page::csrf;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use std::collections::HashMap;
use url::form_urlencoded;

/// The fields of a form by name; the last of a name counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// A field without the blanks around it; empty when it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// A field exactly as it was typed: passwords.
    pub(super) fn exact(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a box is ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl FromRequest<App> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        let bytes = Bytes::from_request(Request::from_parts(parts, body), app)
            .await
            .map_err(|_| ApiError::TooLarge(crate::api::SMALL_BODY_BYTES_MAX))?;
        let fields: HashMap<_, _> = form_urlencoded::parse(&bytes).into_owned().collect();
        let form = Self(fields);
        // Nobody has no session that somebody else could ride on.
        if let Caller::Person(person) = &caller
            && form.exact("csrf") != csrf(app, &person.session)
        {
            return Err(ApiError::Invalid {
                field: "form",
                reason: "is of another session; load the page again and send it once more".into(),
            });
        }
        if form.0.values().any(|text| text.contains('\0')) {
            return Err(ApiError::Invalid {
                field: "form",
                reason: "holds the character U+0000, which no text may".into(),
            });
        }
        Ok(form)
    }
}
