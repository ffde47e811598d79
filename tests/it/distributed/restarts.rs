//! Processes and PostgreSQL are restarted under load.

use crate::support::fleet::Fleet;
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;
use crate::support::redis::queue_keys::{claims_and, entries};
use std::time::Instant;

/// A worker whose attempts ended while the server was away keeps them until it is back, so
/// what comes twice was claimed for longer than its lease.
#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_away_nothing_is_promised_and_then_all_goes_on() {
    let redis = Redis::start();
    let mut postgres = Postgres::own().await;
    let url = postgres.database().await;
    let fleet = Fleet::start_on(&url, &redis.url(), "").await;
    let mut load = fleet.load();
    load.accepts(300).await;
    postgres.stop();
    let bound = claims_and("PING", |commands| redis.transaction(commands));
    load.is_refused(8).await;
    postgres.start().await;
    let back = Instant::now();
    load.accepts(1).await;
    let healed = back.elapsed();
    load.accepts(300).await;
    let ledger = load.stop().await;
    assert_eq!(
        ledger.answers.keys().collect::<Vec<_>>(),
        [&202, &503],
        "{:?}",
        ledger.answers
    );
    assert_eq!(ledger.unadvised, 0, "a 503 says when to come again");
    let count = || entries(|commands| redis.transaction(commands));
    let repeats = fleet.settle_up(&ledger.accepted, count).await;
    eprintln!(
        "PostgreSQL away: {} accepted, answers {:?}, slowest {:?}, healed after {healed:?}, \
         {repeats} repeats of {bound} possible",
        ledger.accepted.len(),
        ledger.answers,
        ledger.slowest
    );
    assert!(repeats <= bound, "{repeats} repeats, {bound} were claimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_is_restarted_in_turn_and_nobody_notices() {
    let redis = Redis::start();
    let mut fleet = Fleet::start(&redis.url(), "").await;
    let mut load = fleet.load();
    load.accepts(200).await;
    for turn in 0..fleet.apis.len() {
        let others = fleet.apis.iter().enumerate();
        let others = others.filter(|(other, _)| *other != turn);
        let others = others.map(|(_, api)| api.api.clone()).collect();
        let api = fleet.apis.remove(turn);
        api.signal("TERM");
        // As a client does that finds the door closed; those at work are answered.
        load.go_to(others);
        assert!(api.ended().await.success());
        fleet.apis.insert(turn, fleet.home.serve_as("api"));
        load.go_to(fleet.api_urls());
        load.accepts(200).await;
    }
    for turn in 0..fleet.workers.len() {
        let worker = fleet.workers.remove(turn);
        worker.signal("TERM");
        assert!(worker.ended().await.success());
        fleet.workers.insert(turn, fleet.home.serve_as("worker"));
        load.accepts(200).await;
    }
    let ledger = load.stop().await;
    let count = || entries(|commands| redis.transaction(commands));
    let repeats = fleet.settle_up(&ledger.accepted, count).await;
    eprintln!(
        "rolling restart: {} accepted, answers {:?}, {repeats} repeats",
        ledger.accepted.len(),
        ledger.answers
    );
    // A closed door (0) or a stop that is announced, on the way to the other process.
    let expected = |status: &u16| [0, 202, 503].contains(status);
    assert!(ledger.answers.keys().all(expected), "{:?}", ledger.answers);
    assert_eq!(repeats, 0, "a graceful stop repeats nothing");
    for worker in &fleet.workers {
        assert_eq!(worker.leases_lost(), 0);
    }
}
