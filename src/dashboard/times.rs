//! PURE: times and spans as people read them. All times are UTC.

use crate::callback::TimestampMs;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `26 Nov 14:02:11`, with the year when it is not this one.
pub(super) fn moment(at: TimestampMs, now: TimestampMs) -> String {
    let zoned = |ms: TimestampMs| {
        let ms = i64::try_from(ms).ok()?;
        let timestamp = Timestamp::from_millisecond(ms).ok()?;
        Some(timestamp.to_zoned_datetime(TimeZone::UTC))
    };
    let (Some(at), Some(now)) = (zoned(at), zoned(now)) else {
        return "never".to_owned();
    };
    let format = if at.year() == now.year() {
        "%-d %b %H:%M:%S"
    } else {
        "%-d %b %Y %H:%M:%S"
    };
    at.strftime(format).to_string()
}

/// A time as browsers write it in a form, `2023-11-14T22:13`, taken as UTC.
pub(super) fn read_moment(text: &str) -> Option<TimestampMs> {
    let time: jiff::civil::DateTime = text.parse().ok()?;
    let timestamp = TimeZone::UTC.to_timestamp(time).ok()?;
    u64::try_from(timestamp.as_millisecond()).ok()
}

/// As [`read_moment`] reads it, for people.
pub(super) fn minute(at: TimestampMs) -> String {
    let ms = i64::try_from(at).ok();
    let timestamp = ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

/// `12 ms`, `3.4 s`, `5 min`, `7 h`, `2 days`.
pub(super) fn span(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        1000..=59_999 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..=3_599_999 => format!("{} min", ms / 60_000),
        3_600_000..=172_799_999 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    }
}

/// A wait exactly enough to compare it with another: `42 s`, `2.1 min`, `7.1 h`.
pub(super) fn wait(ms: u64) -> String {
    let tenths = |unit_ms: u64, name| {
        let tenths = (ms + unit_ms / 20) / (unit_ms / 10);
        match (tenths / 10, tenths % 10) {
            (whole, 0) => format!("{whole} {name}"),
            (whole, rest) => format!("{whole}.{rest} {name}"),
        }
    };
    match ms {
        0..=999 => format!("{ms} ms"),
        1000..=99_499 => format!("{} s", (ms + 500) / 1000),
        99_500..=5_999_999 => tenths(60_000, "min"),
        6_000_000..=359_999_999 => tenths(3_600_000, "h"),
        _ => tenths(86_400_000, "days"),
    }
}

/// `in 43 s`, or `now` when it is due.
pub(super) fn until(at: TimestampMs, now: TimestampMs) -> String {
    match at.saturating_sub(now) {
        0 => "now".to_owned(),
        1..=999 => "in 1 s".to_owned(),
        ms @ 1000..=59_999 => format!("in {} s", ms / 1000),
        ms => format!("in {}", span(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let now = 1_700_000_000_000;
        assert_eq!(moment(now, now), "14 Nov 22:13:20");
        assert_eq!(moment(1_600_000_000_000, now), "13 Sep 2020 12:26:40");
        assert_eq!(moment(u64::MAX, now), "never");
        assert_eq!(read_moment("2023-11-14T22:13"), Some(now - 20_000));
        assert_eq!(read_moment("1969-01-01T00:00"), None);
        assert_eq!(read_moment("soon"), None);
        assert_eq!(span(12), "12 ms");
        assert_eq!(span(3450), "3.4 s");
        assert_eq!(span(300_000), "5 min");
        assert_eq!(span(7 * 3_600_000), "7 h");
        assert_eq!(span(72 * 3_600_000), "3 days");
        assert_eq!(wait(42_819), "43 s");
        assert_eq!(wait(124_443), "2.1 min");
        assert_eq!(wait(25_640_000), "7.1 h");
        assert_eq!(wait(86_399_000), "24 h");
        assert_eq!(until(now, now + 5), "now");
        assert_eq!(until(now + 43_900, now), "in 43 s");
        assert_eq!(until(now + 5, now), "in 1 s");
        assert_eq!(until(now + 120_000, now), "in 2 min");
    }
}
