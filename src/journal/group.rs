//! Group commit: while one transaction syncs to disk the next requests gather, so one
//! sync serves many callers and a lone caller waits for nobody. Knows no SQL.

use crate::journal::{Appended, Change, JournalError, NewCallback};
use crate::metrics::Metrics;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Requests that may wait for a writer before senders wait too.
const WAITING_MAX: usize = 4096;

type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// A request to a writer with the way back for its answer.
pub(super) enum Request {
    Append(Vec<NewCallback>, Reply<Vec<Appended>>),
    Change(Vec<Change>, Reply<()>),
}

pub(super) type Inbox = mpsc::Receiver<Request>;

/// The callers' end of a writer's inbox.
#[derive(Clone)]
pub(super) struct Requests {
    sender: mpsc::Sender<Request>,
    metrics: Metrics,
}

pub(super) fn channel(metrics: Metrics) -> (Requests, Inbox) {
    let (sender, inbox) = mpsc::channel(WAITING_MAX);
    (Requests { sender, metrics }, inbox)
}

impl Requests {
    pub(super) async fn append(
        &self,
        callbacks: Vec<NewCallback>,
    ) -> Result<Vec<Appended>, JournalError> {
        self.ask(|reply| Request::Append(callbacks, reply)).await
    }

    pub(super) async fn change(&self, changes: Vec<Change>) -> Result<(), JournalError> {
        self.ask(|reply| Request::Change(changes, reply)).await
    }

    async fn ask<T>(&self, make: impl FnOnce(Reply<T>) -> Request) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        let _waiting = Waiting::begin(&self.metrics);
        let sent = self.sender.send(make(reply)).await;
        sent.map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }
}

/// A caller that waits, counted until it has its answer or goes away.
struct Waiting<'a>(&'a Metrics);

impl<'a> Waiting<'a> {
    fn begin(metrics: &'a Metrics) -> Self {
        metrics.journal_waiting.inc();
        Self(metrics)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.journal_waiting.dec();
    }
}

/// Requests that share one transaction.
#[derive(Default)]
pub(super) struct Group {
    appends: Vec<(Vec<NewCallback>, Reply<Vec<Appended>>)>,
    changes: Vec<(Vec<Change>, Reply<()>)>,
    items: usize,
}

impl Group {
    /// The next request and whatever waits behind it, until there are `items_max` items.
    /// `None` when every sender is gone.
    pub(super) async fn gather(inbox: &mut Inbox, items_max: usize) -> Option<Self> {
        let mut group = Self::default();
        group.add(inbox.recv().await?);
        while group.items < items_max
            && let Ok(next) = inbox.try_recv()
        {
            group.add(next);
        }
        Some(group)
    }

    fn add(&mut self, request: Request) {
        match request {
            Request::Append(callbacks, reply) => {
                self.items += callbacks.len();
                self.appends.push((callbacks, reply));
            }
            Request::Change(changes, reply) => {
                self.items += changes.len();
                self.changes.push((changes, reply));
            }
        }
    }

    pub(super) fn items(&self) -> usize {
        self.items
    }

    pub(super) fn new_callbacks(&self) -> Vec<&NewCallback> {
        let batches = self.appends.iter().flat_map(|(batch, _)| batch);
        batches.collect()
    }

    pub(super) fn changes(&self) -> Vec<&Change> {
        let batches = self.changes.iter().flat_map(|(batch, _)| batch);
        batches.collect()
    }

    /// Tells every caller. `appended` answers [`Group::new_callbacks`] in order.
    pub(super) fn answer(
        self,
        appended: Result<Vec<Appended>, JournalError>,
        changed: &Result<(), JournalError>,
    ) {
        // A caller that went away needs no answer, so a failed send means nothing.
        for (_, reply) in self.changes {
            let _ = reply.send(changed.clone());
        }
        match appended {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for (batch, reply) in self.appends {
                    let own = answers.by_ref().take(batch.len()).collect();
                    let _ = reply.send(Ok(own));
                }
            }
            Err(error) => {
                for (_, reply) in self.appends {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }
}

/// Counts one commit.
pub(super) fn observe(metrics: &Metrics, items: usize, took: Duration) {
    metrics.journal_commit_items.observe(items_as_f64(items));
    metrics.journal_commit_seconds.observe(took.as_secs_f64());
}

#[expect(clippy::cast_precision_loss, reason = "a count for a histogram")]
fn items_as_f64(items: usize) -> f64 {
    items as f64
}
