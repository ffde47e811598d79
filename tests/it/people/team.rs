//! What a team decides about its deliveries, and what follows at once.

use crate::support::app::{TEAM, TestApp};
use crate::support::endpoint::Endpoint;
use ringback::access::Role;
use ringback::callback::State;
use serde_json::{Value, json};

#[tokio::test]
async fn settings_are_changed_one_by_one_and_bad_ones_are_named() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let put = async |body: Value| app.call_as(&admin, "PUT", "/account/v1/team", body).await;
    let before = app
        .call_as(&admin, "GET", "/account/v1/team", Value::Null)
        .await;
    assert_eq!(before.body["order"], "ordered");
    assert_eq!(before.body["members_use_keys"], true);
    let retry = json!({"retries_max": 3, "first_delay_ms": 1000, "factor": 2.0, "jitter": 0.0});
    let changed = put(json!({
        "name": "Kites", "default_callback_url": "https://kites.test/hook", "order": "latest",
        "retry": retry, "attempt_timeout_ms": 5000, "grace_status": 418,
        "members_use_keys": false, "always_live_auth": true,
    }))
    .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    for (field, value) in [
        ("name", json!("Kites")),
        ("order", json!("latest")),
        ("retry", retry),
        ("attempt_timeout_ms", json!(5000)),
        ("grace_status", json!(418)),
        ("members_use_keys", json!(false)),
        ("always_live_auth", json!(true)),
    ] {
        assert_eq!(changed.body[field], value, "{field}");
    }
    let cleared =
        put(json!({"retry": null, "attempt_timeout_ms": null, "grace_status": null})).await;
    assert_eq!(cleared.body["name"], "Kites");
    assert_eq!(cleared.body["retry"], Value::Null);
    for (field, value) in [
        ("name", json!("")),
        ("default_callback_url", json!("http://10.0.0.1/hook")),
        ("default_callback_url", json!("ftp://x.test")),
        ("order", json!("random")),
        ("retry", json!({"retries_max": 3})),
        ("attempt_timeout_ms", json!(999)),
        ("attempt_timeout_ms", json!(30_001)),
        ("grace_status", json!(200)),
        ("members_use_keys", json!("yes")),
    ] {
        let mut body = json!({"name": "Never"});
        body[field] = value;
        let refused = put(body).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.body["error"]["field"], field, "{refused:?}");
    }
    let unknown = put(json!({"paused": true})).await;
    assert!(
        unknown.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("\"paused\"")
    );
    let after = app
        .call_as(&admin, "GET", "/account/v1/team", Value::Null)
        .await;
    assert_eq!(after.body["name"], "Kites");
}

#[tokio::test]
async fn a_paused_team_holds_everything_and_resuming_sends_it() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
        let endpoint = Endpoint::answering([200]).await;
        app.set_default(&endpoint).await;
        let before = app.submit("before", json!({})).await;
        let paused = app
            .call_as(&admin, "POST", "/account/v1/team/pause", Value::Null)
            .await;
        assert_eq!(paused.body["is_paused"], true, "{paused:?}");
        let during = app.submit("during", json!({})).await;
        app.run_due().await;
        assert_eq!(app.state(before).await, State::Held);
        assert_eq!(app.state(during).await, State::Held);
        let why = app.explain(during).await;
        assert!(why.to_string().contains("paused by the team"), "{why}");
        // Another URL does not end the pause.
        app.set_default(&endpoint).await;
        app.run_due().await;
        assert_eq!(app.state(during).await, State::Held);
        assert!(endpoint.got().is_empty());
        let resumed = app
            .call_as(&admin, "POST", "/account/v1/team/resume", Value::Null)
            .await;
        assert_eq!(resumed.body["released"], 2, "{resumed:?}");
        app.run_to_the_end().await;
        assert_eq!(app.state(before).await, State::Delivered);
        assert_eq!(app.state(during).await, State::Delivered);
    }
}

#[tokio::test]
async fn a_team_may_wait_less_for_its_endpoints() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let endpoint = Endpoint::hanging().await;
    app.set_default(&endpoint).await;
    let body = json!({"attempt_timeout_ms": 1000});
    app.call_as(&admin, "PUT", "/account/v1/team", body).await;
    let id = app.submit("slow", json!({})).await;
    app.run_due().await;
    let why = app.explain(id).await;
    assert_eq!(why["attempts"][0]["diagnosis"], "timeout_answer", "{why}");
    // Its own budget, not the gateway's.
    let took = why["attempts"][0]["duration_ms"].as_u64().unwrap();
    assert!(
        took < app.app.config.delivery.attempt_timeout_ms / 2,
        "{why}"
    );
}

#[tokio::test]
async fn a_sample_shows_what_is_sent_and_answered_with_secrets_masked() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let test = async |body: Value| {
        app.call_as(&admin, "POST", "/account/v1/team/test-callback", body)
            .await
    };
    assert_eq!(test(Value::Null).await.status, 404, "there is no URL yet");
    let endpoint = Endpoint::answering([200, 500]).await;
    app.set_default(&endpoint).await;
    let sample = test(Value::Null).await;
    assert_eq!(sample.status, 200, "{sample:?}");
    assert_eq!(sample.body["is_taken"], true);
    assert_eq!(sample.body["status"], 200);
    let got = endpoint.got();
    let team = app.app.records.team(TEAM).await.unwrap().unwrap();
    assert_eq!(
        got[0].headers["scale-callback-auth"],
        &*team.live_callback_auth
    );
    assert!(!sample.body.to_string().contains(&team.live_callback_auth));
    let shown = sample.body["headers"]["scale-callback-auth"]
        .as_str()
        .unwrap();
    assert!(
        team.live_callback_auth
            .ends_with(shown.trim_start_matches('.')),
        "{shown}"
    );
    assert_eq!(
        sample.body["body"].as_str().unwrap().as_bytes(),
        &got[0].body[..]
    );
    let failed = test(json!({"mode": "test"})).await;
    assert_eq!(failed.body["is_taken"], false);
    assert_eq!(
        failed.body["diagnosis"]["code"], "server_error",
        "{failed:?}"
    );
    assert!(
        !failed.body["diagnosis"]["hint"]
            .as_str()
            .unwrap()
            .is_empty()
    );
    let got = endpoint.got();
    assert_eq!(
        got[1].headers["scale-callback-auth"],
        &*team.test_callback_auth
    );
    // The guard of deliveries judges samples, too.
    let refused = test(json!({"callback_url": "http://169.254.169.254/"})).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let named = test(json!({"callback_url": endpoint.url()})).await;
    assert_eq!(named.body["url"], endpoint.url());
    // Nothing of it is in the journal.
    let search = app.call("GET", "/internal/v1/callbacks", Value::Null).await;
    assert_eq!(search.body["callbacks"], json!([]));
}
