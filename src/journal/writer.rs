//! Group commit: while one transaction syncs to disk the next requests gather, so
//! one `fdatasync` serves many callers and a lone caller waits for nobody.

use crate::journal::{Appended, Change, JournalError, NewCallback, Reply, Request, sqlite};
use crate::metrics::Metrics;
use sqlx::SqlitePool;
use std::time::Instant;
use tokio::sync::mpsc;

#[derive(Default)]
struct Group {
    appends: Vec<(Vec<NewCallback>, Reply<Vec<Appended>>)>,
    changes: Vec<(Vec<Change>, Reply<()>)>,
    items: usize,
}

impl Group {
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
}

/// Runs until every [`crate::journal::Journal`] is dropped.
pub(super) async fn run(
    pool: SqlitePool,
    mut inbox: mpsc::Receiver<Request>,
    items_max: usize,
    metrics: Metrics,
) {
    while let Some(first) = inbox.recv().await {
        let mut group = Group::default();
        group.add(first);
        while group.items < items_max
            && let Ok(next) = inbox.try_recv()
        {
            group.add(next);
        }
        let (started, items) = (Instant::now(), group.items);
        commit(&pool, group).await;
        metrics.journal_commit_items.observe(items_as_f64(items));
        metrics
            .journal_commit_seconds
            .observe(started.elapsed().as_secs_f64());
    }
}

/// One transaction for the whole group. When it fails, settling goes again alone: new
/// work must not keep finished work from being written down on a nearly full disk.
async fn commit(pool: &SqlitePool, group: Group) {
    let (appends, append_replies): (Vec<_>, Vec<_>) = group.appends.into_iter().unzip();
    let (changes, change_replies): (Vec<_>, Vec<_>) = group.changes.into_iter().unzip();
    let written = write(pool, &appends, &changes).await;
    let mut settled = written.as_ref().map(|_| ()).map_err(Clone::clone);
    if let Err(error) = &written {
        tracing::error!(error = %error, "the journal could not commit");
        if !appends.is_empty() && !changes.is_empty() {
            settled = write(pool, &[], &changes).await.map(|_| ());
        }
    }
    // A caller that went away needs no answer, so a failed send means nothing.
    for reply in change_replies {
        let _ = reply.send(settled.clone());
    }
    match written {
        Ok(answers) => {
            for (reply, answer) in append_replies.into_iter().zip(answers) {
                let _ = reply.send(Ok(answer));
            }
        }
        Err(error) => {
            for reply in append_replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}

async fn write(
    pool: &SqlitePool,
    appends: &[Vec<NewCallback>],
    changes: &[Vec<Change>],
) -> Result<Vec<Vec<Appended>>, JournalError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let flat: Vec<&NewCallback> = appends.iter().flatten().collect();
    let mut answers = sqlite::append(&mut transaction, &flat).await?.into_iter();
    let flat: Vec<&Change> = changes.iter().flatten().collect();
    sqlite::change(&mut transaction, &flat).await?;
    transaction.commit().await?;
    let split = |batch: &Vec<_>| answers.by_ref().take(batch.len()).collect();
    Ok(appends.iter().map(split).collect())
}

#[expect(clippy::cast_precision_loss, reason = "a count for a histogram")]
fn items_as_f64(items: usize) -> f64 {
    items as f64
}
