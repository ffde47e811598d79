//! Invoices and credit notes as answers: JSON, a PDF or a table. Knows how they are sent, not
//! whose they are.

use crate::api::error::ApiError;
use crate::billing::view::document;
use crate::billing::{pdf, sheet};
use crate::money::statement::Line;
use crate::records::invoices::Invoice;
use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// How a document is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For programs.
    Json,
    /// For people and their bookkeeping.
    Pdf,
    /// For spreadsheets.
    Csv,
}

/// Reads `12`, `12.pdf` or `12.csv`.
pub(crate) fn read_name(name: &str) -> Result<(i64, Form), ApiError> {
    let (number, form) = match name.split_once('.') {
        None => (name, Form::Json),
        Some((number, "pdf")) => (number, Form::Pdf),
        Some((number, "csv")) => (number, Form::Csv),
        Some(_) => return Err(ApiError::NotFound("invoice")),
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_number);
    Ok((number.ok_or(ApiError::NotFound("invoice"))?, form))
}

/// The document in this form; what is no JSON is for saving.
pub(crate) fn answer(form: Form, invoice: &Invoice, lines: &[Line]) -> Response {
    let (kind, end, bytes) = match form {
        Form::Json => return Json(document(invoice, lines)).into_response(),
        Form::Pdf => ("application/pdf", "pdf", pdf::pdf(invoice, lines)),
        Form::Csv => ("text/csv; charset=utf-8", "csv", sheet::csv(invoice, lines)),
    };
    let name = invoice.kind.as_str().replace('_', "-");
    let name = format!("attachment; filename=\"{name}-{}.{end}\"", invoice.number);
    let saved = HeaderValue::from_str(&name).expect("a word and a number");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, saved),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_which_document_and_how() {
        assert_eq!(read_name("12"), Ok((12, Form::Json)));
        assert_eq!(read_name("12.pdf"), Ok((12, Form::Pdf)));
        assert_eq!(read_name("7.csv"), Ok((7, Form::Csv)));
        for bad in [
            "",
            ".pdf",
            "x",
            "+1",
            "-1",
            "1.doc",
            "1.pdf.csv",
            "99999999999999999999",
        ] {
            assert_eq!(read_name(bad), Err(ApiError::NotFound("invoice")), "{bad}");
        }
    }
}
