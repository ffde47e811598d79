//! Several processes share one queue, on one server or several.

use super::{fill, open};
use crate::support::queue::{START, entry, numbers, redis_settings, to_team};
use crate::support::redis::cluster::Cluster;
use crate::support::redis::sentinels::Sentinels;
use crate::support::redis::{Program, Redis};
use ringback::clock::Clock;
use ringback::queue::fair::Limits;
use ringback::queue::redis::RedisQueue;
use ringback::queue::{Claim, Entry, Next, Queue, Settled, Settlement, Signal};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(30);

fn of_team(number: u128) -> Entry {
    to_team(&format!("team-{}", number % 40), entry(number))
}

async fn finish(queue: &RedisQueue, claims: Vec<Claim>) -> usize {
    for claim in &claims {
        queue.answered(claim, Signal::Success, 5).await.unwrap();
    }
    let end = |claim| Settlement {
        claim,
        next: Next::End,
        origin: None,
    };
    let settled = queue.settle(claims.into_iter().map(end).collect()).await;
    let settled = settled.unwrap();
    settled.iter().filter(|it| **it == Settled::Done).count()
}

/// Everything that was pushed is claimed once, by whoever asks.
async fn is_shared(one: &RedisQueue, two: &RedisQueue) {
    one.push((1..=400).map(of_team).collect()).await.unwrap();
    let (mut seen, mut ended) = (HashSet::new(), 0);
    loop {
        let (first, second) = tokio::join!(one.claim(16), two.claim(16));
        let (first, second) = (first.unwrap().claims, second.unwrap().claims);
        if first.is_empty() && second.is_empty() {
            break;
        }
        for number in numbers(&first).into_iter().chain(numbers(&second)) {
            assert!(seen.insert(number), "{number} was claimed twice");
        }
        // Whoever claimed it, anyone may settle it.
        ended += finish(two, first).await + finish(one, second).await;
    }
    assert_eq!((seen.len(), ended), (400, 400));
    assert_eq!(one.check(false).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn two_processes_share_one_server() {
    let server = Redis::start();
    let (one, _) = open(server.url(), 16).await;
    let (two, _) = open(server.url(), 16).await;
    fill(&one).await;
    is_shared(&one, &two).await;
}

#[tokio::test]
async fn two_processes_share_valkey() {
    let server = Redis::start_valkey();
    let (one, _) = open(server.url(), 1).await;
    let (two, _) = open(server.url(), 1).await;
    fill(&one).await;
    is_shared(&one, &two).await;
}

#[tokio::test]
async fn two_processes_share_a_cluster() {
    let cluster = Cluster::start(Program::Redis);
    let (one, _) = open(cluster.url(), 16).await;
    let (two, _) = open(cluster.url(), 16).await;
    fill(&one).await;
    is_shared(&one, &two).await;
}

#[tokio::test]
async fn two_processes_share_what_sentinels_elect() {
    let sentinels = Sentinels::start(Program::Redis);
    let (one, _) = open(sentinels.url(), 4).await;
    let (two, _) = open(sentinels.url(), 4).await;
    fill(&one).await;
    is_shared(&one, &two).await;
}

#[tokio::test]
async fn a_push_wakes_a_process_that_sleeps() {
    let server = Redis::start();
    let (pushing, _) = open(server.url(), 16).await;
    let (sleeping, _) = open(server.url(), 16).await;
    fill(&pushing).await;
    // Awake until nothing is there and no wake-up is left.
    while sleeping.next_due().await.unwrap().is_some() {
        assert_eq!(sleeping.claim(9).await.unwrap().claims.len(), 0);
    }
    pushing.push(vec![entry(1)]).await.unwrap();
    let claimed = async {
        loop {
            sleeping.woken().await;
            let claims = sleeping.claim(9).await.unwrap().claims;
            if !claims.is_empty() {
                return claims;
            }
        }
    };
    let claims = tokio::time::timeout(PATIENCE, claimed).await;
    assert_eq!(numbers(&claims.expect("it was woken")), [1]);
}

#[tokio::test]
async fn shares_are_of_the_slots_of_all_workers_alive() {
    let server = Redis::start();
    let (one, _) = open(server.url(), 4).await;
    fill(&one).await;
    let open_windows = Limits {
        slots_total: 8,
        window_start: 32,
        ..Limits::default()
    };
    let worker = |slots| {
        let mut settings = redis_settings(server.url(), open_windows.clone(), 4);
        settings.slots = Some(slots);
        RedisQueue::open(settings, Clock::standing(START))
    };
    let (small, large) = (worker(8).await.unwrap(), worker(40).await.unwrap());
    // The first claim tells of the worker, and tells it of the others.
    for worker in [&small, &large] {
        assert_eq!(worker.claim(1).await.unwrap().claims.len(), 0);
    }
    large.push((1..=100).map(entry).collect()).await.unwrap();
    let claims = large.claim(100).await.unwrap().claims;
    assert_eq!(claims.len(), 12, "a lane may have a quarter of 8 + 40");
}

#[tokio::test]
async fn teams_of_crowded_and_of_empty_shards_get_their_turns() {
    let server = Redis::start();
    let (queue, _) = open(server.url(), 16).await;
    fill(&queue).await;
    let teams = 40;
    queue
        .push((1..=8_000).map(of_team).collect())
        .await
        .unwrap();
    let mut turns: HashMap<String, usize> = HashMap::new();
    for _ in 0..120 {
        let claims = queue.claim(16).await.unwrap().claims;
        for claim in &claims {
            *turns.entry(claim.entry.team.to_string()).or_default() += 1;
        }
        finish(&queue, claims).await;
    }
    let (least, most) = (turns.values().min().unwrap(), turns.values().max().unwrap());
    assert_eq!(turns.len(), teams);
    // A round asks a shard for sixteen claims at a time; beyond that all are level.
    assert!(most - least <= 32, "{least} to {most}");
}
