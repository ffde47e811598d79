//! The main job through the API and the real worker: delivered, retried, held, refused.
//! What depends on the store runs on each.

use crate::support::app::{START_MS, TEAM, TestApp, result};
use crate::support::endpoint::{Endpoint, Reply};
use axum::http::StatusCode;
use ringback::callback::State;
use ringback::queue::Next;
use serde_json::{Value, json};

#[tokio::test]
async fn a_result_reaches_the_default_url_with_key_and_signature() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let endpoint = Endpoint::answering([200]).await;
        app.set_default(&endpoint).await;
        let id = app.submit("e1", Value::Null).await;
        app.run_due().await;

        assert_eq!(app.state(id).await, State::Delivered);
        let got = endpoint.got().remove(0);
        let team = app.app.records.team(TEAM).await.unwrap().unwrap();
        assert_eq!(got.path, "/hook");
        assert_eq!(
            got.headers["scale-callback-auth"],
            team.live_callback_auth.as_str()
        );
        assert_eq!(got.headers["webhook-id"], id.to_string().as_str());
        assert_eq!(got.headers["content-type"], "application/json");
        assert_eq!(got.headers["ringback-attempt"], "1");
        assert!(
            got.headers["user-agent"]
                .to_str()
                .unwrap()
                .starts_with("Ringback/")
        );
        assert!(
            got.headers["traceparent"]
                .to_str()
                .unwrap()
                .starts_with("00-")
        );
        assert!(!got.headers.contains_key("accept-encoding"));
        let timestamp = got.headers["webhook-timestamp"].to_str().unwrap();
        assert_eq!(timestamp, (START_MS / 1000).to_string());
        let verifier = standardwebhooks::Webhook::new(&team.signing_secret).unwrap();
        let expected = verifier
            .sign(&id.to_string(), timestamp.parse().unwrap(), &got.body)
            .unwrap();
        assert_eq!(got.headers["webhook-signature"], expected.as_str());
        let body: Value = serde_json::from_slice(&got.body).unwrap();
        assert_eq!(body["task_id"], "task-e1");
        assert_eq!(body["status"], "completed");
    }
}

#[tokio::test]
async fn a_test_result_carries_the_test_key() {
    let app = TestApp::start().await;
    let endpoint = Endpoint::answering([200]).await;
    app.set_default(&endpoint).await;
    app.submit("e1", json!({"mode": "test"})).await;
    app.run_due().await;
    let team = app.app.records.team(TEAM).await.unwrap().unwrap();
    assert_eq!(
        endpoint.got()[0].headers["scale-callback-auth"],
        team.test_callback_auth.as_str()
    );
}

#[tokio::test]
async fn the_nearest_url_wins_and_the_attempt_says_why() {
    let app = TestApp::start().await;
    let endpoint = Endpoint::answering([200]).await;
    app.set_default(&endpoint).await;
    let path = format!("/internal/v1/teams/{TEAM}/projects/kites");
    let set = app
        .call(
            "PUT",
            &path,
            json!({"callback_url": endpoint.at("/project")}),
        )
        .await;
    assert_eq!(set.status, StatusCode::OK);
    let own = app
        .submit(
            "e1",
            json!({"callback_url": endpoint.at("/task"), "task": {"project": "kites"}}),
        )
        .await;
    let project = app
        .submit("e2", json!({"task": {"project": "kites"}}))
        .await;
    let default = app.submit("e3", Value::Null).await;
    app.run_due().await;
    for (id, path, rule) in [
        (own, "/task", "task"),
        (project, "/project", "project"),
        (default, "/hook", "team default"),
    ] {
        let explanation = app.explain(id).await;
        assert_eq!(explanation["attempts"][0]["provenance"], rule);
        assert_eq!(explanation["attempts"][0]["url"], endpoint.at(path));
    }
}

#[tokio::test]
async fn a_failure_is_retried_with_the_same_bytes_on_schedule() {
    for app in TestApp::in_both_shapes(|config| config.retry.jitter = 0.0).await {
        let endpoint = Endpoint::answering([500, 500, 200]).await;
        app.set_default(&endpoint).await;
        let id = app.submit("e1", Value::Null).await;
        app.run_due().await;
        app.clock.advance_ms(29_999);
        app.run_due().await;
        assert_eq!(endpoint.statuses(), [500], "not before its time");
        app.clock.advance_ms(1);
        app.run_due().await;
        assert_eq!(app.state(id).await, State::Pending);
        app.clock.advance_ms(42_819);
        app.run_due().await;
        assert_eq!(endpoint.statuses(), [500, 500, 200]);
        assert_eq!(app.state(id).await, State::Delivered);
        let got = endpoint.got();
        assert!(got.windows(2).all(|two| two[0].body == two[1].body));
        let numbers: Vec<_> = got
            .iter()
            .map(|got| got.headers["ringback-attempt"].clone())
            .collect();
        assert_eq!(numbers, ["1", "2", "3"]);
    }
}

#[tokio::test]
async fn a_corrected_default_saves_the_backlog() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let (wrong, right) = (
            Endpoint::answering([404]).await,
            Endpoint::answering([200]).await,
        );
        app.set_default(&wrong).await;
        let id = app.submit("e1", Value::Null).await;
        app.run_due().await;
        app.set_default(&right).await;
        app.run_to_the_end().await;
        assert_eq!((wrong.statuses(), right.statuses()), (vec![404], vec![200]));
        assert_eq!(app.state(id).await, State::Delivered);
    }
}

#[tokio::test]
async fn without_a_url_it_is_held_until_there_is_one() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let id = app.submit("e1", Value::Null).await;
        app.run_to_the_end().await;
        assert_eq!(app.state(id).await, State::Held);
        assert!(
            app.explain(id).await["why"]
                .as_str()
                .unwrap()
                .contains("no callback URL")
        );
        let app = app.restart().await;
        app.run_to_the_end().await;
        assert_eq!(app.state(id).await, State::Held);
        let endpoint = Endpoint::answering([200]).await;
        let answer = app.set_default(&endpoint).await;
        assert_eq!(answer.body["released"], 1);
        app.run_due().await;
        assert_eq!(app.state(id).await, State::Delivered);
    }
}

#[tokio::test]
async fn what_is_held_without_need_is_released_by_the_audit() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let id = app.submit("e1", Value::Null).await;
        let endpoint = Endpoint::answering([200]).await;
        // As if the callback had been accepted while the default was being set.
        let update = ringback::records::teams::TeamUpdate {
            default_callback_url: Some(Some(endpoint.url())),
            ..Default::default()
        };
        app.app.records.update_team(TEAM, &update).await.unwrap();
        app.app.forget_team(TEAM);
        app.run_to_the_end().await;
        assert_eq!(app.state(id).await, State::Held);
        ringback::delivery::rebuild::audit(&app.app, None)
            .await
            .unwrap();
        app.run_due().await;
        assert_eq!(app.state(id).await, State::Delivered);
    }
}

#[tokio::test]
async fn gone_pauses_the_endpoint_until_the_team_resumes_it() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let endpoint = Endpoint::answering([410, 200]).await;
        app.set_default(&endpoint).await;
        let first = app.submit("e1", Value::Null).await;
        app.run_due().await;
        let second = app.submit("e2", Value::Null).await;
        app.run_to_the_end().await;
        assert_eq!(endpoint.statuses(), [410], "nothing more is sent");
        assert_eq!(
            (app.state(first).await, app.state(second).await),
            (State::Held, State::Held)
        );
        let team = app
            .call("GET", &format!("/internal/v1/teams/{TEAM}"), Value::Null)
            .await;
        assert_eq!(team.body["paused_endpoints"][0], endpoint.url());
        let path = format!("/internal/v1/teams/{TEAM}/endpoints/resume");
        let resumed = app
            .call("POST", &path, json!({"url": endpoint.url()}))
            .await;
        assert_eq!(resumed.body["released"], 2, "{resumed:?}");
        app.run_due().await;
        assert_eq!(
            (app.state(first).await, app.state(second).await),
            (State::Delivered, State::Delivered)
        );
        assert_eq!(
            app.call("POST", &path, json!({"url": endpoint.url()}))
                .await
                .status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn retry_after_rests_the_whole_lane() {
    let app = TestApp::with(|config| config.retry.jitter = 0.0).await;
    let busy = Reply(429, vec![("retry-after", "120".to_owned())]);
    let endpoint = Endpoint::answering([busy, Reply::from(200)]).await;
    app.set_default(&endpoint).await;
    app.submit("e1", Value::Null).await;
    app.run_due().await;
    let other = app.submit("e2", Value::Null).await;
    app.clock.advance_ms(119_000);
    app.run_due().await;
    assert_eq!(endpoint.statuses(), [429]);
    assert!(
        app.explain(other).await["why"]
            .as_str()
            .unwrap()
            .contains("Retry-After")
    );
    app.clock.advance_ms(1_000);
    app.run_due().await;
    assert_eq!(endpoint.statuses(), [429, 200, 200]);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_address_is_told() {
    let app = TestApp::start().await;
    let elsewhere = Endpoint::answering([200]).await;
    let moved = Reply(301, vec![("location", elsewhere.url())]);
    let endpoint = Endpoint::answering([moved]).await;
    app.set_default(&endpoint).await;
    let id = app.submit("e1", Value::Null).await;
    app.run_due().await;
    assert!(elsewhere.got().is_empty());
    let attempt = app.explain(id).await["attempts"][0].clone();
    assert_eq!(attempt["diagnosis"], "redirect");
    assert!(
        attempt["hint"].as_str().unwrap().contains(&elsewhere.url()),
        "{attempt}"
    );
}

#[tokio::test]
async fn a_private_address_is_refused_when_given_and_when_attempted() {
    for app in
        TestApp::in_both_shapes(|config| config.delivery.private_networks_allowed.clear()).await
    {
        let answer = app
            .call(
                "POST",
                "/internal/v1/results",
                result("e1", json!({"callback_url": "http://127.0.0.1:1/"})),
            )
            .await;
        assert_eq!(
            (answer.status, &answer.body["error"]["field"]),
            (StatusCode::BAD_REQUEST, &json!("callback_url"))
        );
        let put = app
            .call(
                "PUT",
                &format!("/internal/v1/teams/{TEAM}"),
                json!({"default_callback_url": "http://[::1]/"}),
            )
            .await;
        assert_eq!(put.status, StatusCode::BAD_REQUEST);
        let id = app
            .submit("e2", json!({"callback_url": "http://localhost:1/"}))
            .await;
        app.run_due().await;
        assert_eq!(
            app.explain(id).await["attempts"][0]["diagnosis"],
            "address_refused"
        );
    }
}

#[tokio::test]
async fn the_ledger_balances_whatever_happened() {
    for app in TestApp::in_both_shapes(|config| config.retry.retries_max = 0).await {
        let endpoint = Endpoint::answering([200, 500]).await;
        app.submit("held", Value::Null).await;
        for n in 0..5 {
            app.submit(&format!("e{n}"), json!({"callback_url": endpoint.url()}))
                .await;
        }
        app.submit("e0", json!({"callback_url": endpoint.url()}))
            .await;
        app.run_to_the_end().await;
        let counts = app.app.journal.counts().await.unwrap();
        assert_eq!(counts.accepted, 6);
        assert_eq!(counts.imbalance(), 0);
        assert_eq!(counts.by_state[&State::Delivered], 1);
        assert_eq!(counts.by_state[&State::Dead], 4);
        app.clock.advance_ms(31 * 86_400_000);
        ringback::delivery::housekeeping::prune(&app.app)
            .await
            .unwrap();
        let counts = app.app.journal.counts().await.unwrap();
        assert_eq!(
            (counts.pruned, counts.imbalance()),
            (1, 0),
            "dead ones are kept longer"
        );
        assert!(!counts.by_state.contains_key(&State::Delivered));
    }
}

#[tokio::test]
async fn an_attempt_that_may_outlive_its_lease_is_not_begun() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let endpoint = Endpoint::answering([200]).await;
        app.set_default(&endpoint).await;
        app.submit("e1", Value::Null).await;
        let claim = app.app.queue.claim(1).await.unwrap().claims.remove(0);
        let budget_ms = app.app.config.delivery.attempt_timeout_ms;
        app.clock
            .advance_ms(claim.expires - app.clock.now() - budget_ms + 1);
        let finished = app.attempt(claim).await;
        assert_eq!(finished.next, Next::Return);
        assert!(finished.change.is_none());
        assert_eq!(endpoint.got_count(), 0);
    }
}
