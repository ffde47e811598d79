//! The master dies, and the replica that is promoted missed the last of what it had:
//! replication is asynchronous. What it missed is in the journal, where whoever finds the connection
//! opened anew looks for the latest, and the audit for the rest.
//!
//! What may come twice: an attempt that was under way when the master died, if the replica
//! has its entry unclaimed and it is not written to the journal before the next claim.

use crate::support::fleet::{Fleet, PATIENCE, SHORT_LEASES};
use crate::support::proxy::{Mode, Proxy};
use crate::support::redis::Program;
use crate::support::redis::queue_keys::{claims_and, entries};
use crate::support::redis::sentinels::Sentinels;
use std::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_promoted_replica_missed_is_delivered() {
    let mut sentinels = Sentinels::start(Program::Redis);
    let fleet = Fleet::start(&sentinels.url(), SHORT_LEASES).await;
    let proxy = Proxy::start(sentinels.address(0));
    sentinels.follow_through(proxy.address());
    let mut load = fleet.load();
    load.accepts(300).await;
    proxy.set(Mode::BlackHole);
    let mut backlog = fleet.hand_in_backlog("missed", 100).await;
    fleet.backlog.got_at_least(1).await;
    load.accepts(300).await;
    // Still from here on, so that nothing is claimed between the count and the kill.
    let pause = "CLIENT PAUSE 60000 ALL";
    let bound = claims_and(pause, |commands| sentinels.transaction(0, commands));
    let known = entries(|commands| sentinels.transaction(1, commands));
    sentinels.kill(0);
    // Those under way end; the others can only come from a queue that knows of them.
    fleet.backlog.let_go();
    let killed = Instant::now();
    sentinels.until_promoted().await;
    let promoted = Instant::now();
    let before = fleet.backlog.got_count();
    assert!(before < backlog.len() / 2, "{before} came without a queue");
    let missed = fleet.backlog.got_at_least(before + 1);
    let missed = tokio::time::timeout(PATIENCE, missed).await;
    missed.expect("what the replica missed is found");
    let healed = promoted.elapsed();
    load.accepts(300).await;
    backlog.extend(fleet.hand_in_backlog("after", 100).await);
    let ledger = load.stop().await;
    assert_eq!(ledger.answers.keys().collect::<Vec<_>>(), [&202]);
    let accepted = &ledger.accepted | &backlog;
    let count = || entries(|commands| sentinels.transaction(1, commands));
    let repeats = fleet.settle_up(&accepted, count).await;
    eprintln!(
        "failover: {} accepted, the replica knew {known} entries, promoted {:?} after the kill, \
         healed {healed:?} later, {repeats} repeats of {bound} possible",
        accepted.len(),
        promoted - killed
    );
    assert!(repeats <= bound, "{repeats} repeats, {bound} were claimed");
}
