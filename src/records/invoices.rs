//! Invoices and credit notes: made once, numbered without gaps, never changed. That one is
//! paid is a row beside it.

mod close;

use crate::callback::TimestampMs;
use crate::money::Currency;
use crate::money::month::Month;
use crate::money::statement::{Kind, Line};
use crate::records::{Records, RecordsError};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

pub use crate::records::invoices::close::{Closing, Issued};

/// All columns of an invoice and whether it is paid.
const SELECT: &str = "SELECT invoices.*, paid_ms, reference FROM invoices \
     LEFT JOIN invoice_payments ON invoice_payments.number = invoices.number";

/// An invoice or a credit note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// 1, 2, 3 and so on, over all teams.
    pub number: i64,
    /// Whose.
    pub team: String,
    /// What it is.
    pub kind: Kind,
    /// For what was done in this month, and what was too late for the one before.
    pub month: Month,
    /// What it is in.
    pub currency: Currency,
    /// Its sum, minor units; negative on a credit note.
    pub total_minor: i64,
    /// When it was made.
    pub issued_ms: TimestampMs,
    /// When the money should be there.
    pub due_ms: TimestampMs,
    /// Who asks: a few lines of text.
    pub issuer: String,
    /// Who is asked.
    pub recipient: Recipient,
    /// When it was paid, and as what; none while it is open.
    pub payment: Option<Payment>,
}

/// Who is asked, as it was when the invoice was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipient {
    /// The team's name.
    pub team_name: String,
    /// The company; empty when it was not known.
    pub company: String,
    /// The person.
    pub contact_name: String,
    /// Their address.
    pub contact_email: String,
    /// Several lines.
    pub address: String,
    /// Two letters.
    pub country: String,
    /// Such as a VAT number.
    pub tax_id: String,
}

/// That an invoice is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// When.
    pub paid_ms: TimestampMs,
    /// As the bank or the processor names it.
    pub reference: String,
}

/// What became of noting a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is paid now.
    Paid,
    /// It was paid before, and stays as it was.
    Before,
    /// There is no such invoice.
    Missing,
}

impl Invoice {
    /// `open` or `paid`; what a credit note gives back is `settled` by the next invoices.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (self.kind, &self.payment) {
            (_, Some(_)) => "paid",
            (Kind::CreditNote, None) => "credit",
            (Kind::Invoice, None) => "open",
        }
    }
}

impl Records {
    /// Invoices before a number, newest first; of one team, or of all.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn invoices(
        &self,
        team: Option<&str>,
        before: i64,
        limit: u32,
    ) -> Result<Vec<Invoice>, RecordsError> {
        let by_team = match team {
            Some(_) => "invoices.team_id = $3",
            None => "$3 = ''",
        };
        let sql = format!(
            "{SELECT} WHERE invoices.number < $1 AND {by_team} \
             ORDER BY invoices.number DESC LIMIT $2"
        );
        let rows = self
            .run(async |connection| {
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(before)
                    .bind(i64::from(limit))
                    .bind(team.unwrap_or_default())
                    .fetch_all(connection)
                    .await
            })
            .await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// One invoice with its lines.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn invoice(&self, number: i64) -> Result<Option<(Invoice, Vec<Line>)>, RecordsError> {
        let found = self
            .run(async |connection| {
                let sql = format!("{SELECT} WHERE invoices.number = $1");
                let row = sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(number)
                    .fetch_optional(&mut *connection)
                    .await?;
                let Some(row) = row else { return Ok(None) };
                Ok(Some((read(&row)?, lines(connection, number).await?)))
            })
            .await?;
        Ok(found)
    }

    /// Notes that an invoice is paid; once.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was noted.
    pub async fn note_payment(
        &self,
        number: i64,
        payment: &Payment,
        noted_by: &str,
    ) -> Result<Noted, RecordsError> {
        self.transact(async |connection| {
            let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM invoices WHERE number = $1")
                .bind(number)
                .fetch_one(&mut *connection)
                .await?;
            if known == 0 {
                return Ok(Noted::Missing);
            }
            let noted = sqlx::query(
                "INSERT INTO invoice_payments (number, paid_ms, reference, noted_by) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (number) DO NOTHING",
            )
            .bind(number)
            .bind(payment.paid_ms.cast_signed())
            .bind(&payment.reference)
            .bind(noted_by)
            .execute(connection)
            .await?;
            Ok(match noted.rows_affected() {
                0 => Noted::Before,
                _ => Noted::Paid,
            })
        })
        .await
    }
}

async fn lines(connection: &mut AnyConnection, number: i64) -> Result<Vec<Line>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM invoice_lines WHERE number = $1 ORDER BY place")
        .bind(number)
        .fetch_all(connection)
        .await?;
    let line = |row: &AnyRow| {
        Ok(Line {
            project: row.try_get("project")?,
            kind: row.try_get("type")?,
            unit_minor: row.try_get("unit_minor")?,
            is_priced: row.try_get::<i64, _>("is_priced")? != 0,
            count: row.try_get("n")?,
            amount_minor: row.try_get("amount_minor")?,
            about: row.try_get("about")?,
        })
    };
    rows.iter().map(line).collect()
}

fn read(row: &AnyRow) -> Result<Invoice, sqlx::Error> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let time = |column: &str| row.try_get::<i64, _>(column).map(i64::cast_unsigned);
    let broken = |what: &'static str| sqlx::Error::Decode(what.into());
    let recipient = serde_json::from_str(&text("recipient")?);
    let paid_ms: Option<i64> = row.try_get("paid_ms")?;
    let reference: Option<String> = row.try_get("reference")?;
    Ok(Invoice {
        number: row.try_get("number")?,
        team: text("team_id")?,
        kind: Kind::parse(&text("kind")?),
        month: Month::parse(&text("month")?).ok_or_else(|| broken("no month"))?,
        currency: Currency::parse(&text("currency")?).ok_or_else(|| broken("no currency"))?,
        total_minor: row.try_get("total_minor")?,
        issued_ms: time("issued_ms")?,
        due_ms: time("due_ms")?,
        issuer: text("issuer")?,
        recipient: recipient.map_err(|error| sqlx::Error::Decode(error.into()))?,
        payment: paid_ms.map(|paid| Payment {
            paid_ms: paid.cast_unsigned(),
            reference: reference.unwrap_or_default(),
        }),
    })
}
