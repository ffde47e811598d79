//! Callbacks on their way into another store: rows as they are stored, in ranges of ids,
//! and what is compared of them. Never understands a row: what is stored is what arrives.

use crate::callback::CallbackId;
use crate::checksum::{Checksum, RowDigest, RowHasher};
use crate::journal::replay::ReplayColumns;
use crate::journal::{Counts, JournalError};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A range of ids: behind `after`, up to and with `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Not in it.
    pub after: CallbackId,
    /// In it.
    pub until: CallbackId,
}

impl Span {
    /// Every id there can be.
    pub const ALL: Self = Self {
        after: CallbackId(Uuid::nil()),
        until: CallbackId(Uuid::max()),
    };
}

/// A row that can be compared with the one in the other store.
pub(super) trait Transferred {
    type Key: Ord + Copy;
    fn key(&self) -> Self::Key;
    fn digest(&self) -> RowDigest;
}

/// What was handed in. Where rows are only compared, `body` stays in its store.
#[derive(sqlx::FromRow)]
pub(super) struct ResultRow {
    pub(super) id: Uuid,
    pub(super) team_id: String,
    pub(super) event_id: String,
    pub(super) task_id: String,
    pub(super) mode: String,
    pub(super) digest: Vec<u8>,
    pub(super) traceparent: Option<String>,
    #[sqlx(default)]
    pub(super) body: Vec<u8>,
    #[sqlx(default)]
    pub(super) body_digest: Vec<u8>,
}

impl Transferred for ResultRow {
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.id
    }

    fn digest(&self) -> RowDigest {
        RowHasher::default()
            .bytes(Some(self.id.as_bytes()))
            .text(Some(&self.team_id))
            .text(Some(&self.event_id))
            .text(Some(&self.task_id))
            .text(Some(&self.mode))
            .bytes(Some(&self.digest))
            .text(self.traceparent.as_deref())
            .bytes(Some(&self.body_digest))
            .finish()
    }
}

/// Where a callback is in its life. Whether the queue knows it does not move along: the
/// queue of the new store knows none.
#[derive(sqlx::FromRow)]
pub(super) struct CallbackRow {
    pub(super) id: Uuid,
    pub(super) team_id: String,
    pub(super) task_id: String,
    pub(super) project: Option<String>,
    pub(super) url: Option<String>,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) attempts: i32,
    pub(super) forgiven: i32,
    pub(super) due_ms: i64,
    pub(super) ended_ms: Option<i64>,
    pub(super) status: Option<i16>,
    pub(super) mode: String,
}

impl Transferred for CallbackRow {
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.id
    }

    fn digest(&self) -> RowDigest {
        RowHasher::default()
            .bytes(Some(self.id.as_bytes()))
            .text(Some(&self.team_id))
            .text(Some(&self.task_id))
            .text(self.project.as_deref())
            .text(self.url.as_deref())
            .text(Some(&self.state))
            .text(self.reason.as_deref())
            .number(Some(self.attempts.into()))
            .number(Some(self.forgiven.into()))
            .number(Some(self.due_ms))
            .number(self.ended_ms)
            .number(self.status.map(i64::from))
            .text(Some(&self.mode))
            .finish()
    }
}

/// One attempt. Where rows are only compared, `answer` stays in its store.
#[derive(sqlx::FromRow)]
pub(super) struct AttemptRow {
    pub(super) id: Uuid,
    pub(super) number: i32,
    pub(super) started_ms: i64,
    pub(super) duration_ms: i64,
    pub(super) url: String,
    pub(super) provenance: String,
    pub(super) diagnosis: String,
    pub(super) status: Option<i16>,
    pub(super) location: Option<String>,
    #[sqlx(default)]
    pub(super) answer: Vec<u8>,
    #[sqlx(default)]
    pub(super) answer_digest: Vec<u8>,
}

/// Its callback, its number, when it started.
pub(super) type AttemptKey = (Uuid, i32, i64);

impl Transferred for AttemptRow {
    type Key = AttemptKey;

    fn key(&self) -> AttemptKey {
        (self.id, self.number, self.started_ms)
    }

    fn digest(&self) -> RowDigest {
        RowHasher::default()
            .bytes(Some(self.id.as_bytes()))
            .number(Some(self.number.into()))
            .number(Some(self.started_ms))
            .number(Some(self.duration_ms))
            .text(Some(&self.url))
            .text(Some(&self.provenance))
            .text(Some(&self.diagnosis))
            .number(self.status.map(i64::from))
            .text(self.location.as_deref())
            .bytes(Some(&self.answer_digest))
            .finish()
    }
}

/// Rows of one table with their digests, by key.
pub(super) struct Rows<R: Transferred>(BTreeMap<R::Key, (RowDigest, R)>);

impl<R: Transferred> FromIterator<R> for Rows<R> {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Self {
        let keyed = rows.into_iter().map(|row| (row.key(), (row.digest(), row)));
        Self(keyed.collect())
    }
}

impl<R: Transferred> Rows<R> {
    /// Those that the other store lacks or has differently.
    pub(super) fn not_in(&self, other: &Self) -> Vec<&R> {
        let same = |key, digest| other.0.get(key).is_some_and(|(theirs, _)| theirs == digest);
        self.0
            .iter()
            .filter(|(key, (digest, _))| !same(key, digest))
            .map(|(_, (_, row))| row)
            .collect()
    }

    fn add_to(&self, checksum: &mut Checksum) {
        for (digest, _) in self.0.values() {
            checksum.add(digest);
        }
    }
}

/// Everything a store holds of one span.
pub struct Batch {
    /// Which.
    pub span: Span,
    pub(super) results: Rows<ResultRow>,
    pub(super) callbacks: Rows<CallbackRow>,
    pub(super) attempts: Rows<AttemptRow>,
}

impl Batch {
    /// How many callbacks it holds.
    #[must_use]
    pub fn callbacks(&self) -> u64 {
        self.callbacks.0.len() as u64
    }
}

/// The replays of a store: few, so they move at once.
pub struct Replays(pub(super) Vec<ReplayColumns>);

/// What a journal comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Everything that was handed in.
    pub results: Checksum,
    /// Where the callbacks are in their lives.
    pub callbacks: Checksum,
    /// The attempts.
    pub attempts: Checksum,
    /// The callbacks by state, and the ledger.
    pub counts: Counts,
}

impl Sums {
    /// Counts a batch in.
    ///
    /// # Errors
    /// [`JournalError`] when a callback is in a state that does not exist.
    pub fn add(&mut self, batch: &Batch) -> Result<(), JournalError> {
        batch.results.add_to(&mut self.results);
        batch.callbacks.add_to(&mut self.callbacks);
        batch.attempts.add_to(&mut self.attempts);
        for (_, row) in batch.callbacks.0.values() {
            self.counts.add(&row.state, 1)?;
        }
        Ok(())
    }
}
