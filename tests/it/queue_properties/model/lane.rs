//! A lane of the model: its window and its breaker, from all answers it ever had.

use ringback::callback::TimestampMs;
use ringback::queue::Signal;
use ringback::queue::fair::Limits;

pub(super) struct Lane {
    pub(super) window: u32,
    pub(super) limit: Option<u32>,
    pub(super) successes: u32,
    pub(super) failed: Vec<bool>,
    pub(super) park: Option<Park>,
    pub(super) rests_until: TimestampMs,
}

pub(super) struct Park {
    pub(super) until: TimestampMs,
    pub(super) ms: u64,
    pub(super) is_probing: bool,
}

impl Lane {
    /// Returns for how long, before jitter, the lane is parked by this answer.
    pub(super) fn learn(&mut self, signal: Signal, limits: &Limits) -> Option<u64> {
        let failed = signal != Signal::Success;
        if let Some(park) = &self.park {
            if !park.is_probing {
                return None;
            }
            if failed {
                return Some((park.ms * 2).min(limits.park_ms_max));
            }
            self.park = None;
            self.forget_failures();
            return None;
        }
        match signal {
            Signal::Success => self.successes += 1,
            Signal::Overload => (self.window, self.successes) = ((self.window / 2).max(1), 0),
            Signal::Failure => {}
        }
        if self.successes >= self.window && !failed {
            let most = self.limit.unwrap_or(u32::MAX).min(limits.lane_max());
            (self.window, self.successes) = ((self.window + 1).min(most), 0);
        }
        self.failed.push(failed);
        let straight = self
            .failed
            .iter()
            .rev()
            .take_while(|&&failed| failed)
            .count();
        let sample = limits.breaker_sample as usize;
        let latest = self.failed.iter().rev().take(sample);
        let failures = latest.filter(|&&failed| failed).count();
        let is_broken = straight >= limits.breaker_straight_failures as usize
            || (self.failed.len() >= sample && failures * 2 > sample);
        is_broken.then_some(limits.park_ms_first)
    }

    pub(super) fn forget_failures(&mut self) {
        self.failed.clear();
        self.successes = 0;
    }
}
