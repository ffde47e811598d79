//! A team's payment details: what may be kept. A card number never is, whatever the field.

use crate::app::App;
use crate::billing::{BillingError, check_text, invalid};
use crate::callback::email::is_address;
use crate::records::payment::PaymentDetails;

/// Longest line, bytes.
const LINE_BYTES_MAX: usize = 200;
/// Longest address, bytes.
const ADDRESS_BYTES_MAX: usize = 500;
/// Longest token of a payment processor, bytes.
const TOKEN_BYTES_MAX: usize = 255;

/// The fields, as routes and forms name them.
pub const FIELDS: [&str; 8] = [
    "company",
    "contact_name",
    "contact_email",
    "address",
    "country",
    "tax_id",
    "customer_token",
    "method_token",
];

/// What of payment details may be shown again: tokens only by their ends.
#[must_use]
pub fn shown_token(token: &str) -> String {
    let count = token.chars().count();
    if count < 8 {
        return "…".repeat(usize::from(count > 0));
    }
    let end: String = token.chars().skip(count - 4).collect();
    format!("…{end}")
}

/// Replaces the team's payment details.
///
/// # Errors
/// [`BillingError::Invalid`] names the field; nothing of it was kept.
pub async fn save(app: &App, team: &str, details: &PaymentDetails) -> Result<(), BillingError> {
    check(details)?;
    let now = app.clock.now();
    Ok(app.records.set_payment_details(team, details, now).await?)
}

fn check(details: &PaymentDetails) -> Result<(), BillingError> {
    let line = (LINE_BYTES_MAX, false);
    check_text("company", &details.company, line)?;
    check_text("contact_name", &details.contact_name, line)?;
    check_text("contact_email", &details.contact_email, line)?;
    check_text("address", &details.address, (ADDRESS_BYTES_MAX, true))?;
    check_text("country", &details.country, line)?;
    check_text("tax_id", &details.tax_id, line)?;
    let email = &details.contact_email;
    if !email.is_empty() && !is_address(email) {
        return Err(invalid("contact_email", "is not an e-mail address"));
    }
    let country = &details.country;
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    if !country.is_empty() && !is_country {
        return Err(invalid("country", "must be two capital letters such as DE"));
    }
    for (field, token) in [
        ("customer_token", &details.customer_token),
        ("method_token", &details.method_token),
    ] {
        check_text(field, token, (TOKEN_BYTES_MAX, false))?;
        if token.contains(char::is_whitespace) {
            let reason = "must be a token of your payment processor, which has no blanks";
            return Err(invalid(field, reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(field: &str, text: &str) -> PaymentDetails {
        let json = serde_json::json!({ field: text });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_card_number_is_refused_in_every_field_and_not_repeated() {
        for field in FIELDS {
            for card in ["4242424242424242", "see 4242 4242-4242 4242"] {
                let error = check(&set(field, card)).unwrap_err();
                let BillingError::Invalid { field: at, reason } = error else {
                    panic!()
                };
                assert_eq!(at, field);
                assert!(reason.contains("card number") && !reason.contains("4242"));
            }
        }
    }

    #[test]
    fn other_mistakes_are_named() {
        let names = |field: &str, text: &str, part: &str| {
            let error = check(&set(field, text)).unwrap_err().to_string();
            assert!(error.starts_with(field) && error.contains(part), "{error}");
        };
        names("contact_email", "ana", "e-mail");
        names("country", "Germany", "two capital letters");
        names("customer_token", "my token", "no blanks");
        names("company", &"x".repeat(201), "200 bytes");
        names("contact_name", "a\nb", "control");
        assert!(check(&set("address", "Main Street 1\n10115 Berlin")).is_ok());
        assert!(check(&PaymentDetails::default()).is_ok());
    }

    #[test]
    fn a_token_is_shown_by_its_end() {
        assert_eq!(shown_token(""), "");
        assert_eq!(shown_token("short"), "…");
        assert_eq!(shown_token("cus_NffrFeUfNV2Hib"), "…2Hib");
    }
}
