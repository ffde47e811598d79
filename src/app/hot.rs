//! Bodies just accepted, kept for their first attempt: bounded by their bytes.

use crate::callback::{Callback, CallbackId};
use crate::config::Config;
use quick_cache::sync::Cache;
use std::sync::Arc;

pub(super) type HotBodies = Cache<CallbackId, Arc<Callback>, BodyBytes>;

#[derive(Clone)]
pub(super) struct BodyBytes;

impl quick_cache::Weighter<CallbackId, Arc<Callback>> for BodyBytes {
    fn weight(&self, _: &CallbackId, callback: &Arc<Callback>) -> u64 {
        const REST_OF_A_CALLBACK: u64 = 256;
        callback.body.len() as u64 + REST_OF_A_CALLBACK
    }
}

/// None with a queue that processes share: another one may make the first attempt.
pub(super) fn open(config: &Config) -> Option<Arc<HotBodies>> {
    if config.queue.redis_url().is_some() {
        return None;
    }
    let bytes = config.delivery.hot_bodies_bytes_max;
    // An estimate of how many fit, to size the cache's tables.
    let items = usize::try_from(bytes / 2048).unwrap_or(usize::MAX);
    Some(Arc::new(Cache::with_weighter(items, bytes, BodyBytes)))
}
