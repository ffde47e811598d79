//! API keys, callback auth keys, and what endpoints see while one is replaced.

use crate::support::app::{TEAM, TestApp};
use crate::support::endpoint::Endpoint;
use ringback::access::Role;
use ringback::callback::State;
use ringback::callback::signature::{Secret, verify};
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;

#[tokio::test]
async fn keys_are_made_listed_masked_revealed_and_deleted() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
        let made = app
            .call_as(&admin, "POST", "/account/v1/keys", json!({"mode": "live"}))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        let key = made.body["key"].as_str().unwrap().to_owned();
        assert!(key.starts_with("live_"), "{key}");
        let test = app
            .call_as(&admin, "POST", "/account/v1/keys", json!({"mode": "test"}))
            .await;
        assert_eq!(test.status, 201);
        let team = app
            .call_as(&key, "GET", "/account/v1/team", Value::Null)
            .await;
        assert_eq!(team.body["team_id"], TEAM);
        let listed = app
            .call_as(&admin, "GET", "/account/v1/keys", Value::Null)
            .await;
        assert_eq!(listed.body.as_array().unwrap().len(), 2);
        assert!(!listed.body.to_string().contains(&key));
        let id = made.body["key_id"].as_str().unwrap();
        let path = format!("/account/v1/keys/{id}");
        let revealed = app
            .call_as(&admin, "POST", &format!("{path}/reveal"), Value::Null)
            .await;
        assert_eq!(revealed.body["key"], *key);
        assert_eq!(
            app.call_as(&admin, "DELETE", &path, Value::Null)
                .await
                .status,
            204
        );
        let refused = app
            .call_as(&key, "GET", "/account/v1/team", Value::Null)
            .await;
        assert_eq!(refused.status, 401);
        assert_eq!(
            app.call_as(&admin, "DELETE", &path, Value::Null)
                .await
                .status,
            404
        );
        let bad = app
            .call_as(&admin, "POST", "/account/v1/keys", json!({"mode": "both"}))
            .await;
        assert_eq!(bad.body["error"]["field"], "mode");
    }
}

#[tokio::test]
async fn a_team_may_keep_keys_from_its_members() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let member = app.person(TEAM, "member@x.test", Role::Member).await;
    let manager = app.person(TEAM, "manager@x.test", Role::Manager).await;
    let list = async |who: &str| {
        let keys = app
            .call_as(who, "GET", "/account/v1/keys", Value::Null)
            .await;
        keys.status.as_u16()
    };
    assert_eq!(list(&member).await, 200);
    let body = json!({"members_use_keys": false});
    app.call_as(&admin, "PUT", "/account/v1/team", body).await;
    assert_eq!((list(&member).await, list(&manager).await), (403, 200));
}

/// An endpoint as a customer has it: it knows one key and refuses every other.
async fn rotated(app: &TestApp, kind: &str, grace_hours: u64) -> [String; 2] {
    let admin = app
        .person(TEAM, &format!("{kind}@x.test"), Role::Admin)
        .await;
    let path = format!("/account/v1/callback-auth/{kind}");
    let reveal = format!("{path}/reveal");
    let old = app.call_as(&admin, "POST", &reveal, Value::Null).await;
    let body = json!({"grace_hours": grace_hours});
    let new = app
        .call_as(&admin, "POST", &format!("{path}/rotate"), body)
        .await;
    assert_eq!(new.status, 200, "{new:?}");
    [old, new].map(|answer| answer.body["secret"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn while_a_key_is_replaced_endpoints_on_the_old_one_still_get_everything() {
    for app in TestApp::in_both_shapes(|_| {}).await {
        let endpoint = Endpoint::answering([401, 200, 403, 200, 200]).await;
        app.set_default(&endpoint).await;
        let [old, new] = rotated(&app, "live", 24).await;
        let sent = || {
            let got = endpoint.got();
            let auth = |got: &crate::support::endpoint::Got| {
                got.headers["scale-callback-auth"]
                    .to_str()
                    .unwrap()
                    .to_owned()
            };
            got.iter().map(auth).collect::<Vec<_>>()
        };
        // Refused with the new key, taken at once with the old one: one attempt, one id.
        let first = app.submit("one", json!({})).await;
        app.run_due().await;
        assert_eq!(app.state(first).await, State::Delivered);
        assert_eq!(sent(), [&*new, &*old]);
        let got = endpoint.got();
        assert_eq!(got[0].id(), got[1].id());
        assert_eq!(got[0].body, got[1].body);
        assert_eq!(
            app.explain(first).await["attempts"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        let manager = app.person(TEAM, "manager@x.test", Role::Manager).await;
        let endpoints = async || {
            let shown = app
                .call_as(&manager, "GET", "/account/v1/callback-auth", Value::Null)
                .await;
            assert!(!shown.body.to_string().contains(&*new), "masked");
            shown.body[0]["previous"]["endpoints"].clone()
        };
        assert_eq!(endpoints().await[0]["takes"], "previous");
        let second = app.submit("two", json!({})).await;
        app.run_due().await;
        assert_eq!(app.state(second).await, State::Delivered);
        // The endpoint moves on: seen at the next callback.
        let third = app.submit("three", json!({})).await;
        app.run_due().await;
        assert_eq!(app.state(third).await, State::Delivered);
        assert_eq!(sent(), [&*new, &*old, &*new, &*old, &*new]);
        assert_eq!(endpoints().await[0]["takes"], "new");
        assert_eq!(endpoints().await[0]["url"], endpoint.url());
    }
}

#[tokio::test]
async fn after_the_grace_the_old_key_is_sent_to_nobody() {
    let app = TestApp::start().await;
    let endpoint = Endpoint::answering([401]).await;
    app.set_default(&endpoint).await;
    let [_, new] = rotated(&app, "live", 1).await;
    app.clock.advance_ms(HOUR_MS);
    let id = app.submit("one", json!({})).await;
    app.run_due().await;
    assert_eq!(app.state(id).await, State::Pending);
    let got = endpoint.got();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].headers["scale-callback-auth"], *new);
}

#[tokio::test]
async fn a_team_may_name_the_status_by_which_its_endpoints_refuse_a_key() {
    let app = TestApp::start().await;
    let endpoint = Endpoint::answering([500, 500, 200]).await;
    app.set_default(&endpoint).await;
    let [old, new] = rotated(&app, "live", 24).await;
    let admin = app.app.records.users(TEAM).await.unwrap()[0].id.clone();
    let admin = app.session_of(&admin).await;
    app.submit("one", json!({})).await;
    app.run_due().await;
    assert_eq!(endpoint.got().len(), 1, "a 500 says nothing about keys");
    let body = json!({"grace_status": 500});
    app.call_as(&admin, "PUT", "/account/v1/team", body).await;
    let id = app.submit("two", json!({})).await;
    app.run_due().await;
    assert_eq!(app.state(id).await, State::Delivered);
    let got = endpoint.got();
    assert_eq!(got[1].headers["scale-callback-auth"], *new);
    assert_eq!(got[2].headers["scale-callback-auth"], *old);
}

#[tokio::test]
async fn both_signatures_are_sent_until_the_grace_of_a_signing_secret_ends() {
    let app = TestApp::start().await;
    let endpoint = Endpoint::answering([200]).await;
    app.set_default(&endpoint).await;
    let secrets = rotated(&app, "signing", 1).await;
    let secrets = secrets.map(|secret| Secret::parse(&secret).unwrap());
    let signed = |n: usize| {
        let got = &endpoint.got()[n];
        let header = |name: &str| got.headers[name].to_str().unwrap().to_owned();
        let time = header("webhook-timestamp").parse().unwrap();
        let signature = header("webhook-signature");
        [0, 1].map(|s| verify(got.id(), time, &got.body, &signature, &secrets[s..=s]))
    };
    app.submit("one", json!({})).await;
    app.run_due().await;
    assert_eq!(signed(0), [true, true]);
    app.clock.advance_ms(HOUR_MS);
    app.submit("two", json!({})).await;
    app.run_due().await;
    assert_eq!(signed(1), [false, true]);
}

#[tokio::test]
async fn test_results_bring_the_live_key_when_the_team_wants_it() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "admin@x.test", Role::Admin).await;
    let endpoint = Endpoint::answering([200]).await;
    app.set_default(&endpoint).await;
    let team = app.app.records.team(TEAM).await.unwrap().unwrap();
    app.submit("one", json!({"mode": "test"})).await;
    app.run_due().await;
    let body = json!({"always_live_auth": true});
    app.call_as(&admin, "PUT", "/account/v1/team", body).await;
    app.submit("two", json!({"mode": "test"})).await;
    app.run_due().await;
    let auth = endpoint
        .got()
        .into_iter()
        .map(|got| got.headers["scale-callback-auth"].clone());
    let keys = [team.test_callback_auth, team.live_callback_auth];
    assert_eq!(auth.collect::<Vec<_>>(), keys);
}
