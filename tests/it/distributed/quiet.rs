//! When little happens: what an idle worker costs Redis, and how late retries start.

use crate::support::endpoint::Endpoint;
use crate::support::fleet::{Fleet, PATIENCE};
use crate::support::load::LIGHT;
use crate::support::redis::Redis;
use crate::support::redis::queue_keys::entries;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// A pulse every 5 s, and on the connection that hears wake-ups a PING after 10 s of
/// silence. More than these would be a defect; a busy machine only makes them fewer.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_costs_a_script_in_five_seconds_and_a_ping_in_ten() {
    let redis = Redis::start();
    let fleet = Fleet::start(&redis.url(), "").await;
    // Not idle from birth: it has worked, and has nothing more to do.
    let mut load = fleet.load();
    load.accepts(100).await;
    let ledger = load.stop().await;
    let count = || entries(|commands| redis.transaction(commands));
    fleet.settle_up(&ledger.accepted, count).await;
    // Within a pulse each worker has noticed that nothing is left.
    let only_pulses =
        async { while scripts(&redis.monitor(Duration::from_secs(6)).await).len() != 1 {} };
    let only_pulses = tokio::time::timeout(PATIENCE, only_pulses).await;
    only_pulses.expect("idle workers do nothing but tell that they are alive");
    let started = Instant::now();
    let commands = redis.monitor(Duration::from_secs(16)).await;
    let seconds = started.elapsed().as_secs_f64();
    let count = |name: &str| {
        let words = format!("\"{name}\"");
        let named = commands.iter().filter(|line| line.contains(&words));
        u32::try_from(named.count()).unwrap()
    };
    let (pulses, pings) = (count("EVALSHA"), count("PING"));
    eprintln!(
        "two idle workers and two idle API processes: {pulses} EVALSHA, {pings} PING and \
         nothing else in {seconds:.1} s"
    );
    let all = u32::try_from(commands.len()).unwrap();
    assert_eq!(all, pulses + pings, "{commands:?}");
    assert!(pulses > 0, "a worker that is never heard of counts as dead");
    let workers = f64::from(u32::try_from(fleet.workers.len()).unwrap());
    // One more each: the window begins and ends anywhere between two.
    let at_most = |every: f64| workers * (seconds / every + 1.0);
    assert!(f64::from(pulses) <= at_most(5.0), "{commands:?}");
    assert!(f64::from(pings) <= at_most(10.0), "{commands:?}");
}

/// The different scripts that were called.
fn scripts(commands: &[String]) -> HashSet<&str> {
    let called = commands
        .iter()
        .filter_map(|line| line.split_once("\"EVALSHA\" \""));
    called
        .map(|(_, rest)| rest.split('"').next().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn under_light_load_retries_are_not_late() {
    let redis = Redis::start();
    // Longer than the load, so that first attempts and retries are told apart.
    let fleet = Fleet::start(&redis.url(), "retry.first_delay_ms = 9000\n").await;
    // A third fails: too few to open a breaker.
    let failing = Endpoint::answering([500, 200, 200].repeat(1000)).await;
    for team in Fleet::teams() {
        fleet.put_team(&team, &failing).await;
    }
    let mut load = fleet.load_at(LIGHT);
    load.accepts(200).await;
    let ledger = load.stop().await;
    let first = failing.got_ids(&ledger.accepted);
    let first = tokio::time::timeout(PATIENCE, first).await;
    first.expect("each is attempted");
    failing.answer_next([200]);
    let before = lateness(&fleet).await;
    let delivered = async {
        let good = || {
            failing
                .statuses()
                .into_iter()
                .filter(|status| *status == 200)
        };
        while good().count() < ledger.accepted.len() {
            failing.got_at_least(failing.got_count() + 1).await;
        }
    };
    let delivered = tokio::time::timeout(PATIENCE, delivered).await;
    delivered.expect("all are delivered at last");
    let retries = lateness(&fleet).await.into_iter().zip(before);
    let retries: Vec<_> = retries
        .map(|((below, after), (_, before))| (below, after - before))
        .collect();
    let claims = retries.last().expect("there are buckets").1;
    let part = |percent: u64| {
        let enough = |(_, count): &&(String, u64)| count * 100 >= claims * percent;
        &retries.iter().find(enough).expect("the last holds all").0
    };
    eprintln!(
        "lateness of {claims} retries: p50 below {} s, p99 below {} s",
        part(50),
        part(99)
    );
    assert!(claims > 0);
}

/// Upper ends of the histogram's buckets, and how many claims of all workers are below.
async fn lateness(fleet: &Fleet) -> Vec<(String, u64)> {
    let mut sums = Vec::new();
    for worker in &fleet.workers {
        let (_, text) = worker.operator("/metrics").await;
        let bucket = |line: &str| {
            let line =
                line.strip_prefix("ringback_claim_late_seconds_bucket{attempt=\"retry\",le=\"")?;
            let (below, count) = line.split_once("\"} ").unwrap();
            Some((below.to_owned(), count.parse::<u64>().unwrap()))
        };
        for (index, (below, count)) in text.lines().filter_map(bucket).enumerate() {
            match sums.get_mut(index) {
                None => sums.push((below, count)),
                Some((_, sum)) => *sum += count,
            }
        }
    }
    sums
}
