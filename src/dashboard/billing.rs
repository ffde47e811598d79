//! The team's billing: what was completed, what has accrued, the invoices, and whom to ask for
//! money. A team with a contract sees no prices. What was typed into a refused field is not
//! shown again: it may be a card's number.

use crate::api::document::{Form as Sent, answer, read_name};
use crate::api::error::ApiError;
use crate::app::App;
use crate::billing::{self, BillingError, Overview, payment};
use crate::dashboard::door::Wrong;
use crate::dashboard::form::Form;
use crate::dashboard::page::{Frame, Room, Visitor, render};
use crate::money::Currency;
use crate::money::month::{Month, day};
use crate::money::statement::{Kind, Line};
use crate::records::invoices::Invoice;
use crate::records::payment::{BillingMode, PaymentDetails};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "billing.html")]
struct BillingPage {
    frame: Frame,
    it: Overview,
    month: String,
    accrued: Vec<String>,
    lines: Vec<LineRow>,
    invoices: Vec<InvoiceRow>,
    details: PaymentDetails,
    customer_token: String,
    method_token: String,
    wrong: Wrong,
}

#[derive(Template)]
#[template(path = "invoice.html")]
struct InvoicePage {
    frame: Frame,
    it: InvoiceRow,
    issuer: Vec<String>,
    recipient: Vec<String>,
    due: String,
    paid: Option<String>,
    lines: Vec<LineRow>,
}

/// One line as people read it.
struct LineRow {
    project: String,
    kind: String,
    count: i64,
    price: Option<String>,
    amount: String,
    about: Option<i64>,
}

/// One invoice as people read it.
struct InvoiceRow {
    number: i64,
    label: &'static str,
    is_credit: bool,
    month: String,
    issued: String,
    total: String,
    status: &'static str,
}

/// What redirects bring along.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

impl BillingPage {
    fn has_contract(&self) -> bool {
        self.it.mode == BillingMode::Invoice
    }
}

fn line(line: &Line, currency: &Currency) -> LineRow {
    LineRow {
        project: line.project.clone(),
        kind: line.kind.clone(),
        count: line.count,
        price: line.is_priced.then(|| currency.shown(line.unit_minor)),
        amount: currency.shown(line.amount_minor),
        about: line.about,
    }
}

fn row(invoice: &Invoice) -> InvoiceRow {
    InvoiceRow {
        number: invoice.number,
        label: invoice.kind.label(),
        is_credit: invoice.kind == Kind::CreditNote,
        month: month(invoice.month),
        issued: day(invoice.issued_ms),
        total: invoice.currency.shown(invoice.total_minor),
        status: invoice.status(),
    }
}

/// `November 2026`.
fn month(month: Month) -> String {
    month.first_day().strftime("%B %Y").to_string()
}

async fn page(
    app: &App,
    visitor: &Visitor,
    (details, wrong): (Option<PaymentDetails>, Wrong),
) -> Result<BillingPage, ApiError> {
    let it = billing::overview(app, &visitor.team).await?;
    let kept = app.records.payment_details(&visitor.team).await?;
    let accrued = it.accrued.iter();
    let accrued = accrued.map(|(currency, minor)| currency.shown(*minor));
    let lines = it.lines.iter();
    Ok(BillingPage {
        frame: visitor.frame(Room::Billing),
        month: month(it.month),
        accrued: accrued.collect(),
        lines: lines.map(|(currency, it)| line(it, currency)).collect(),
        invoices: it.invoices.iter().map(row).collect(),
        customer_token: payment::shown_token(&kept.customer_token),
        method_token: payment::shown_token(&kept.method_token),
        details: details.unwrap_or(kept),
        it,
        wrong,
    })
}

pub(super) async fn show(
    visitor: Visitor,
    State(app): State<App>,
    Query(query): Query<Done>,
) -> Result<Html<String>, ApiError> {
    let mut page = page(&app, &visitor, (None, Wrong::default())).await?;
    let notice = (query.done == "saved").then_some("Saved: the next invoice is made out so.");
    page.frame = page.frame.with_notice(notice);
    Ok(render(&page))
}

/// Tokens that are left empty stay: they are never shown whole.
pub(super) async fn save_payment(
    visitor: Visitor,
    State(app): State<App>,
    form: Form,
) -> Result<Response, ApiError> {
    let kept = app.records.payment_details(&visitor.team).await?;
    let mut typed = kept;
    for (name, field) in payment::FIELDS.into_iter().zip(typed.fields_mut()) {
        // Browsers send line ends as two characters.
        let text = form.text(name).replace("\r\n", "\n");
        if !name.ends_with("_token") || !text.is_empty() {
            *field = text;
        }
    }
    match payment::save(&app, &visitor.team, &typed).await {
        Ok(()) => Ok(Redirect::to("/dashboard/billing?done=saved").into_response()),
        Err(BillingError::Invalid { field, reason }) => {
            let refused = payment::FIELDS.iter().position(|name| *name == field);
            if let Some(place) = refused {
                typed.fields_mut()[place].clear();
            }
            let wrong = Wrong::at(field, &reason);
            let page = page(&app, &visitor, (Some(typed), wrong)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// A page, or with `.pdf` or `.csv` behind the number a file.
pub(super) async fn invoice(
    visitor: Visitor,
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let (number, form) = read_name(&name)?;
    let (invoice, lines) = billing::invoice(&app, &visitor.team, number).await?;
    if form != Sent::Json {
        return Ok(answer(form, &invoice, &lines));
    }
    let recipient = &invoice.recipient;
    let names = [&recipient.company, &recipient.contact_name];
    let known = names.into_iter().map(String::as_str);
    let known = known.chain(recipient.address.lines()).chain([
        &*recipient.country,
        &*recipient.tax_id,
        &*recipient.contact_email,
    ]);
    let page = InvoicePage {
        frame: visitor.frame(Room::Billing),
        issuer: invoice.issuer.lines().map(str::to_owned).collect(),
        recipient: [&*recipient.team_name]
            .into_iter()
            .chain(known)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        due: day(invoice.due_ms),
        paid: invoice.payment.as_ref().map(|it| day(it.paid_ms)),
        lines: lines.iter().map(|it| line(it, &invoice.currency)).collect(),
        it: row(&invoice),
    };
    Ok(render(&page).into_response())
}
