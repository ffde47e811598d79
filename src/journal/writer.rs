//! Group commit: while one transaction syncs to disk the next requests gather, so
//! one `fdatasync` serves many callers and a lone caller waits for nobody.

use crate::journal::ballast::Ballast;
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
    mut ballast: Ballast,
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
        commit(&pool, &mut ballast, group).await;
        metrics.journal_commit_items.observe(items_as_f64(items));
        metrics
            .journal_commit_seconds
            .observe(started.elapsed().as_secs_f64());
    }
}

/// One transaction for the whole group. When it fails, settling goes again alone: new
/// work must not keep finished work from being written down on a nearly full disk.
async fn commit(pool: &SqlitePool, ballast: &mut Ballast, group: Group) {
    let (mut appends, append_replies): (Vec<_>, Vec<_>) = group.appends.into_iter().unzip();
    let (changes, change_replies): (Vec<_>, Vec<_>) = group.changes.into_iter().unzip();
    let refused = !appends.is_empty() && !ballast.is_held();
    if refused {
        appends.clear();
    }
    let written = write(pool, &appends, &changes).await;
    let mut settled = written.as_ref().map(|_| ()).map_err(Clone::clone);
    if let Err(error) = &written {
        tracing::error!(error = %error, "the journal could not commit");
        if !changes.is_empty() {
            settled = settle_alone(pool, ballast, &changes).await;
        }
    }
    // A caller that went away needs no answer, so a failed send means nothing.
    for reply in change_replies {
        let _ = reply.send(settled.clone());
    }
    let answers = if refused {
        Err(JournalError::Full)
    } else {
        written
    };
    match answers {
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

/// Without the new work, and if the disk is full, with the reserve: the log is copied back
/// into the database, for which the reserve is large enough, and begins anew in the room it has.
async fn settle_alone(
    pool: &SqlitePool,
    ballast: &mut Ballast,
    changes: &[Vec<Change>],
) -> Result<(), JournalError> {
    let mut written = write(pool, &[], changes).await;
    if matches!(written, Err(JournalError::Full)) {
        ballast.give_up();
        sqlite::copy_log_back(pool).await?;
        written = write(pool, &[], changes).await;
    }
    written.map(|_| ())
}

async fn write(
    pool: &SqlitePool,
    appends: &[Vec<NewCallback>],
    changes: &[Vec<Change>],
) -> Result<Vec<Vec<Appended>>, JournalError> {
    if appends.is_empty() && changes.is_empty() {
        return Ok(Vec::new());
    }
    let appends_flat: Vec<&NewCallback> = appends.iter().flatten().collect();
    let changes_flat: Vec<&Change> = changes.iter().flatten().collect();
    let answers = sqlite::transaction(pool, async |connection| {
        let answers = sqlite::append(connection, &appends_flat).await?;
        sqlite::change(connection, &changes_flat).await?;
        Ok(answers)
    })
    .await?;
    let mut answers = answers.into_iter();
    let split = |batch: &Vec<_>| answers.by_ref().take(batch.len()).collect();
    Ok(appends.iter().map(split).collect())
}

#[expect(clippy::cast_precision_loss, reason = "a count for a histogram")]
fn items_as_f64(items: usize) -> f64 {
    items as f64
}
