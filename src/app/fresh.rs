//! A small cache of what was read a moment ago.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

type Kept<V> = HashMap<String, (Instant, V)>;

/// Values by key, each for a limited time; clones share them. Holds as many as there
/// are distinct valid keys: unknown ones are never put in.
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
        let (read_at, value) = kept.get(key)?;
        (read_at.elapsed() < self.fresh_for).then(|| value.clone())
    }

    pub(super) fn put(&self, key: String, value: V) -> V {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, (Instant::now(), value.clone()));
        value
    }

    pub(super) fn forget(&self, key: &str) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.remove(key);
    }
}
