//! `/v1/files`: uploading as a form, importing from a URL, listing.

use crate::api::body::ObjectBody;
use crate::api::caller::KeyCaller;
use crate::api::error::ApiError;
use crate::app::App;
use crate::files::{self, Details, Owner, Upload, mime_type_of, url_of};
use crate::records::files::{File, FileFilter};
use crate::records::world::looks_like_an_id;
use crate::time::shown;
use axum::Json;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{Multipart, RawQuery, State};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Parts of a form, more than there are fields.
const PARTS_MAX: usize = 20;
/// Longest part that is text, bytes.
const TEXT_BYTES_MAX: usize = 16_384;
const LIMIT_MAX: u32 = 100;

/// `POST /v1/files/upload`: a form with the part `file`; its other parts are text.
pub(super) async fn upload(
    State(app): State<App>,
    KeyCaller(key): KeyCaller,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Json<Value>, ApiError> {
    let form = form.map_err(|_| invalid("body", "must be multipart/form-data with a boundary"))?;
    let owner = Owner {
        team: key.team.clone(),
        mode: key.mode,
    };
    let all = Duration::from_millis(app.config.files.upload_timeout_ms);
    let file = tokio::time::timeout(all, take_form(&app, &owner, form))
        .await
        .map_err(|_| ApiError::BodyTimeout)??;
    Ok(Json(view(&owner, &file)))
}

async fn take_form(app: &App, owner: &Owner, mut form: Multipart) -> Result<File, ApiError> {
    let (mut details, mut upload) = (Details::default(), None);
    let pause = Duration::from_millis(app.config.api.body_timeout_ms);
    for _ in 0..PARTS_MAX {
        let next = tokio::time::timeout(pause, form.next_field()).await;
        let Some(part) = next.map_err(|_| ApiError::BodyTimeout)?.map_err(broken)? else {
            let upload: Upload = upload.ok_or_else(|| invalid("file", "is missing"))?;
            return Ok(upload.finish(details).await?);
        };
        match part.name().unwrap_or("") {
            "file" if upload.is_some() => return Err(invalid("file", "must come once")),
            "file" => {
                // What is known already can spare the sender the bytes.
                details.check(app, owner).await?;
                let name = part.file_name().unwrap_or("");
                details.mime_type = mime_type_of(part.content_type(), name);
                upload = Some(take_file(app, owner, part, pause).await?);
            }
            "project_name" => details.project_name = Some(text(part, "project_name", pause).await?),
            "reference_id" => details.reference_id = Some(text(part, "reference_id", pause).await?),
            "display_name" => details.display_name = Some(text(part, "display_name", pause).await?),
            "metadata" => details.metadata = read_metadata(&text(part, "metadata", pause).await?)?,
            _ => {
                text(part, "body", pause).await?;
            }
        }
    }
    Err(invalid(
        "body",
        format!("must not have more than {PARTS_MAX} parts"),
    ))
}

async fn take_file(
    app: &App,
    owner: &Owner,
    mut part: Field<'_>,
    pause: Duration,
) -> Result<Upload, ApiError> {
    let mut upload = Upload::begin(app, owner).await?;
    while let Some(bytes) = chunk(&mut part, pause).await? {
        upload.write(&bytes).await?;
    }
    Ok(upload)
}

async fn text(
    mut part: Field<'_>,
    field: &'static str,
    pause: Duration,
) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(more) = chunk(&mut part, pause).await? {
        bytes.extend_from_slice(&more);
        if bytes.len() > TEXT_BYTES_MAX {
            let reason = format!("must not exceed {TEXT_BYTES_MAX} bytes");
            return Err(invalid(field, reason));
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid(field, "must be UTF-8"))
}

async fn chunk(part: &mut Field<'_>, pause: Duration) -> Result<Option<bytes::Bytes>, ApiError> {
    let next = tokio::time::timeout(pause, part.chunk()).await;
    next.map_err(|_| ApiError::BodyTimeout)?.map_err(broken)
}

/// Where the form breaks off or was never one.
fn broken(_: MultipartError) -> ApiError {
    invalid(
        "body",
        "is not a whole form; send every part and the closing boundary",
    )
}

/// `POST /v1/files/import`: the file is at `file_url`.
pub(super) async fn import(
    State(app): State<App>,
    KeyCaller(key): KeyCaller,
    ObjectBody(mut body): ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let owner = Owner {
        team: key.team.clone(),
        mode: key.mode,
    };
    let url = take_text(&mut body, "file_url")?.ok_or_else(|| invalid("file_url", "is missing"))?;
    let details = Details {
        project_name: take_text(&mut body, "project_name")?,
        reference_id: take_text(&mut body, "reference_id")?,
        display_name: take_text(&mut body, "display_name")?,
        metadata: match body.remove("metadata") {
            None | Some(Value::Null) => None,
            Some(Value::Object(fields)) => Some(fields),
            Some(Value::String(text)) => read_metadata(&text)?,
            Some(_) => return Err(invalid("metadata", "must be an object")),
        },
        mime_type: String::new(),
    };
    let file = files::import(&app, &owner, &url, details).await?;
    Ok(Json(view(&owner, &file)))
}

fn take_text(
    body: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<String>, ApiError> {
    match body.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(field, "must be text")),
    }
}

/// Metadata that came as text; empty text is none.
fn read_metadata(text: &str) -> Result<Option<Map<String, Value>>, ApiError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match crate::api::body::read(text.as_bytes()) {
        Ok(Value::Object(fields)) => Ok(Some(fields)),
        _ => Err(invalid("metadata", "must be a JSON object")),
    }
}

/// `GET /v1/files`: newest first, page by page.
pub(super) async fn list(
    State(app): State<App>,
    KeyCaller(key): KeyCaller,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let owner = Owner {
        team: key.team.clone(),
        mode: key.mode,
    };
    let (mut filter, limit) = read_filter(query.as_deref().unwrap_or(""))?;
    filter.limit = limit + 1; // one more tells whether there is more
    let mut found = app.records.files(owner.world(), &filter).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let docs: Vec<_> = found.iter().map(|file| view(&owner, file)).collect();
    let mut page = json!({"docs": docs, "limit": limit, "has_more": has_more});
    if let Some(last) = found.last().filter(|_| has_more) {
        page["next_token"] = json!(last.id);
    }
    Ok(Json(page))
}

fn read_filter(query: &str) -> Result<(FileFilter, u32), ApiError> {
    let (mut filter, mut limit) = (FileFilter::default(), LIMIT_MAX);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        match &*name {
            "project_name" => filter.project = Some(value.into_owned()),
            "reference_id" => filter.reference_id = Some(value.into_owned()),
            "next_token" if looks_like_an_id(&value) => filter.before = Some(value.into_owned()),
            "next_token" => {
                return Err(invalid("next_token", "is none of ours; pass it as it came"));
            }
            "limit" => {
                let legal = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=LIMIT_MAX).contains(limit));
                let reason = || format!("must be from 1 to {LIMIT_MAX}");
                limit = legal.ok_or_else(|| invalid("limit", reason()))?;
            }
            _ => {}
        }
    }
    Ok((filter, limit))
}

/// A file as shown; what is not there is left out.
fn view(owner: &Owner, file: &File) -> Value {
    let mut shown = json!({
        "id": file.id,
        "attachment_url": url_of(&owner.team, &file.id),
        "size": file.size_bytes,
        "mime_type": file.mime_type,
        "sha256": file.sha256,
        "project_names": file.project.iter().collect::<Vec<_>>(),
        "created_at": shown(file.created_ms),
        "updated_at": shown(file.stored_ms),
    });
    for (field, text) in [
        ("reference_id", &file.reference_id),
        ("display_name", &file.display_name),
    ] {
        if let Some(text) = text {
            shown[field] = json!(text);
        }
    }
    if let Some(metadata) = &file.metadata {
        shown["metadata"] = serde_json::from_str(metadata).unwrap_or_default();
    }
    shown
}

fn invalid(field: &'static str, reason: impl Into<String>) -> ApiError {
    ApiError::Invalid {
        field,
        reason: reason.into(),
    }
}
