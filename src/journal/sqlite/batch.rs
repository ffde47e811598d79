//! Opening the file, transactions, and the writer's batch SQL.

use crate::callback::{CallbackId, State};
use crate::journal::sqlite::log;
use crate::journal::view::to_i64;
use crate::journal::{Appended, AttemptRecord, Change, NewCallback};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, SqlitePool};
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("src/journal/migrations/sqlite");

/// Rows per statement, largest first: few distinct texts, so each is prepared once, and few
/// statements, each of which crosses to the database's thread and back.
const CHUNKS: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

pub(super) async fn open(path: &Path, connections: u32) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .page_size(log::PAGE_BYTES)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .pragma("cache_size", "-16384") // 16 MiB
        .pragma("wal_autocheckpoint", log::PAGES.to_string())
        // A log grown by a burst is cut back.
        .pragma("journal_size_limit", (2 * log::BYTES).to_string());
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

/// Inserts callbacks and tells for each whether it is new.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    callbacks: &[&NewCallback],
) -> Result<Vec<Appended>, sqlx::Error> {
    let mut answers = Vec::with_capacity(callbacks.len());
    for chunk in chunks(callbacks) {
        let known = insert(connection, chunk).await?;
        let is_new = |new: &&&NewCallback| !known.contains(&new.callback.id.sequence());
        let fresh: Vec<_> = chunk.iter().filter(is_new).copied().collect();
        for chunk in chunks(&fresh) {
            insert_bodies(connection, chunk).await?;
        }
        for new in chunk {
            answers.push(if is_new(&new) {
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

/// Returns the sequences of those that are known by their event already. As a rule there are
/// none, which the count of rows tells.
async fn insert(
    connection: &mut SqliteConnection,
    chunk: &[&NewCallback],
) -> Result<HashSet<i64>, sqlx::Error> {
    let sql = with_rows(
        "INSERT OR FAIL INTO callbacks (seq, id, team_id, event_id, task_id, project, mode, url, \
         digest, state, reason, due_ms, traceparent) ",
        (chunk.len(), 13),
        " ON CONFLICT (team_id, event_id) DO NOTHING",
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for new in chunk {
        let callback = &new.callback;
        let state = new.held.map_or(State::Pending, |_| State::Held);
        query = query
            .bind(callback.id.sequence())
            .bind(callback.id.0.as_bytes().as_slice())
            .bind(&*callback.team)
            .bind(&callback.event_id)
            .bind(&callback.task_id)
            .bind(&callback.project)
            .bind(callback.mode.as_str())
            .bind(&callback.url)
            .bind(new.digest.as_slice())
            .bind(state.as_str())
            .bind(new.held)
            .bind(to_i64(callback.id.accepted_ms()))
            .bind(callback.trace.map(|trace| trace.to_string()));
    }
    let inserted = query.execute(&mut *connection).await?.rows_affected();
    if inserted == chunk.len() as u64 {
        return Ok(HashSet::new());
    }
    let mut known = HashSet::new();
    for new in chunk {
        let sequence = new.callback.id.sequence();
        let row = sqlx::query("SELECT 1 FROM callbacks WHERE seq = $1").bind(sequence);
        if row.fetch_optional(&mut *connection).await?.is_none() {
            known.insert(sequence);
        }
    }
    Ok(known)
}

async fn insert_bodies(
    connection: &mut SqliteConnection,
    chunk: &[&NewCallback],
) -> Result<(), sqlx::Error> {
    let sql = with_rows(
        "INSERT OR FAIL INTO bodies (seq, body) ",
        (chunk.len(), 2),
        "",
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for new in chunk {
        query = query
            .bind(new.callback.id.sequence())
            .bind(&new.callback.body[..]);
    }
    query.execute(connection).await?;
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
    let sql = with_rows(
        "INSERT OR IGNORE INTO attempts (seq, number, started_ms, duration_ms, url, provenance, \
         diagnosis, status, location, answer) ",
        (chunk.len(), 10),
        "",
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (id, attempt) in chunk {
        query = query
            .bind(id.sequence())
            .bind(attempt.number)
            .bind(to_i64(attempt.started_ms))
            .bind(to_i64(attempt.duration_ms))
            .bind(&*attempt.url)
            .bind(attempt.provenance)
            .bind(attempt.diagnosis)
            .bind(attempt.status)
            .bind(&attempt.location)
            .bind(&attempt.answer[..]);
    }
    query.execute(connection).await?;
    Ok(())
}

async fn update(connection: &mut SqliteConnection, chunk: &[&Change]) -> Result<(), sqlx::Error> {
    let sql = with_rows(
        "WITH change (seq, state, reason, attempts, due_ms, ended_ms, status) AS (",
        (chunk.len(), 7),
        ") UPDATE OR FAIL callbacks SET state = change.state, reason = change.reason, \
         attempts = change.attempts, abandoned = 0, due_ms = change.due_ms, \
         ended_ms = change.ended_ms, status = COALESCE(change.status, callbacks.status) \
         FROM change WHERE callbacks.seq = change.seq \
         AND callbacks.state IN ('pending', 'held')",
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for change in chunk {
        query = query
            .bind(change.id.sequence())
            .bind(change.state.as_str())
            .bind(change.reason)
            .bind(change.attempts)
            .bind(to_i64(change.at))
            .bind(change.ended_ms().map(to_i64))
            .bind(change.status());
    }
    query.execute(connection).await?;
    Ok(())
}

/// A statement with so many rows of so many columns between its head and its tail. Such
/// statements say `OR FAIL`: SQLite need not be able to undo one alone, for which it would
/// copy each page aside, because whatever fails undoes the whole transaction.
fn with_rows(head: &str, (rows, columns): (usize, usize), tail: &str) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    format!("{head}VALUES {}{tail}", vec![row; rows].join(","))
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
        let all: Vec<_> = (0..299).collect();
        let sizes: Vec<_> = chunks(&all).map(<[_]>::len).collect();
        assert_eq!(sizes, [256, 32, 8, 2, 1]);
        assert_eq!(chunks(&all).flatten().copied().collect::<Vec<_>>(), all);
    }
}
