//! Searching a team's callbacks: one walk for each state, each over the index that is made
//! for it, in the order of acceptance and no further than the limit
//! (`docs/search-plans.md`). Indexes are named, so that the planner cannot take one that
//! walks past other callbacks; a search that none serves fails in the tests.

use crate::callback::{Mode, State, TimestampMs};
use crate::journal::Search;
use crate::journal::sqlite::read::{below, first_sequence};
use crate::journal::view::to_i64;
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

/// A walk through a team's callbacks.
pub(super) struct Walk<'a> {
    pub(super) search: &'a Search,
    pub(super) team: &'a str,
    /// Newest first, unless it is one through dead letters.
    pub(super) dead: Option<Dead>,
    /// No limit when below 0.
    pub(super) limit: i64,
}

/// Oldest first through the dead letters behind one of them that had died by a time.
#[derive(Clone, Copy)]
pub(super) struct Dead {
    pub(super) behind: i64,
    pub(super) died_by: TimestampMs,
}

impl Walk<'_> {
    /// `(SELECT seq ... LIMIT limit)`: the keys of the callbacks that match.
    pub(super) fn push(&self, sql: &mut QueryBuilder<Sqlite>) {
        let states = match (self.search.state, &self.search.task) {
            (None, None) => State::ALL.map(Some).to_vec(),
            (state, _) => vec![state],
        };
        sql.push("(SELECT c.seq FROM (");
        for (index, state) in states.into_iter().enumerate() {
            if index > 0 {
                sql.push(" UNION ALL ");
            }
            sql.push("SELECT * FROM (SELECT c.seq FROM callbacks c INDEXED BY ");
            push_walk(sql, self, state);
            self.push_end(sql);
        }
        sql.push(") AS c");
        self.push_end(sql);
    }

    fn push_end(&self, sql: &mut QueryBuilder<Sqlite>) {
        let order = if self.dead.is_some() { "" } else { " DESC" };
        sql.push(" ORDER BY c.seq").push(order);
        sql.push(" LIMIT ").push_bind(self.limit).push(")");
    }
}

fn push_walk(sql: &mut QueryBuilder<Sqlite>, walk: &Walk<'_>, state: Option<State>) {
    let search = walk.search;
    let index = match search {
        Search { task: Some(_), .. } => "callbacks_task",
        // Texts, not parameters: only so does SQLite see that a partial index serves.
        Search {
            mode: Some(Mode::Test),
            ..
        } => "callbacks_team_test",
        Search {
            status: Some(_), ..
        } => "callbacks_team_status",
        _ => "callbacks_team_state",
    };
    sql.push(index).push(" WHERE c.seq < ");
    sql.push_bind(below(search));
    if let Some(task) = &search.task {
        sql.push(" AND c.task_id = ").push_bind(task.clone());
    }
    sql.push(" AND c.team_id = ")
        .push_bind(walk.team.to_owned());
    match search.mode {
        Some(Mode::Test) => sql.push(" AND c.mode = 'test'"),
        Some(Mode::Live) => sql.push(" AND c.mode = 'live'"),
        None => sql,
    };
    if let Some(status) = search.status {
        sql.push(" AND c.status = ").push_bind(status);
    }
    if let Some(state) = state {
        sql.push(" AND c.state = ").push_bind(state.as_str());
    }
    if let Some(from) = search.from_ms {
        sql.push(" AND c.seq >= ").push_bind(first_sequence(from));
    }
    if let Some(dead) = walk.dead {
        sql.push(" AND c.seq > ").push_bind(dead.behind);
        sql.push(" AND c.ended_ms <= ")
            .push_bind(to_i64(dead.died_by));
    }
}

/// How many match, up to `most`.
pub(super) async fn count(
    pool: &SqlitePool,
    search: &Search,
    team: &str,
    most: u32,
) -> Result<u64, sqlx::Error> {
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) FROM ");
    let walk = Walk {
        search,
        team,
        dead: None,
        limit: most.into(),
    };
    walk.push(&mut sql);
    let n: i64 = sql.build_query_scalar().fetch_one(pool).await?;
    Ok(n.unsigned_abs())
}
