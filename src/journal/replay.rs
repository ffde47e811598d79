//! A replay: a team's dead letters on their way to being sent again, at a pace. Values and
//! pure rules; the engines keep them, and step them in one transaction with what they send.

use crate::callback::{CallbackId, State, TimestampMs};
use crate::journal::Search;
use crate::journal::view::{mode, to_u64};
use uuid::Uuid;

/// Callbacks that one step sends again at most: a few milliseconds of the writer's time.
pub(super) const STEP_MAX: u32 = 500;
/// What a replay may catch up on when it could not be stepped, milliseconds.
const CATCH_UP_MS: u64 = 2000;

/// Where a replay is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayState {
    /// Goes on by itself.
    Running,
    /// Waits until somebody resumes it.
    Paused,
    /// Everything that it found is sent again.
    Done,
    /// Somebody stopped it; what was sent again stays so.
    Cancelled,
}

impl ReplayState {
    const ALL: [Self; 4] = [Self::Running, Self::Paused, Self::Done, Self::Cancelled];

    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it can still go on.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    fn parse(text: &str) -> Result<Self, sqlx::Error> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| sqlx::Error::Decode(format!("unknown state {text}").into()))
    }
}

/// A replay to be started.
#[derive(Debug, Clone)]
pub struct NewReplay {
    /// Its id.
    pub id: CallbackId,
    /// Whose dead letters.
    pub team: String,
    /// Which of them: task, mode, status and times count, nothing else.
    pub search: Search,
    /// How many a second, on average.
    pub per_second: u32,
    /// Who wants it.
    pub started_by: String,
    /// When. What dies later is not part of it.
    pub now: TimestampMs,
}

/// A replay as it is.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Its id.
    pub id: CallbackId,
    /// Whose dead letters.
    pub team: String,
    /// Which of them, as a search of dead ones.
    pub search: Search,
    /// How many a second, on average.
    pub per_second: u32,
    /// Where it is in its life.
    pub state: ReplayState,
    /// How many matched when it was started.
    pub found: u64,
    /// How many are sent again.
    pub replayed: u64,
    /// When it was started.
    pub started_ms: TimestampMs,
    /// When it ended.
    pub ended_ms: Option<TimestampMs>,
    /// Who wanted it.
    pub started_by: String,
    pub(super) last: Option<CallbackId>,
    pub(super) paced_ms: TimestampMs,
}

/// A row of `replays`, the same in every engine.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct ReplayColumns {
    pub(super) id: String,
    pub(super) team_id: String,
    pub(super) task_id: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) status: Option<i64>,
    pub(super) from_ms: Option<i64>,
    pub(super) until_ms: Option<i64>,
    pub(super) per_second: i64,
    pub(super) state: String,
    pub(super) found: i64,
    pub(super) replayed: i64,
    pub(super) last_id: Option<String>,
    pub(super) paced_ms: i64,
    pub(super) started_ms: i64,
    pub(super) ended_ms: Option<i64>,
    pub(super) started_by: String,
}

impl TryFrom<ReplayColumns> for Replay {
    type Error = sqlx::Error;

    fn try_from(row: ReplayColumns) -> Result<Self, sqlx::Error> {
        let id = |text: &str| {
            let id: Result<Uuid, _> = text.parse();
            id.map(CallbackId)
                .map_err(|error| sqlx::Error::Decode(error.into()))
        };
        Ok(Self {
            id: id(&row.id)?,
            search: Search {
                team: Some(row.team_id.clone()),
                task: row.task_id,
                state: Some(State::Dead),
                mode: row.mode.as_deref().map(mode),
                status: row.status.and_then(|status| u16::try_from(status).ok()),
                from_ms: row.from_ms.map(to_u64),
                until_ms: row.until_ms.map(to_u64),
                ..Search::default()
            },
            team: row.team_id,
            per_second: u32::try_from(row.per_second).unwrap_or(1),
            state: ReplayState::parse(&row.state)?,
            found: to_u64(row.found),
            replayed: to_u64(row.replayed),
            started_ms: to_u64(row.started_ms),
            ended_ms: row.ended_ms.map(to_u64),
            started_by: row.started_by,
            last: row.last_id.as_deref().map(id).transpose()?,
            paced_ms: to_u64(row.paced_ms),
        })
    }
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many are pending again.
    Replayed(u64),
    /// The pace forbids more for now.
    Paced,
    /// It is not running, or has just become done.
    Over,
}

impl NewReplay {
    /// What its walk looks for.
    pub(super) fn dead(&self) -> Search {
        Search {
            team: Some(self.team.clone()),
            state: Some(State::Dead),
            ..self.search.clone()
        }
    }

    /// A second's worth may go at once.
    pub(super) fn paced_ms(&self) -> TimestampMs {
        self.now.saturating_sub(1000)
    }
}

impl Replay {
    /// How many may go now.
    pub(super) fn allowed(&self, now: TimestampMs) -> u32 {
        let free_ms = now.saturating_sub(self.paced_from(now));
        let allowed = free_ms.saturating_mul(self.per_second.into()) / 1000;
        u32::try_from(allowed).unwrap_or(u32::MAX).min(STEP_MAX)
    }

    /// Until when the pace is used up once so many went.
    pub(super) fn paced_after(&self, sent: u64, now: TimestampMs) -> TimestampMs {
        let took_ms = (sent * 1000).div_ceil(u64::from(self.per_second.max(1)));
        self.paced_from(now) + took_ms
    }

    /// Another process's clock may be ahead; what lies far ahead was a clock that was wrong.
    fn paced_from(&self, now: TimestampMs) -> TimestampMs {
        if self.paced_ms > now + CATCH_UP_MS {
            return now;
        }
        self.paced_ms.max(now.saturating_sub(CATCH_UP_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimestampMs = 1_700_000_000_000;

    fn replay(per_second: u32, paced_ms: TimestampMs) -> Replay {
        Replay {
            id: CallbackId(Uuid::nil()),
            team: String::new(),
            search: Search::default(),
            per_second,
            state: ReplayState::Running,
            found: 0,
            replayed: 0,
            started_ms: NOW,
            ended_ms: None,
            started_by: String::new(),
            last: None,
            paced_ms,
        }
    }

    #[test]
    fn no_second_sends_more_than_its_share() {
        for per_second in [1, 3, 7, 100, 300, 1000] {
            let (mut it, mut sent) = (replay(per_second, NOW - 1000), 0);
            for tick in 0..100 {
                let now = NOW + tick * 100;
                let n = u64::from(it.allowed(now));
                sent += n;
                it.paced_ms = it.paced_after(n, now);
                let share = u64::from(per_second) * (1000 + tick * 100) / 1000;
                assert!(sent <= share, "{per_second}: {sent} > {share} at {tick}");
            }
            assert!(sent >= u64::from(per_second) * 9, "{per_second}: {sent}");
        }
    }

    #[test]
    fn what_stood_still_catches_up_on_two_seconds_only() {
        assert_eq!(replay(10, NOW - 3_600_000).allowed(NOW), 20);
        assert_eq!(replay(10, NOW).allowed(NOW), 0);
        assert_eq!(replay(10, NOW + 3_600_000).allowed(NOW), 0);
        let wrong = replay(10, NOW + 3_600_000);
        assert_eq!(wrong.paced_after(0, NOW), NOW, "and then it goes on");
        assert_eq!(replay(1000, NOW - 60_000).allowed(NOW), STEP_MAX);
    }
}
