//! What is read from the journal, and how its rows become values. The same for every
//! engine, so that a column cannot be understood in two ways.

use crate::callback::trace::TraceParent;
use crate::callback::{Callback, CallbackId, Mode, State, TeamId, TimestampMs};
use bytes::Bytes;
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
    /// Live or test: whose project of that name. Live where there is no project.
    pub mode: Mode,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Live or test.
    pub mode: Option<Mode>,
    /// Whose last attempt was answered with this HTTP status; 0: without an answer.
    pub status: Option<u16>,
    /// Accepted at or after.
    pub from_ms: Option<TimestampMs>,
    /// Accepted before.
    pub until_ms: Option<TimestampMs>,
    /// Older than this callback: the keyset cursor.
    pub before: Option<CallbackId>,
    /// At most this many.
    pub limit: u32,
}

/// Which dead letters.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Exactly these; all others when empty.
    pub ids: Vec<CallbackId>,
    /// Of this team.
    pub team: Option<String>,
    /// At most this many, oldest first.
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

    /// Adds a count under the name of a state or of a ledger account.
    pub(super) fn add(&mut self, name: &str, n: i64) -> Result<(), sqlx::Error> {
        match name {
            "accepted" => self.accepted += n,
            "pruned" => self.pruned += n,
            _ => *self.by_state.entry(state(name)?).or_default() += n,
        }
        Ok(())
    }
}

/// A row of [`OpenRow`]'s columns.
#[derive(sqlx::FromRow)]
pub(super) struct OpenColumns {
    pub(super) id: Uuid,
    team_id: String,
    task_id: String,
    project: Option<String>,
    url: Option<String>,
    due_ms: i64,
    state: String,
    mode: Option<String>,
}

impl TryFrom<OpenColumns> for OpenRow {
    type Error = sqlx::Error;

    fn try_from(row: OpenColumns) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: CallbackId(row.id),
            team: row.team_id.into(),
            task_id: row.task_id,
            project: row.project,
            mode: row.mode.as_deref().map_or(Mode::Live, mode),
            url: row.url,
            due: to_u64(row.due_ms),
            held: state(&row.state)? == State::Held,
        })
    }
}

/// A row of [`Detail`]'s columns.
#[derive(sqlx::FromRow)]
pub(super) struct DetailColumns {
    id: Uuid,
    team_id: String,
    event_id: String,
    task_id: String,
    project: Option<String>,
    mode: String,
    url: Option<String>,
    traceparent: Option<String>,
    body: Vec<u8>,
    attempts: i32,
    forgiven: i32,
    state: String,
    reason: Option<String>,
    due_ms: i64,
    ended_ms: Option<i64>,
}

impl TryFrom<DetailColumns> for Detail {
    type Error = sqlx::Error;

    fn try_from(row: DetailColumns) -> Result<Self, sqlx::Error> {
        Ok(Self {
            callback: Callback {
                id: CallbackId(row.id),
                team: row.team_id.into(),
                event_id: row.event_id,
                task_id: row.task_id,
                project: row.project,
                mode: mode(&row.mode),
                url: row.url,
                trace: row.traceparent.as_deref().and_then(TraceParent::parse),
                body: Bytes::from(row.body),
                attempts: row.attempts.unsigned_abs(),
                forgiven: row.forgiven.unsigned_abs(),
            },
            state: state(&row.state)?,
            reason: row.reason,
            due: to_u64(row.due_ms),
            ended_ms: row.ended_ms.map(to_u64),
        })
    }
}

/// A row of [`AttemptRow`]'s columns.
#[derive(sqlx::FromRow)]
pub(super) struct AttemptColumns {
    number: i32,
    started_ms: i64,
    duration_ms: i64,
    url: String,
    provenance: String,
    diagnosis: String,
    status: Option<i16>,
    location: Option<String>,
    answer: Vec<u8>,
}

impl From<AttemptColumns> for AttemptRow {
    fn from(row: AttemptColumns) -> Self {
        Self {
            number: row.number.unsigned_abs(),
            started_ms: to_u64(row.started_ms),
            duration_ms: to_u64(row.duration_ms),
            url: row.url,
            provenance: row.provenance,
            diagnosis: row.diagnosis,
            status: row.status.map(i16::unsigned_abs),
            location: row.location,
            answer: row.answer,
        }
    }
}

/// A row of [`AttemptColumns`] with whose attempt it is.
#[derive(sqlx::FromRow)]
pub(super) struct LastColumns {
    id: Uuid,
    #[sqlx(flatten)]
    attempt: AttemptColumns,
}

impl LastColumns {
    pub(super) fn into_pair(self) -> (CallbackId, AttemptRow) {
        (CallbackId(self.id), self.attempt.into())
    }
}

/// Turns every row into its value.
pub(super) fn rows<C, V>(columns: Vec<C>) -> Result<Vec<V>, sqlx::Error>
where
    V: TryFrom<C, Error = sqlx::Error>,
{
    columns.into_iter().map(V::try_from).collect()
}

pub(super) fn mode(text: &str) -> Mode {
    if text == Mode::Live.as_str() {
        Mode::Live
    } else {
        Mode::Test
    }
}

fn state(text: &str) -> Result<State, sqlx::Error> {
    State::parse(text).ok_or_else(|| sqlx::Error::Decode(format!("unknown state {text}").into()))
}

/// What databases store as milliseconds and counts; none is below 0.
pub(super) fn to_u64(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}

/// Milliseconds and counts as databases store them. What is too large saturates.
pub(super) fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
