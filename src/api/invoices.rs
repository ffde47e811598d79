//! Invoices for the operator's billing system: read, and marked as paid.

use crate::api::body::ObjectBody;
use crate::api::caller::Caller;
use crate::api::document::{answer, read_name};
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::app::App;
use crate::billing::{self, view};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

/// `12`, `12.pdf` or `12.csv`.
pub(super) async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let (number, form) = read_name(&name)?;
    let found = app.records.invoice(number).await?;
    let (invoice, lines) = found.ok_or(ApiError::NotFound("invoice"))?;
    Ok(answer(form, &invoice, &lines))
}

/// The money is there. Saying so again changes nothing.
pub(super) async fn paid(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let (number, _) = read_name(&name)?;
    let mut fields = Fields::only(body, &["reference"])?;
    let reference = fields.optional_text("reference")?.unwrap_or_default();
    let by = match &caller {
        Caller::Producer(name) => format!("producer {name}"),
        _ => return Err(ApiError::Unauthorized),
    };
    let now = app.clock.now();
    let noted = billing::note_paid(&app.records, number, (&reference, &by), now);
    let (invoice, lines) = noted.await?;
    let mut answer = view::document(&invoice, &lines);
    answer["team_id"] = json!(invoice.team);
    Ok(Json(answer))
}
