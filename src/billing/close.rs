//! Closing months: everything that accrued until a month's end goes onto invoices and credit
//! notes, a transaction a team. Closing again closes nothing twice, and goes on where an
//! earlier try ended.

use crate::app::App;
use crate::billing::provider::{self, SENDER};
use crate::billing::{BillingError, invalid};
use crate::callback::TimestampMs;
use crate::config::Config;
use crate::money::month::Month;
use crate::records::invoices::{Closing, Invoice, Issued};
use crate::records::{Records, RecordsError};

/// Closes a month of every team. Returns the documents that were made now.
///
/// # Errors
/// [`BillingError::Invalid`] when the month is not over; [`BillingError::Records`]: some teams
/// may be closed, closing again closes the others.
pub async fn close(
    records: &Records,
    config: &Config,
    month: Month,
    now: TimestampMs,
) -> Result<Vec<Invoice>, BillingError> {
    if !month.is_over(now) {
        return Err(invalid("month", format!("{month} is not over")));
    }
    let provider = provider::of(&config.billing);
    if config.billing.webhook_url().is_some() {
        sender(records, now).await?;
    }
    let closing = Closing {
        month,
        now,
        due_ms: now + config.billing.due_ms(),
        issuer: config.billing.issuer.clone(),
    };
    let mut made = Vec::new();
    for team in records.teams_to_close(month).await? {
        let announce = |issued: &Issued| provider.announce(issued);
        made.extend(records.close_team(&team, &closing, announce).await?);
    }
    records.note_month_closed(month, now).await?;
    Ok(made)
}

/// Closes the month that is over, unless it is closed; for the process that keeps house.
///
/// # Errors
/// [`RecordsError`] when the records do not answer: the next call goes on.
pub async fn close_last_month(app: &App) -> Result<(), RecordsError> {
    let now = app.clock.now();
    let month = Month::of(now).previous();
    if app.records.month_is_closed(month).await? {
        return Ok(());
    }
    match close(&app.records, &app.config, month, now).await {
        Ok(made) => {
            tracing::info!(%month, documents = made.len(), "the month is closed");
            Ok(())
        }
        Err(BillingError::Records(error)) => Err(error),
        Err(error) => unreachable!("a month that is over can be closed: {error}"),
    }
}

/// The signing secret of whoever announces invoices; made when it is first asked for.
///
/// # Errors
/// [`RecordsError`] when the records do not answer.
pub async fn sender(records: &Records, now: TimestampMs) -> Result<String, RecordsError> {
    if let Some(team) = records.team(SENDER).await? {
        return Ok(team.signing_secret);
    }
    match records.add_team(SENDER, "Billing", now).await {
        Ok(team) => Ok(team.signing_secret),
        // Made by another process meanwhile.
        Err(RecordsError::Exists(_)) => {
            let team = records.team(SENDER).await?;
            let team = team.ok_or_else(|| RecordsError::Missing("sender".to_owned()))?;
            Ok(team.signing_secret)
        }
        Err(error) => Err(error),
    }
}
