//! The one writer: commits group after group, and keeps finishing when the disk is full.

use crate::journal::group::{self, Group, Inbox};
use crate::journal::sqlite::ballast::Ballast;
use crate::journal::sqlite::batch;
use crate::journal::sqlite::log::{self, Commits};
use crate::journal::{Appended, Change, JournalError, NewCallback};
use crate::metrics::Metrics;
use sqlx::SqlitePool;
use std::time::Instant;

pub(super) struct Writer {
    pub(super) pool: SqlitePool,
    pub(super) ballast: Ballast,
    pub(super) commits: Commits,
    pub(super) inbox: Inbox,
    pub(super) items_max: usize,
    pub(super) metrics: Metrics,
}

impl Writer {
    /// Starts the writer, which ends when every sender is dropped. On a thread of its own: as
    /// a task among others it would be woken behind hundreds of deliveries each time that
    /// SQLite has done a statement, and everybody waits for the one writer.
    pub(super) fn start(self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || runtime.block_on(self.run()))?;
        Ok(())
    }

    async fn run(mut self) {
        while let Some(group) = Group::gather(&mut self.inbox, self.items_max).await {
            let (started, items) = (Instant::now(), group.items());
            if !commit(&self.pool, &mut self.ballast, group).await {
                self.metrics.journal_failures_total.inc();
            }
            self.commits.send_replace(());
            group::observe(&self.metrics, items, started.elapsed());
        }
    }
}

/// One transaction for the whole group. When it fails, settling goes again alone: new
/// work must not keep finished work from being written down on a nearly full disk. Returns
/// whether all was written.
async fn commit(pool: &SqlitePool, ballast: &mut Ballast, group: Group) -> bool {
    let (mut new, changes) = (group.new_callbacks(), group.changes());
    let refused = !new.is_empty() && !ballast.is_held();
    if refused {
        new.clear();
    }
    let written = write(pool, &new, &changes).await;
    let mut settled = written.as_ref().map(|_| ()).map_err(Clone::clone);
    if let Err(error) = &written {
        tracing::error!(error = %error, "the journal could not commit");
        if !changes.is_empty() {
            settled = settle_alone(pool, ballast, &changes).await;
        }
    }
    let appended = if refused {
        Err(JournalError::Full)
    } else {
        written
    };
    let is_written = appended.is_ok() && settled.is_ok();
    group.answer(appended, &settled);
    is_written
}

/// Without the new work, and if the disk is full, with the reserve: the log is copied back
/// into the database, for which the reserve is large enough, and begins anew in the room it has.
async fn settle_alone(
    pool: &SqlitePool,
    ballast: &mut Ballast,
    changes: &[&Change],
) -> Result<(), JournalError> {
    let mut written = write(pool, &[], changes).await;
    if matches!(written, Err(JournalError::Full)) {
        ballast.give_up();
        log::copy_back(pool).await?;
        written = write(pool, &[], changes).await;
    }
    written.map(|_| ())
}

async fn write(
    pool: &SqlitePool,
    new: &[&NewCallback],
    changes: &[&Change],
) -> Result<Vec<Appended>, JournalError> {
    if new.is_empty() && changes.is_empty() {
        return Ok(Vec::new());
    }
    let appended = batch::transaction(pool, async |connection| {
        let appended = batch::append(connection, new).await?;
        batch::change(connection, changes).await?;
        Ok(appended)
    });
    Ok(appended.await?)
}
