//! The price list: versions that change some entries and leave the others. Rows are only
//! ever added; which of them is valid, `money::prices` decides.

use crate::callback::TimestampMs;
use crate::money::Currency;
use crate::money::prices::{Offer, Price, valid};
use crate::records::{Records, RecordsError};
use sqlx::AnyConnection;

/// One entry of the list as it was set.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PriceRow {
    /// The version that set it.
    pub version: i64,
    /// Whose; empty for everybody's.
    pub team_id: String,
    /// The type of task.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// Three letters.
    pub currency: String,
    /// Minor units; none ends the entry.
    pub unit_minor: Option<i64>,
    /// Valid from then on, milliseconds.
    pub from_ms: i64,
}

/// Changes that become one version.
#[derive(Debug, Clone)]
pub struct NewPrices {
    /// Whose; empty for everybody's.
    pub team: String,
    /// In what.
    pub currency: Currency,
    /// Types and what one costs, minor units; none ends an entry.
    pub units: Vec<(String, Option<i64>)>,
    /// Valid from then on, milliseconds.
    pub from_ms: i64,
}

impl Records {
    /// Makes the next version of the list. Returns its number.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was set.
    pub async fn set_prices(&self, new: &NewPrices, now: TimestampMs) -> Result<i64, RecordsError> {
        self.transact(async |connection| {
            let version = take_numbers(connection, "prices", 1).await?;
            for (kind, unit_minor) in &new.units {
                sqlx::query(
                    "INSERT INTO prices (version, team_id, type, currency, unit_minor, from_ms, \
                     set_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                )
                .bind(version)
                .bind(&new.team)
                .bind(kind)
                .bind(new.currency.as_str())
                .bind(unit_minor)
                .bind(new.from_ms)
                .bind(now.cast_signed())
                .execute(&mut *connection)
                .await?;
            }
            Ok(version)
        })
        .await
    }

    /// Every entry of the list and of all teams, by owner, type, currency and version.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn prices(&self) -> Result<Vec<PriceRow>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT version, team_id, type, currency, unit_minor, from_ms FROM prices \
                     ORDER BY team_id, type, currency, version",
                )
                .fetch_all(connection)
                .await
            })
            .await?)
    }
}

/// What one task of a type costs a team now.
pub(super) async fn price(
    connection: &mut AnyConnection,
    (team, kind, currency): (&str, &str, &str),
    now: i64,
) -> Result<Price, sqlx::Error> {
    let rows: Vec<(i64, String, Option<i64>, i64)> = sqlx::query_as(
        "SELECT version, team_id, unit_minor, from_ms FROM prices \
         WHERE type = $1 AND currency = $2 AND team_id IN ('', $3)",
    )
    .bind(kind)
    .bind(currency)
    .bind(team)
    .fetch_all(connection)
    .await?;
    let offers: Vec<_> = rows
        .into_iter()
        .map(|(version, owner, unit_minor, from_ms)| Offer {
            version,
            is_own: !owner.is_empty(),
            unit_minor,
            from_ms,
        })
        .collect();
    Ok(valid(&offers, now))
}

/// Takes the next numbers of a sequence without gaps; returns the last of them. Whoever else
/// wants one waits for the end of the transaction.
pub(super) async fn take_numbers(
    connection: &mut AnyConnection,
    name: &str,
    count: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO billing_counters (name, n) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET n = billing_counters.n + excluded.n RETURNING n",
    )
    .bind(name)
    .bind(count)
    .fetch_one(connection)
    .await
}
