//! How many callbacks a second each journal commits: `cargo bench --bench journal`. Four
//! tasks append batches of 512 with bodies of 1.5 KB, then settle them with an attempt
//! each, on a SQLite file and on a PostgreSQL server that this program starts.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should end"
)]
#![expect(clippy::print_stdout, reason = "the numbers are for people")]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support/postgres.rs"]
mod postgres;

use bytes::Bytes;
use postgres::Postgres;
use ringback::callback::{Callback, CallbackId, IdSequence, Mode, State};
use ringback::config::Config;
use ringback::journal::{AttemptRecord, Change, Journal, NewCallback};
use ringback::metrics::Metrics;
use std::sync::{Arc, Mutex};
use std::time::Instant;

const TASKS: u32 = 4;
const BATCHES: u32 = 50;
const BATCH: u32 = 512;
const ROUNDS: usize = 3;
const NOW: u64 = 1_700_000_000_000;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let mut config = Config::build(None, std::iter::empty()).unwrap();
    folder.path().clone_into(&mut config.data.dir);
    println!("store       append/s   settle/s   whole life/s");
    for round in 0..ROUNDS {
        let folder = folder.path().join(format!("sqlite-{round}"));
        std::fs::create_dir(&folder).unwrap();
        config.data.dir = folder;
        config.store.url = "sqlite:".into();
        measure("sqlite", &config).await;
        let server = Postgres::own().await;
        config.store.url = server.database().await.as_str().into();
        measure("postgres", &config).await;
    }
}

async fn measure(name: &str, config: &Config) {
    let journal = Journal::open(config, Metrics::new()).await.unwrap();
    let ids = Arc::new(Mutex::new(IdSequence::after(None)));
    let all = f64::from(TASKS * BATCHES * BATCH);
    let started = Instant::now();
    let mut appending = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        appending.spawn(append(journal.clone(), Arc::clone(&ids), task));
    }
    let accepted = appending.join_all().await;
    let append = started.elapsed().as_secs_f64();
    let mut settling = tokio::task::JoinSet::new();
    for batches in accepted {
        settling.spawn(settle(journal.clone(), batches));
    }
    settling.join_all().await;
    let both = started.elapsed().as_secs_f64();
    println!(
        "{name:<10} {:>9.0}  {:>9.0}  {:>13.0}",
        all / append,
        all / (both - append),
        all / both
    );
    assert_eq!(journal.counts().await.unwrap().imbalance(), 0);
    journal.close().await;
}

async fn append(journal: Journal, ids: Arc<Mutex<IdSequence>>, task: u32) -> Vec<Vec<CallbackId>> {
    let body = Bytes::from(vec![b'x'; 1500]);
    let mut accepted = Vec::new();
    for batch in 0..BATCHES {
        let new: Vec<_> = (0..BATCH)
            .map(|n| NewCallback {
                callback: Arc::new(Callback {
                    id: ids.lock().unwrap().next(NOW, rand::random()),
                    team: format!("team_{}", n % 10).into(),
                    event_id: format!("event-{task}-{batch}-{n}"),
                    task_id: format!("task-{task}-{batch}-{n}"),
                    project: None,
                    mode: Mode::Live,
                    url: None,
                    trace: None,
                    body: body.clone(),
                    attempts: 0,
                    forgiven: 0,
                }),
                digest: [7; 32],
                held: None,
            })
            .collect();
        accepted.push(new.iter().map(|new| new.callback.id).collect());
        journal.append(new).await.unwrap();
    }
    accepted
}

async fn settle(journal: Journal, batches: Vec<Vec<CallbackId>>) {
    for ids in batches {
        let changes = ids.into_iter().map(|id| Change {
            id,
            state: State::Delivered,
            reason: None,
            attempts: 1,
            at: NOW + 50,
            attempt: Some(AttemptRecord {
                number: 1,
                started_ms: NOW + 10,
                duration_ms: 40,
                url: "https://example.com/hook".into(),
                provenance: "team default",
                diagnosis: "delivered",
                status: Some(200),
                location: None,
                answer: Bytes::from_static(b"ok"),
            }),
        });
        journal.change(changes.collect()).await.unwrap();
    }
}
