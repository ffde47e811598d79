//! Replays over the API: counted, started at a pace, stepped by one process, paused, ended;
//! the operator's way and the command line's.

use crate::support::app::{TEAM, TestApp};
use crate::support::endpoint::Endpoint;
use crate::support::process::Home;
use ringback::access::Role;
use ringback::callback::{CallbackId, State};
use ringback::dead_letters::step_all;
use ringback::delivery::rebuild::take_unqueued;
use serde_json::{Value, json};
use std::collections::HashSet;

/// So many callbacks that were given up: each second one was answered 404, the others 503.
/// From now on their endpoint is well.
async fn dead(app: &TestApp, n: usize) -> (Endpoint, Vec<CallbackId>) {
    let endpoint = Endpoint::answering([503, 404].repeat(n.div_ceil(2))).await;
    let mut ids = Vec::new();
    for event in 0..n {
        let change = json!({"callback_url": endpoint.url()});
        ids.push(app.submit(&format!("e{event}"), change).await);
        app.run_due().await;
    }
    endpoint.answer_next([200]);
    (endpoint, ids)
}

async fn states(app: &TestApp, ids: &[CallbackId]) -> Vec<State> {
    let mut states = Vec::new();
    for id in ids {
        states.push(app.state(*id).await);
    }
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_at_its_pace_survives_a_restart_and_sends_each_once() {
    for app in TestApp::in_both_shapes(|config| config.retry.retries_max = 0).await {
        let (_endpoint, ids) = dead(&app, 8).await;
        let user = app.joins(TEAM, "mel@x.test", Role::Member).await;
        let mel = app.session_of(&user).await;
        let path = "/account/v1/replays";
        let wish = json!({"status": 503, "dry_run": true});
        let counted = app.call_as(&mel, "POST", path, wish).await;
        assert_eq!(counted.body, json!({"found": 4, "dry_run": true}));
        let wish = json!({"status": 503, "per_second": 1});
        let started = app.call_as(&mel, "POST", path, wish).await;
        assert_eq!(started.status, 201, "{started:?}");
        let id = started.body["replay_id"].as_str().unwrap().to_owned();
        step_all(&app.app).await.unwrap();
        step_all(&app.app).await.unwrap();
        let one = format!("{path}/{id}");
        let told = app.call_as(&mel, "GET", &one, Value::Null).await.body;
        let expected = (json!("running"), json!(4), json!(1), json!("mel@x.test"));
        let (state, by) = (told["state"].clone(), told["started_by"].clone());
        assert_eq!(
            (state, told["found"].clone(), told["replayed"].clone(), by),
            expected
        );

        let paused = app
            .call_as(&mel, "POST", &format!("{one}/pause"), Value::Null)
            .await;
        assert_eq!(paused.body["state"], "paused");
        app.clock.advance_ms(60_000);
        step_all(&app.app).await.unwrap();
        let app = app.restart().await;
        let resumed = app
            .call_as(&mel, "POST", &format!("{one}/resume"), Value::Null)
            .await;
        assert_eq!(resumed.body["replayed"], 1, "{resumed:?}");
        for _ in 0..4 {
            app.clock.advance_ms(1000);
            step_all(&app.app).await.unwrap();
        }
        let told = app.call_as(&mel, "GET", path, Value::Null).await.body;
        assert_eq!(
            (&told[0]["state"], &told[0]["replayed"]),
            (&json!("done"), &json!(4))
        );
        let ended = app
            .call_as(&mel, "POST", &format!("{one}/cancel"), Value::Null)
            .await;
        assert_eq!(ended.status, 409);

        take_unqueued(&app.app).await.unwrap();
        app.run_due().await;
        for (n, id) in ids.iter().enumerate() {
            let attempts = app.app.journal.attempts(*id).await.unwrap().len();
            assert_eq!(attempts, 2 - n % 2, "{n}");
        }
        let expected = [State::Delivered, State::Dead].repeat(4);
        assert_eq!(states(&app, &ids).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_refused_and_nobody_touches_anothers() {
    let app = TestApp::start().await;
    let user = app.joins(TEAM, "mel@x.test", Role::Member).await;
    let mel = app.session_of(&user).await;
    let path = "/account/v1/replays";
    for (wish, word) in [
        (json!({"per_second": 0}), "from 1 to 1000"),
        (json!({"per_second": 1001}), "from 1 to 1000"),
        (json!({"status": 99}), "from 100 to 999"),
        (json!({"mode": "both"}), "mode"),
        (json!({"task_id": "\0"}), "U+0000"),
        (json!({"state": "held"}), "unknown field"),
    ] {
        let refused = app.call_as(&mel, "POST", path, wish).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        let told = refused.body.to_string();
        assert!(told.contains(word) || told.contains("NUL"), "{told}");
    }
    let started = app.call_as(&mel, "POST", path, json!({})).await;
    let id = started.body["replay_id"].as_str().unwrap();
    app.app.records.add_team("team_x", "X", 1).await.unwrap();
    let other = app.joins("team_x", "eve@x.test", Role::Admin).await;
    let eve = app.session_of(&other).await;
    for (method, path) in [
        ("GET", format!("{path}/{id}")),
        ("POST", format!("{path}/{id}/cancel")),
        ("POST", format!("{path}/no-id/pause")),
    ] {
        let answer = app.call_as(&eve, method, &path, Value::Null).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let listed = app.call_as(&eve, "GET", path, Value::Null).await;
    assert_eq!(listed.body, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_starts_one_at_a_pace_for_a_whole_team() {
    let app = TestApp::with(|config| config.retry.retries_max = 0).await;
    let (_endpoint, ids) = dead(&app, 3).await;
    let path = "/internal/v1/dead-letters/replay";
    let wish = json!({"team_id": TEAM, "per_second": 2});
    let started = app.call("POST", path, wish).await;
    assert_eq!(started.body["callbacks"], 3, "{started:?}");
    assert!(started.body["replay_id"].is_string());
    step_all(&app.app).await.unwrap();
    let expected = [State::Pending, State::Pending, State::Dead];
    assert_eq!(states(&app, &ids).await, expected);
    let wish = json!({"team_id": TEAM, "per_second": 2, "limit": 1});
    assert_eq!(app.call("POST", path, wish).await.status, 400);
    let search = format!("/internal/v1/callbacks?team_id={TEAM}&status=404&mode=live");
    let found = app.call("GET", &search, Value::Null).await.body;
    let found: HashSet<_> = found["callbacks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|callback| callback["callback_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, HashSet::from([ids[1].to_string()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_and_a_running_gateway_carry_one_replay_together() {
    let home = Home::make("retry.retries_max = 0\n");
    let endpoint = Endpoint::answering([503; 6]).await;
    let gateway = home.serve();
    gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    let events: Vec<_> = (0..6).map(|n| format!("e{n}")).collect();
    gateway.hand_in(&events).await.unwrap();
    endpoint.got_at_least(6).await;
    // The attempts are settled a moment after the answers: ask until they are.
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let count = ["dead-letters", "replay", "--team", "team_a", "--dry-run"];
    while text(&home.run(&count).stdout) != "would replay 6 dead letters\n" {}
    endpoint.answer_next([200; 6]);
    let replay = [
        "dead-letters",
        "replay",
        "--team",
        "team_a",
        "--status",
        "503",
        "--rate",
        "3",
    ];
    let told = home.run(&replay);
    assert_eq!(text(&told.stdout), "replayed 6 dead letters\n", "{told:?}");
    endpoint.got_at_least(12).await;
    let ids: HashSet<_> = endpoint.got()[6..]
        .iter()
        .map(|got| got.id().to_owned())
        .collect();
    assert_eq!((endpoint.got_count(), ids.len()), (12, 6));
    let wrong = home.run(&["dead-letters", "replay", "--team", "team_a", "--rate", "0"]);
    assert!(text(&wrong.stderr).contains("--rate"), "{wrong:?}");
    gateway.kill();
}
