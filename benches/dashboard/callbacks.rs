//! A team's callbacks among others', written through the journal itself.

use ringback::app::App;
use ringback::callback::latency::bucket_of;
use ringback::callback::{Callback, CallbackId, IdSequence, Mode, State};
use ringback::journal::{AttemptRecord, Change, NewCallback};
use ringback::records::hours::{HOUR_MS, Hour, Outcome};
use sqlx::{AnyConnection, Connection};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const TEAM: &str = "team_a";
/// 14 November 2023, 22:13:20 UTC.
pub(crate) const NOW: u64 = 1_700_000_000_000;
/// The callbacks came within this time.
const SPAN_MS: u64 = 7 * 24 * HOUR_MS;
/// Callbacks in one commit.
const BATCH: u64 = 512;
/// Of every so many one is of another team.
const OTHERS: u64 = 6;
const URL: &str = "https://example.com/callbacks";

/// What becomes of the n-th callback, and what its last attempt was answered.
fn end(n: u64) -> (State, Option<u16>) {
    match n % 100 {
        _ if n.is_multiple_of(9973) => (State::Cancelled, None),
        _ if n.is_multiple_of(4999) => (State::Pending, Some(503)),
        _ if n.is_multiple_of(997) => (State::Dead, Some(404)),
        0..3 => (State::Dead, Some(503)),
        3..5 => (State::Dead, Some(0)),
        _ => (State::Delivered, Some(200)),
    }
}

fn callback(ids: &mut IdSequence, n: u64, all: u64) -> Callback {
    let id = ids.next(
        NOW - SPAN_MS + n * SPAN_MS / all,
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    );
    let is_other = n.is_multiple_of(OTHERS);
    let team = if is_other {
        format!("team_{}", n % 97)
    } else {
        TEAM.to_owned()
    };
    Callback {
        id,
        team: team.as_str().into(),
        event_id: format!("event-{n}"),
        task_id: format!("task-{}", n / 3),
        project: None,
        mode: if n.is_multiple_of(1009) {
            Mode::Test
        } else {
            Mode::Live
        },
        url: Some(URL.to_owned()),
        body: br#"{"task_id":"x","status":"completed","response":{"annotations":[]}}"#[..].into(),
        attempts: 0,
        forgiven: 0,
        trace: None,
    }
}

fn change(id: CallbackId, n: u64) -> Change {
    let (state, status) = end(n);
    let at = id.accepted_ms() + 50;
    let attempt = status.map(|status| AttemptRecord {
        number: 1,
        started_ms: at,
        duration_ms: 20 + n % 50,
        url: URL.into(),
        provenance: "task",
        diagnosis: match status {
            0 => "connect_refused",
            200 => "delivered",
            _ => "server_error",
        },
        status: Some(status).filter(|status| *status != 0),
        location: None,
        answer: bytes::Bytes::from_static(b"ok"),
    });
    Change {
        id,
        state,
        reason: matches!(state, State::Dead | State::Cancelled).then_some("a reason"),
        attempts: u32::from(attempt.is_some()),
        at,
        attempt,
    }
}

/// Fills the journal with so many of the team's; returns the id of one in the middle.
pub(crate) async fn fill(app: &App, of_team: u64) -> String {
    let all = of_team * OTHERS / (OTHERS - 1);
    let (mut ids, mut middle) = (IdSequence::after(None), String::new());
    let mut tasks = Vec::new();
    for from in (0..all).step_by(usize::try_from(BATCH).unwrap()) {
        let batch = from..(from + BATCH).min(all);
        let new: Vec<_> = batch.clone().map(|n| callback(&mut ids, n, all)).collect();
        let at_middle = new.iter().find(|it| &*it.team == TEAM);
        if from <= all / 2 {
            middle = at_middle.unwrap().id.to_string();
        }
        let journal = app.journal.clone();
        // Several commits at once, as several processes would make.
        tasks.push(tokio::spawn(async move {
            let changes: Vec<_> = batch.zip(&new).map(|(n, it)| change(it.id, n)).collect();
            let new = new.into_iter().map(|callback| NewCallback {
                digest: [1; 32],
                held: None,
                callback: Arc::new(callback),
            });
            journal.append(new.collect()).await.unwrap();
            journal.change(changes).await.unwrap();
        }));
        if tasks.len() == 8 {
            for task in tasks.drain(..) {
                task.await.unwrap();
            }
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    hours(app).await;
    middle
}

/// A week of counts.
async fn hours(app: &App) {
    let mut counts = BTreeMap::new();
    for hour in 0..170 {
        for ms in [8, 20, 40, 90, 200, 900] {
            for outcome in [Outcome::Delivered, Outcome::Failed] {
                let at = NOW - hour * HOUR_MS;
                counts.insert(
                    Hour::of(TEAM, at, outcome, bucket_of(ms)),
                    100 + hour * ms % 700,
                );
            }
        }
    }
    app.records.add_hours(&counts).await.unwrap();
}

/// Leaves the server nothing to do of its own: the planner knows nothing of tables that were
/// filled just now, and what was filled is still to be swept and to be written to the disk.
pub(crate) async fn settle(url: &str) {
    if url.starts_with("postgres") {
        let mut connection = AnyConnection::connect(url).await.unwrap();
        for work in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
            sqlx::query(work).execute(&mut connection).await.unwrap();
        }
    }
}
