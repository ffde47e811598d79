//! What customers owe: what the team's billing page and the API show, how a month is closed,
//! whom to ask for money. Who may ask is decided before, by `access`; what a task costs and
//! what goes onto a document, by `money`; neither is repeated here.

pub mod close;
pub mod payment;
pub mod pdf;
pub mod prices;
pub mod provider;
pub mod sheet;
pub mod view;

use crate::app::App;
use crate::callback::{Mode, TimestampMs};
use crate::money::Currency;
use crate::money::card;
use crate::money::month::Month;
use crate::money::prices::PricedBy;
use crate::money::statement::{Accrual, Line};
use crate::records::invoices::{Invoice, Noted, Payment};
use crate::records::payment::BillingMode;
use crate::records::tasks::COMPLETED;
use crate::records::tasks::counts::Counted;
use crate::records::world::World;
use crate::records::{Records, RecordsError};
use std::collections::BTreeMap;

/// Invoices on the billing page.
const LAST_INVOICES: u32 = 12;
/// Longest name of a payment, bytes.
const REFERENCE_BYTES_MAX: usize = 200;

/// Why something about money was not done.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// What was sent is not legal: the text says what would be, and never repeats it.
    #[error("{field} {reason}")]
    Invalid {
        /// Which part.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such thing for this team.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// The records do not answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

fn invalid(field: &'static str, reason: impl Into<String>) -> BillingError {
    BillingError::Invalid {
        field,
        reason: reason.into(),
    }
}

/// A text that is kept: short, of one line or several, and no card number.
fn check_text(
    field: &'static str,
    text: &str,
    (bytes_max, may_wrap): (usize, bool),
) -> Result<(), BillingError> {
    if card::looks_like_one(text) {
        return Err(invalid(
            field,
            "looks like it holds a card number, which must not be sent here; give it to your \
             payment processor and use the token that you get",
        ));
    }
    let is_legal = |character: char| !character.is_control() || (may_wrap && character == '\n');
    if text.len() > bytes_max || !text.chars().all(is_legal) {
        let reason = format!("must be at most {bytes_max} bytes without control characters");
        return Err(invalid(field, reason));
    }
    Ok(())
}

/// A team's billing at one look.
#[derive(Debug)]
pub struct Overview {
    /// How it pays.
    pub mode: BillingMode,
    /// In what its next tasks are charged.
    pub currency: Currency,
    /// Live tasks that are completed, in all.
    pub completed_total: i64,
    /// Those of this month.
    pub completed_this_month: i64,
    /// Which month that is.
    pub month: Month,
    /// What it owes and is on no invoice yet; its own currency always, others if there are.
    /// Empty for a team with a contract.
    pub accrued: BTreeMap<Currency, i64>,
    /// What that consists of. Empty for a team with a contract.
    pub lines: Vec<(Currency, Line)>,
    /// The last invoices, newest first.
    pub invoices: Vec<Invoice>,
    /// Whom to ask; only for a team with a contract, and only if somebody is named.
    pub representative: Option<String>,
}

/// What the billing page shows. Reads sums that are kept, never the ledger itself.
///
/// # Errors
/// [`BillingError::Records`] when the records do not answer.
pub async fn overview(app: &App, team: &str) -> Result<Overview, BillingError> {
    let terms = app.records.terms(team).await?;
    let world = World {
        team,
        mode: Mode::Live,
    };
    let counts = app.records.task_counts(world, Counted::All).await?;
    let accruals = app.records.accrued(team).await?;
    let month = Month::of(app.clock.now());
    let has_contract = terms.mode == BillingMode::Invoice;
    let (mut accrued, lines) = summed(&accruals);
    if has_contract {
        accrued.clear();
    } else {
        accrued.entry(terms.currency.clone()).or_default();
    }
    let configured = &app.config.billing.representative;
    let representative = terms.representative.unwrap_or_else(|| configured.clone());
    Ok(Overview {
        mode: terms.mode,
        currency: terms.currency,
        completed_total: counts.get(COMPLETED).copied().unwrap_or(0),
        completed_this_month: completed_in(&accruals, month),
        month,
        accrued,
        lines: if has_contract { Vec::new() } else { lines },
        invoices: app
            .records
            .invoices(Some(team), i64::MAX, LAST_INVOICES)
            .await?,
        representative: Some(representative).filter(|text| has_contract && !text.is_empty()),
    })
}

/// What a team owes and is on no invoice yet, by currency.
///
/// # Errors
/// [`BillingError::Records`] when the records do not answer.
pub async fn accrued(
    records: &Records,
    team: &str,
) -> Result<BTreeMap<Currency, i64>, BillingError> {
    Ok(summed(&records.accrued(team).await?).0)
}

/// PURE: what was completed in a month, less what of it was taken back.
fn completed_in(accruals: &[Accrual], month: Month) -> i64 {
    let start = format!("{month}/");
    let of_month = accruals
        .iter()
        .filter(|it| it.about.is_none() && it.statement.starts_with(&start));
    of_month.map(|it| it.count).sum()
}

/// PURE: sums by currency, and by what they are for. What takes back an earlier charge has a
/// line of its own.
fn summed(accruals: &[Accrual]) -> (BTreeMap<Currency, i64>, Vec<(Currency, Line)>) {
    let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
    let mut lines: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    let priced = |it: &&Accrual| it.priced_by != PricedBy::Contract;
    for accrual in accruals.iter().filter(priced) {
        *sums.entry(accrual.currency.clone()).or_default() += accrual.amount_minor;
        let is_priced = accrual.priced_by != PricedBy::Nothing;
        let gives_back = accrual.about.is_some();
        let names = (
            &accrual.currency,
            &accrual.project,
            &accrual.kind,
            gives_back,
        );
        let line = lines
            .entry((names, accrual.unit_minor, is_priced))
            .or_default();
        line.0 += accrual.count;
        line.1 += accrual.amount_minor;
    }
    let lines = lines.into_iter().filter(|(_, (count, _))| *count != 0);
    let lines = lines.map(
        |(((currency, project, kind, _), unit_minor, is_priced), (count, amount_minor))| {
            let line = Line {
                project: project.clone(),
                kind: kind.clone(),
                unit_minor,
                is_priced,
                count,
                amount_minor,
                about: None,
            };
            (currency.clone(), line)
        },
    );
    (sums, lines.collect())
}

/// A team's invoices before a number, newest first.
///
/// # Errors
/// [`BillingError::Records`] when the records do not answer.
pub async fn invoices(
    app: &App,
    team: &str,
    before: i64,
    limit: u32,
) -> Result<Vec<Invoice>, BillingError> {
    Ok(app.records.invoices(Some(team), before, limit).await?)
}

/// One invoice of a team with its lines.
///
/// # Errors
/// [`BillingError::Missing`] when the team has none of this number.
pub async fn invoice(
    app: &App,
    team: &str,
    number: i64,
) -> Result<(Invoice, Vec<Line>), BillingError> {
    let found = app.records.invoice(number).await?;
    found
        .filter(|(invoice, _)| invoice.team == team)
        .ok_or(BillingError::Missing("invoice"))
}

/// Notes that an invoice is paid. Noting it again changes nothing. Returns the invoice as it is
/// then, with its lines.
///
/// # Errors
/// [`BillingError::Missing`] when there is no such invoice, [`BillingError::Invalid`] when the
/// payment's name is not legal.
pub async fn note_paid(
    records: &Records,
    number: i64,
    (reference, noted_by): (&str, &str),
    now: TimestampMs,
) -> Result<(Invoice, Vec<Line>), BillingError> {
    check_text("reference", reference, (REFERENCE_BYTES_MAX, false))?;
    let payment = Payment {
        paid_ms: now,
        reference: reference.to_owned(),
    };
    match records.note_payment(number, &payment, noted_by).await? {
        Noted::Missing => Err(BillingError::Missing("invoice")),
        Noted::Paid | Noted::Before => {
            let found = records.invoice(number).await?;
            found.ok_or(BillingError::Missing("invoice"))
        }
    }
}
