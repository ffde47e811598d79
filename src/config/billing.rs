//! What `[billing]` means.

use crate::callback::target::parse_url;
use crate::config::Billing;
use crate::money::Currency;

/// Longest time to pay, days.
const DUE_DAYS_MAX: u32 = 365;
/// Longest text on an invoice, bytes.
const TEXT_BYTES_MAX: usize = 500;
const DAY_MS: u64 = 86_400_000;

impl Billing {
    /// What teams pay in that have no currency of their own.
    #[must_use]
    pub fn currency(&self) -> Currency {
        Currency::parse(&self.currency).expect("checked when the configuration was read")
    }

    /// How long after it was issued an invoice is due, milliseconds.
    #[must_use]
    pub fn due_ms(&self) -> u64 {
        u64::from(self.due_days) * DAY_MS
    }

    /// Where invoices are announced, if anywhere.
    #[must_use]
    pub fn webhook_url(&self) -> Option<&str> {
        Some(&*self.webhook_url).filter(|url| !url.is_empty())
    }

    /// Every broken rule.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if Currency::parse(&self.currency).is_none() {
            problems.push("billing.currency must be three capital letters such as EUR".to_owned());
        }
        if self.due_days > DUE_DAYS_MAX {
            problems.push(format!("billing.due_days must be at most {DUE_DAYS_MAX}"));
        }
        let texts = [
            ("issuer", &self.issuer),
            ("representative", &self.representative),
        ];
        for (name, text) in texts {
            if text.len() > TEXT_BYTES_MAX {
                problems.push(format!(
                    "billing.{name} must be at most {TEXT_BYTES_MAX} bytes"
                ));
            }
        }
        if self
            .webhook_url()
            .is_some_and(|url| parse_url(url).is_err())
        {
            problems.push(
                "billing.webhook_url must be a URL such as https://billing.example/invoices".into(),
            );
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn build(text: &str) -> Result<Config, String> {
        Config::build(Some(("test.toml", text)), std::iter::empty())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_billing_cannot_work_with_is_named() {
        let good = build("billing.currency = \"EUR\"\nbilling.webhook_url = \"https://b.test/x\"");
        let billing = good.unwrap().billing;
        assert_eq!(billing.currency().as_str(), "EUR");
        assert_eq!(billing.webhook_url(), Some("https://b.test/x"));
        assert_eq!(build("").unwrap().billing.webhook_url(), None);
        for (text, word) in [
            ("billing.currency = \"euro\"", "billing.currency"),
            ("billing.due_days = 366", "billing.due_days"),
            ("billing.webhook_url = \"b.test\"", "billing.webhook_url"),
            (
                &*format!("billing.issuer = {:?}", "x".repeat(501)),
                "billing.issuer",
            ),
        ] {
            let problem = build(text).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
    }
}
