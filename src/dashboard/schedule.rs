//! PURE: a retry policy as the tries that follow from it.

use crate::callback::retry::Policy;
use crate::dashboard::times::wait;

/// Tries that are listed, besides the last one.
const ROWS: u32 = 6;

/// When a callback that fails is tried, as the policy on the page says.
pub(super) struct Schedule {
    /// The number of each try, the wait before it and the time since the first one.
    pub(super) tries: Vec<(u32, String, String)>,
    /// From the first try to the last.
    pub(super) span: String,
    /// Of what was typed and is not saved.
    pub(super) is_preview: bool,
}

impl Schedule {
    /// Of the first tries and the last one.
    pub(super) fn of(policy: &Policy, is_preview: bool) -> Self {
        let (mut tries, mut since) = (Vec::new(), 0_u64);
        let last = policy.retries_max;
        for number in 1..=last {
            let delay = policy.delay_ms(number);
            since = since.saturating_add(delay);
            if number <= ROWS || number == last {
                tries.push((number, wait(delay), wait(since)));
            }
        }
        Self {
            tries,
            span: wait(since),
            is_preview,
        }
    }

    pub(super) fn left_out(&self) -> Option<u32> {
        let (last, _, _) = self.tries.last()?;
        last.checked_sub(ROWS + 1).filter(|n| *n > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tries_and_the_last_are_listed() {
        let schedule = Schedule::of(&Policy::default(), false);
        let waits: Vec<_> = schedule
            .tries
            .iter()
            .map(|(n, wait, _)| (*n, &**wait))
            .collect();
        assert_eq!(waits[..3], [(1, "30 s"), (2, "43 s"), (3, "61 s")]);
        assert_eq!((waits.len(), waits[6].0), (7, 20));
        assert_eq!((schedule.left_out(), &*schedule.span), (Some(13), "24 h"));
        let once = Policy {
            retries_max: 1,
            ..Policy::default()
        };
        assert_eq!(Schedule::of(&once, true).left_out(), None);
        let never = Policy {
            retries_max: 0,
            ..Policy::default()
        };
        assert!(Schedule::of(&never, true).tries.is_empty());
    }
}
