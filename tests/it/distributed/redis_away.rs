//! Redis does not answer for a long time, with what it had or without the means to say
//! that it is gone: intake goes on, and nothing of what was in it is lost.
//!
//! What may come twice: an attempt whose settlement was lost with the connection. The
//! journal has it, so its next claim drops it; only one that could not be written there
//! before its lease ended comes again. At most what was claimed when the line went.

use crate::support::fleet::{Fleet, SHORT_LEASES};
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis::Redis;
use crate::support::redis::queue_keys::{claims_and, entries};
use std::time::Duration;

/// At the least.
const ACCEPTED_MEANWHILE: usize = 200;

/// How long Redis is away; longer with `scripts/soak`.
fn away_for() -> Duration {
    let is_soak = std::env::var_os("RINGBACK_SOAK").is_some();
    Duration::from_secs(if is_soak { 120 } else { 10 })
}

#[tokio::test(flavor = "multi_thread")]
async fn while_its_line_is_silent_intake_answers_202_and_then_all_is_delivered() {
    goes_on_without(Mode::BlackHole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_refuses_connections_intake_answers_202_and_then_all_is_delivered() {
    goes_on_without(Mode::Reset).await;
}

async fn goes_on_without(mode: Mode) {
    let redis = Redis::start();
    let proxy = Proxy::start(redis.address());
    let fleet = Fleet::start(&redis.url_through(proxy.address()), SHORT_LEASES).await;
    let mut load = fleet.load();
    load.accepts(300).await;
    proxy.set(mode);
    // After the cut: what was claimed before and is not settled, or cannot be any more.
    let bound = claims_and("PING", |commands| redis.transaction(commands));
    tokio::time::sleep(away_for()).await;
    load.accepts(ACCEPTED_MEANWHILE).await;
    let waiting = load.accepted() - fleet.receiver.got_count();
    proxy.set(Mode::Pass);
    load.accepts(300).await;
    let ledger = load.stop().await;
    assert_eq!(
        ledger.answers.keys().collect::<Vec<_>>(),
        [&202],
        "{ledger:?}"
    );
    let repeats = fleet
        .settle_up(&ledger.accepted, || {
            entries(|commands| redis.transaction(commands))
        })
        .await;
    eprintln!(
        "Redis away ({mode:?}) for {:?}: {} accepted, of which {waiting} waited at the end, \
         slowest answer {:?}, {repeats} repeats of {bound} possible",
        away_for(),
        ledger.accepted.len(),
        ledger.slowest
    );
    assert!(waiting >= ACCEPTED_MEANWHILE, "the fault was none");
    assert!(repeats <= bound, "{repeats} repeats, {bound} were claimed");
}
