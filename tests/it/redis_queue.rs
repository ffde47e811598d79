//! What the queue in Redis owes beyond the rules of every queue: it is shared, it may be
//! lost, it leaves nothing behind, and it is the same on every kind of Redis.

mod loss; // emptied, refilled, out of memory
mod processes; // those that only push, and connections opened anew
mod sharing; // several processes, several shards, every kind of server

use crate::support::queue::{START, redis_settings};
use ringback::clock::Clock;
use ringback::queue::Queue;
use ringback::queue::fair::Limits;
use ringback::queue::redis::RedisQueue;

/// As one process opens it.
pub(crate) async fn open(url: String, shards: usize) -> (RedisQueue, Clock) {
    let clock = Clock::standing(START);
    let settings = redis_settings(url, Limits::default(), shards);
    let queue = RedisQueue::open(settings, clock.clone()).await;
    (queue.expect("the server runs"), clock)
}

/// Rebuilt from an empty journal.
pub(crate) async fn fill(queue: &RedisQueue) {
    let rebuild = queue.begin_rebuild().await.expect("the server answers");
    let rebuild = rebuild.expect("nobody else is about it");
    assert!(
        queue
            .end_rebuild(rebuild)
            .await
            .expect("the server answers")
    );
}
