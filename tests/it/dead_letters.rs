//! Callbacks that are given up: listed, replayed, dropped.

use crate::support::app::{TEAM, TestApp};
use crate::support::endpoint::Endpoint;
use ringback::callback::State;
use serde_json::{Value, json};

#[tokio::test]
async fn when_all_retries_are_used_up_it_is_a_dead_letter_that_can_be_replayed() {
    let app = TestApp::with(|config| config.retry.retries_max = 3).await;
    let endpoint = Endpoint::answering([500, 503, 404, 401, 200]).await;
    app.set_default(&endpoint).await;
    let id = app.submit("e1", Value::Null).await;
    app.run_to_the_end().await;
    assert_eq!(endpoint.statuses(), [500, 503, 404, 401]);
    assert_eq!(app.state(id).await, State::Dead);

    let listed = app
        .call("GET", "/internal/v1/dead-letters", Value::Null)
        .await;
    assert_eq!(listed.body["callbacks"][0]["callback_id"], id.to_string());
    let selection = json!({"team_id": TEAM, "dry_run": true});
    let dry = app
        .call("POST", "/internal/v1/dead-letters/replay", selection)
        .await;
    assert_eq!(dry.body, json!({"callbacks": 1, "dry_run": true}));
    assert_eq!(app.state(id).await, State::Dead);
    let replayed = app
        .call(
            "POST",
            "/internal/v1/dead-letters/replay",
            json!({"callback_ids": [id.to_string()]}),
        )
        .await;
    assert_eq!(replayed.body["callbacks"], 1);
    ringback::delivery::rebuild::take_unqueued(&app.app)
        .await
        .unwrap();
    app.run_to_the_end().await;
    assert_eq!(app.state(id).await, State::Delivered);
    let explanation = app.explain(id).await;
    let codes: Vec<_> = explanation["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["status"].clone())
        .collect();
    assert_eq!(codes, [500, 503, 404, 401, 200]);
}

#[tokio::test]
async fn a_dropped_dead_letter_stays_readable_and_is_never_sent() {
    let app = TestApp::with(|config| config.retry.retries_max = 0).await;
    let endpoint = Endpoint::answering([500]).await;
    app.set_default(&endpoint).await;
    let id = app.submit("e1", Value::Null).await;
    app.run_to_the_end().await;
    let dropped = app
        .call(
            "POST",
            "/internal/v1/dead-letters/drop",
            json!({"callback_ids": [id.to_string()]}),
        )
        .await;
    assert_eq!(dropped.body["callbacks"], 1);
    let again = app
        .call(
            "POST",
            "/internal/v1/dead-letters/replay",
            json!({"team_id": TEAM}),
        )
        .await;
    assert_eq!(again.body["callbacks"], 0);
    assert_eq!(app.state(id).await, State::Cancelled);
    assert_eq!(app.explain(id).await["why"], "will not be sent: dropped");
}
