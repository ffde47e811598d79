//! PURE: a document as a table for spreadsheets, a row a line.

use crate::money::statement::Line;
use crate::records::invoices::Invoice;

/// The document's lines as CSV. Texts that a spreadsheet would take for a formula begin with
/// an apostrophe.
#[must_use]
pub fn csv(invoice: &Invoice, lines: &[Line]) -> Vec<u8> {
    const WRITES: &str = "nothing fails while writing into memory";
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "number", "kind", "month", "project", "type", "count", "price", "amount", "currency",
        "about",
    ];
    writer.write_record(head).expect(WRITES);
    let currency = &invoice.currency;
    for line in lines {
        let price = line.is_priced.then(|| currency.amount(line.unit_minor));
        let about = line.about.map(|number| number.to_string());
        let row = [
            invoice.number.to_string(),
            invoice.kind.as_str().to_owned(),
            invoice.month.to_string(),
            plain(&line.project),
            plain(&line.kind),
            line.count.to_string(),
            price.unwrap_or_default(),
            currency.amount(line.amount_minor),
            currency.as_str().to_owned(),
            about.unwrap_or_default(),
        ];
        writer.write_record(row).expect(WRITES);
    }
    writer.into_inner().expect(WRITES)
}

fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}
