//! The only reader of wall time. Loops and handlers ask it; pure code takes the
//! answer as an argument. Tests hold a clock that moves only when told.

use crate::callback::TimestampMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells the time; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    set: Option<Arc<AtomicU64>>,
}

impl Clock {
    /// The machine's wall clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `start` until it is advanced.
    #[must_use]
    pub fn standing(start: TimestampMs) -> Self {
        Self {
            set: Some(Arc::new(AtomicU64::new(start))),
        }
    }

    /// Now, in milliseconds since the Unix epoch; 0 if the machine's clock is before it.
    #[must_use]
    pub fn now(&self) -> TimestampMs {
        if let Some(set) = &self.set {
            return set.load(Ordering::SeqCst);
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
    }

    /// Whether it moves only when told.
    #[must_use]
    pub fn is_standing(&self) -> bool {
        self.set.is_some()
    }

    /// Moves a standing clock forward; the system clock ignores it.
    pub fn advance_ms(&self, ms: u64) {
        if let Some(set) = &self.set {
            set.fetch_add(ms, Ordering::SeqCst);
        }
    }
}
