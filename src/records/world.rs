//! PURE: which part of the work a query is about, and the ids of everything in it.

use crate::callback::{Mode, TimestampMs};

/// A team's live or test side. Nothing of one is ever seen in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct World<'a> {
    /// Whose.
    pub team: &'a str,
    /// Which side.
    pub mode: Mode,
}

/// A fresh id of a task, batch or project: 8 hex digits of seconds, 3 of milliseconds, 13
/// of chance. Ids sort as they were made, to the millisecond.
#[must_use]
pub fn new_id(now: TimestampMs, random: u64) -> String {
    format!("{}{:013x}", head(now), random >> 12)
}

/// Below every id made at this time, above every earlier one.
#[must_use]
pub fn first_id_at(ms: TimestampMs) -> String {
    format!("{}{:013x}", head(ms), 0)
}

/// Whether a text has the form of [`new_id`]: only then is it worth looking up.
#[must_use]
pub fn looks_like_an_id(text: &str) -> bool {
    text.len() == 24
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

fn head(ms: TimestampMs) -> String {
    let seconds = (ms / 1000).min(u64::from(u32::MAX));
    format!("{seconds:08x}{:03x}", ms % 1000)
}

/// As [`Mode::as_str`] wrote it.
pub(super) fn stored_mode(text: &str) -> Mode {
    if text == Mode::Live.as_str() {
        Mode::Live
    } else {
        Mode::Test
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_are_told_from_others() {
        let id = new_id(1_700_000_000_123, u64::MAX);
        assert_eq!(id, "6553f10007bfffffffffffff");
        assert!(looks_like_an_id(&id));
        assert!(first_id_at(1_700_000_000_123) < id && id < first_id_at(1_700_000_000_124));
        assert!(new_id(1_700_000_000_999, u64::MAX) < new_id(1_700_000_001_000, 0));
        assert_eq!(first_id_at(u64::MAX).len(), 24);
        for other in [
            "",
            "task-1",
            "6553F10007BFFFFFFFFFFFFF",
            "6553f10007bffffffffffff\n",
        ] {
            assert!(!looks_like_an_id(other), "{other:?}");
        }
    }
}
