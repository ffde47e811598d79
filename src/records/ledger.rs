//! The ledger: what live tasks cost, written in the transaction that completes them or takes
//! them back. Rows are only added. Their sums by statement are kept beside them, so that no
//! page and no invoice ever reads a million rows.

mod write;

use crate::money::Currency;
use crate::money::month::Month;
use crate::money::prices::PricedBy;
use crate::money::statement::Accrual;
use crate::records::{Records, RecordsError};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

pub(super) use crate::records::ledger::write::{Charging, ROWS_MAX, rows_of};

/// Rows of one sum. A task always uses the same one, so that commits rarely wait.
pub(super) const SLOTS: i64 = 8;

/// Where a team's money is, in one currency, minor units. The books are right when the ledger
/// is the sum of the two others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// The sum of the ledger.
    pub ledger_minor: i64,
    /// On invoices and credit notes.
    pub documents_minor: i64,
    /// On none yet.
    pub accrued_minor: i64,
}

impl Balance {
    /// Whether the books are right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.ledger_minor == self.documents_minor + self.accrued_minor
    }
}

impl Records {
    /// What has accrued and is on no document yet, by currency, project and type.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn accrued(&self, team: &str) -> Result<Vec<Accrual>, RecordsError> {
        let rows = self
            .run(async |connection| {
                sqlx::query(
                    "SELECT month, round, currency, project, type, priced_by, unit_minor, about, \
                     CAST(SUM(n) AS BIGINT) AS n, \
                     CAST(SUM(amount_minor) AS BIGINT) AS amount_minor \
                     FROM accruals WHERE team_id = $1 GROUP BY month, round, currency, project, \
                     type, priced_by, unit_minor, about \
                     ORDER BY currency, project, type, unit_minor, month, round, about",
                )
                .bind(team)
                .fetch_all(connection)
                .await
            })
            .await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Reads the whole ledger of a team and compares it with what was made of it. Walks every
    /// row: for checks, not for pages.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn balances(&self, team: &str) -> Result<BTreeMap<String, Balance>, RecordsError> {
        // One statement, so that all three are of one moment.
        let rows: Vec<(String, String, i64)> = self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT 'ledger', currency, CAST(SUM(amount_minor) AS BIGINT) FROM charges \
                     WHERE team_id = $1 GROUP BY currency UNION ALL \
                     SELECT 'documents', currency, CAST(SUM(total_minor) AS BIGINT) \
                     FROM invoices WHERE team_id = $1 GROUP BY currency UNION ALL \
                     SELECT 'accrued', currency, CAST(SUM(amount_minor) AS BIGINT) \
                     FROM accruals WHERE team_id = $1 GROUP BY currency",
                )
                .bind(team)
                .fetch_all(connection)
                .await
            })
            .await?;
        let mut balances: BTreeMap<String, Balance> = BTreeMap::new();
        for (what, currency, sum) in rows {
            let balance = balances.entry(currency).or_default();
            match what.as_str() {
                "ledger" => balance.ledger_minor = sum,
                "documents" => balance.documents_minor = sum,
                _ => balance.accrued_minor = sum,
            }
        }
        Ok(balances)
    }
}

/// One sum, as queries of `accruals` give it.
pub(super) fn read(row: &AnyRow) -> Result<Accrual, sqlx::Error> {
    let (month, round): (String, i64) = (row.try_get("month")?, row.try_get("round")?);
    let about: String = row.try_get("about")?;
    let currency: String = row.try_get("currency")?;
    let currency = Currency::parse(&currency);
    let currency = currency.ok_or_else(|| sqlx::Error::Decode("no currency".into()))?;
    let priced_by: String = row.try_get("priced_by")?;
    Ok(Accrual {
        statement: statement(&month, round),
        about: Some(about).filter(|about| !about.is_empty()),
        currency,
        project: row.try_get("project")?,
        kind: row.try_get("type")?,
        priced_by: PricedBy::parse(&priced_by),
        unit_minor: row.try_get("unit_minor")?,
        count: row.try_get("n")?,
        amount_minor: row.try_get("amount_minor")?,
    })
}

/// The name of a statement.
pub(super) fn statement(month: &str, round: i64) -> String {
    format!("{month}/{round}")
}

/// The month of a time as databases keep both.
fn month_of(ms: i64) -> String {
    Month::of(u64::try_from(ms).unwrap_or(0)).to_string()
}
