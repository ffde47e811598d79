//! Producers that hand in results all the time, and go to the next API process when one
//! does not take them, as a sensible client does. What was promised is written down.

use super::process::{ids, results};
use reqwest::StatusCode;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

const PRODUCERS: usize = 4;
/// Results in one request.
const BATCH: usize = 4;
/// From one request of a producer to its next: some 400 results a second in all.
pub(crate) const BUSY: Duration = Duration::from_millis(40);
/// Some 40.
pub(crate) const LIGHT: Duration = Duration::from_millis(400);
/// Before a request that was not taken goes to the next process.
const PAUSE: Duration = Duration::from_millis(20);
/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Load {
    shared: Arc<Shared>,
    producers: JoinSet<()>,
    counts: watch::Receiver<Counts>,
}

struct Shared {
    apis: Mutex<Vec<String>>,
    key: String,
    teams: Vec<String>,
    pace: Duration,
    over: AtomicBool,
    ledger: Mutex<Ledger>,
    counts: watch::Sender<Counts>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    accepted: usize,
    refused: usize,
}

/// What producers were told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Callbacks with a 202.
    pub(crate) accepted: HashSet<String>,
    /// Requests by the status of their answer; 0 is none.
    pub(crate) answers: BTreeMap<u16, usize>,
    /// Answers 503 that did not say when to come again.
    pub(crate) unadvised: usize,
    /// The longest wait for an answer.
    pub(crate) slowest: Duration,
}

impl Load {
    pub(crate) fn start(apis: Vec<String>, key: &str, teams: Vec<String>, pace: Duration) -> Self {
        let (counts, heard) = watch::channel(Counts::default());
        let shared = Arc::new(Shared {
            apis: Mutex::new(apis),
            key: key.to_owned(),
            teams,
            pace,
            over: AtomicBool::new(false),
            ledger: Mutex::default(),
            counts,
        });
        let mut producers = JoinSet::new();
        for producer in 0..PRODUCERS {
            producers.spawn(Arc::clone(&shared).hand_in(producer));
        }
        Self {
            shared,
            producers,
            counts: heard,
        }
    }

    /// Returns when so many more callbacks have been accepted.
    pub(crate) async fn accepts(&mut self, more: usize) {
        let goal = self.counts.borrow().accepted + more;
        let grown = self.counts.wait_for(|counts| counts.accepted >= goal);
        let grown = tokio::time::timeout(PATIENCE, grown).await;
        grown.expect("results are accepted").unwrap();
    }

    /// Callbacks with a 202 so far.
    pub(crate) fn accepted(&self) -> usize {
        self.counts.borrow().accepted
    }

    /// Returns when so many more requests were not taken.
    pub(crate) async fn is_refused(&mut self, more: usize) {
        let goal = self.counts.borrow().refused + more;
        let grown = self.counts.wait_for(|counts| counts.refused >= goal);
        let grown = tokio::time::timeout(PATIENCE, grown).await;
        grown.expect("results are refused").unwrap();
    }

    /// The API processes that producers know from now on.
    pub(crate) fn go_to(&self, apis: Vec<String>) {
        *self.shared.apis.lock().unwrap() = apis;
    }

    /// Lets every producer finish its request.
    pub(crate) async fn stop(self) -> Ledger {
        self.shared.over.store(true, Ordering::SeqCst);
        self.producers.join_all().await;
        std::mem::take(&mut *self.shared.ledger.lock().unwrap())
    }
}

impl Shared {
    async fn hand_in(self: Arc<Self>, producer: usize) {
        let client = reqwest::Client::new();
        let mut pace = tokio::time::interval(self.pace);
        for batch in 0.. {
            pace.tick().await;
            let events: Vec<_> = (0..BATCH)
                .map(|n| format!("{producer}-{batch}-{n}"))
                .collect();
            let body = results(&self.teams[batch % self.teams.len()], &events);
            let mut to = producer;
            while !self.over.load(Ordering::SeqCst) && !self.is_taken(&client, to, &body).await {
                to += 1;
                tokio::time::sleep(PAUSE).await;
            }
            if self.over.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    /// Hands one batch to one API process.
    async fn is_taken(&self, client: &reqwest::Client, to: usize, body: &str) -> bool {
        let api = {
            let apis = self.apis.lock().unwrap();
            apis[to % apis.len()].clone()
        };
        let asked = Instant::now();
        let request = client
            .post(format!("{api}/internal/v1/results"))
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .body(body.to_owned());
        let answer = async {
            let answer = request.send().await?;
            let advised = answer.headers().contains_key("retry-after");
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, advised, answer.text().await?))
        };
        let answer = answer.await;
        let mut ledger = self.ledger.lock().unwrap();
        ledger.slowest = ledger.slowest.max(asked.elapsed());
        let status = answer.as_ref().map_or(0, |(status, ..)| status.as_u16());
        *ledger.answers.entry(status).or_default() += 1;
        match answer {
            Ok((StatusCode::ACCEPTED, _, text)) => {
                let ids = ids(&text);
                assert_eq!(ids.len(), BATCH, "a 202 takes all: {text}");
                ledger.accepted.extend(ids);
            }
            Ok((StatusCode::SERVICE_UNAVAILABLE, false, _)) => ledger.unadvised += 1,
            Ok(_) | Err(_) => {}
        }
        self.counts.send_modify(|counts| {
            counts.accepted = ledger.accepted.len();
            counts.refused += usize::from(status != 202);
        });
        status == 202
    }
}
