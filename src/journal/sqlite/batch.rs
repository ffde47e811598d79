//! Opening the file, transactions, and the writer's batch SQL.

use crate::callback::{CallbackId, State};
use crate::journal::view::to_i64;
use crate::journal::{Appended, AttemptRecord, Change, NewCallback};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool};
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("src/journal/migrations/sqlite");

/// When the log is copied back into the database: pages that many commits touch are then
/// copied once, not each time. The ballast must hold as much, so that a full disk cannot
/// keep the log from being copied back.
pub(super) const LOG_BYTES: u32 = 32 * 1024 * 1024;
const PAGE_BYTES: u32 = 4096;

/// Rows per statement, largest first: few distinct texts, so each is prepared once.
const CHUNKS: [usize; 3] = [64, 8, 1];

pub(super) async fn open(path: &Path, connections: u32) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .pragma("cache_size", "-16384") // 16 MiB
        .pragma("wal_autocheckpoint", (LOG_BYTES / PAGE_BYTES).to_string())
        // A log grown by a burst is cut back.
        .pragma("journal_size_limit", (2 * LOG_BYTES).to_string());
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false) // a local file does not hang up
        .connect_with(options)
        .await
}

/// Runs `work` in one transaction. After a failure the connection is thrown away: on a
/// full disk SQLite rolls back by itself, and the driver would count on wrongly.
pub(super) async fn transaction<T>(
    pool: &SqlitePool,
    work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
) -> Result<T, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let done = async {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let value = work(&mut transaction).await?;
        transaction.commit().await?;
        Ok(value)
    }
    .await;
    if done.is_err() {
        // The failure that counts is the first one.
        let _ = connection.close().await;
    }
    done
}

/// Copies the log back into the database, as far as no reader needs it; the next write
/// then starts at its beginning.
pub(super) async fn copy_log_back(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
        .execute(pool)
        .await?;
    Ok(())
}

/// Inserts callbacks and tells for each whether it is new.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    callbacks: &[&NewCallback],
) -> Result<Vec<Appended>, sqlx::Error> {
    let mut answers = Vec::with_capacity(callbacks.len());
    for chunk in chunks(callbacks) {
        let inserted = insert(connection, chunk).await?;
        let fresh: Vec<_> = chunk
            .iter()
            .filter(|new| inserted.contains(&new.callback.id.sequence()))
            .copied()
            .collect();
        for chunk in chunks(&fresh) {
            insert_bodies(connection, chunk).await?;
        }
        for new in chunk {
            answers.push(if inserted.contains(&new.callback.id.sequence()) {
                Appended::New
            } else {
                earlier(connection, new).await?
            });
        }
    }
    let accepted = answers.iter().filter(|answer| **answer == Appended::New);
    count(connection, "accepted", accepted.count()).await?;
    Ok(answers)
}

async fn insert(
    connection: &mut SqliteConnection,
    chunk: &[&NewCallback],
) -> Result<HashSet<i64>, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new(
        "INSERT INTO callbacks (seq, id, team_id, event_id, task_id, project, mode, url, digest, \
         state, reason, due_ms, traceparent) ",
    );
    sql.push_values(chunk, |mut row, new| {
        let callback = &new.callback;
        let state = new.held.map_or(State::Pending, |_| State::Held);
        row.push_bind(callback.id.sequence())
            .push_bind(callback.id.0.as_bytes().as_slice())
            .push_bind(&*callback.team)
            .push_bind(&callback.event_id)
            .push_bind(&callback.task_id)
            .push_bind(&callback.project)
            .push_bind(callback.mode.as_str())
            .push_bind(&callback.url)
            .push_bind(new.digest.as_slice())
            .push_bind(state.as_str())
            .push_bind(new.held)
            .push_bind(to_i64(callback.id.accepted_ms()))
            .push_bind(callback.trace.map(|trace| trace.to_string()));
    });
    sql.push(" ON CONFLICT (team_id, event_id) DO NOTHING RETURNING seq");
    let rows = sql
        .build_query_scalar::<i64>()
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().collect())
}

async fn insert_bodies(
    connection: &mut SqliteConnection,
    chunk: &[&NewCallback],
) -> Result<(), sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new("INSERT INTO bodies (seq, body) ");
    sql.push_values(chunk, |mut row, new| {
        row.push_bind(new.callback.id.sequence())
            .push_bind(&new.callback.body[..]);
    });
    sql.build().execute(connection).await?;
    Ok(())
}

/// The event is known: a repeat of the same content, or a conflict.
async fn earlier(
    connection: &mut SqliteConnection,
    new: &NewCallback,
) -> Result<Appended, sqlx::Error> {
    let row = sqlx::query("SELECT id, digest FROM callbacks WHERE team_id = $1 AND event_id = $2")
        .bind(&*new.callback.team)
        .bind(&new.callback.event_id)
        .fetch_one(connection)
        .await?;
    let id = CallbackId(row.try_get::<Uuid, _>("id")?);
    let same = row.try_get::<Vec<u8>, _>("digest")? == new.digest;
    Ok(if same {
        Appended::Duplicate(id)
    } else {
        Appended::Conflict(id)
    })
}

/// Writes attempts and new states.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    changes: &[&Change],
) -> Result<(), sqlx::Error> {
    let attempts: Vec<_> = changes
        .iter()
        .filter_map(|change| change.attempt.as_ref().map(|attempt| (change.id, attempt)))
        .collect();
    for chunk in chunks(&attempts) {
        insert_attempts(connection, chunk).await?;
    }
    for chunk in chunks(changes) {
        update(connection, chunk).await?;
    }
    Ok(())
}

/// `OR IGNORE`: an attempt that was written and whose answer got lost may come again.
async fn insert_attempts(
    connection: &mut SqliteConnection,
    chunk: &[(CallbackId, &AttemptRecord)],
) -> Result<(), sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new(
        "INSERT OR IGNORE INTO attempts (seq, number, started_ms, duration_ms, url, provenance, \
         diagnosis, status, location, answer) ",
    );
    sql.push_values(chunk, |mut row, (id, attempt)| {
        row.push_bind(id.sequence())
            .push_bind(attempt.number)
            .push_bind(to_i64(attempt.started_ms))
            .push_bind(to_i64(attempt.duration_ms))
            .push_bind(&*attempt.url)
            .push_bind(attempt.provenance)
            .push_bind(attempt.diagnosis)
            .push_bind(attempt.status)
            .push_bind(&attempt.location)
            .push_bind(&attempt.answer[..]);
    });
    sql.build().execute(connection).await?;
    Ok(())
}

async fn update(connection: &mut SqliteConnection, chunk: &[&Change]) -> Result<(), sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new(
        "WITH change (seq, state, reason, attempts, due_ms, ended_ms) AS (",
    );
    sql.push_values(chunk, |mut row, change| {
        row.push_bind(change.id.sequence())
            .push_bind(change.state.as_str())
            .push_bind(change.reason)
            .push_bind(change.attempts)
            .push_bind(to_i64(change.at))
            .push_bind(change.ended_ms().map(to_i64));
    });
    sql.push(
        ") UPDATE callbacks SET state = change.state, reason = change.reason, \
         attempts = change.attempts, abandoned = 0, due_ms = change.due_ms, ended_ms = change.ended_ms \
         FROM change WHERE callbacks.seq = change.seq \
         AND callbacks.state IN ('pending', 'held')",
    );
    sql.build().execute(connection).await?;
    Ok(())
}

/// Adds to a ledger account, in the caller's transaction.
pub(super) async fn count(
    connection: &mut SqliteConnection,
    account: &'static str,
    n: usize,
) -> Result<(), sqlx::Error> {
    if n > 0 {
        sqlx::query("UPDATE ledger SET n = n + $1 WHERE name = $2")
            .bind(i64::try_from(n).unwrap_or(i64::MAX))
            .bind(account)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Splits into runs of the sizes in [`CHUNKS`].
fn chunks<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = CHUNKS.into_iter().find(|size| *size <= rest.len())?;
        let (chunk, others) = rest.split_at(size);
        rest = others;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_everything_in_order() {
        let all: Vec<_> = (0..147).collect();
        let sizes: Vec<_> = chunks(&all).map(<[_]>::len).collect();
        assert_eq!(sizes, [64, 64, 8, 8, 1, 1, 1]);
        assert_eq!(chunks(&all).flatten().copied().collect::<Vec<_>>(), all);
    }
}
