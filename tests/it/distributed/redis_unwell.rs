//! Redis is there, but has forgotten its scripts or has no room. Neither loses or repeats
//! anything: a call is refused whole or runs.

use crate::support::fleet::{Fleet, PATIENCE};
use crate::support::redis::Redis;
use crate::support::redis::queue_keys::entries;

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_flushed_under_load_and_no_request_fails() {
    let redis = Redis::start();
    let fleet = Fleet::start(&redis.url(), "").await;
    let mut load = fleet.load();
    load.accepts(60).await;
    let started = fleet.warnings();
    for _ in 0..20 {
        load.accepts(60).await;
        redis.command(&["SCRIPT", "FLUSH"]);
    }
    load.accepts(60).await;
    let ledger = load.stop().await;
    assert_eq!(ledger.answers.keys().collect::<Vec<_>>(), [&202]);
    let count = || entries(|commands| redis.transaction(commands));
    let repeats = fleet.settle_up(&ledger.accepted, count).await;
    let accepted = ledger.accepted.len();
    eprintln!("SCRIPT FLUSH x 20: {accepted} accepted, {repeats} repeats");
    assert_eq!(repeats, 0);
    assert_eq!(
        fleet.warnings(),
        started,
        "a call had to be made good later"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_intake_goes_on_and_what_is_queued_is_delivered() {
    let redis = Redis::start();
    let fleet = Fleet::start(&redis.url(), "").await;
    let queued = fleet.hand_in_backlog("queued", 100).await;
    fleet.backlog.got_at_least(1).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let mut load = fleet.load();
    load.accepts(200).await;
    fleet.backlog.let_go();
    let all = fleet.backlog.got_ids(&queued);
    let all = tokio::time::timeout(PATIENCE, all).await;
    all.expect("claiming and settling need no room");
    load.accepts(200).await;
    let refused = fleet
        .apis
        .iter()
        .map(|api| api.logged("pushing will be tried again"));
    let refused: usize = refused.map(|lines| lines.len()).sum();
    assert!(refused > 0, "pushes need room");
    assert_eq!(fleet.receiver.got_count(), 0, "what was pushed has come");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    load.accepts(200).await;
    let ledger = load.stop().await;
    assert_eq!(ledger.answers.keys().collect::<Vec<_>>(), [&202]);
    let accepted = &ledger.accepted | &queued;
    let count = || entries(|commands| redis.transaction(commands));
    let repeats = fleet.settle_up(&accepted, count).await;
    eprintln!(
        "without room: {} accepted, {refused} pushes refused, slowest answer {:?}, {repeats} \
         repeats",
        accepted.len(),
        ledger.slowest
    );
    assert_eq!(repeats, 0);
}
