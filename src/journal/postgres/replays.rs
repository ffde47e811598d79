//! Replays in PostgreSQL: a step locks its replay first, so that of several processes one
//! steps it at a time, then the dead letters in the order of ids.

use crate::callback::{CallbackId, Mode, State, TimestampMs};
use crate::journal::Search;
use crate::journal::postgres::read::{push_place, range, uuids};
use crate::journal::replay::{NewReplay, Replay, ReplayColumns, ReplayState, Step};
use crate::journal::view::{rows, to_i64};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

/// The ids of dead letters behind one of them that had died by a time, oldest first. The
/// caller sets the limit.
fn push_dead(
    sql: &mut QueryBuilder<Postgres>,
    search: &Search,
    behind: Uuid,
    died_by: TimestampMs,
) {
    let (from, below) = range(search);
    let team = search.team.as_deref().unwrap_or_default();
    sql.push("SELECT id FROM callbacks WHERE ");
    if let Some(task) = &search.task {
        sql.push("id = ANY(ARRAY(SELECT id FROM results WHERE task_id = ")
            .push_bind(task.clone());
        sql.push(")) AND ");
    }
    push_place(sql, search, team, State::Dead);
    sql.push(" AND uuid_send(id) > uuid_send(")
        .push_bind(behind);
    sql.push(") AND uuid_send(id) >= uuid_send(")
        .push_bind(from);
    sql.push(") AND uuid_send(id) < uuid_send(")
        .push_bind(below);
    sql.push(") AND ended_ms <= ").push_bind(to_i64(died_by));
    sql.push(" ORDER BY uuid_send(id)");
}

/// Counts what it will find and begins.
pub(super) async fn start(
    connection: &mut PgConnection,
    new: &NewReplay,
) -> Result<Replay, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT COUNT(*) FROM (");
    push_dead(&mut sql, &new.dead(), Uuid::nil(), new.now);
    sql.push(") AS dead");
    let found: i64 = sql.build_query_scalar().fetch_one(&mut *connection).await?;
    let row = sqlx::query_as::<_, ReplayColumns>(
        "INSERT INTO replays (id, team_id, task_id, mode, status, from_ms, until_ms, \
             per_second, state, found, paced_ms, started_ms, started_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'running', $9, $10, $11, $12) RETURNING *",
    )
    .bind(new.id.to_string())
    .bind(&new.team)
    .bind(&new.search.task)
    .bind(new.search.mode.map(Mode::as_str))
    .bind(new.search.status.map(i64::from))
    .bind(new.search.from_ms.map(to_i64))
    .bind(new.search.until_ms.map(to_i64))
    .bind(i64::from(new.per_second))
    .bind(found)
    .bind(to_i64(new.paced_ms()))
    .bind(to_i64(new.now))
    .bind(&new.started_by)
    .fetch_one(connection)
    .await?;
    row.try_into()
}

/// A team's replays, newest first.
pub(super) async fn list(
    connection: &mut PgConnection,
    team: &str,
    limit: u32,
) -> Result<Vec<Replay>, sqlx::Error> {
    let found = sqlx::query_as::<_, ReplayColumns>(
        "SELECT * FROM replays WHERE team_id = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(team)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows(found)
}

pub(super) async fn find(
    connection: &mut PgConnection,
    id: CallbackId,
) -> Result<Option<Replay>, sqlx::Error> {
    let found = sqlx::query_as::<_, ReplayColumns>("SELECT * FROM replays WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    found.map(Replay::try_from).transpose()
}

/// Those that go on by themselves, oldest first.
pub(super) async fn running(connection: &mut PgConnection) -> Result<Vec<Replay>, sqlx::Error> {
    let found = sqlx::query_as::<_, ReplayColumns>(
        "SELECT * FROM replays WHERE state = 'running' ORDER BY id",
    )
    .fetch_all(connection)
    .await?;
    rows(found)
}

/// Into another state, unless it has ended.
pub(super) async fn set_state(
    connection: &mut PgConnection,
    id: CallbackId,
    state: ReplayState,
    now: TimestampMs,
) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query(
        "UPDATE replays SET state = $1, ended_ms = $2 \
         WHERE id = $3 AND state IN ('running', 'paused')",
    )
    .bind(state.as_str())
    .bind((!state.is_open()).then_some(to_i64(now)))
    .bind(id.to_string())
    .execute(connection)
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// Deletes those that ended before this time.
pub(super) async fn forget(
    connection: &mut PgConnection,
    before: TimestampMs,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM replays WHERE ended_ms < $1")
        .bind(to_i64(before))
        .execute(connection)
        .await?;
    Ok(())
}

/// Sends the next ones again, as many as the pace allows. In the caller's transaction.
pub(super) async fn step(
    connection: &mut PgConnection,
    id: CallbackId,
    now: TimestampMs,
) -> Result<Step, sqlx::Error> {
    let found = sqlx::query_as::<_, ReplayColumns>(
        "SELECT * FROM replays WHERE id = $1 AND state = 'running' FOR UPDATE",
    )
    .bind(id.to_string())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(replay) = found.map(Replay::try_from).transpose()? else {
        return Ok(Step::Over);
    };
    let allowed = replay.allowed(now);
    if allowed == 0 {
        return Ok(Step::Paced);
    }
    let behind = replay.last.map_or(Uuid::nil(), |id| id.0);
    let mut sql = QueryBuilder::<Postgres>::new("");
    push_dead(&mut sql, &replay.search, behind, replay.started_ms);
    sql.push(" LIMIT ").push_bind(i64::from(allowed));
    sql.push(" FOR UPDATE");
    let next: Vec<Uuid> = sql.build_query_scalar().fetch_all(&mut *connection).await?;
    let next: Vec<_> = next.into_iter().map(CallbackId).collect();
    let state = if next.is_empty() {
        ReplayState::Done
    } else {
        ReplayState::Running
    };
    sqlx::query(
        "UPDATE callbacks SET state = 'pending', reason = NULL, ended_ms = NULL, \
         forgiven = attempts, queued = FALSE, due_ms = $1 WHERE id = ANY($2)",
    )
    .bind(to_i64(now))
    .bind(uuids(&next))
    .execute(&mut *connection)
    .await?;
    let n = next.len() as u64;
    sqlx::query(
        "UPDATE replays SET replayed = replayed + $1, last_id = COALESCE($2, last_id), \
             paced_ms = $3, state = $4, ended_ms = $5 WHERE id = $6",
    )
    .bind(to_i64(n))
    .bind(next.iter().max().map(CallbackId::to_string))
    .bind(to_i64(replay.paced_after(n, now)))
    .bind(state.as_str())
    .bind((!state.is_open()).then_some(to_i64(now)))
    .bind(id.to_string())
    .execute(connection)
    .await?;
    Ok(match state {
        ReplayState::Done => Step::Over,
        _ => Step::Replayed(n),
    })
}
