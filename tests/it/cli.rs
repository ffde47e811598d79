//! The command line of the real binary.

mod doctor; // what it finds, and that a gateway that it passes starts
mod elsewhere; // an operator with a URL and a key
mod manual; // completions, manual pages
mod operators; // status, lanes, callbacks, replay, bench: over the API, from anywhere

use crate::support::endpoint::Endpoint;
use crate::support::postgres::Postgres;
use crate::support::process::{Home, TEAM, ringback};
use crate::support::redis::Redis;
use serde_json::json;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_configuration_is_checked_and_shown() {
    let home = Home::make("");
    let good = home.run(&["config", "check"]);
    assert_eq!(text(&good.stdout), "the configuration is good\n");
    let shown = text(&home.run(&["config", "show"]).stdout);
    assert!(
        shown.contains("private_networks_allowed = [\"127.0.0.0/8\"]"),
        "{shown}"
    );

    let bad = Home::make_config("queue.slots = 0\nqueue.lease_ms = 1\n");
    let told = bad.run(&["config", "check"]);
    assert!(!told.status.success());
    let told = text(&told.stderr);
    assert!(
        told.contains("queue.slots") && told.contains("queue.lease_ms"),
        "{told}"
    );
    let missing = ringback(&["serve", "--config", "/nowhere.toml"])
        .output()
        .unwrap();
    assert!(text(&missing.stderr).contains("cannot read /nowhere.toml"));
}

#[test]
fn a_password_in_a_url_is_shown_nowhere() {
    let secret = "hunter2-hunter2";
    let url = format!(
        "queue.url = \"redis://me:{secret}@127.0.0.1:1\"\n\
         store.url = \"postgres://me:{secret}@127.0.0.1:1/name\"\n"
    );
    let shown = Home::make_config(&url).run(&["config", "show"]);
    let shown = text(&shown.stdout);
    assert!(
        shown.contains("url = \"postgres://me:***@127.0.0.1:1/name\""),
        "{shown}"
    );
    assert!(!shown.contains(secret));
    // Nobody listens there, a quote is missing, another database is meant, no URL at all.
    let broken = [
        (&*url, vec!["serve"], "do not answer"),
        (&*url, vec!["dead-letters", "list"], "does not answer"),
        (
            &url.replace("name\"", "name"),
            vec!["config", "check"],
            "TOML",
        ),
        (
            &url.replace("postgres:", "mysql:"),
            vec!["config", "check"],
            "store.url",
        ),
        (
            &url.replace(":1/", ":nonsense/"),
            vec!["config", "check"],
            "store.url",
        ),
    ];
    for (settings, command, word) in broken {
        let told = Home::make_config(settings).run(&command);
        assert!(!told.status.success());
        let told = text(&told.stderr) + &text(&told.stdout);
        assert!(told.contains(word), "{command:?}: {told}");
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn a_second_gateway_on_the_same_folder_is_refused() {
    let home = Home::make("");
    let gateway = home.serve();
    let second = home.run(&["serve"]);
    assert!(!second.status.success());
    let told = text(&second.stderr);
    assert!(told.contains("in use by another gateway"), "{told}");
    gateway.kill();
}

#[test]
fn producers_are_made_once_and_listed_without_their_keys() {
    let home = Home::make("");
    let again = home.run(&["producers", "add", "tests"]);
    assert!(text(&again.stderr).contains("producer tests exists already"));
    let listed = text(&home.run(&["producers", "list"]).stdout);
    assert!(
        listed.starts_with("NAME   KEY\ntests  ...") && !listed.contains(&home.key),
        "{listed}"
    );
    let removed = home.run(&["producers", "remove", "tests"]);
    assert_eq!(text(&removed.stdout), "removed tests\n");
    let again = home.run(&["producers", "remove", "tests"]);
    assert!(!again.status.success());
    assert!(text(&again.stderr).contains("there is no producer tests"));
    assert_eq!(text(&home.run(&["producers", "list"]).stdout), "");
    let log = text(&home.run(&["audit", "list"]).stdout);
    let noted = |what: &str| log.matches(what).count();
    assert_eq!(
        (noted("producers add"), noted("producers remove")),
        (1, 1),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_replayed_beside_the_running_gateway() {
    replay_beside_the_running_gateway("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_on_postgresql_too() {
    let url = Postgres::shared().await.database().await;
    let redis = Redis::start();
    let store = format!("store.url = {url:?}\nqueue.url = {:?}\n", redis.url());
    let home = replay_beside_the_running_gateway(&store).await;
    // Two gateways on one store are what it is for.
    let (first, second) = (home.serve(), home.serve());
    for gateway in [&first, &second] {
        assert_eq!(
            gateway.operator("/readyz").await,
            (200, "ready\n".to_owned())
        );
    }
    first.kill();
    second.kill();
    // Another folder has another vault key, under which nobody would be known.
    let stranger = Home::make_config(&store).run(&["producers", "list"]);
    let told = text(&stranger.stderr);
    assert!(told.contains("is this the vault key"), "{told}");
}

async fn replay_beside_the_running_gateway(store: &str) -> Home {
    let home = Home::make(&format!("{store}retry.retries_max = 0\n"));
    let endpoint = Endpoint::answering([500, 200]).await;
    let gateway = home.serve();
    gateway
        .put_team(json!({"default_callback_url": endpoint.url()}))
        .await;
    let id = gateway.hand_in(&["e1".to_owned()]).await.unwrap().remove(0);
    endpoint.got_at_least(1).await;
    // The attempt is settled a moment after the answer: ask until it is.
    let listed = loop {
        let listed = text(&home.run(&["dead-letters", "list"]).stdout);
        if listed != "no dead letters\n" {
            break listed;
        }
    };
    assert!(
        listed.contains(&id) && listed.contains("all retries used up"),
        "{listed}"
    );
    let dry = home.run(&["dead-letters", "replay", "--team", TEAM, "--dry-run"]);
    assert_eq!(text(&dry.stdout), "would replay 1 dead letters\n");
    let nothing = home.run(&["dead-letters", "replay"]);
    assert!(text(&nothing.stderr).contains("name callbacks"));
    let replayed = home.run(&["dead-letters", "replay", &id]);
    assert_eq!(text(&replayed.stdout), "replayed 1 dead letters\n");
    endpoint.got_at_least(2).await;

    let told = home.run(&["callbacks", "explain", &id]);
    // Port 0 of the configuration is nobody, so it reads the journal.
    assert!(text(&told.stdout).contains("no gateway runs on"));
    let at = ["--url", &gateway.operator];
    let told = ringback(&["callbacks", "explain", &id]).args(at).output();
    let timeline = text(&told.unwrap().stdout);
    assert!(
        timeline.contains("attempt 1: 500") && timeline.contains("hint: "),
        "{timeline}"
    );
    let (_, metrics) = gateway.operator("/metrics").await;
    assert!(
        metrics.contains("ringback_attempts_total{diagnosis=\"server_error\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("ringback_ledger_imbalance 0"));
    assert_eq!(gateway.operator("/healthz").await, (200, "ok\n".to_owned()));
    gateway.kill();
    home
}

#[test]
fn a_wrong_vault_key_or_a_missing_journal_is_told() {
    let home = Home::make("");
    let told = home.run(&["dead-letters", "list"]);
    assert!(
        text(&told.stderr).contains("there is no journal in data.dir"),
        "{told:?}"
    );
    std::fs::write(home.data().join("vault.key"), "short").unwrap();
    let told = home.run(&["producers", "list"]);
    assert!(
        text(&told.stderr).contains("64 hexadecimal digits"),
        "{told:?}"
    );
}
