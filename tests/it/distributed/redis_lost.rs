//! Redis forgets everything: flushed under load, flushed while nothing happens, killed and
//! started empty. The journal knows it all.
//!
//! What may come twice: an attempt whose claim was forgotten before it was settled. A
//! rebuild that reads the journal before the attempt is written there pushes it again. Each
//! such claim is lost once, so there are at most as many repeats as there were claims.

use crate::support::endpoint::Endpoint;
use crate::support::fleet::{Fleet, PATIENCE};
use crate::support::redis::Redis;
use crate::support::redis::queue_keys::{claims_and, entries, scheduled};
use ringback::callback::State;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn flushed_under_load_it_is_filled_again() {
    let redis = Redis::start();
    let fleet = Fleet::start(&redis.url(), "").await;
    let backlog = fleet.hand_in_backlog("before", 100).await;
    fleet.backlog.got_at_least(1).await;
    let mut load = fleet.load();
    let mut bound = 0;
    for _ in 0..3 {
        load.accepts(200).await;
        bound += claims_and("FLUSHALL", |commands| redis.transaction(commands));
        load.accepts(200).await;
    }
    fleet.backlog.let_go();
    load.accepts(200).await;
    let ledger = load.stop().await;
    assert_eq!(ledger.answers.keys().collect::<Vec<_>>(), [&202]);
    let accepted = &ledger.accepted | &backlog;
    let repeats = fleet
        .settle_up(&accepted, || {
            entries(|commands| redis.transaction(commands))
        })
        .await;
    eprintln!(
        "FLUSHALL x 3: {} accepted, {repeats} repeats of {bound} possible",
        accepted.len()
    );
    assert!(repeats <= bound, "{repeats} repeats, {bound} were claimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_while_everything_is_scheduled_and_nothing_happens_it_is_filled_again() {
    /// Ten failures in a row would park the lane.
    const COUNT: usize = 8;
    let redis = Redis::start();
    let fleet = Fleet::start(&redis.url(), "retry.first_delay_ms = 3600000\n").await;
    let failing = Endpoint::answering([500]).await;
    fleet.put_team("team_0", &failing).await;
    let events: Vec<_> = (0..COUNT).map(|n| format!("e{n}")).collect();
    let ids = fleet.apis[0].hand_in_for("team_0", &events).await;
    assert_eq!(ids.unwrap().len(), COUNT);
    let until_scheduled = async || {
        while scheduled(|commands| redis.transaction(commands)) < COUNT {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let all = tokio::time::timeout(PATIENCE, until_scheduled()).await;
    all.expect("all are attempted, and scheduled");
    redis.command(&["FLUSHALL"]);
    let flushed = Instant::now();
    let all = tokio::time::timeout(PATIENCE, until_scheduled()).await;
    all.expect("all are scheduled again");
    eprintln!("FLUSHALL while idle: healed after {:?}", flushed.elapsed());
    assert_eq!(failing.got_count(), COUNT, "none was attempted again");
    let counts = fleet.journal().await.counts().await.unwrap();
    assert_eq!(usize::try_from(counts.by_state[&State::Pending]), Ok(COUNT));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_started_empty_it_is_filled_again() {
    let mut redis = Redis::start();
    let fleet = Fleet::start(&redis.url(), "").await;
    let backlog = fleet.hand_in_backlog("before", 100).await;
    fleet.backlog.got_at_least(1).await;
    let mut load = fleet.load();
    load.accepts(300).await;
    // Still from here on, so that nothing is claimed between the count and the kill.
    let pause = "CLIENT PAUSE 60000 ALL";
    let bound = claims_and(pause, |commands| redis.transaction(commands));
    redis.kill();
    // Those in flight end; the others can only come from a queue that was filled again.
    fleet.backlog.let_go();
    load.accepts(300).await;
    let before = fleet.backlog.got_count();
    redis.restart();
    let back = Instant::now();
    let healed = fleet.backlog.got_at_least(before + 1);
    let healed = tokio::time::timeout(PATIENCE, healed).await;
    healed.expect("what was pending before goes on");
    let healed = back.elapsed();
    load.accepts(300).await;
    let ledger = load.stop().await;
    assert_eq!(ledger.answers.keys().collect::<Vec<_>>(), [&202]);
    let accepted = &ledger.accepted | &backlog;
    let repeats = fleet
        .settle_up(&accepted, || {
            entries(|commands| redis.transaction(commands))
        })
        .await;
    eprintln!(
        "Redis killed: {} accepted, healed {healed:?} after its return, {repeats} repeats of \
         {bound} possible",
        accepted.len()
    );
    assert!(repeats <= bound, "{repeats} repeats, {bound} were claimed");
}
