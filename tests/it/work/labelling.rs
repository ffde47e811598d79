//! The labelling side: the feed of live tasks, claims, acknowledgements, and results.

use super::{Customer, answer};
use crate::support::app::{Answer, TestApp};
use axum::http::StatusCode;
use serde_json::{Value, json};

async fn feed(app: &TestApp, query: &str) -> Vec<String> {
    let path = format!("/internal/v1/tasks?{query}");
    let answer = app.call("GET", &path, Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    ids(&answer)
}

fn ids(answer: &Answer) -> Vec<String> {
    let tasks = answer.body["tasks"].as_array().unwrap().iter();
    tasks
        .map(|it| it["task"]["task_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn live_tasks_wait_until_they_are_claimed_and_come_again_when_the_claim_ends() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let (live, tester) = (Customer::live(&app).await, Customer::test(&app).await);
        let mut made = Vec::new();
        for _ in 0..3 {
            made.push(live.task(Value::Null).await);
            app.clock.advance_ms(10);
            tester.task(Value::Null).await;
        }
        assert_eq!(feed(&app, "").await, made);
        assert_eq!(feed(&app, "limit=2").await, made[..2]);
        assert_eq!(feed(&app, &format!("after={}", made[0])).await, made[1..]);
        let claim = json!({"task_ids": [made[1], made[0], "nonsense"], "lease_ms": 5000});
        let claimed = app
            .call("POST", "/internal/v1/tasks/claim", claim.clone())
            .await;
        assert_eq!(ids(&claimed), made[..2]);
        assert_eq!(claimed.body["tasks"][0]["mode"], "live");
        assert_eq!(
            claimed.body["tasks"][0]["team_id"],
            crate::support::app::TEAM
        );
        assert_eq!(feed(&app, "").await, made[2..]);
        let path = format!("/v1/task/{}/cancel", made[0]);
        let text = live.refused("POST", &path, Value::Null, 400).await;
        assert!(text.contains("worked on"), "{text}");
        let again = app
            .call("POST", "/internal/v1/tasks/claim", claim.clone())
            .await;
        assert_eq!(ids(&again).len(), 2, "its own again");
        let other = app.app.records.add_producer("other", 1).await.unwrap();
        let send = async |path: &str, body: &Value| {
            let path = format!("/internal/v1/tasks/{path}");
            app.send(
                "POST",
                &path,
                "application/json",
                body.to_string(),
                Some(&other),
            )
            .await
        };
        assert!(ids(&send("claim", &claim).await).is_empty(), "another's");
        let all = json!({"task_ids": made});
        let taken = send("acknowledge", &all).await;
        assert_eq!(taken.body["task_ids"], json!([made[2]]), "what nobody has");
        let mine = json!({"task_ids": [made[0]]});
        let taken = app
            .call("POST", "/internal/v1/tasks/acknowledge", mine)
            .await;
        assert_eq!(taken.body["task_ids"], json!([made[0]]));
        app.clock.advance_ms(5000);
        assert_eq!(
            feed(&app, "").await,
            [made[1].clone()],
            "its claim has ended"
        );
        live.refused("POST", &path, Value::Null, 400).await;
        live.post(&format!("/v1/task/{}/cancel", made[1]), Value::Null)
            .await;
        assert!(feed(&app, "").await.is_empty());
    }
}

#[tokio::test]
async fn the_feed_waits_for_a_task_and_not_for_ever() {
    let app = TestApp::start().await;
    let live = Customer::live(&app).await;
    let waiting = feed(&app, "wait_ms=20000");
    let making = async {
        tokio::task::yield_now().await;
        live.task(Value::Null).await
    };
    let (got, made) = tokio::join!(waiting, making);
    assert_eq!(got, std::slice::from_ref(&made));
    let after = format!("after={made}&wait_ms=10");
    assert!(feed(&app, &after).await.is_empty());
    app.app.shutdown.stop();
    assert!(
        feed(&app, &format!("after={made}&wait_ms=20000"))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn wrong_calls_of_the_labelling_side_are_told() {
    let app = TestApp::start().await;
    for (path, body) in [
        ("claim", json!({})),
        ("claim", json!({"task_ids": []})),
        ("claim", json!({"task_ids": "x"})),
        ("claim", json!({"task_ids": ["x"], "lease_ms": 1})),
        ("claim", json!({"task_ids": vec!["x"; 501]})),
        ("acknowledge", json!({"task_ids": [1]})),
    ] {
        let path = format!("/internal/v1/tasks/{path}");
        let answer = app.call("POST", &path, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    }
    let customer = Customer::live(&app).await;
    let answer = customer
        .call("GET", "/internal/v1/tasks", Value::Null)
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_result_must_fit_its_task_and_counts_once() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        app.app.records.add_team("other", "Other", 1).await.unwrap();
        let live = Customer::live(&app).await;
        let id = live.task(Value::Null).await;
        let hand_in = async |change: &[(&str, Value)]| {
            let mut result = answer(&id, "e1", "completed");
            for (key, value) in change {
                result[*key] = value.clone();
            }
            app.call("POST", "/internal/v1/results", result).await
        };
        let wrong = hand_in(&[("team_id", json!("other"))]).await;
        assert_eq!(
            (wrong.status, &wrong.body["error"]["field"]),
            (StatusCode::BAD_REQUEST, &json!("team_id"))
        );
        let wrong = hand_in(&[("mode", json!("test"))]).await;
        assert_eq!(
            (wrong.status, &wrong.body["error"]["field"]),
            (StatusCode::BAD_REQUEST, &json!("mode"))
        );
        assert_eq!(live.status(&id).await, "pending", "nothing was written");
        let first = hand_in(&[]).await;
        assert_eq!(first.status, StatusCode::ACCEPTED);
        assert_eq!(first.body["status"], "accepted");
        assert_eq!(live.status(&id).await, "completed");
        app.answered(&id, "e2", "pending").await;
        live.post(&format!("/v1/task/{id}/setMetadata"), json!({"k": 1}))
            .await;
        let again = hand_in(&[]).await;
        assert_eq!(again.body["status"], "duplicate", "{again:?}");
        assert_eq!(again.body["callback_id"], first.body["callback_id"]);
        assert_eq!(
            live.status(&id).await,
            "pending",
            "an old result changes nothing"
        );
        let foreign =
            hand_in(&[("task_id", json!("f".repeat(24))), ("event_id", json!("f"))]).await;
        assert_eq!(
            foreign.body["status"], "accepted",
            "of no task of ours: as ever"
        );
    }
}

#[tokio::test]
async fn a_response_keeps_its_bytes_in_the_task() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let live = Customer::live(&app).await;
        let id = live.task(Value::Null).await;
        let text = answer(&id, "e1", "completed").to_string();
        let response = r#"{"n": 1.0, "big":1e400, "text":"\u0000é"}"#;
        let old = json!({"category": "red", "event": "e1"}).to_string();
        let text = text.replace(&old, response);
        let taken = app
            .send(
                "POST",
                "/internal/v1/results",
                "application/json",
                text,
                Some(app.key()),
            )
            .await;
        assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
        let read = live
            .call("GET", &format!("/v1/task/{id}"), Value::Null)
            .await;
        let Value::String(text) = read.body else {
            panic!("1e400 is no number to serde_json, so the body is text here");
        };
        assert!(text.contains(response), "{text}");
    }
}

#[tokio::test]
async fn results_and_keys_that_nobody_will_repeat_are_forgotten() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let customer = Customer::live(&app).await;
        let (ended, recalled) = (
            customer.task(Value::Null).await,
            customer.task(Value::Null).await,
        );
        app.answered(&ended, "e1", "completed").await;
        app.answered(&recalled, "e2", "completed").await;
        app.answered(&recalled, "e3", "pending").await;
        let dead_days = u64::from(app.app.config.retention.dead_days);
        app.clock.advance_ms((dead_days + 1) * 86_400_000);
        let young = customer.task(Value::Null).await;
        app.answered(&young, "e4", "completed").await;
        let request = |key: &str| {
            axum::http::Request::post("/v1/task/categorization")
                .header("authorization", format!("Bearer {}", customer.key))
                .header("idempotency-key", key)
                .body(super::task(Value::Null).to_string().into())
                .unwrap()
        };
        assert_eq!(app.request(request("old")).await.status, 200);
        app.clock.advance_ms(86_400_001);
        assert_eq!(app.request(request("new")).await.status, 200);
        ringback::delivery::housekeeping::prune(&app.app)
            .await
            .unwrap();

        // What is left: one result of a task that has ended, and one key.
        let (records, later) = (&app.app.records, app.clock.now() + 86_400_001);
        assert_eq!(records.prune_task_events(later, 1).await.unwrap(), 1);
        assert_eq!(records.prune_task_events(later, 9).await.unwrap(), 0);
        assert_eq!(records.forget_idempotency_keys(later, 1).await.unwrap(), 1);
        assert_eq!(records.forget_idempotency_keys(later, 9).await.unwrap(), 0);
    }
}
