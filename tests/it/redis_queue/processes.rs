//! What a process must know of the others, and of its own connection.

use crate::support::queue::{START, entry, redis_settings, team, to_origin, to_team};
use crate::support::redis::Redis;
use ringback::clock::Clock;
use ringback::queue::Queue;
use ringback::queue::fair::Limits;
use ringback::queue::redis::{RedisQueue, RedisSettings};
use std::time::Duration;

/// The share of a team is one of all workers' slots, whoever looks at it.
#[tokio::test]
async fn a_process_that_only_pushes_counts_the_slots_of_all_workers() {
    let server = Redis::start();
    let limits = Limits {
        slots_total: 8,
        ..Limits::default()
    };
    let open = async |slots: Option<u32>| {
        let settings = RedisSettings {
            slots,
            ..redis_settings(server.url(), limits.clone(), 1)
        };
        let opened = RedisQueue::open(settings, Clock::standing(START)).await;
        opened.unwrap()
    };
    let (worker, other_worker, api) = (open(Some(8)).await, open(Some(8)).await, open(None).await);
    let rebuild = worker.begin_rebuild().await.unwrap().unwrap();
    assert!(worker.end_rebuild(rebuild).await.unwrap());
    // Both are heard of.
    for queue in [&other_worker, &worker] {
        assert!(queue.claim(1).await.unwrap().claims.is_empty());
    }
    // Another team is about, so half of the 16 slots are the share of this one.
    api.push(vec![to_team("other", entry(100))]).await.unwrap();
    assert_eq!(worker.claim(1).await.unwrap().claims.len(), 1);
    let to_own_origin = |n: u128| to_origin(&format!("https://{n}.test"), entry(n));
    api.push((0..6).map(to_own_origin).collect()).await.unwrap();
    assert_eq!(worker.claim(6).await.unwrap().claims.len(), 6);
    // That is more than half of the 8 slots that the settings of one process know of.
    api.push((6..12).map(to_own_origin).collect())
        .await
        .unwrap();
    assert_eq!(worker.claim(6).await.unwrap().claims.len(), 2);
    assert_eq!(api.team_depth(&team("acme")).await.unwrap(), 12);
}

#[tokio::test]
async fn a_connection_that_was_opened_anew_is_told_once() {
    let mut server = Redis::start();
    let settings = redis_settings(server.url(), Limits::default(), 1);
    let queue = RedisQueue::open(settings, Clock::standing(START)).await;
    let queue = queue.unwrap();
    assert!(queue.may_lack_the_latest(), "nobody knows what was before");
    assert!(!queue.may_lack_the_latest());
    server.restart();
    let back = async {
        while !queue.may_lack_the_latest() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let back = tokio::time::timeout(Duration::from_mins(1), back).await;
    back.expect("it is told");
    assert!(!queue.may_lack_the_latest());
}
