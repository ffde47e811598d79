//! (outcome, attempt number, policy, now, jitter) → verdict. Chance is an
//! argument, hostile `Retry-After` values are harmless, nothing here panics.

use crate::callback::{DEAD_REFUSED, DEAD_USED_UP, MailReply, Outcome, TimestampMs, Verdict};
use std::time::UNIX_EPOCH;

/// Longest rest a receiver may ask for, in milliseconds: one hour.
pub const RETRY_AFTER_MS_MAX: u64 = 3_600_000;

/// How often and how patiently a team's callbacks are retried.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Retries after the first try.
    pub retries_max: u32,
    /// Delay before the first retry, in milliseconds.
    pub first_delay_ms: u64,
    /// What each further delay is multiplied by.
    pub factor: f64,
    /// Spread around the delay: 0.2 means 20 % either way.
    pub jitter: f64,
}

/// First try + 20 retries whose delays sum to 24 hours.
impl Default for Policy {
    fn default() -> Self {
        Self {
            retries_max: 20,
            first_delay_ms: 30_000,
            factor: 1.4273,
            jitter: 0.2,
        }
    }
}

impl Policy {
    /// The delay in milliseconds before retry `number` (from 1), without jitter.
    #[must_use]
    pub fn delay_ms(&self, number: u32) -> u64 {
        scale_ms(
            self.first_delay_ms,
            self.factor.powf(f64::from(number.saturating_sub(1))),
        )
    }
}

/// Decides what becomes of a callback after attempt `number` (from 1).
/// `jitter` is drawn by the caller from -1.0 to 1.0; values outside are clamped.
#[must_use]
pub fn decide(
    outcome: &Outcome,
    number: u32,
    policy: &Policy,
    now: TimestampMs,
    jitter: f64,
) -> Verdict {
    let asked = match outcome {
        Outcome::Answered {
            status: 200..=299, ..
        }
        | Outcome::Mailed(MailReply::Taken) => return Verdict::Delivered,
        Outcome::Mailed(MailReply::Refused(_)) => return Verdict::Dead(DEAD_REFUSED),
        Outcome::Answered { status: 410, .. } => return Verdict::PauseEndpoint,
        Outcome::Answered { retry_after, .. } => retry_after
            .as_deref()
            .and_then(|value| parse_retry_after_ms(value, now)),
        Outcome::Failed(_)
        | Outcome::Mailed(MailReply::PutOff(_) | MailReply::Away)
        | Outcome::Unstored(_) => None,
    };
    if number > policy.retries_max {
        return Verdict::Dead(DEAD_USED_UP);
    }
    let spread = 1.0 + policy.jitter * jitter.clamp(-1.0, 1.0);
    let delay_ms = scale_ms(policy.delay_ms(number), spread);
    Verdict::Retry {
        due: now.saturating_add(delay_ms.max(asked.unwrap_or(0))),
        lane_rests_until: asked.map(|ms| now.saturating_add(ms)),
    }
}

/// Reads `Retry-After` (RFC 9110, 10.2.3): whole seconds or an HTTP date, as
/// milliseconds from now, at most [`RETRY_AFTER_MS_MAX`]. Anything else is `None`.
#[must_use]
pub fn parse_retry_after_ms(value: &str, now: TimestampMs) -> Option<u64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only digits, so a failed parse means too large: the cap applies.
        let seconds = value.parse::<u64>().unwrap_or(u64::MAX);
        return Some(seconds.saturating_mul(1000).min(RETRY_AFTER_MS_MAX));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let since_epoch = date.duration_since(UNIX_EPOCH).ok()?;
    let at_ms = since_epoch.as_secs().saturating_mul(1000);
    at_ms.checked_sub(now).map(|ms| ms.min(RETRY_AFTER_MS_MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "float-to-int casts saturate, and a delay is far below 2^53 ms"
)]
fn scale_ms(ms: u64, by: f64) -> u64 {
    (ms as f64 * by).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::Fault;
    use proptest::prelude::*;

    const NOW: TimestampMs = 1_700_000_000_000; // Tue, 14 Nov 2023 22:13:20 GMT

    fn answered(status: u16, retry_after: Option<&str>) -> Outcome {
        Outcome::Answered {
            status,
            retry_after: retry_after.map(str::to_owned),
            location: None,
        }
    }

    #[test]
    fn the_default_schedule_fills_a_day() {
        let policy = Policy::default();
        let delays_s: Vec<_> = (1..=20)
            .map(|n| policy.delay_ms(n).div_euclid(1000))
            .collect();
        assert_eq!(delays_s[..4], [30, 42, 61, 87]);
        let sum_s: u64 = delays_s.iter().sum();
        assert!((86_000..=86_800).contains(&sum_s), "{sum_s}");
    }

    #[test]
    fn every_status_has_its_verdict() {
        let policy = Policy::default();
        for status in 100..=599 {
            let verdict = decide(&answered(status, None), 1, &policy, NOW, 0.0);
            let expected = match status {
                200..=299 => Verdict::Delivered,
                410 => Verdict::PauseEndpoint,
                _ => Verdict::Retry {
                    due: NOW + 30_000,
                    lane_rests_until: None,
                },
            };
            assert_eq!(verdict, expected, "{status}");
        }
    }

    #[test]
    fn the_twenty_first_failure_is_the_last() {
        let policy = Policy::default();
        let verdict = |number| decide(&Outcome::Failed(Fault::Dns), number, &policy, NOW, 0.0);
        assert!(matches!(verdict(20), Verdict::Retry { .. }));
        assert_eq!(verdict(21), Verdict::Dead(DEAD_USED_UP));
    }

    #[test]
    fn a_mail_server_has_the_last_word_only_for_good() {
        let policy = Policy::default();
        let verdict = |reply| decide(&Outcome::Mailed(reply), 1, &policy, NOW, 0.0);
        assert_eq!(verdict(MailReply::Taken), Verdict::Delivered);
        let dead = Verdict::Dead(DEAD_REFUSED);
        assert_eq!(verdict(MailReply::Refused(550)), dead);
        for reply in [MailReply::PutOff(451), MailReply::Away] {
            let due = NOW + 30_000;
            let retry = Verdict::Retry {
                due,
                lane_rests_until: None,
            };
            assert_eq!(verdict(reply), retry);
        }
    }

    #[test]
    fn jitter_spreads_twenty_percent_either_way() {
        let policy = Policy::default();
        let due = |jitter| decide(&Outcome::Failed(Fault::Dns), 1, &policy, NOW, jitter);
        let retry = |ms| Verdict::Retry {
            due: NOW + ms,
            lane_rests_until: None,
        };
        assert_eq!(due(-1.0), retry(24_000));
        assert_eq!(due(1.0), retry(36_000));
        assert_eq!(due(50.0), retry(36_000));
    }

    #[test]
    fn retry_after_rests_the_lane() {
        let verdict = decide(&answered(503, Some("120")), 1, &Policy::default(), NOW, 0.0);
        let until = NOW + 120_000;
        assert_eq!(
            verdict,
            Verdict::Retry {
                due: until,
                lane_rests_until: Some(until)
            }
        );
    }

    #[test]
    fn retry_after_hostile_values_are_harmless() {
        let check =
            |value, expected| assert_eq!(parse_retry_after_ms(value, NOW), expected, "{value}");
        check("120", Some(120_000));
        check("Tue, 14 Nov 2023 22:14:20 GMT", Some(60_000));
        check("Tue, 14 Nov 2023 22:12:20 GMT", None);
        check("100000000000000000000", Some(RETRY_AFTER_MS_MAX));
        for junk in ["", "-1", "inf", "NaN", "1e300", "1.5", "120, 60"] {
            check(junk, None);
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_or_exceeds_the_cap(value in ".*", now: u64) {
            prop_assert!(parse_retry_after_ms(&value, now).unwrap_or(0) <= RETRY_AFTER_MS_MAX);
        }

        #[test]
        fn a_retry_is_never_due_in_the_past(number: u32, jitter: f64, now: u64) {
            let policy = Policy { retries_max: u32::MAX, ..Policy::default() };
            let verdict = decide(&Outcome::Failed(Fault::Dns), number, &policy, now, jitter);
            if let Verdict::Retry { due, .. } = verdict {
                prop_assert!(due >= now);
            }
        }
    }
}
