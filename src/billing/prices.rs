//! The operator's side of prices and terms: what may be set.

use crate::billing::{BillingError, check_text, invalid};
use crate::callback::TimestampMs;
use crate::config::Config;
use crate::money::PRICE_MINOR_MAX;
use crate::records::Records;
use crate::records::payment::TermsUpdate;
use crate::records::prices::NewPrices;

/// Longest text about a representative, bytes.
const REPRESENTATIVE_BYTES_MAX: usize = 500;

/// Makes the next version of the price list. Returns its number.
///
/// # Errors
/// [`BillingError::Invalid`] names what cannot be; [`BillingError::Missing`] when there is no
/// such team.
pub async fn set(
    records: &Records,
    config: &Config,
    new: &NewPrices,
    now: TimestampMs,
) -> Result<i64, BillingError> {
    if new.units.is_empty() {
        return Err(invalid("prices", "must be at least one type=amount"));
    }
    for (index, (kind, unit_minor)) in new.units.iter().enumerate() {
        if !config.work.task_types.contains(kind) {
            let reason = format!("{kind:?} is no type of task; see work.task_types");
            return Err(invalid("type", reason));
        }
        if new.units[..index].iter().any(|(other, _)| other == kind) {
            return Err(invalid("type", format!("{kind:?} is named twice")));
        }
        if !(0..=PRICE_MINOR_MAX).contains(&unit_minor.unwrap_or(0)) {
            let reason = format!("must be from 0 to {PRICE_MINOR_MAX} minor units");
            return Err(invalid("price", reason));
        }
    }
    if new.from_ms < now.cast_signed() {
        let reason = "must not be in the past: what was charged keeps its price";
        return Err(invalid("from", reason));
    }
    if !new.team.is_empty() {
        check_team(records, &new.team).await?;
    }
    Ok(records.set_prices(new, now).await?)
}

/// Changes the terms of a team.
///
/// # Errors
/// [`BillingError::Missing`] when there is no such team, [`BillingError::Invalid`] when the
/// representative is not legal.
pub async fn set_terms(
    records: &Records,
    team: &str,
    update: &TermsUpdate,
) -> Result<(), BillingError> {
    check_team(records, team).await?;
    if let Some(text) = &update.representative {
        check_text("representative", text, (REPRESENTATIVE_BYTES_MAX, false))?;
    }
    Ok(records.set_terms(team, update).await?)
}

/// Whether there is such a team.
///
/// # Errors
/// [`BillingError::Missing`] when there is none.
pub async fn check_team(records: &Records, team: &str) -> Result<(), BillingError> {
    match records.team(team).await? {
        Some(_) => Ok(()),
        None => Err(BillingError::Missing("team")),
    }
}
