//! PORT: who gets the money for an invoice. By hand, or another program that is told of every
//! document: signed, through the same queue and with the same retries as every callback.

use crate::billing::view::document;
use crate::config::Billing;
use crate::money::statement::Kind;
use crate::records::invoices::Issued;
use crate::records::outbox::Notice;
use crate::time::shown;
use serde_json::json;

/// The team whose keys sign the announcements. No customer's id can be this.
pub const SENDER: &str = "ringback:billing";

/// What gets the money.
pub trait PaymentProvider: Send + Sync {
    /// As people call it.
    fn name(&self) -> &'static str;

    /// What goes out with a document that was just made, in the same commit; nothing where
    /// nobody is told.
    fn announce(&self, issued: &Issued) -> Option<Notice>;
}

/// An operator watches the bank and marks invoices as paid.
pub struct Manual;

/// Another program charges the customer and marks invoices as paid.
pub struct Webhook {
    /// Where it listens.
    pub url: String,
}

/// The one that is configured.
#[must_use]
pub fn of(config: &Billing) -> Box<dyn PaymentProvider> {
    match config.webhook_url() {
        None => Box::new(Manual),
        Some(url) => Box::new(Webhook {
            url: url.to_owned(),
        }),
    }
}

impl PaymentProvider for Manual {
    fn name(&self) -> &'static str {
        "manual"
    }

    fn announce(&self, _: &Issued) -> Option<Notice> {
        None
    }
}

impl PaymentProvider for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn announce(&self, issued: &Issued) -> Option<Notice> {
        let kind = match issued.invoice.kind {
            Kind::Invoice => "invoice.issued",
            Kind::CreditNote => "credit_note.issued",
        };
        let mut data = document(&issued.invoice, &issued.lines);
        data["team_id"] = json!(issued.invoice.team);
        data["customer_token"] = json!(issued.details.customer_token);
        data["method_token"] = json!(issued.details.method_token);
        let body = json!({
            "type": kind,
            "timestamp": shown(issued.invoice.issued_ms),
            "data": data,
        });
        Some(Notice {
            team: SENDER.to_owned(),
            subject: format!("invoice-{}", issued.invoice.number),
            url: self.url.clone(),
            body: body.to_string(),
        })
    }
}
