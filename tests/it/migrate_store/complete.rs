//! A store with callbacks in every state moves whole, and a gateway on the new one goes on
//! where the old one stopped.

use crate::support::comparison::{assert_same, records_columns};
use crate::support::endpoint::Endpoint;
use crate::support::moving::{Moving, call, stop, text, until};
use crate::support::process::Gateway;
use ringback::callback::Mode;
use ringback::config::Config;
use ringback::records::Records;
use ringback::records::transfer::tables::{Kind, TABLES};
use ringback::vault::Vault;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Teams, by what becomes of their callbacks in the old gateway.
struct Endpoints {
    good: Endpoint,
    bad: Endpoint,
    gone: Endpoint,
}

async fn set_up(gateway: &Gateway, key: &str, ends: &Endpoints) {
    let policy = |retries_max| json!({"retries_max": retries_max, "first_delay_ms": 1000, "factor": 1.0, "jitter": 0.0});
    let teams = [
        (
            "content",
            json!({"default_callback_url": ends.good.url(), "name": "Äpfel & Co"}),
        ),
        (
            "impatient",
            json!({"default_callback_url": ends.bad.url(), "retry": policy(0)}),
        ),
        (
            "patient",
            json!({"default_callback_url": ends.bad.url(), "retry": policy(100)}),
        ),
        ("latest", json!({"latest_only": true})),
        ("homeless", json!({})),
        ("gone", json!({"default_callback_url": ends.gone.url()})),
    ];
    for (team, body) in teams {
        call(gateway, key, ("PUT", &format!("teams/{team}")), body).await;
    }
    let project = json!({"callback_url": ends.good.at("/kites")});
    call(
        gateway,
        key,
        ("PUT", "teams/content/projects/kites"),
        project,
    )
    .await;
}

fn result(team: &str, event: &str, task: &str) -> Value {
    json!({"event_id": event, "team_id": team, "task_id": task, "mode": "live",
           "status": "completed", "response": {"event": event}})
}

/// Hands results in; their ids.
async fn hand_in(gateway: &Gateway, key: &str, results: Vec<Value>) -> Vec<String> {
    let answer = call(gateway, key, ("POST", "results"), results.into()).await;
    let ids = answer["results"].as_array().unwrap().iter();
    ids.map(|item| item["callback_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Callbacks by state, as search finds them.
async fn states(gateway: &Gateway, key: &str) -> BTreeMap<String, usize> {
    let found = call(gateway, key, ("GET", "callbacks?limit=200"), Value::Null).await;
    let mut states = BTreeMap::new();
    for callback in found["callbacks"].as_array().unwrap() {
        *states
            .entry(callback["state"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    states
}

async fn until_states(gateway: &Gateway, key: &str, expected: &[(&str, usize)]) {
    let expected: BTreeMap<_, _> = expected
        .iter()
        .map(|(name, n)| ((*name).to_owned(), *n))
        .collect();
    until(&format!("the callbacks are {expected:?}"), async || {
        states(gateway, key).await == expected
    })
    .await;
}

fn all_results() -> Vec<Value> {
    let mut results = vec![
        result("content", "c1", "t1"),
        result("content", "c2", "t\"2\\é"),
        result("impatient", "i1", "t1"),
        result("impatient", "i2", "t2"),
        result("impatient", "i3", "t3"),
        result("patient", "p1", "t1"),
        result("patient", "p1 later", "t1"),
        result("patient", "p2", "t2"),
        result("latest", "l1", "t1"),
        result("latest", "l2", "t1"),
        result("homeless", "h1", "t1"),
        result("gone", "g1", "t1"),
    ];
    results[1]["mode"] = "test".into();
    results[1]["task"] = json!({"project": "kites"});
    // More than fits into one batch of the copy.
    for n in 0..12 {
        let mut large = result("content", &format!("large{n}"), &format!("large{n}"));
        large["response"]["text"] = "ö".repeat(450_000).into();
        results.push(large);
    }
    results
}

/// Runs the old gateway until every kind of callback is there; returns their ids.
async fn live_a_life(moving: &Moving, ends: &Endpoints) -> Vec<String> {
    let key = &moving.old.key;
    add_api_keys(moving).await;
    let gateway = moving.old.serve();
    set_up(&gateway, key, ends).await;
    let ids = hand_in(&gateway, key, all_results()).await;
    let again = hand_in(&gateway, key, all_results()[..3].to_vec()).await;
    assert_eq!(again, ids[..3]);
    let states = [
        ("cancelled", 1),
        ("dead", 3),
        ("delivered", 14),
        ("held", 3),
        ("pending", 3),
    ];
    until_states(&gateway, key, &states).await;
    let dropped = moving.old.run(&["dead-letters", "drop", &ids[4]]);
    assert_eq!(text(&dropped.stdout), "dropped 1 dead letters\n");
    let none = moving
        .old
        .run(&["dead-letters", "replay", "--team", "nobody"]);
    assert_eq!(text(&none.stdout), "replayed 0 dead letters\n");
    // Three that died at once; two that were tried and tried again.
    ends.bad.got_at_least(3 + 2 + 2).await;
    stop(gateway).await;
    ids
}

/// What was held or dead may go now.
async fn let_everything_go(moving: &Moving, gateway: &Gateway, ends: &Endpoints) {
    let key = &moving.new.key;
    let replayed = moving
        .new
        .run(&["dead-letters", "replay", "--team", "impatient"]);
    assert_eq!(text(&replayed.stdout), "replayed 2 dead letters\n");
    let home = json!({"default_callback_url": ends.good.at("/home")});
    call(gateway, key, ("PUT", "teams/homeless"), home.clone()).await;
    call(gateway, key, ("PUT", "teams/latest"), home).await;
    let gone = json!({"url": ends.gone.url()});
    call(gateway, key, ("POST", "teams/gone/endpoints/resume"), gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_moves_and_goes_on_where_it_was() {
    let moving = Moving::make("").await;
    let ends = Endpoints {
        good: Endpoint::answering([200]).await,
        bad: Endpoint::answering([500]).await,
        gone: Endpoint::answering([410]).await,
    };
    let ids = live_a_life(&moving, &ends).await;
    let delivered_before = ends.good.got_count();

    let told = moving.migrated(&[]).await;
    assert_summary(&told);
    assert_same(&moving.old.data(), &moving.database).await;
    let unqueued = "SELECT count(*) FROM callbacks WHERE NOT queued";
    assert_eq!(moving.number(unqueued).await, 6, "all that is open");
    let replays = "SELECT count(*) FROM replays WHERE state = 'done' AND team_id = 'nobody'";
    assert_eq!(moving.number(replays).await, 1);

    ends.bad.answer_next([200]);
    ends.gone.answer_next([200]);
    let (gateway, key) = (moving.new.serve(), &moving.new.key);
    let again = hand_in(&gateway, key, all_results()[..6].to_vec()).await;
    assert_eq!(again, ids[..6], "the same events are known");
    let states = [
        ("cancelled", 2),
        ("dead", 2),
        ("delivered", 17),
        ("held", 3),
    ];
    until_states(&gateway, key, &states).await;
    let_everything_go(&moving, &gateway, &ends).await;
    until_states(&gateway, key, &[("cancelled", 2), ("delivered", 22)]).await;
    let (_, metrics) = gateway.operator("/metrics").await;
    assert!(metrics.contains("ringback_ledger_imbalance 0"));
    stop(gateway).await;

    let arrived: Vec<_> = ends.good.got().into_iter().map(|got| got.path).collect();
    let since = &arrived[delivered_before..];
    assert_eq!(
        since,
        ["/home", "/home"],
        "what was held, nothing a second time"
    );
    let taken = ends
        .bad
        .statuses()
        .into_iter()
        .filter(|status| *status == 200);
    assert_eq!(taken.count(), 5, "what was pending or dead, each once");
    assert_eq!(ends.gone.statuses(), [410, 200]);
}

async fn add_api_keys(moving: &Moving) {
    let settings = std::fs::read_to_string(moving.old.config()).unwrap();
    let config = Config::build(Some(("old", &settings)), std::iter::empty()).unwrap();
    let vault = Vault::open(&config.vault_key_path()).unwrap();
    let records = Records::open(&config, vault).await.unwrap();
    for mode in [Mode::Live, Mode::Test] {
        records.add_api_key("content", mode, 1).await.unwrap();
    }
    records.close().await;
}

fn assert_summary(told: &str) {
    let rows = [
        ("results", 24),
        ("callbacks", 24),
        ("teams", 6),
        ("api_keys", 2),
        ("producers", 1),
        ("project_urls", 2),
        ("paused_endpoints", 1),
        ("vault_check", 1),
        ("pending", 3),
        ("held", 3),
        ("delivered", 14),
        ("dead", 2),
        ("cancelled", 2),
    ];
    for (name, rows) in rows {
        assert!(
            told.contains(&format!("{name:<18}{rows:>12}")),
            "{name} {rows}\n{told}"
        );
    }
    assert!(
        told.contains("accepted 24 = callbacks 24 + pruned 0\n"),
        "{told}"
    );
    assert!(told.contains("url = \"postgres://ringback:***@"), "{told}");
}

/// A table or column added to the records must be added to the list of what moves.
#[tokio::test]
async fn every_table_and_column_of_the_records_is_on_the_list() {
    let moving = Moving::make("").await;
    let listed: BTreeMap<_, _> = TABLES
        .iter()
        .map(|table| {
            let kind = |kind: &Kind| {
                if *kind == Kind::Text {
                    "TEXT"
                } else {
                    "BIGINT"
                }
            };
            let columns = table.columns.iter();
            let columns: BTreeMap<_, _> = columns
                .map(|(name, of)| ((*name).to_owned(), kind(of).to_owned()))
                .collect();
            (table.name.to_owned(), columns)
        })
        .collect();
    assert_eq!(listed.len(), TABLES.len(), "a table is listed twice");
    assert_eq!(records_columns(&moving.old.data()).await, listed);
}
