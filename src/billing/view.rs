//! PURE: documents as JSON, the same for customers, operators and billing systems.

use crate::money::Currency;
use crate::money::statement::Line;
use crate::records::invoices::Invoice;
use crate::time::shown;
use serde_json::{Value, json};

/// A document without its lines.
#[must_use]
pub fn heading(invoice: &Invoice) -> Value {
    json!({
        "number": invoice.number,
        "kind": invoice.kind.as_str(),
        "status": invoice.status(),
        "month": invoice.month.to_string(),
        "currency": invoice.currency.as_str(),
        "total_minor": invoice.total_minor,
        "total": invoice.currency.amount(invoice.total_minor),
        "issued_at": shown(invoice.issued_ms),
        "due_at": shown(invoice.due_ms),
        "paid_at": invoice.payment.as_ref().map(|payment| shown(payment.paid_ms)),
        "payment_reference": invoice.payment.as_ref().map(|payment| &payment.reference),
    })
}

/// A document with all that is on it.
#[must_use]
pub fn document(invoice: &Invoice, lines: &[Line]) -> Value {
    let mut view = heading(invoice);
    view["issuer"] = json!(invoice.issuer);
    view["recipient"] = json!(invoice.recipient);
    let currency = &invoice.currency;
    view["lines"] = lines.iter().map(|it| line(it, currency)).collect();
    view
}

/// One line. What nobody has set a price for says so.
#[must_use]
pub fn line(line: &Line, currency: &Currency) -> Value {
    let mut view = json!({
        "project": Some(&line.project).filter(|name| !name.is_empty()),
        "type": line.kind,
        "count": line.count,
        "unit_minor": line.is_priced.then_some(line.unit_minor),
        "amount_minor": line.amount_minor,
        "amount": currency.amount(line.amount_minor),
    });
    if let Some(about) = line.about {
        view["invoice_number"] = json!(about);
    }
    view
}
