//! How fast one endpoint may be called: its window, its breaker, its rest and
//! its mean slot time. Knows nothing of entries or of other lanes.

use super::limits::Limits;
use crate::callback::TimestampMs;
use crate::queue::Signal;
use rand::RngExt;
use rand::rngs::StdRng;

pub(super) struct Pace {
    pub(super) window: u32,
    /// It was called or steered: forgetting it would lose something.
    was_told: bool,
    /// Successes since the window last moved.
    successes: u32,
    mean_slot_ms: Option<u64>,
    straight_failures: u32,
    /// The latest answers, newest in the lowest bit; a set bit is a failure.
    history: u64,
    history_len: u32,
    park: Option<Park>,
    /// What the operator permits at most.
    limit: Option<u32>,
    pub(super) rests_until: Option<TimestampMs>,
}

/// An open breaker.
#[derive(Clone, Copy)]
pub(super) struct Park {
    pub(super) until: TimestampMs,
    /// Before jitter: what the next park doubles.
    ms: u64,
    /// A probe has started since the park, so whatever is answered now answers a probe.
    is_probing: bool,
}

impl Pace {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            window: limits.window_start.clamp(1, limits.lane_max()),
            was_told: false,
            successes: 0,
            mean_slot_ms: None,
            straight_failures: 0,
            history: 0,
            history_len: 0,
            park: None,
            limit: None,
            rests_until: None,
        }
    }

    /// Nothing is lost by forgetting the lane.
    pub(super) fn is_unknown(&self) -> bool {
        !self.was_told && self.rests_until.is_none()
    }

    pub(super) fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// The window stays at or below it from now on.
    pub(super) fn set_limit(&mut self, limit: Option<u32>) {
        self.was_told = true;
        self.limit = limit.map(|most| most.max(1));
        self.window = self.window.min(self.limit.unwrap_or(u32::MAX));
    }

    /// Until then nothing goes; a probe follows.
    pub(super) fn park_until(&mut self, until: TimestampMs, limits: &Limits) {
        self.was_told = true;
        self.window = 1;
        self.park = Some(Park {
            until,
            ms: limits.park_ms_first,
            is_probing: false,
        });
    }

    pub(super) fn park(&self) -> Option<Park> {
        self.park
    }

    /// No request may start before this time.
    pub(super) fn blocked_until(&self, now: TimestampMs) -> Option<TimestampMs> {
        let park_ends = self.park.map(|park| park.until);
        park_ends.max(self.rests_until).filter(|&until| until > now)
    }

    /// Whether one more request may start beside `in_flight`, blocks aside. A park sets
    /// the window to 1, so a probe goes alone: an answer beside it could be taken for its own.
    pub(super) fn has_room(&self, in_flight: u32) -> bool {
        in_flight < self.window
    }

    /// A request starts; after a park it is the probe.
    pub(super) fn start(&mut self) {
        self.was_told = true;
        if let Some(park) = &mut self.park {
            park.is_probing = true;
        }
    }

    /// What a request is expected to cost. Never 0, or turns would not move.
    pub(super) fn expected_ms(&self, limits: &Limits) -> u64 {
        self.mean_slot_ms.unwrap_or(limits.slot_ms_guess).max(1)
    }

    /// Milliseconds until `ready` entries are through, blocks included.
    pub(super) fn drained_in_ms(&self, ready: u64, now: TimestampMs) -> Option<u64> {
        let blocked_ms = self.blocked_until(now).map_or(0, |until| until - now);
        let busy_ms = ready.saturating_mul(self.mean_slot_ms?) / u64::from(self.window);
        Some(blocked_ms.saturating_add(busy_ms))
    }

    /// Takes in an answer. While the lane is parked only the probe's counts: the
    /// others were sent before the endpoint went down.
    pub(super) fn learn(
        &mut self,
        signal: Signal,
        slot_ms: u64,
        limits: &Limits,
        now: TimestampMs,
        chance: &mut StdRng,
    ) {
        // A mean over about eight answers: quick to notice, slow to be fooled.
        let mean = self
            .mean_slot_ms
            .map_or(slot_ms, |mean| (mean * 7 + slot_ms) / 8);
        self.mean_slot_ms = Some(mean);
        if let Some(park) = self.park {
            match signal {
                _ if !park.is_probing => {}
                Signal::Success => self.reopen(),
                Signal::Failure | Signal::Overload => {
                    self.park_for(park.ms.saturating_mul(2), limits, now, chance);
                }
            }
            return;
        }
        self.move_window(signal, limits);
        if self.is_broken(signal, limits) {
            self.park_for(limits.park_ms_first, limits, now, chance);
        }
    }

    /// Closes the breaker. The window stays at 1, where the park left it: a backlog
    /// must not hit at once what just recovered.
    pub(super) fn reopen(&mut self) {
        self.park = None;
        self.successes = 0;
        self.straight_failures = 0;
        self.history = 0;
        self.history_len = 0;
    }

    fn move_window(&mut self, signal: Signal, limits: &Limits) {
        match signal {
            Signal::Success => {
                self.successes += 1;
                if self.successes >= self.window {
                    self.successes = 0;
                    let most = limits.lane_max().min(self.limit.unwrap_or(u32::MAX));
                    self.window = (self.window + 1).min(most);
                }
            }
            Signal::Overload => {
                self.successes = 0;
                self.window = (self.window / 2).max(1);
            }
            Signal::Failure => {}
        }
    }

    fn is_broken(&mut self, signal: Signal, limits: &Limits) -> bool {
        let sample = limits.breaker_sample.clamp(1, 64);
        let failed = signal != Signal::Success;
        self.straight_failures = if failed {
            self.straight_failures + 1
        } else {
            0
        };
        self.history = ((self.history << 1) | u64::from(failed)) & (u64::MAX >> (64 - sample));
        self.history_len = (self.history_len + 1).min(sample);
        let failures = self.history.count_ones();
        self.straight_failures >= limits.breaker_straight_failures
            || (self.history_len == sample
                && failures * 100 > sample * limits.breaker_failures_percent)
    }

    // The jitter keeps lanes that went down together from probing together for ever.
    fn park_for(&mut self, ms: u64, limits: &Limits, now: TimestampMs, chance: &mut StdRng) {
        let ms = ms.min(limits.park_ms_max);
        self.window = 1;
        let jittered_ms = ms * chance.random_range(80..=120) / 100;
        self.park = Some(Park {
            until: now.saturating_add(jittered_ms),
            ms,
            is_probing: false,
        });
    }
}
