//! Several callbacks of one task: in order, or only the latest.

use crate::support::app::{TEAM, TestApp};
use crate::support::endpoint::Endpoint;
use ringback::callback::State;
use serde_json::{Value, json};

fn event(task: &str, event: &str) -> Value {
    json!({"task_id": task, "response": {"event": event}})
}

#[tokio::test]
async fn callbacks_of_one_task_keep_their_order_even_over_a_restart() {
    let app = TestApp::start().await;
    let endpoint = Endpoint::answering([500, 200]).await;
    app.set_default(&endpoint).await;
    app.submit("e1", event("t", "completed")).await;
    app.submit("e2", event("t", "audited")).await;
    app.submit("e3", event("other", "free")).await;
    app.run_due().await;
    assert_eq!(endpoint.events(), ["completed", "free"]);
    let app = app.restart().await;
    app.submit("e4", event("t", "recalled")).await;
    app.run_to_the_end().await;
    assert_eq!(
        endpoint.events(),
        ["completed", "free", "completed", "audited", "recalled"]
    );
}

#[tokio::test]
async fn a_team_may_want_only_the_latest() {
    let app = TestApp::start().await;
    let endpoint = Endpoint::answering([500, 200]).await;
    app.set_default(&endpoint).await;
    app.call(
        "PUT",
        &format!("/internal/v1/teams/{TEAM}"),
        json!({"latest_only": true}),
    )
    .await;
    let first = app.submit("e1", event("t", "completed")).await;
    app.run_due().await;
    let second = app.submit("e2", event("t", "audited")).await;
    let third = app.submit("e3", event("t", "recalled")).await;
    app.run_to_the_end().await;
    assert_eq!(endpoint.events(), ["completed", "recalled"]);
    assert_eq!(app.state(third).await, State::Delivered);
    for older in [first, second] {
        assert_eq!(app.state(older).await, State::Cancelled);
        assert_eq!(
            app.explain(older).await["why"],
            "will not be sent: superseded"
        );
    }
}
