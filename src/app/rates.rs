//! How many requests a caller may make: a bucket for each, refilled steadily. Each process
//! has buckets of its own.

use crate::config::Api;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Buckets are thrown away when full, every so many requests.
const TIDY_EVERY: usize = 10_000;

/// The buckets; clones share them.
#[derive(Clone)]
pub(super) struct Rates {
    limiter: Arc<DefaultKeyedRateLimiter<String>>,
    clock: DefaultClock,
}

impl Rates {
    pub(super) fn new(api: &Api) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(api.caller_requests_per_s))
            .allow_burst(at_least_one(api.caller_requests_burst));
        Self {
            limiter: Arc::new(RateLimiter::keyed(quota)),
            clock: DefaultClock::default(),
        }
    }

    /// Takes a request out of the caller's bucket; if it is empty, how many seconds until
    /// there is one again, at least 1.
    pub(super) fn take(&self, caller: &str) -> Result<(), u64> {
        if self.limiter.len() >= TIDY_EVERY {
            self.limiter.retain_recent();
        }
        self.limiter
            .check_key(&caller.to_owned())
            .map_err(|until| until.wait_time_from(self.clock.now()).as_secs().max(1))
    }
}
