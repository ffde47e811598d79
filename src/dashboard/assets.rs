//! The style sheet, the script and the icon, out of the executable. Pages name them with a
//! version, so browsers keep them for ever and still see a new one at once.

use crate::api::error::ApiError;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("../../static/style.css");
const SCRIPT: &str = include_str!("../../static/page.js");
const ICON: &str = include_str!("../../static/icon.svg");

/// A year, the most that caches honour.
const KEEP: &str = "public, max-age=31536000, immutable";

/// Changes whenever one of the files does.
pub(super) fn version() -> String {
    let mut hasher = crc32fast::Hasher::new();
    for text in [STYLE, SCRIPT, ICON] {
        hasher.update(text.as_bytes());
    }
    format!("{:08x}", hasher.finalize())
}

/// One of the files.
pub(super) async fn serve(Path(name): Path<String>) -> Result<Response, ApiError> {
    let (kind, text) = match name.as_str() {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "page.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return Err(ApiError::NotFound("file")),
    };
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, KEEP)], text).into_response())
}
