//! Closing a team's month: what accrued until its end goes onto documents, in one transaction
//! with their numbers. Whoever completes tasks meanwhile waits for a slot and writes into the
//! next statement.

use crate::callback::TimestampMs;
use crate::money::Currency;
use crate::money::month::Month;
use crate::money::statement::{Accrual, Draft, Kind, Line, documents};
use crate::records::invoices::{Invoice, Recipient};
use crate::records::ledger::{ROWS_MAX, SLOTS, read, rows_of};
use crate::records::outbox::{Notice, add_notice};
use crate::records::payment::{PaymentDetails, sealed};
use crate::records::prices::take_numbers;
use crate::records::{Records, RecordsError};
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::{BTreeSet, HashMap};

/// What every document of a close has in common.
#[derive(Debug, Clone)]
pub struct Closing {
    /// Everything until the end of this month.
    pub month: Month,
    /// When it is closed.
    pub now: TimestampMs,
    /// When the money should be there.
    pub due_ms: TimestampMs,
    /// Who asks.
    pub issuer: String,
}

/// A document that was just made.
pub struct Issued {
    /// It.
    pub invoice: Invoice,
    /// What it asks for.
    pub lines: Vec<Line>,
    /// How its team pays.
    pub details: PaymentDetails,
}

impl Records {
    /// Teams that have accrued something until the end of this month.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn teams_to_close(&self, month: Month) -> Result<Vec<String>, RecordsError> {
        Ok(self
            .run(async |connection| {
                sqlx::query_scalar(
                    "SELECT DISTINCT team_id FROM accruals WHERE month <= $1 ORDER BY team_id",
                )
                .bind(month.to_string())
                .fetch_all(connection)
                .await
            })
            .await?)
    }

    /// Closes a month of a team, once; `announce` makes the notice that goes out with each
    /// document. Returns the documents; none when the month was closed before.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was closed.
    pub async fn close_team(
        &self,
        team: &str,
        closing: &Closing,
        announce: impl Fn(&Issued) -> Option<Notice>,
    ) -> Result<Vec<Invoice>, RecordsError> {
        self.transact(async |connection| {
            if !take_close(connection, team, closing).await? {
                return Ok(Vec::new());
            }
            let accruals = take_accruals(connection, team, closing.month).await?;
            let numbers = numbers_of(connection, team, &accruals).await?;
            let number_of = |statement: &str, currency: &Currency| {
                let key = (statement.to_owned(), currency.as_str().to_owned());
                numbers.get(&key).copied()
            };
            let drafts = documents(&accruals, number_of);
            if drafts.is_empty() {
                return Ok(Vec::new());
            }
            let (recipient, details) = self.recipient(connection, team).await?;
            let count = i64::try_from(drafts.len()).expect("there are few currencies");
            let first = take_numbers(connection, "documents", count).await? - count + 1;
            let mut issued = Vec::with_capacity(drafts.len());
            for (number, draft) in (first..).zip(drafts) {
                let lines = draft.lines.clone();
                let invoice = invoice(team, closing, number, (draft, recipient.clone()));
                write(connection, &invoice, &lines).await?;
                if invoice.kind == Kind::Invoice {
                    name_statements(connection, &invoice, &accruals).await?;
                }
                let made = Issued {
                    invoice,
                    lines,
                    details: details.clone(),
                };
                if let Some(notice) = announce(&made) {
                    add_notice(connection, &notice, closing.now.cast_signed()).await?;
                }
                issued.push(made.invoice);
            }
            Ok(issued)
        })
        .await
    }

    /// Whether this month is closed for all teams.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn month_is_closed(&self, month: Month) -> Result<bool, RecordsError> {
        let closed: i64 = self
            .run(async |connection| {
                sqlx::query_scalar("SELECT COUNT(*) FROM month_closes WHERE month = $1")
                    .bind(month.to_string())
                    .fetch_one(connection)
                    .await
            })
            .await?;
        Ok(closed != 0)
    }

    /// Notes that this month is closed for all teams.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was noted; closing it again closes nothing twice.
    pub async fn note_month_closed(
        &self,
        month: Month,
        now: TimestampMs,
    ) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO month_closes (month, closed_ms) VALUES ($1, $2) \
                 ON CONFLICT (month) DO NOTHING",
            )
            .bind(month.to_string())
            .bind(now.cast_signed())
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    async fn recipient(
        &self,
        connection: &mut AnyConnection,
        team: &str,
    ) -> Result<(Recipient, PaymentDetails), RecordsError> {
        let name: Option<String> = sqlx::query_scalar("SELECT name FROM teams WHERE id = $1")
            .bind(team)
            .fetch_optional(&mut *connection)
            .await?;
        let sealed = sealed(connection, team).await?;
        let details = self.open_details(team, sealed.as_deref())?;
        let recipient = Recipient {
            team_name: name.unwrap_or_else(|| team.to_owned()),
            company: details.company.clone(),
            contact_name: details.contact_name.clone(),
            contact_email: details.contact_email.clone(),
            address: details.address.clone(),
            country: details.country.clone(),
            tax_id: details.tax_id.clone(),
        };
        Ok((recipient, details))
    }
}

/// Waits for whoever is closing the same month; returns whether it is still to be closed.
async fn take_close(
    connection: &mut AnyConnection,
    team: &str,
    closing: &Closing,
) -> Result<bool, sqlx::Error> {
    let taken = sqlx::query(
        "INSERT INTO team_closes (team_id, month, closed_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (team_id, month) DO NOTHING",
    )
    .bind(team)
    .bind(closing.month.to_string())
    .bind(closing.now.cast_signed())
    .execute(connection)
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// Takes every sum until the end of the month. A month's slots are all locked first, in the
/// order in which everybody locks them: what is committed by then is here, and whatever comes
/// later is of the next statement.
async fn take_accruals(
    connection: &mut AnyConnection,
    team: &str,
    month: Month,
) -> Result<Vec<Accrual>, sqlx::Error> {
    let months: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT month FROM accruals WHERE team_id = $1 AND month <= $2 ORDER BY month",
    )
    .bind(team)
    .bind(month.to_string())
    .fetch_all(&mut *connection)
    .await?;
    let mut accruals = Vec::new();
    for month in &months {
        for slot in 0..SLOTS {
            sqlx::query(
                "INSERT INTO statement_slots (team_id, month, slot, round) VALUES ($1, $2, $3, 1) \
                 ON CONFLICT (team_id, month, slot) \
                 DO UPDATE SET round = statement_slots.round + 1",
            )
            .bind(team)
            .bind(month)
            .bind(slot)
            .execute(&mut *connection)
            .await?;
        }
    }
    for month in &months {
        let rows = sqlx::query(
            "DELETE FROM accruals WHERE team_id = $1 AND month = $2 RETURNING month, round, \
             currency, project, type, priced_by, unit_minor, about, n, amount_minor",
        )
        .bind(team)
        .bind(month)
        .fetch_all(&mut *connection)
        .await?;
        for row in &rows {
            accruals.push(read(row)?);
        }
    }
    Ok(accruals)
}

/// The invoices of the statements whose charges are taken back, by statement and currency.
async fn numbers_of(
    connection: &mut AnyConnection,
    team: &str,
    accruals: &[Accrual],
) -> Result<HashMap<(String, String), i64>, sqlx::Error> {
    let abouts: BTreeSet<_> = accruals
        .iter()
        .filter_map(|accrual| accrual.about.as_deref())
        .collect();
    let mut numbers = HashMap::new();
    for about in abouts {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT currency, number FROM invoice_statements \
             WHERE team_id = $1 AND statement = $2",
        )
        .bind(team)
        .bind(about)
        .fetch_all(&mut *connection)
        .await?;
        for (currency, number) in rows {
            numbers.insert((about.to_owned(), currency), number);
        }
    }
    Ok(numbers)
}

fn invoice(
    team: &str,
    closing: &Closing,
    number: i64,
    (draft, recipient): (Draft, Recipient),
) -> Invoice {
    Invoice {
        number,
        team: team.to_owned(),
        kind: draft.kind,
        month: closing.month,
        currency: draft.currency,
        total_minor: draft.total_minor,
        issued_ms: closing.now,
        due_ms: closing.due_ms,
        issuer: closing.issuer.clone(),
        recipient,
        payment: None,
    }
}

async fn write(
    connection: &mut AnyConnection,
    invoice: &Invoice,
    lines: &[Line],
) -> Result<(), sqlx::Error> {
    let recipient = serde_json::to_string(&invoice.recipient).expect("texts have a JSON form");
    sqlx::query(
        "INSERT INTO invoices (number, team_id, kind, month, currency, total_minor, issued_ms, \
         due_ms, issuer, recipient) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(invoice.number)
    .bind(&invoice.team)
    .bind(invoice.kind.as_str())
    .bind(invoice.month.to_string())
    .bind(invoice.currency.as_str())
    .bind(invoice.total_minor)
    .bind(invoice.issued_ms.cast_signed())
    .bind(invoice.due_ms.cast_signed())
    .bind(&invoice.issuer)
    .bind(recipient)
    .execute(&mut *connection)
    .await?;
    let placed: Vec<_> = (1_i64..).zip(lines).collect();
    for rows in placed.chunks(ROWS_MAX) {
        let sql = format!(
            "INSERT INTO invoice_lines (number, place, project, type, unit_minor, is_priced, n, \
             amount_minor, about) VALUES {}",
            rows_of(9, rows.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (place, line) in rows {
            query = query
                .bind(invoice.number)
                .bind(*place)
                .bind(&line.project)
                .bind(&line.kind)
                .bind(line.unit_minor)
                .bind(i64::from(line.is_priced))
                .bind(line.count)
                .bind(line.amount_minor)
                .bind(line.about);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Which statements the invoice holds: what is taken back later names it.
async fn name_statements(
    connection: &mut AnyConnection,
    invoice: &Invoice,
    accruals: &[Accrual],
) -> Result<(), sqlx::Error> {
    let statements: BTreeSet<_> = accruals
        .iter()
        .filter(|accrual| accrual.currency == invoice.currency)
        .map(|accrual| &accrual.statement)
        .collect();
    for statement in statements {
        sqlx::query(
            "INSERT INTO invoice_statements (team_id, statement, currency, number) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(&invoice.team)
        .bind(statement)
        .bind(invoice.currency.as_str())
        .bind(invoice.number)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
