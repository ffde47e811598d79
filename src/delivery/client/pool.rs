//! Connections that wait for their next request, by the origin they lead to.

use crate::delivery::client::link::Link;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// Looks for connections that have waited too long, in the time that one may wait.
const SWEEPS: u32 = 4;
/// Shortest time between two such looks.
const SWEEP_MIN: Duration = Duration::from_millis(100);

/// Idle connections of all origins.
pub(super) struct Pool {
    idle: Mutex<Idle>,
    /// How long one is kept.
    wait_max: Duration,
    /// How many are kept for one origin.
    per_origin_max: usize,
}

#[derive(Default)]
struct Idle {
    /// By origin, those that have waited longest first.
    origins: HashMap<Box<str>, Vec<Waiting>>,
    /// A task looks after them.
    is_swept: bool,
}

struct Waiting {
    link: Link,
    since: Instant,
}

impl Pool {
    pub(super) fn new(wait_max: Duration, per_origin_max: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            wait_max,
            per_origin_max,
        })
    }

    /// One that can take a request at once; the one used last, so that the others grow old.
    pub(super) fn take(&self, origin: &str) -> Option<Link> {
        loop {
            let mut idle = self.lock();
            let waiting = idle.origins.get_mut(origin)?;
            if waiting.last()?.since.elapsed() >= self.wait_max {
                return None; // nor do the others; they will be closed
            }
            let mut link = waiting.pop()?.link;
            drop(idle);
            if link.is_ready() {
                return Some(link);
            }
        }
    }

    /// Keeps one for the next request, if it can take one and there is room.
    pub(super) fn put(self: &Arc<Self>, origin: &str, mut link: Link) {
        if !link.is_ready() {
            return;
        }
        let mut idle = self.lock();
        if !idle.origins.contains_key(origin) {
            idle.origins.insert(origin.into(), Vec::new());
        }
        let waiting = idle.origins.get_mut(origin).expect("it is there now");
        if waiting.len() < self.per_origin_max {
            let since = Instant::now();
            waiting.push(Waiting { link, since });
        }
        if !idle.is_swept {
            idle.is_swept = true;
            let every = (self.wait_max / SWEEPS).max(SWEEP_MIN);
            tokio::spawn(sweep(Arc::downgrade(self), every));
        }
    }

    /// Takes out those that have waited too long. None when nothing is left to look after.
    fn overdue(&self) -> Option<Vec<Link>> {
        let now = Instant::now();
        let mut idle = self.lock();
        let mut overdue = Vec::new();
        idle.origins.retain(|_, waiting| {
            let old = waiting.partition_point(|one| now - one.since >= self.wait_max);
            overdue.extend(waiting.drain(..old).map(|one| one.link));
            !waiting.is_empty()
        });
        idle.is_swept = !(idle.origins.is_empty() && overdue.is_empty());
        idle.is_swept.then_some(overdue)
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        // Whoever panicked while holding it left nothing half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what nobody took in time, for as long as the pool lives and holds something.
async fn sweep(pool: Weak<Pool>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(overdue) = pool.upgrade().and_then(|pool| pool.overdue()) else {
            return;
        };
        futures_util::future::join_all(overdue.into_iter().map(Link::close)).await;
    }
}
