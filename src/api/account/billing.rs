//! The team's billing: what it owes, its invoices, and whom to ask for money. Tokens are shown
//! only by their ends.

use crate::api::body::ObjectBody;
use crate::api::caller::TeamCaller;
use crate::api::document::{answer, read_name};
use crate::api::error::ApiError;
use crate::api::fields::Fields;
use crate::api::v1::Query;
use crate::app::App;
use crate::billing::{self, payment, view};
use crate::records::payment::{BillingMode, PaymentDetails};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

/// Invoices on a page.
const PAGE_MAX: u64 = 100;

/// A team with a contract sees what was done and whom to ask, and no prices.
pub(super) async fn show(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<Value>, ApiError> {
    let it = billing::overview(&app, &team).await?;
    let completed = json!({
        "total": it.completed_total,
        "this_month": it.completed_this_month,
        "month": it.month.to_string(),
    });
    if it.mode == BillingMode::Invoice {
        return Ok(Json(json!({
            "mode": it.mode.as_str(),
            "completed_tasks": completed,
            "representative": it.representative,
        })));
    }
    let accrued = it.accrued.iter().map(|(currency, minor)| {
        json!({
            "currency": currency.as_str(),
            "amount_minor": minor,
            "amount": currency.amount(*minor),
        })
    });
    let lines = it.lines.iter().map(|(currency, line)| {
        let mut shown = view::line(line, currency);
        shown["currency"] = json!(currency.as_str());
        shown
    });
    Ok(Json(json!({
        "mode": it.mode.as_str(),
        "currency": it.currency.as_str(),
        "completed_tasks": completed,
        "accrued": accrued.collect::<Value>(),
        "lines": lines.collect::<Value>(),
        "last_invoices": it.invoices.iter().map(view::heading).collect::<Value>(),
    })))
}

/// Newest first.
pub(super) async fn invoices(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let limit = query.number("limit", (1, PAGE_MAX), PAGE_MAX)?;
    let last = i64::MAX.unsigned_abs();
    let before = query.number("before", (0, last), last)?;
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let wanted = u32::try_from(limit).unwrap_or(u32::MAX);
    let found = billing::invoices(&app, &team, before, wanted).await?;
    let is_full = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = json!({"invoices": found.iter().map(view::heading).collect::<Value>()});
    if let Some(last) = found.last().filter(|_| is_full) {
        page["next_before"] = json!(last.number);
    }
    Ok(Json(page))
}

/// `12`, `12.pdf` or `12.csv`.
pub(super) async fn invoice(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let (number, form) = read_name(&name)?;
    let (invoice, lines) = billing::invoice(&app, &team, number).await?;
    Ok(answer(form, &invoice, &lines))
}

pub(super) async fn payment(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(details(&app.records.payment_details(&team).await?)))
}

/// What is absent stays; an empty text or `null` removes.
pub(super) async fn set_payment(
    State(app): State<App>,
    TeamCaller(team): TeamCaller,
    body: ObjectBody,
) -> Result<Json<Value>, ApiError> {
    let mut fields = Fields::only(body, &payment::FIELDS)?;
    let mut it = app.records.payment_details(&team).await?;
    for (name, field) in payment::FIELDS.into_iter().zip(it.fields_mut()) {
        let set: Option<Option<String>> = fields.removable(name, "must be a text or null")?;
        if let Some(text) = set {
            text.unwrap_or_default().trim().clone_into(field);
        }
    }
    payment::save(&app, &team, &it).await?;
    Ok(Json(details(&it)))
}

fn details(it: &PaymentDetails) -> Value {
    json!({
        "company": it.company,
        "contact_name": it.contact_name,
        "contact_email": it.contact_email,
        "address": it.address,
        "country": it.country,
        "tax_id": it.tax_id,
        "customer_token": payment::shown_token(&it.customer_token),
        "method_token": payment::shown_token(&it.method_token),
    })
}
