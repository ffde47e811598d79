//! How a team is billed, and whom to ask for money: terms that the operator sets, and payment
//! details that the team gives, sealed.

use crate::callback::TimestampMs;
use crate::money::Currency;
use crate::records::{Records, RecordsError, holds_nul};
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;

/// How a team pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillingMode {
    /// For each completed task, by the price list.
    OnDemand,
    /// By a contract outside of this program.
    Invoice,
}

impl BillingMode {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on_demand",
            Self::Invoice => "invoice",
        }
    }

    fn parse(text: &str) -> Self {
        if text == Self::Invoice.as_str() {
            Self::Invoice
        } else {
            Self::OnDemand
        }
    }
}

/// On which terms a team is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How it pays.
    pub mode: BillingMode,
    /// In what.
    pub currency: Currency,
    /// Whom it asks when it has a contract; none: the configured one.
    pub representative: Option<String>,
}

/// What to change about a team's terms; none leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct TermsUpdate {
    /// How it pays.
    pub mode: Option<BillingMode>,
    /// In what its next tasks are charged.
    pub currency: Option<Currency>,
    /// Whom it asks; empty returns to the configured one.
    pub representative: Option<String>,
}

/// Whom to ask for money and how. Empty texts are not known. Tokens stand for a payment
/// processor's customer and method: no `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaymentDetails {
    /// The company on the invoice.
    pub company: String,
    /// Who gets the invoices.
    pub contact_name: String,
    /// Their address.
    pub contact_email: String,
    /// Street, town; several lines.
    pub address: String,
    /// Two letters.
    pub country: String,
    /// Such as a VAT number.
    pub tax_id: String,
    /// The payment processor's name of the customer.
    pub customer_token: String,
    /// The payment processor's name of the way to pay.
    pub method_token: String,
}

impl PaymentDetails {
    /// Every field, in the order of the struct.
    pub fn fields_mut(&mut self) -> [&mut String; 8] {
        [
            &mut self.company,
            &mut self.contact_name,
            &mut self.contact_email,
            &mut self.address,
            &mut self.country,
            &mut self.tax_id,
            &mut self.customer_token,
            &mut self.method_token,
        ]
    }
}

impl Records {
    /// On which terms a team is billed.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer.
    pub async fn terms(&self, team: &str) -> Result<Terms, RecordsError> {
        let configured = &self.currency;
        Ok(self
            .run(async |connection| terms(connection, team, configured).await)
            .await?)
    }

    /// Changes a team's terms: what completes from then on is charged by them.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was changed.
    pub async fn set_terms(&self, team: &str, update: &TermsUpdate) -> Result<(), RecordsError> {
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO team_billing (team_id, mode, currency, representative) \
                 VALUES ($1, COALESCE($2, 'on_demand'), $3, NULLIF($4, '')) \
                 ON CONFLICT (team_id) DO UPDATE SET mode = COALESCE($2, team_billing.mode), \
                 currency = COALESCE($3, team_billing.currency), \
                 representative = NULLIF(COALESCE($4, team_billing.representative), '')",
            )
            .bind(team)
            .bind(update.mode.map(BillingMode::as_str))
            .bind(update.currency.as_ref().map(Currency::as_str))
            .bind(update.representative.as_deref())
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    /// A team's payment details; empty ones when it gave none.
    ///
    /// # Errors
    /// [`RecordsError`] when the database does not answer or the vault key is another one.
    pub async fn payment_details(&self, team: &str) -> Result<PaymentDetails, RecordsError> {
        if holds_nul(team) {
            return Ok(PaymentDetails::default());
        }
        let sealed = self
            .run(async |connection| sealed(connection, team).await)
            .await?;
        self.open_details(team, sealed.as_deref())
    }

    /// Replaces a team's payment details.
    ///
    /// # Errors
    /// [`RecordsError`]: nothing was changed.
    pub async fn set_payment_details(
        &self,
        team: &str,
        details: &PaymentDetails,
        now: TimestampMs,
    ) -> Result<(), RecordsError> {
        let json = serde_json::to_string(details).expect("texts have a JSON form");
        let sealed = self.vault.seal(&place(team), &json);
        self.run(async |connection| {
            sqlx::query(
                "INSERT INTO payment_details (team_id, sealed, updated_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (team_id) DO UPDATE \
                 SET sealed = excluded.sealed, updated_ms = excluded.updated_ms",
            )
            .bind(team)
            .bind(sealed)
            .bind(now.cast_signed())
            .execute(connection)
            .await
        })
        .await?;
        Ok(())
    }

    pub(super) fn open_details(
        &self,
        team: &str,
        sealed: Option<&str>,
    ) -> Result<PaymentDetails, RecordsError> {
        let Some(sealed) = sealed else {
            return Ok(PaymentDetails::default());
        };
        let json = self.vault.unseal(&place(team), sealed)?;
        let details = serde_json::from_str(&json);
        Ok(details.map_err(|error| sqlx::Error::Decode(error.into()))?)
    }
}

pub(super) async fn sealed(
    connection: &mut AnyConnection,
    team: &str,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT sealed FROM payment_details WHERE team_id = $1")
        .bind(team)
        .fetch_optional(connection)
        .await
}

pub(super) async fn terms(
    connection: &mut AnyConnection,
    team: &str,
    configured: &Currency,
) -> Result<Terms, sqlx::Error> {
    let row: Option<(String, Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT mode, currency, representative FROM team_billing WHERE team_id = $1",
    )
    .bind(team)
    .fetch_optional(connection)
    .await?;
    let (mode, currency, representative) = row.unwrap_or_default();
    let currency = currency.as_deref().and_then(Currency::parse);
    Ok(Terms {
        mode: BillingMode::parse(&mode),
        currency: currency.unwrap_or_else(|| configured.clone()),
        representative,
    })
}

/// Binds sealed details to their team.
pub(super) fn place(team: &str) -> String {
    format!("payment {team}|v1")
}
