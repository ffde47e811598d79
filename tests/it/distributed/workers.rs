//! A worker dies, or stands still for longer than its leases.
//!
//! What may come twice: what it had claimed when it went. Claims are counted while it
//! already stands still: what it claims later it cannot attempt any more.

use crate::support::fleet::{Fleet, PATIENCE, SHORT_LEASES};
use crate::support::redis::Redis;
use crate::support::redis::queue_keys::{claims_and, entries};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn when_a_worker_is_killed_another_delivers_what_it_had() {
    let redis = Redis::start();
    let mut fleet = Fleet::start(&redis.url(), SHORT_LEASES).await;
    let mut load = fleet.load();
    load.accepts(400).await;
    let worker = fleet.workers.remove(0);
    worker.signal("STOP");
    let bound = claims_and("PING", |commands| redis.transaction(commands));
    worker.kill();
    load.accepts(400).await;
    let ledger = load.stop().await;
    assert_eq!(ledger.answers.keys().collect::<Vec<_>>(), [&202]);
    let stopped = Instant::now();
    let count = || entries(|commands| redis.transaction(commands));
    let repeats = fleet.settle_up(&ledger.accepted, count).await;
    eprintln!(
        "a worker killed: {} accepted, all over {:?} after the load, {repeats} repeats of \
         {bound} possible",
        ledger.accepted.len(),
        stopped.elapsed()
    );
    assert!(repeats <= bound, "{repeats} repeats, {bound} were claimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stood_still_for_longer_than_its_leases_settles_nothing() {
    let redis = Redis::start();
    let mut fleet = Fleet::start(&redis.url(), SHORT_LEASES).await;
    // Alone at first, so that it is the one that has the backlog in flight.
    let idle = fleet.workers.remove(0);
    idle.signal("TERM");
    assert!(idle.ended().await.success());
    let backlog = fleet.hand_in_backlog("held", 20).await;
    let mut load = fleet.load();
    load.accepts(200).await;
    fleet.backlog.got_at_least(2).await;
    fleet.workers[0].signal("STOP");
    let in_flight = fleet.backlog.got_count();
    let bound = claims_and("PING", |commands| redis.transaction(commands));
    fleet.backlog.let_go();
    fleet.workers.push(fleet.home.serve_as("worker"));
    let again = fleet.backlog.got_at_least(backlog.len() + in_flight);
    let again = tokio::time::timeout(PATIENCE, again).await;
    again.expect("the other worker delivers all, and again what was in flight");
    load.accepts(200).await;
    let [paused, other] = &fleet.workers[..] else {
        panic!("there are two");
    };
    paused.signal("CONT");
    // A call that was on its way when the worker stood still has timed out meanwhile: then its
    // settlements fail with the connection instead of being refused.
    let too_late = || {
        let failed = paused.logged("settled in the journal, not yet in the queue");
        paused.leases_lost() > 0 || !failed.is_empty()
    };
    let waiting = async {
        while !too_late() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(
        waited.is_ok(),
        "its settlements come too late: {:?}",
        paused.warnings()
    );
    load.accepts(200).await;
    let ledger = load.stop().await;
    assert_eq!(ledger.answers.keys().collect::<Vec<_>>(), [&202]);
    let accepted = &ledger.accepted | &backlog;
    let count = || entries(|commands| redis.transaction(commands));
    let repeats = fleet.settle_up(&accepted, count).await;
    eprintln!(
        "a worker paused: {} accepted, {} leases lost, {repeats} repeats of {bound} possible",
        accepted.len(),
        paused.leases_lost()
    );
    assert!(repeats <= bound, "{repeats} repeats, {bound} were claimed");
    assert_eq!(other.leases_lost(), 0);
}
