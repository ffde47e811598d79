//! The queue may be emptied at any moment, and says so; full memory stops what is new and
//! nothing that ends; what is done leaves no keys.

use super::{fill, open};
use crate::support::queue::{entry, id, to_team};
use crate::support::redis::Redis;
use ringback::queue::{Next, Queue, QueueError, Settled, Settlement, Signal};

fn is_rebuilding<T>(answer: &Result<T, QueueError>) -> bool {
    matches!(answer, Err(QueueError::Rebuilding))
}

fn ends(claims: Vec<ringback::queue::Claim>) -> Vec<Settlement> {
    let end = |claim| Settlement {
        claim,
        next: Next::End,
        origin: None,
    };
    claims.into_iter().map(end).collect()
}

#[tokio::test]
async fn an_empty_queue_takes_only_the_rebuild_until_it_is_whole() {
    let server = Redis::start();
    let (queue, _) = open(server.url(), 4).await;
    assert!(!queue.is_whole().await.unwrap());
    assert!(is_rebuilding(&queue.push(vec![entry(2)]).await));
    let rebuild = queue.begin_rebuild().await.unwrap().unwrap();
    assert!(is_rebuilding(&queue.push(vec![entry(2)]).await));
    queue.push_rebuilt(rebuild, vec![entry(1)]).await.unwrap();
    assert_eq!(queue.claim(9).await.unwrap().claims.len(), 1, "at once");
    assert!(queue.end_rebuild(rebuild).await.unwrap());
    assert!(queue.is_whole().await.unwrap());
    queue.push(vec![entry(2)]).await.unwrap();
    assert_eq!(queue.depths().await.unwrap().ready, 1);
}

#[tokio::test]
async fn a_flush_is_told_by_the_next_answer_and_ends_a_rebuild() {
    let server = Redis::start();
    let (queue, _) = open(server.url(), 4).await;
    fill(&queue).await;
    queue.push(vec![entry(1)]).await.unwrap();
    let claims = queue.claim(1).await.unwrap().claims;
    server.command(&["FLUSHALL"]);
    let settled = queue.settle(ends(claims)).await.unwrap();
    assert_eq!(settled, [Settled::LeaseLost(id(1))]);
    assert!(!queue.is_whole().await.unwrap());
    let rebuild = queue.begin_rebuild().await.unwrap().unwrap();
    queue.push_rebuilt(rebuild, vec![entry(1)]).await.unwrap();
    server.command(&["FLUSHALL"]);
    assert!(is_rebuilding(
        &queue.push_rebuilt(rebuild, vec![entry(2)]).await
    ));
    assert!(!queue.end_rebuild(rebuild).await.unwrap());
    fill(&queue).await;
    assert!(queue.is_whole().await.unwrap());
}

#[tokio::test]
async fn one_rebuilds_and_another_takes_over_when_it_dies() {
    let server = Redis::start();
    let (queue, clock) = open(server.url(), 2).await;
    let first = queue.begin_rebuild().await.unwrap().unwrap();
    assert_eq!(queue.begin_rebuild().await.unwrap(), None);
    clock.advance_ms(4_000);
    queue.push_rebuilt(first, vec![entry(1)]).await.unwrap();
    clock.advance_ms(4_000);
    assert_eq!(queue.begin_rebuild().await.unwrap(), None, "it is alive");
    clock.advance_ms(2_000);
    let second = queue.begin_rebuild().await.unwrap().unwrap();
    assert!(is_rebuilding(
        &queue.push_rebuilt(first, vec![entry(2)]).await
    ));
    assert!(!queue.end_rebuild(first).await.unwrap());
    assert!(queue.end_rebuild(second).await.unwrap());
}

#[tokio::test]
async fn a_lost_script_cache_costs_nothing() {
    let server = Redis::start();
    let (queue, _) = open(server.url(), 4).await;
    fill(&queue).await;
    for number in 1..=20 {
        server.command(&["SCRIPT", "FLUSH"]);
        queue.push(vec![entry(number)]).await.unwrap();
        server.command(&["SCRIPT", "FLUSH"]);
        let claims = queue.claim(1).await.unwrap().claims;
        server.command(&["SCRIPT", "FLUSH"]);
        let settled = queue.settle(ends(claims)).await.unwrap();
        assert_eq!(settled, [Settled::Done]);
    }
}

#[tokio::test]
async fn with_memory_full_nothing_new_comes_in_and_what_is_there_ends() {
    let server = Redis::start();
    let (queue, _) = open(server.url(), 1).await;
    fill(&queue).await;
    queue.push((1..=100).map(entry).collect()).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = queue.push((101..=200).map(entry).collect()).await;
    assert!(matches!(refused, Err(QueueError::Unavailable(_))));
    let mut ended = 0;
    while let claims = queue.claim(9).await.unwrap().claims
        && !claims.is_empty()
    {
        for claim in &claims {
            queue.answered(claim, Signal::Success, 5).await.unwrap();
        }
        let settled = queue.settle(ends(claims)).await.unwrap();
        ended += settled.iter().filter(|it| **it == Settled::Done).count();
    }
    assert_eq!(ended, 100);
    assert_eq!(queue.depths().await.unwrap().ready, 0, "refused whole");
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    queue.push((101..=200).map(entry).collect()).await.unwrap();
    assert_eq!(queue.depths().await.unwrap().ready, 100);
    assert_eq!(queue.check(false).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn idle_lanes_leave_no_keys() {
    let server = Redis::start();
    let (queue, clock) = open(server.url(), 1).await;
    fill(&queue).await;
    let of = |number: u128| to_team(&format!("team-{}", number % 50), entry(number));
    queue.push((1..=200).map(of).collect()).await.unwrap();
    while let claims = queue.claim(64).await.unwrap().claims
        && !claims.is_empty()
    {
        for claim in &claims {
            queue.answered(claim, Signal::Success, 5).await.unwrap();
        }
        queue.settle(ends(claims)).await.unwrap();
    }
    clock.advance_ms(600_000);
    // A pulse that tells of stale lanes makes a worker claim; here a push does.
    queue.push(vec![entry(1_000)]).await.unwrap();
    queue.remove(&[id(1_000)]).await.unwrap();
    assert_eq!(queue.claim(1).await.unwrap().claims.len(), 0);
    let mut keys: Vec<String> =
        redis::FromRedisValue::from_redis_value(server.command(&["KEYS", "*"])).unwrap();
    keys.retain(|key| !key.ends_with(":m") && !key.ends_with(":w"));
    assert_eq!(keys, [""; 0]);
}
