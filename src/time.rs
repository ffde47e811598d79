//! PURE: times as answers have them: `2024-05-01T10:00:00.000Z`.

use crate::callback::TimestampMs;
use jiff::Timestamp;

/// The time in the one form that answers have.
#[must_use]
pub fn shown(ms: TimestampMs) -> String {
    stored(ms.cast_signed())
}

/// As [`shown`], of a time as databases keep it.
#[must_use]
pub fn stored(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_no_offset() {
        assert_eq!(shown(1_714_557_600_000), "2024-05-01T10:00:00.000Z");
        assert_eq!(shown(1_714_557_600_007), "2024-05-01T10:00:00.007Z");
        assert_eq!(shown(0), "1970-01-01T00:00:00.000Z");
        assert!(shown(u64::MAX / 2).starts_with("9999-12-30"));
    }
}
