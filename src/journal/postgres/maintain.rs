//! Rare writes: replaying and dropping dead letters, releasing what was held, retention.
//! Each locks its rows in the order of ids, so that no two of them deadlock; a row that
//! changed while its lock was waited for is looked at again by the server.

use crate::callback::{CallbackId, TimestampMs};
use crate::journal::postgres::read::uuids;
use crate::journal::view::{OpenColumns, rows, to_i64};
use crate::journal::{OpenRow, Selection};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

/// Rows released in one transaction: a team may have held a million.
pub(super) const RELEASE_BATCH: usize = 5000;

/// Walks the index of the team or of the states, as searches do; named ones are looked up.
fn push_selection(sql: &mut QueryBuilder<Postgres>, selection: &Selection) {
    sql.push("SELECT id FROM callbacks WHERE ");
    match &selection.team {
        Some(team) => sql
            .push("team_id || '/' || state = ")
            .push_bind(format!("{team}/dead")),
        None => sql.push("state = 'dead'"),
    };
    if selection.ids.is_empty() {
        sql.push(" ORDER BY uuid_send(id)");
    } else {
        sql.push(" AND id = ANY(")
            .push_bind(uuids(&selection.ids))
            .push(") ORDER BY id");
    }
    sql.push(" LIMIT ").push_bind(i64::from(selection.limit));
}

pub(super) async fn count_dead(
    connection: &mut PgConnection,
    selection: &Selection,
) -> Result<u64, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT COUNT(*) FROM (");
    push_selection(&mut sql, selection);
    sql.push(") AS dead");
    let n: i64 = sql.build_query_scalar().fetch_one(connection).await?;
    Ok(n.unsigned_abs())
}

pub(super) async fn replay(
    connection: &mut PgConnection,
    selection: &Selection,
    now: TimestampMs,
) -> Result<u64, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new(
        "UPDATE callbacks SET state = 'pending', reason = NULL, ended_ms = NULL, \
         forgiven = attempts, queued = FALSE, due_ms = ",
    );
    sql.push_bind(to_i64(now)).push(" WHERE id = ANY(ARRAY(");
    push_selection(&mut sql, selection);
    sql.push(" FOR UPDATE))");
    Ok(sql.build().execute(connection).await?.rows_affected())
}

pub(super) async fn drop_dead(
    connection: &mut PgConnection,
    selection: &Selection,
) -> Result<u64, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new(
        "UPDATE callbacks SET state = 'cancelled', reason = 'dropped' WHERE id = ANY(ARRAY(",
    );
    push_selection(&mut sql, selection);
    sql.push(" FOR UPDATE))");
    Ok(sql.build().execute(connection).await?.rows_affected())
}

pub(super) async fn cancel(
    connection: &mut PgConnection,
    ids: &[CallbackId],
    reason: &'static str,
    now: TimestampMs,
) -> Result<u64, sqlx::Error> {
    let cancelled = sqlx::query(
        "UPDATE callbacks SET state = 'cancelled', reason = $3, ended_ms = $1 \
         WHERE id = ANY(ARRAY(SELECT id FROM callbacks WHERE id = ANY($2) \
             AND state NOT IN ('delivered', 'dead', 'cancelled') ORDER BY id FOR UPDATE))",
    )
    .bind(to_i64(now))
    .bind(uuids(ids))
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(cancelled.rows_affected())
}

/// Releases up to [`RELEASE_BATCH`] of a team's held callbacks behind `after`; returns
/// their ids.
pub(super) async fn release(
    connection: &mut PgConnection,
    team: &str,
    now: TimestampMs,
    after: Uuid,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "UPDATE callbacks SET state = 'pending', reason = NULL, due_ms = $1 \
         WHERE id = ANY(ARRAY(SELECT id FROM callbacks WHERE team_id || '/' || state = $2 \
             AND uuid_send(id) > uuid_send($3) \
             ORDER BY uuid_send(id) LIMIT $4 FOR UPDATE)) \
         RETURNING id",
    )
    .bind(to_i64(now))
    .bind(format!("{team}/held"))
    .bind(after)
    .bind(i64::try_from(RELEASE_BATCH).expect("a small constant"))
    .fetch_all(connection)
    .await
}

/// Rows that another process is taking are skipped: they are its own.
pub(super) async fn take_unqueued(
    connection: &mut PgConnection,
    limit: u32,
) -> Result<Vec<OpenRow>, sqlx::Error> {
    let mut taken = sqlx::query_as::<_, OpenColumns>(
        "UPDATE callbacks SET queued = TRUE WHERE id = ANY(ARRAY(SELECT id FROM callbacks \
             WHERE NOT queued AND state NOT IN ('delivered', 'dead', 'cancelled') ORDER BY id LIMIT $1 \
             FOR UPDATE SKIP LOCKED)) \
         RETURNING id, team_id, task_id, project, url, due_ms, state, CASE WHEN project IS NOT NULL \
             THEN (SELECT mode FROM results r WHERE r.id = callbacks.id) END AS mode",
    )
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    // An update returns its rows in any order.
    taken.sort_unstable_by_key(|row| row.id);
    rows(taken)
}

pub(super) async fn mark_unqueued(
    connection: &mut PgConnection,
    ids: &[CallbackId],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE callbacks SET queued = FALSE \
         WHERE id = ANY(ARRAY(SELECT id FROM callbacks WHERE id = ANY($1) ORDER BY id FOR UPDATE))",
    )
    .bind(uuids(ids))
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes one batch and counts it; what another is at work on is left. Attempts go with their partitions.
pub(super) async fn prune(
    connection: &mut PgConnection,
    delivered_before: TimestampMs,
    dead_before: TimestampMs,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let gone: i64 = sqlx::query_scalar(
        "WITH old AS ( \
             SELECT id FROM ( \
                 (SELECT id FROM callbacks WHERE state = 'delivered' \
                  AND uuid_send(id) < uuid_send($1) ORDER BY uuid_send(id) LIMIT $3) \
                 UNION ALL (SELECT id FROM callbacks WHERE state = 'dead' \
                  AND uuid_send(id) < uuid_send($2) ORDER BY uuid_send(id) LIMIT $3) \
                 UNION ALL (SELECT id FROM callbacks WHERE state = 'cancelled' \
                  AND uuid_send(id) < uuid_send($2) ORDER BY uuid_send(id) LIMIT $3)) AS each ORDER BY id LIMIT $3), \
         locked AS ( \
             SELECT id FROM callbacks WHERE id = ANY(ARRAY(SELECT id FROM old)) \
             AND state IN ('delivered', 'dead', 'cancelled') FOR UPDATE SKIP LOCKED), \
         gone AS (DELETE FROM callbacks WHERE id = ANY(ARRAY(SELECT id FROM locked)) RETURNING id), \
         results_gone AS (DELETE FROM results WHERE id = ANY(ARRAY(SELECT id FROM gone))), \
         counted AS (INSERT INTO ledger (pruned) SELECT COUNT(*) FROM gone HAVING COUNT(*) > 0) \
         SELECT COUNT(*) FROM gone",
    )
    .bind(CallbackId::first_at(delivered_before).0)
    .bind(CallbackId::first_at(dead_before).0)
    .bind(i64::from(limit))
    .fetch_one(connection)
    .await?;
    Ok(gone.unsigned_abs())
}

/// Makes one row of the ledger's many. Rows written meanwhile are left for the next time.
pub(super) async fn fold_ledger(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH folded AS (DELETE FROM ledger RETURNING accepted, pruned) \
         INSERT INTO ledger (accepted, pruned) SELECT SUM(accepted), SUM(pruned) FROM folded \
         HAVING COUNT(*) > 0",
    )
    .execute(connection)
    .await?;
    Ok(())
}
