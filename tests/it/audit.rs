//! The audit log: every change of an account is in it, refused ones too, and nobody can
//! change it unseen. Also how many requests a caller may make.

use crate::support::app::{TEAM, TestApp};
use crate::support::process::Home;
use crate::support::store::configs;
use ringback::access::Role;
use ringback::callback::Mode;
use ringback::config::Config;
use ringback::records::Records;
use ringback::records::audit::{AuditEntry, Chain};
use ringback::vault::Vault;
use serde_json::{Value, json};
use sqlx::Connection;

async fn open(config: &Config) -> Records {
    Records::open(config, Vault::new([7; 32])).await.unwrap()
}

/// Behind the gateway's back.
fn url(config: &Config) -> String {
    let file = config.data.dir.join("records.db");
    let postgres = config.store.postgres_url().map(str::to_owned);
    postgres.unwrap_or_else(|| format!("sqlite://{}", file.display()))
}

fn entry(team: &str, target: &str) -> AuditEntry {
    AuditEntry {
        team: team.to_owned(),
        at: 1_700_000_000_000,
        actor: "person ana@example.com".to_owned(),
        action: "POST /v1/projects".to_owned(),
        target: target.to_owned(),
        address: "192.0.2.1".to_owned(),
        status: 200,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_chained_by_team_on_every_store() {
    for (_, config, _folder) in configs().await {
        let records = open(&config).await;
        let odd = entry("b", &"é\0".repeat(600));
        let both = [entry("a", "one"), odd, entry("a", "two")];
        records.append_audit(&both).await.unwrap();
        records.append_audit(&[entry("a", "three")]).await.unwrap();
        let newest = records.audit_before("a", None, 2).await.unwrap();
        let targets: Vec<_> = newest.iter().map(|row| &*row.entry.target).collect();
        assert_eq!(targets, ["three", "two"]);
        let rest = records.audit_before("a", Some(newest[1].seq), 9).await;
        assert_eq!(rest.unwrap()[0].entry.target, "one");
        let cut = &records.audit_before("b", None, 1).await.unwrap()[0];
        assert_eq!(cut.entry.target, "é".repeat(500));
        assert_eq!(records.audited_teams().await.unwrap(), ["a", "b"]);
        let chain = records.verify_audit("a").await.unwrap();
        assert_eq!(chain, Chain::Whole(3, newest[0].hash.clone()));
        assert!(matches!(
            records.verify_audit("b").await.unwrap(),
            Chain::Whole(1, _)
        ));
        let none = records.verify_audit("nobody").await.unwrap();
        assert_eq!(none, Chain::Whole(0, String::new()));
        records.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_side_by_side_make_one_chain() {
    for (_, config, _folder) in configs().await {
        let records = open(&config).await;
        let writers = (0..20).map(|writer| {
            let records = records.clone();
            tokio::spawn(async move {
                for n in 0..5 {
                    let (a, b) = (entry("a", &format!("{writer}.{n}")), entry("b", "x"));
                    records.append_audit(&[b, a]).await.unwrap();
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        for team in ["a", "b"] {
            let chain = records.verify_audit(team).await.unwrap();
            assert!(matches!(chain, Chain::Whole(100, _)), "{chain:?}");
        }
        records.close().await;
    }
}

/// Each of these is what somebody with access to the database could do.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_afterwards_is_found() {
    for (statement, broken) in [
        ("UPDATE audit SET actor = 'somebody else' WHERE seq = 2", 2),
        ("UPDATE audit SET status = 403 WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit", 1),
        ("UPDATE audit_heads SET seq = 2", 2),
    ] {
        for (_, config, _folder) in configs().await {
            let records = open(&config).await;
            let three = ["one", "two", "three"].map(|target| entry("a", target));
            records.append_audit(&three).await.unwrap();
            let mut database = sqlx::AnyConnection::connect(&url(&config)).await.unwrap();
            sqlx::query(statement).execute(&mut database).await.unwrap();
            let chain = records.verify_audit("a").await.unwrap();
            assert_eq!(chain, Chain::Broken(broken), "{statement}");
            database.close().await.unwrap();
            records.close().await;
        }
    }
}

async fn operators_log(app: &TestApp) -> Vec<(String, String, u16)> {
    let rows = app.app.records.audit_before("", None, 100).await.unwrap();
    rows.into_iter()
        .rev()
        .map(|row| (row.entry.action, row.entry.target, row.entry.status))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_the_log_before_it_is_answered_and_a_result_never() {
    let app = TestApp::start().await;
    let path = "/internal/v1/teams/new_team";
    app.call("PUT", path, json!({"name": "New"})).await;
    app.call("PUT", path, json!({"name": 5})).await;
    app.call("GET", path, Value::Null).await;
    let result = json!({"event_id": "e", "team_id": "new_team", "task_id": "t", "mode": "live",
                        "status": "completed", "response": {}});
    app.call("POST", "/internal/v1/results", result).await;
    let put = |status| {
        (
            "PUT /internal/v1/teams/{id}".to_owned(),
            path.to_owned(),
            status,
        )
    };
    assert_eq!(operators_log(&app).await, [put(201), put(400)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_known_caller_may_not_do_is_in_their_teams_log() {
    let app = TestApp::start().await;
    let records = &app.app.records;
    let key = records.add_api_key(TEAM, Mode::Live, 1).await.unwrap();
    let path = "/internal/v1/teams/team_b";
    let refused = app
        .send("PUT", path, "application/json", "{}", Some(&key))
        .await;
    assert_eq!(refused.status, 401);
    let nobody = app.send("PUT", path, "application/json", "{}", None).await;
    assert_eq!(nobody.status, 401);
    let log = records.audit_before(TEAM, None, 9).await.unwrap();
    assert_eq!(log.len(), 1);
    assert!(log[0].entry.actor.starts_with("key "), "{log:?}");
    assert!(!log[0].entry.actor.contains(&key));
    assert!(operators_log(&app).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_reads_its_own_log_page_by_page() {
    let app = TestApp::start().await;
    let admin = app.person(TEAM, "ana@x.test", Role::Admin).await;
    for mode in ["live", "test", "live"] {
        let body = json!({"mode": mode});
        app.call_as(&admin, "POST", "/account/v1/keys", body).await;
    }
    let read = async |query: &str| {
        let path = format!("/account/v1/audit?{query}");
        let answer = app.call_as(&admin, "GET", &path, Value::Null).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    let first = read("limit=2").await;
    assert_eq!(first["entries"][0]["seq"], 3);
    assert_eq!(first["entries"][0]["actor"], "person ana@x.test");
    assert_eq!(first["entries"][0]["status"], 201);
    let second = read(&format!("limit=2&before={}", first["next_before"])).await;
    assert_eq!(second["entries"][0]["seq"], 1);
    assert_eq!(second["next_before"], Value::Null);
    let none = app.call_as(&admin, "GET", "/account/v1/audit?limit=0", Value::Null);
    assert_eq!(none.await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_and_proves_the_log() {
    let home = Home::make("");
    let gateway = home.serve();
    gateway.put_team(json!({"name": "Kites"})).await;
    let text = |arguments: &[&str]| {
        let told = home.run(arguments);
        let text = String::from_utf8(told.stdout).unwrap();
        (told.status.success(), text)
    };
    let (_, listed) = text(&["audit", "list"]);
    assert!(listed.contains("producer tests"), "{listed}");
    assert!(listed.contains("/internal/v1/teams/team_a"), "{listed}");
    assert!(listed.contains("from 127.0.0.1"), "{listed}");
    let (whole, verified) = text(&["audit", "verify"]);
    assert!(
        whole && verified.contains("(operator): whole, 2 entries"),
        "{verified}"
    );
    let url = format!("sqlite://{}", home.data().join("records.db").display());
    sqlx::any::install_default_drivers();
    let mut database = sqlx::AnyConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE audit SET actor = 'nobody'")
        .execute(&mut database)
        .await
        .unwrap();
    let (whole, verified) = text(&["audit", "verify"]);
    assert!(
        !whole && verified.contains("BROKEN at entry 1"),
        "{verified}"
    );
    gateway.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_asks_too_often_is_told_when_to_come_again() {
    let app = TestApp::with(|config| {
        config.api.caller_requests_per_s = 1;
        config.api.caller_requests_burst = 3;
    })
    .await;
    let key = |name| app.app.records.add_api_key(TEAM, name, 1);
    let (one, other) = (
        key(Mode::Live).await.unwrap(),
        key(Mode::Test).await.unwrap(),
    );
    let ask = async |key: &str| {
        let path = "/internal/v1/dead-letters";
        app.send("GET", path, "application/json", "", Some(key))
            .await
    };
    // Refused anyway, and counted: a stolen key must not be tried out at leisure.
    let mut answer = ask(&one).await;
    while answer.status == 401 {
        answer = ask(&one).await;
    }
    assert_eq!(answer.status, 429);
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    assert_eq!(
        ask(&other).await.status,
        401,
        "each key has a bucket of its own"
    );
}
