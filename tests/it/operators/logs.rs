//! One line an attempt, that holds the whole outcome; what is logged changes while it runs.

use crate::support::endpoint::Endpoint;
use crate::support::process::{Gateway, Home};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);
/// Only a hang reaches it.
const PATIENCE: Duration = Duration::from_mins(1);

async fn line(gateway: &Gateway, message: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(line) = gateway.logged(message).pop() {
            return line;
        }
        assert!(Instant::now() < deadline, "never logged: {message}");
        tokio::time::sleep(POLL).await;
    }
}

async fn change_filter(gateway: &Gateway, filter: &'static str) -> (u16, String) {
    let url = format!("{}/log-filter", gateway.operator);
    let sent = reqwest::Client::new().put(url).body(filter).send();
    let answer = sent.await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_one_line_and_the_filter_changes_while_it_runs() {
    let home = Home::make("");
    let gateway = home.serve();
    let endpoint = Endpoint::answering([503, 200]).await;
    gateway
        .put_team(json!({"default_callback_url": endpoint.at("/secret-path?token=canary")}))
        .await;
    let ids = gateway.hand_in(&["e1".to_owned()]).await.unwrap();
    let failed = line(&gateway, "an attempt failed").await;
    assert_eq!(failed["level"], "INFO");
    assert_eq!(failed["target"], "ringback::attempt");
    assert_eq!(failed["callback.id"], ids[0].as_str());
    assert_eq!(failed["team.id"], "team_a");
    assert_eq!(failed["attempt.number"], 1);
    assert_eq!(failed["attempt.status"], 503);
    assert_eq!(failed["attempt.diagnosis"], "overloaded");
    assert_eq!(failed["attempt.verdict"], "retry");
    assert_eq!(failed["attempt.origin"], endpoint.at(""));
    assert!(failed["attempt.next_ms"].as_u64().unwrap() > 1_700_000_000_000);
    assert!(failed["attempt.head_us"].as_u64() <= failed["attempt.total_us"].as_u64());
    assert_eq!(
        failed["trace.id"].as_str().unwrap(),
        ids[0].replace('-', "")
    );

    // Those that succeed are told when somebody wants to know.
    gateway.hand_in(&["e2".to_owned()]).await.unwrap();
    endpoint.got_at_least(2).await;
    let (status, shown) = change_filter(&gateway, "info,ringback::attempt=debug").await;
    assert_eq!(status, 200);
    assert!(shown.contains("ringback::attempt=debug"), "{shown}");
    gateway.hand_in(&["e3".to_owned()]).await.unwrap();
    let succeeded = line(&gateway, "an attempt succeeded").await;
    assert_eq!(gateway.logged("an attempt succeeded").len(), 1);
    assert_eq!(succeeded["attempt.verdict"], "delivered");
    assert_eq!(succeeded["attempt.status"], 200);

    let (status, reason) = change_filter(&gateway, "info,ringback=loud").await;
    assert_eq!(status, 400, "{reason}");
    let (status, shown) = gateway.operator("/log-filter").await;
    assert_eq!(status, 200);
    assert!(
        shown.contains("ringback::attempt=debug"),
        "nothing changed: {shown}"
    );
}
