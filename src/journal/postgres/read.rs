//! Reading the journal: loading for attempts, walking what is open, searching. Every
//! search walks an index in the order of its result and stops at the limit
//! (`docs/search-plans.md`).

use crate::callback::{Callback, CallbackId, Mode, State};
use crate::journal::view::{AttemptColumns, DetailColumns, LastColumns, OpenColumns, rows, to_i64};
use crate::journal::{AttemptRow, Counts, Detail, OpenRow, Search};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

const DETAIL: &str = "SELECT c.id, c.team_id, r.event_id, c.task_id, c.project, r.mode, c.url, \
    c.attempts, c.forgiven, c.state, c.reason, c.due_ms, c.ended_ms, r.traceparent";
/// A worker's clock may be behind that of whoever accepted the callback.
const CLOCKS_APART_MS: u64 = 86_400_000;

/// What is open is told as what has not ended, here and wherever ids are given: "is one of"
/// would let the planner walk all that is open by the index of states beside the few ids.
pub(super) async fn load_open(
    connection: &mut PgConnection,
    ids: &[CallbackId],
) -> Result<Vec<Callback>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new(DETAIL);
    sql.push(", r.body FROM callbacks c JOIN results r ON r.id = c.id WHERE c.id = ANY(")
        .push_bind(uuids(ids))
        .push(") AND c.state NOT IN ('delivered', 'dead', 'cancelled')");
    let found = sql.build_query_as::<DetailColumns>().fetch_all(connection);
    let found: Vec<Detail> = rows(found.await?)?;
    Ok(found.into_iter().map(|detail| detail.callback).collect())
}

/// Two walks, each over the index of states (see [`push_walk`]).
pub(super) async fn open_after(
    connection: &mut PgConnection,
    after: Option<CallbackId>,
    limit: u32,
) -> Result<Vec<OpenRow>, sqlx::Error> {
    let found = sqlx::query_as::<_, OpenColumns>(
        "SELECT * FROM ( \
             (SELECT id, team_id, task_id, project, url, due_ms, state, \
              CASE WHEN project IS NOT NULL THEN \
              (SELECT mode FROM results r WHERE r.id = callbacks.id) END AS mode FROM callbacks \
              WHERE state = 'pending' AND uuid_send(id) > uuid_send($1) \
              ORDER BY uuid_send(id) LIMIT $2) \
             UNION ALL \
             (SELECT id, team_id, task_id, project, url, due_ms, state, \
              CASE WHEN project IS NOT NULL THEN \
              (SELECT mode FROM results r WHERE r.id = callbacks.id) END AS mode FROM callbacks \
              WHERE state = 'held' AND uuid_send(id) > uuid_send($1) \
              ORDER BY uuid_send(id) LIMIT $2)) AS open \
         ORDER BY id LIMIT $2",
    )
    .bind(after.map_or(Uuid::nil(), |id| id.0))
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows(found)
}

pub(super) async fn detail(
    connection: &mut PgConnection,
    id: CallbackId,
) -> Result<Option<Detail>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new(DETAIL);
    sql.push(", r.body FROM callbacks c JOIN results r ON r.id = c.id WHERE c.id = ")
        .push_bind(id.0);
    let row = sql.build_query_as::<DetailColumns>();
    let row = row.fetch_optional(connection).await?;
    row.map(Detail::try_from).transpose()
}

/// Of two records of one attempt (its lease had ended) the earlier one. Partitions of days
/// before the callback are not looked at.
pub(super) async fn attempts(
    connection: &mut PgConnection,
    id: CallbackId,
) -> Result<Vec<AttemptRow>, sqlx::Error> {
    let found = sqlx::query_as::<_, AttemptColumns>(
        "SELECT DISTINCT ON (number) number, started_ms, duration_ms, url, provenance, \
             diagnosis, status, location, answer \
         FROM attempts WHERE id = $1 AND started_ms >= $2 ORDER BY number, started_ms",
    )
    .bind(id.0)
    .bind(to_i64(id.accepted_ms().saturating_sub(CLOCKS_APART_MS)))
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(AttemptRow::from).collect())
}

/// The last attempt of each callback that has one. Partitions of days before the oldest of
/// them are not looked at.
pub(super) async fn last_attempts(
    connection: &mut PgConnection,
    ids: &[CallbackId],
) -> Result<Vec<(CallbackId, AttemptRow)>, sqlx::Error> {
    let oldest = ids.iter().map(|id| id.accepted_ms()).min().unwrap_or(0);
    let found = sqlx::query_as::<_, LastColumns>(
        "SELECT DISTINCT ON (id) id, number, started_ms, duration_ms, url, provenance, \
             diagnosis, status, location, answer \
         FROM attempts WHERE id = ANY($1) AND started_ms >= $2 \
         ORDER BY id, number DESC, started_ms",
    )
    .bind(uuids(ids))
    .bind(to_i64(oldest.saturating_sub(CLOCKS_APART_MS)))
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(LastColumns::into_pair).collect())
}

pub(super) async fn search(
    connection: &mut PgConnection,
    search: &Search,
) -> Result<Vec<Detail>, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new(DETAIL);
    sql.push(", ''::bytea AS body FROM ");
    match &search.task {
        Some(task) => push_task(&mut sql, search, task),
        None => push_walks(&mut sql, search),
    }
    sql.push(" ORDER BY c.id DESC LIMIT ")
        .push_bind(i64::from(search.limit));
    let found = sql.build_query_as::<DetailColumns>().fetch_all(connection);
    rows(found.await?)
}

/// The callbacks of a task, filtered: there are few.
fn push_task(sql: &mut QueryBuilder<Postgres>, search: &Search, task: &str) {
    let (from, below) = range(search);
    sql.push("results r JOIN callbacks c ON c.id = r.id WHERE r.task_id = ")
        .push_bind(task.to_owned());
    sql.push(" AND r.id >= ").push_bind(from);
    sql.push(" AND r.id < ").push_bind(below);
    if let Some(team) = &search.team {
        sql.push(" AND c.team_id = ").push_bind(team.clone());
    }
    if let Some(state) = search.state {
        sql.push(" AND c.state = ").push_bind(state.as_str());
    }
    if let Some(mode) = search.mode {
        sql.push(" AND c.mode = ").push_bind(mode.as_str());
    }
    if let Some(status) = search.status {
        sql.push(" AND c.status = ").push_bind(status.cast_signed());
    }
}

/// A walk for each state of the team; else one, over the state or over everything.
fn push_walks(sql: &mut QueryBuilder<Postgres>, search: &Search) {
    sql.push("(SELECT * FROM (");
    push_union(sql, search, "*", search.limit);
    sql.push(") AS walks ORDER BY id DESC LIMIT ")
        .push_bind(i64::from(search.limit));
    // A look-up for each, as the limit makes few: the planner would else merge with all results.
    sql.push(
        ") AS c CROSS JOIN LATERAL \
         (SELECT event_id, mode, traceparent FROM results WHERE results.id = c.id LIMIT 1) AS r",
    );
}

fn push_union(sql: &mut QueryBuilder<Postgres>, search: &Search, columns: &str, limit: u32) {
    let states: Vec<_> = match (search.state, &search.team) {
        (None, Some(_)) => State::ALL.map(Some).into(),
        (state, _) => vec![state],
    };
    for (index, state) in states.into_iter().enumerate() {
        sql.push(if index == 0 { "" } else { " UNION ALL " });
        sql.push("(SELECT ").push(columns);
        sql.push(" FROM callbacks WHERE ");
        push_walk(sql, search, state);
        sql.push_bind(i64::from(limit)).push(")");
    }
}

/// How many of a team's match, up to `most`.
pub(super) async fn count(
    connection: &mut PgConnection,
    team: &str,
    search: &Search,
    most: u32,
) -> Result<u64, sqlx::Error> {
    let search = Search {
        team: Some(team.to_owned()),
        ..search.clone()
    };
    let mut sql = QueryBuilder::<Postgres>::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
    if let Some(task) = &search.task {
        push_task(&mut sql, &search, task);
    } else {
        sql.push("(");
        push_union(&mut sql, &search, "1", most);
        sql.push(") AS walks");
    }
    sql.push(" LIMIT ").push_bind(i64::from(most));
    sql.push(") AS found");
    let n: i64 = sql.build_query_scalar().fetch_one(connection).await?;
    Ok(n.unsigned_abs())
}

/// One walk, up to its limit, in the order of the index that is made for it (see the
/// migrations).
fn push_walk(sql: &mut QueryBuilder<Postgres>, search: &Search, state: Option<State>) {
    let (from, below) = range(search);
    match (&search.team, state) {
        (Some(team), Some(state)) => push_place(sql, search, team, state),
        (_, Some(state)) => {
            sql.push("state = ").push_bind(state.as_str());
            push_rest(sql, search);
        }
        (_, None) => {
            sql.push("id >= ").push_bind(from);
            sql.push(" AND id < ").push_bind(below);
            push_rest(sql, search);
            sql.push(" ORDER BY id DESC LIMIT ");
            return;
        }
    }
    sql.push(" AND uuid_send(id) >= uuid_send(").push_bind(from);
    sql.push(") AND uuid_send(id) < uuid_send(")
        .push_bind(below);
    sql.push(") ORDER BY uuid_send(id) DESC LIMIT ");
}

/// Where in which index a team's callbacks of a state are.
pub(super) fn push_place(
    sql: &mut QueryBuilder<Postgres>,
    search: &Search,
    team: &str,
    state: State,
) {
    let state = state.as_str();
    if search.mode == Some(Mode::Test) {
        // The mode as text, not as a parameter: only so may the partial index serve.
        sql.push("mode = 'test' AND team_id || '/test/' || state = ")
            .push_bind(format!("{team}/test/{state}"));
    } else if let Some(status) = search.status {
        sql.push("status IS NOT NULL AND team_id || '/' || status::text || '/' || state = ")
            .push_bind(format!("{team}/{status}/{state}"));
    } else {
        sql.push("team_id || '/' || state = ")
            .push_bind(format!("{team}/{state}"));
    }
    push_rest(sql, search);
}

/// What no index is walked by.
fn push_rest(sql: &mut QueryBuilder<Postgres>, search: &Search) {
    if let Some(mode) = search.mode {
        sql.push(" AND mode = ").push_bind(mode.as_str());
    }
    if let Some(status) = search.status {
        sql.push(" AND status = ").push_bind(status.cast_signed());
    }
}

/// Times and cursor are one range of ids: from, and below.
pub(super) fn range(search: &Search) -> (Uuid, Uuid) {
    let from = search.from_ms.map(CallbackId::first_at);
    let until = search.until_ms.map(CallbackId::first_at);
    let below = [until, search.before].into_iter().flatten().min();
    (
        from.map_or(Uuid::nil(), |id| id.0),
        below.map_or(Uuid::max(), |id| id.0),
    )
}

/// One statement, so that rows and ledger are of the same moment.
pub(super) async fn counts(connection: &mut PgConnection) -> Result<Counts, sqlx::Error> {
    let found: Vec<(String, i64)> = sqlx::query_as(
        "SELECT state, COUNT(*) FROM callbacks GROUP BY state \
         UNION ALL SELECT 'accepted', COALESCE(SUM(accepted), 0)::bigint FROM ledger \
         UNION ALL SELECT 'pruned', COALESCE(SUM(pruned), 0)::bigint FROM ledger",
    )
    .fetch_all(connection)
    .await?;
    let mut counts = Counts::default();
    for (name, n) in found {
        counts.add(&name, n)?;
    }
    Ok(counts)
}

pub(super) async fn last_id(
    connection: &mut PgConnection,
) -> Result<Option<CallbackId>, sqlx::Error> {
    let last: Option<Uuid> =
        sqlx::query_scalar("SELECT id FROM callbacks ORDER BY id DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    Ok(last.map(CallbackId))
}

pub(super) fn uuids(ids: &[CallbackId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.0).collect()
}
