//! The write-ahead log. What is in it is copied back into the database beside the writer, part
//! after part, so that the writer, which must stand still for it, has little left to copy when
//! the log is long enough to begin anew.

use sqlx::SqlitePool;
use tokio::sync::watch;

/// When the writer copies the rest, after which the log begins anew: pages that many commits
/// touch are then copied a few times, not each time. The ballast must hold as much, so that a
/// full disk cannot keep the log from being copied back.
pub(super) const BYTES: u32 = 32 * 1024 * 1024;
/// Of a database that is made; an older one keeps its own. Twice what SQLite has unless told
/// otherwise: a batch fills most pages that it touches, and each costs calls of its own.
pub(super) const PAGE_BYTES: u32 = 8192;
pub(super) const PAGES: u32 = BYTES / PAGE_BYTES;
/// What is copied at once beside the writer: the disk is asked four times for each log.
const PART_PAGES: u32 = PAGES / 4;

/// The writer's end: each commit is told.
pub(super) type Commits = watch::Sender<()>;

/// Copies back beside the writer, on a pool of its own, until the writer has ended.
pub(super) fn copy_beside(pool: SqlitePool) -> Commits {
    let (commits, mut told) = watch::channel(());
    tokio::spawn(async move {
        while told.changed().await.is_ok() {
            // What goes wrong here, on a full disk, goes wrong for the writer too, which says so.
            let _ = copy_part(&pool).await;
        }
    });
    commits
}

async fn copy_part(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let (pages, copied) = state(pool).await?;
    if pages - copied >= PART_PAGES.into() {
        copy_back(pool).await?;
    }
    Ok(())
}

/// Pages in the log, and how many of them are copied.
async fn state(pool: &SqlitePool) -> Result<(i64, i64), sqlx::Error> {
    let (_, pages, copied): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(NOOP)")
        .fetch_one(pool)
        .await?;
    Ok((pages, copied))
}

/// Copies the log back into the database, as far as no reader needs it and nobody else is at it;
/// when all of it is, the next write starts at its beginning.
pub(super) async fn copy_back(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
        .execute(pool)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::sqlite::batch;

    #[tokio::test]
    async fn a_log_is_copied_once_there_is_a_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let writer = batch::open(&path, 1).await.unwrap();
        let beside = batch::open(&path, 1).await.unwrap();
        let create = sqlx::query("CREATE TABLE bodies (body BLOB)");
        create.execute(&writer).await.unwrap();
        copy_part(&beside).await.unwrap();
        let (pages, copied) = state(&beside).await.unwrap();
        assert!(pages > 0 && copied == 0, "{copied} of {pages}");

        let insert = sqlx::query("INSERT INTO bodies VALUES (zeroblob($1))");
        let part = insert.bind(PART_PAGES * PAGE_BYTES);
        part.execute(&writer).await.unwrap();
        copy_part(&beside).await.unwrap();
        let (pages, copied) = state(&beside).await.unwrap();
        assert!(
            pages > PART_PAGES.into() && copied == pages,
            "{copied} of {pages}"
        );
    }
}
