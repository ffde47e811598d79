//! Permit first, then claim: a claim never waits for a free slot while its lease runs.
//! A permit belongs to its task, so a panic gives it back.

use crate::app::App;
use crate::callback::{Callback, CallbackId, State};
use crate::delivery::attempt;
use crate::delivery::settle::Finished;
use crate::delivery::transports::Transports;
use crate::journal::Change;
use crate::metrics::labels::Turn;
use crate::queue::{Claim, Entry, Next};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// The poll under the wake-ups: nothing due is overlooked for longer.
const POLL: Duration = Duration::from_secs(5);
/// After the queue or the journal did not answer.
const PAUSE: Duration = Duration::from_millis(200);
/// How long claims wait for company under load.
const GATHER: Duration = Duration::from_millis(1);
/// Claims per call: enough to share one journal read, few enough to start soon.
const CLAIMS_MAX: usize = 128;

/// Claims and attempts until shutdown, then waits for attempts in flight within the
/// grace time. Claims not begun are returned.
pub async fn run(app: &App, transports: Transports, finished: mpsc::Sender<Finished>) {
    // Attempts share it: copying it for each would count every part of it up and down.
    let app = &Arc::new(app.clone());
    let slots_max = app.config.queue.slots as usize;
    let permits = Arc::new(Semaphore::new(slots_max));
    let slots_shown = i64::from(app.config.queue.slots);
    app.metrics.attempts_in_flight_max.set(slots_shown);
    loop {
        let first = tokio::select! {
            biased;
            () = app.shutdown.stopping() => break,
            permit = permits.clone().acquire_owned() => permit.expect("never closed"),
        };
        gather(&permits, slots_max).await;
        let mut slots = with_more(first, &permits);
        let claimed = match app.queue.claim(slots.num_permits()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(error = %error, "claiming will be tried again");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        bury(app, claimed.poisoned.as_slice()).await;
        if claimed.claims.is_empty() {
            drop(slots);
            rest(app).await;
            continue;
        }
        drop(slots.split(slots.num_permits() - claimed.claims.len()));
        // Beside the next claim: the queue and the journal need not wait for each other.
        let (app, transports, finished) = (app.clone(), transports.clone(), finished.clone());
        tokio::spawn(
            async move { start(&app, &transports, &finished, slots, claimed.claims).await },
        );
    }
    let grace = Duration::from_millis(app.config.shutdown.grace_ms);
    let all = u32::try_from(slots_max).unwrap_or(u32::MAX);
    tokio::select! {
        _ = tokio::time::timeout(grace, permits.acquire_many(all)) => {}
        () = app.shutdown.killed() => {}
    }
}

/// Under load permits come back one by one: a moment later there are more, and claims come
/// in batches. With room to spare nobody waits.
async fn gather(permits: &Semaphore, slots_max: usize) {
    tokio::task::yield_now().await;
    let free = permits.available_permits();
    if free < slots_max / 4 {
        tokio::time::sleep(GATHER).await;
    }
}

/// A slot and others that are free, up to [`CLAIMS_MAX`].
fn with_more(mut first: OwnedSemaphorePermit, permits: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let free = permits.available_permits().min(CLAIMS_MAX - 1);
    let free = u32::try_from(free).expect("no more than a claim may ask for");
    // Nobody else takes any, so all of them are still there.
    if let Ok(more) = permits.clone().try_acquire_many_owned(free) {
        first.merge(more);
    }
    first
}

/// Sleeps until something may be claimable.
async fn rest(app: &App) {
    let now = app.clock.now();
    let due = app.queue.next_due().await.ok().flatten();
    let sleep = due.map_or(POLL, |due| {
        Duration::from_millis(due.saturating_sub(now)).min(POLL)
    });
    tokio::select! {
        () = app.queue.woken() => {}
        () = tokio::time::sleep(sleep) => {}
        () = app.shutdown.stopping() => {}
    }
}

/// Gives every claim its callback, a slot of these and a task of its own.
async fn start(
    app: &Arc<App>,
    transports: &Transports,
    finished: &mpsc::Sender<Finished>,
    mut slots: OwnedSemaphorePermit,
    claims: Vec<Claim>,
) {
    let mut callbacks = match load(app, &claims).await {
        Ok(callbacks) => callbacks,
        Err(error) => {
            tracing::warn!(error = %error, "claims go back to the queue");
            for claim in claims {
                send(finished, Finished::unattempted(claim, Next::Return)).await;
            }
            // The slots rest as well, so that there are no more such claims meanwhile.
            return tokio::time::sleep(PAUSE).await;
        }
    };
    let claimed_now = callbacks
        .values()
        .map(|callback| (callback.id, callback.attempts));
    app.journal.note_claims(claimed_now);
    for claim in claims {
        let Some(callback) = callbacks.remove(&claim.entry.id) else {
            // The journal says it has ended: settled before a crash, or dropped meanwhile.
            send(finished, Finished::unattempted(claim, Next::End)).await;
            continue;
        };
        observe_lateness(app, &claim, &callback);
        let slot = slots.split(1).expect("each claim has one");
        let (app, transports, finished) = (app.clone(), transports.clone(), finished.clone());
        let task = async move {
            let in_flight = InFlight::begin(&app);
            let done = tokio::select! {
                done = attempt::run(&app, &transports, claim, &callback) => done,
                () = app.shutdown.killed() => return,
            };
            drop(in_flight);
            drop(slot);
            send(&finished, done).await;
        };
        tokio::spawn(task);
    }
}

fn observe_lateness(app: &App, claim: &Claim, callback: &Callback) {
    let late = app.clock.now().saturating_sub(claim.entry.due);
    let turn = if callback.attempts == 0 {
        Turn::First
    } else {
        Turn::Retry
    };
    let late = Duration::from_millis(late).as_secs_f64();
    app.metrics.claim_late_seconds.of(turn).observe(late);
}

/// An attempt, counted until it ends, however that is.
struct InFlight<'a>(&'a App);

impl<'a> InFlight<'a> {
    fn begin(app: &'a App) -> Self {
        app.metrics.attempts_in_flight.inc();
        Self(app)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.metrics.attempts_in_flight.dec();
    }
}

/// One claim from load to outcome.
pub(super) async fn attempt_one(app: &App, transports: &Transports, claim: Claim) -> Finished {
    match load(app, std::slice::from_ref(&claim)).await {
        Ok(mut callbacks) => match callbacks.remove(&claim.entry.id) {
            Some(callback) => attempt::run(app, transports, claim, &callback).await,
            None => Finished::unattempted(claim, Next::End),
        },
        Err(_) => Finished::unattempted(claim, Next::Return),
    }
}

/// Callbacks of claims, from memory or else from the journal. Missing ones have ended.
async fn load(
    app: &App,
    claims: &[Claim],
) -> Result<HashMap<CallbackId, Arc<Callback>>, crate::journal::JournalError> {
    let mut callbacks = HashMap::with_capacity(claims.len());
    let mut cold = Vec::new();
    for claim in claims {
        let id = claim.entry.id;
        match app.take_hot(id) {
            Some(callback) => drop(callbacks.insert(id, callback)),
            None => cold.push(id),
        }
    }
    if !cold.is_empty() {
        let read = app.journal.load_open(&cold).await?;
        callbacks.extend(
            read.into_iter()
                .map(|callback| (callback.id, Arc::new(callback))),
        );
    }
    Ok(callbacks)
}

/// Records callbacks whose claims were abandoned again and again.
async fn bury(app: &App, poisoned: &[Entry]) {
    let now = app.clock.now();
    let ids: Vec<_> = poisoned.iter().map(|entry| entry.id).collect();
    if ids.is_empty() {
        return;
    }
    app.metrics.poisoned_total.inc_by(ids.len() as u64);
    tracing::error!(
        callbacks = ids.len(),
        "buried as poison: their deliveries never ended"
    );
    let dead = match app.journal.load_open(&ids).await {
        Ok(callbacks) => callbacks,
        Err(error) => return tracing::error!(error = %error, "poison is left to the audit"),
    };
    let changes = dead.iter().map(|callback| Change {
        id: callback.id,
        state: State::Dead,
        reason: Some("poison"),
        attempts: callback.attempts,
        at: now,
        attempt: None,
    });
    if let Err(error) = app.journal.change(changes.collect()).await {
        tracing::error!(error = %error, "poison is left to the audit");
    }
}

/// The settler outlives every sender, unless the process is being killed.
async fn send(finished: &mpsc::Sender<Finished>, done: Finished) {
    let _ = finished.send(done).await;
}
