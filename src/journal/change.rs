//! What is written to the journal. Values only: nothing here knows a database.

use crate::callback::{Callback, CallbackId, State, TimestampMs};
use bytes::Bytes;
use std::sync::Arc;

/// A callback to be accepted.
#[derive(Debug, Clone)]
pub struct NewCallback {
    /// With its fresh id and no attempts.
    pub callback: Arc<Callback>,
    /// Of everything the producer sent: tells a repeat from a conflict.
    pub digest: [u8; 32],
    /// Why it cannot go yet; none when it is pending.
    pub held: Option<&'static str>,
}

/// What became of one appended callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Committed.
    New,
    /// The event was accepted before, as this callback, with the same content.
    Duplicate(CallbackId),
    /// The event was accepted before, as this callback, with other content.
    Conflict(CallbackId),
}

/// One finished attempt, to be written down.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    /// From 1, over the whole life.
    pub number: u32,
    /// When it started.
    pub started_ms: TimestampMs,
    /// How long it took.
    pub duration_ms: u64,
    /// Where it went.
    pub url: Arc<str>,
    /// The rule that chose the URL.
    pub provenance: &'static str,
    /// The code of its diagnosis.
    pub diagnosis: &'static str,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// Where a redirect pointed, capped and printable.
    pub location: Option<String>,
    /// The first bytes of the answer's body.
    pub answer: Bytes,
}

/// A callback's next state. Applies only to one that is pending or held.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which callback.
    pub id: CallbackId,
    /// Its new state.
    pub state: State,
    /// Why, for held, dead and cancelled ones.
    pub reason: Option<&'static str>,
    /// Attempts made in all, this one included.
    pub attempts: u32,
    /// Next attempt not before; for ended ones the time of the end.
    pub at: TimestampMs,
    /// The attempt that led to it, if one was made.
    pub attempt: Option<AttemptRecord>,
}

impl Change {
    /// The time of the end, if this is one.
    pub(super) fn ended_ms(&self) -> Option<TimestampMs> {
        let open = matches!(self.state, State::Pending | State::Held);
        (!open).then_some(self.at)
    }

    /// What its attempt was answered, 0 when no answer came; none without an attempt.
    pub(super) fn status(&self) -> Option<u16> {
        let attempt = self.attempt.as_ref()?;
        Some(attempt.status.unwrap_or(0))
    }
}
