//! A journal under test on every engine, and short words for its calls.

use super::app::config;
use super::postgres::use_postgres;
use ringback::callback::{Callback, CallbackId, IdSequence, Mode, State, TimestampMs};
use ringback::config::Config;
use ringback::journal::{
    Appended, AttemptRecord, Change, Journal, JournalError, NewCallback, OpenRow, Search,
};
use ringback::metrics::Metrics;
use std::sync::{Arc, Mutex};

/// When every test begins. Not 0, so that "earlier" exists.
pub(crate) const START: TimestampMs = 1_700_000_000_000;
pub(crate) const TEAM: &str = "acme";

/// Every store: a new one is one more line.
pub(crate) async fn configs() -> Vec<(&'static str, Config, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let mut all = vec![("sqlite", config(&folder), folder)];
    let folder = tempfile::tempdir().unwrap();
    let mut postgres = config(&folder);
    use_postgres(&mut postgres).await;
    all.push(("postgres", postgres, folder));
    all
}

/// One engine, opened empty.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) config: Config,
    pub(crate) journal: Journal,
    ids: Mutex<IdSequence>,
    _folder: tempfile::TempDir,
}

pub(crate) async fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for (name, config, folder) in configs().await {
        subjects.push(Subject {
            name,
            journal: Journal::open(&config, Metrics::new()).await.unwrap(),
            config,
            ids: Mutex::new(IdSequence::after(None)),
            _folder: folder,
        });
    }
    subjects
}

/// The event's first id, digest and all: a repeat of the same content.
pub(crate) fn again(new: &NewCallback, subject: &Subject) -> NewCallback {
    let mut callback = (*new.callback).clone();
    callback.id = subject.id_at(START);
    NewCallback {
        callback: Arc::new(callback),
        ..new.clone()
    }
}

/// The same event with other content.
pub(crate) fn altered(new: &NewCallback, subject: &Subject) -> NewCallback {
    NewCallback {
        digest: [9; 32],
        ..again(new, subject)
    }
}

pub(crate) fn change(id: CallbackId, state: State, attempts: u32) -> Change {
    Change {
        id,
        state,
        reason: (state != State::Delivered).then_some("a reason"),
        attempts,
        at: START + 1000,
        attempt: None,
    }
}

/// As [`change`], with its attempt.
pub(crate) fn attempted(id: CallbackId, state: State, number: u32) -> Change {
    Change {
        attempt: Some(AttemptRecord {
            number,
            started_ms: START + u64::from(number),
            duration_ms: 5,
            url: "https://acme.test/hook".into(),
            provenance: "task",
            diagnosis: "server_error",
            status: Some(500),
            location: None,
            answer: bytes::Bytes::from_static(b"\0\xff\xfe not text"),
        }),
        ..change(id, state, number)
    }
}

pub(crate) fn ids(rows: &[OpenRow]) -> Vec<CallbackId> {
    rows.iter().map(|row| row.id).collect()
}

impl Subject {
    pub(crate) fn id_at(&self, now: TimestampMs) -> CallbackId {
        self.ids.lock().unwrap().next(now, rand::random())
    }

    /// A pending callback of [`TEAM`], alone in its task.
    pub(crate) fn callback(&self, event: &str) -> NewCallback {
        self.callback_at(event, START)
    }

    pub(crate) fn callback_at(&self, event: &str, now: TimestampMs) -> NewCallback {
        NewCallback {
            callback: Arc::new(Callback {
                id: self.id_at(now),
                team: TEAM.into(),
                event_id: event.to_owned(),
                task_id: format!("task-{event}"),
                project: Some("kites".to_owned()),
                mode: Mode::Live,
                url: Some("https://acme.test/hook".to_owned()),
                trace: None,
                body: bytes::Bytes::from_static(b"{\"a\":\"\\u0000\"}\0\xff"),
                attempts: 0,
                forgiven: 0,
            }),
            digest: [1; 32],
            held: None,
        }
    }

    /// As [`Subject::callback`], with some fields changed.
    pub(crate) fn with(&self, event: &str, edit: impl FnOnce(&mut Callback)) -> NewCallback {
        let new = self.callback(event);
        let mut callback = (*new.callback).clone();
        edit(&mut callback);
        NewCallback {
            callback: Arc::new(callback),
            ..new
        }
    }

    pub(crate) async fn append(&self, new: &[NewCallback]) -> Vec<Appended> {
        self.journal.append(new.to_vec()).await.unwrap()
    }

    /// Appends one that must be new; returns its id.
    pub(crate) async fn accept(&self, new: NewCallback) -> CallbackId {
        let id = new.callback.id;
        let answer = self.append(&[new]).await;
        assert_eq!(answer, [Appended::New], "on {}", self.name);
        id
    }

    pub(crate) async fn accept_event(&self, event: &str) -> CallbackId {
        self.accept(self.callback(event)).await
    }

    pub(crate) async fn change(&self, changes: &[Change]) {
        self.journal.change(changes.to_vec()).await.unwrap();
    }

    pub(crate) async fn state(&self, id: CallbackId) -> (State, u32) {
        let detail = self.journal.detail(id).await.unwrap().expect("accepted");
        (detail.state, detail.callback.attempts)
    }

    pub(crate) async fn found(&self, search: Search) -> Result<Vec<CallbackId>, JournalError> {
        let limit = if search.limit == 0 { 100 } else { search.limit };
        let found = self.journal.search(&Search { limit, ..search }).await?;
        Ok(found.iter().map(|detail| detail.callback.id).collect())
    }

    /// Another process on the same store, as far as the store can tell. SQLite is for one.
    pub(crate) async fn other_process(&self) -> Option<Journal> {
        self.config.store.postgres_url()?;
        Some(Journal::open(&self.config, Metrics::new()).await.unwrap())
    }
}
