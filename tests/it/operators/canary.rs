//! Secrets and payloads: in the request to their receiver and nowhere else. Everything that
//! an operator sees or keeps is searched for them: logs at their loudest, metrics, answers
//! that refuse, spans, and the bytes of the records.

use super::traces::Collector;
use crate::support::endpoint::Endpoint;
use crate::support::postgres::{Postgres, program};
use crate::support::process::{Gateway, Home};
use crate::support::redis::Redis;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// In a payload: it is in the journal, which must have it to deliver it, and in no log.
const PAYLOAD: &str = "canary-payload-5f1c";
/// In a URL that a customer gave: its origin may be told, the rest may not.
const PATH: &str = "canary-path-77aa";
const HEADER: &str = "canary-header-91be";

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_payloads_are_in_no_log_metric_error_span_or_dump() {
    let (home, secrets) = search("").await;
    let mut kept = Vec::new();
    files(&home.data(), &mut kept);
    let journal = kept.iter().any(|(_, bytes)| holds(bytes, PAYLOAD));
    assert!(journal, "the journal has it");
    for (file, bytes) in kept {
        for secret in &secrets {
            assert!(!holds(&bytes, secret), "{secret} in {file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_are_they_in_a_dump_of_postgresql_or_redis() {
    let store = Postgres::shared().await.database().await;
    let redis = Redis::start();
    let settings = format!("store.url = {store:?}\nqueue.url = {:?}\n", redis.url());
    let (_, secrets) = search(&settings).await;
    let dumped = Command::new(program("pg_dump")).arg(&store).output();
    let dumped = dumped.unwrap();
    assert!(dumped.status.success(), "{dumped:?}");
    let database = dumped.stdout;
    // Bytes are dumped as hexadecimal digits.
    let in_hex = |text: &str| ringback::hex::encode(text.as_bytes());
    assert!(holds(&database, &in_hex(PAYLOAD)), "the journal has it");
    let queue = redis.dump();
    assert!(holds(&queue, "ringback:"), "it is the queue's dump");
    assert!(!holds(&queue, PAYLOAD) && !holds(&queue, PATH));
    for secret in &secrets {
        for dump in [&database, &queue] {
            assert!(
                !holds(dump, secret) && !holds(dump, &in_hex(secret)),
                "{secret}"
            );
        }
    }
}

/// Takes two results to their receiver and looks at everything that was said meanwhile.
/// The folder, and what no store may hold.
async fn search(store: &str) -> (Home, Vec<String>) {
    let collector = Collector::start().await;
    let home = Home::make(&format!(
        "log.filter = \"trace\"\noperator.teams_named_max = 5\ntraces.otlp_url = \"{}\"\n{store}",
        collector.url()
    ));
    let gateway = home.serve();
    let endpoint = Endpoint::answering([500, 200]).await;
    let made = make_team(&gateway, &home.key, &endpoint).await;
    let secret = |name: &str| made["secrets"][name].as_str().unwrap().to_owned();
    let mut secrets = vec![
        secret("live_callback_auth_key"),
        secret("test_callback_auth_key"),
        secret("signing_secret"),
        home.key.clone(),
    ];

    let answers = hand_in(&gateway, &home.key).await;
    endpoint.got_at_least(2).await;
    assert!(endpoint.got().iter().all(|got| holds(&got.body, PAYLOAD)));
    collector.got_spans(2).await;
    let (_, metrics) = gateway.operator("/metrics").await;
    gateway.signal("TERM");
    let log = gateway.whole_log().await;
    assert!(log.contains("an attempt failed"), "it was logged at all");

    secrets.push(HEADER.to_owned());
    for text in secrets.iter().map(String::as_str).chain([PAYLOAD, PATH]) {
        assert!(!log.contains(text), "in the log: {text}");
        assert!(!metrics.contains(text), "in the metrics: {text}");
        assert!(!holds(&collector.bytes(), text), "in a span: {text}");
        if text != home.key {
            assert!(!answers.contains(text), "in an answer: {text}");
        }
    }
    (home, secrets)
}

/// The team with its secrets, which are shown this once.
async fn make_team(gateway: &Gateway, key: &str, endpoint: &Endpoint) -> Value {
    let body = json!({"default_callback_url": endpoint.at(&format!("/{PATH}"))});
    let made = reqwest::Client::new()
        .put(format!("{}/internal/v1/teams/team_a", gateway.api))
        .bearer_auth(key)
        .header("content-type", "application/json")
        .body(body.to_string());
    let made = made.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&made).unwrap()
}

/// Two are taken, one is refused for what it says, one for who says it. What was answered.
async fn hand_in(gateway: &Gateway, key: &str) -> String {
    let result = |event: &str| {
        json!({"event_id": event, "team_id": "team_a", "task_id": event, "mode": "live",
               "status": "completed", "response": {"canary": PAYLOAD}})
    };
    let stranger = format!("{key}-x");
    let mut answers = String::new();
    for (key, body) in [
        (key, result("e1").to_string()),
        (key, result("e2").to_string()),
        (key, format!("{{\"event_id\": \"{PAYLOAD}\"")),
        (&stranger, result("e3").to_string()),
    ] {
        let sent = reqwest::Client::new()
            .post(format!("{}/internal/v1/results", gateway.api))
            .bearer_auth(key)
            .header("content-type", "application/json")
            .header("x-canary", HEADER)
            .body(body);
        answers += &sent.send().await.unwrap().text().await.unwrap();
    }
    answers
}
