//! Rare writes: replaying and dropping dead letters, releasing what was held, retention.
//! They share the writer's one connection, so they wait for their turn.

use crate::callback::{CallbackId, TimestampMs};
use crate::journal::sqlite::batch::{count, transaction};
use crate::journal::sqlite::claims::Claims;
use crate::journal::sqlite::read::first_sequence;
use crate::journal::view::{OpenColumns, rows, to_i64};
use crate::journal::{OpenRow, Selection};
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

fn push_selection(sql: &mut QueryBuilder<Sqlite>, selection: &Selection) {
    sql.push("seq IN (SELECT seq FROM callbacks WHERE state = 'dead'");
    if let Some(team) = &selection.team {
        sql.push(" AND team_id = ").push_bind(team.clone());
    }
    if !selection.ids.is_empty() {
        sql.push(" AND seq IN (");
        let mut list = sql.separated(", ");
        for id in &selection.ids {
            list.push_bind(id.sequence());
        }
        sql.push(")");
    }
    sql.push(" ORDER BY seq LIMIT ").push_bind(selection.limit);
    sql.push(")");
}

/// How many dead letters a selection holds.
pub(super) async fn count_dead(
    pool: &SqlitePool,
    selection: &Selection,
) -> Result<u64, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) FROM callbacks WHERE ");
    push_selection(&mut sql, selection);
    let n: i64 = sql.build_query_scalar().fetch_one(pool).await?;
    Ok(n.unsigned_abs())
}

/// Dead letters become pending with all retries ahead of them; the queue learns of
/// them as unqueued. Returns how many.
pub(super) async fn replay(
    pool: &SqlitePool,
    selection: &Selection,
    now: TimestampMs,
) -> Result<u64, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new(
        "UPDATE callbacks SET state = 'pending', reason = NULL, ended_ms = NULL, \
         forgiven = attempts, abandoned = 0, queued = 0, due_ms = ",
    );
    sql.push_bind(to_i64(now)).push(" WHERE ");
    push_selection(&mut sql, selection);
    Ok(sql.build().execute(pool).await?.rows_affected())
}

/// Dead letters become cancelled. Returns how many.
pub(super) async fn drop_dead(
    pool: &SqlitePool,
    selection: &Selection,
) -> Result<u64, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new(
        "UPDATE callbacks SET state = 'cancelled', reason = 'dropped' WHERE ",
    );
    push_selection(&mut sql, selection);
    Ok(sql.build().execute(pool).await?.rows_affected())
}

/// Callbacks that a newer one of their task made superfluous become cancelled.
pub(super) async fn cancel(
    pool: &SqlitePool,
    ids: &[CallbackId],
    reason: &'static str,
    now: TimestampMs,
) -> Result<u64, sqlx::Error> {
    let mut sql =
        QueryBuilder::<Sqlite>::new("UPDATE callbacks SET state = 'cancelled', reason = ");
    sql.push_bind(reason).push(", ended_ms = ");
    sql.push_bind(to_i64(now)).push(" WHERE seq IN (");
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(id.sequence());
    }
    sql.push(") AND state IN ('pending', 'held')");
    Ok(sql.build().execute(pool).await?.rows_affected())
}

/// Held callbacks of a team become pending, due now. Returns how many.
pub(super) async fn release(
    pool: &SqlitePool,
    team: &str,
    now: TimestampMs,
) -> Result<u64, sqlx::Error> {
    let released = sqlx::query(
        "UPDATE callbacks SET state = 'pending', reason = NULL, due_ms = $1 \
         WHERE state IN ('pending', 'held') AND state = 'held' AND team_id = $2",
    )
    .bind(to_i64(now))
    .bind(team)
    .execute(pool)
    .await?;
    Ok(released.rows_affected())
}

/// Open callbacks that the queue does not know yet (replayed beside the running gateway),
/// marked as known.
pub(super) async fn take_unqueued(
    pool: &SqlitePool,
    limit: u32,
) -> Result<Vec<OpenRow>, sqlx::Error> {
    let mut taken = sqlx::query_as::<_, OpenColumns>(
        "UPDATE callbacks SET queued = 1 WHERE seq IN (SELECT seq FROM callbacks \
         WHERE queued = 0 AND state IN ('pending', 'held') ORDER BY seq LIMIT $1) \
         RETURNING id, team_id, task_id, project, url, due_ms, state, mode",
    )
    .bind(limit)
    .fetch_all(pool)
    .await?;
    // An update returns its rows in any order.
    taken.sort_unstable_by_key(|row| row.id);
    rows(taken)
}

/// The queue did not take these: to be pushed again.
pub(super) async fn mark_unqueued(
    pool: &SqlitePool,
    ids: &[CallbackId],
) -> Result<(), sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new("UPDATE callbacks SET queued = 0 WHERE seq IN (");
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(id.sequence());
    }
    sql.push(")");
    sql.build().execute(pool).await?;
    Ok(())
}

/// Counts attempts that the last process did not live to settle. Callbacks that
/// ended so many processes are dead as poison. Returns how many. Call it at start.
pub(super) async fn bury_poison(
    pool: &SqlitePool,
    claims: &Claims,
    abandoned_max: u32,
    now: TimestampMs,
) -> Result<u64, sqlx::Error> {
    let noted = claims.read();
    let buried = transaction(pool, async |connection| {
        for (sequence, attempts) in &noted {
            sqlx::query(
                "UPDATE callbacks SET abandoned = abandoned + 1 \
                 WHERE seq = $1 AND attempts = $2 AND state IN ('pending', 'held')",
            )
            .bind(sequence)
            .bind(attempts)
            .execute(&mut *connection)
            .await?;
        }
        let buried = sqlx::query(
            "UPDATE callbacks SET state = 'dead', reason = 'poison', ended_ms = $1 \
             WHERE state IN ('pending', 'held') AND abandoned >= $2",
        )
        .bind(to_i64(now))
        .bind(abandoned_max)
        .execute(&mut *connection)
        .await?;
        Ok(buried.rows_affected())
    })
    .await?;
    claims.clear();
    Ok(buried)
}

/// Deletes up to `limit` delivered callbacks accepted before one time and dead or
/// cancelled ones accepted before another, with bodies and attempts. Returns how many.
pub(super) async fn prune(
    pool: &SqlitePool,
    delivered_before: TimestampMs,
    dead_before: TimestampMs,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let pruned = transaction(pool, async |connection| {
        let old: Vec<i64> = sqlx::query_scalar(
            "SELECT seq FROM callbacks WHERE seq < MAX($1, $2) \
             AND ((seq < $1 AND state = 'delivered') \
             OR (seq < $2 AND state IN ('dead', 'cancelled'))) ORDER BY seq LIMIT $3",
        )
        .bind(first_sequence(delivered_before))
        .bind(first_sequence(dead_before))
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
        for table in [
            "DELETE FROM attempts WHERE seq IN (",
            "DELETE FROM bodies WHERE seq IN (",
            "DELETE FROM callbacks WHERE seq IN (",
        ] {
            let mut sql = QueryBuilder::<Sqlite>::new(table);
            let mut list = sql.separated(", ");
            for seq in &old {
                list.push_bind(seq);
            }
            sql.push(")");
            sql.build().execute(&mut *connection).await?;
        }
        count(connection, "pruned", old.len()).await?;
        Ok(old.len() as u64)
    });
    pruned.await
}
