//! The judge: Scale's official Python SDK as it comes from PyPI, only its base URL changed,
//! against the real binary. What it asks is in `tests/sdk`.

use crate::support::postgres::Postgres;
use crate::support::process::{Home, TEAM};
use crate::support::python::{python, summary};
use crate::support::redis::Redis;
use ringback::callback::Mode;
use ringback::config::Config;
use ringback::records::Records;
use ringback::vault::Vault;
use serde_json::{Value, json};
use std::path::Path;

const NOW: u64 = 1_700_000_000_000;
/// The suites ask more than a caller may.
pub(crate) const UNLIMITED: &str =
    "api.caller_requests_per_s = 100000\napi.caller_requests_burst = 100000";

/// What runs of `tests/sdk`.
const SUITE: [&str; 11] = [
    "test_batches.py",
    "test_callbacks.py",
    "test_files.py",
    "test_hostile.py",
    "test_projects.py",
    "test_studio.py",
    "test_task_lists.py",
    "test_tasks.py",
    "test_teams.py",
    "test_transport.py",
    "test_v2.py",
];

/// Two teams and what their programs need, made before the gateway opens the store.
pub(crate) async fn teams(home: &Home) -> Value {
    let config = Config::load(Some(&home.config())).unwrap();
    let vault = Vault::open(&config.vault_key_path()).unwrap();
    let records = Records::open(&config, vault).await.unwrap();
    let team = records.add_team(TEAM, "Team A", NOW).await.unwrap();
    records.add_team("other", "Others", NOW).await.unwrap();
    let mut keys = json!({"team": TEAM, "producer": home.key});
    for (name, team, mode) in [
        ("live", TEAM, Mode::Live),
        ("test", TEAM, Mode::Test),
        ("other", "other", Mode::Live),
    ] {
        keys[name] = json!(records.add_api_key(team, mode, NOW).await.unwrap());
    }
    keys["live_auth"] = json!(team.live_callback_auth);
    keys["test_auth"] = json!(team.test_callback_auth);
    records.close().await;
    keys
}

/// Runs these files, of which every test must pass.
fn run(files: &[&str], known: &Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let ran = python("pytest")
        .args(["-q", "-p", "no:cacheprovider", "--tb=short"])
        .args(files)
        .current_dir(&folder)
        .env("RINGBACK_SDK", known.to_string())
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{report}");
    let written: usize = files.iter().map(|file| tests_in(&folder.join(file))).sum();
    let passed = summary(&report);
    assert!(
        passed >= written,
        "{passed} of {written} tests ran\n{report}"
    );
}

#[tokio::test]
async fn the_official_sdk_is_served() {
    let home = Home::make(UNLIMITED);
    let mut known = teams(&home).await;
    let gateway = home.serve();
    known["url"] = json!(gateway.api);
    run(&SUITE, &known);
    assert!(gateway.warnings().is_empty(), "{:?}", gateway.warnings());
}

#[tokio::test]
async fn its_second_half_is_served_from_postgresql_too() {
    let store = Postgres::shared().await.database().await;
    let redis = Redis::start();
    let home = Home::make(&format!(
        "store.url = \"{store}\"\nqueue.url = \"{}\"\n{UNLIMITED}",
        redis.url()
    ));
    let mut known = teams(&home).await;
    let gateway = home.serve();
    known["url"] = json!(gateway.api);
    run(&["test_v2.py"], &known);
    assert!(gateway.warnings().is_empty(), "{:?}", gateway.warnings());
}

/// What only a busy or broken installation answers, each as the exception made for it.
#[tokio::test]
async fn the_official_sdk_understands_every_refusal() {
    let mut server = Postgres::own().await;
    let store = server.database().await;
    let redis = Redis::start();
    let home = Home::make(&format!(
        "store.url = \"{store}\"\nqueue.url = \"{}\"\napi.caller_requests_per_s = 1\n\
         api.caller_requests_burst = 20\nwork.task_types_off = [\"comparison\"]",
        redis.url()
    ));
    let mut known = teams(&home).await;
    let gateway = home.serve();
    known["url"] = json!(gateway.api);
    run(&["refusals/test_limits.py"], &known);
    server.stop();
    run(&["refusals/test_outage.py"], &known);
}

fn tests_in(file: &Path) -> usize {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .filter(|line| line.starts_with("def test_"))
        .count()
}

#[test]
fn no_file_of_the_suite_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("test_"))
        .collect();
    found.sort_unstable();
    let mut known = SUITE;
    known.sort_unstable();
    assert_eq!(found, known);
}
