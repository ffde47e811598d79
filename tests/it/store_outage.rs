//! A PostgreSQL server that stops under load, and ones that are not fit for the journal.

use crate::support::app::{TestApp, result};
use crate::support::postgres::{PASSWORD, Postgres};
use axum::http::StatusCode;
use ringback::callback::CallbackId;
use ringback::config::Config;
use ringback::journal::{Journal, JournalError};
use ringback::metrics::Metrics;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Default)]
struct Seen {
    accepted: AtomicUsize,
    refused: AtomicUsize,
    over: AtomicBool,
}

impl Seen {
    /// Waits until a count has grown by this much.
    async fn grows(count: &AtomicUsize, by: usize) {
        let (start, deadline) = (count.load(Ordering::SeqCst), Instant::now() + PATIENCE);
        while count.load(Ordering::SeqCst) < start + by {
            assert!(Instant::now() < deadline, "it stands at {start}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Hands in one result after the other until it is over; returns what was accepted.
async fn hand_in(app: Arc<TestApp>, seen: Arc<Seen>, name: usize) -> Vec<CallbackId> {
    let mut accepted = Vec::new();
    for n in 0.. {
        if seen.over.load(Ordering::SeqCst) {
            break;
        }
        let body = result(&format!("{name}-{n}"), Value::Null);
        let answer = app.call("POST", "/internal/v1/results", body).await;
        match answer.status {
            StatusCode::ACCEPTED => {
                let id = answer.body["callback_id"].as_str().unwrap();
                accepted.push(CallbackId(id.parse().unwrap()));
                seen.accepted.fetch_add(1, Ordering::SeqCst);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(answer.retry_after.is_some(), "{answer:?}");
                seen.refused.fetch_add(1, Ordering::SeqCst);
            }
            _ => panic!("{answer:?}"),
        }
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_nothing_is_promised_and_then_it_goes_on() {
    let mut server = Postgres::own().await;
    let url = server.database().await;
    let app = TestApp::with(|config| config.store.url = url.as_str().into()).await;
    let (app, seen) = (Arc::new(app), Arc::new(Seen::default()));
    let mut tasks = tokio::task::JoinSet::new();
    for name in 0..8 {
        tasks.spawn(hand_in(Arc::clone(&app), Arc::clone(&seen), name));
    }
    for _ in 0..2 {
        Seen::grows(&seen.accepted, 50).await;
        server.stop();
        Seen::grows(&seen.refused, 16).await;
        let journal = app.app.journal.ping().await;
        assert!(
            matches!(journal, Err(JournalError::Unavailable(_))),
            "{journal:?}"
        );
        server.start().await;
    }
    Seen::grows(&seen.accepted, 50).await;
    seen.over.store(true, Ordering::SeqCst);
    let accepted = tasks.join_all().await.concat();
    for id in &accepted {
        assert!(
            app.app.journal.detail(*id).await.unwrap().is_some(),
            "{id} is lost"
        );
    }
    let counts = app.app.journal.counts().await.unwrap();
    assert_eq!(counts.imbalance(), 0);
    // A commit whose answer was cut off was not promised, but may be there.
    assert!(counts.accepted >= i64::try_from(accepted.len()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_holds_nobody_for_ever() {
    let server = Postgres::own().await;
    let url = server.database().await;
    let app = TestApp::with(|config| config.store.url = url.as_str().into()).await;
    app.submit("before", Value::Null).await;
    server.pause();
    let journal = &app.app.journal;
    // As many as there are connections, so that each of them is waited for in vain.
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let journal = journal.clone();
        asking.spawn(async move { journal.ping().await });
    }
    let body = result("meanwhile", Value::Null);
    let handing_in = app.call("POST", "/internal/v1/results", body);
    let (answer, asked) = tokio::join!(
        tokio::time::timeout(PATIENCE, handing_in),
        tokio::time::timeout(PATIENCE, asking.join_all())
    );
    assert_eq!(answer.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(asked.unwrap().iter().all(Result::is_err));
    server.resume();
    // None of the connections is worth anything, and nobody need notice.
    app.submit("after", Value::Null).await;
    app.submit("meanwhile", Value::Null).await;
    assert_eq!(app.app.journal.counts().await.unwrap().accepted, 3);
}

fn config(url: &str) -> Config {
    let mut config = Config::build(None, std::iter::empty()).unwrap();
    config.store.url = url.into();
    config
}

#[tokio::test]
async fn a_database_that_does_not_wait_for_its_log_is_refused() {
    let server = Postgres::shared().await;
    let url = server.database().await;
    let (_, name) = url.rsplit_once('/').unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let sql = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
    let refused = Journal::open(&config(&url), Metrics::new())
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, JournalError::Unfit(_)));
    let told = refused.to_string();
    assert!(told.contains("SET synchronous_commit = on"), "{told}");
}

#[tokio::test]
async fn an_error_never_tells_the_password() {
    let server = Postgres::shared().await;
    let nobody = format!("postgres://me:{PASSWORD}@127.0.0.1:1/ringback");
    for url in [server.url("missing"), nobody] {
        let error = Journal::open(&config(&url), Metrics::new())
            .await
            .err()
            .unwrap();
        assert!(matches!(error, JournalError::Unavailable(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains(PASSWORD));
    }
}
