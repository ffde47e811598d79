//! What operators ask a running gateway, with nothing but its URL and a key.

use super::elsewhere::Elsewhere;
use super::text;
use crate::support::endpoint::Endpoint;
use crate::support::process::{TEAM, ringback};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_listed_shown_explained_sent_again_and_given_up() {
    let on = Elsewhere::start("retry.retries_max = 0\n");
    let endpoint = Endpoint::answering([500, 200, 200, 500]).await;
    on.gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    assert_eq!(on.run(&["callbacks", "list"]), "no callbacks\n");
    let id = on.hand_in("e1").await;
    on.until(&id, "dead");
    let listed = on.run(&["callbacks", "list", "--team", TEAM, "--state", "dead"]);
    let row = listed.lines().nth(1).unwrap();
    assert!(listed.starts_with("CALLBACK "), "{listed}");
    assert!(
        row.starts_with(&id) && row.ends_with("all retries used up"),
        "{row}"
    );
    let none = on.json(&["callbacks", "list", "--status", "200"]);
    assert_eq!(none["callbacks"], json!([]));
    let shown = on.run(&["callbacks", "show", &id]);
    assert!(shown.contains("state     dead, 1 attempts"), "{shown}");
    let told = on.run(&["callbacks", "explain", &id]);
    assert!(
        told.contains("attempt 1: 500") && told.contains("hint: "),
        "{told}"
    );
    assert_eq!(
        on.json(&["callbacks", "explain", &id])["attempts"][0]["status"],
        500
    );

    // A dead letter lives again; one that was delivered goes as another.
    let told = on.run(&["callbacks", "resend", &id]);
    assert_eq!(told, format!("{id} goes again, with all its retries\n"));
    on.until(&id, "delivered");
    let told = on.run(&["callbacks", "resend", &id]);
    let new = told.trim().rsplit_once(' ').unwrap().1;
    assert_ne!(new, id);
    on.until(new, "delivered");
    let told = on.refused(&["callbacks", "cancel", &id]);
    assert!(told.contains("id: it is delivered already"), "{told}");

    let dead = on.hand_in("e2").await;
    on.until(&dead, "dead");
    on.run(&["callbacks", "cancel", &dead]);
    assert_eq!(on.json(&["callbacks", "show", &dead])["state"], "cancelled");
    // Who did it is known.
    let log = text(&on.home.run(&["audit", "list"]).stdout);
    let noted = |what: &str| {
        let line = format!("POST /internal/v1/callbacks/{{id}}/{what}");
        log.lines()
            .any(|entry| entry.contains("producer tests") && entry.contains(&line))
    };
    assert!(noted("cancel") && noted("resend"), "{log}");
    on.gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_cancelled_and_never_sent() {
    let on = Elsewhere::start("");
    on.gateway.put_team(json!({"name": "A"})).await;
    let (held, other) = (on.hand_in("e1").await, on.hand_in("e2").await);
    assert_eq!(on.json(&["callbacks", "show", &held])["state"], "held");
    let told = on.refused(&["callbacks", "resend", &held]);
    assert!(told.contains("it will be sent anyway"), "{told}");
    on.run(&["callbacks", "cancel", &held]);
    let told = on.run(&["callbacks", "explain", &held]);
    assert!(told.contains("cancelled by the operator"), "{told}");
    let endpoint = Endpoint::answering([200]).await;
    on.gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    on.until(&other, "delivered");
    assert_eq!(endpoint.arrivals().len(), 1);
    assert!(
        on.refused(&["callbacks", "cancel", &held])
            .contains("it is cancelled already")
    );
    let nobodys = "01890000-0000-7000-8000-000000000000";
    assert!(
        on.refused(&["callbacks", "cancel", nobodys])
            .contains("callback")
    );
    on.gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_are_listed_parked_resumed_and_limited() {
    let on = Elsewhere::start("");
    let endpoint = Endpoint::hanging().await;
    on.gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    assert_eq!(on.run(&["lanes", "list"]), "no lane has anything to do\n");
    let events: Vec<_> = (0..9).map(|n| format!("e{n}")).collect();
    on.gateway.hand_in(&events).await.unwrap();
    endpoint.got_at_least(2).await;
    let origin = endpoint.url();
    let origin = origin.trim_end_matches('/');
    let listed = on.run(&["lanes", "list", "--team", TEAM]);
    let row: Vec<_> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[0], TEAM, "{listed}");
    assert_eq!(&row[2..], ["full", "2", "of", "2", "7"], "{listed}");
    let lane = || on.json(&["lanes", "show", TEAM, &endpoint.url()]);
    assert_eq!(
        (&lane()["condition"], &lane()["ready"]),
        (&json!("full"), &json!(7))
    );
    assert!(
        row[1].starts_with("http://127.0.0.1:") && origin.starts_with(row[1]),
        "{listed}"
    );

    on.run(&["lanes", "limit", TEAM, row[1], "1"]);
    assert_eq!(
        (&lane()["limit"], &lane()["window"]),
        (&json!(1), &json!(1))
    );
    let told = on.run(&["lanes", "park", TEAM, row[1], "--for", "2h"]);
    assert!(
        told.starts_with("nothing goes to http://127.0.0.1:"),
        "{told}"
    );
    assert_eq!(lane()["condition"], "parked");
    assert!(
        on.run(&["lanes", "show", TEAM, row[1]])
            .contains("limit      1, by an operator")
    );
    on.run(&["lanes", "resume", TEAM, row[1]]);
    assert_eq!(lane()["condition"], "full");
    // One answer, one more request: the limit holds.
    endpoint.let_go();
    endpoint.got_at_least(9).await;
    on.gateway.kill();
}

#[test]
fn what_cannot_be_done_to_a_lane_is_told() {
    let on = Elsewhere::start("");
    let (url, unknown) = ("https://a.test", "https://unknown.test");
    for (arguments, told) in [
        (
            vec!["lanes", "park", TEAM, url, "--for", "8d"],
            "for_s: must be from 1 to 604800",
        ),
        (
            vec!["lanes", "limit", TEAM, url, "0"],
            "in_flight_max: must be at least 1",
        ),
        (
            vec!["lanes", "limit", TEAM, url, "few"],
            "must be a number or `none`",
        ),
        (
            vec!["lanes", "resume", TEAM, "nowhere"],
            "url: must be an endpoint's URL",
        ),
        (vec!["lanes", "park", TEAM, unknown], "lane"),
        (vec!["lanes", "limit", "nobody", url, "2"], "team"),
    ] {
        let refused = on.refused(&arguments);
        assert!(refused.contains(told), "{arguments:?}: {refused}");
    }
    on.gateway.kill();
}

/// It outlives the process and its queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_kept() {
    let on = Elsewhere::start("");
    on.gateway.put_team(json!({"name": "A"})).await;
    let endpoint = Endpoint::hanging().await;
    on.run(&["lanes", "limit", TEAM, &endpoint.url(), "1"]);
    on.gateway.kill();
    let gateway = on.home.serve();
    let on = Elsewhere {
        home: on.home,
        gateway,
    };
    let body = json!({"default_callback_url": endpoint.url()});
    on.gateway.put_team(body).await;
    let events: Vec<_> = (0..4).map(|n| format!("e{n}")).collect();
    on.gateway.hand_in(&events).await.unwrap();
    endpoint.got_at_least(1).await;
    let lane = on.json(&["lanes", "show", TEAM, &endpoint.url()]);
    assert_eq!((&lane["window"], &lane["ready"]), (&json!(1), &json!(3)));
    on.run(&["lanes", "limit", TEAM, &endpoint.url(), "none"]);
    endpoint.let_go();
    endpoint.got_at_least(4).await;
    on.gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_one_screen() {
    let on = Elsewhere::start("");
    on.gateway.put_team(json!({"name": "A"})).await;
    on.hand_in("e1").await;
    let screen = on.run(&["status"]);
    for line in [
        "stores     the journal answers, the queue (memory) is whole",
        "held       1",
        "lanes      0 open, 0 throttled, 0 parked, of 1 known",
        "this hour  0 delivered, 0 attempts failed",
    ] {
        assert!(screen.contains(line), "{screen}");
    }
    let told = on.json(&["status"]);
    assert_eq!(
        (&told["queue"]["held"], &told["journal_answers"]),
        (&json!(1), &json!(true))
    );
    on.gateway.kill();
    let told = on_nobody(&["status"]);
    assert!(told.contains("no gateway answers at"), "{told}");
}

/// With the URL of nobody.
fn on_nobody(arguments: &[&str]) -> String {
    let output = ringback(arguments)
        .args(["--url", "http://127.0.0.1:1", "--key", "x"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_operators_port_answers_and_changes_nothing() {
    let on = Elsewhere::start("");
    on.gateway.put_team(json!({"name": "A"})).await;
    let id = on.hand_in("e1").await;
    let ask = |arguments: &[&str]| {
        let output = ringback(arguments)
            .args(["--url", &on.gateway.operator])
            .env_remove("RINGBACK_KEY")
            .output()
            .unwrap();
        (
            output.status.success(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    for arguments in [
        &["status"][..],
        &["lanes", "list"],
        &["callbacks", "list"],
        &["callbacks", "show", &id],
        &["callbacks", "explain", &id],
    ] {
        let (is_well, told) = ask(arguments);
        assert!(is_well, "{arguments:?}: {told}");
    }
    for arguments in [
        &["callbacks", "cancel", &id][..],
        &["callbacks", "resend", &id],
        &["lanes", "resume", TEAM, "https://a.test"],
        &["replay", "--team", TEAM],
    ] {
        let (is_well, told) = ask(arguments);
        assert!(
            !is_well && told.contains("so it needs a producer's key"),
            "{told}"
        );
    }
    // Nor does it take a change from somebody who asks in another way.
    let url = format!("{}/internal/v1/callbacks/{id}/cancel", on.gateway.operator);
    let answer = reqwest::Client::new().post(url).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    // And a wrong key opens nothing.
    let wrong = ringback(&["status", "--url", &on.gateway.api, "--key", "wrong"]);
    let told = text(&{ wrong }.output().unwrap().stderr);
    assert!(told.contains("wants a valid producer's key"), "{told}");
    on.gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_followed_to_its_end() {
    let on = Elsewhere::start("retry.retries_max = 0\n");
    let endpoint = Endpoint::answering([500, 500, 500, 200]).await;
    on.gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    for event in ["e1", "e2", "e3"] {
        let id = on.hand_in(event).await;
        on.until(&id, "dead");
    }
    let replay = ["replay", "--team", TEAM];
    let of_one = [&replay[..], &["--task", "e2"]].concat();
    let dry = on.run(&[&of_one[..], &["--dry-run"]].concat());
    assert_eq!(dry, "would replay 1 dead letters\n");
    assert_eq!(on.run(&of_one), "replayed 1 dead letters\n");
    let none = on.run(&[&replay[..], &["--status", "404", "--dry-run"]].concat());
    assert_eq!(none, "would replay 0 dead letters\n");
    let told = on.json(&[&replay[..], &["--status", "500"]].concat());
    assert_eq!(
        (&told["state"], &told["replayed"]),
        (&json!("done"), &json!(2))
    );
    assert_eq!(told["started_by"], "producer tests");
    endpoint.got_at_least(6).await;
    on.gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_are_made_listed_and_given_another_admin() {
    let on = Elsewhere::start("");
    let made = on.run(&["teams", "create", "Kites", "--admin", "ana@kites.test"]);
    let (id, link) = made.trim().split_once('\n').unwrap();
    on.gateway.join(link).await;
    let listed = on.json(&["teams", "list"]);
    assert_eq!(listed, json!([{"team_id": id, "name": "Kites"}]));
    // In the store itself it is the same.
    let here = on.home.run(&["teams", "list", "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&text(&here.stdout)).unwrap(),
        listed
    );
    let told = on.refused(&["teams", "transfer-admin", id, "bo@kites.test"]);
    assert!(
        told.contains("email: bo@kites.test is no active user of team"),
        "{told}"
    );
    let told = on.run(&["teams", "transfer-admin", id, "ana@kites.test"]);
    assert!(told.contains("is the admin of"), "{told}");
    let told = on.refused(&["teams", "create", "More", "--admin", "ana@kites.test"]);
    assert!(told.contains("admin: is a user already"), "{told}");
    on.gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_installation_is_measured() {
    let on = Elsewhere::start("");
    let told = on.json(&["bench", "--results", "1200"]);
    assert_eq!(
        (&told["delivered"], &told["lost"]),
        (&json!(1200), &json!(0))
    );
    assert!(told["delivered_per_second"].as_u64() > Some(0), "{told}");
    let shown = on.run(&["bench", "--results", "1"]);
    assert!(shown.contains("delivered  1 of them"), "{shown}");
    on.gateway.kill();
    let closed = Elsewhere::start("");
    let config = std::fs::read_to_string(closed.home.config()).unwrap();
    let guarded = config.replace("127.0.0.0/8", "10.0.0.0/8");
    closed.gateway.kill();
    std::fs::write(closed.home.config(), guarded).unwrap();
    let gateway = closed.home.serve();
    let closed = Elsewhere {
        home: closed.home,
        gateway,
    };
    let told = closed.refused(&["bench", "--results", "1"]);
    assert!(told.contains("delivery.private_networks_allowed"), "{told}");
    closed.gateway.kill();
}
