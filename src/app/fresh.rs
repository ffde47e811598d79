//! A small cache of what was read a moment ago. Never gives out what may have changed
//! longer ago than its limit.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

type Kept<V> = HashMap<String, (Instant, V)>;

/// Values by key, each for a limited time; clones share them. Unknown keys are never put
/// in, and what is no longer fresh goes before more room is taken.
#[derive(Clone)]
pub(super) struct Fresh<V> {
    fresh_for: Duration,
    kept: Arc<RwLock<Kept<V>>>,
}

impl<V: Clone> Fresh<V> {
    pub(super) fn new(fresh_for: Duration) -> Self {
        Self {
            fresh_for,
            kept: Arc::default(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<V> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let (asked, value) = kept.get(key)?;
        (asked.elapsed() < self.fresh_for).then(|| value.clone())
    }

    /// Keeps what was asked for at `asked`: it may be as old as that, however long the
    /// answer took.
    pub(super) fn put(&self, key: String, value: V, asked: Instant) -> V {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == kept.capacity() {
            kept.retain(|_, (asked, _)| asked.elapsed() < self.fresh_for);
        }
        kept.insert(key, (asked, value.clone()));
        value
    }

    pub(super) fn clear(&self) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
    }

    pub(super) fn forget(&self, key: &str) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_value_is_as_old_as_the_question_not_as_the_answer() {
        let fresh = Fresh::new(LIMIT);
        let asked = Instant::now();
        advance(Duration::from_secs(3)).await;
        fresh.put("team".to_owned(), 1, asked);
        advance(Duration::from_millis(1999)).await;
        assert_eq!(fresh.get("team"), Some(1));
        advance(Duration::from_millis(1)).await;
        assert_eq!(fresh.get("team"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stale_makes_room() {
        let fresh = Fresh::new(LIMIT);
        for n in 0..10_000 {
            fresh.put(n.to_string(), n, Instant::now());
            advance(Duration::from_secs(1)).await;
        }
        assert!(fresh.kept.read().unwrap().len() < 100);
    }

    #[tokio::test(start_paused = true)]
    async fn being_asked_for_keeps_nothing_alive() {
        let fresh = Fresh::new(LIMIT);
        fresh.put("team".to_owned(), 1, Instant::now());
        for _ in 0..5 {
            assert_eq!(fresh.get("team"), Some(1));
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(fresh.get("team"), None);
    }
}
