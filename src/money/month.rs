//! PURE: months of UTC, the periods that are billed.

use crate::callback::TimestampMs;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::fmt;

/// A month; earlier ones are less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// Its first day.
    first: Date,
}

impl Month {
    /// The month of a time; times that no calendar has are in its last month.
    #[must_use]
    pub fn of(ms: TimestampMs) -> Self {
        let time = i64::try_from(ms).ok();
        let time = time.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let time = time.unwrap_or(Timestamp::MAX);
        Self {
            first: TimeZone::UTC.to_datetime(time).date().first_of_month(),
        }
    }

    /// Reads `2026-11`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !is_digits(year) || !is_digits(month) {
            return None;
        }
        let date = Date::new(year.parse().ok()?, month.parse().ok()?, 1);
        date.ok().map(|first| Self { first })
    }

    /// The one before it.
    #[must_use]
    pub fn previous(self) -> Self {
        Self {
            first: self.first.saturating_sub(1.month()),
        }
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> Date {
        self.first.last_of_month()
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> Date {
        self.first
    }

    /// Whether it is over at this time.
    #[must_use]
    pub fn is_over(self, now: TimestampMs) -> bool {
        self < Self::of(now)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

/// A day as invoices write it: `1 November 2026`.
#[must_use]
pub fn day(ms: TimestampMs) -> String {
    let time = i64::try_from(ms).ok();
    let time = time.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let time = time.unwrap_or(Timestamp::MAX);
    let date = TimeZone::UTC.to_datetime(time).date();
    date.strftime("%-d %B %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_with_its_first_millisecond_in_utc() {
        let check = |ms: u64, expected: &str| assert_eq!(Month::of(ms).to_string(), expected);
        check(0, "1970-01");
        check(1_700_000_000_000, "2023-11");
        check(1_701_388_799_999, "2023-11");
        check(1_701_388_800_000, "2023-12");
        check(u64::MAX, "9999-12");
        assert!(!Month::of(1_701_388_799_999).is_over(1_701_388_799_999));
        assert!(Month::of(1_701_388_799_999).is_over(1_701_388_800_000));
        assert_eq!(day(1_701_388_800_000), "1 December 2023");
    }

    #[test]
    fn months_are_read_as_they_are_written_and_have_neighbours() {
        let month = |text: &str| Month::parse(text).unwrap();
        assert_eq!(month("2026-01").previous(), month("2025-12"));
        assert_eq!(month("2024-02").last_day().day(), 29);
        assert_eq!(month("2026-11").to_string(), "2026-11");
        for bad in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "26-11",
            "2026-1",
            "2026-11-01",
            "+026-11",
        ] {
            assert_eq!(Month::parse(bad), None, "{bad}");
        }
    }
}
