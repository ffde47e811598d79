//! PURE: money as whole minor units of a currency, and how it is read and written. No sum is
//! ever a floating-point number.

pub mod card;
pub mod month;
pub mod prices;
pub mod statement;

use std::fmt;

/// Highest price of one task, minor units: a sum of a billion tasks still fits.
pub const PRICE_MINOR_MAX: i64 = 1_000_000_000;

/// Currencies without minor units (ISO 4217).
const NO_DECIMALS: [&str; 15] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "XAF",
    "XOF", "XPF",
];
/// Currencies of a thousand minor units.
const THREE_DECIMALS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// A currency by its three letters (ISO 4217).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(String);

impl Currency {
    /// Reads three capital letters; nothing else is a currency.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        legal.then(|| Self(text.to_owned()))
    }

    /// Its three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Digits behind the point.
    #[must_use]
    pub fn decimals(&self) -> usize {
        if NO_DECIMALS.contains(&self.as_str()) {
            0
        } else if THREE_DECIMALS.contains(&self.as_str()) {
            3
        } else {
            2
        }
    }

    /// An amount as programs read it: `-1234.50`.
    #[must_use]
    pub fn amount(&self, minor: i64) -> String {
        self.written(minor, "")
    }

    /// An amount in a column of one currency: `-1,234.50`.
    #[must_use]
    pub fn in_column(&self, minor: i64) -> String {
        self.written(minor, ",")
    }

    /// An amount as people read it: `-1,234.50 USD`.
    #[must_use]
    pub fn shown(&self, minor: i64) -> String {
        format!("{} {}", self.in_column(minor), self.0)
    }

    fn written(&self, minor: i64, between_thousands: &str) -> String {
        let decimals = self.decimals();
        let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
        let (whole, part) = digits.split_at(digits.len() - decimals);
        let whole = grouped(whole, between_thousands);
        let sign = if minor < 0 { "-" } else { "" };
        let point = if decimals == 0 { "" } else { "." };
        format!("{sign}{whole}{point}{part}")
    }

    /// Reads an amount of this currency such as `0.25` into minor units. `None`: it is no
    /// amount, is negative, or has more decimals than the currency.
    #[must_use]
    pub fn minor(&self, text: &str) -> Option<i64> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let decimals = self.decimals();
        let has_point = text.contains('.');
        if whole.is_empty() || !is_digits(whole) || !is_digits(part) {
            return None;
        }
        if part.len() > decimals || (has_point && part.is_empty()) {
            return None;
        }
        format!("{whole}{part:0<decimals$}").parse().ok()
    }
}

/// A count as people read it: `-1,234`.
#[must_use]
pub fn count_shown(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    let digits = count.unsigned_abs().to_string();
    format!("{sign}{}", grouped(&digits, ","))
}

fn grouped(digits: &str, between_thousands: &str) -> String {
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push_str(between_thousands);
        }
        grouped.push(digit);
    }
    grouped
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(text: &str) -> Currency {
        Currency::parse(text).unwrap()
    }

    #[test]
    fn amounts_are_written_with_the_currencys_own_decimals() {
        let check = |text: &str, minor: i64, expected: &str| {
            assert_eq!(currency(text).shown(minor), expected);
        };
        check("USD", 0, "0.00 USD");
        check("USD", 5, "0.05 USD");
        check("EUR", -123_456_789, "-1,234,567.89 EUR");
        check("JPY", 1200, "1,200 JPY");
        check("JPY", 0, "0 JPY");
        check("KWD", 1, "0.001 KWD");
        assert_eq!(currency("USD").amount(-123_450), "-1234.50");
        assert_eq!(count_shown(-1_234_567), "-1,234,567");
        assert_eq!(count_shown(999), "999");
        assert!(currency("USD").shown(i64::MIN).starts_with("-92,233,"));
    }

    #[test]
    fn only_amounts_of_the_currency_are_read() {
        let check = |text: &str, amount: &str, expected: Option<i64>| {
            assert_eq!(currency(text).minor(amount), expected, "{amount} {text}");
        };
        check("USD", "0.25", Some(25));
        check("USD", "12", Some(1200));
        check("USD", "1.5", Some(150));
        check("USD", "0.005", None);
        check("JPY", "12", Some(12));
        check("JPY", "12.0", None);
        for bad in [
            "",
            ".5",
            "5.",
            "-1",
            "1e3",
            "1,5",
            "1.2.3",
            "٣",
            "99999999999999999999",
        ] {
            check("USD", bad, None);
        }
        for bad in ["usd", "US", "EURO", "U1D", "ÄÖ"] {
            assert_eq!(Currency::parse(bad), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(minor in 0..i64::MAX, of in 0..3_usize) {
            let currency = currency(["USD", "JPY", "KWD"][of]);
            prop_assert_eq!(currency.minor(&currency.amount(minor)), Some(minor));
        }
    }
}
