//! Delivering what is due.
//!
//! The loop, one room a step:
//! 1. [`rebuild`] fills the queue from the journal: at start, and whatever it missed later.
//! 2. [`worker`] takes permits first, then claims as many callbacks as it has permits.
//! 3. [`attempt`] resolves the target, signs and POSTs ([`request`]) through [`client`], or
//!    sends a letter ([`transports`]), within one budget. It gives a value, never an error.
//! 4. The endpoint's answer moves its lane's window at once; the permit is free again.
//! 5. [`settle`] writes attempts and new states in one commit, then tells the queue.
//!    A crash in between costs nothing: the lease ends, the next claim finds the
//!    callback delivered and drops it.
//! 6. [`housekeeping`] audits the ledger and prunes what is old.

pub mod attempt;
pub mod client;
pub mod housekeeping;
mod oversize;
pub mod rebuild;
mod report;
pub mod request;
pub mod settle;
pub mod transports;
pub mod worker;

use crate::app::App;
use crate::delivery::transports::Transports;
use crate::work;
use std::time::Duration;
use tokio::sync::mpsc;

/// Delivers until shutdown: first what the journal holds, then what comes. Returns when
/// every attempt is settled or the grace time is over.
pub async fn run(app: App, transports: Transports) {
    let (finished, inbox) = mpsc::channel(settle::WAITING_MAX);
    let settler = tokio::spawn(settle::run(app.clone(), inbox));
    let keeper = tokio::spawn(housekeeping::run(app.clone()));
    let counter = tokio::spawn(housekeeping::count(app.clone()));
    let sweeper = tokio::spawn(work::outbox::run(app.clone()));
    if rebuild::fill(&app).await {
        let watcher = tokio::spawn(rebuild::watch(app.clone()));
        worker::run(&app, transports, finished).await;
        watcher.abort();
    }
    keeper.abort();
    counter.abort();
    app.write_tally().await;
    sweeper.abort();
    // All senders are gone, so the settler ends after the last commit.
    let grace = Duration::from_millis(app.config.shutdown.grace_ms);
    tokio::select! {
        _ = tokio::time::timeout(grace, settler) => {}
        () = app.shutdown.killed() => {}
    }
}

/// Attempts and settles what is due now, one after the other, until nothing is: a whole
/// life without the loop, for tests.
pub async fn run_due(app: &App, transports: &Transports) {
    while let Ok(claimed) = app.queue.claim(1).await
        && let Some(claim) = claimed.claims.into_iter().next()
    {
        let finished = worker::attempt_one(app, transports, claim).await;
        settle::settle(app, vec![finished]).await;
    }
}
