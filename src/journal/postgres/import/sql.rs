//! The SQL of an import: reading a span for comparison, replacing what differs.

use crate::callback::{CallbackId, State};
use crate::journal::transfer::{AttemptRow, Batch, CallbackRow, Replays, ResultRow, Span};
use sqlx::PgConnection;
use sqlx::postgres::PgBindIterExt;
use uuid::Uuid;

/// Callbacks in a span that is only read: no body comes along.
const ROWS_READ: i64 = 5000;

/// What must be empty before a move begins.
const TABLES: [&str; 5] = ["results", "callbacks", "attempts", "ledger", "replays"];

pub(super) async fn table_in_use(
    connection: &mut PgConnection,
) -> Result<Option<&'static str>, sqlx::Error> {
    type InUse = (bool, bool, bool, bool, bool);
    let (results, callbacks, attempts, ledger, replays): InUse = sqlx::query_as(
        "SELECT EXISTS (SELECT FROM results), EXISTS (SELECT FROM callbacks), \
             EXISTS (SELECT FROM attempts), EXISTS (SELECT FROM ledger), \
             EXISTS (SELECT FROM replays)",
    )
    .fetch_one(connection)
    .await?;
    let in_use = TABLES
        .into_iter()
        .zip([results, callbacks, attempts, ledger, replays]);
    Ok(in_use
        .filter(|(_, used)| *used)
        .map(|(table, _)| table)
        .next())
}

/// The next span of callbacks; the last one is open to the top.
pub(super) async fn span_after(
    connection: &mut PgConnection,
    after: CallbackId,
) -> Result<Span, sqlx::Error> {
    let until: Option<Uuid> =
        sqlx::query_scalar("SELECT id FROM callbacks WHERE id > $1 ORDER BY id OFFSET $2 LIMIT 1")
            .bind(after.0)
            .bind(ROWS_READ - 1)
            .fetch_optional(connection)
            .await?;
    let until = until.map_or(Span::ALL.until, CallbackId);
    Ok(Span { after, until })
}

/// Everything in the span, each table by itself, so that nothing hides behind a join. Of
/// bodies and answers only what they come to.
pub(super) async fn read(connection: &mut PgConnection, span: Span) -> Result<Batch, sqlx::Error> {
    let (after, until) = (span.after.0, span.until.0);
    let results = sqlx::query_as::<_, ResultRow>(
        "SELECT id, team_id, event_id, task_id, mode, digest, traceparent, \
             sha256(body) AS body_digest FROM results WHERE id > $1 AND id <= $2",
    )
    .bind(after)
    .bind(until)
    .fetch_all(&mut *connection)
    .await?;
    let callbacks = sqlx::query_as::<_, CallbackRow>(
        "SELECT id, team_id, task_id, project, url, state, reason, attempts, forgiven, due_ms, \
             ended_ms, status, mode FROM callbacks WHERE id > $1 AND id <= $2",
    )
    .bind(after)
    .bind(until)
    .fetch_all(&mut *connection)
    .await?;
    let attempts = sqlx::query_as::<_, AttemptRow>(
        "SELECT id, number, started_ms, duration_ms, url, provenance, diagnosis, status, \
             location, sha256(answer) AS answer_digest \
         FROM attempts WHERE id > $1 AND id <= $2",
    )
    .bind(after)
    .bind(until)
    .fetch_all(&mut *connection)
    .await?;
    Ok(Batch {
        span,
        results: results.into_iter().collect(),
        callbacks: callbacks.into_iter().collect(),
        attempts: attempts.into_iter().collect(),
    })
}

/// Turns what is here into what the batch holds.
pub(super) async fn replace(
    connection: &mut PgConnection,
    here: &Batch,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    delete_results(connection, &here.results.not_in(&batch.results)).await?;
    delete_callbacks(connection, &here.callbacks.not_in(&batch.callbacks)).await?;
    delete_attempts(connection, &here.attempts.not_in(&batch.attempts)).await?;
    insert_results(connection, &batch.results.not_in(&here.results)).await?;
    insert_callbacks(connection, &batch.callbacks.not_in(&here.callbacks)).await?;
    insert_attempts(connection, &batch.attempts.not_in(&here.attempts)).await
}

async fn delete_results(
    connection: &mut PgConnection,
    rows: &[&ResultRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM results WHERE id = ANY($1)")
        .bind(rows.iter().map(|row| row.id).bind_iter())
        .execute(connection)
        .await?;
    Ok(())
}

async fn delete_callbacks(
    connection: &mut PgConnection,
    rows: &[&CallbackRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM callbacks WHERE id = ANY($1)")
        .bind(rows.iter().map(|row| row.id).bind_iter())
        .execute(connection)
        .await?;
    Ok(())
}

async fn delete_attempts(
    connection: &mut PgConnection,
    rows: &[&AttemptRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM attempts a USING unnest($1::uuid[], $2::int[], $3::bigint[]) \
             AS stale (id, number, started_ms) \
         WHERE (a.id, a.number, a.started_ms) = (stale.id, stale.number, stale.started_ms)",
    )
    .bind(rows.iter().map(|row| row.id).bind_iter())
    .bind(rows.iter().map(|row| row.number).bind_iter())
    .bind(rows.iter().map(|row| row.started_ms).bind_iter())
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_results(
    connection: &mut PgConnection,
    rows: &[&ResultRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO results (id, team_id, event_id, task_id, mode, digest, body, traceparent) \
         SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), \
             unnest($5::text[]), unnest($6::bytea[]), unnest($7::bytea[]), unnest($8::text[])",
    )
    .bind(rows.iter().map(|row| row.id).bind_iter())
    .bind(rows.iter().map(|row| &*row.team_id).bind_iter())
    .bind(rows.iter().map(|row| &*row.event_id).bind_iter())
    .bind(rows.iter().map(|row| &*row.task_id).bind_iter())
    .bind(rows.iter().map(|row| &*row.mode).bind_iter())
    .bind(rows.iter().map(|row| &row.digest[..]).bind_iter())
    .bind(rows.iter().map(|row| &row.body[..]).bind_iter())
    .bind(
        rows.iter()
            .map(|row| row.traceparent.as_deref())
            .bind_iter(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Open ones are marked as unqueued, so that they are pushed whatever the new queue thinks
/// that it knows.
async fn insert_callbacks(
    connection: &mut PgConnection,
    rows: &[&CallbackRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let open = [State::Pending, State::Held].map(State::as_str);
    sqlx::query(
        "INSERT INTO callbacks (id, team_id, task_id, project, url, state, reason, attempts, \
             forgiven, due_ms, ended_ms, queued, status, mode) \
         SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), \
             unnest($5::text[]), unnest($6::text[]), unnest($7::text[]), unnest($8::int[]), \
             unnest($9::int[]), unnest($10::bigint[]), unnest($11::bigint[]), unnest($12::bool[]), \
             unnest($13::smallint[]), unnest($14::text[])",
    )
    .bind(rows.iter().map(|row| row.id).bind_iter())
    .bind(rows.iter().map(|row| &*row.team_id).bind_iter())
    .bind(rows.iter().map(|row| &*row.task_id).bind_iter())
    .bind(rows.iter().map(|row| row.project.as_deref()).bind_iter())
    .bind(rows.iter().map(|row| row.url.as_deref()).bind_iter())
    .bind(rows.iter().map(|row| &*row.state).bind_iter())
    .bind(rows.iter().map(|row| row.reason.as_deref()).bind_iter())
    .bind(rows.iter().map(|row| row.attempts).bind_iter())
    .bind(rows.iter().map(|row| row.forgiven).bind_iter())
    .bind(rows.iter().map(|row| row.due_ms).bind_iter())
    .bind(rows.iter().map(|row| row.ended_ms).bind_iter())
    .bind(
        rows.iter()
            .map(|row| !open.contains(&&*row.state))
            .bind_iter(),
    )
    .bind(rows.iter().map(|row| row.status).bind_iter())
    .bind(rows.iter().map(|row| &*row.mode).bind_iter())
    .execute(connection)
    .await?;
    Ok(())
}

/// Their partitions must exist.
async fn insert_attempts(
    connection: &mut PgConnection,
    rows: &[&AttemptRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO attempts (id, number, started_ms, duration_ms, url, provenance, diagnosis, \
             status, location, answer) \
         SELECT unnest($1::uuid[]), unnest($2::int[]), unnest($3::bigint[]), \
             unnest($4::bigint[]), unnest($5::text[]), unnest($6::text[]), unnest($7::text[]), \
             unnest($8::smallint[]), unnest($9::text[]), unnest($10::bytea[])",
    )
    .bind(rows.iter().map(|row| row.id).bind_iter())
    .bind(rows.iter().map(|row| row.number).bind_iter())
    .bind(rows.iter().map(|row| row.started_ms).bind_iter())
    .bind(rows.iter().map(|row| row.duration_ms).bind_iter())
    .bind(rows.iter().map(|row| &*row.url).bind_iter())
    .bind(rows.iter().map(|row| &*row.provenance).bind_iter())
    .bind(rows.iter().map(|row| &*row.diagnosis).bind_iter())
    .bind(rows.iter().map(|row| row.status).bind_iter())
    .bind(rows.iter().map(|row| row.location.as_deref()).bind_iter())
    .bind(rows.iter().map(|row| &row.answer[..]).bind_iter())
    .execute(connection)
    .await?;
    Ok(())
}

/// In the transaction of the batch, so that progress is never ahead of it.
pub(super) async fn keep_progress(
    connection: &mut PgConnection,
    copied_until: Option<CallbackId>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE store_migration SET copied_until = $1 WHERE copied_until IS DISTINCT FROM $1",
    )
    .bind(copied_until.map(|id| id.0))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn write_ledger(
    connection: &mut PgConnection,
    accepted: i64,
    pruned: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM ledger")
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO ledger (accepted, pruned) VALUES ($1, $2)")
        .bind(accepted)
        .bind(pruned)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn read_ledger(connection: &mut PgConnection) -> Result<(i64, i64), sqlx::Error> {
    sqlx::query_as(
        "SELECT COALESCE(SUM(accepted), 0)::bigint, COALESCE(SUM(pruned), 0)::bigint FROM ledger",
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn write_replays(
    connection: &mut PgConnection,
    replays: &Replays,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM replays")
        .execute(&mut *connection)
        .await?;
    for row in &replays.0 {
        sqlx::query(
            "INSERT INTO replays (id, team_id, task_id, mode, status, from_ms, until_ms, \
                 per_second, state, found, replayed, last_id, paced_ms, started_ms, ended_ms, \
                 started_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        )
        .bind(&row.id)
        .bind(&row.team_id)
        .bind(&row.task_id)
        .bind(&row.mode)
        .bind(row.status)
        .bind(row.from_ms)
        .bind(row.until_ms)
        .bind(row.per_second)
        .bind(&row.state)
        .bind(row.found)
        .bind(row.replayed)
        .bind(&row.last_id)
        .bind(row.paced_ms)
        .bind(row.started_ms)
        .bind(row.ended_ms)
        .bind(&row.started_by)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
