//! Reading the journal: loading for attempts, walking what is open, searching.

use crate::callback::{Callback, CallbackId, Mode, State, TeamId, TimestampMs};
use crate::journal::sqlite::to_i64;
use crate::journal::{Journal, JournalError};
use bytes::Bytes;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use std::collections::HashMap;
use uuid::Uuid;

/// An open callback, as much as the queue needs.
#[derive(Debug, Clone)]
pub struct OpenRow {
    /// Which callback.
    pub id: CallbackId,
    /// Whose.
    pub team: TeamId,
    /// About which task.
    pub task_id: String,
    /// The task's project.
    pub project: Option<String>,
    /// The task's own URL.
    pub url: Option<String>,
    /// Next attempt not before.
    pub due: TimestampMs,
    /// Held rather than pending.
    pub held: bool,
}

/// A callback with its state, for people.
#[derive(Debug, Clone)]
pub struct Detail {
    /// All but its body is as the attempt sees it; the body is empty in search results.
    pub callback: Callback,
    /// Where it is in its life.
    pub state: State,
    /// Why it is held, dead or cancelled.
    pub reason: Option<String>,
    /// Next attempt not before.
    pub due: TimestampMs,
    /// When it ended, if it did.
    pub ended_ms: Option<TimestampMs>,
}

/// One attempt as written down.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    /// From 1.
    pub number: u32,
    /// When it started.
    pub started_ms: TimestampMs,
    /// How long it took.
    pub duration_ms: u64,
    /// Where it went.
    pub url: String,
    /// The rule that chose the URL.
    pub provenance: String,
    /// The code of its diagnosis.
    pub diagnosis: String,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// Where a redirect pointed.
    pub location: Option<String>,
    /// The first bytes of the answer's body.
    pub answer: Vec<u8>,
}

/// What to look for; newest first.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Of this team.
    pub team: Option<String>,
    /// About this task.
    pub task: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Accepted at or after.
    pub from_ms: Option<TimestampMs>,
    /// Accepted before.
    pub until_ms: Option<TimestampMs>,
    /// Older than this callback: the keyset cursor.
    pub before: Option<CallbackId>,
    /// At most this many.
    pub limit: u32,
}

/// How many callbacks there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By state.
    pub by_state: HashMap<State, i64>,
    /// Ever accepted.
    pub accepted: i64,
    /// Removed by retention.
    pub pruned: i64,
}

impl Counts {
    /// What is missing; anything but 0 is a defect.
    #[must_use]
    pub fn imbalance(&self) -> i64 {
        self.accepted - self.pruned - self.by_state.values().sum::<i64>()
    }
}

const COLUMNS: &str = "c.id, c.team_id, c.event_id, c.task_id, c.project, c.mode, c.url, \
    c.attempts, c.forgiven, c.state, c.reason, c.due_ms, c.ended_ms";

impl Journal {
    /// Those of the callbacks that are still open, with their bodies, in any order.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    pub async fn load_open(&self, ids: &[CallbackId]) -> Result<Vec<Callback>, JournalError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
        sql.push(COLUMNS);
        sql.push(", b.body FROM callbacks c JOIN bodies b ON b.seq = c.seq WHERE c.seq IN (");
        let mut list = sql.separated(", ");
        for id in ids {
            list.push_bind(id.sequence());
        }
        sql.push(") AND c.state IN ('pending', 'held')");
        let rows = sql.build().fetch_all(&self.read).await?;
        rows.iter().map(|row| Ok(detail(row)?.callback)).collect()
    }

    /// The next open callbacks after `after` in order of acceptance.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    pub async fn open_after(
        &self,
        after: Option<CallbackId>,
        limit: u32,
    ) -> Result<Vec<OpenRow>, JournalError> {
        let rows = sqlx::query(
            "SELECT id, team_id, task_id, project, url, due_ms, state FROM callbacks \
             WHERE state IN ('pending', 'held') AND seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(after.map_or(0, CallbackId::sequence))
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        Ok(rows.iter().map(open_row).collect::<Result<_, _>>()?)
    }

    /// Open callbacks that the queue does not know yet (replayed beside the running gateway).
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    pub async fn unqueued(&self, limit: u32) -> Result<Vec<OpenRow>, JournalError> {
        let rows = sqlx::query(
            "SELECT id, team_id, task_id, project, url, due_ms, state FROM callbacks \
             WHERE queued = 0 AND state IN ('pending', 'held') ORDER BY seq LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        Ok(rows.iter().map(open_row).collect::<Result<_, _>>()?)
    }

    /// One callback with its body.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    pub async fn detail(&self, id: CallbackId) -> Result<Option<Detail>, JournalError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
        sql.push(COLUMNS);
        sql.push(", b.body FROM callbacks c JOIN bodies b ON b.seq = c.seq WHERE c.seq = ");
        sql.push_bind(id.sequence());
        let row = sql.build().fetch_optional(&self.read).await?;
        let found = row.as_ref().map(detail).transpose()?;
        Ok(found.filter(|detail| detail.callback.id == id))
    }

    /// The attempts of one callback, first to last.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    pub async fn attempts(&self, id: CallbackId) -> Result<Vec<AttemptRow>, JournalError> {
        let rows = sqlx::query(
            "SELECT number, started_ms, duration_ms, url, provenance, diagnosis, status, location, \
             answer FROM attempts WHERE seq = $1 ORDER BY number",
        )
        .bind(id.sequence())
        .fetch_all(&self.read)
        .await?;
        Ok(rows.iter().map(attempt_row).collect::<Result<_, _>>()?)
    }

    /// Callbacks that match, newest first, without their bodies.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    pub async fn search(&self, search: &Search) -> Result<Vec<Detail>, JournalError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
        sql.push(COLUMNS);
        sql.push(", X'' AS body FROM callbacks c WHERE c.seq < ");
        sql.push_bind(search.before.map_or(i64::MAX, CallbackId::sequence));
        if let Some(team) = &search.team {
            sql.push(" AND c.team_id = ").push_bind(team);
        }
        if let Some(task) = &search.task {
            sql.push(" AND c.task_id = ").push_bind(task);
        }
        if let Some(state) = search.state {
            sql.push(state_filter(state));
        }
        if let Some(from) = search.from_ms {
            sql.push(" AND c.seq >= ").push_bind(first_sequence(from));
        }
        if let Some(until) = search.until_ms {
            sql.push(" AND c.seq < ").push_bind(first_sequence(until));
        }
        sql.push(" ORDER BY c.seq DESC LIMIT ")
            .push_bind(search.limit);
        let rows = sql.build().fetch_all(&self.read).await?;
        Ok(rows.iter().map(detail).collect::<Result<_, _>>()?)
    }

    /// Counts everything: reads the callbacks from end to end, so now and then only.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    pub async fn counts(&self) -> Result<Counts, JournalError> {
        // One transaction, so that rows and ledger are of the same moment.
        let mut transaction = self.read.begin().await?;
        let rows = sqlx::query("SELECT state, COUNT(*) AS n FROM callbacks GROUP BY state")
            .fetch_all(&mut *transaction)
            .await?;
        let ledger = sqlx::query("SELECT name, n FROM ledger")
            .fetch_all(&mut *transaction)
            .await?;
        let mut counts = Counts::default();
        for row in &rows {
            counts.by_state.insert(state(row)?, row.try_get("n")?);
        }
        for row in &ledger {
            let n = row.try_get("n")?;
            match row.try_get("name")? {
                "accepted" => counts.accepted = n,
                _ => counts.pruned += n,
            }
        }
        Ok(counts)
    }

    /// The greatest [`CallbackId::sequence`] in use; 0 for none.
    ///
    /// # Errors
    /// [`JournalError`] when the database does not answer.
    pub async fn last_sequence(&self) -> Result<i64, JournalError> {
        let last = sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM callbacks")
            .fetch_one(&self.read)
            .await?;
        Ok(last)
    }
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

fn open_row(row: &SqliteRow) -> Result<OpenRow, sqlx::Error> {
    Ok(OpenRow {
        id: CallbackId(row.try_get::<Uuid, _>("id")?),
        team: row.try_get::<&str, _>("team_id")?.into(),
        task_id: row.try_get("task_id")?,
        project: row.try_get("project")?,
        url: row.try_get("url")?,
        due: to_u64(row.try_get("due_ms")?),
        held: state(row)? == State::Held,
    })
}

fn detail(row: &SqliteRow) -> Result<Detail, sqlx::Error> {
    let mode = match row.try_get("mode")? {
        "live" => Mode::Live,
        _ => Mode::Test,
    };
    Ok(Detail {
        callback: Callback {
            id: CallbackId(row.try_get::<Uuid, _>("id")?),
            team: row.try_get::<&str, _>("team_id")?.into(),
            event_id: row.try_get("event_id")?,
            task_id: row.try_get("task_id")?,
            project: row.try_get("project")?,
            mode,
            url: row.try_get("url")?,
            body: Bytes::from(row.try_get::<Vec<u8>, _>("body")?),
            attempts: row.try_get("attempts")?,
            forgiven: row.try_get("forgiven")?,
        },
        state: state(row)?,
        reason: row.try_get("reason")?,
        due: to_u64(row.try_get("due_ms")?),
        ended_ms: row.try_get::<Option<i64>, _>("ended_ms")?.map(to_u64),
    })
}

fn attempt_row(row: &SqliteRow) -> Result<AttemptRow, sqlx::Error> {
    Ok(AttemptRow {
        number: row.try_get("number")?,
        started_ms: to_u64(row.try_get("started_ms")?),
        duration_ms: to_u64(row.try_get("duration_ms")?),
        url: row.try_get("url")?,
        provenance: row.try_get("provenance")?,
        diagnosis: row.try_get("diagnosis")?,
        status: row.try_get("status")?,
        location: row.try_get("location")?,
        answer: row.try_get("answer")?,
    })
}

fn state(row: &SqliteRow) -> Result<State, sqlx::Error> {
    let text: &str = row.try_get("state")?;
    State::parse(text).ok_or_else(|| sqlx::Error::Decode(format!("unknown state {text}").into()))
}

fn to_u64(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}
