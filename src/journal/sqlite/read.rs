//! Reading the journal: loading for attempts, walking what is open, searching.

use crate::callback::{Callback, CallbackId, State, TimestampMs};
use crate::journal::sqlite::search::Walk;
use crate::journal::view::{AttemptColumns, DetailColumns, LastColumns, OpenColumns, rows, to_i64};
use crate::journal::{AttemptRow, Counts, Detail, OpenRow, Search};
use sqlx::{QueryBuilder, Sqlite, SqlitePool};
use uuid::Uuid;

const COLUMNS: &str = "c.id, c.team_id, c.event_id, c.task_id, c.project, c.mode, c.url, \
    c.attempts, c.forgiven, c.state, c.reason, c.due_ms, c.ended_ms, c.traceparent";

/// Those of the callbacks that are still open, with their bodies, in any order.
pub(super) async fn load_open(
    pool: &SqlitePool,
    ids: &[CallbackId],
) -> Result<Vec<Callback>, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
    sql.push(COLUMNS);
    sql.push(", b.body FROM callbacks c JOIN bodies b ON b.seq = c.seq WHERE c.seq IN (");
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(id.sequence());
    }
    sql.push(") AND c.state IN ('pending', 'held')");
    let found = sql.build_query_as::<DetailColumns>().fetch_all(pool);
    let found: Vec<Detail> = rows(found.await?)?;
    Ok(found.into_iter().map(|detail| detail.callback).collect())
}

/// The next open callbacks after `after` in order of acceptance.
pub(super) async fn open_after(
    pool: &SqlitePool,
    after: Option<CallbackId>,
    limit: u32,
) -> Result<Vec<OpenRow>, sqlx::Error> {
    let found = sqlx::query_as::<_, OpenColumns>(
        "SELECT id, team_id, task_id, project, url, due_ms, state, mode FROM callbacks \
         WHERE state IN ('pending', 'held') AND seq > $1 ORDER BY seq LIMIT $2",
    )
    .bind(after.map_or(0, CallbackId::sequence))
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows(found)
}

/// One callback with its body.
pub(super) async fn detail(
    pool: &SqlitePool,
    id: CallbackId,
) -> Result<Option<Detail>, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
    sql.push(COLUMNS);
    sql.push(", b.body FROM callbacks c JOIN bodies b ON b.seq = c.seq WHERE c.seq = ");
    sql.push_bind(id.sequence());
    let row = sql.build_query_as::<DetailColumns>().fetch_optional(pool);
    let found = row.await?.map(Detail::try_from).transpose()?;
    Ok(found.filter(|detail| detail.callback.id == id))
}

/// The attempts of one callback, first to last.
pub(super) async fn attempts(
    pool: &SqlitePool,
    id: CallbackId,
) -> Result<Vec<AttemptRow>, sqlx::Error> {
    let found = sqlx::query_as::<_, AttemptColumns>(
        "SELECT number, started_ms, duration_ms, url, provenance, diagnosis, status, location, \
         answer FROM attempts WHERE seq = $1 ORDER BY number",
    )
    .bind(id.sequence())
    .fetch_all(pool)
    .await?;
    Ok(found.into_iter().map(AttemptRow::from).collect())
}

/// The last attempt of each callback that has one.
pub(super) async fn last_attempts(
    pool: &SqlitePool,
    ids: &[CallbackId],
) -> Result<Vec<(CallbackId, AttemptRow)>, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new(
        "SELECT c.id, a.number, a.started_ms, a.duration_ms, a.url, a.provenance, a.diagnosis, \
         a.status, a.location, a.answer FROM callbacks c JOIN attempts a ON a.seq = c.seq \
         AND a.number = (SELECT MAX(number) FROM attempts WHERE seq = c.seq) WHERE c.seq IN (",
    );
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(id.sequence());
    }
    sql.push(")");
    let found = sql.build_query_as::<LastColumns>().fetch_all(pool).await?;
    Ok(found.into_iter().map(LastColumns::into_pair).collect())
}

/// Callbacks that match, newest first, without their bodies.
pub(super) async fn search(pool: &SqlitePool, search: &Search) -> Result<Vec<Detail>, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
    sql.push(COLUMNS)
        .push(", X'' AS body FROM callbacks c WHERE ");
    match &search.team {
        Some(team) => {
            let walk = Walk {
                search,
                team,
                dead: None,
                limit: search.limit.into(),
            };
            sql.push("c.seq IN ");
            walk.push(&mut sql);
        }
        None => push_filters(&mut sql, search),
    }
    sql.push(" ORDER BY c.seq DESC LIMIT ")
        .push_bind(search.limit);
    rows(
        sql.build_query_as::<DetailColumns>()
            .fetch_all(pool)
            .await?,
    )
}

/// Of all teams: for operators.
fn push_filters(sql: &mut QueryBuilder<Sqlite>, search: &Search) {
    sql.push("c.seq < ").push_bind(below(search));
    if let Some(mode) = search.mode {
        sql.push(" AND c.mode = ").push_bind(mode.as_str());
    }
    if let Some(status) = search.status {
        sql.push(" AND c.status = ").push_bind(status);
    }
    if let Some(task) = &search.task {
        sql.push(" AND c.task_id = ").push_bind(task.clone());
    }
    if let Some(state) = search.state {
        sql.push(state_filter(state));
    }
    if let Some(from) = search.from_ms {
        sql.push(" AND c.seq >= ").push_bind(first_sequence(from));
    }
}

/// Where a search begins, which goes back from there. One bound: of two, SQLite would start
/// at one and pass over all that the other excludes.
pub(super) fn below(search: &Search) -> i64 {
    let before = search.before.map(CallbackId::sequence);
    let until = search.until_ms.map(first_sequence);
    before.into_iter().chain(until).min().unwrap_or(i64::MAX)
}

/// Counts everything: reads the callbacks from end to end, so now and then only.
pub(super) async fn counts(pool: &SqlitePool) -> Result<Counts, sqlx::Error> {
    // One statement, so that rows and ledger are of the same moment.
    let found: Vec<(String, i64)> = sqlx::query_as(
        "SELECT state, COUNT(*) FROM callbacks GROUP BY state UNION ALL SELECT name, n FROM ledger",
    )
    .fetch_all(pool)
    .await?;
    let mut counts = Counts::default();
    for (name, n) in found {
        counts.add(&name, n)?;
    }
    Ok(counts)
}

/// The greatest id in use.
pub(super) async fn last_id(pool: &SqlitePool) -> Result<Option<CallbackId>, sqlx::Error> {
    let last: Option<Uuid> =
        sqlx::query_scalar("SELECT id FROM callbacks ORDER BY seq DESC LIMIT 1")
            .fetch_optional(pool)
            .await?;
    Ok(last.map(CallbackId))
}

/// As text, not as a parameter: only so does SQLite see that a partial index serves.
fn state_filter(state: State) -> &'static str {
    match state {
        State::Pending => " AND c.state IN ('pending', 'held') AND c.state = 'pending'",
        State::Held => " AND c.state IN ('pending', 'held') AND c.state = 'held'",
        State::Dead => " AND c.state = 'dead'",
        State::Delivered => " AND c.state = 'delivered'",
        State::Cancelled => " AND c.state = 'cancelled'",
    }
}

/// The smallest sequence of callbacks accepted at this time.
pub(super) fn first_sequence(ms: TimestampMs) -> i64 {
    to_i64(ms.min(1 << 48) << 12)
}
