//! Replays in SQLite: each step sends some dead letters again and writes down how far it
//! is, in one transaction of the one writer.

use crate::callback::{CallbackId, TimestampMs};
use crate::journal::replay::{NewReplay, Replay, ReplayColumns, ReplayState, Step};
use crate::journal::sqlite::batch::transaction;
use crate::journal::sqlite::search::{Dead, Walk};
use crate::journal::view::{rows, to_i64};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

/// Counts what it will find and begins.
pub(super) async fn start(pool: &SqlitePool, new: &NewReplay) -> Result<Replay, sqlx::Error> {
    let started = transaction(pool, async |connection| {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) FROM ");
        let walk = Walk {
            search: &new.dead(),
            team: &new.team,
            dead: Some(Dead {
                behind: 0,
                died_by: new.now,
            }),
            limit: -1,
        };
        walk.push(&mut sql);
        let found: i64 = sql.build_query_scalar().fetch_one(&mut *connection).await?;
        sqlx::query_as::<_, ReplayColumns>(
            "INSERT INTO replays (id, team_id, task_id, mode, status, from_ms, until_ms, \
                 per_second, state, found, paced_ms, started_ms, started_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'running', $9, $10, $11, $12) RETURNING *",
        )
        .bind(new.id.to_string())
        .bind(&new.team)
        .bind(&new.search.task)
        .bind(new.search.mode.map(crate::callback::Mode::as_str))
        .bind(new.search.status)
        .bind(new.search.from_ms.map(to_i64))
        .bind(new.search.until_ms.map(to_i64))
        .bind(new.per_second)
        .bind(found)
        .bind(to_i64(new.paced_ms()))
        .bind(to_i64(new.now))
        .bind(&new.started_by)
        .fetch_one(connection)
        .await
    });
    started.await?.try_into()
}

/// A team's replays, newest first.
pub(super) async fn list(
    pool: &SqlitePool,
    team: &str,
    limit: u32,
) -> Result<Vec<Replay>, sqlx::Error> {
    let found = sqlx::query_as::<_, ReplayColumns>(
        "SELECT * FROM replays WHERE team_id = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(team)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows(found)
}

pub(super) async fn find(pool: &SqlitePool, id: CallbackId) -> Result<Option<Replay>, sqlx::Error> {
    let found = sqlx::query_as::<_, ReplayColumns>("SELECT * FROM replays WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(pool)
        .await?;
    found.map(Replay::try_from).transpose()
}

/// Those that go on by themselves, oldest first.
pub(super) async fn running(pool: &SqlitePool) -> Result<Vec<Replay>, sqlx::Error> {
    let found = sqlx::query_as::<_, ReplayColumns>(
        "SELECT * FROM replays WHERE state = 'running' ORDER BY id",
    )
    .fetch_all(pool)
    .await?;
    rows(found)
}

/// Into another state, unless it has ended.
pub(super) async fn set_state(
    pool: &SqlitePool,
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
    .execute(pool)
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// Deletes those that ended before this time.
pub(super) async fn forget(pool: &SqlitePool, before: TimestampMs) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM replays WHERE ended_ms < $1")
        .bind(to_i64(before))
        .execute(pool)
        .await?;
    Ok(())
}

/// Sends the next ones again, as many as the pace allows.
pub(super) async fn step(
    pool: &SqlitePool,
    id: CallbackId,
    now: TimestampMs,
) -> Result<Step, sqlx::Error> {
    transaction(pool, async |connection| {
        let found = sqlx::query_as::<_, ReplayColumns>(
            "SELECT * FROM replays WHERE id = $1 AND state = 'running'",
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
        let sent = send_again(connection, &replay, allowed, now).await?;
        let last = sent.iter().max().map(CallbackId::to_string);
        let n = sent.len() as u64;
        let state = if sent.is_empty() {
            ReplayState::Done
        } else {
            ReplayState::Running
        };
        sqlx::query(
            "UPDATE replays SET replayed = replayed + $1, last_id = COALESCE($2, last_id), \
                 paced_ms = $3, state = $4, ended_ms = $5 WHERE id = $6",
        )
        .bind(to_i64(n))
        .bind(last)
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
    })
    .await
}

/// What died after the start is left, so that nothing is sent again twice.
async fn send_again(
    connection: &mut SqliteConnection,
    replay: &Replay,
    allowed: u32,
    now: TimestampMs,
) -> Result<Vec<CallbackId>, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new(
        "UPDATE callbacks SET state = 'pending', reason = NULL, ended_ms = NULL, \
         forgiven = attempts, abandoned = 0, queued = 0, due_ms = ",
    );
    sql.push_bind(to_i64(now)).push(" WHERE seq IN ");
    let walk = Walk {
        search: &replay.search,
        team: &replay.team,
        dead: Some(Dead {
            behind: replay.last.map_or(0, CallbackId::sequence),
            died_by: replay.started_ms,
        }),
        limit: allowed.into(),
    };
    walk.push(&mut sql);
    sql.push(" RETURNING id");
    let sent: Vec<uuid::Uuid> = sql.build_query_scalar().fetch_all(connection).await?;
    Ok(sent.into_iter().map(CallbackId).collect())
}
