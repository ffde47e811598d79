//! Receivers whose certificates end soon, as they were last seen. Those that are renewed
//! leave with their next handshake, those that nobody dials any more after a while.

use crate::callback::TimestampMs;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const DAY_MS: u64 = 86_400_000;
/// Time enough to renew one by hand.
const SOON_MS: u64 = 14 * DAY_MS;
/// Receivers that are kept; more are not counted.
const HOSTS_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Certificates(Mutex<HashMap<Box<str>, TimestampMs>>);

impl Certificates {
    /// `host` shows a certificate that is good until `ends`. Returns how many receivers have
    /// one that ends soon or has ended lately.
    pub(super) fn note(&self, host: &str, ends: TimestampMs, now: TimestampMs) -> i64 {
        let mut ending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ends > now.saturating_add(SOON_MS) {
            ending.remove(host);
        } else if (ending.contains_key(host) || ending.len() < HOSTS_MAX)
            && ending.insert(host.into(), ends).is_none()
        {
            let days = ends.saturating_sub(now) / DAY_MS;
            tracing::warn!(host, days, "a receiver's certificate expires soon");
        }
        ending.retain(|_, ends| ends.saturating_add(SOON_MS) > now);
        i64::try_from(ending.len()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_counts_from_two_weeks_before_its_end_until_it_is_renewed() {
        let seen = Certificates::default();
        let end = 100 * DAY_MS;
        assert_eq!(seen.note("a", end, end - SOON_MS - 1), 0);
        assert_eq!(seen.note("a", end, end - SOON_MS), 1);
        assert_eq!(seen.note("a", end, end - SOON_MS), 1);
        assert_eq!(seen.note("b", end, end), 2);
        assert_eq!(seen.note("a", 2 * end, end), 1);
        assert_eq!(seen.note("a", 2 * end, end + SOON_MS), 0, "b was given up");
    }
}
